// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace simplon::offline {

struct PortFile {
  std::string port;
  std::string path;
};

struct PortMac {
  std::string port;
  MacAddress mac;
};

struct StaticNeighbor {
  std::string port;
  uint16_t vlan = 0;
  Ipv6Address address;  // IPv4-mapped for IPv4
  MacAddress mac;
};

// The PoP's system clock jumps `by_s` seconds, `after_ns` after the first frame.
struct ClockStep {
  int64_t by_s = 0;
  uint64_t after_ns = 0;
};

struct Options {
  std::string config;
  std::string snapshot;
  std::string write_snapshot;
  std::vector<PortFile> inputs, outputs;
  std::vector<PortMac> macs;
  std::vector<StaticNeighbor> neighbors;
  // Paths; "-": standard output; empty: none.
  std::string counters, events, endpoints, errors;
  bool resolve_all = false;
  bool explain = false;
  bool stand_still = false;  // --speed 0
  unsigned burst = 1;
  uint64_t linger_ns = 0;
  // The PoP's system clock: at the first frame, or less the captures' time.
  std::optional<int64_t> clock_at_s;
  int64_t clock_offset_ns = 0;
  std::optional<ClockStep> clock_step;
};

// Empty: `error` says what is wrong with which argument; or `--help` was given and `error` is
// empty.
std::optional<Options> parse_options(int argc, char** argv, std::string& error);

extern const char kUsage[];

}  // namespace simplon::offline
