// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Does the PoP answer outside, before there is any device: an ICMPv6 echo request, encapsulated by
// hand, after the beats of the type.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "client/tunnel_info.h"

namespace simplon::client {

struct OuterProbe {
  enum class Kind : uint8_t {
    kAnswered,
    kSilence,
    kDisbelieved,   // something came from the PoP that was not good; `detail`
    kRefused,       // it cannot be sent, or an ICMPv4 error came back
    kNotPermitted,  // needs root
    kCancelled,
  };
  Kind kind = Kind::kSilence;
  double milliseconds = 0;
  std::string detail{};
};

// Must not run beside a client that has the tunnel up: its beats move the endpoint of an AYIYA
// tunnel. Blocks at most attempts times timeout, or until `cancel_fd` is readable.
OuterProbe probe_outside(const TunnelInfo& tunnel, Ipv4Address pop,
                         std::optional<Ipv4Address> local, int cancel_fd,
                         std::chrono::milliseconds timeout = std::chrono::milliseconds(1500),
                         int attempts = 4);

}  // namespace simplon::client
