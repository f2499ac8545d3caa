// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/config_service.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <limits>

#include "control/clock.h"
#include "control/config/secret.h"
#include "control/error/error.h"
#include "control/model/diff.h"
#include "control/model/paging.h"
#include "control/model/render.h"
#include "control/service/grpc_status.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

constexpr PageLimits kRevisionLimits{50, 1000};
constexpr PageLimits kChangeLimits{1000, 10000};
constexpr std::size_t kStandardChanges = 1000;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kMaxConfirmNs = int64_t{24} * 3600 * kSecondNs;

std::size_t change_limit(int32_t requested) {
  if (requested < 0) return 0;
  return requested == 0 ? kStandardChanges : std::size_t(requested);
}

absl::StatusOr<uint64_t> parse_number(std::string_view field, std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return invalid_field(field, "BAD_NAME", fmt::format("'{}' is not a revision's name", text));
  }
  return number;
}

absl::StatusOr<std::optional<int64_t>> confirm_deadline(const v1::ApplyConfigRequest& request) {
  if (!request.has_confirm_timeout()) return std::nullopt;
  const auto& timeout = request.confirm_timeout();
  // Seconds first: nanoseconds of any Duration would not fit.
  if (timeout.seconds() < 1 || timeout.seconds() > kMaxConfirmNs / kSecondNs) {
    return invalid_field("confirm_timeout", "OUT_OF_RANGE", "must be from 1 s to 24 h");
  }
  return unix_now_ns() + TimeUtil::DurationToNanoseconds(timeout);
}

}  // namespace

grpc::Status ConfigService::GetConfig(grpc::ServerContext*, const v1::GetConfigRequest* request,
                                      v1::GetConfigResponse* reply) {
  uint64_t wanted = request->revision();
  auto config = context_.engine.read([&](const Model& model, const Engine::Info& info) {
    if (wanted == 0) wanted = info.revision;
    if (request->with_secrets() && wanted != info.revision) {
      return absl::StatusOr<v1::Config>(
          invalid_field("with_secrets", "CURRENT_ONLY",
                        fmt::format("passwords are exported with the current revision only, which "
                                    "is {}",
                                    info.revision)));
    }
    return context_.engine.config_at(model, info.revision, wanted);
  });
  if (!config.ok()) return to_grpc(config.status());
  if (!request->with_secrets()) drop_secrets(*config);
  *reply->mutable_config() = *std::move(config);
  reply->set_revision(wanted);
  if (wanted != 0) {
    auto revision = context_.engine.store().revision(wanted);
    if (revision.ok()) *reply->mutable_create_time() = revision->create_time();
  }
  return grpc::Status::OK;
}

grpc::Status ConfigService::replace(grpc::ServerContext* rpc, Engine::Call call,
                                    v1::ApplyConfigResponse* reply) {
  const bool validate_only = call.validate_only;
  auto committed = commit(context_, *rpc, std::move(call));
  if (!committed.ok()) return to_grpc(committed.status());
  reply->set_revision(committed->outcome.revision);
  const v1::ConfigDiff& diff = reply->diff();
  reply->set_unchanged(diff.created() + diff.updated() + diff.deleted() == 0);
  if (!validate_only) *reply->mutable_publish() = std::move(committed->publish);
  return grpc::Status::OK;
}

grpc::Status ConfigService::ApplyConfig(grpc::ServerContext* rpc,
                                        const v1::ApplyConfigRequest* request,
                                        v1::ApplyConfigResponse* reply) {
  if (!request->has_config()) return to_grpc(invalid_field("config", "REQUIRED", "is missing"));
  const auto deadline = confirm_deadline(*request);
  if (!deadline.ok()) return to_grpc(deadline.status());
  Engine::Call call;
  call.method = "ApplyConfig";
  call.comment = request->comment();
  call.validate_only = request->validate_only();
  call.base_revision = request->base_revision();
  call.exclusive = true;
  call.edit = [&](Editor& editor) {
    if (auto s = editor.replace(request->config()); !s.ok()) return s;
    editor.confirm_deadline_unix_ns = *deadline;
    *reply->mutable_diff() =
        summarize(editor.model(), editor.changes(), change_limit(request->max_changes()));
    if (*deadline && !editor.changes().empty() && !request->validate_only()) {
      *reply->mutable_confirm_deadline() = timestamp(**deadline);
    }
    return absl::OkStatus();
  };
  return replace(rpc, std::move(call), reply);
}

grpc::Status ConfigService::RollbackConfig(grpc::ServerContext* rpc,
                                           const v1::RollbackConfigRequest* request,
                                           v1::ApplyConfigResponse* reply) {
  Engine::Call call;
  call.method = "RollbackConfig";
  call.comment = request->comment();
  call.validate_only = request->validate_only();
  call.base_revision = request->base_revision();
  call.exclusive = true;
  call.ends_confirmation = true;
  call.edit = [&](Editor& editor) {
    const uint64_t current = editor.revision();
    uint64_t target = request->revision();
    if (target == 0 && current == 0) {
      return make_error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_ROLL_BACK",
                        "there is no revision yet");
    }
    if (target == 0) target = editor.pending() ? editor.pending()->restore : current - 1;
    auto config = context_.engine.config_at(editor.model(), current, target);
    if (!config.ok()) return config.status();
    editor.rollback_to = target;
    if (auto s = editor.replace(*std::move(config)); !s.ok()) return s;
    *reply->mutable_diff() =
        summarize(editor.model(), editor.changes(), change_limit(request->max_changes()));
    return absl::OkStatus();
  };
  return replace(rpc, std::move(call), reply);
}

absl::Status ConfigService::diff_edit(Editor& editor, const v1::DiffConfigRequest& request,
                                      v1::DiffConfigResponse* reply) {
  const uint64_t current = editor.revision();
  const std::size_t limit = change_limit(request.max_changes());
  uint64_t from = request.from_revision();
  if (request.has_config()) {
    if (from == 0) from = current;
    auto base = context_.engine.config_at(editor.model(), current, from);
    if (!base.ok()) return base.status();
    if (auto s = editor.replace(request.config()); !s.ok()) return s;
    reply->set_from_revision(from);
    const auto changes = from == current ? editor.changes() : diff(*base, editor.model().config());
    *reply->mutable_diff() = summarize(editor.model(), changes, limit);
    return absl::OkStatus();
  }
  const uint64_t to = request.to_revision() == 0 ? current : request.to_revision();
  if (from == 0 && to > 0) from = to - 1;
  const auto base = context_.engine.config_at(editor.model(), current, from);
  if (!base.ok()) return base.status();
  const auto next = context_.engine.config_at(editor.model(), current, to);
  if (!next.ok()) return next.status();
  reply->set_from_revision(from);
  reply->set_to_revision(to);
  *reply->mutable_diff() = summarize(editor.model(), diff(*base, *next), limit);
  return absl::OkStatus();
}

grpc::Status ConfigService::DiffConfig(grpc::ServerContext*, const v1::DiffConfigRequest* request,
                                       v1::DiffConfigResponse* reply) {
  Engine::Call call;
  call.method = "DiffConfig";
  call.validate_only = true;
  call.exclusive = true;
  call.edit = [&](Editor& editor) { return diff_edit(editor, *request, reply); };
  return to_grpc(context_.engine.execute(std::move(call)).status());
}

grpc::Status ConfigService::ConfirmConfig(grpc::ServerContext*,
                                          const v1::ConfirmConfigRequest* request,
                                          v1::Revision* reply) {
  auto revision = context_.engine.confirm(request->revision());
  if (!revision.ok()) return to_grpc(revision.status());
  *reply = *std::move(revision);
  return grpc::Status::OK;
}

grpc::Status ConfigService::ListRevisions(grpc::ServerContext*,
                                          const v1::ListRevisionsRequest* request,
                                          v1::ListRevisionsResponse* reply) {
  const auto size = page_size(request->page_size(), kRevisionLimits);
  if (!size.ok()) return to_grpc(size.status());
  const auto token = parse_page_token(request->page_token(), "revisions");
  if (!token.ok()) return to_grpc(token.status());
  uint64_t before = 0;
  if (!token->empty()) {
    const auto number = parse_number("page_token", *token);
    if (!number.ok()) return to_grpc(number.status());
    before = *number;
  }
  auto revisions = context_.engine.store().revisions(before, *size + 1);
  if (!revisions.ok()) return to_grpc(revisions.status());
  const bool more = revisions->size() > *size;
  if (more) revisions->pop_back();
  for (v1::Revision& revision : *revisions) *reply->add_revisions() = std::move(revision);
  if (more) {
    const uint64_t last = reply->revisions(reply->revisions_size() - 1).number();
    reply->set_next_page_token(make_page_token(std::to_string(last), "revisions"));
  }
  return grpc::Status::OK;
}

grpc::Status ConfigService::GetRevision(grpc::ServerContext*, const v1::GetRevisionRequest* request,
                                        v1::GetRevisionResponse* reply) {
  constexpr std::string_view kCollection = "revisions/";
  std::string_view name = request->name();
  if (name.starts_with(kCollection)) name.remove_prefix(kCollection.size());
  const auto number = parse_number("name", name);
  if (!number.ok()) return to_grpc(number.status());
  const auto size = page_size(request->page_size(), kChangeLimits);
  if (!size.ok()) return to_grpc(size.status());
  const std::string same_query = fmt::format("revision {}", *number);
  const auto token = parse_page_token(request->page_token(), same_query);
  if (!token.ok()) return to_grpc(token.status());
  uint64_t first = 0;
  if (!token->empty()) {
    const auto index = parse_number("page_token", *token);
    if (!index.ok()) return to_grpc(index.status());
    first = *index;
  }
  auto revision = context_.engine.store().revision(*number);
  if (!revision.ok()) return to_grpc(revision.status());
  auto changes = context_.engine.store().changes(*number, first, *size + 1);
  if (!changes.ok()) return to_grpc(changes.status());
  *reply->mutable_revision() = *std::move(revision);
  if (changes->size() > *size) {
    changes->pop_back();
    reply->set_next_page_token(make_page_token(std::to_string(first + *size), same_query));
  }
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    for (v1::Change& change : *changes) *reply->add_changes() = render(model, std::move(change));
  });
  return grpc::Status::OK;
}

}  // namespace simplon::control
