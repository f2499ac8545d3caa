// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// UDP to the PoP: heartbeats (docs/protocols.md §7) and AYIYA (§8).

#include "dataplane/net/ayiya.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/tunnel_route.h"

namespace simplon {
namespace {

// Sum over pseudo header and datagram; all ones for a good one.
bool udp_sums_up(const Packet& packet, std::size_t length) {
  if (packet.udp_summed) return true;
  const std::span<const uint8_t> datagram(packet.at<uint8_t>(packet.transport), length);
  uint64_t sum = 0;
  if (packet.outer_ipv6) {
    const auto* ip = packet.at<Ipv6Header>(packet.network);
    sum = ipv6_pseudo_sum(ip->source, ip->destination, static_cast<uint32_t>(length), kProtocolUdp);
  } else {
    const auto* ip = packet.at<Ipv4Header>(packet.network);
    sum = ipv4_pseudo_sum(ip->source, ip->destination, static_cast<uint16_t>(length), kProtocolUdp);
  }
  return checksum_fold(checksum_add(sum, datagram)) == 0xffff;
}

// Whether the beat comes from where its tunnel ends now. A flood of others shall not be in its way.
bool is_from_endpoint(const Batch& batch, const Heartbeat& beat, const Ipv6Address& source) {
  const SnapshotView& view = batch.table.snapshot;
  const uint32_t slot = view.find_slot(beat.identity.hi());
  if (slot == kNoSlot || !takes_beats(static_cast<TunnelKind>(view.slot(slot).kind))) return false;
  const Endpoint endpoint = endpoint_of(batch.context.runtime, view, slot);
  return endpoint.known() && endpoint.address == source;
}

void classify_beat(Batch& batch, Packet& packet, std::size_t length) {
  WorkerContext& context = batch.context;
  const auto beat = parse_heartbeat(
      {packet.at<uint8_t>(packet.transport + sizeof(UdpHeader)), length - sizeof(UdpHeader)});
  if (!beat) {
    drop(context, batch.table, packet, DropReason::kBeatMalformed);
    return;
  }
  const Ipv6Address source = outer_source(packet);
  if (is_from_endpoint(batch, *beat, source)) {
    punt(context, packet, PuntClass::kBeat);
  } else if (context.new_beats.take(source, context.now_ns)) {
    punt(context, packet, PuntClass::kNewBeat);
  } else {
    drop(context, batch.table, packet, DropReason::kBeatPoliced);
  }
}

}  // namespace

void classify_udp(Batch& batch, std::size_t index, std::size_t available) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  if (available < sizeof(UdpHeader)) {
    drop(context, batch.table, packet, DropReason::kUdpMalformed);
    return;
  }
  const auto* udp = packet.at<UdpHeader>(packet.transport);
  const uint16_t port = udp->destination_port.value();
  if (port != kPortAyiya && port != kHeartbeatPort) {
    if (packet.outer_ipv6) {
      punt(context, packet, PuntClass::kLocal);
    } else {
      drop(context, batch.table, packet, DropReason::kProtocolUnsupported);
    }
    return;
  }
  // What is behind the datagram in the IP packet is not looked at.
  const std::size_t length = udp->length.value();
  if (length < sizeof(UdpHeader) || length > available) {
    drop(context, batch.table, packet, DropReason::kUdpMalformed);
    return;
  }
  // None over IPv4 (RFC 768); over IPv6 there must be one (RFC 8200 8.1).
  const bool has_checksum = udp->checksum.raw() != 0;
  if (has_checksum ? !udp_sums_up(packet, length) : packet.outer_ipv6) {
    drop(context, batch.table, packet, DropReason::kUdpBadChecksum);
    return;
  }
  if (port == kPortAyiya) {
    batch.ayiya[batch.ayiya_count++] = static_cast<uint8_t>(index);
  } else {
    classify_beat(batch, packet, length);
  }
}

}  // namespace simplon
