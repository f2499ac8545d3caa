// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The ICMPv6 errors the PoP makes (RFC 4443, docs/protocols.md §4.1-§4.4). Slow-path thread.

#pragma once

#include <optional>

#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/exits.h"

namespace simplon {

struct Icmpv6Error {
  uint8_t type;
  uint8_t code;
  uint32_t rest = 0;  // MTU or pointer
  // Owed though the packet went to a group (RFC 4443 2.4(e.3)): Packet Too Big and one kind of
  // Parameter Problem.
  bool even_multicast = false;
  // What stands in the destination is an address of the PoP, which then is the source of the error
  // (RFC 4443 2.2).
  bool addressed_to_pop = false;
};

class Icmpv6Errors {
 public:
  Icmpv6Errors(Exits& exits, Limits& limits) : exits_(exits), limits_(limits) {}

  // Drops `offending` (an IPv6 packet at `inner`, as received) by `reason` and, where one is owed
  // and the limits allow it, sends the error that the reason stands for.
  void answer(const ForwardingTable& table, Packet& offending, DropReason reason);

  // The same with an error the reason does not tell.
  void answer(const ForwardingTable& table, Packet& offending, DropReason reason,
              const Icmpv6Error& error);

 private:
  void send(const ForwardingTable& table, const Packet& offending, const Icmpv6Error& error);

  Exits& exits_;
  Limits& limits_;
};

// The error of a drop reason; nothing if none is owed by this configuration.
std::optional<Icmpv6Error> error_of(const RuntimeTable& runtime, const ForwardingTable& table,
                                    const Packet& offending, DropReason reason);

// RFC 4443 2.4(e): may there be an error about this packet at all.
bool may_be_answered(const Packet& offending, const Icmpv6Error& error);

}  // namespace simplon
