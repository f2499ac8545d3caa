// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/service/rpc.h"
#include "simplon/v1/account_service.grpc.pb.h"

namespace simplon::control {

class AccountService final : public v1::AccountService::Service {
 public:
  explicit AccountService(ServiceContext& context) : context_(context) {}

  grpc::Status CreateAccount(grpc::ServerContext* rpc, const v1::CreateAccountRequest* request,
                             v1::Account* reply) override;
  grpc::Status GetAccount(grpc::ServerContext* rpc, const v1::GetAccountRequest* request,
                          v1::Account* reply) override;
  grpc::Status ListAccounts(grpc::ServerContext* rpc, const v1::ListAccountsRequest* request,
                            v1::ListAccountsResponse* reply) override;
  grpc::Status UpdateAccount(grpc::ServerContext* rpc, const v1::UpdateAccountRequest* request,
                             v1::Account* reply) override;
  grpc::Status DeleteAccount(grpc::ServerContext* rpc, const v1::DeleteAccountRequest* request,
                             google::protobuf::Empty* reply) override;
  grpc::Status BatchCreateAccounts(grpc::ServerContext* rpc,
                                   const v1::BatchCreateAccountsRequest* request,
                                   v1::BatchCreateAccountsResponse* reply) override;
  grpc::Status SetAccountSecret(grpc::ServerContext* rpc,
                                const v1::SetAccountSecretRequest* request,
                                v1::SetAccountSecretResponse* reply) override;

 private:
  ServiceContext& context_;
};

}  // namespace simplon::control
