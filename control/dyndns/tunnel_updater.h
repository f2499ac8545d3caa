// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Endpoint updates over HTTP, done to the tunnels of this PoP (docs/protocols.md §13.2, §13.3). The
// remote of a static tunnel is configuration: it changes by one revision, and the answer waits
// until that is durable and in force. The endpoint of a tunnel that takes beats is set as if a beat
// had come. One line in the log for each; no key is ever in it.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "control/dyndns/update_handler.h"
#include "control/dyndns/update_limits.h"
#include "control/service_context.h"

namespace simplon::control {

class TunnelUpdater final : public EndpointUpdater {
 public:
  TunnelUpdater(ServiceContext& context, UpdateLimits& limits,
                UpdateHandler::Now now = UpdateLimits::Clock::now)
      : context_(context), limits_(limits), now_(std::move(now)) {}

  UpdateOutcome update(const UpdateAttempt& attempt) override;

 private:
  // The tunnel as it was when the attempt came, and what would become of it.
  struct Plan {
    UpdateOutcome::Answer answer = UpdateOutcome::Answer::kLater;  // kGood: go on
    std::string why;
    v1::Tunnel::Type type = v1::Tunnel::TYPE_UNSPECIFIED;
    std::optional<Ipv6Address> old;
    std::optional<Ipv6Address> next;
    std::string local;  // of a dynamic tunnel: the PoP's address it used so far
    bool up = false;    // of a dynamic tunnel
    uint32_t most_unchanged = 0;
    uint32_t most_changes = 0;
  };

  UpdateOutcome decide(const UpdateAttempt& attempt, Plan& plan);
  Plan make_plan(const Model& model, const UpdateAttempt& attempt) const;
  void look_at_runtime(const v1::Tunnel& tunnel, Plan& plan) const;
  void change(const UpdateAttempt& attempt, Plan& plan);
  void command(const UpdateAttempt& attempt, Plan& plan);

  ServiceContext& context_;
  UpdateLimits& limits_;
  UpdateHandler::Now now_;
};

}  // namespace simplon::control
