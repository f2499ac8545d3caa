// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA towards clients (docs/protocols.md §8): headers, and signatures of a whole burst at once.

#include "dataplane/pipeline/ayiya_send.h"

#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/encap.h"

namespace simplon {
namespace {

// The key of the password the client signs with. During a rotation that may be the one before.
const uint8_t* key_of(const SnapshotView& view, const TunnelSlot& slot, const Endpoint& endpoint) {
  if (endpoint.previous_secret && (slot.options & kTunnelOptionRotation) != 0) [[unlikely]] {
    const TunnelCold* cold = view.cold(static_cast<uint32_t>(&slot - view.slots()));
    if (cold != nullptr) return cold->previous_sha1;
  }
  return slot.secret_sha1;
}

}  // namespace

// RFC 768, RFC 8200 8.1. A sum of zero is sent as all ones.
void put_udp_checksum(Packet& packet, std::size_t udp_at) {
  auto* udp = packet.at<UdpHeader>(udp_at);
  const std::span<const uint8_t> datagram(packet.at<uint8_t>(udp_at), udp->length.value());
  const auto length = static_cast<uint16_t>(datagram.size());
  uint64_t sum = 0;
  if (packet.outer_ipv6) {
    const auto* ip = packet.at<Ipv6Header>(packet.network);
    sum = ipv6_pseudo_sum(ip->source, ip->destination, length, kProtocolUdp);
  } else {
    const auto* ip = packet.at<Ipv4Header>(packet.network);
    sum = ipv4_pseudo_sum(ip->source, ip->destination, length, kProtocolUdp);
  }
  const Be16 checksum = checksum_finish(checksum_add(sum, datagram));
  udp->checksum = checksum.raw() == 0 ? Be16(0xffff) : checksum;
}

bool has_ayiya(const WorkerContext& context) {
  return context.ayiya != nullptr;
}

NextHop route_to(const ForwardingTable& table, const Endpoint& endpoint) {
  return endpoint.address.is_ipv4_mapped() ? table.links.route_ipv4(endpoint.address.ipv4())
                                           : table.links.route_ipv6(endpoint.address);
}

const uint8_t* put_ayiya_headers(WorkerContext& context, const ForwardingTable& table,
                                 Packet& packet, const AyiyaFrame& frame, const NextHop& next_hop) {
  const SnapshotView& view = table.snapshot;
  const Ipv6Address& remote = frame.endpoint.address;
  const bool ipv6 = !remote.is_ipv4_mapped();
  const std::optional<uint64_t> link_hi =
      view.link_hi(static_cast<uint32_t>(&frame.slot - view.slots()));
  if (next_hop.interface == kNoInterfaceIndex || !link_hi) [[unlikely]] {
    drop(context, table, packet, DropReason::kNoRoute);
    return nullptr;
  }
  const LinkInterface& link = table.links.interfaces()[next_hop.interface];
  const std::size_t overhead = ipv6 ? kAyiyaOverheadIpv6 : kAyiyaOverheadIpv4;
  const auto local =
      Ipv6Address::from_bytes(view.pop().local_addresses[frame.endpoint.local_index]);

  make_room(packet, overhead);
  packet.transport = static_cast<uint16_t>(overhead - sizeof(AyiyaHeader) - sizeof(UdpHeader));
  packet.outer_ipv6 = ipv6;
  packet.encapsulation = Encapsulation::kAyiya;
  if (ipv6) {
    write_outer_ipv6(packet, {local, remote, kProtocolUdp, frame.outer_tos, frame.slot.outer_ttl},
                     /*limit=*/0);
  } else {
    write_outer_ipv4(
        packet, {local.ipv4(), remote.ipv4(), kProtocolUdp, frame.outer_tos, frame.slot.outer_ttl},
        fragmentation(context, frame.slot, link, overhead));
  }
  auto& udp = *packet.at<UdpHeader>(packet.transport);
  udp.source_port = kPortAyiya;
  udp.destination_port = frame.endpoint.port;
  udp.length = static_cast<uint16_t>(packet.inner + packet.inner_length - packet.transport);
  udp.checksum = uint16_t{0};
  auto& ayiya = *packet.at<AyiyaHeader>(packet.transport + sizeof(UdpHeader));
  set_ayiya_form(ayiya, frame.operation, frame.next_header);
  ayiya.epoch = context.time.unix_s();
  ayiya.tunnel = Ipv6Address::from_halves(*link_hi, 1);
  return key_of(view, frame.slot, frame.endpoint);
}

Sha1Job ayiya_signature_job(Packet& packet, const uint8_t* key) {
  auto* header = packet.at<AyiyaHeader>(packet.transport + sizeof(UdpHeader));
  return {reinterpret_cast<uint8_t*>(header), sizeof(AyiyaHeader) + packet.inner_length,
          header->signature.data(), key};
}

void send_signed(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                 const NextHop& next_hop, NextHopMemo& memo) {
  if (packet.outer_ipv6 || (table.snapshot.pop().flags & kPopAyiyaUdpChecksum) != 0) {
    put_udp_checksum(packet, packet.transport);
  }
  context.counters.add(WorkerCounter::kAyiyaSent);
  const std::size_t total = packet.inner + std::size_t{packet.inner_length};
  if (total > table.links.interfaces()[next_hop.interface].mtu) [[unlikely]] {
    // The PoP makes no fragments of IPv6; only a link too narrow for its tunnels asks for them.
    packet.outer_ipv6 ? drop(context, table, packet, DropReason::kPacketTooBig)
                      : punt(context, packet, PuntClass::kOversize);
    return;
  }
  output(context, table, packet, next_hop, memo);
}

void ayiya_encapsulate(Batch& batch, std::size_t index, const TunnelSlot& slot,
                       const Endpoint& endpoint, uint8_t outer_tos) {
  Packet& packet = batch.packets[index];
  if (!has_ayiya(batch.context)) [[unlikely]] {
    drop(batch.context, batch.table, packet, DropReason::kAyiyaNotAllowed);
    return;
  }
  const uint8_t next_header = packet.inner_ipv4 ? kProtocolIpv4 : kProtocolIpv6;
  const AyiyaFrame frame{slot, endpoint, outer_tos, AyiyaOperation::kForward, next_header};
  const NextHop& next_hop = batch.way(index).next_hop;
  if (const uint8_t* key = put_ayiya_headers(batch.context, batch.table, packet, frame, next_hop)) {
    batch.context.ayiya->to_sign[index] = {key, next_hop};
    batch.unsigned_packets[batch.unsigned_count++] = static_cast<uint8_t>(index);
  }
}

void ayiya_sign(Batch& batch) {
  AyiyaWorker& worker = *batch.context.ayiya;
  for (unsigned n = 0; n < batch.unsigned_count; ++n) {
    const uint8_t index = batch.unsigned_packets[n];
    worker.jobs[n] = ayiya_signature_job(batch.packets[index], worker.to_sign[index].key);
  }
  worker.sha1().run(std::span(worker.jobs).first(batch.unsigned_count));
  NextHopMemo memo;
  for (unsigned n = 0; n < batch.unsigned_count; ++n) {
    const uint8_t index = batch.unsigned_packets[n];
    send_signed(batch.context, batch.table, batch.packets[index], worker.to_sign[index].next_hop,
                memo);
  }
  batch.unsigned_count = 0;
}

}  // namespace simplon
