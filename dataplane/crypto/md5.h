// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// MD5 (RFC 1321), for heartbeats (docs/protocols.md §7.2) and nothing else: deployed clients know
// no other digest. Any thread, no allocation.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace simplon {

using Md5Digest = std::array<uint8_t, 16>;

// Of `first` and `second` one after the other.
Md5Digest md5(std::string_view first, std::string_view second = {});

}  // namespace simplon
