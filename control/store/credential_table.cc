// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/credential_table.h"

namespace simplon::control {

absl::Status CredentialTable::prepare(Database& database) {
  const auto add = [&](std::optional<Statement>& statement, const char* sql) -> absl::Status {
    auto prepared = database.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    statement = *std::move(prepared);
    return absl::OkStatus();
  };
  if (auto s = add(end_,
                   "UPDATE credentials SET until = ?2 WHERE tunnel_id = ?1 AND until IS NULL "
                   "AND since < ?2");
      !s.ok()) {
    return s;
  }
  if (auto s = add(erase_, "DELETE FROM credentials WHERE tunnel_id = ?1 AND since = ?2"); !s.ok())
    return s;
  if (auto s = add(insert_, "INSERT INTO credentials VALUES (?1, ?2, NULL, ?3, ?4)"); !s.ok())
    return s;
  return add(forget_, "DELETE FROM credentials WHERE until <= ?1 RETURNING tunnel_id");
}

absl::Status CredentialTable::put(uint64_t revision, uint32_t tunnel_id,
                                  const Credential& credential) {
  // Several changes of one tunnel in one revision leave only the last.
  for (Statement* statement : {&*end_, &*erase_}) {
    statement->bind(1, tunnel_id);
    statement->bind(2, int64_t(revision));
    if (auto status = statement->run(); !status.ok()) return status;
  }
  if (credential.empty()) return absl::OkStatus();
  insert_->bind(1, tunnel_id);
  insert_->bind(2, int64_t(revision));
  insert_->bind_text(3, credential.password);
  insert_->bind_text(4, credential.previous_password);
  return insert_->run();
}

absl::StatusOr<bool> CredentialTable::forget(uint64_t oldest) {
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
