// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Calls that change something: what they have in common whatever they change.

#pragma once

#include <fmt/format.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "control/error/error.h"
#include "control/service/grpc_status.h"
#include "control/service/rpc.h"

namespace simplon::control {

inline constexpr int kMaxBatchRequests = 100000;

// One transaction with the edits of the request, which may ask to check only. `outcome`: where to
// say what came of it.
template <typename Request>
grpc::Status change(ServiceContext& context, grpc::ServerContext& rpc, const Request& request,
                    std::string_view method, std::function<absl::Status(Editor&)> edit,
                    Engine::Outcome* outcome = nullptr, std::size_t edits = 1) {
  Engine::Call call;
  call.edits = edits;
  call.method = method;
  call.comment = request.comment();
  if constexpr (requires { request.validate_only(); }) call.validate_only = request.validate_only();
  call.edit = std::move(edit);
  auto committed = commit(context, rpc, std::move(call));
  if (committed.ok() && outcome != nullptr) *outcome = std::move(committed->outcome);
  return to_grpc(committed.status());
}

// Where a request is in its batch, for the paths of errors: spelled out only where there is one.
struct RequestPath {
  int index = 0;

  operator std::string() const { return fmt::format("requests[{}].", index); }
};

// The same of a batch: `edit(editor, request, at)` for each, `at` being the RequestPath.
template <typename Batch, typename Edit>
grpc::Status change_each(ServiceContext& context, grpc::ServerContext& rpc, const Batch& batch,
                         std::string_view method, Edit&& edit, Engine::Outcome* outcome = nullptr) {
  const int size = batch.requests_size();
  if (size == 0 || size > kMaxBatchRequests) {
    return to_grpc(invalid_field("requests", size == 0 ? "REQUIRED" : "TOO_MANY",
                                 fmt::format("1 to {} requests are needed", kMaxBatchRequests)));
  }
  const auto edit_all = [&](Editor& editor) {
    editor.reserve(std::size_t(size));
    for (int i = 0; i < size; ++i) {
      absl::Status status = edit(editor, batch.requests(i), RequestPath{i});
      if (!status.ok()) return of_request(status, fmt::format("requests[{}]", i));
    }
    return absl::OkStatus();
  };
  return change(context, rpc, batch, method, edit_all, outcome, std::size_t(size));
}

}  // namespace simplon::control
