// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <array>
#include <set>
#include <string_view>

#include "dataplane/state/conservation.h"
#include "dataplane/state/drop_reason.h"
#include "dataplane/state/punt_class.h"
#include "dataplane/state/token_bucket.h"
#include "dataplane/state/worker_counters.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

template <typename List>
void check_names(const List& list, std::string_view allowed) {
  std::set<std::string_view> seen;
  for (const auto& entry : list) {
    CAPTURE(entry.name);
    CHECK(seen.insert(entry.name).second);
    CHECK(entry.name.find_first_not_of(allowed) == std::string_view::npos);
    CHECK_FALSE(entry.help.empty());
  }
}

TEST_CASE("names are unique, lower case and explained") {
  check_names(kDropReasons, "abcdefghijklmnopqrstuvwxyz0123456789-");
  check_names(kPuntClasses, "abcdefghijklmnopqrstuvwxyz0123456789-");
  check_names(kWorkerCounters, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

TEST_CASE("a token bucket lets its burst through, then its rate") {
  TokenBucket bucket(1000, 10);
  const uint64_t start = 5'000'000'000;
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bucket.take(start);
  CHECK(taken == 10);
  for (int ms = 1; ms <= 1000; ++ms) taken += bucket.take(start + uint64_t(ms) * 1'000'000);
  CHECK(taken == 10 + 1000);
}

TEST_CASE("a token bucket never saves up more than its burst") {
  TokenBucket bucket(1000, 10);
  CHECK(bucket.take(1'000'000'000));
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bucket.take(3'600'000'000'000);
  CHECK(taken == 10);
}

TEST_CASE("a bucket of rate zero lets nothing through") {
  TokenBucket bucket(0, 100);
  CHECK_FALSE(bucket.take(1'000'000'000));
  CHECK_FALSE(TokenBucket().take(1'000'000'000));
}

TEST_CASE("the conservation law sums the columns and what is held between them") {
  std::array<uint64_t, kWorkerCounterCapacity> worker{};
  std::array<uint64_t, kWorkerCounterCapacity> slow{};
  WorkerCounters w(worker.data());
  WorkerCounters s(slow.data());
  w.add(WorkerCounter::kRxPackets, 10);
  w.add(WorkerCounter::kTxPackets, 5);
  w.drop(DropReason::kTunnelUnknown, 2);
  w.add(WorkerCounter::kPunted, 3);
  const std::array<const uint64_t*, 2> columns{worker.data(), slow.data()};
  CHECK(conservation(columns).held == 3);
  CHECK(conservation(columns).imbalance() == 0);

  s.add(WorkerCounter::kPuntsTaken, 3);
  CHECK(conservation(columns).imbalance() == 3);
  s.add(WorkerCounter::kConsumed, 1);
  s.set(WorkerCounter::kHeldNeighbor, 1);
  s.drop(DropReason::kHopLimitExceeded);
  s.add(WorkerCounter::kOriginated, 1);
  s.add(WorkerCounter::kTxPackets, 1);
  CHECK(conservation(columns).imbalance() == 0);
}

}  // namespace
}  // namespace simplon
