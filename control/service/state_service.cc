// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/state_service.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "control/clock.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "control/error/error.h"
#include "control/model/render.h"
#include "control/runtime/endpoint_command.h"
#include "control/runtime/tunnel_event.h"
#include "control/service/grpc_status.h"
#include "control/service/listing.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

constexpr PageLimits kListLimits{100, 10000};
constexpr int64_t kSecondNs = 1'000'000'000;

uint64_t fault_key(uint32_t slot, uint8_t incarnation) {
  return uint64_t{slot} << 8 | incarnation;
}

bool is_event(uint8_t reason) {
  return name_of_fault(reason).category == "event";
}

bool is_clock_reason(const TunnelFault& fault) {
  return clock_fault({&fault, 1}) != nullptr;
}

void print_fault(const TunnelFault& fault, v1::TunnelError& out) {
  const FaultName name = name_of_fault(fault.reason);
  out.set_reason(std::string(name.name));
  out.set_category(std::string(name.category));
  out.set_help(std::string(name.help));
  out.set_count(fault.count);
  *out.mutable_last_time() = timestamp(int64_t(fault.last_unix_ns));
  out.set_last_source(print_outer_address(fault.source));
  out.set_last_source_port(fault.source_port);
  if (is_clock_reason(fault)) {
    *out.mutable_clock_offset() = TimeUtil::SecondsToDuration(fault.detail);
  }
  out.set_has_packet(!fault.packet.empty());
}

// Epochs are seconds modulo 2^32: the one nearest to the present is meant.
google::protobuf::Timestamp epoch_time(uint32_t epoch, int64_t now_unix) {
  return TimeUtil::SecondsToTimestamp(now_unix + int32_t(epoch - uint32_t(now_unix)));
}

void set_time(int64_t unix_s, google::protobuf::Timestamp* (v1::TunnelState::*field)(),
              v1::TunnelState& out) {
  if (unix_s != 0) *(out.*field)() = TimeUtil::SecondsToTimestamp(unix_s);
}

v1::Transport static_transport(v1::Tunnel::Type type) {
  switch (type) {
    case v1::Tunnel::GRE:
      return v1::TRANSPORT_GRE;
    case v1::Tunnel::IPV6_TUNNEL:
      return v1::TRANSPORT_IPV6_TUNNEL;
    default:
      return v1::TRANSPORT_PROTO41;
  }
}

}  // namespace

// One reading of the shared memory, for one call.
class TunnelStateService::Reading {
 public:
  explicit Reading(const ServiceContext& context)
      : context_(context),
        runtime_(context.runtime.runtime()),
        ledger_(context.runtime.ledger()),
        connected_(context.publisher.connected()),
        now_unix_(unix_now_ns() / kSecondNs),
        now_boot_(boot_second_at(now_unix_ * kSecondNs)) {}

  // Reads the whole ledger once, for calls about many tunnels.
  void index_faults() {
    if (ledger_ == nullptr) return;
    ledger_->visit([&](const LedgerRecord& record) {
      auto& faults = index_[fault_key(record.slot, record.incarnation)];
      auto known = std::ranges::find(faults, record.reason, &TunnelFault::reason);
      if (known == faults.end()) known = faults.emplace(faults.end());
      known->add(record);
    });
    for (auto& [key, faults] : index_) {
      std::ranges::stable_sort(faults, std::ranges::greater(), &TunnelFault::last_unix_ns);
    }
    indexed_ = true;
  }

  // Most recent first, without what was reset.
  std::vector<TunnelFault> faults(uint32_t tunnel_id, uint32_t slot, uint8_t incarnation) const {
    std::vector<TunnelFault> faults;
    if (indexed_) {
      const auto found = index_.find(fault_key(slot, incarnation));
      if (found == index_.end()) return {};
      faults = found->second;
    } else if (ledger_ != nullptr) {
      faults = ledger_->faults(slot, incarnation);
    }
    std::erase_if(faults, [&](TunnelFault& fault) {
      return name_of_fault(fault.reason).name.empty() ||
             !context_.runtime.since_reset(tunnel_id, fault);
    });
    return faults;
  }

  struct Look {
    StateFacts facts;
    std::vector<TunnelFault> faults;
    StateVerdict verdict;
  };
  Look look(const v1::Tunnel& tunnel) const {
    Look look;
    look.facts.type = tunnel.type();
    look.facts.enabled = tunnel.admin_state() != v1::Tunnel::DISABLED;
    look.facts.connected = connected_;
    look.facts.note = context_.runtime.note(tunnel.slot());
    look.facts.now_unix = now_unix_;
    look.facts.now_boot = now_boot_;
    const uint8_t incarnation = look.facts.note.incarnation;
    look.faults = faults(tunnel.id(), tunnel.slot(), incarnation);
    look.facts.faults = look.faults;
    if (is_dynamic_type(tunnel.type())) {
      look.facts.learned = runtime_->learned(tunnel.slot(), incarnation);
      if (look.facts.learned.endpoint.up) {
        look.facts.in_packets = context_.counters.total(tunnel.id(), tunnel.slot())[0];
      }
    }
    look.verdict = judge_state(look.facts);
    return look;
  }

  void print(const Model& model, const v1::Tunnel& tunnel, v1::TunnelState& out) const {
    const Look look = this->look(tunnel);
    const StateFacts& facts = look.facts;
    out.set_name(tunnel_name(tunnel.id()));
    out.set_id(tunnel.id());
    out.set_slot(tunnel.slot());
    out.set_type(tunnel.type());
    out.set_admin_state(tunnel.admin_state());
    out.set_oper_state(look.verdict.up ? v1::TunnelState::UP : v1::TunnelState::DOWN);
    out.set_reason(look.verdict.reason);
    out.set_reason_code(look.verdict.code);
    const TunnelSlot line = compile_valid_tunnel(tunnel, model.context()).line;
    out.set_effective_mtu(line.mtu);
    if (is_dynamic_type(tunnel.type())) {
      print_learned(model, facts, out);
    } else {
      print_configured(model, tunnel, line, out);
    }
    set_time(facts.note.change_unix_ns / kSecondNs, &v1::TunnelState::mutable_state_change_time,
             out);
    if (facts.note.change_unix_ns != 0) {
      *out.mutable_state_change_time() = timestamp(facts.note.change_unix_ns);
    }
    for (const TunnelFault& fault : look.faults) {
      if (is_event(fault.reason)) continue;
      out.set_errors(out.errors() + fault.count);
      if (is_replay(fault.reason)) out.set_replays(out.replays() + fault.count);
    }
    if (const TunnelFault* clock = clock_fault(look.faults)) {
      *out.mutable_client_clock_offset() = TimeUtil::SecondsToDuration(clock->detail);
    }
  }

 private:
  void print_configured(const Model& model, const v1::Tunnel& tunnel, const TunnelSlot& line,
                        v1::TunnelState& out) const {
    v1::Endpoint& endpoint = *out.mutable_endpoint();
    endpoint.set_address(tunnel.remote());
    endpoint.set_transport(static_transport(tunnel.type()));
    endpoint.set_local(print_outer_address(
        Ipv6Address::from_bytes(model.context().pop().local_addresses[line.local_index])));
    out.set_verified(true);
  }

  void print_learned(const Model& model, const StateFacts& facts, v1::TunnelState& out) const {
    const Endpoint& endpoint = facts.learned.endpoint;
    set_time(last_seen_unix(facts), &v1::TunnelState::mutable_last_seen_time, out);
    if (facts.learned.highest_epoch != 0) {
      *out.mutable_highest_epoch() = epoch_time(facts.learned.highest_epoch, facts.now_unix);
    }
    out.set_moves(facts.note.moves);
    out.set_flapping(facts.note.flapping);
    if (!endpoint.known()) return;
    out.set_verified(endpoint.verified);
    out.set_signs_with_previous_password(endpoint.previous_secret);
    v1::Endpoint& place = *out.mutable_endpoint();
    place.set_address(print_outer_address(endpoint.address));
    place.set_port(endpoint.port);
    place.set_transport(transport_of(endpoint.transport));
    place.set_local(print_outer_address(context_.runtime.local_address(endpoint.local_index)));
    const uint32_t link = model.context().link_mtu(endpoint.address);
    const uint32_t fits = std::max(kMinTunnelMtu, link - std::min(link, overhead_of(endpoint)));
    out.set_effective_mtu(std::min(out.effective_mtu(), fits));
  }

  const ServiceContext& context_;
  std::shared_ptr<const RuntimeReader> runtime_;
  std::shared_ptr<const LedgerReader> ledger_;
  bool connected_;
  int64_t now_unix_;
  uint32_t now_boot_;
  bool indexed_ = false;
  absl::flat_hash_map<uint64_t, std::vector<TunnelFault>> index_;
};

grpc::Status TunnelStateService::get(uint32_t id, v1::TunnelState* reply) const {
  const Reading reading(context_);
  const bool found = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const v1::Tunnel* tunnel = model.find(id);
    if (tunnel != nullptr) reading.print(model, *tunnel, *reply);
    return tunnel != nullptr;
  });
  return found ? grpc::Status::OK : to_grpc(tunnel_not_found(tunnel_name(id)));
}

grpc::Status TunnelStateService::GetTunnelState(grpc::ServerContext*,
                                                const v1::GetTunnelStateRequest* request,
                                                v1::TunnelState* reply) {
  const auto id = tunnel_id_of("name", request->name());
  if (!id.ok()) return to_grpc(id.status());
  if (auto status = check_dataplane(context_); !status.ok()) return to_grpc(status);
  return get(*id, reply);
}

grpc::Status TunnelStateService::ListTunnelStates(grpc::ServerContext*,
                                                  const v1::ListTunnelStatesRequest* request,
                                                  v1::ListTunnelStatesResponse* reply) {
  if (auto status = check_dataplane(context_); !status.ok()) return to_grpc(status);
  const auto size = page_size(request->page_size(), kListLimits);
  if (!size.ok()) return to_grpc(size.status());
  const absl::flat_hash_set<int> states(request->oper_states().begin(),
                                        request->oper_states().end());
  const absl::flat_hash_set<int> codes(request->reason_codes().begin(),
                                       request->reason_codes().end());
  Reading reading(context_);
  reading.index_faults();
  std::function<bool(const v1::Tunnel&)> accept;
  if (!states.empty() || !codes.empty() || request->with_errors()) {
    accept = [&](const v1::Tunnel& tunnel) {
      const auto look = reading.look(tunnel);
      const int state = look.verdict.up ? v1::TunnelState::UP : v1::TunnelState::DOWN;
      if (!states.empty() && !states.contains(state)) return false;
      if (!codes.empty() && !codes.contains(look.verdict.code)) return false;
      return !request->with_errors() || std::ranges::any_of(look.faults, [](const TunnelFault& f) {
        return !is_event(f.reason);
      });
    };
  }
  // What selects the tunnels must be the same for every page.
  std::string selection = request->with_errors() ? "errors" : "";
  for (const int state : request->oper_states()) selection += fmt::format(" state {}", state);
  for (const int code : request->reason_codes()) selection += fmt::format(" reason {}", code);
  const ListQuery query{request->filter(), selection, request->page_token(), *size};
  auto page = list_tunnels(context_.engine, query, Order{"id", false}, {}, accept);
  if (!page.ok()) return to_grpc(page.status());
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    for (const uint32_t id : page->ids) {
      const v1::Tunnel* tunnel = model.find(id);
      if (tunnel != nullptr) reading.print(model, *tunnel, *reply->add_states());
    }
  });
  reply->set_next_page_token(page->next_page_token);
  *reply->mutable_read_time() = timestamp_now();
  const RuntimeBook::Counts counts = context_.runtime.counts();
  const bool connected = context_.publisher.connected();
  reply->set_up(connected ? counts.up : 0);
  reply->set_down(connected ? counts.down : counts.up + counts.down);
  reply->set_disabled(counts.disabled);
  return grpc::Status::OK;
}

// ---- Errors.

namespace {

absl::StatusOr<uint32_t> slot_of(const Engine& engine, std::string_view name, uint32_t& id) {
  const auto parsed = tunnel_id_of("name", name);
  if (!parsed.ok()) return parsed.status();
  id = *parsed;
  const std::optional<uint32_t> slot =
      engine.read([&](const Model& model, const Engine::Info&) -> std::optional<uint32_t> {
        const v1::Tunnel* tunnel = model.find(id);
        if (tunnel == nullptr) return std::nullopt;
        return tunnel->slot();
      });
  if (!slot) return tunnel_not_found(tunnel_name(id));
  return *slot;
}

}  // namespace

grpc::Status TunnelStateService::ListTunnelErrors(grpc::ServerContext*,
                                                  const v1::ListTunnelErrorsRequest* request,
                                                  v1::ListTunnelErrorsResponse* reply) {
  uint32_t id = 0;
  const auto slot = slot_of(context_.engine, request->name(), id);
  if (!slot.ok()) return to_grpc(slot.status());
  if (auto status = check_dataplane(context_); !status.ok()) return to_grpc(status);
  const Reading reading(context_);
  const uint8_t incarnation = context_.runtime.note(*slot).incarnation;
  for (const TunnelFault& fault : reading.faults(id, *slot, incarnation)) {
    print_fault(fault, *reply->add_errors());
  }
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

grpc::Status TunnelStateService::GetTunnelErrorPacket(
    grpc::ServerContext*, const v1::GetTunnelErrorPacketRequest* request,
    v1::TunnelErrorPacket* reply) {
  uint32_t id = 0;
  const auto slot = slot_of(context_.engine, request->name(), id);
  if (!slot.ok()) return to_grpc(slot.status());
  if (request->reason().empty()) {
    return to_grpc(invalid_field("reason", "REQUIRED", "say which, as ListTunnelErrors names it"));
  }
  if (auto status = check_dataplane(context_); !status.ok()) return to_grpc(status);
  const Reading reading(context_);
  const uint8_t incarnation = context_.runtime.note(*slot).incarnation;
  for (const TunnelFault& fault : reading.faults(id, *slot, incarnation)) {
    if (name_of_fault(fault.reason).name != request->reason()) continue;
    print_fault(fault, *reply->mutable_error());
    reply->set_packet(fault.packet);
    reply->set_original_length(fault.original_length);
    return grpc::Status::OK;
  }
  return to_grpc(make_error(absl::StatusCode::kNotFound, "NO_SUCH_ERROR",
                            fmt::format("{} has no error '{}'", tunnel_name(id), request->reason()),
                            {{"resource", tunnel_name(id)}}));
}

grpc::Status TunnelStateService::ResetTunnelErrors(grpc::ServerContext*,
                                                   const v1::ResetTunnelErrorsRequest* request,
                                                   v1::ResetTunnelErrorsResponse*) {
  if (request->all() && !request->name().empty()) {
    return to_grpc(invalid_field("name", "NOT_ALLOWED", "goes not with 'all'"));
  }
  std::optional<uint32_t> slot;
  if (!request->all()) {
    if (request->name().empty()) {
      return to_grpc(invalid_field("name", "REQUIRED", "name a tunnel, or set 'all'"));
    }
    uint32_t id = 0;
    const auto found = slot_of(context_.engine, request->name(), id);
    if (!found.ok()) return to_grpc(found.status());
    slot = *found;
  }
  if (auto status = check_dataplane(context_); !status.ok()) return to_grpc(status);
  return to_grpc(context_.runtime.reset_errors(slot));
}

// ---- Commands.

grpc::Status TunnelStateService::tell(const std::string& name,
                                      const std::function<absl::Status(uint32_t id)>& command,
                                      v1::TunnelState* reply) const {
  const auto id = tunnel_id_of("name", name);
  if (!id.ok()) return to_grpc(id.status());
  if (auto status = command(*id); !status.ok()) return to_grpc(status);
  return get(*id, reply);
}

grpc::Status TunnelStateService::ClearTunnelEpoch(grpc::ServerContext*,
                                                  const v1::ClearTunnelEpochRequest* request,
                                                  v1::TunnelState* reply) {
  return tell(
      request->name(),
      [&](uint32_t id) { return command_tunnel(context_, id, TunnelCommandKind::kClearEpoch); },
      reply);
}

grpc::Status TunnelStateService::TakeTunnelDown(grpc::ServerContext*,
                                                const v1::TakeTunnelDownRequest* request,
                                                v1::TunnelState* reply) {
  return tell(
      request->name(),
      [&](uint32_t id) { return command_tunnel(context_, id, TunnelCommandKind::kTakeDown); },
      reply);
}

grpc::Status TunnelStateService::SetTunnelEndpoint(grpc::ServerContext*,
                                                   const v1::SetTunnelEndpointRequest* request,
                                                   v1::TunnelState* reply) {
  if (!request->has_endpoint()) {
    return to_grpc(invalid_field("endpoint", "REQUIRED", "is missing"));
  }
  return tell(
      request->name(), [&](uint32_t id) { return set_endpoint(context_, id, request->endpoint()); },
      reply);
}

}  // namespace simplon::control
