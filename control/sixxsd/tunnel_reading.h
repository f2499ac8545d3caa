// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the console shows of tunnels, read for one command (docs/protocols.md §12.4). Thread: any.

#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/service_context.h"
#include "control/sixxsd/error_names.h"

namespace simplon::control::sixxsd {

class TunnelReading {
 public:
  explicit TunnelReading(const ServiceContext& context);

  // ---- Of one tunnel.

  struct Look {
    bool enabled = true;
    bool up = false;
    bool dynamic = false;
    uint8_t incarnation = 0;
    std::string_view type;   // none, direct, ayiya, gre
    std::string outer_them;  // 0.0.0.0: not known
    RuntimeReader::Learned learned;
    uint32_t overhead = 0;  // bytes in front of an inner packet
    uint32_t mtu = 0;       // as set, or what the type's default is

    std::string_view state() const { return !enabled ? "disabled" : up ? "up" : "down"; }
    bool is_ayiya() const { return type == "ayiya"; }
  };
  Look look(const v1::Tunnel& tunnel) const;

  // in_packets, in_bytes, out_packets, out_bytes: inner bytes in, outer bytes out, as the original
  // counted.
  static TunnelSums as_shown(TunnelSums sums, uint32_t overhead) {
    sums[3] += sums[2] * overhead;
    return sums;
  }

  // ---- Errors, without what was reset.

  // By the original's counter; each the newest of the reasons it stands for, with their sum.
  std::array<std::optional<TunnelFault>, kErrorCount> faults(const v1::Tunnel& tunnel,
                                                             uint8_t incarnation) const;
  // Reads the whole ledger once, for count() of many tunnels.
  void index_faults();
  uint64_t count(const v1::Tunnel& tunnel, uint8_t incarnation, std::size_t error) const;

 private:
  static uint64_t key(uint32_t slot, uint8_t incarnation) {
    return uint64_t{slot} << 8 | incarnation;
  }

  const ServiceContext& context_;
  std::shared_ptr<const RuntimeReader> runtime_;
  std::shared_ptr<const LedgerReader> ledger_;
  bool connected_;
  absl::flat_hash_map<uint64_t, std::array<uint64_t, 256>> index_;
};

// Addresses as the original spelled them: PREFIX:TID::N in any case.
std::string inner_address(const Model& model, uint32_t slot, unsigned host);

// `T<n>`, or an address inside; null: none.
const v1::Tunnel* find_tunnel(const Model& model, std::string_view name);

}  // namespace simplon::control::sixxsd
