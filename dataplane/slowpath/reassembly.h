// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Puts outer IPv4 packets of protocol 41 together from fragments (RFC 791 3.2, RFC 4213 3.6,
// docs/protocols.md §2.6). Memory is fixed: fragments are copied into datagram buffers of the
// reassembler's own and their packet buffers freed at once, so that nobody can tie up the ports'
// buffers. Slow-path thread.

#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/slowpath/exits.h"

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
  static constexpr std::size_t kMaxFragments = 16;  // of one datagram; more are tiny on purpose
  static constexpr uint64_t kTimeout = 30'000'000'000;

  explicit Reassembler(Exits& exits);

  // A fragment at `packet.network`, IPv4 header checked, destination ours. The fragment that
  // completes a datagram becomes it and goes through the pipeline.
  void handle(const ForwardingTable& table, Packet& packet);

  void tick();
  void flush();

 private:
  struct Piece {
    uint16_t begin, end;  // bytes of payload
  };

  struct Datagram {
    bool used = false;
    bool refused = false;  // keeps only the key, so that what follows is refused too
    Ipv4Address source, destination;
    uint16_t id = 0;
    uint64_t begun_ns = 0;
    uint16_t length = 0;  // of the payload; 0: last fragment not seen
    uint16_t received = 0;
    uint16_t share = 0;  // datagrams its source has here, this one included
    uint8_t piece_count = 0;
    // RFC 3168 5.3
    bool any_ce = false, any_not_ect = false;
    Ipv4Header header{};  // of the first fragment
    std::array<Piece, kMaxFragments> pieces;
    std::bitset<kMaxDatagram / 8> blocks;  // units of 8 bytes that are there
  };
  using Payload = std::array<uint8_t, kMaxDatagram>;

  Datagram* find(const Ipv4Header& ip);
  Datagram* begin(const Ipv4Header& ip);
  void end(Datagram& d);
  Payload& payload(const Datagram& d) { return payloads_[&d - datagrams_.data()]; }
  const Payload& payload(const Datagram& d) const { return payloads_[&d - datagrams_.data()]; }
  // Drops its pieces by `reason`; `keep`: and whatever else comes of it.
  void refuse(Datagram& d, DropReason reason, bool keep);
  // Copies the fragment in. False: the datagram cannot be.
  bool add(Datagram& d, const Ipv4Header& ip, std::span<const uint8_t> bytes);
  bool is_duplicate(const Datagram& d, const Ipv4Header& ip, std::span<const uint8_t> bytes) const;
  void complete(const ForwardingTable& table, Datagram& d, Packet& last);
  void set_held(std::size_t held);

  Exits& exits_;
  std::size_t held_ = 0;
  // Apart from their bytes, so that the scans for each fragment stay in the cache.
  std::vector<Datagram> datagrams_;
  std::vector<Payload> payloads_;
};

}  // namespace simplon
