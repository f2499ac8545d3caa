// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>

namespace simplon {

// Whose word is taken for the checksum of a received UDP datagram; else it is summed up here.
enum class RxChecksums : uint8_t {
  kNic,     // a NIC's; not a virtual device's
  kDriver,  // any driver's that offers to look
  kNone,
};

}  // namespace simplon
