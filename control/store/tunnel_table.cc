// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/tunnel_table.h"

#include <google/protobuf/io/coded_stream.h>

#include <string>
#include <utility>

#include "control/encoding.h"
#include "control/store/return_if_error.h"
#include "control/text/absl_text.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {
namespace {

constexpr int64_t kBeyondIds = int64_t{1} << 32;

absl::Status unreadable() {
  return absl::DataLossError(
      "store: unreadable row in the table of tunnels; restore simplon.db from a backup");
}

std::string entry_of(std::string_view tunnel) {
  std::string entry;
  append_field(entry, v1::Config::kTunnelsFieldNumber, tunnel);
  return entry;
}

}  // namespace

absl::Status TunnelTable::prepare(Database& database) {
  const std::pair<std::optional<Statement>*, const char*> statements[] = {
      {&below_, "SELECT id, proto FROM tunnels WHERE id <= ?1 ORDER BY id DESC LIMIT 1"},
      {&above_, "SELECT id FROM tunnels WHERE id > ?1 ORDER BY id LIMIT 1"},
      {&write_, "INSERT OR REPLACE INTO tunnels VALUES (?1, ?2)"},
      {&erase_, "DELETE FROM tunnels WHERE id = ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status TunnelTable::read_entry(std::size_t at, Place* place) const {
  using google::protobuf::io::CodedInputStream;
  const std::string& bytes = open_->tunnels;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()) + at, int(bytes.size() - at));
  uint32_t size = 0;
  constexpr uint32_t kTag = field_tag(v1::Config::kTunnelsFieldNumber, kLengthDelimited);
  if (in.ReadTag() != kTag || !in.ReadVarint32(&size)) return unreadable();
  place->begin = at;
  place->end = at + std::size_t(in.CurrentPosition()) + size;
  // Fields are written in the order of their numbers, and that of the id is the lowest.
  constexpr uint32_t kIdTag = field_tag(v1::Tunnel::kIdFieldNumber, kVarint);
  if (place->end > bytes.size() || in.ReadTag() != kIdTag || !in.ReadVarint32(&place->id)) {
    return unreadable();
  }
  return absl::OkStatus();
}

absl::Status TunnelTable::find(uint32_t id, Place* place) const {
  for (std::size_t at = 0; at < open_->tunnels.size(); at = place->end) {
    SIMPLON_RETURN_IF_ERROR(read_entry(at, place));
    if (place->id >= id) return absl::OkStatus();
  }
  *place = {open_->tunnels.size(), open_->tunnels.size(), 0};
  return absl::OkStatus();
}

// Opens the row the id belongs to, which may have to be made.
absl::Status TunnelTable::open(uint32_t id) {
  if (open_ && id >= open_->key && id < open_->end) return absl::OkStatus();
  SIMPLON_RETURN_IF_ERROR(end());
  Row row{.key = id, .end = kBeyondIds};
  below_->bind(1, id);
  const auto found = below_->step();
  if (!found.ok()) return found.status();
  if (*found) {
    row.key = below_->integer(0);
    row.tunnels = below_->blob(1);
    row.there = true;
  }
  below_->reset();
  above_->bind(1, id);
  const auto next = above_->step();
  if (!next.ok()) return next.status();
  if (*next) row.end = above_->integer(0);
  above_->reset();
  open_ = std::move(row);
  for (std::size_t at = 0; at < open_->tunnels.size();) {
    Place place;
    SIMPLON_RETURN_IF_ERROR(read_entry(at, &place));
    open_->last = place.id;
    at = place.end;
  }
  return absl::OkStatus();
}

absl::Status TunnelTable::end() {
  if (!open_) return absl::OkStatus();
  const Row row = *std::exchange(open_, std::nullopt);
  if (!row.changed) return absl::OkStatus();
  if (row.last != 0) {
    write_->bind(1, row.key);
    write_->bind_blob(2, row.tunnels);
    return write_->run();
  }
  if (!row.there) return absl::OkStatus();
  erase_->bind(1, row.key);
  return erase_->run();
}

absl::Status TunnelTable::append(uint32_t id, std::string_view tunnel) {
  if (open_->last != 0 && open_->tunnels.size() + tunnel.size() > kRowBytes) {
    Row next{.key = id, .end = open_->end};
    SIMPLON_RETURN_IF_ERROR(end());
    open_ = std::move(next);
  }
  append_field(open_->tunnels, v1::Config::kTunnelsFieldNumber, tunnel);
  open_->last = id;
  open_->changed = true;
  return absl::OkStatus();
}

// The upper half becomes a row of its own, and stays open.
absl::Status TunnelTable::split() {
  Place place;
  for (std::size_t at = 0; at < open_->tunnels.size(); at = place.end) {
    SIMPLON_RETURN_IF_ERROR(read_entry(at, &place));
    if (at < open_->tunnels.size() / 2 || at == 0) continue;
    Row upper{.key = place.id, .end = open_->end, .last = open_->last, .changed = true};
    upper.tunnels = open_->tunnels.substr(at);
    open_->tunnels.resize(at);
    SIMPLON_RETURN_IF_ERROR(end());
    open_ = std::move(upper);
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status TunnelTable::put(uint32_t id, std::string_view tunnel) {
  SIMPLON_RETURN_IF_ERROR(open(id));
  if (id > open_->last) return append(id, tunnel);
  Place place;
  SIMPLON_RETURN_IF_ERROR(find(id, &place));
  const std::size_t old_size = place.id == id ? place.end - place.begin : 0;
  open_->tunnels.replace(place.begin, old_size, entry_of(tunnel));
  open_->changed = true;
  return open_->tunnels.size() > kRowBytes ? split() : absl::OkStatus();
}

absl::Status TunnelTable::erase(uint32_t id) {
  SIMPLON_RETURN_IF_ERROR(open(id));
  if (id > open_->last) return absl::OkStatus();
  Place place;
  SIMPLON_RETURN_IF_ERROR(find(id, &place));
  if (place.id != id) return absl::OkStatus();
  open_->tunnels.erase(place.begin, place.end - place.begin);
  open_->changed = true;
  if (id != open_->last) return absl::OkStatus();
  open_->last = 0;
  for (std::size_t at = 0; at < open_->tunnels.size(); at = place.end) {
    SIMPLON_RETURN_IF_ERROR(read_entry(at, &place));
    open_->last = place.id;
  }
  return absl::OkStatus();
}

absl::Status take_over_single_rows(Database& database) {
  TunnelTable table;
  SIMPLON_RETURN_IF_ERROR(table.prepare(database));
  auto rows = database.prepare("SELECT id, proto FROM tunnels_4 ORDER BY id");
  if (!rows.ok()) return rows.status();
  v1::Tunnel tunnel;
  for (;;) {
    const auto more = rows->step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const int64_t id = rows->integer(0);
    const std::string_view bytes = rows->blob(1);
    // From here on it shares its row: what is wrong with one would spoil its neighbours.
    if (!tunnel.ParseFromArray(bytes.data(), int(bytes.size())) || tunnel.id() != id) {
      return absl::DataLossError(
          ToAbsl("store: row " + std::to_string(id) +
                 " of the table of tunnels is not that tunnel; restore simplon.db from a backup"));
    }
    SIMPLON_RETURN_IF_ERROR(table.put(tunnel.id(), bytes));
  }
  rows->reset();
  SIMPLON_RETURN_IF_ERROR(table.end());
  return database.execute("DROP TABLE tunnels_4");
}

}  // namespace simplon::control
