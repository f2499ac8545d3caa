// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How often is too often (docs/protocols.md §13.4). Each call returns how long the caller has to
// wait; zero: it may go on. What is remembered is bounded, whoever asks. Thread: any.

#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include "control/net/recent_map.h"
#include "dataplane/net/address.h"

namespace simplon::control {

class UpdateLimits {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::seconds;

  static constexpr Seconds kWindow{600};
  static constexpr uint32_t kDefaultUnchanged = 10;
  static constexpr uint32_t kDefaultChanges = 30;
  // Wrong keys for one tunnel from one source, in a window.
  static constexpr uint32_t kFailures = 10;
  // Requests of one source: so many at once, then so many a second.
  static constexpr uint32_t kBurst = 60;
  static constexpr uint32_t kRequestsPerSecond = 2;

  // `source` everywhere: an address; counted by source_of().

  Seconds take_request(const Ipv6Address& source, Clock::time_point now);

  // A wrong key locks out its source from this tunnel, not the tunnel's owner elsewhere.
  // `tunnel` 0: whatever is none.
  Seconds check_failures(const Ipv6Address& source, uint32_t tunnel, Clock::time_point now);
  void count_failure(const Ipv6Address& source, uint32_t tunnel, Clock::time_point now);
  void forget_failures(const Ipv6Address& source, uint32_t tunnel);

  // One update by the tunnel's owner, which changes something or not. `most`: of this sort in a
  // window.
  Seconds take_update(uint32_t tunnel, bool changes, uint32_t most, Clock::time_point now);

 private:
  static constexpr std::size_t kRemembered = 65536;

  // Counts from the first event on, for one window.
  struct Count {
    Clock::time_point since{};
    uint32_t events = 0;

    bool over(Clock::time_point now) const { return events == 0 || now - since >= kWindow; }
    Seconds left(Clock::time_point now) const;
    void add(Clock::time_point now);
  };
  struct Bucket {
    bool used = false;
    double tokens = kBurst;
    Clock::time_point filled{};
  };
  using Failure = std::pair<Ipv6Address, uint32_t>;
  using Update = std::pair<uint32_t, bool>;

  std::mutex mutex_;
  RecentMap<Ipv6Address, Bucket> requests_{kRemembered};
  RecentMap<Failure, Count> failures_{kRemembered};
  RecentMap<Update, Count> updates_{kRemembered};
};

}  // namespace simplon::control
