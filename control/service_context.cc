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
  context.events.free_old();
  const uint64_t revision = outcome->revision;
  return Committed{*outcome, validate_only ? context.publisher.status(revision)
                                           : context.publisher.wait(revision, patience)};
}

TunnelSums pop_total(const ServiceContext& context) {
  constexpr std::size_t kSlice = 20000;
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const TunnelSums retired = context.counters.retired();
    TunnelSums sum = retired;
    for (uint64_t from = 0; from < uint64_t{1} << 32;) {
      context.engine.read([&](const Model& model, const Engine::Info&) {
        context.counters.add_totals(model, from, kSlice, sum);
      });
    }
    // A tunnel that was deleted meanwhile may be in neither or in both.
    if (context.counters.retired() == retired) return sum;
  }
  return context.engine.read(
      [&](const Model& model, const Engine::Info&) { return context.counters.pop_total(model); });
}

absl::Status check_dataplane(const ServiceContext& context) {
  if (context.runtime.runtime() != nullptr) return absl::OkStatus();
  return make_error(absl::StatusCode::kUnavailable, "DATAPLANE_UNAVAILABLE",
                    "no dataplane has connected yet: " + context.publisher.info().error);
}

}  // namespace simplon::control
