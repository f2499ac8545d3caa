// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/account_service.h"

#include <fmt/format.h>

#include "control/error/error.h"
#include "control/model/merge.h"
#include "control/model/paging.h"
#include "control/model/render.h"
#include "control/service/change.h"
#include "control/store/credential.h"

namespace simplon::control {
namespace {

constexpr PageLimits kListLimits{100, 10000};
constexpr std::string_view kSameQuery = "accounts";

absl::Status account_not_found(std::string_view name) {
  return make_error(absl::StatusCode::kNotFound, "ACCOUNT_NOT_FOUND",
                    fmt::format("there is no account {}", name),
                    {{"resource", account_name(name)}});
}

absl::Status put(Editor& editor, v1::Account account, const std::string& prefix,
                 v1::Account* reply) {
  const std::string name = account.name();
  if (auto s = editor.put_account(std::move(account), prefix); !s.ok()) return s;
  *reply = render(editor.model(), *editor.model().find_account(name));
  return absl::OkStatus();
}

absl::Status create(Editor& editor, const v1::CreateAccountRequest& request, const std::string& at,
                    v1::Account* reply) {
  if (!request.has_account()) return invalid_field(at + "account", "REQUIRED", "is missing");
  v1::Account next = request.account();
  next.set_name(std::string(parse_account_name(request.account().name())));
  if (editor.model().find_account(next.name()) != nullptr) {
    return make_error(absl::StatusCode::kAlreadyExists, "ACCOUNT_EXISTS",
                      fmt::format("{}account {} exists already", at, next.name()),
                      {{"resource", account_name(next.name())}});
  }
  return put(editor, std::move(next), at + "account.", reply);
}

absl::Status update(Editor& editor, const v1::UpdateAccountRequest& request, v1::Account* reply) {
  if (!request.has_account()) return invalid_field("account", "REQUIRED", "is missing");
  const std::string name(parse_account_name(request.account().name()));
  if (name.empty()) return invalid_field("account.name", "REQUIRED", "give the account's name");
  const v1::Account* old = editor.model().find_account(name);
  v1::Account next;
  if (old == nullptr) {
    if (!request.allow_missing()) return account_not_found(name);
    next = request.account();
    next.set_name(name);
  } else {
    if (auto s = check_etag(request.account().etag(), *old, account_name(name)); !s.ok()) return s;
    next = *old;
    const auto* mask = request.has_update_mask() ? &request.update_mask() : nullptr;
    if (auto s = merge_account(request.account(), mask, next); !s.ok()) return s;
  }
  return put(editor, std::move(next), "account.", reply);
}

absl::Status erase(Editor& editor, const v1::DeleteAccountRequest& request) {
  const std::string name(parse_account_name(request.name()));
  const v1::Account* old = editor.model().find_account(name);
  if (old == nullptr) return request.allow_missing() ? absl::OkStatus() : account_not_found(name);
  if (auto s = check_etag(request.etag(), *old, account_name(name)); !s.ok()) return s;
  return editor.erase_account(name, request.force());
}

absl::Status set_secret(Editor& editor, const v1::SetAccountSecretRequest& request,
                        const std::string& secret, v1::Account* reply) {
  const std::string_view name = parse_account_name(request.name());
  const v1::Account* old = editor.model().find_account(name);
  if (old == nullptr) return account_not_found(name);
  if (auto s = check_etag(request.etag(), *old, account_name(name)); !s.ok()) return s;
  v1::Account next = *old;
  next.clear_secret_md5();
  next.set_secret(secret);
  return put(editor, std::move(next), "", reply);
}

}  // namespace

grpc::Status AccountService::CreateAccount(grpc::ServerContext* rpc,
                                           const v1::CreateAccountRequest* request,
                                           v1::Account* reply) {
  return change(context_, *rpc, *request, "CreateAccount",
                [&](Editor& editor) { return create(editor, *request, "", reply); });
}

grpc::Status AccountService::UpdateAccount(grpc::ServerContext* rpc,
                                           const v1::UpdateAccountRequest* request,
                                           v1::Account* reply) {
  return change(context_, *rpc, *request, "UpdateAccount",
                [&](Editor& editor) { return update(editor, *request, reply); });
}

grpc::Status AccountService::DeleteAccount(grpc::ServerContext* rpc,
                                           const v1::DeleteAccountRequest* request,
                                           google::protobuf::Empty*) {
  return change(context_, *rpc, *request, "DeleteAccount",
                [&](Editor& editor) { return erase(editor, *request); });
}

grpc::Status AccountService::BatchCreateAccounts(grpc::ServerContext* rpc,
                                                 const v1::BatchCreateAccountsRequest* request,
                                                 v1::BatchCreateAccountsResponse* reply) {
  return change_each(
      context_, *rpc, *request, "BatchCreateAccounts",
      [&](Editor& editor, const v1::CreateAccountRequest& one, const std::string& at) {
        return create(editor, one, at, reply->add_accounts());
      });
}

grpc::Status AccountService::SetAccountSecret(grpc::ServerContext* rpc,
                                              const v1::SetAccountSecretRequest* request,
                                              v1::SetAccountSecretResponse* reply) {
  const std::string secret = request->secret().empty() ? make_password() : request->secret();
  const grpc::Status done =
      change(context_, *rpc, *request, "SetAccountSecret", [&](Editor& editor) {
        return set_secret(editor, *request, secret, reply->mutable_account());
      });
  if (done.ok()) reply->set_secret(secret);
  return done;
}

grpc::Status AccountService::GetAccount(grpc::ServerContext*, const v1::GetAccountRequest* request,
                                        v1::Account* reply) {
  const std::string_view name = parse_account_name(request->name());
  const bool found = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const v1::Account* account = model.find_account(name);
    if (account != nullptr) *reply = render(model, *account);
    return account != nullptr;
  });
  return found ? grpc::Status::OK : to_grpc(account_not_found(name));
}

grpc::Status AccountService::ListAccounts(grpc::ServerContext*,
                                          const v1::ListAccountsRequest* request,
                                          v1::ListAccountsResponse* reply) {
  const auto size = page_size(request->page_size(), kListLimits);
  if (!size.ok()) return to_grpc(size.status());
  const auto after = parse_page_token(request->page_token(), kSameQuery);
  if (!after.ok()) return to_grpc(after.status());
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    reply->set_total_size(uint32_t(model.account_count()));
    model.visit_accounts_from(*after, [&](const v1::Account& account) {
      if (account.name() == *after) return true;
      if (std::size_t(reply->accounts_size()) == *size) {
        const std::string& last = reply->accounts(reply->accounts_size() - 1).name();
        reply->set_next_page_token(make_page_token(last, kSameQuery));
        return false;
      }
      *reply->add_accounts() = render(model, account);
      return true;
    });
  });
  return grpc::Status::OK;
}

}  // namespace simplon::control
