// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AIP-160 filters over the fields of a message: `admin_state=DISABLED AND remote="192.0.2.1"`. AND,
// OR (binds closer than AND), NOT or `-`, parentheses; = != < <= > >= and `:` (contains). Immutable
// once parsed; thread: any.

#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string_view>

namespace simplon::control {

class Filter {
 public:
  // Matches everything.
  Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  // `type`: of the messages to match. INVALID_ARGUMENT with the column of the fault.
  static absl::StatusOr<Filter> parse(std::string_view text,
                                      const google::protobuf::Descriptor* type);

  bool matches(const google::protobuf::Message& message) const;
  bool matches_all() const { return root_ == nullptr; }
  // Does it look at one of these fields? (So that what is costly to fill in need not be.)
  bool uses(std::string_view field) const;

  struct Node;

 private:
  explicit Filter(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace simplon::control
