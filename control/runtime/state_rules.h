// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What state a tunnel is in, and why, from what is known of it (docs/protocols.md §10). Pure;
// thread: any.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "control/runtime/ledger_reader.h"
#include "control/runtime/runtime_book.h"
#include "control/runtime/runtime_reader.h"
#include "simplon/v1/state_service.pb.h"

namespace simplon::control {

struct StateFacts {
  v1::Tunnel::Type type = v1::Tunnel::TYPE_UNSPECIFIED;
  bool enabled = true;
  bool connected = true;  // to a dataplane
  RuntimeReader::Learned learned;
  RuntimeBook::Note note;
  uint64_t in_packets = 0;              // from the client, so far
  std::span<const TunnelFault> faults;  // of this tunnel, most recent first
  int64_t now_unix = 0;                 // seconds
  uint32_t now_boot = 0;
};

struct StateVerdict {
  bool up = false;
  v1::TunnelState::ReasonCode code = v1::TunnelState::REASON_CODE_UNSPECIFIED;
  std::string reason;
};

// Up by beats for so long without a packet, a tunnel's path is probably blocked.
inline constexpr int64_t kNoDataAfterS = 60;

StateVerdict judge_state(const StateFacts& facts);

// Second of the last sign of life; 0: none.
int64_t last_seen_unix(const StateFacts& facts);

// The newest refusal for the client's clock; null: none.
const TunnelFault* clock_fault(std::span<const TunnelFault> faults);
bool is_replay(uint8_t reason);

// Bytes of outer headers in front of an inner packet (docs/protocols.md §2.4): of a dynamic
// tunnel's present encapsulation.
uint32_t overhead_of(const Endpoint& endpoint);

}  // namespace simplon::control
