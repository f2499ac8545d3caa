// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/slow_path.h"

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/answer_limits.h"
#include "dataplane/slowpath/beats.h"
#include "dataplane/slowpath/commands.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/expiry.h"
#include "dataplane/slowpath/fragment.h"
#include "dataplane/slowpath/icmpv4.h"
#include "dataplane/slowpath/icmpv6_error.h"
#include "dataplane/slowpath/local_ipv6.h"
#include "dataplane/slowpath/neighbor.h"
#include "dataplane/slowpath/owners.h"
#include "dataplane/slowpath/prober.h"
#include "dataplane/slowpath/reassembly.h"
#include "dataplane/slowpath/tunnel_events.h"

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

class SlowPath::Impl final : public PuntHandler, public TunnelWatch {
 public:
  Impl(WorkerContext& context, NeighborTable& table, PacketIo& io, uint64_t seed, bool announce,
       EventSink* events)
      : context_(context),
        exits_(context, io, *this),
        events_(events),
        owners_(context.runtime, seed),
        prober_(exits_, *this, seed),
        expiry_(exits_, *this, prober_, owners_),
        beats_(exits_, *this, seed),
        neighbors_(exits_, table, seed, announce),
        errors_(exits_, limits_),
        local_ipv6_(exits_, limits_, errors_, neighbors_, prober_, owners_),
        icmpv4_(exits_, limits_, owners_),
        reassembler_(exits_, owners_),
        fragmenter_(exits_) {}

  void handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns) {
    begin(table, now_ns);
    context_.counters.add(WorkerCounter::kPuntsTaken);
    set_limits(table);
    // Transit waiting for a next hop or to be cut is no question, so its bytes pay for no answer.
    if (packet.punt_class != PuntClass::kUnresolved && packet.punt_class != PuntClass::kOversize) {
      limits_.credit.received(packet.length);
    }
    punted(table, packet);
  }

  void tick(const ForwardingTable& table, uint64_t now_ns) {
    begin(table, now_ns);
    neighbors_.tick(table);
    reassembler_.tick();
    expiry_.tick(table);
    prober_.tick(table);
    events_.tick(now_ns);
  }

  void note(const ForwardingTable& table, const TunnelEvent& event, uint64_t now_ns) {
    begin(table, now_ns);
    happened(table, event);
  }

  TunnelCommandDone command(const ForwardingTable& table, const TunnelCommand& command,
                            uint64_t now_ns) {
    begin(table, now_ns);
    return obey(exits_, *this, table, command);
  }

  TunnelSummary summary() const { return expiry_.summary(); }

  void set_tunnel_columns(std::vector<const TunnelCounters*> columns) {
    prober_.set_columns(std::move(columns));
  }

  void happened(const ForwardingTable& table, const TunnelEvent& event) override {
    events_.report(event, context_.now_ns);
    const auto kind = static_cast<TunnelEventKind>(event.kind);
    if (kind != TunnelEventKind::kUp && kind != TunnelEventKind::kMoved) return;
    const TunnelSlot* tunnel = find_dynamic(table, context_.runtime, event.slot);
    if (tunnel == nullptr || tunnel->incarnation != event.incarnation) return;
    owners_.learned(table, event.slot, Ipv6Address::from_bytes(event.address));
    prober_.begin(table, event.slot, event.incarnation);
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
  void begin(const ForwardingTable& table, uint64_t now_ns) {
    context_.now_ns = now_ns;
    exits_.set_table(table);
  }

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
        reassembler_.handle(table, packet);
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
        beats_.handle(table, packet);
        return;
      case PuntClass::kAttribution:
        attribute(table, packet);
        return;
    }
    exits_.drop(packet, DropReason::kFrameMalformed);
  }

  // Dropped by `packet.reason`, and the tunnel it came from is told by its outer source alone.
  void attribute(const ForwardingTable& table, Packet& packet) {
    const auto outer = outer_header(packet);
    if (outer) packet.blame = owners_.only(table, outer->source);
    if (packet.punt_class == PuntClass::kAttribution) exits_.drop(packet, packet.reason);
  }

  // To an address of the PoP.
  void local(const ForwardingTable& table, Packet& packet) {
    if (is_arp(packet)) {
      neighbors_.receive_arp(table, packet);
    } else if (packet.network != packet.inner && packet.encapsulation != Encapsulation::kNone) {
      if (packet.inner_ipv4) {
        exits_.drop(packet, DropReason::kDestinationInvalid);
      } else if (outer_header(packet) && has_inner_ipv6(packet)) {
        local_ipv6_.handle(table, packet);
      } else {
        exits_.drop(packet, DropReason::kInnerMalformed);
      }
    } else if (has_ipv4(packet)) {
      if (packet.at<Ipv4Header>(packet.network)->protocol == kProtocolIcmpv4) {
        icmpv4_.handle(table, packet);
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
    if (packet.inner_ipv4) {
      icmpv4_.answer_inner(table, packet, packet.reason);
    } else if (info(packet.reason).answer == IcmpAnswer::kNone && has_ipv4(packet)) {
      if (packet.reason == DropReason::kOuterSourceMismatch) attribute(table, packet);
      icmpv4_.refuse(table, packet, packet.reason);
    } else {
      errors_.answer(table, packet, packet.reason);
    }
  }

  WorkerContext& context_;
  unsigned depth_ = 0;
  Limits limits_;
  Exits exits_;
  TunnelEvents events_;
  Owners owners_;
  Prober prober_;
  Expiry expiry_;
  Beats beats_;
  Neighbors neighbors_;
  Icmpv6Errors errors_;
  LocalIpv6 local_ipv6_;
  Icmpv4 icmpv4_;
  Reassembler reassembler_;
  Fragmenter fragmenter_;
};

SlowPath::SlowPath(WorkerContext& context, NeighborTable& neighbors, PacketIo& io, uint64_t seed,
                   bool announce, EventSink* events)
    : impl_(std::make_unique<Impl>(context, neighbors, io, seed, announce, events)) {}

SlowPath::~SlowPath() = default;

void SlowPath::handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns) {
  impl_->handle(table, packet, now_ns);
}

void SlowPath::tick(const ForwardingTable& table, uint64_t now_ns) {
  impl_->tick(table, now_ns);
}

void SlowPath::note(const ForwardingTable& table, const TunnelEvent& event, uint64_t now_ns) {
  impl_->note(table, event, now_ns);
}

TunnelCommandDone SlowPath::command(const ForwardingTable& table, const TunnelCommand& command,
                                    uint64_t now_ns) {
  return impl_->command(table, command, now_ns);
}

TunnelSummary SlowPath::summary() const {
  return impl_->summary();
}

void SlowPath::set_tunnel_columns(std::vector<const TunnelCounters*> columns) {
  impl_->set_tunnel_columns(std::move(columns));
}

void SlowPath::flush() {
  impl_->flush();
}

std::vector<NeighborStatus> SlowPath::neighbors(uint64_t now_ns) const {
  return impl_->neighbors(now_ns);
}

}  // namespace simplon
