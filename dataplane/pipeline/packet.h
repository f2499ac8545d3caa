// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A packet on its way through the pipeline: a view of one contiguous buffer the front end owns (an
// rte_mbuf, a slot of the offline tool's pool), with what has been found out about it. The core
// never allocates or frees a buffer.

#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/net/headers.h"
#include "dataplane/state/drop_reason.h"
#include "dataplane/state/punt_class.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

inline constexpr std::size_t kMaxBurst = 64;

// Bytes a front end keeps free in front of a received frame: VLAN tag, IPv6, UDP and AYIYA headers,
// with room to spare.
inline constexpr std::size_t kRequiredHeadroom = 112;

// What the routed packet came in.
enum class Encapsulation : uint8_t {
  kNone,     // native
  kProto41,  // IPv6 in IPv4 or IPv6
  kProto4,   // IPv4 in IPv6
  kGre,
  kAyiya,
};

enum class Verdict : uint8_t {
  kPending,
  kTransmit,  // `data`, `length` are the frame to send, on `port`
  kDrop,      // counted under `reason`; the front end frees the buffer
  kConsumed,  // ended here as intended, counted as consumed; the front end frees the buffer
  // For the slow path, by `punt_class`. Bytes are as received, except for kUnresolved and
  // kOversize, which carry the rewritten packet with its outermost IP header at `network`.
  kPunt,
};

struct alignas(64) Packet {
  uint8_t* data = nullptr;  // first byte of the frame: its Ethernet header
  void* buffer = nullptr;   // the front end's handle
  uint16_t length = 0;      // bytes from data
  uint16_t headroom = 0;    // bytes free before data
  uint16_t tailroom = 0;    // bytes free after data + length
  uint16_t network = 0;     // offset of the outermost IP header
  // Offset of the IP header that is routed; equal to `network` for native packets.
  uint16_t inner = 0;
  uint16_t inner_length = 0;    // bytes of that packet by its own length field, header included
  uint32_t in_slot = kNoSlot;   // tunnel it came from, once verified; kNoSlot: uplink or ourselves
  uint32_t out_slot = kNoSlot;  // tunnel it goes into, once looked up; kNoSlot: uplink or local
  uint8_t port = 0;             // received on; once kTransmit: to be sent on
  uint8_t interface = 0xff;     // index in PopRecord::interfaces it came in by
  Verdict verdict = Verdict::kPending;
  DropReason reason =
      DropReason::kFrameMalformed;  // of kDrop, and of kPunt with PuntClass::kIcmpError
  PuntClass punt_class = PuntClass::kLocal;
  bool originated = false;  // made by the PoP: no source check, no hop limit decrement, never
                            // answered by an error
  Encapsulation encapsulation = Encapsulation::kNone;
  bool outer_ipv6 = false;  // family of the header at `network` of a carrier
  bool inner_ipv4 = false;  // family of the header at `inner`
  // The port has summed up the UDP datagram that the outermost IP header carries, as it came in:
  // its checksum is right. False: nobody has, or the port finds it wrong.
  bool udp_summed = false;
  // Offset of what the outer IP header (and its extension headers) carries: UDP, GRE.
  uint16_t transport = 0;
  // Tunnel an error is booked on where in_slot and out_slot are not set (yet).
  uint32_t blame = kNoSlot;
  int32_t detail = 0;  // LedgerRecord::detail

  template <typename Header>
  Header* at(std::size_t offset) {
    return reinterpret_cast<Header*>(data + offset);
  }
  template <typename Header>
  const Header* at(std::size_t offset) const {
    return reinterpret_cast<const Header*>(data + offset);
  }

  // The front end mirrors `data` and `length` into its buffer once, after the verdict.
  void prepend(std::size_t bytes) {
    data -= bytes;
    length = static_cast<uint16_t>(length + bytes);
    headroom = static_cast<uint16_t>(headroom - bytes);
  }
  void remove_front(std::size_t bytes) {
    data += bytes;
    length = static_cast<uint16_t>(length - bytes);
    headroom = static_cast<uint16_t>(headroom + bytes);
  }
  void truncate(std::size_t bytes) {
    tailroom = static_cast<uint16_t>(tailroom + length - bytes);
    length = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(Packet) == 64);

}  // namespace simplon
