// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace simplon {

// Where in the flow a packet was dropped; groups the reasons for people.
enum class DropCategory : uint8_t { kLink, kOuter, kDecap, kRoute, kEncap, kLocal, kSystem };

// The ICMP error a dropped packet is owed: RFC 4443 3, and its counterpart in RFC 792 for IPv4.
enum class IcmpAnswer : uint8_t {
  kNone,
  kNoRoute,
  kAdminProhibited,
  kAddress,
  kPort,
  kSourcePolicy,  // only where the PoP is configured to say so
  kHopLimit,
  kTooBig,
  kEncapLimit,  // parameter problem at the option (RFC 2473 5.1)
};

enum class DropReason : uint8_t {
#define X(enumerator, name, category, answer, help) enumerator,
#include "dataplane/state/drop_reasons.def"
#undef X
};

struct DropReasonInfo {
  std::string_view name;
  DropCategory category;
  IcmpAnswer answer;
  std::string_view help;
};

inline constexpr DropReasonInfo kDropReasons[] = {
#define X(enumerator, name, category, answer, help) \
  {name, DropCategory::category, IcmpAnswer::answer, help},
#include "dataplane/state/drop_reasons.def"
#undef X
};
inline constexpr std::size_t kDropReasonCount = sizeof(kDropReasons) / sizeof(kDropReasons[0]);

constexpr const DropReasonInfo& info(DropReason r) {
  return kDropReasons[std::size_t(r)];
}
std::string_view name(DropCategory category);

}  // namespace simplon
