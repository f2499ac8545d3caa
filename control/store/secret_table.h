// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One of the tables with secrets. A row holds from revision `since` until before revision `until`,
// or until now. It keeps what was valid at every revision that a rollback can reach, and nothing
// longer. Thread: the store's writer.

#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "control/store/sqlite.h"

namespace simplon::control {

class SecretTable {
 public:
  // Of the resource: a tunnel's id, an account's name.
  using Key = std::variant<uint32_t, std::string_view>;

  // Columns are `key`, since, until and then `columns` texts.
  absl::Status prepare(Database& database, const std::string& table, const std::string& key,
                       int columns);

  // From `revision` on the resource has these, as many as there are columns; empty list: none any
  // more.
  absl::Status put(uint64_t revision, Key key, std::initializer_list<std::string_view> secrets);

  // Deletes what ceased to be valid at `oldest` or before. True: there was something.
  absl::StatusOr<bool> forget(uint64_t oldest);

 private:
  std::optional<Statement> end_, erase_, insert_, forget_;
};

// Binds either kind of key.
void bind_key(Statement& statement, int parameter, SecretTable::Key key);

}  // namespace simplon::control
