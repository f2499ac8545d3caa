// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/tunnel_event.h"

#include <google/protobuf/util/time_util.h>

#include "control/clock.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

void print_endpoint(const uint8_t (&address)[16], uint16_t port, v1::Endpoint& out) {
  out.set_address(print_outer_address(Ipv6Address::from_bytes(address)));
  out.set_port(port);
}

bool is_unspecified(const uint8_t (&address)[16]) {
  return Ipv6Address::from_bytes(address).is_unspecified();
}

}  // namespace

std::string print_outer_address(const Ipv6Address& address) {
  if (address.is_unspecified()) return {};
  return address.is_ipv4_mapped() ? address.ipv4().to_string() : address.to_string();
}

v1::Transport transport_of(Transport transport) {
  return transport == Transport::kAyiya ? v1::TRANSPORT_AYIYA : v1::TRANSPORT_PROTO41;
}

bool print_tunnel_event(const TunnelEvent& event, v1::WatchResponse::TunnelEvent& out) {
  if (event.kind == 0 || !v1::WatchResponse::TunnelEvent::Kind_IsValid(event.kind)) return false;
  out.set_kind(v1::WatchResponse::TunnelEvent::Kind(event.kind));
  if (!is_unspecified(event.address)) {
    print_endpoint(event.address, event.port, *out.mutable_endpoint());
    out.mutable_endpoint()->set_transport(transport_of(Transport(event.transport & 1)));
  }
  if (!is_unspecified(event.old_address)) {
    print_endpoint(event.old_address, event.old_port, *out.mutable_old_endpoint());
  }
  if (TunnelEventKind(event.kind) == TunnelEventKind::kClockStep) {
    *out.mutable_clock_step() = TimeUtil::SecondsToDuration(int32_t(event.count));
  } else {
    out.set_count(event.count);
  }
  *out.mutable_dataplane_time() = timestamp(int64_t(event.unix_ns));
  return true;
}

}  // namespace simplon::control
