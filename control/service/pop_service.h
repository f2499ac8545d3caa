// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/pop_service.grpc.pb.h"

namespace simplon::control {

class PopService final : public v1::PopService::Service {
 public:
  explicit PopService(ServiceContext& context) : context_(context) {}

  grpc::Status GetPop(grpc::ServerContext* rpc, const v1::GetPopRequest* request,
                      v1::Pop* reply) override;
  grpc::Status UpdatePop(grpc::ServerContext* rpc, const v1::UpdatePopRequest* request,
                         v1::Pop* reply) override;
  grpc::Status GetPopStatus(grpc::ServerContext* rpc, const v1::GetPopStatusRequest* request,
                            v1::PopStatus* reply) override;

 private:
  ServiceContext& context_;
};

}  // namespace simplon::control
