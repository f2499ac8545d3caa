// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// mbuf <-> Packet. A Packet is a view of the mbuf's only segment; what the pipeline did to the view
// goes back into the mbuf once, before transmission. Any thread that owns the mbuf.

#pragma once

#include <rte_mbuf.h>

#include <cstring>

#include "dataplane/pipeline/packet.h"

namespace simplon {

// Every mbuf of ours has room for a Packet, and the generation of the table it was looked up in,
// with which it travels over the punt rings.
inline constexpr uint16_t kMbufPrivateSize = sizeof(Packet) + sizeof(uint64_t);
static_assert(kMbufPrivateSize % RTE_MBUF_PRIV_ALIGN == 0);
static_assert(RTE_PKTMBUF_HEADROOM >= kRequiredHeadroom);

inline void to_packet(rte_mbuf* mbuf, uint8_t port, Packet& packet) {
  packet = Packet{};
  packet.data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  packet.buffer = mbuf;
  packet.length = mbuf->data_len;
  packet.headroom = rte_pktmbuf_headroom(mbuf);
  packet.tailroom = rte_pktmbuf_tailroom(mbuf);
  packet.port = port;
}

// Of a frame as its port received it: the port found the checksum of the datagram in it right. What
// it finds of fragments and inside tunnels concerns other datagrams than the outermost.
inline bool is_udp_summed(const rte_mbuf* mbuf) {
  return (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

inline rte_mbuf* mbuf_of(const Packet& packet) {
  return static_cast<rte_mbuf*>(packet.buffer);
}

// The mbuf as the pipeline left it.
inline rte_mbuf* to_mbuf(const Packet& packet) {
  rte_mbuf* mbuf = mbuf_of(packet);
  mbuf->data_off = static_cast<uint16_t>(packet.data - static_cast<const uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = packet.length;
  mbuf->pkt_len = packet.length;
  mbuf->ol_flags = 0;
  return mbuf;
}

struct PuntedPacket {
  Packet packet;
  uint64_t generation;  // of the table `packet`'s slots and interface are of
};

inline void store_punt(const Packet& packet, uint64_t generation) {
  auto* area = static_cast<uint8_t*>(rte_mbuf_to_priv(mbuf_of(packet)));
  std::memcpy(area, &packet, sizeof packet);
  std::memcpy(area + sizeof packet, &generation, sizeof generation);
}

inline PuntedPacket stored_punt(rte_mbuf* mbuf) {
  const auto* area = static_cast<const uint8_t*>(rte_mbuf_to_priv(mbuf));
  PuntedPacket punt;
  std::memcpy(static_cast<void*>(&punt.packet), area, sizeof punt.packet);
  std::memcpy(&punt.generation, area + sizeof punt.packet, sizeof punt.generation);
  return punt;
}

}  // namespace simplon
