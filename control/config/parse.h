// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/statusor.h>

#include <string_view>
#include <vector>

#include "control/config/validate.h"
#include "control/config/violation.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

enum class ConfigFormat { kText, kJson };

// By the name's extension (.json; .txtpb, .textproto, .pbtxt), else by the first character that is
// no blank.
ConfigFormat detect_format(std::string_view text, std::string_view file_name);

struct ParseOptions {
  // Also validate(); without it only what is no configuration at all is refused.
  bool check_meaning = true;
  MissingPasswords missing_passwords = MissingPasswords::kRefuse;
};

// Reads a whole configuration and returns it normalised. On failure `violations` (if not null)
// holds every fault with its place in the text; JSON has no line numbers for faults of meaning,
// only paths. The status names the first one.
absl::StatusOr<v1::Config> parse_config(std::string_view text, std::string_view file_name,
                                        std::vector<FieldViolation>* violations,
                                        const ParseOptions& options = {});

// Fills in line and column of violations found elsewhere, as by the server, for the text the
// configuration came from.
void locate_violations(std::string_view text, std::string_view file_name,
                       std::vector<FieldViolation>& violations);

}  // namespace simplon::control
