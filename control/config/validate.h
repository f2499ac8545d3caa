// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "control/config/compile.h"
#include "control/config/context.h"
#include "control/config/violation.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// Configurations as the server prints them have no passwords, and it keeps those it has: kAllow is
// for whoever looks at one without being the server.
enum class MissingPasswords { kRefuse, kAllow };

// Every fault of the configuration, at most Violations::kLimit; empty: it can be published (if
// there is no password missing). Paths are those of `config` as it is, before normalize().
std::vector<FieldViolation> validate(const v1::Config& config,
                                     MissingPasswords missing = MissingPasswords::kRefuse);

// The PoP and the pools alone.
std::vector<FieldViolation> validate_settings(const v1::Pop& pop, const PoolList& pools);

// One tunnel against all that the context holds, in constant time; whether its account exists is
// the caller's to check. `replaced`: id of the tunnel
// that this one takes the place of, whose slot and prefixes it may keep; 0: none. Paths are the
// tunnel's own ("mtu").
std::vector<FieldViolation> validate_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                            uint32_t replaced = 0);

// The same, and the tunnel in the snapshot's form when there is no violation. Violations go where
// `violations` has its scope.
std::optional<CompiledTunnel> compile_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                             Violations& violations, uint32_t replaced = 0,
                                             MissingPasswords missing = MissingPasswords::kRefuse);

// The tunnels of a configuration one after another, with what is wrong with them: each one without
// violations is added to the context and given to `take`.
void compile_tunnels(const v1::Config& config, ConfigContext& context, Violations& violations,
                     const std::function<void(CompiledTunnel&&)>& take,
                     MissingPasswords missing = MissingPasswords::kRefuse);

// A whole configuration: what validate() checks, kept.
struct CompiledConfig {
  ConfigContext context;
  std::vector<CompiledTunnel>
      tunnels;  // those without violations, in the order of the configuration
};
CompiledConfig compile_config(const v1::Config& config, Violations& violations,
                              MissingPasswords missing = MissingPasswords::kRefuse);

// For tunnels known to be valid, as those in the store are.
CompiledTunnel compile_valid_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context);

}  // namespace simplon::control
