// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is in the files of a store, for tests that look for what must not be there.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/support/catch.h"

namespace simplon::testing {

inline std::string hex(std::string_view text) {
  std::ostringstream out;
  for (const char c : text) {
    out << std::hex << std::uppercase << int(uint8_t(c) >> 4) << int(uint8_t(c) & 15);
  }
  return out.str();
}

inline std::string file_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// All that simplon.db holds in tables other than those for secrets.
inline std::string other_tables(const std::string& state_directory) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open_v2((state_directory + "/simplon.db").c_str(), &database,
                          SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  std::string content;
  const auto append = [](void* to, int count, char** values, char**) {
    for (int i = 0; i < count; ++i) {
      if (values[i] != nullptr) *static_cast<std::string*>(to) += values[i];
    }
    return 0;
  };
  for (const char* query : {"SELECT quote(key), quote(CAST(value AS TEXT)), hex(value) FROM meta",
                            "SELECT hex(proto) FROM pools", "SELECT hex(proto) FROM tunnels",
                            "SELECT hex(proto) FROM accounts", "SELECT hex(proto) FROM revisions",
                            "SELECT hex(proto) FROM changes", "SELECT hex(proto) FROM counters",
                            "SELECT hex(row) FROM learned", "SELECT * FROM counter_archive",
                            "SELECT * FROM slot_incarnation", "SELECT * FROM error_baseline"}) {
    INFO(query);
    CHECK(sqlite3_exec(database, query, append, &content, nullptr) == SQLITE_OK);
  }
  sqlite3_close(database);
  return content;
}

}  // namespace simplon::testing
