// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What everything that serves somebody works with, whatever the protocol: gRPC, TIC, HTTP, the
// console.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
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

// A publish at a million tunnels takes about a second.
inline constexpr std::chrono::milliseconds kPublishWait{15000};

// Makes a change: waits until it is durable and, with a dataplane, in force or `patience` is over.
// Thread: any that may wait.
absl::StatusOr<Committed> make_change(ServiceContext& context, Engine::Call call,
                                      std::chrono::milliseconds patience = kPublishWait);

// Sum over all tunnels, deleted ones included; read in slices, so that changes are not held up.
// Thread: any.
TunnelSums pop_total(const ServiceContext& context);

// UNAVAILABLE as long as no dataplane has connected: until then nothing is known of any tunnel.
absl::Status check_dataplane(const ServiceContext& context);

}  // namespace simplon::control
