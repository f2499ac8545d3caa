// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/state_file.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "client/text/words.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

std::string state_path(const std::string& directory) {
  return directory + "/state";
}

// Calls `field(name, member)` for all of them.
template <typename State, typename Field>
void each_field(State& s, Field&& field) {
  field("state", s.state);
  field("detail", s.detail);
  field("tunnel", s.tunnel);
  field("type", s.type);
  field("pop_id", s.pop_id);
  field("device", s.device);
  field("kind", s.kind);
  field("client", s.client);
  field("pop", s.pop);
  field("pop_ipv4", s.pop_ipv4);
  field("local_ipv4", s.local_ipv4);
  field("ping_target", s.ping_target);
  field("prefix_length", s.prefix_length);
  field("mtu", s.mtu);
  field("since", s.since);
  field("last_beat", s.last_beat);
  field("last_answer", s.last_answer);
  field("next_try", s.next_try);
}

std::string as_text(const std::string& value) {
  return printable(value, 1000);
}
template <typename Number>
std::string as_text(Number value) {
  return std::to_string(value);
}

void from_text(std::string_view text, std::string& value) {
  value = std::string(text);
}
template <typename Number>
void from_text(std::string_view text, Number& value) {
  std::from_chars(text.data(), text.data() + text.size(), value);
}

}  // namespace

std::string format_state(const RunState& state) {
  std::string text;
  each_field(state, [&text](std::string_view name, const auto& value) {
    text += std::string(name) + "=" + as_text(value) + "\n";
  });
  return text;
}

RunState parse_state(std::string_view text) {
  RunState state;
  for (const std::string_view line : split_lines(text)) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    each_field(state, [&](std::string_view name, auto& value) {
      if (name == line.substr(0, equals)) from_text(line.substr(equals + 1), value);
    });
  }
  return state;
}

absl::Status write_state(const std::string& directory, const RunState& state) {
  const std::string path = state_path(directory);
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << format_state(state);
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(path + ": cannot be written: " + errno_text(errno));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunState> read_state(const std::string& directory) {
  std::ifstream in(state_path(directory), std::ios::binary);
  if (!in) return absl::NotFoundError(state_path(directory) + ": " + errno_text(errno));
  std::string text(65536, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_state(text);
}

void remove_state(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove(state_path(directory), ignored);
}

}  // namespace simplon::client
