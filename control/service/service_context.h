// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What all services work with.

#pragma once

#include <grpcpp/server_context.h>

#include <functional>
#include <string>

#include "control/counters/counter_book.h"
#include "control/engine/engine.h"
#include "control/events/event_log.h"
#include "control/link/publisher.h"
#include "control/runtime/runtime_book.h"

namespace simplon::control {

struct ServiceContext {
  Engine& engine;
  Publisher& publisher;
  CounterBook& counters;
  RuntimeBook& runtime;
  EventLog& events;
  int64_t started_unix_ns;
  std::string instance_id;  // random per process, for people: hex
};

struct Committed {
  Engine::Outcome outcome;
  v1::PublishStatus publish;
};

// Makes a change: waits until it is durable and, with a dataplane, in force; sets the trailing
// metadata of common.proto.
absl::StatusOr<Committed> commit(ServiceContext& context, grpc::ServerContext& rpc,
                                 Engine::Call call);

absl::Status tunnel_not_found(std::string_view name);
// NOT_FOUND or INVALID_ARGUMENT for what is no tunnel's name.
absl::StatusOr<uint32_t> tunnel_id_of(std::string_view field, std::string_view name);
// ABORTED unless `given` is empty or the resource's.
absl::Status check_etag(std::string_view given, const google::protobuf::MessageLite& resource,
                        std::string_view name);

}  // namespace simplon::control
