// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/tunnel_census.h"

#include <vector>

#include "control/clock.h"

namespace simplon::control {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

TunnelCensus::Count& line_of(Carrier carrier, TunnelCensus& census) {
  switch (carrier) {
    case Carrier::kAyiya:
      return census.ayiya;
    case Carrier::kGre:
      return census.gre;
    default:
      return census.direct;
  }
}

}  // namespace

TunnelCensus::Count TunnelCensus::total() const {
  return {direct.configured + ayiya.configured + gre.configured,
          direct.online + ayiya.online + gre.online, direct.active + ayiya.active + gre.active};
}

TunnelCensus take_census(const ServiceContext& context) {
  const std::vector<RuntimeBook::Standing> standings = context.runtime.standings();
  std::vector<uint32_t> ids;
  ids.reserve(standings.size());
  for (const RuntimeBook::Standing& standing : standings) ids.push_back(standing.tunnel_id);
  const std::vector<uint32_t> last_in = context.counters.last_in_unix(ids);
  const bool connected = context.publisher.connected();
  const int64_t active_since = unix_now_ns() / kSecondNs - kActiveWithinS;
  TunnelCensus census;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    TunnelCensus::Count& line = line_of(standings[i].carrier, census);
    ++line.configured;
    line.online += connected && standings[i].up ? 1 : 0;
    line.active += last_in[i] >= active_since ? 1 : 0;
  }
  return census;
}

}  // namespace simplon::control
