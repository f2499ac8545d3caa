// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/connection_counts.h"

#include <spdlog/spdlog.h>

#include "control/config/outer_address.h"
#include "control/net/source.h"

namespace simplon::control {
namespace {

constexpr std::chrono::seconds kLogInterval{60};

}  // namespace

ConnectionCounts::Place ConnectionCounts::take(const Ipv6Address& peer) {
  const Ipv6Address source = source_of(peer);
  const auto found = per_source_.find(source);
  if (all_ >= most_ || (found != per_source_.end() && found->second >= most_per_source_)) {
    log_refusal(source);
    return {};
  }
  ++all_;
  ++per_source_[source];
  return {*this, source};
}

void ConnectionCounts::give_back(const Ipv6Address& source) {
  --all_;
  const auto found = per_source_.find(source);
  if (--found->second == 0) per_source_.erase(found);
}

void ConnectionCounts::log_refusal(const Ipv6Address& source) {
  ++refused_;
  const auto now = std::chrono::steady_clock::now();
  if (now - refusal_logged_ <= kLogInterval) return;
  refusal_logged_ = now;
  spdlog::warn("event=connections_refused server={} count={} last_source={} open={}", server_,
               std::exchange(refused_, 0), to_outer_text(source), all_);
}

}  // namespace simplon::control
