// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv4 addressed to the PoP that is no tunnel's: echo, errors about our own packets, and, where the
// operator wants it, protocol unreachable (docs/protocols.md §5); and the errors about IPv4 inside
// tunnels (§11.3). Slow-path thread.

#pragma once

#include <span>

#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/owners.h"

namespace simplon {

class Icmpv4 {
 public:
  Icmpv4(Exits& exits, Limits& limits, const Owners& owners)
      : exits_(exits), limits_(limits), owners_(owners) {}

  // An IPv4 packet of protocol 1 at `packet.network`, header checked.
  void handle(const ForwardingTable& table, Packet& packet);

  // Drops an IPv4 packet at `packet.network` by `reason`, and answers it with protocol unreachable
  // if the configuration says so (RFC 4213 3.6, RFC 792).
  void refuse(const ForwardingTable& table, Packet& packet, DropReason reason);

  // Drops an inner IPv4 packet at `packet.inner`, as received, by `reason` and, where one is owed
  // and the limits allow it, sends the ICMPv4 error the reason stands for: back into the tunnel it
  // came from, or out of the uplink (docs/protocols.md §11.3).
  void answer_inner(const ForwardingTable& table, Packet& packet, DropReason reason);

 private:
  void echo(const ForwardingTable& table, Packet& packet);
  void received_error(const ForwardingTable& table, Packet& packet,
                      std::span<const uint8_t> message);
  void send_inner_error(const ForwardingTable& table, const Packet& offending, Ipv4Address from,
                        uint8_t type, uint8_t code, uint32_t rest);
  void send_unreachable(const ForwardingTable& table, const Packet& offending);

  Exits& exits_;
  Limits& limits_;
  const Owners& owners_;
};

}  // namespace simplon
