// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Internal to the pipeline.

#pragma once

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/link_output.h"

namespace simplon {

struct AyiyaFrame {
  const TunnelSlot& slot;
  const Endpoint& endpoint;
  uint8_t outer_tos;
  AyiyaOperation operation;
  uint8_t next_header;
};

NextHop route_to(const ForwardingTable& table, const Endpoint& endpoint);

// Puts IP, UDP and AYIYA headers before the `inner_length` bytes at `inner`, outermost at
// `network`, with checksum and signature left open. The key to sign with, which lives as long as
// the snapshot; null: a verdict has been given instead.
const uint8_t* put_ayiya_headers(WorkerContext& context, const ForwardingTable& table,
                                 Packet& packet, const AyiyaFrame& frame, const NextHop& next_hop);

// What put_ayiya_headers() has left to be hashed; the digest goes into its place.
Sha1Job ayiya_signature_job(Packet& packet, const uint8_t* key);

// The UDP checksum of the datagram at `udp_at`, whose IP header is at `network`; it is 0 so far.
void put_udp_checksum(Packet& packet, std::size_t udp_at);

// With the signature in place: the UDP checksum where there is to be one, and off to the link.
void send_signed(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                 const NextHop& next_hop, NextHopMemo& memo);

// Whether the engine of this thread is there.
bool has_ayiya(const WorkerContext& context);

}  // namespace simplon
