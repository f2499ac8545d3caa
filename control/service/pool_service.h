// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/pool_service.grpc.pb.h"

namespace simplon::control {

class PoolService final : public v1::PoolService::Service {
 public:
  explicit PoolService(ServiceContext& context) : context_(context) {}

  grpc::Status CreatePool(grpc::ServerContext* rpc, const v1::CreatePoolRequest* request,
                          v1::Pool* reply) override;
  grpc::Status GetPool(grpc::ServerContext* rpc, const v1::GetPoolRequest* request,
                       v1::PoolInfo* reply) override;
  grpc::Status ListPools(grpc::ServerContext* rpc, const v1::ListPoolsRequest* request,
                         v1::ListPoolsResponse* reply) override;
  grpc::Status UpdatePool(grpc::ServerContext* rpc, const v1::UpdatePoolRequest* request,
                          v1::Pool* reply) override;
  grpc::Status DeletePool(grpc::ServerContext* rpc, const v1::DeletePoolRequest* request,
                          google::protobuf::Empty* reply) override;

 private:
  ServiceContext& context_;
};

}  // namespace simplon::control
