// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/violation.h"

#include <utility>

namespace simplon::control {

void Violations::add(std::string_view field, std::string_view why, std::string description) {
  if (full()) return;
  std::string path(scope_);
  if (index_ >= 0) path += "[" + std::to_string(index_) + "]";
  if (!path.empty() && !field.empty()) path += '.';
  path += field;
  list_.push_back({std::move(path), std::move(description), std::string(why)});
}

void Violations::add(FieldViolation violation) {
  if (!full()) list_.push_back(std::move(violation));
}

std::string format_violation(const FieldViolation& violation, std::string_view file_name) {
  std::string text;
  if (!file_name.empty()) {
    text += file_name;
    text += ':';
  }
  if (violation.line > 0) {
    text += std::to_string(violation.line) + ":" + std::to_string(violation.column) + ":";
  }
  if (!text.empty()) text += ' ';
  if (!violation.field.empty()) text += violation.field + ": ";
  return text + violation.description;
}

absl::Status violations_to_status(const std::vector<FieldViolation>& violations,
                                  std::string_view file_name) {
  if (violations.empty()) return absl::OkStatus();
  std::string text = format_violation(violations.front(), file_name);
  if (violations.size() > 1) {
    text += " (and " + std::to_string(violations.size() - 1) + " more)";
  }
  return absl::InvalidArgumentError(text);
}

}  // namespace simplon::control
