// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

// The normalised configuration as text: what parse_config() makes of it again is the same message.
std::string print_config_text(v1::Config config);

// The same in JSON with the proto's field names, indented.
std::string print_config_json(v1::Config config);

// One message on one line, for diffs and logs.
std::string print_short(const google::protobuf::Message& message);

}  // namespace simplon::control
