// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <memory>

#include "simplon/v1/common.pb.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// A tunnel to be created, with all that can be made ready without the model, and so in another
// thread than the engine's.
struct NewTunnel {
  v1::Change change;                  // with the tunnel normalised
  std::unique_ptr<v1::Tunnel> copy;   // the same, for the model to keep
  std::unique_ptr<v1::Tunnel> given;  // as faults are to show it; null: as in `change`
};

NewTunnel make_ready(std::unique_ptr<v1::Tunnel> given);

}  // namespace simplon::control
