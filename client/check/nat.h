// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <optional>
#include <string>

#include "client/tunnel_info.h"

namespace simplon::client {

// Is there a NAT between this host and the PoP, as far as addresses tell, and does it matter.
struct NatVerdict {
  enum class Level : uint8_t { kFine, kNote, kProblem };
  Level level = Level::kFine;
  std::string text{};
  std::string advice{};  // empty when fine
};

// `local`: the address this host sends to the PoP from; nothing: no way there. `behind_nat`: the
// subscriber knows and has seen to it. Any thread.
NatVerdict judge_nat(const TunnelInfo& tunnel, std::optional<Ipv4Address> local, bool behind_nat);

}  // namespace simplon::client
