// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Who has to wait before the next login is looked at (docs/protocols.md §9.6). Failures are counted
//
//   - per account and source together: `max_failures` are free;
//   - per source, whatever the account: four times as many; per IPv6 /48 sixteen times. A source
//     from which the account logged in before is not held to these;
//   - per account, whatever the source: after twenty times as many each further source has one
//     attempt instead of `max_failures`. Nobody waits because of others' failures alone, so that
//     hammering an account does not lock its owner out.
//
// Each failure from then on doubles the wait, 10 seconds to 15 minutes; ten quiet minutes, or a
// login, and it is forgotten. Attempts made while waiting are not looked at and change nothing.
// Memory is bounded. Thread: one.

#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string_view>

#include "control/net/recent_map.h"
#include "dataplane/crypto/siphash.h"
#include "dataplane/net/address.h"

namespace simplon::control {

class LoginLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::seconds;

  static constexpr uint32_t kDefaultMaxFailures = 5;
  static constexpr Seconds kFirstWait{10};
  static constexpr Seconds kLongestWait{900};
  static constexpr Seconds kForgetAfter{600};
  static constexpr std::size_t kCapacity = 16384;  // of each kind

  explicit LoginLimiter(std::size_t capacity = kCapacity);

  // `account` as it was given, whether or not there is one; `max_failures` 0: the default.

  // How long until an attempt is looked at; 0: now.
  Seconds wait(std::string_view account, const Ipv6Address& peer, Clock::time_point now) const;
  // Returns what wait() is from now on.
  Seconds failed(std::string_view account, const Ipv6Address& peer, uint32_t max_failures,
                 Clock::time_point now);
  void succeeded(std::string_view account, const Ipv6Address& peer);

 private:
  struct Key {
    uint64_t account = 0;  // keyed hash of the name
    Ipv6Address source;

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Failures {
    uint32_t count = 0;
    Clock::time_point forget_at{};
    Clock::time_point wait_until{};
    bool trusted = false;  // logged in before; of pairs only
  };
  using Table = RecentMap<Key, Failures>;

  uint64_t hash(std::string_view account) const;
  uint32_t pair_limit(uint64_t account, uint32_t max_failures, Clock::time_point now) const;
  static void count(Failures& failures, uint32_t limit, Clock::time_point now);

  const SipKey key_;
  Table pairs_;
  Table sources_;
  Table networks_;
  Table accounts_;
};

}  // namespace simplon::control
