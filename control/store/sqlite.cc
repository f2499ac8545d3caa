// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/sqlite.h"

#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

absl::Status sqlite_error(sqlite3* database, int code, std::string_view doing) {
  const std::string message =
      "store: " + std::string(doing) + ": " +
      (database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(ToAbsl(message + "; free space on the disk"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(ToAbsl(message));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          ToAbsl(message + "; restore the file from a backup or move it away"));
    default:
      return absl::InternalError(ToAbsl(message));
  }
}

}  // namespace

void Statement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::bind_text(int parameter, std::string_view value) {
  sqlite3_bind_text64(statement_.get(), parameter, value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void Statement::bind_blob(int parameter, std::string_view value) {
  sqlite3_bind_blob64(statement_.get(), parameter, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC);
}

absl::StatusOr<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  absl::Status status =
      sqlite_error(sqlite3_db_handle(statement_.get()), code, sqlite3_sql(statement_.get()));
  reset();
  return status;
}

absl::Status Statement::run() {
  const auto row = step();
  reset();
  return row.status();
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          std::size_t(sqlite3_column_bytes(statement_.get(), column))};
}

absl::StatusOr<Database> Database::open(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) return sqlite_error(raw, code, "open " + path);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  return database;
}

absl::Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : sqlite_error(database_.get(), code, sql);
}

absl::StatusOr<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_.get(), code, sql);
  return Statement(statement);
}

void Database::on_commit(std::function<void(int)>* done) {
  sqlite3_wal_hook(
      database_.get(),
      [](void* function, sqlite3*, const char*, int pages) {
        (*static_cast<std::function<void(int)>*>(function))(pages);
        return SQLITE_OK;
      },
      done);
}

absl::StatusOr<Transaction> Transaction::begin(Database& database) {
  if (auto status = database.execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) database_->execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::commit() {
  if (auto status = database_->execute("COMMIT"); !status.ok()) return status;
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace simplon::control
