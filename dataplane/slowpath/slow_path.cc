// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/slow_path.h"

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/fragment.h"
#include "dataplane/slowpath/icmpv4.h"
#include "dataplane/slowpath/icmpv6_error.h"
#include "dataplane/slowpath/local_ipv6.h"
#include "dataplane/slowpath/neighbor.h"
#include "dataplane/slowpath/reassembly.h"

namespace simplon {
namespace {

// A packet may come back from the pipeline: reassembled, it is for us, answered, too big for the
// link, its next hop unresolved. Longer ways there are none.
constexpr unsigned kMaxDepth = 6;

bool has_ipv4(const Packet& packet) {
  const std::size_t there = packet.length - packet.network;
  if (packet.network > packet.length || there < sizeof(Ipv4Header)) return false;
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  const std::size_t total = ip->total_length.value();
  return ip->version() == 4 && ip->header_length() >= sizeof(Ipv4Header) &&
         total >= ip->header_length() && total <= there;
}

// Sets inner_length.
bool has_inner_ipv6(Packet& packet) {
  if (packet.inner + sizeof(Ipv6Header) > packet.length) {
    return false;
  }
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const std::size_t total = sizeof(Ipv6Header) + ip->payload_length.value();
  if (ip->version() != 6 || total > std::size_t{packet.length} - packet.inner) return false;
  packet.inner_length = static_cast<uint16_t>(total);
  return true;
}

bool is_arp(const Packet& packet) {
  constexpr std::size_t kType = 2;
  return packet.network >= sizeof(EthernetHeader) && packet.network <= packet.length &&
         packet.at<Be16>(packet.network - kType)->value() == kEtherTypeArp;
}

}  // namespace

class SlowPath::Impl final : public PuntHandler {
 public:
  Impl(WorkerContext& context, NeighborTable& table, PacketIo& io, uint64_t seed, bool announce)
      : context_(context),
        exits_(context, io, *this),
        neighbors_(exits_, table, seed, announce),
        errors_(exits_, limits_),
        local_ipv6_(exits_, limits_, errors_, neighbors_),
        icmpv4_(exits_, limits_),
        reassembler_(exits_),
        fragmenter_(exits_) {}

  void handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns) {
    context_.now_ns = now_ns;
    context_.counters.add(WorkerCounter::kPuntsTaken);
    set_limits(table);
    // Transit waiting for a next hop or to be cut is no question, so its bytes pay for no answer.
    if (packet.punt_class != PuntClass::kUnresolved && packet.punt_class != PuntClass::kOversize) {
      limits_.credit.received(packet.length);
    }
    punted(table, packet);
  }

  void tick(const ForwardingTable& table, uint64_t now_ns) {
    context_.now_ns = now_ns;
    neighbors_.tick(table);
    reassembler_.tick();
  }

  void flush() {
    neighbors_.flush();
    reassembler_.flush();
  }

  std::vector<NeighborStatus> neighbors(uint64_t now_ns) const { return neighbors_.status(now_ns); }

  void punted(const ForwardingTable& table, Packet& packet) override {
    if (depth_ == kMaxDepth) {
      exits_.drop(packet, DropReason::kNoRoute);
      return;
    }
    ++depth_;
    dispatch(table, packet);
    --depth_;
  }

 private:
  void set_limits(const ForwardingTable& table) {
    const PopRecord& pop = table.snapshot.pop();
    limits_.errors.set_rates(pop.icmp_errors_per_second, pop.icmp_errors_per_second_per_tunnel);
  }

  void dispatch(const ForwardingTable& table, Packet& packet) {
    switch (packet.punt_class) {
      case PuntClass::kLinkLayer:
      case PuntClass::kLocal:
        local(table, packet);
        return;
      case PuntClass::kUnresolved:
        neighbors_.resolve(table, packet);
        return;
      case PuntClass::kIcmpError:
        error(table, packet);
        return;
      case PuntClass::kFragment:
        if (has_ipv4(packet)) {
          reassembler_.handle(table, packet);
        } else {
          exits_.drop(packet, DropReason::kOuterMalformed);
        }
        return;
      case PuntClass::kOversize:
        if (has_ipv4(packet)) {
          fragmenter_.handle(table, packet);
        } else {
          exits_.drop(packet, DropReason::kPacketTooBig);
        }
        return;
      case PuntClass::kBeat:
      case PuntClass::kNewBeat:
      case PuntClass::kAttribution:
        exits_.drop(packet, packet.reason);
        return;
    }
    exits_.drop(packet, DropReason::kFrameMalformed);
  }

  // To an address of the PoP.
  void local(const ForwardingTable& table, Packet& packet) {
    if (is_arp(packet)) {
      neighbors_.receive_arp(table, packet);
    } else if (has_ipv4(packet)) {
      const auto* ip = packet.at<Ipv4Header>(packet.network);
      if (ip->protocol == kProtocolIcmpv4) {
        icmpv4_.handle(table, packet);
      } else if (ip->protocol == kProtocolIpv6 && has_inner_ipv6(packet)) {
        local_ipv6_.handle(table, packet);
      } else {
        exits_.drop(packet, DropReason::kProtocolUnsupported);
      }
    } else if (packet.network == packet.inner && has_inner_ipv6(packet)) {
      local_ipv6_.handle(table, packet);
    } else {
      exits_.drop(packet, DropReason::kFrameMalformed);
    }
  }

  // Dropped by `packet.reason`, and the sender is owed an error.
  void error(const ForwardingTable& table, Packet& packet) {
    if (info(packet.reason).answer == IcmpAnswer::kNone && has_ipv4(packet)) {
      icmpv4_.refuse(table, packet, packet.reason);
    } else {
      errors_.answer(table, packet, packet.reason);
    }
  }

  WorkerContext& context_;
  unsigned depth_ = 0;
  Limits limits_;
  Exits exits_;
  Neighbors neighbors_;
  Icmpv6Errors errors_;
  LocalIpv6 local_ipv6_;
  Icmpv4 icmpv4_;
  Reassembler reassembler_;
  Fragmenter fragmenter_;
};

SlowPath::SlowPath(WorkerContext& context, NeighborTable& neighbors, PacketIo& io, uint64_t seed,
                   bool announce)
    : impl_(std::make_unique<Impl>(context, neighbors, io, seed, announce)) {}

SlowPath::~SlowPath() = default;

void SlowPath::handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns) {
  impl_->handle(table, packet, now_ns);
}

void SlowPath::tick(const ForwardingTable& table, uint64_t now_ns) {
  impl_->tick(table, now_ns);
}

void SlowPath::flush() {
  impl_->flush();
}

std::vector<NeighborStatus> SlowPath::neighbors(uint64_t now_ns) const {
  return impl_->neighbors(now_ns);
}

}  // namespace simplon
