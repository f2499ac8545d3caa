// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/reassembly.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ecn.h"

namespace simplon {
namespace {

constexpr uint32_t kMaxIpv4Packet = 65'535;

std::size_t offset_of(const Ipv4Header& ip) {
  return std::size_t{ip.flags_fragment.value() & 0x1fffu} * 8;
}

bool more_follow(const Ipv4Header& ip) {
  return (ip.flags_fragment.value() & kIpv4MoreFragments) != 0;
}

// Is there a tunnel with this far end and this near end.
bool is_endpoint(const ForwardingTable& table, const Ipv4Header& ip) {
  const PopRecord& pop = table.snapshot.pop();
  const Ipv6Address local = Ipv6Address::from_ipv4(ip.destination);
  for (uint32_t index = 0; index < pop.local_address_count; ++index) {
    if (Ipv6Address::from_bytes(pop.local_addresses[index]) == local &&
        !table.snapshot
             .outer_index_find(Ipv6Address::from_ipv4(ip.source), static_cast<uint8_t>(index))
             .empty()) {
      return true;
    }
  }
  return false;
}

}  // namespace

Reassembler::Reassembler(Exits& exits) : exits_(exits) {
  datagrams_.resize(kMaxDatagrams);
  payloads_.resize(kMaxDatagrams);
}

void Reassembler::set_held(std::size_t held) {
  held_ = held;
  exits_.counters().set(WorkerCounter::kHeldReassembly, held);
}

Reassembler::Datagram* Reassembler::find(const Ipv4Header& ip) {
  for (Datagram& d : datagrams_) {
    if (d.used && d.id == ip.id.value() && d.source == ip.source &&
        d.destination == ip.destination) {
      return &d;
    }
  }
  return nullptr;
}

Reassembler::Datagram* Reassembler::begin(const Ipv4Header& ip) {
  uint16_t own = 0;
  Datagram* own_oldest = nullptr;
  Datagram* largest = nullptr;  // the oldest of the source that has most
  Datagram* free = nullptr;
  for (Datagram& d : datagrams_) {
    if (!d.used) {
      if (free == nullptr) free = &d;
      continue;
    }
    if (largest == nullptr || d.share > largest->share ||
        (d.share == largest->share && d.begun_ns < largest->begun_ns)) {
      largest = &d;
    }
    if (d.source != ip.source) continue;
    ++own;
    // Refused ones hold nothing: they go first.
    if (own_oldest == nullptr || d.refused > own_oldest->refused ||
        (d.refused == own_oldest->refused && d.begun_ns < own_oldest->begun_ns)) {
      own_oldest = &d;
    }
  }
  if (own >= kMaxPerSource) {
    refuse(*own_oldest, DropReason::kReassemblyQuota, false);
    free = own_oldest;
    --own;
  } else if (free == nullptr) {
    // Without more than that it would push out its equal.
    if (largest == nullptr || largest->share <= own + 1) return nullptr;
    refuse(*largest, DropReason::kReassemblyQuota, false);
    free = largest;
  }
  for (Datagram& d : datagrams_) {
    if (d.used && d.source == ip.source) ++d.share;
  }
  free->used = true;
  free->refused = false;
  free->source = ip.source;
  free->destination = ip.destination;
  free->id = ip.id.value();
  free->begun_ns = exits_.now();
  free->share = static_cast<uint16_t>(own + 1);
  free->length = 0;
  free->received = 0;
  free->piece_count = 0;
  free->any_ce = false;
  free->any_not_ect = false;
  free->blocks.reset();
  return free;
}

void Reassembler::refuse(Datagram& d, DropReason reason, bool keep) {
  if (d.piece_count != 0) {
    exits_.counters().drop(reason, d.piece_count);
    set_held(held_ - d.piece_count);
    d.piece_count = 0;
  }
  d.refused = true;
  if (!keep) end(d);
}

void Reassembler::end(Datagram& d) {
  d.used = false;
  for (Datagram& other : datagrams_) {
    if (other.used && other.source == d.source) --other.share;
  }
}

void Reassembler::handle(const ForwardingTable& table, Packet& packet) {
  const Ipv4Header ip = *packet.at<Ipv4Header>(packet.network);
  if (ip.protocol != kProtocolIpv6) {
    exits_.drop(packet, DropReason::kProtocolUnsupported);
    return;
  }
  if (!is_endpoint(table, ip)) {
    exits_.drop(packet, DropReason::kReassemblyUnowned);
    return;
  }
  const std::span<const uint8_t> bytes{packet.at<uint8_t>(packet.network + ip.header_length()),
                                       ip.total_length.value() - ip.header_length()};
  const std::size_t end = offset_of(ip) + bytes.size();
  if (bytes.empty() || (more_follow(ip) && bytes.size() % 8 != 0) ||
      end + sizeof(Ipv4Header) > kMaxIpv4Packet) {
    // Ping of death and the like: nothing of that datagram is to be trusted.
    if (Datagram* d = find(ip)) refuse(*d, DropReason::kReassemblyInvalid, true);
    exits_.drop(packet, DropReason::kReassemblyInvalid);
    return;
  }
  Datagram* d = find(ip);
  if (d == nullptr) d = begin(ip);
  if (d == nullptr) {
    exits_.drop(packet, DropReason::kReassemblyQuota);
    return;
  }
  if (d->refused || is_duplicate(*d, ip, bytes)) {
    exits_.drop(packet, DropReason::kReassemblyInvalid);
    return;
  }
  if (end + sizeof(Ipv4Header) > kMaxDatagram || d->piece_count == kMaxFragments) {
    refuse(*d, DropReason::kReassemblyQuota, true);
    exits_.drop(packet, DropReason::kReassemblyQuota);
    return;
  }
  if (!add(*d, ip, bytes)) {
    refuse(*d, DropReason::kReassemblyInvalid, true);
    exits_.drop(packet, DropReason::kReassemblyInvalid);
    return;
  }
  if (d->length != 0 && d->received == d->length) {
    complete(table, *d, packet);
    return;
  }
  ++d->piece_count;
  set_held(held_ + 1);
  exits_.release(packet);
}

bool Reassembler::is_duplicate(const Datagram& d, const Ipv4Header& ip,
                               std::span<const uint8_t> bytes) const {
  for (std::size_t i = 0; i < d.piece_count; ++i) {
    const Piece& p = d.pieces[i];
    if (p.begin == offset_of(ip) && p.end == p.begin + bytes.size()) {
      return std::memcmp(&payload(d)[p.begin], bytes.data(), bytes.size()) == 0;
    }
  }
  return false;
}

bool Reassembler::add(Datagram& d, const Ipv4Header& ip, std::span<const uint8_t> bytes) {
  const std::size_t begin = offset_of(ip);
  const std::size_t end = begin + bytes.size();
  if (d.length != 0 && (end > d.length || !more_follow(ip))) return false;
  if (!more_follow(ip)) {
    for (std::size_t i = 0; i < d.piece_count; ++i) {
      if (d.pieces[i].end > end) return false;
    }
    d.length = static_cast<uint16_t>(end);
  }
  for (std::size_t block = begin / 8; block < (end + 7) / 8; ++block) {
    if (d.blocks.test(block)) return false;  // overlap: RFC 5722's rule, for IPv4 too
    d.blocks.set(block);
  }
  // piece_count is raised by handle(), for pieces that wait.
  d.pieces[d.piece_count] = {static_cast<uint16_t>(begin), static_cast<uint16_t>(end)};
  d.received = static_cast<uint16_t>(d.received + bytes.size());
  std::memcpy(&payload(d)[begin], bytes.data(), bytes.size());
  if (begin == 0) d.header = ip;
  const auto ecn = static_cast<Ecn>(ip.tos & 3);
  d.any_ce |= ecn == Ecn::kCe;
  d.any_not_ect |= ecn == Ecn::kNotEct;
  return true;
}

void Reassembler::complete(const ForwardingTable& table, Datagram& d, Packet& last) {
  if (d.any_ce && d.any_not_ect) {  // RFC 3168 5.3
    refuse(d, DropReason::kReassemblyInvalid, false);
    exits_.drop(last, DropReason::kReassemblyInvalid);
    return;
  }
  Packet whole;
  if (!exits_.allocate(whole)) {
    refuse(d, DropReason::kNoBuffer, false);
    exits_.drop(last, DropReason::kNoBuffer);
    return;
  }
  const std::size_t total = sizeof(Ipv4Header) + d.length;
  whole.port = last.port;
  whole.interface = last.interface;
  whole.length = static_cast<uint16_t>(total);
  whole.tailroom = static_cast<uint16_t>(whole.tailroom - total);
  auto* ip = whole.at<Ipv4Header>(0);
  *ip = d.header;
  ip->version_ihl = 0x45;  // options have been looked at and mean nothing here
  ip->total_length = static_cast<uint16_t>(total);
  ip->flags_fragment = uint16_t{0};
  if (d.any_ce) ip->tos |= static_cast<uint8_t>(Ecn::kCe);
  ip->checksum = uint16_t{0};
  ip->checksum = ipv4_header_checksum(*ip);
  std::memcpy(whole.data + sizeof(Ipv4Header), payload(d).data(), d.length);

  // The last fragment lives on as the datagram, the others end here.
  exits_.release(last);
  exits_.counters().add(WorkerCounter::kConsumed, d.piece_count);
  exits_.counters().add(WorkerCounter::kReassembled);
  set_held(held_ - d.piece_count);
  end(d);
  receive_ipv4(exits_.context(), table, whole);
  exits_.finish(table, whole);
}

void Reassembler::tick() {
  for (Datagram& d : datagrams_) {
    if (d.used && exits_.now() - d.begun_ns >= kTimeout) {
      refuse(d, DropReason::kReassemblyTimeout, false);
    }
  }
}

void Reassembler::flush() {
  for (Datagram& d : datagrams_) {
    if (d.used) refuse(d, DropReason::kReassemblyTimeout, false);
  }
}

}  // namespace simplon
