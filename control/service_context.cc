// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service_context.h"

#include <utility>

#include "control/error/error.h"

namespace simplon::control {

absl::StatusOr<Committed> make_change(ServiceContext& context, Engine::Call call,
                                      std::chrono::milliseconds patience) {
  const bool validate_only = call.validate_only;
  auto outcome = context.engine.execute(std::move(call));
  if (!outcome.ok()) return outcome.status();
  const uint64_t revision = outcome->revision;
  return Committed{*outcome, validate_only ? context.publisher.status(revision)
                                           : context.publisher.wait(revision, patience)};
}

absl::Status check_dataplane(const ServiceContext& context) {
  if (context.runtime.runtime() != nullptr) return absl::OkStatus();
  return make_error(absl::StatusCode::kUnavailable, "DATAPLANE_UNAVAILABLE",
                    "no dataplane has connected yet: " + context.publisher.info().error);
}

}  // namespace simplon::control
