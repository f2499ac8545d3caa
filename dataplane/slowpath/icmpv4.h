// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv4 addressed to the PoP that is no tunnel's: echo, errors about our own packets, and, where the
// operator wants it, protocol unreachable (docs/protocols.md §5). Slow-path thread.

#pragma once

#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/exits.h"

namespace simplon {

class Icmpv4 {
 public:
  Icmpv4(Exits& exits, Limits& limits) : exits_(exits), limits_(limits) {}

  // An IPv4 packet of protocol 1 at `packet.network`, header checked.
  void handle(const ForwardingTable& table, Packet& packet);

  // Drops an IPv4 packet at `packet.network` by `reason`, and answers it with protocol unreachable
  // if the configuration says so (RFC 4213 3.6, RFC 792).
  void refuse(const ForwardingTable& table, Packet& packet, DropReason reason);

 private:
  void echo(const ForwardingTable& table, Packet& packet);
  void send_unreachable(const ForwardingTable& table, const Packet& offending);

  Exits& exits_;
  Limits& limits_;
};

}  // namespace simplon
