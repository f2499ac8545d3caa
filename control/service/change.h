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

// One transaction with the edits of the request, which may ask to check only.
template <typename Request>
grpc::Status change(ServiceContext& context, grpc::ServerContext& rpc, const Request& request,
                    std::string_view method, std::function<absl::Status(Editor&)> edit) {
  Engine::Call call;
  call.method = method;
  call.comment = request.comment();
  if constexpr (requires { request.validate_only(); }) call.validate_only = request.validate_only();
  call.edit = std::move(edit);
  return to_grpc(commit(context, rpc, std::move(call)).status());
}

// The same of a batch: `edit(editor, request, at)` for each, `at` being where the request is, for
// the paths of errors.
template <typename Batch, typename Edit>
grpc::Status change_each(ServiceContext& context, grpc::ServerContext& rpc, const Batch& batch,
                         std::string_view method, Edit&& edit) {
  const int size = batch.requests_size();
  if (size == 0 || size > kMaxBatchRequests) {
    return to_grpc(invalid_field("requests", size == 0 ? "REQUIRED" : "TOO_MANY",
                                 fmt::format("1 to {} requests are needed", kMaxBatchRequests)));
  }
  return change(context, rpc, batch, method, [&](Editor& editor) {
    for (int i = 0; i < size; ++i) {
      absl::Status status = edit(editor, batch.requests(i), fmt::format("requests[{}].", i));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

}  // namespace simplon::control
