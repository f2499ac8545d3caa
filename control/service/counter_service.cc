// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <thread>

#include "control/clock.h"
#include "control/error/error.h"
#include "control/model/render.h"
#include "control/service/grpc_status.h"
#include "control/service/listing.h"
#include "control/service/status_service.h"
#include "dataplane/state/conservation.h"
#include "dataplane/state/worker_counters.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

constexpr PageLimits kListLimits{100, 10000};
// Workers write what they hold at the end of a loop; in rest nothing moves for longer than this.
constexpr std::chrono::milliseconds kSettle{20};

bool same_terms(const Conservation& a, const Conservation& b) {
  return a.rx == b.rx && a.originated == b.originated && a.fragments_made == b.fragments_made &&
         a.tx == b.tx && a.consumed == b.consumed && a.drops == b.drops && a.held == b.held;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CounterSegment>> CounterService::segment() const {
  auto segment = context_.counters.segment();
  if (segment != nullptr) return segment;
  return make_error(absl::StatusCode::kUnavailable, "DATAPLANE_UNAVAILABLE",
                    "no dataplane has connected yet: " + context_.publisher.info().error);
}

void CounterService::fill(uint32_t id, uint32_t slot, v1::TunnelCounters& counters) const {
  const TunnelSums total = context_.counters.total(id, slot);
  counters.set_name(tunnel_name(id));
  counters.set_id(id);
  counters.set_slot(slot);
  counters.set_in_packets(total[0]);
  counters.set_in_bytes(total[1]);
  counters.set_out_packets(total[2]);
  counters.set_out_bytes(total[3]);
  const uint32_t last = context_.counters.last_in_unix(id);
  if (last != 0) *counters.mutable_last_in_time() = TimeUtil::SecondsToTimestamp(last);
}

grpc::Status CounterService::GetTunnelCounters(grpc::ServerContext*,
                                               const v1::GetTunnelCountersRequest* request,
                                               v1::TunnelCounters* reply) {
  const auto id = tunnel_id_of("name", request->name());
  if (!id.ok()) return to_grpc(id.status());
  if (auto there = segment(); !there.ok()) return to_grpc(there.status());
  const bool found = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const auto slot = model.slot_of(*id);
    if (slot) fill(*id, *slot, *reply);
    return slot.has_value();
  });
  return found ? grpc::Status::OK : to_grpc(tunnel_not_found(tunnel_name(*id)));
}

grpc::Status CounterService::ListTunnelCounters(grpc::ServerContext*,
                                                const v1::ListTunnelCountersRequest* request,
                                                v1::ListTunnelCountersResponse* reply) {
  if (auto there = segment(); !there.ok()) return to_grpc(there.status());
  const auto size = page_size(request->page_size(), kListLimits);
  if (!size.ok()) return to_grpc(size.status());
  const auto order = parse_order(request->order_by(), "id");
  if (!order.ok()) return to_grpc(order.status());
  constexpr std::string_view kFields[] = {"in_packets", "in_bytes", "out_packets", "out_bytes"};
  const auto field = std::ranges::find(kFields, order->field);
  SortKey key;
  if (field != std::end(kFields)) {
    const auto index = std::size_t(field - std::begin(kFields));
    key = [this, index](const v1::Tunnel& tunnel) {
      return big_endian(context_.counters.total(tunnel.id(), tunnel.slot())[index]);
    };
  } else if (order->field == "last_in_time") {
    key = [this](const v1::Tunnel& tunnel) {
      return big_endian(context_.counters.last_in_unix(tunnel.id()));
    };
  } else {
    auto of_tunnel = tunnel_sort_key(order->field);
    if (!of_tunnel.ok()) return to_grpc(of_tunnel.status());
    key = *std::move(of_tunnel);
  }
  std::function<bool(const v1::Tunnel&)> accept;
  if (request->skip_idle()) {
    accept = [this](const v1::Tunnel& tunnel) {
      const TunnelSums total = context_.counters.total(tunnel.id(), tunnel.slot());
      return total[0] != 0 || total[2] != 0;
    };
  }
  const ListQuery query{request->filter(), request->order_by(), request->page_token(), *size};
  auto page = list_tunnels(context_.engine, query, *order, key, accept);
  if (!page.ok()) return to_grpc(page.status());
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    for (const uint32_t id : page->ids) {
      if (const auto slot = model.slot_of(id)) fill(id, *slot, *reply->add_counters());
    }
  });
  reply->set_next_page_token(page->next_page_token);
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

grpc::Status CounterService::GetPopCounters(grpc::ServerContext*,
                                            const v1::GetPopCountersRequest* request,
                                            v1::PopCounters* reply) {
  const auto there = segment();
  if (!there.ok()) return to_grpc(there.status());
  *reply->mutable_read_time() = timestamp_now();
  const TunnelSums sums = pop_total(context_);
  reply->set_in_packets(sums[0]);
  reply->set_in_bytes(sums[1]);
  reply->set_out_packets(sums[2]);
  reply->set_out_bytes(sums[3]);
  uint64_t drops = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    drops += context_.counters.worker_total(kDropsOffset + i, kDropReasons[i].name);
  }
  reply->set_drops(drops);
  for (std::size_t i = 0; i < kWorkerCounterCount; ++i) {
    v1::Counter* counter = reply->add_counters();
    counter->set_name(std::string(kWorkerCounters[i].name));
    counter->set_help(std::string(kWorkerCounters[i].help));
    counter->set_value(context_.counters.worker_total(i, kWorkerCounters[i].name));
    if (!request->per_worker()) continue;
    for (const uint64_t* column : (*there)->all_columns()) {
      counter->add_per_worker(counter_load(column[i]));
    }
  }
  return grpc::Status::OK;
}

grpc::Status CounterService::ListDrops(grpc::ServerContext*, const v1::ListDropsRequest* request,
                                       v1::ListDropsResponse* reply) {
  const auto there = segment();
  if (!there.ok()) return to_grpc(there.status());
  std::vector<v1::Drop> drops;
  uint64_t total = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    v1::Drop drop;
    drop.set_packets(context_.counters.worker_total(kDropsOffset + i, kDropReasons[i].name));
    total += drop.packets();
    if (drop.packets() == 0 && !request->include_zero()) continue;
    drop.set_reason(std::string(kDropReasons[i].name));
    drop.set_category(std::string(name(kDropReasons[i].category)));
    drop.set_help(std::string(kDropReasons[i].help));
    if (request->per_worker()) {
      for (const uint64_t* column : (*there)->all_columns()) {
        drop.add_per_worker(counter_load(column[kDropsOffset + i]));
      }
    }
    drops.push_back(std::move(drop));
  }
  // Stable: equal counts stay in the order of the list, which is that of the packet's way.
  std::ranges::stable_sort(drops, std::ranges::greater(), &v1::Drop::packets);
  for (v1::Drop& drop : drops) *reply->add_drops() = std::move(drop);
  reply->set_total(total);
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

grpc::Status CounterService::GetConservation(grpc::ServerContext*,
                                             const v1::GetConservationRequest*,
                                             v1::Conservation* reply) {
  const auto there = segment();
  if (!there.ok()) return to_grpc(there.status());
  const auto columns = (*there)->all_columns();
  const Conservation before = conservation(columns);
  std::this_thread::sleep_for(kSettle);
  const Conservation now = conservation(columns);
  reply->set_rx(now.rx);
  reply->set_originated(now.originated);
  reply->set_fragments_made(now.fragments_made);
  reply->set_tx(now.tx);
  reply->set_consumed(now.consumed);
  reply->set_drops(now.drops);
  reply->set_held(now.held);
  reply->set_difference(now.imbalance());
  reply->set_holds(now.imbalance() == 0);
  reply->set_settled(same_terms(before, now));
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

}  // namespace simplon::control
