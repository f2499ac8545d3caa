// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <string>

#include "control/runtime/state_rules.h"
#include "control/service/rpc.h"
#include "simplon/v1/state_service.grpc.pb.h"

namespace simplon::control {

class TunnelStateService final : public v1::TunnelStateService::Service {
 public:
  explicit TunnelStateService(ServiceContext& context) : context_(context) {}

  grpc::Status GetTunnelState(grpc::ServerContext* rpc, const v1::GetTunnelStateRequest* request,
                              v1::TunnelState* reply) override;
  grpc::Status ListTunnelStates(grpc::ServerContext* rpc,
                                const v1::ListTunnelStatesRequest* request,
                                v1::ListTunnelStatesResponse* reply) override;
  grpc::Status ListTunnelErrors(grpc::ServerContext* rpc,
                                const v1::ListTunnelErrorsRequest* request,
                                v1::ListTunnelErrorsResponse* reply) override;
  grpc::Status GetTunnelErrorPacket(grpc::ServerContext* rpc,
                                    const v1::GetTunnelErrorPacketRequest* request,
                                    v1::TunnelErrorPacket* reply) override;
  grpc::Status ResetTunnelErrors(grpc::ServerContext* rpc,
                                 const v1::ResetTunnelErrorsRequest* request,
                                 v1::ResetTunnelErrorsResponse* reply) override;
  grpc::Status ClearTunnelEpoch(grpc::ServerContext* rpc,
                                const v1::ClearTunnelEpochRequest* request,
                                v1::TunnelState* reply) override;
  grpc::Status TakeTunnelDown(grpc::ServerContext* rpc, const v1::TakeTunnelDownRequest* request,
                              v1::TunnelState* reply) override;
  grpc::Status SetTunnelEndpoint(grpc::ServerContext* rpc,
                                 const v1::SetTunnelEndpointRequest* request,
                                 v1::TunnelState* reply) override;

 private:
  class Reading;

  grpc::Status get(uint32_t id, v1::TunnelState* reply) const;
  // A command to the dataplane; replies with what has become of the tunnel.
  grpc::Status tell(const std::string& name,
                    const std::function<absl::Status(uint32_t id)>& command,
                    v1::TunnelState* reply) const;

  ServiceContext& context_;
};

}  // namespace simplon::control
