// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/status_service.grpc.pb.h"

namespace simplon::control {

class CounterService final : public v1::CounterService::Service {
 public:
  explicit CounterService(ServiceContext& context) : context_(context) {}

  grpc::Status GetTunnelCounters(grpc::ServerContext* rpc,
                                 const v1::GetTunnelCountersRequest* request,
                                 v1::TunnelCounters* reply) override;
  grpc::Status ListTunnelCounters(grpc::ServerContext* rpc,
                                  const v1::ListTunnelCountersRequest* request,
                                  v1::ListTunnelCountersResponse* reply) override;
  grpc::Status GetPopCounters(grpc::ServerContext* rpc, const v1::GetPopCountersRequest* request,
                              v1::PopCounters* reply) override;
  grpc::Status ListDrops(grpc::ServerContext* rpc, const v1::ListDropsRequest* request,
                         v1::ListDropsResponse* reply) override;
  grpc::Status GetConservation(grpc::ServerContext* rpc, const v1::GetConservationRequest* request,
                               v1::Conservation* reply) override;

 private:
  absl::StatusOr<std::shared_ptr<const CounterSegment>> segment() const;
  void fill(uint32_t id, uint32_t slot, v1::TunnelCounters& counters) const;

  ServiceContext& context_;
};

class StatusService final : public v1::StatusService::Service {
 public:
  explicit StatusService(ServiceContext& context) : context_(context) {}

  grpc::Status ListWorkers(grpc::ServerContext* rpc, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* reply) override;
  grpc::Status ListPorts(grpc::ServerContext* rpc, const v1::ListPortsRequest* request,
                         v1::ListPortsResponse* reply) override;
  grpc::Status ListNeighbors(grpc::ServerContext* rpc, const v1::ListNeighborsRequest* request,
                             v1::ListNeighborsResponse* reply) override;
  grpc::Status GetSnapshot(grpc::ServerContext* rpc, const v1::GetSnapshotRequest* request,
                           v1::Snapshot* reply) override;

 private:
  ServiceContext& context_;
};

}  // namespace simplon::control
