// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/tunnel_service.grpc.pb.h"

namespace simplon::control {

class TunnelService final : public v1::TunnelService::Service {
 public:
  explicit TunnelService(ServiceContext& context) : context_(context) {}

  grpc::Status CreateTunnel(grpc::ServerContext* rpc, const v1::CreateTunnelRequest* request,
                            v1::Tunnel* reply) override;
  grpc::Status GetTunnel(grpc::ServerContext* rpc, const v1::GetTunnelRequest* request,
                         v1::Tunnel* reply) override;
  grpc::Status LookupTunnels(grpc::ServerContext* rpc, const v1::LookupTunnelsRequest* request,
                             v1::LookupTunnelsResponse* reply) override;
  grpc::Status ListTunnels(grpc::ServerContext* rpc, const v1::ListTunnelsRequest* request,
                           v1::ListTunnelsResponse* reply) override;
  grpc::Status UpdateTunnel(grpc::ServerContext* rpc, const v1::UpdateTunnelRequest* request,
                            v1::Tunnel* reply) override;
  grpc::Status DeleteTunnel(grpc::ServerContext* rpc, const v1::DeleteTunnelRequest* request,
                            google::protobuf::Empty* reply) override;
  grpc::Status BatchCreateTunnels(grpc::ServerContext* rpc,
                                  const v1::BatchCreateTunnelsRequest* request,
                                  v1::BatchCreateTunnelsResponse* reply) override;
  grpc::Status BatchUpdateTunnels(grpc::ServerContext* rpc,
                                  const v1::BatchUpdateTunnelsRequest* request,
                                  v1::BatchUpdateTunnelsResponse* reply) override;
  grpc::Status BatchDeleteTunnels(grpc::ServerContext* rpc,
                                  const v1::BatchDeleteTunnelsRequest* request,
                                  google::protobuf::Empty* reply) override;
  grpc::Status EnableTunnel(grpc::ServerContext* rpc, const v1::EnableTunnelRequest* request,
                            v1::Tunnel* reply) override;
  grpc::Status DisableTunnel(grpc::ServerContext* rpc, const v1::DisableTunnelRequest* request,
                             v1::Tunnel* reply) override;
  grpc::Status RotateTunnelPassword(grpc::ServerContext* rpc,
                                    const v1::RotateTunnelPasswordRequest* request,
                                    v1::RotateTunnelPasswordResponse* reply) override;
  grpc::Status EndTunnelPasswordRotation(grpc::ServerContext* rpc,
                                         const v1::EndTunnelPasswordRotationRequest* request,
                                         v1::Tunnel* reply) override;
  grpc::Status SetTunnelUpdateKey(grpc::ServerContext* rpc,
                                  const v1::SetTunnelUpdateKeyRequest* request,
                                  v1::SetTunnelUpdateKeyResponse* reply) override;

 private:
  template <typename Request>
  grpc::Status set_state(grpc::ServerContext* rpc, const Request& request, std::string_view method,
                         v1::Tunnel::AdminState state, v1::Tunnel* reply);

  ServiceContext& context_;
};

}  // namespace simplon::control
