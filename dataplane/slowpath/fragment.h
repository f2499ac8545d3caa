// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Sends IPv4 packets larger than the link's MTU in pieces (RFC 791 2.3, RFC 4213 3.2.1,
// docs/protocols.md §2.4). Slow-path thread.

#pragma once

#include "dataplane/slowpath/exits.h"

namespace simplon {

class Fragmenter {
 public:
  // Of one packet: a packet of the largest MTU over a link of 576 bytes takes fewer.
  static constexpr std::size_t kMaxPieces = 16;

  explicit Fragmenter(Exits& exits) : exits_(exits) {}

  // An IPv4 packet of our own, complete at `packet.network` and without a link header.
  void handle(const ForwardingTable& table, Packet& packet);

 private:
  Exits& exits_;
};

}  // namespace simplon
