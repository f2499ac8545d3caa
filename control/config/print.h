// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

// Passwords are printed only where somebody says so: for a backup.
enum class Secrets { kHide, kShow };

// The normalised configuration as text: what parse_config() makes of it again is the same message,
// if there are no passwords or they are shown.
std::string print_config_text(v1::Config config, Secrets secrets = Secrets::kHide);

// The same in JSON with the proto's field names, indented.
std::string print_config_json(v1::Config config, Secrets secrets = Secrets::kHide);

}  // namespace simplon::control
