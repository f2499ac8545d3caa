// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/validate.h"

#include "control/config/account.h"

namespace simplon::control {

std::vector<FieldViolation> validate_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                            uint32_t replaced) {
  Violations violations;
  compile_tunnel(tunnel, context, violations, replaced);
  return violations.take();
}

std::vector<FieldViolation> validate_settings(const v1::Pop& pop, const PoolList& pools) {
  Violations violations;
  const ConfigContext context(pop, pools, violations);
  return violations.take();
}

std::vector<FieldViolation> validate(const v1::Config& config, MissingPasswords missing) {
  Violations violations;
  ConfigContext context(config.pop(), config.pools(), violations);
  compile_tunnels(
      config, context, violations, [](CompiledTunnel&&) {}, missing);
  check_accounts(config, violations);
  return violations.take();
}

void compile_tunnels(const v1::Config& config, ConfigContext& context, Violations& violations,
                     const std::function<void(CompiledTunnel&&)>& take, MissingPasswords missing) {
  context.reserve(static_cast<std::size_t>(config.tunnels_size()));
  for (int i = 0; i < config.tunnels_size() && !violations.full(); ++i) {
    violations.set_scope("tunnels", i);
    auto tunnel = compile_tunnel(config.tunnels(i), context, violations, 0, missing);
    if (!tunnel) continue;
    context.add(*tunnel);
    take(std::move(*tunnel));
  }
}

CompiledConfig compile_config(const v1::Config& config, Violations& violations,
                              MissingPasswords missing) {
  CompiledConfig compiled{ConfigContext(config.pop(), config.pools(), violations), {}};
  compiled.tunnels.reserve(static_cast<std::size_t>(config.tunnels_size()));
  compile_tunnels(
      config, compiled.context, violations,
      [&](CompiledTunnel&& tunnel) { compiled.tunnels.push_back(std::move(tunnel)); }, missing);
  check_accounts(config, violations);
  return compiled;
}

}  // namespace simplon::control
