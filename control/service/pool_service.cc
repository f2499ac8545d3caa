// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/pool_service.h"

#include <fmt/format.h>

#include <array>

#include "control/error/error.h"
#include "control/model/filter.h"
#include "control/model/merge.h"
#include "control/model/paging.h"
#include "control/model/render.h"
#include "control/service/change.h"

namespace simplon::control {
namespace {

constexpr PageLimits kListLimits{64, 64};
constexpr std::array<std::string_view, 2> kNotMerged = {"name", "etag"};

absl::Status pool_not_found(std::string_view name) {
  return make_error(absl::StatusCode::kNotFound, "POOL_NOT_FOUND",
                    fmt::format("there is no pool {}", name), {{"resource", pool_name(name)}});
}

absl::Status create(Editor& editor, const v1::CreatePoolRequest& request, v1::Pool* reply) {
  if (!request.has_pool()) return invalid_field("pool", "REQUIRED", "is missing");
  const std::string& name = request.pool().name();
  if (editor.model().find_pool(name) != nullptr) {
    return make_error(absl::StatusCode::kAlreadyExists, "POOL_EXISTS",
                      fmt::format("pool {} exists already", name), {{"resource", pool_name(name)}});
  }
  if (auto s = editor.put_pool(request.pool(), "pool."); !s.ok()) return s;
  *reply = render(*editor.model().find_pool(name));
  return absl::OkStatus();
}

absl::Status update(Editor& editor, const v1::UpdatePoolRequest& request, v1::Pool* reply) {
  const std::string name(parse_pool_name(request.pool().name()));
  if (name.empty()) return invalid_field("pool.name", "REQUIRED", "give the pool's name");
  const v1::Pool* old = editor.model().find_pool(name);
  v1::Pool next;
  if (old == nullptr) {
    if (!request.allow_missing()) return pool_not_found(name);
    next = request.pool();
    next.set_name(name);
  } else {
    if (auto s = check_etag(request.pool().etag(), *old, pool_name(name)); !s.ok()) return s;
    next = *old;
    const auto* mask = request.has_update_mask() ? &request.update_mask() : nullptr;
    if (auto s = merge_fields(request.pool(), mask, kNotMerged, next); !s.ok()) return s;
  }
  if (auto s = editor.put_pool(std::move(next), "pool."); !s.ok()) return s;
  *reply = render(*editor.model().find_pool(name));
  return absl::OkStatus();
}

absl::Status erase(Editor& editor, const v1::DeletePoolRequest& request) {
  const std::string name(parse_pool_name(request.name()));
  const v1::Pool* old = editor.model().find_pool(name);
  if (old == nullptr) return request.allow_missing() ? absl::OkStatus() : pool_not_found(name);
  if (auto s = check_etag(request.etag(), *old, pool_name(name)); !s.ok()) return s;
  return editor.erase_pool(name);
}

v1::PoolInfo info_of(const Model& model, const v1::Pool& pool) {
  v1::PoolInfo info;
  *info.mutable_pool() = render(pool);
  if (const PoolRange* range = model.plan().named(pool.name())) {
    info.set_units(uint32_t(range->units));
    info.set_units_used(model.units_used(*range));
  }
  return info;
}

}  // namespace

grpc::Status PoolService::CreatePool(grpc::ServerContext* rpc, const v1::CreatePoolRequest* request,
                                     v1::Pool* reply) {
  return change(context_, *rpc, *request, "CreatePool",
                [&](Editor& editor) { return create(editor, *request, reply); });
}

grpc::Status PoolService::UpdatePool(grpc::ServerContext* rpc, const v1::UpdatePoolRequest* request,
                                     v1::Pool* reply) {
  return change(context_, *rpc, *request, "UpdatePool",
                [&](Editor& editor) { return update(editor, *request, reply); });
}

grpc::Status PoolService::DeletePool(grpc::ServerContext* rpc, const v1::DeletePoolRequest* request,
                                     google::protobuf::Empty*) {
  return change(context_, *rpc, *request, "DeletePool",
                [&](Editor& editor) { return erase(editor, *request); });
}

grpc::Status PoolService::GetPool(grpc::ServerContext*, const v1::GetPoolRequest* request,
                                  v1::PoolInfo* reply) {
  const std::string_view name = parse_pool_name(request->name());
  const bool found = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const v1::Pool* pool = model.find_pool(name);
    if (pool != nullptr) *reply = info_of(model, *pool);
    return pool != nullptr;
  });
  return found ? grpc::Status::OK : to_grpc(pool_not_found(name));
}

grpc::Status PoolService::ListPools(grpc::ServerContext*, const v1::ListPoolsRequest* request,
                                    v1::ListPoolsResponse* reply) {
  const auto size = page_size(request->page_size(), kListLimits);
  if (!size.ok()) return to_grpc(size.status());
  const auto filter = Filter::parse(request->filter(), v1::Pool::descriptor());
  if (!filter.ok()) return to_grpc(filter.status());
  const auto after = parse_page_token(request->page_token(), request->filter());
  if (!after.ok()) return to_grpc(after.status());
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    for (const v1::Pool& pool : model.config().pools()) {
      if (pool.name() <= *after || !filter->matches(pool)) continue;
      if (std::size_t(reply->pools_size()) == *size) {
        const std::string& last = reply->pools(reply->pools_size() - 1).pool().name();
        reply->set_next_page_token(make_page_token(last, request->filter()));
        return;
      }
      *reply->add_pools() = info_of(model, pool);
    }
  });
  return grpc::Status::OK;
}

}  // namespace simplon::control
