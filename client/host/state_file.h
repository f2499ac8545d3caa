// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a running client says about itself in DIRECTORY/state, for `status` and for people: lines
// `key=value`. Replaced as a whole, so that a reader never sees half of it. No secrets.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace simplon::client {

struct RunState {
  std::string state;   // starting, up, waiting
  std::string detail;  // why it waits; empty when up
  std::string tunnel;  // "T123"
  std::string type;    // as TIC names it
  std::string pop_id;
  std::string device;
  std::string kind;    // TunnelPath::kind()
  std::string client;  // addresses inside
  std::string pop;
  std::string pop_ipv4;  // and outside
  std::string local_ipv4;
  std::string ping_target;
  uint32_t prefix_length = 0;
  uint32_t mtu = 0;
  int64_t since = 0;        // of `state`, seconds since 1970, as are the next three
  int64_t last_beat = 0;    // 0: none
  int64_t last_answer = 0;  // of the PoP to a ping; 0: none yet
  int64_t next_try = 0;     // when it waits
};

absl::Status write_state(const std::string& directory, const RunState& state);
absl::StatusOr<RunState> read_state(const std::string& directory);
void remove_state(const std::string& directory);

// The text of the file and back. Unknown keys are skipped, so that programs of different age get
// along.
std::string format_state(const RunState& state);
RunState parse_state(std::string_view text);

}  // namespace simplon::client
