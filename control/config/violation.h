// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace simplon::control {

// One fault of a configuration. `field` is a path in the message: "tunnels[3].mtu".
struct FieldViolation {
  std::string field;
  std::string description;  // what is wrong and what would be right
  std::string reason;       // from violation_reasons.def
  int line = 0;             // 1-based; 0: the configuration did not come from a file
  int column = 0;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

namespace reason {
#define X(constant, name, help) inline constexpr std::string_view constant = name;
#include "control/config/violation_reasons.def"
#undef X
}  // namespace reason

// Collects violations up to a limit. Paths are relative to a scope, which is spelled out only when
// something is wrong: a million tunnels cost no strings.
class Violations {
 public:
  static constexpr std::size_t kLimit = 100;

  explicit Violations(std::size_t limit = kLimit) : limit_(limit) {}

  // What following paths are relative to: `collection`, or `collection[index]`. The text must
  // outlive the scope's use.
  void set_scope(std::string_view collection, int64_t index = -1) {
    scope_ = collection;
    index_ = index;
  }

  void add(std::string_view field, std::string_view why, std::string description);

  void add(FieldViolation violation);  // as it is, without the scope

  bool empty() const { return list_.empty(); }
  bool full() const { return list_.size() >= limit_; }
  std::size_t size() const { return list_.size(); }
  const std::vector<FieldViolation>& list() const { return list_; }
  std::vector<FieldViolation> take() { return std::move(list_); }

 private:
  std::size_t limit_;
  std::string_view scope_;
  int64_t index_ = -1;
  std::vector<FieldViolation> list_;
};

// "FILE:LINE:COLUMN: FIELD: DESCRIPTION", without the parts that are not known.
std::string format_violation(const FieldViolation& violation, std::string_view file_name = {});

// INVALID_ARGUMENT naming the first violation and the number of the others; OK if there are none.
absl::Status violations_to_status(const std::vector<FieldViolation>& violations,
                                  std::string_view file_name = {});

}  // namespace simplon::control
