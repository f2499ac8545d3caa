// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/config_service.grpc.pb.h"

namespace simplon::control {

class ConfigService final : public v1::ConfigService::Service {
 public:
  explicit ConfigService(ServiceContext& context) : context_(context) {}

  grpc::Status GetConfig(grpc::ServerContext* rpc, const v1::GetConfigRequest* request,
                         v1::GetConfigResponse* reply) override;
  grpc::Status ApplyConfig(grpc::ServerContext* rpc, const v1::ApplyConfigRequest* request,
                           v1::ApplyConfigResponse* reply) override;
  grpc::Status DiffConfig(grpc::ServerContext* rpc, const v1::DiffConfigRequest* request,
                          v1::DiffConfigResponse* reply) override;
  grpc::Status ConfirmConfig(grpc::ServerContext* rpc, const v1::ConfirmConfigRequest* request,
                             v1::Revision* reply) override;
  grpc::Status RollbackConfig(grpc::ServerContext* rpc, const v1::RollbackConfigRequest* request,
                              v1::ApplyConfigResponse* reply) override;
  grpc::Status ListRevisions(grpc::ServerContext* rpc, const v1::ListRevisionsRequest* request,
                             v1::ListRevisionsResponse* reply) override;
  grpc::Status GetRevision(grpc::ServerContext* rpc, const v1::GetRevisionRequest* request,
                           v1::GetRevisionResponse* reply) override;

 private:
  grpc::Status replace(grpc::ServerContext* rpc, Engine::Call call, v1::ApplyConfigResponse* reply);
  absl::Status diff_edit(Editor& editor, const v1::DiffConfigRequest& request,
                         v1::DiffConfigResponse* reply);

  ServiceContext& context_;
};

}  // namespace simplon::control
