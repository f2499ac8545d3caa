// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The table of tunnels, without their secrets. Writing a row costs SQLite as much as dozens of
// tunnels in it do, so a row has as many as fit a page: those with ids from its key on up to below
// the key of the next row, ascending, as a serialised Config of nothing else. One row at a time is
// open: changes of neighbours meet in it. Thread: the store's writer.

#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/store/sqlite.h"

namespace simplon::control {

class TunnelTable {
 public:
  // Bytes of a row, unless a tunnel alone has more: one page of the database.
  static constexpr std::size_t kRowBytes = 3600;

  absl::Status prepare(Database& database);

  // The first thing in a transaction: forgets what one that failed has left.
  void begin() { open_.reset(); }
  // Inserts or replaces. `tunnel`: a serialised Tunnel with that id.
  absl::Status put(uint32_t id, std::string_view tunnel);
  // One that is not there is no error.
  absl::Status erase(uint32_t id);
  // The last thing in a transaction: until then the table may lack what was put.
  absl::Status end();

 private:
  struct Row {
    int64_t key = 0;
    int64_t end = 0;     // key of the next row, or beyond all ids
    uint32_t last = 0;   // highest id in it; 0: it has none
    bool there = false;  // in the table
    bool changed = false;
    std::string tunnels{};
  };
  // Where an entry is in Row::tunnels.
  struct Place {
    std::size_t begin = 0;
    std::size_t end = 0;
    uint32_t id = 0;
  };

  absl::Status open(uint32_t id);
  absl::Status append(uint32_t id, std::string_view tunnel);
  absl::Status split();
  // The first entry from `from` on whose id is at least that; at the end: behind the last.
  absl::Status find(uint32_t id, Place* place) const;
  absl::Status read_entry(std::size_t at, Place* place) const;

  std::optional<Statement> below_, above_, write_, erase_;
  std::optional<Row> open_;
};

// A table with a row for each tunnel, in place of which this one comes: `tunnels_4` goes over into
// `tunnels`.
absl::Status take_over_single_rows(Database& database);

}  // namespace simplon::control
