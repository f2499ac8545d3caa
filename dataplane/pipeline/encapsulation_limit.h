// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The tunnel encapsulation limit (RFC 2473 4.1.1, docs/protocols.md §11.2). Internal to the
// pipeline.

#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/pipeline/packet.h"

namespace simplon {

struct EncapsulationLimit {
  uint8_t value;
  uint16_t offset;  // of the value, from the IPv6 header
};

// Of the IPv6 packet at `inner`, if it says how often it may still be encapsulated.
std::optional<EncapsulationLimit> find_encapsulation_limit(const Packet& packet);

}  // namespace simplon
