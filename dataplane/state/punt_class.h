// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace simplon {

enum class PuntClass : uint8_t {
#define X(enumerator, name, rate, burst, help) enumerator,
#include "dataplane/state/punt_classes.def"
#undef X
};

struct PuntClassInfo {
  std::string_view name;
  uint32_t rate;   // packets per second and worker
  uint32_t burst;  // packets
  std::string_view help;
};

inline constexpr PuntClassInfo kPuntClasses[] = {
#define X(enumerator, name, rate, burst, help) {name, rate, burst, help},
#include "dataplane/state/punt_classes.def"
#undef X
};
inline constexpr std::size_t kPuntClassCount = sizeof(kPuntClasses) / sizeof(kPuntClasses[0]);

}  // namespace simplon
