// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The forwarding pipeline (docs/protocols.md §1-§6). Plain functions over a batch in a fixed order,
// run to completion:
//
//   classify -> decap_proto41 -> route -> encap_proto41 -> link output
//
// No byte of a packet changes before its verdict is known, so drops and punts always see what was
// received. Worker thread of the context, or the slow path's with its own context. No allocation,
// lock, system call, exception or log.

#pragma once

#include <span>

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/pipeline/worker_context.h"

namespace simplon {

// Gives every packet of a received burst (at most kMaxBurst) a verdict; frames to send are
// rewritten in place. On entry `data`, `length`, `headroom`, `tailroom`, `port`, `buffer` are set,
// the rest default. Counts drops, tunnels and what the stages do; the front end counts rx_packets
// and tx_packets, and frees or passes on by verdict.
void process_burst(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst);

// Routes one IPv6 packet that stands at `packet.inner` (bytes before it are headroom to be used
// up): into a tunnel or out of an interface. For packets the PoP makes (`originated`) and those it
// puts together.
void send_ipv6(WorkerContext& context, const ForwardingTable& table, Packet& packet);

// Sends one IPv4 packet that stands at `packet.network` out of the interface its destination is
// reached by.
void send_ipv4(WorkerContext& context, const ForwardingTable& table, Packet& packet);

// Puts the link header before the IP packet at `packet.network`; verdict kTransmit, or kPunt
// kUnresolved.
void send_on_link(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                  const NextHop& next_hop);

// Sends one proto-41 packet that stands at `packet.network` with its outer header complete through
// classification and decapsulation, as process_burst does: for reassembled packets.
void receive_ipv4(WorkerContext& context, const ForwardingTable& table, Packet& packet);

}  // namespace simplon
