// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/tunnel_reading.h"

#include <fmt/format.h>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/runtime/state_rules.h"
#include "control/sixxsd/arguments.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon::control::sixxsd {
namespace {

constexpr std::string_view kUnknownAddress = "0.0.0.0";
// Of a dynamic tunnel the least it can have.
uint32_t configured_overhead(const v1::Tunnel& tunnel) {
  TunnelSlot line{};
  line.kind = static_cast<uint8_t>(kind_of(tunnel.type()));
  if (tunnel.has_gre_key()) line.flags |= kTunnelGreKey;
  if (tunnel.gre_checksum()) line.flags |= kTunnelGreChecksum;
  if (tunnel.gre_sequence()) line.flags |= kTunnelGreSequence;
  line.encapsulation_limit = static_cast<uint8_t>(tunnel.encapsulation_limit());
  const auto remote = parse_outer_address(tunnel.remote());
  return outer_overhead(line, remote && !remote->is_ipv4_mapped());
}

}  // namespace

TunnelReading::TunnelReading(const ServiceContext& context)
    : context_(context),
      runtime_(context.runtime.runtime()),
      ledger_(context.runtime.ledger()),
      connected_(context.publisher.connected()) {}

TunnelReading::Look TunnelReading::look(const v1::Tunnel& tunnel) const {
  Look look;
  look.enabled = tunnel.admin_state() != v1::Tunnel::DISABLED;
  look.dynamic = is_dynamic_type(tunnel.type());
  look.overhead = configured_overhead(tunnel);
  look.mtu = tunnel.mtu() != 0 ? tunnel.mtu() : kCommonLinkMtu - look.overhead;
  look.incarnation = context_.runtime.note(tunnel.slot()).incarnation;
  if (!look.dynamic) {
    look.up = look.enabled && connected_;
    look.type = tunnel.type() == v1::Tunnel::GRE ? "gre" : "direct";
    look.outer_them = tunnel.remote();
    return look;
  }
  if (runtime_ != nullptr) look.learned = runtime_->learned(tunnel.slot(), look.incarnation);
  const Endpoint& endpoint = look.learned.endpoint;
  look.up = look.enabled && connected_ && endpoint.up;
  if (!endpoint.known()) {
    look.type = "none";
    look.outer_them = kUnknownAddress;
    return look;
  }
  look.type = endpoint.transport == Transport::kAyiya ? "ayiya" : "direct";
  look.outer_them = to_outer_text(endpoint.address);
  look.overhead = overhead_of(endpoint);
  return look;
}

std::array<std::optional<TunnelFault>, kErrorCount> TunnelReading::faults(
    const v1::Tunnel& tunnel, uint8_t incarnation) const {
  std::array<std::optional<TunnelFault>, kErrorCount> out;
  if (ledger_ == nullptr) return out;
  // Most recent first.
  for (TunnelFault& fault : ledger_->faults(tunnel.slot(), incarnation)) {
    const auto error = error_of(fault.reason);
    if (!error || !context_.runtime.since_reset(tunnel.id(), fault)) continue;
    if (out[*error]) {
      out[*error]->count += fault.count;
    } else {
      out[*error] = std::move(fault);
    }
  }
  return out;
}

void TunnelReading::index_faults() {
  if (ledger_ == nullptr) return;
  ledger_->visit([&](const LedgerRecord& record) {
    if (!error_of(record.reason)) return;
    index_[key(record.slot, record.incarnation)][record.reason] += record.count;
  });
}

uint64_t TunnelReading::count(const v1::Tunnel& tunnel, uint8_t incarnation,
                              std::size_t error) const {
  const auto found = index_.find(key(tunnel.slot(), incarnation));
  if (found == index_.end()) return 0;
  uint64_t sum = 0;
  for (std::size_t reason = 0; reason < found->second.size(); ++reason) {
    if (found->second[reason] == 0 || error_of(uint8_t(reason)) != error) continue;
    TunnelFault fault;
    fault.reason = uint8_t(reason);
    fault.count = found->second[reason];
    if (context_.runtime.since_reset(tunnel.id(), fault)) sum += fault.count;
  }
  return sum;
}

std::string inner_address(const Model& model, uint32_t slot, unsigned host) {
  const auto prefix = model.context().link_prefix(slot);
  if (!prefix) return "::";
  const uint64_t hi = prefix->address.hi();
  return fmt::format("{:x}:{:x}:{:x}:{:x}::{:x}", hi >> 48, hi >> 32 & 0xffff, hi >> 16 & 0xffff,
                     hi & 0xffff, host);
}

const v1::Tunnel* find_tunnel(const Model& model, std::string_view name) {
  if (const auto id = parse_tunnel_id(name)) return model.find(*id);
  const auto address = parse_ip(name);
  if (!address || address->is_ipv4_mapped()) return nullptr;
  return model.owner(address->hi()).tunnel;
}

}  // namespace simplon::control::sixxsd
