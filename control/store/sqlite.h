// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The little of SQLite's C interface the store needs, with ownership and errors in C++. Thread: one
// at a time per connection.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace simplon::control {

// A prepared statement; parameters count from 1, columns from 0. Bound text and blobs must live
// until reset().
class Statement {
 public:
  void bind(int parameter, int64_t value);
  void bind_text(int parameter, std::string_view value);
  void bind_blob(int parameter, std::string_view value);

  // True: a row is there.
  absl::StatusOr<bool> step();
  // For statements without rows: step and reset.
  absl::Status run();
  void reset();

  int64_t integer(int column) const;
  std::string_view blob(int column) const;  // valid until the next step or reset

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // `flags` as sqlite3_open_v2. The error names the path and what to do.
  static absl::StatusOr<Database> open(const std::string& path, int flags);

  absl::Status execute(const char* sql);
  absl::StatusOr<Statement> prepare(const char* sql);

  // In place of checkpoints by itself: after each commit, with the pages in the write-ahead log.
  // Lives as long as the connection.
  void on_commit(std::function<void(int)>* done);

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

// Rolls back at the end of its scope unless committed.
class Transaction {
 public:
  static absl::StatusOr<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  absl::Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace simplon::control
