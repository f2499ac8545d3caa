// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The forwarding pipeline (docs/protocols.md §1-§6). Plain functions over a batch in a fixed order,
// run to completion:
//
//   classify -> ayiya_receive -> resolve -> decap -> route -> write -> ayiya_sign
//
// where write() encapsulates and puts the link header there
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
// the rest default; the first line of each frame had better be on its way into the cache. Counts
// drops, tunnels and what the stages do; the front end counts rx_packets and tx_packets, and frees
// or passes on by verdict.
void process_burst(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst);

// Routes one IPv6 packet the PoP made (`originated`), which stands at `packet.inner`: into a tunnel
// or out of an interface. Its source is not checked and its hop limit stays. With `out_slot` set it
// goes into that tunnel wherever it is addressed to, as link-local answers must.
void send_ipv6(WorkerContext& context, const ForwardingTable& table, Packet& packet);

// Sends one IPv4 packet that stands complete at `packet.network` as it is: into the tunnel its
// destination belongs to, or into `out_slot` if that is set, else out of the interface it is
// reached by. For what the PoP made, and for the pieces of a packet of kOversize: where that stood
// with `network` equal to `inner` its tunnel is still ahead of it, and each piece is sent with the
// same `out_slot`, the first with its `in_slot` too.
void send_ipv4(WorkerContext& context, const ForwardingTable& table, Packet& packet);

// Puts the link header before the IP packet at `packet.network`; verdict kTransmit, or kPunt
// kUnresolved.
void send_on_link(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                  const NextHop& next_hop);

// Sends one packet of a tunnel that stands at `packet.network` with its outer header complete, of
// either family and without a fragment header, through classification and decapsulation, as
// process_burst does: for reassembled packets.
void receive_carrier(WorkerContext& context, const ForwardingTable& table, Packet& packet);

}  // namespace simplon
