// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the services of the API share.

#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>

#include "control/error/error.h"
#include "control/service_context.h"

namespace simplon::control {

// As make_change(), for as long as the caller's deadline allows; sets the trailing metadata of
// common.proto.
absl::StatusOr<Committed> commit(ServiceContext& context, grpc::ServerContext& rpc,
                                 Engine::Call call);

// NOT_FOUND or INVALID_ARGUMENT for what is no tunnel's name.
absl::StatusOr<uint32_t> tunnel_id_of(std::string_view field, std::string_view name);
// ABORTED unless `given` is empty or the resource's.
absl::Status check_etag(std::string_view given, const google::protobuf::MessageLite& resource,
                        std::string_view name);

}  // namespace simplon::control
