// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/pop_service.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <array>

#include "control/clock.h"
#include "control/error/error.h"
#include "control/model/merge.h"
#include "control/model/render.h"
#include "control/runtime/tunnel_census.h"
#include "control/service/grpc_status.h"
#include "dataplane/state/worker_counters.h"

namespace simplon::control {
namespace {

constexpr std::array<std::string_view, 1> kNotMerged = {"etag"};
constexpr std::chrono::milliseconds kStatusTimeout{1000};

absl::Status update(Editor& editor, const v1::UpdatePopRequest& request, v1::Pop* reply) {
  if (!request.has_pop()) return invalid_field("pop", "REQUIRED", "is missing");
  v1::Pop next = editor.model().config().pop();
  if (auto s = check_etag(request.pop().etag(), next, kPopName); !s.ok()) return s;
  const auto* mask = request.has_update_mask() ? &request.update_mask() : nullptr;
  if (auto s = merge_fields(request.pop(), mask, kNotMerged, next); !s.ok()) return s;
  if (auto s = editor.put_pop(std::move(next), "pop."); !s.ok()) return s;
  *reply = render(editor.model().config().pop());
  return absl::OkStatus();
}

void add_dataplane(const Publisher& publisher, v1::PopStatus* reply) {
  const Publisher::Info info = publisher.info();
  reply->set_dataplane_connected(info.connected);
  reply->set_dataplane_error(info.error);
  reply->set_active_revision(info.active_revision);
  reply->set_active_generation(info.active_generation);
  if (info.hello.instance_id == 0) return;  // there never was one
  reply->set_dataplane_version(info.hello.version);
  reply->set_dataplane_instance_id(fmt::format("{:016x}", info.hello.instance_id));
  *reply->mutable_dataplane_start_time() = timestamp(int64_t(info.hello.started_unix_ns));
  reply->set_workers(info.hello.worker_count);
}

}  // namespace

grpc::Status PopService::GetPop(grpc::ServerContext*, const v1::GetPopRequest*, v1::Pop* reply) {
  context_.engine.read(
      [&](const Model& model, const Engine::Info&) { *reply = render(model.config().pop()); });
  return grpc::Status::OK;
}

grpc::Status PopService::UpdatePop(grpc::ServerContext* rpc, const v1::UpdatePopRequest* request,
                                   v1::Pop* reply) {
  Engine::Call call;
  call.method = "UpdatePop";
  call.comment = request->comment();
  call.validate_only = request->validate_only();
  call.edit = [&](Editor& editor) { return update(editor, *request, reply); };
  return to_grpc(commit(context_, *rpc, std::move(call)).status());
}

grpc::Status PopService::GetPopStatus(grpc::ServerContext*, const v1::GetPopStatusRequest*,
                                      v1::PopStatus* reply) {
  const TunnelSums sums = pop_total(context_);
  context_.engine.read([&](const Model& model, const Engine::Info& info) {
    reply->set_name(model.config().pop().name());
    reply->set_revision(info.revision);
    if (info.revision != 0) {
      *reply->mutable_revision_time() = timestamp(info.revision_unix_ns);
    }
    reply->set_tunnels(uint32_t(model.tunnel_count()));
    reply->set_tunnels_disabled(uint32_t(model.disabled_count()));
    reply->set_tunnels_enabled(uint32_t(model.tunnel_count() - model.disabled_count()));
    reply->set_service_state(model.config().pop().service_state());
    reply->set_service_message(model.config().pop().service_message());
    reply->set_pools(uint32_t(model.config().pools_size()));
    reply->set_accounts(uint32_t(model.account_count()));
    if (info.pending) {
      reply->set_unconfirmed_revision(info.pending->revision);
      *reply->mutable_confirm_deadline() = timestamp(info.pending->deadline_unix_ns);
    }
  });
  reply->set_control_version(SIMPLON_VERSION);
  *reply->mutable_control_start_time() = timestamp(context_.started_unix_ns);
  reply->set_instance_id(context_.instance_id);
  reply->set_in_packets(sums[0]);
  reply->set_in_bytes(sums[1]);
  reply->set_out_packets(sums[2]);
  reply->set_out_bytes(sums[3]);
  uint64_t drops = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    drops += context_.counters.worker_total(kDropsOffset + i, kDropReasons[i].name);
  }
  reply->set_drops(drops);

  const TunnelCensus::Count census = take_census(context_).total();
  reply->set_tunnels_online(census.online);
  reply->set_tunnels_active(census.active);
  if (context_.runtime.runtime() != nullptr) {
    const RuntimeBook::Counts counts = context_.runtime.counts();
    reply->set_dynamic_up(counts.dynamic_up);
    reply->set_dynamic_down(counts.dynamic_down);
    reply->set_dynamic_unverified(counts.dynamic_unverified);
  }
  if (const auto step = context_.runtime.clock_step(); step.unix_ns != 0) {
    *reply->mutable_clock_step() =
        google::protobuf::util::TimeUtil::SecondsToDuration(step.seconds);
    *reply->mutable_clock_step_time() = timestamp(step.unix_ns);
  }
  add_dataplane(context_.publisher, reply);
  *reply->mutable_publish() = context_.publisher.status(reply->revision());
  if (!reply->dataplane_connected()) return grpc::Status::OK;
  const auto status = context_.publisher.ask_status(kStatusTimeout);
  if (!status.ok()) {
    reply->set_dataplane_error(std::string(status.status().message()));
    return grpc::Status::OK;
  }
  const StatusReply& s = **status;
  const uint32_t ports = std::min(s.port_count, uint32_t(kMaxPorts));
  reply->set_ports(ports);
  for (uint32_t i = 0; i < ports; ++i) {
    reply->set_ports_up(reply->ports_up() + (s.ports[i].link_up != 0 ? 1 : 0));
  }
  if (s.activated_unix_ns != 0) {
    *reply->mutable_activate_time() = timestamp(int64_t(s.activated_unix_ns));
  }
  return grpc::Status::OK;
}

}  // namespace simplon::control
