// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>

namespace simplon::control {

// What the journal holds of one dynamic tunnel, as it lies in the store: enough to seed a dataplane
// that has lost its memory (a reboot), and what control itself knows of the tunnel's past. All zero
// behind `tunnel_id`: nothing was ever learned.
struct LearnedRow {
  uint32_t slot = 0;
  uint32_t tunnel_id = 0;
  uint8_t incarnation = 0;
  uint8_t transport = 0;  // as in TunnelRuntime::endpoint
  uint8_t flags = 0;      // kLearned...
  uint8_t reserved = 0;
  uint16_t port = 0;  // host byte order
  uint16_t reserved1 = 0;
  uint8_t address[16] = {};        // IPv4-mapped for IPv4; zero: none known
  uint8_t local_address[16] = {};  // the PoP's
  uint32_t highest_epoch = 0;
  uint32_t moves = 0;
  int64_t last_seen_unix = 0;  // 0: never
  int64_t written_unix = 0;    // when this was true
  int64_t change_unix_ns = 0;  // since when it is up or down; 0: not known
  uint64_t up_in_packets = 0;  // packets from the client there were when it came up
};
static_assert(sizeof(LearnedRow) == 88);
inline constexpr uint8_t kLearnedUp = 1;
inline constexpr uint8_t kLearnedVerified = 2;
inline constexpr uint8_t kLearnedPreviousSecret = 4;
inline constexpr uint8_t kLearnedFlapping = 8;

// Errors of one tunnel and reason that were counted before the operator reset them.
struct ErrorBaseline {
  uint32_t tunnel_id = 0;
  uint8_t reason = 0;
  uint64_t instance = 0;  // of the ledger the count is of
  uint64_t count = 0;
};

}  // namespace simplon::control
