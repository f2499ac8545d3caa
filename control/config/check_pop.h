// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "control/config/violation.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// The settings of the PoP that no packet meets: what subscribers are told, who may log in, update
// and administer. Paths are relative to the scope of `violations`.
void check_pop_policy(const v1::Pop& pop, Violations& violations);

}  // namespace simplon::control
