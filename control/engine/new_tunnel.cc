// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/engine/new_tunnel.h"

#include "control/config/normalize.h"
#include "control/model/render.h"

namespace simplon::control {

NewTunnel make_ready(std::unique_ptr<v1::Tunnel> given) {
  NewTunnel ready;
  ready.given = normalize_and_keep(*given);
  ready.copy = std::make_unique<v1::Tunnel>(*given);
  if (given->id() != 0) ready.change.set_name(tunnel_name(given->id()));
  ready.change.set_action(v1::Change::CREATED);
  ready.change.mutable_new_()->set_allocated_tunnel(given.release());
  return ready;
}

}  // namespace simplon::control
