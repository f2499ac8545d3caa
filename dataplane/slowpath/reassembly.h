// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Puts outer packets of tunnels together from fragments, IPv4 (RFC 791 3.2, RFC 4213 3.6) and IPv6
// (RFC 8200 4.5): docs/protocols.md §2.6. Memory is fixed: fragments are copied into datagram
// buffers of the reassembler's own and their packet buffers freed at once, so that nobody can tie
// up the ports' buffers. Slow-path thread.

#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/net/ecn.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/owners.h"

namespace simplon {

class Reassembler {
 public:
  // Header included. An inner packet of 1500 bytes and then some; what the front end's buffers
  // hold.
  static constexpr std::size_t kMaxDatagram = 2000;
  static constexpr std::size_t kMaxDatagrams = 256;
  // A source may have this many unfinished; beyond, its own oldest goes. When all are taken, the
  // oldest goes of the source that has most, if that is more than the one that asks.
  static constexpr std::size_t kMaxPerSource = 8;
  // Of sources that are no tunnel's endpoint (yet): clients that speak UDP may begin with
  // fragments. All of them together; beyond, their oldest goes.
  static constexpr std::size_t kMaxOfStrangers = 16;
  static constexpr std::size_t kMaxFragments = 16;  // of one datagram; more are tiny on purpose
  static constexpr uint64_t kTimeout = 30'000'000'000;

  Reassembler(Exits& exits, const Owners& owners);

  // A fragment at `packet.network`, destination ours; of IPv4 the header is checked, of IPv6 the
  // fragment header follows the fixed one. The fragment that completes a datagram becomes it and
  // goes through the pipeline.
  void handle(const ForwardingTable& table, Packet& packet);

  void tick();
  void flush();

 private:
  // As it came, of either family.
  struct Fragment {
    bool ipv6 = false;
    Ipv6Address source, destination;  // IPv4-mapped for IPv4
    uint32_t id = 0;
    uint8_t protocol = 0;  // what has been cut
    std::size_t offset = 0;
    bool more = false;
    Ecn ecn = Ecn::kNotEct;
    std::span<const uint8_t> header;  // fixed part
    std::span<const uint8_t> bytes;

    std::size_t end() const { return offset + bytes.size(); }
    // RFC 8200 4.5 has no protocol among what tells datagrams apart, RFC 791 has.
    uint8_t key_protocol() const { return ipv6 ? uint8_t{0} : protocol; }
  };

  struct Piece {
    uint16_t begin, end;  // bytes of payload
  };

  struct Datagram {
    bool used = false;
    bool refused = false;  // keeps only the key, so that what follows is refused too
    bool stranger = false;
    uint8_t key_protocol = 0;
    uint8_t protocol = 0;  // of the first fragment
    Ipv6Address source, destination;
    uint32_t id = 0;
    uint64_t begun_ns = 0;
    uint16_t length = 0;  // of the payload; 0: last fragment not seen
    uint16_t received = 0;
    uint16_t share = 0;  // datagrams its source has here, this one included
    uint8_t piece_count = 0;
    // RFC 3168 5.3
    bool any_ce = false, any_not_ect = false;
    std::array<uint8_t, sizeof(Ipv6Header)> header{};  // of the first fragment, fixed part
    std::array<Piece, kMaxFragments> pieces;
    std::bitset<kMaxDatagram / 8> blocks;  // units of 8 bytes that are there
  };
  using Payload = std::array<uint8_t, kMaxDatagram>;

  static bool parse(const Packet& packet, Fragment& fragment);
  // May this source have fragments put together; why not.
  bool is_welcome(const ForwardingTable& table, const Fragment& f, bool& stranger,
                  DropReason& reason) const;
  Datagram* find(const Fragment& f);
  Datagram* begin(const Fragment& f, bool stranger);
  void end(Datagram& d);
  Payload& payload(const Datagram& d) { return payloads_[&d - datagrams_.data()]; }
  const Payload& payload(const Datagram& d) const { return payloads_[&d - datagrams_.data()]; }
  // Drops its pieces by `reason`; `keep`: and whatever else comes of it.
  void refuse(Datagram& d, DropReason reason, bool keep);
  // Copies the fragment in. False: the datagram cannot be.
  bool add(Datagram& d, const Fragment& f);
  bool is_duplicate(const Datagram& d, const Fragment& f) const;
  void complete(const ForwardingTable& table, Datagram& d, Packet& last);
  // A whole packet behind a fragment header (RFC 6946): never mixed with others.
  void pass_atomic(const ForwardingTable& table, const Fragment& f, Packet& packet);
  // Into an empty buffer: header and room for `length` bytes of payload.
  static uint8_t* make_whole(Packet& whole, std::span<const uint8_t> header, bool ipv6,
                             uint8_t protocol, bool any_ce, std::size_t length);
  void receive(const ForwardingTable& table, Packet& whole);
  void set_held(std::size_t held);

  Exits& exits_;
  const Owners& owners_;
  std::size_t held_ = 0;
  std::size_t of_strangers_ = 0;
  // Apart from their bytes, so that the scans for each fragment stay in the cache.
  std::vector<Datagram> datagrams_;
  std::vector<Payload> payloads_;
};

}  // namespace simplon
