// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "dataplane/net/address.h"

namespace simplon::client {

struct PingRequest {
  Ipv6Address target;
  std::string device{};        // out of this one; empty: wherever the route leads
  uint32_t packet_size = 104;  // bytes of the IPv6 packet, header included; never fragmented
  std::chrono::milliseconds timeout{2000};
  int attempts = 1;    // one after the other until one is answered
  int cancel_fd = -1;  // ends it once readable
};

struct PingResult {
  enum class Kind : uint8_t {
    kAnswered,
    kSilence,
    kRefused,       // an error came back, or this host has no route
    kTooBig,        // for this host's device, or for a router, which says `mtu`
    kNotPermitted,  // needs root
    kCancelled,
  };
  Kind kind = Kind::kSilence;
  double milliseconds = 0;
  uint32_t mtu = 0;
  std::string detail{};  // for people, what came back

  bool answered() const { return kind == Kind::kAnswered; }
};

// ICMPv6 echo (RFC 4443 section 4). Any thread; blocks at most attempts times timeout.
PingResult ping(const PingRequest& request);

}  // namespace simplon::client
