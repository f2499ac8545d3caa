// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/status_service.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cstring>

#include "control/clock.h"
#include "control/service/grpc_status.h"
#include "dataplane/net/address.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/pipeline/stage_profile.h"
#include "dataplane/state/worker_counters.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::chrono::milliseconds kStatusTimeout{2000};

// Text of a fixed field that may fill it to the last byte.
template <std::size_t N>
std::string text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

std::string mac_text(const uint8_t (&mac)[6]) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

google::protobuf::Duration duration(std::chrono::nanoseconds time) {
  return TimeUtil::NanosecondsToDuration(time.count());
}

// What worker_counters.def has in this order: cycles and packets of each stage.
void add_stages(const uint64_t* column, v1::Worker* worker) {
  auto at = std::size_t(WorkerCounter::kProfileReceiveCycles);
  for (const std::string_view stage : kStageNames) {
    const uint64_t cycles = counter_load(column[at++]);
    const uint64_t packets = counter_load(column[at++]);
    if (packets == 0) continue;
    v1::StageCost* cost = worker->add_stages();
    cost->set_stage(std::string(stage));
    cost->set_packets(packets);
    cost->set_cycles(cycles);
    cost->set_cycles_per_packet(double(cycles) / double(packets));
  }
}

void add_bursts(const uint64_t* column, v1::Worker* worker) {
  auto at = std::size_t(WorkerCounter::kRxBursts1);
  for (uint32_t from = 1; from <= kMaxBurst; from *= 2) {
    v1::BurstBucket* bucket = worker->add_bursts();
    bucket->set_from(from);
    bucket->set_to(std::min(2 * from - 1, uint32_t(kMaxBurst)));
    bucket->set_bursts(counter_load(column[at++]));
  }
}

}  // namespace

grpc::Status StatusService::ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                                        v1::ListWorkersResponse* reply) {
  const auto status = context_.publisher.ask_status(kStatusTimeout);
  if (!status.ok()) return to_grpc(status.status());
  const StatusReply& s = **status;
  const auto segment = context_.counters.segment();
  for (uint32_t i = 0; i < std::min(s.worker_count, uint32_t(kMaxWorkers)); ++i) {
    const WorkerStatus& w = s.workers[i];
    v1::Worker* worker = reply->add_workers();
    worker->set_index(i);
    worker->set_lcore(w.lcore);
    worker->set_numa_node(w.numa_node);
    worker->set_generation(w.generation);
    worker->set_loops(w.loops);
    worker->set_packets(w.packets);
    worker->set_busy_cycles(w.busy_cycles);
    worker->set_idle_cycles(w.idle_cycles);
    const double cycles = double(w.busy_cycles) + double(w.idle_cycles);
    if (cycles > 0) worker->set_busy(double(w.busy_cycles) / cycles);
    if (w.packets > 0) worker->set_cycles_per_packet(double(w.busy_cycles) / double(w.packets));
    if (segment == nullptr || i + 1 >= segment->columns()) continue;
    add_stages(segment->column(i), worker);
    add_bursts(segment->column(i), worker);
  }
  reply->set_tsc_hz(s.tsc_hz);
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

grpc::Status StatusService::ListPorts(grpc::ServerContext*, const v1::ListPortsRequest*,
                                      v1::ListPortsResponse* reply) {
  const auto status = context_.publisher.ask_status(kStatusTimeout);
  if (!status.ok()) return to_grpc(status.status());
  const StatusReply& s = **status;
  for (uint32_t i = 0; i < std::min(s.port_count, uint32_t(kMaxPorts)); ++i) {
    const PortStatus& p = s.ports[i];
    v1::Port* port = reply->add_ports();
    port->set_name(text(p.name));
    port->set_device(text(p.device));
    port->set_driver(text(p.driver));
    port->set_mac(mac_text(p.mac));
    port->set_link_up(p.link_up != 0);
    port->set_queues(p.queues);
    port->set_speed_mbps(p.speed_mbps);
    port->set_rx_packets(p.rx_packets);
    port->set_rx_bytes(p.rx_bytes);
    port->set_rx_missed(p.rx_missed);
    port->set_rx_errors(p.rx_errors);
    port->set_rx_nombuf(p.rx_nombuf);
    port->set_tx_packets(p.tx_packets);
    port->set_tx_bytes(p.tx_bytes);
    port->set_tx_errors(p.tx_errors);
  }
  *reply->mutable_read_time() = timestamp_now();
  return grpc::Status::OK;
}

grpc::Status StatusService::ListNeighbors(grpc::ServerContext*, const v1::ListNeighborsRequest*,
                                          v1::ListNeighborsResponse* reply) {
  const auto status = context_.publisher.ask_status(kStatusTimeout);
  if (!status.ok()) return to_grpc(status.status());
  const StatusReply& s = **status;
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    const auto& interfaces = model.config().pop().interfaces();
    for (uint32_t i = 0; i < std::min(s.neighbor_count, uint32_t(kMaxNeighborsReported)); ++i) {
      const NeighborStatus& n = s.neighbors[i];
      v1::Neighbor* neighbor = reply->add_neighbors();
      const Ipv6Address address = Ipv6Address::from_bytes(n.address);
      neighbor->set_address(address.is_ipv4_mapped() ? address.ipv4().to_string()
                                                     : address.to_string());
      neighbor->set_mac(mac_text(n.mac));
      if (v1::Neighbor::State_IsValid(n.state)) {
        neighbor->set_state(v1::Neighbor::State(n.state));
      }
      if (n.interface < interfaces.size()) {
        neighbor->set_port(interfaces[n.interface].port());
        neighbor->set_vlan(interfaces[n.interface].vlan());
      }
      *neighbor->mutable_age() = TimeUtil::SecondsToDuration(n.age_seconds);
    }
  });
  reply->set_total_size(s.neighbor_count);
  return grpc::Status::OK;
}

grpc::Status StatusService::GetSnapshot(grpc::ServerContext*, const v1::GetSnapshotRequest*,
                                        v1::Snapshot* reply) {
  const Publisher::Info info = context_.publisher.info();
  const Engine::Info stored = context_.engine.read(
      [](const Model&, const Engine::Info& engine_info) { return engine_info; });
  reply->set_active_generation(info.active_generation);
  reply->set_active_revision(info.active_revision);
  *reply->mutable_publish() = context_.publisher.status(stored.revision);
  reply->set_built_generation(info.built_generation);
  reply->set_built_revision(info.built_revision);
  if (info.built_unix_ns != 0) {
    *reply->mutable_build_time() = timestamp(info.built_unix_ns);
  }
  reply->set_size_bytes(info.size_bytes);
  reply->set_tunnels(info.tunnels);
  reply->set_slot_capacity(info.slot_capacity);
  *reply->mutable_store_duration() = duration(stored.store_duration);
  *reply->mutable_build_duration() = duration(info.build_duration);
  *reply->mutable_publish_duration() = duration(info.publish_duration);
  reply->set_publishes(info.publishes);
  reply->set_rejected(info.rejected);
  reply->set_dataplane_slot_capacity(info.hello.slot_capacity);
  if (!info.connected) return grpc::Status::OK;
  const auto status = context_.publisher.ask_status(kStatusTimeout);
  if (!status.ok()) return grpc::Status::OK;
  const StatusReply& s = **status;
  if (s.activated_unix_ns != 0) {
    *reply->mutable_activate_time() = timestamp(int64_t(s.activated_unix_ns));
  }
  *reply->mutable_validate_duration() = duration(std::chrono::nanoseconds(s.last_validate_ns));
  *reply->mutable_grace_duration() = duration(std::chrono::nanoseconds(s.last_grace_ns));
  reply->set_mapped_snapshots(s.mapped_snapshots);
  return grpc::Status::OK;
}

}  // namespace simplon::control
