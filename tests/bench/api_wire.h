// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The other end of the dataplane's port: a tap device in a network namespace of this process.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "dataplane/net/address.h"

namespace simplon::bench {

class Wire {
 public:
  static constexpr const char* kDevice = "simplon-bench";

  // Leaves the network namespace: call it before other threads start. Null: not allowed.
  static bool isolate();

  Wire();
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // From now on IPv6 packets to `destination` come from the native side, one each 200 µs, until
  // the next call; none: no more.
  void send_to(std::optional<Ipv6Address> destination);
  // When the first packet for that destination left towards a client; none within `patience`:
  // nullopt.
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> first_arrival(std::chrono::milliseconds patience);

 private:
  void send();
  void receive();
  void answer_arp(const uint8_t* frame);

  int fd_ = -1;
  uint8_t mac_[6] = {};  // of the dataplane's port
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Ipv6Address> destination_;
  std::optional<Clock::time_point> arrival_;
  std::atomic<bool> stop_{false};
  std::thread sender_;
  std::thread receiver_;
};

}  // namespace simplon::bench
