// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv6 packets addressed to the PoP: echo, neighbour discovery in tunnels, and the refusal of
// everything else (docs/protocols.md §4.5-§4.7). Slow-path thread.

#pragma once

#include <span>

#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/extension_headers.h"
#include "dataplane/slowpath/icmpv6_error.h"
#include "dataplane/slowpath/neighbor.h"
#include "dataplane/slowpath/owners.h"
#include "dataplane/slowpath/prober.h"

namespace simplon {

class LocalIpv6 {
 public:
  LocalIpv6(Exits& exits, Limits& limits, Icmpv6Errors& errors, Neighbors& neighbors,
            Prober& prober, const Owners& owners)
      : exits_(exits),
        limits_(limits),
        errors_(errors),
        neighbors_(neighbors),
        prober_(prober),
        owners_(owners) {}

  // `packet.inner` and `inner_length` are set and inside the packet; `network` differs from `inner`
  // if it came by a tunnel, which is found here if `in_slot` does not name it.
  void handle(const ForwardingTable& table, Packet& packet);

 private:
  // False: dropped.
  bool check_tunnel(const ForwardingTable& table, Packet& packet, const DeliveredChain& chain);
  bool check_uplink(const ForwardingTable& table, Packet& packet, bool solicitation);

  void icmpv6(const ForwardingTable& table, Packet& packet, const DeliveredChain& chain);
  void received_error(const ForwardingTable& table, Packet& packet,
                      std::span<const uint8_t> message);
  void echo(const ForwardingTable& table, Packet& packet, const DeliveredChain& chain);
  void solicitation_in_tunnel(const ForwardingTable& table, Packet& packet,
                              std::span<const uint8_t> message);

  Exits& exits_;
  Limits& limits_;
  Icmpv6Errors& errors_;
  Neighbors& neighbors_;
  Prober& prober_;
  const Owners& owners_;
};

// The PoP's link-local address on a tunnel: fe80:: with the tunnel's local IPv4 address (RFC
// 4213 3.7), or with the lower half of its local IPv6 address.
Ipv6Address tunnel_link_local(const RuntimeTable& runtime, const ForwardingTable& table,
                              uint32_t slot);

}  // namespace simplon
