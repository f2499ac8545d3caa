// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/tunnel_route.h"

#include <algorithm>

#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/gre.h"

namespace simplon {
namespace {

std::size_t overhead_of(const TunnelSlot& slot, const Endpoint& endpoint) {
  const bool ipv4 = endpoint.address.is_ipv4_mapped();
  const std::size_t ip = ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  switch (static_cast<TunnelKind>(slot.kind)) {
    case TunnelKind::kGre:
      return ip + gre_header_size(gre_flags(slot));
    case TunnelKind::kIpv6Tunnel:
      return ip + (slot.encapsulation_limit != 0 ? kIpv6OptionsUnit : 0);
    default:
      if (endpoint.transport == Transport::kProto41) return ip;
      return ipv4 ? kAyiyaOverheadIpv4 : kAyiyaOverheadIpv6;
  }
}

Endpoint configured_endpoint(const TunnelSlot& slot) {
  return {.address = Ipv6Address::from_bytes(slot.remote),
          .local_index = slot.local_index,
          .up = true,
          .verified = true};
}

// What was learned at an address of the PoP's that it has no longer, or another family's is in the
// place of, could be answered from nowhere.
bool ends_here(const PopRecord& pop, const Endpoint& endpoint) {
  const auto local = Ipv6Address::from_bytes(pop.local_addresses[endpoint.local_index]);
  if (endpoint.address.is_ipv4_mapped()) [[likely]]
    return local.is_ipv4_mapped();
  return !local.is_ipv4_mapped() && !local.is_unspecified();
}

NextHop next_hop_of(const LinkTable& links, const Endpoint& endpoint) {
  // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): members are made in their order
  if (!endpoint.up) return {};
  return endpoint.address.is_ipv4_mapped() ? links.route_ipv4(endpoint.address.ipv4())
                                           : links.route_ipv6(endpoint.address);
}

}  // namespace

TunnelRoute tunnel_route(const RuntimeTable& runtime, const ForwardingTable& table, uint32_t slot) {
  const TunnelSlot& tunnel = table.snapshot.slot(slot);
  const bool dynamic = is_dynamic(static_cast<TunnelKind>(tunnel.kind));
  // Each part is made where it stays: copying what has just been stored piece by piece would stall.
  TunnelRoute route{.endpoint = dynamic ? endpoint_of(runtime, table.snapshot, slot)
                                        : configured_endpoint(tunnel),
                    .next_hop = next_hop_of(table.links, route.endpoint),
                    .mtu = tunnel.mtu};
  if (dynamic) route.endpoint.up &= ends_here(table.snapshot.pop(), route.endpoint);
  if (!route.endpoint.up) return route;
  route.overhead = static_cast<uint16_t>(overhead_of(tunnel, route.endpoint));
  // What is static over IPv4 has been cut to the link by control, or goes out in fragments.
  const bool fits_as_configured = !dynamic && route.endpoint.address.is_ipv4_mapped();
  if (!fits_as_configured && route.next_hop.interface != kNoInterfaceIndex) {
    const std::size_t link = table.links.interfaces()[route.next_hop.interface].mtu;
    const std::size_t room = std::max(link - route.overhead, kIpv6MinimumMtu);
    route.mtu = static_cast<uint16_t>(std::min<std::size_t>(tunnel.mtu, room));
  }
  return route;
}

bool carries_ipv4(const TunnelSlot& slot, const Endpoint& endpoint) {
  switch (static_cast<TunnelKind>(slot.kind)) {
    case TunnelKind::kGre:
    case TunnelKind::kIpv6Tunnel:
      return true;
    case TunnelKind::kAyiya:
    case TunnelKind::kDynamic:
      return endpoint.transport == Transport::kAyiya;
    default:
      return false;
  }
}

}  // namespace simplon
