// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// UDP to the PoP: heartbeats (docs/protocols.md §7) and AYIYA (§8).

#include <cstring>
#include <string_view>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/classify.h"

namespace simplon {
namespace {

constexpr std::size_t kMaxBeat = 255;  // docs/protocols.md §7.3
constexpr std::string_view kBeatPrefix = "HEARTBEAT TUNNEL ";

// Sum over pseudo header and datagram; all ones for a good one.
bool udp_sums_up(const Packet& packet, std::size_t length) {
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

void classify_beat(Batch& batch, Packet& packet, std::size_t length) {
  WorkerContext& context = batch.context;
  const std::size_t size = length - sizeof(UdpHeader);
  const auto* text = packet.at<char>(packet.transport + sizeof(UdpHeader));
  if (size > kMaxBeat || !std::string_view(text, size).starts_with(kBeatPrefix)) {
    drop(context, batch.table, packet, DropReason::kBeatMalformed);
    return;
  }
  const Ipv6Address source = outer_source(packet);
  if (!context.new_beats.take(source, context.now_ns)) {
    drop(context, batch.table, packet, DropReason::kBeatPoliced);
    return;
  }
  punt(context, packet, PuntClass::kNewBeat);
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
  if (port != kPortAyiya && port != kPortHeartbeat) {
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
