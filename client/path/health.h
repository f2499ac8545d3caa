// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a path knows of itself, for `status` (see PathHealth in client/tunnel_path.h). Written by
// the path's thread, read by any.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "client/path/inner_packet.h"
#include "client/tunnel_path.h"

namespace simplon::client {

// Seconds since 1970.
int64_t unix_now();

class Health {
 public:
  // `expects_packets`: the packets go through us, so we know when none come.
  explicit Health(bool expects_packets) : expects_packets_(expects_packets) {}

  void beat_sent();
  // An empty `why`: sending works again.
  void sending_failed(std::string why);
  void sent(uint64_t packets) { sent_.fetch_add(packets, std::memory_order_relaxed); }
  void lost(uint64_t packets) { lost_.fetch_add(packets, std::memory_order_relaxed); }
  void received(uint64_t packets);
  void refused(const Opened& opened);

  int64_t last_beat() const { return last_beat_.load(std::memory_order_relaxed); }
  PathHealth read() const;

 private:
  std::string problem(int64_t now) const;

  const bool expects_packets_;
  const int64_t since_ = unix_now();
  // Each is a number by itself: readers need no order among them.
  std::atomic<int64_t> last_beat_ = 0;
  std::atomic<int64_t> last_received_ = 0;
  std::atomic<uint64_t> sent_ = 0;
  std::atomic<uint64_t> lost_ = 0;
  std::atomic<uint64_t> received_ = 0;
  std::atomic<bool> failing_ = false;   // cannot_send_ is not empty
  std::atomic<bool> refusing_ = false;  // the last packet was refused
  mutable std::mutex mutex_;            // of what follows
  std::array<uint64_t, kRefusals> refused_{};
  Refusal last_refusal_ = Refusal::kNone;
  int64_t last_refused_ = 0;
  int32_t skew_s_ = 0;
  std::string cannot_send_;
};

}  // namespace simplon::client
