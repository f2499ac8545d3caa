// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The original's error counters, and what of the ledger they are (docs/protocols.md §12.7). Thread:
// any.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace simplon::control::sixxsd {

inline constexpr std::string_view kErrorNames[] = {
#define X(number, name, reasons) name,
#include "control/sixxsd/error_names.def"
#undef X
};
inline constexpr std::size_t kErrorCount = sizeof(kErrorNames) / sizeof(kErrorNames[0]);

// Too-big packets are the network's everyday life and no fault of a tunnel: not in sums.
inline constexpr std::size_t kTooBigError = 0;

// Counter of a reason of the ledger (DropReason or LedgerNote); nullopt: of none.
std::optional<std::size_t> error_of(uint8_t reason);
// By its name, in any case.
std::optional<std::size_t> find_error(std::string_view name);

}  // namespace simplon::control::sixxsd
