// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/schema.h"

#include <string>

#include "control/store/tunnel_table.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

// Step i leads from version i to i + 1.
constexpr const char* kSteps[] = {
    R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE pools (name TEXT PRIMARY KEY, proto BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tunnels (id INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE revisions (number INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE changes (revision INTEGER NOT NULL, number INTEGER NOT NULL, proto BLOB NOT NULL,
                      PRIMARY KEY (revision, number)) WITHOUT ROWID;
CREATE TABLE counters (tunnel_id INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE counter_archive (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
)sql",
    // Passwords have a table of their own, the only place where they are. A row holds from revision
    // `since` until before revision `until`, or until now; what no rollback can reach is deleted.
    R"sql(
CREATE TABLE credentials (tunnel_id INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER,
                          password TEXT NOT NULL, previous_password TEXT NOT NULL,
                          PRIMARY KEY (tunnel_id, since)) WITHOUT ROWID;
CREATE INDEX credentials_until ON credentials (until) WHERE until IS NOT NULL;
CREATE TABLE slot_incarnation (slot INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL);
CREATE TABLE learned (slot INTEGER PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE error_baseline (tunnel_id INTEGER NOT NULL, reason INTEGER NOT NULL,
                             instance INTEGER NOT NULL, count INTEGER NOT NULL,
                             PRIMARY KEY (tunnel_id, reason)) WITHOUT ROWID;
)sql",
    // Accounts, and their secrets by the same rule.
    R"sql(
ALTER TABLE credentials ADD COLUMN update_key TEXT NOT NULL DEFAULT '';
CREATE TABLE accounts (name TEXT PRIMARY KEY, proto BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE account_secrets (name TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
                              secret_md5 TEXT NOT NULL,
                              PRIMARY KEY (name, since)) WITHOUT ROWID;
CREATE INDEX account_secrets_until ON account_secrets (until) WHERE until IS NOT NULL;
)sql",
    // A row of `changes` has as many, from number `number` on, as the ConfigDiff `proto`. 0: one,
    // as the Change.
    R"sql(
ALTER TABLE changes ADD COLUMN count INTEGER NOT NULL DEFAULT 0;
)sql",
    // See TunnelTable.
    R"sql(
ALTER TABLE tunnels RENAME TO tunnels_4;
CREATE TABLE tunnels (id INTEGER PRIMARY KEY, proto BLOB NOT NULL);
)sql",
};
static_assert(sizeof kSteps / sizeof kSteps[0] == kSchemaVersion);
constexpr int kSeveralTunnelsPerRow = 5;  // version

absl::StatusOr<int> version_of(Database& database) {
  auto query = database.prepare("PRAGMA user_version");
  if (!query.ok()) return query.status();
  auto row = query->step();
  if (!row.ok()) return row.status();
  return int(query->integer(0));
}

}  // namespace

absl::Status migrate_schema(Database& database) {
  const auto version = version_of(database);
  if (!version.ok()) return version.status();
  if (*version == kSchemaVersion) return absl::OkStatus();
  if (*version < 0 || *version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        ToAbsl("store: simplon.db has schema version " + std::to_string(*version) +
               ", this program knows up to " + std::to_string(kSchemaVersion) +
               "; use the program that wrote it"));
  }
  auto transaction = Transaction::begin(database);
  if (!transaction.ok()) return transaction.status();
  for (int step = *version; step < kSchemaVersion; ++step) {
    if (auto status = database.execute(kSteps[step]); !status.ok()) return status;
    if (step + 1 != kSeveralTunnelsPerRow) continue;
    if (auto status = take_over_single_rows(database); !status.ok()) return status;
  }
  const std::string set_version = "PRAGMA user_version = " + std::to_string(kSchemaVersion);
  if (auto status = database.execute(set_version.c_str()); !status.ok()) return status;
  return transaction->commit();
}

}  // namespace simplon::control
