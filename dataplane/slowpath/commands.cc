// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/commands.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/table/endpoint_rules.h"

namespace simplon {
namespace {

constexpr std::string_view kBusy = "the tunnel's record is being written; try again";

// Why an endpoint cannot be set; empty: it can. Sets `local_index`.
std::string_view check_place(const SnapshotView& view, TunnelKind kind,
                             const TunnelCommand& command, uint8_t& local_index) {
  if (command.transport > static_cast<uint8_t>(Transport::kAyiya)) return "transport is unknown";
  const bool ayiya = command.transport == static_cast<uint8_t>(Transport::kAyiya);
  if (ayiya ? !takes_ayiya(kind) : !takes_beats(kind)) return "transport is not the tunnel's";
  if (ayiya != (command.port != 0)) return "port goes with AYIYA, and only with it";
  if (!is_possible_endpoint(view, Ipv6Address::from_bytes(command.address))) {
    return "address is one no client can have";
  }
  const PopRecord& pop = view.pop();
  const auto local = Ipv6Address::from_bytes(command.local_address);
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) != local) continue;
    if (local.is_ipv4_mapped() != Ipv6Address::from_bytes(command.address).is_ipv4_mapped()) {
      return "address and local address are of different families";
    }
    local_index = static_cast<uint8_t>(i);
    return {};
  }
  return "local address is not one of the PoP";
}

}  // namespace

TunnelCommandDone obey(Exits& exits, TunnelWatch& watch, const ForwardingTable& table,
                       const TunnelCommand& command) {
  TunnelCommandDone done{};
  done.header = {static_cast<uint32_t>(LinkMessageType::kTunnelCommandDone), kLinkAbi};
  done.tag = command.tag;
  const auto refuse = [&done](std::string_view reason) {
    std::memcpy(done.reason, reason.data(), std::min(reason.size(), sizeof done.reason - 1));
    return done;
  };
  WorkerContext& context = exits.context();
  RuntimeTable& runtime = context.runtime;
  const TunnelSlot* tunnel = find_dynamic(table, runtime, command.slot);
  if (tunnel == nullptr || tunnel->incarnation != command.incarnation) {
    return refuse("no such dynamic tunnel");
  }
  const uint8_t incarnation = command.incarnation;
  const Endpoint known = runtime.load(command.slot, incarnation);
  const auto tell = [&](TunnelEventKind kind, const Endpoint& endpoint) {
    TunnelEvent event =
        make_tunnel_event(kind, command.slot, incarnation, endpoint, context.time.unix_ns);
    event.detail = static_cast<uint8_t>(VerifiedBy::kOperator);
    if (kind == TunnelEventKind::kMoved) {
      event.old_port = known.port;
      std::memcpy(event.old_address, known.address.bytes.data(), sizeof event.old_address);
    }
    watch.happened(table, event);
  };
  switch (static_cast<TunnelCommandKind>(command.kind)) {
    case TunnelCommandKind::kClearEpoch:
      if (!runtime.clear_epoch(command.slot, incarnation)) return refuse(kBusy);
      tell(TunnelEventKind::kEpochReset, known);
      break;
    case TunnelCommandKind::kTakeDown:
      if (!runtime.forget(command.slot, incarnation)) return refuse(kBusy);
      if (known.up) tell(TunnelEventKind::kDown, known);
      break;
    case TunnelCommandKind::kSetEndpoint: {
      Endpoint place;
      const auto why = check_place(table.snapshot, static_cast<TunnelKind>(tunnel->kind), command,
                                   place.local_index);
      if (!why.empty()) return refuse(why);
      place.address = Ipv6Address::from_bytes(command.address);
      place.port = command.port;
      place.transport = static_cast<Transport>(command.transport);
      place.up = true;
      place.verified = true;  // the operator's word is enough
      if (!runtime.set(command.slot, incarnation, place, context.time.boot_s)) return refuse(kBusy);
      if (!known.up) {
        context.counters.add(WorkerCounter::kTunnelsUp);
        tell(TunnelEventKind::kUp, place);
      } else if (!known.same_place(place)) {
        context.counters.add(WorkerCounter::kEndpointMoves);
        tell(TunnelEventKind::kMoved, place);
      }
      if (!known.up || !known.verified || !known.same_place(place)) {
        tell(TunnelEventKind::kVerified, place);
      }
      break;
    }
    default:
      return refuse("unknown command");
  }
  done.done = 1;
  return done;
}

}  // namespace simplon
