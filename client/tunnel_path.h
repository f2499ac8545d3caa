// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What moves a tunnel's packets on this host: a device with its addresses and routes, beats where
// the type has them, and with `tun` the packets themselves. One per tunnel; its own thread calls
// all but stop().

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "client/settings.h"
#include "client/tunnel_info.h"

namespace simplon::client {

// How a path fares, for `status`. Times are seconds since 1970, 0: never.
struct PathHealth {
  // Packets that this process has moved; 0 where the kernel does. The device's own counters are in
  // /sys/class/net/DEVICE/statistics.
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t lost = 0;  // not taken by a full queue, or without a way to the PoP
  int64_t last_received = 0;
  // Packets from outside that were not believed.
  uint64_t refused = 0;
  int64_t last_refused = 0;
  // What is wrong at present and what to do, as one sentence; empty: nothing known.
  std::string problem;
};

class TunnelPath {
 public:
  // Chooses by type and Settings::path; nothing is changed on the host yet. `pop`: pop_ipv4,
  // resolved.
  static absl::StatusOr<std::unique_ptr<TunnelPath>> choose(const TunnelInfo& tunnel,
                                                            const Settings& settings,
                                                            Ipv4Address pop);

  TunnelPath() = default;
  TunnelPath(const TunnelPath&) = delete;
  TunnelPath& operator=(const TunnelPath&) = delete;
  virtual ~TunnelPath() = default;

  // Makes the device, its addresses and routes. On failure nothing is left behind. The error says
  // what was tried and what to do.
  virtual absl::Status up() = 0;
  // Sends beats and moves packets until stop(). Returns an error where going on makes no sense.
  virtual absl::Status run() = 0;
  // Thread: any, and signal handlers.
  virtual void stop() = 0;
  // Takes away what up() made. Idempotent.
  virtual void down() = 0;

  // Name of the device; valid once up() has succeeded.
  virtual std::string device() const = 0;
  // What carries packets, for people: "sit", "tun", "ayiya", or "none" where somebody else does.
  virtual std::string kind() const = 0;
  // When the last beat was sent, seconds since 1970; 0: none yet, or the type has none. Thread:
  // any.
  virtual int64_t last_beat() const = 0;
  // Thread: any.
  virtual PathHealth health() const = 0;
};

}  // namespace simplon::client
