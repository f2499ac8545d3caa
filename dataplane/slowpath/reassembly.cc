// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/reassembly.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/slowpath/outer_header.h"

namespace simplon {
namespace {

constexpr std::size_t kMaxPayload = 65'535;

struct FragmentHeader {  // RFC 8200 4.5
  uint8_t next_header;
  uint8_t reserved;
  Be16 offset_more;  // 13 bits offset in units of 8 bytes, 2 reserved, M
  Be32 id;
};
static_assert(sizeof(FragmentHeader) == 8);

}  // namespace

Reassembler::Reassembler(Exits& exits, const Owners& owners) : exits_(exits), owners_(owners) {
  datagrams_.resize(kMaxDatagrams);
  payloads_.resize(kMaxDatagrams);
}

bool Reassembler::parse(const Packet& packet, Fragment& f) {
  const auto outer = outer_header(packet);
  if (!outer) return false;
  f.source = outer->source;
  f.destination = outer->destination;
  const auto* begin = packet.at<uint8_t>(packet.network);
  f.ipv6 = *begin >> 4 == 6;
  if (!f.ipv6) {
    const auto* ip = packet.at<Ipv4Header>(packet.network);
    const uint16_t flags = ip->flags_fragment.value();
    f.id = ip->id.value();
    f.protocol = ip->protocol;
    f.offset = std::size_t{flags & 0x1fffu} * 8;
    f.more = (flags & kIpv4MoreFragments) != 0;
    f.ecn = static_cast<Ecn>(ip->tos & 3);
    f.header = {begin, sizeof(Ipv4Header)};
    f.bytes = {begin + ip->header_length(), outer->length - ip->header_length()};
    return true;
  }
  constexpr std::size_t kHeaders = sizeof(Ipv6Header) + sizeof(FragmentHeader);
  if (outer->protocol != kProtocolFragment || outer->length < kHeaders) return false;
  const auto* ip = packet.at<Ipv6Header>(packet.network);
  const auto* fragment = packet.at<FragmentHeader>(packet.network + sizeof(Ipv6Header));
  f.id = fragment->id.value();
  f.protocol = fragment->next_header;
  f.offset = fragment->offset_more.value() & 0xfff8u;
  f.more = (fragment->offset_more.value() & 1) != 0;
  f.ecn = static_cast<Ecn>(ip->traffic_class() & 3);
  f.header = {begin, sizeof(Ipv6Header)};
  f.bytes = {begin + kHeaders, outer->length - kHeaders};
  return true;
}

bool Reassembler::is_welcome(const ForwardingTable& table, const Fragment& f, bool& stranger,
                             DropReason& reason) const {
  reason = DropReason::kProtocolUnsupported;
  switch (f.protocol) {
    case kProtocolIpv6:
    case kProtocolGre:
    case kProtocolUdp:
      break;
    case kProtocolIpv4:
    case kProtocolDestinationOptions:
      if (!f.ipv6) return false;
      break;
    default:
      return false;
  }
  if (f.protocol == kProtocolUdp && f.offset == 0 && f.bytes.size() >= sizeof(UdpHeader)) {
    const uint16_t port =
        reinterpret_cast<const UdpHeader*>(f.bytes.data())->destination_port.value();
    if (port != kPortAyiya && port != kHeartbeatPort) return false;
  }
  const uint8_t local = table.links.local_index(f.destination);
  stranger = local == kNoLocalIndex || !owners_.any(table, f.source, local);
  // The others carry no proof of who sent them, and must come from where the tunnel ends.
  reason = DropReason::kReassemblyUnowned;
  return !stranger || (f.protocol == kProtocolUdp && local != kNoLocalIndex);
}

void Reassembler::set_held(std::size_t held) {
  held_ = held;
  exits_.counters().set(WorkerCounter::kHeldReassembly, held);
}

Reassembler::Datagram* Reassembler::find(const Fragment& f) {
  for (Datagram& d : datagrams_) {
    if (d.used && d.id == f.id && d.key_protocol == f.key_protocol() && d.source == f.source &&
        d.destination == f.destination) {
      return &d;
    }
  }
  return nullptr;
}

Reassembler::Datagram* Reassembler::begin(const Fragment& f, bool stranger) {
  uint16_t own = 0;
  Datagram* own_oldest = nullptr;
  Datagram* stranger_oldest = nullptr;
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
    if (d.stranger && (stranger_oldest == nullptr || d.begun_ns < stranger_oldest->begun_ns)) {
      stranger_oldest = &d;
    }
    if (d.source != f.source) continue;
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
  } else if (stranger && of_strangers_ >= kMaxOfStrangers) {
    if (stranger_oldest->source == f.source) --own;
    refuse(*stranger_oldest, DropReason::kReassemblyQuota, false);
    free = stranger_oldest;
  } else if (free == nullptr) {
    // Without more than that it would push out its equal.
    if (largest == nullptr || largest->share <= own + 1) return nullptr;
    refuse(*largest, DropReason::kReassemblyQuota, false);
    free = largest;
  }
  for (Datagram& d : datagrams_) {
    if (d.used && d.source == f.source) ++d.share;
  }
  if (stranger) ++of_strangers_;
  free->used = true;
  free->refused = false;
  free->stranger = stranger;
  free->key_protocol = f.key_protocol();
  free->protocol = f.protocol;
  free->source = f.source;
  free->destination = f.destination;
  free->id = f.id;
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
  if (d.stranger) --of_strangers_;
  for (Datagram& other : datagrams_) {
    if (other.used && other.source == d.source) --other.share;
  }
}

void Reassembler::handle(const ForwardingTable& table, Packet& packet) {
  Fragment f;
  if (!parse(packet, f)) {
    exits_.drop(packet, DropReason::kOuterMalformed);
    return;
  }
  bool stranger = false;
  DropReason reason{};
  if (!is_welcome(table, f, stranger, reason)) {
    exits_.drop(packet, reason);
    return;
  }
  if (f.offset == 0 && !f.more) {
    pass_atomic(table, f, packet);
    return;
  }
  const std::size_t limit = kMaxPayload - (f.ipv6 ? 0 : sizeof(Ipv4Header));
  if (f.bytes.empty() || (f.more && f.bytes.size() % 8 != 0) || f.end() > limit) {
    // Ping of death and the like: nothing of that datagram is to be trusted.
    if (Datagram* d = find(f)) refuse(*d, DropReason::kReassemblyInvalid, true);
    exits_.drop(packet, DropReason::kReassemblyInvalid);
    return;
  }
  Datagram* d = find(f);
  if (d == nullptr) d = begin(f, stranger);
  if (d == nullptr) {
    exits_.drop(packet, DropReason::kReassemblyQuota);
    return;
  }
  if (d->refused || is_duplicate(*d, f)) {
    exits_.drop(packet, DropReason::kReassemblyInvalid);
    return;
  }
  if (f.end() + f.header.size() > kMaxDatagram || d->piece_count == kMaxFragments) {
    refuse(*d, DropReason::kReassemblyQuota, true);
    exits_.drop(packet, DropReason::kReassemblyQuota);
    return;
  }
  if (!add(*d, f)) {
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

bool Reassembler::is_duplicate(const Datagram& d, const Fragment& f) const {
  for (std::size_t i = 0; i < d.piece_count; ++i) {
    const Piece& p = d.pieces[i];
    if (p.begin == f.offset && p.end == f.end()) {
      return std::memcmp(&payload(d)[p.begin], f.bytes.data(), f.bytes.size()) == 0;
    }
  }
  return false;
}

bool Reassembler::add(Datagram& d, const Fragment& f) {
  const std::size_t end = f.end();
  if (d.length != 0 && (end > d.length || !f.more)) return false;
  if (!f.more) {
    for (std::size_t i = 0; i < d.piece_count; ++i) {
      if (d.pieces[i].end > end) return false;
    }
    d.length = static_cast<uint16_t>(end);
  }
  for (std::size_t block = f.offset / 8; block < (end + 7) / 8; ++block) {
    if (d.blocks.test(block)) return false;  // overlap: RFC 5722's rule, for IPv4 too
    d.blocks.set(block);
  }
  // piece_count is raised by handle(), for pieces that wait.
  d.pieces[d.piece_count] = {static_cast<uint16_t>(f.offset), static_cast<uint16_t>(end)};
  d.received = static_cast<uint16_t>(d.received + f.bytes.size());
  std::memcpy(&payload(d)[f.offset], f.bytes.data(), f.bytes.size());
  if (f.offset == 0) {
    std::memcpy(d.header.data(), f.header.data(), f.header.size());
    d.protocol = f.protocol;
  }
  d.any_ce |= f.ecn == Ecn::kCe;
  d.any_not_ect |= f.ecn == Ecn::kNotEct;
  return true;
}

uint8_t* Reassembler::make_whole(Packet& whole, std::span<const uint8_t> header, bool ipv6,
                                 uint8_t protocol, bool any_ce, std::size_t length) {
  const std::size_t total = header.size() + length;
  whole.length = static_cast<uint16_t>(total);
  whole.tailroom = static_cast<uint16_t>(whole.tailroom - total);
  std::memcpy(whole.data, header.data(), header.size());
  constexpr auto kCe = static_cast<uint8_t>(Ecn::kCe);
  if (ipv6) {
    auto* ip = whole.at<Ipv6Header>(0);
    ip->payload_length = static_cast<uint16_t>(length);
    ip->next_header = protocol;
    if (any_ce) ip->set_traffic_class(ip->traffic_class() | kCe);
  } else {
    auto* ip = whole.at<Ipv4Header>(0);
    ip->version_ihl = 0x45;  // options have been looked at and mean nothing here
    ip->total_length = static_cast<uint16_t>(total);
    ip->flags_fragment = uint16_t{0};
    if (any_ce) ip->tos |= kCe;
    ip->checksum = uint16_t{0};
    ip->checksum = ipv4_header_checksum(*ip);
  }
  return whole.data + header.size();
}

void Reassembler::receive(const ForwardingTable& table, Packet& whole) {
  exits_.counters().add(WorkerCounter::kReassembled);
  receive_carrier(exits_.context(), table, whole);
  exits_.finish(table, whole);
}

void Reassembler::pass_atomic(const ForwardingTable& table, const Fragment& f, Packet& packet) {
  Packet whole;
  if (f.header.size() + f.bytes.size() > kMaxDatagram) {
    exits_.drop(packet, DropReason::kReassemblyQuota);
    return;
  }
  if (!exits_.allocate(whole)) {
    exits_.drop(packet, DropReason::kNoBuffer);
    return;
  }
  whole.port = packet.port;
  whole.interface = packet.interface;
  uint8_t* to = make_whole(whole, f.header, f.ipv6, f.protocol, false, f.bytes.size());
  std::memcpy(to, f.bytes.data(), f.bytes.size());
  exits_.release(packet);
  receive(table, whole);
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
  whole.port = last.port;
  whole.interface = last.interface;
  const bool ipv6 = !d.source.is_ipv4_mapped();
  const std::span<const uint8_t> header(d.header.data(),
                                        ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header));
  uint8_t* to = make_whole(whole, header, ipv6, d.protocol, d.any_ce, d.length);
  std::memcpy(to, payload(d).data(), d.length);

  // The last fragment lives on as the datagram, the others end here.
  exits_.release(last);
  exits_.counters().add(WorkerCounter::kConsumed, d.piece_count);
  set_held(held_ - d.piece_count);
  end(d);
  receive(table, whole);
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
