// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/secret_table.h"

#include <fmt/format.h>

namespace simplon::control {

void bind_key(Statement& statement, int parameter, SecretTable::Key key) {
  if (const auto* id = std::get_if<uint32_t>(&key)) {
    statement.bind(parameter, *id);
  } else {
    statement.bind_text(parameter, std::get<std::string_view>(key));
  }
}

absl::Status SecretTable::prepare(Database& database, const std::string& table,
                                  const std::string& key, int columns) {
  std::string values = "?1, ?2, NULL";
  for (int i = 0; i < columns; ++i) values += fmt::format(", ?{}", 3 + i);
  const std::pair<std::optional<Statement>*, std::string> statements[] = {
      {&end_, fmt::format("UPDATE {} SET until = ?2 WHERE {} = ?1 AND until IS NULL AND since < ?2",
                          table, key)},
      {&erase_, fmt::format("DELETE FROM {} WHERE {} = ?1 AND since = ?2", table, key)},
      {&insert_, fmt::format("INSERT INTO {} VALUES ({})", table, values)},
      {&forget_, fmt::format("DELETE FROM {} WHERE until <= ?1 RETURNING since", table)},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql.c_str());
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status SecretTable::put(uint64_t revision, Key key,
                              std::initializer_list<std::string_view> secrets) {
  // Several changes of one resource in one revision leave only the last.
  for (Statement* statement : {&*end_, &*erase_}) {
    bind_key(*statement, 1, key);
    statement->bind(2, int64_t(revision));
    if (auto status = statement->run(); !status.ok()) return status;
  }
  if (secrets.size() == 0) return absl::OkStatus();
  bind_key(*insert_, 1, key);
  insert_->bind(2, int64_t(revision));
  int parameter = 3;
  for (const std::string_view secret : secrets) insert_->bind_text(parameter++, secret);
  return insert_->run();
}

absl::StatusOr<bool> SecretTable::forget(uint64_t oldest) {
  forget_->bind(1, int64_t(oldest));
  bool any = false;
  for (;;) {
    const auto row = forget_->step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    any = true;
  }
  forget_->reset();
  return any;
}

}  // namespace simplon::control
