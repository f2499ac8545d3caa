// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/answer_limits.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;

uint64_t taken(AnswerLimit& limit, uint32_t slot, uint64_t from, uint64_t attempts,
               uint64_t interval) {
  uint64_t count = 0;
  for (uint64_t i = 0; i < attempts; ++i) count += limit.take(slot, from + i * interval) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a million attempts a second get the tunnel's rate and a tenth of it at once") {
  AnswerLimit limit;
  limit.set_rates(10'000, 100);
  const uint64_t n = taken(limit, 7, kStart, 1'000'000, 1000);
  CHECK(n >= 100);
  CHECK(n <= 111);
}

TEST_CASE("one tunnel over its rate takes nothing from another") {
  AnswerLimit limit;
  limit.set_rates(200, 100);
  taken(limit, 7, kStart, 100'000, 1000);
  CHECK(limit.take(8, kStart + kSecond / 10));
}

TEST_CASE("the PoP's rate holds over all tunnels") {
  AnswerLimit limit;
  limit.set_rates(50, 100);
  uint64_t n = 0;
  for (uint32_t slot = 0; slot < 5000; ++slot) n += limit.take(slot, kStart) ? 1 : 0;
  CHECK(n == 10);
}

TEST_CASE("a rate of zero lets nothing through") {
  AnswerLimit limit;
  limit.set_rates(100, 0);
  CHECK_FALSE(limit.take(1, kStart));
  CHECK(limit.take(kNoSlot, kStart));
  limit.set_rates(0, 100);
  CHECK_FALSE(limit.take(1, kStart));
  CHECK_FALSE(limit.take(kNoSlot, kStart));
}

TEST_CASE("a new rate holds at once") {
  AnswerLimit limit;
  limit.set_rates(10, 10);
  CHECK(taken(limit, kNoSlot, kStart, 100, 1) == 10);
  limit.set_rates(1000, 10);
  CHECK(taken(limit, kNoSlot, kStart, 1000, 1) == 100);
}

TEST_CASE("answers never exceed what was received and the burst") {
  AnswerCredit credit;
  uint64_t received = 0;
  uint64_t sent = 0;
  for (int i = 0; i < 100'000; ++i) {
    credit.received(62);
    received += 62;
    if (credit.spend(110)) sent += 110;
    REQUIRE(sent <= received + AnswerCredit::kBurst);
  }
  CHECK(sent > received / 2);
}

}  // namespace simplon
