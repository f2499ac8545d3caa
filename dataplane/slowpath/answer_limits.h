// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How much the PoP answers (docs/protocols.md §4.3). One thread. Times are nanoseconds of a
// monotonic clock.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/state/token_bucket.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

// What a bucket lets through at once: a tenth of a second's worth, so that no second carries much
// more than the rate, but not less than a traceroute needs.
constexpr uint32_t burst_of(uint32_t rate) {
  return std::max(rate / 10, std::min(rate, uint32_t{10}));
}

// A bucket for the PoP and one for each tunnel, all with the same rate. Both must have a token. The
// tunnel's is asked first, so that one tunnel over its own rate takes nothing from the others.
// Eight bytes per slot; grows to the largest slot seen, at most kMaxSlots.
class AnswerLimit {
 public:
  // Rates per second; 0 lets nothing through.
  void set_rates(uint32_t in_all, uint32_t per_tunnel);

  // `slot`: kNoSlot if no tunnel is concerned.
  bool take(uint32_t slot, uint64_t now_ns);

 private:
  bool take_of_tunnel(uint32_t slot, uint64_t now_ns);

  uint32_t rate_in_all_ = 0;
  uint32_t rate_per_tunnel_ = 0;
  TokenBucket in_all_;
  uint64_t interval_ns_ = 0;  // between two tokens of a tunnel; 0: never
  uint64_t capacity_ns_ = 0;
  std::vector<uint64_t> paid_until_ns_;  // by slot, as in TokenBucket
};

// Bytes sent in answer to input nobody has authenticated never exceed the bytes received and this
// burst, so that the PoP is of no use to amplify a flood.
class AnswerCredit {
 public:
  static constexpr uint64_t kBurst = uint64_t{64} * 1024;

  void received(uint64_t bytes) { credit_ = std::min(credit_ + bytes, kBurst); }
  bool spend(uint64_t bytes) {
    if (bytes > credit_) return false;
    credit_ -= bytes;
    return true;
  }

 private:
  uint64_t credit_ = kBurst;
};

// The limits of one PoP, shared by whatever answers.
struct Limits {
  static constexpr uint32_t kEchoPerSecond = 20'000;
  static constexpr uint32_t kEchoPerSecondPerTunnel = 5'000;

  Limits() { echo.set_rates(kEchoPerSecond, kEchoPerSecondPerTunnel); }

  AnswerLimit errors;  // ICMP errors of both versions
  AnswerLimit echo;    // echo replies of both versions
  AnswerCredit credit;
};

}  // namespace simplon
