// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>

namespace simplon {

// CRC-32C (Castagnoli; RFC 3720 appendix B.4) of `size` bytes behind others that had the CRC
// `before`. Uses the SSE 4.2 instruction where the processor has it. Any thread.
uint32_t crc32c(const void* data, std::size_t size, uint32_t before = 0);

// The plain table-driven computation, for processors without the instruction; the tests compare
// both.
uint32_t crc32c_portable(const void* data, std::size_t size, uint32_t before = 0);

}  // namespace simplon
