// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The arguments of the command language, typed (docs/protocols.md §12.3). The errors say what is
// wrong in one line of printable ASCII, and never hold a password. Pure; thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/net/address.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control::sixxsd {

// Slots of tunnels are 0..0x7fff: the upper half of the numbers are their routed prefixes. The last
// one's holds ffff::1, the PoP's own address.
inline constexpr uint32_t kReservedTid = 0x7fff;

// Decimal digits alone; nullopt beyond 32 bits.
std::optional<uint32_t> parse_decimal(std::string_view text);
// 0..7ffe, hexadecimal, with or without 0x.
absl::StatusOr<uint32_t> parse_tid(std::string_view text);
// T1..T4294967295
std::optional<uint32_t> parse_tunnel_id(std::string_view text);
// Either family; IPv4 as ::ffff:a.b.c.d, also where it is written like that.
std::optional<Ipv6Address> parse_ip(std::string_view text);
// yes true on enabled 1, and what the original took besides
bool is_yes(std::string_view text);

absl::Status bad_argument(std::string text);

// `tunnel set config`
struct TunnelLine {
  enum class Endpoint : uint8_t { kStatic, kDynamic, kAyiya, kHeartbeat };

  uint32_t tid = 0;
  uint32_t id = 0;
  Endpoint endpoint = Endpoint::kStatic;
  std::string remote;  // kStatic
  bool enabled = true;
  uint32_t mtu = 0;
  std::optional<std::string> password;
};
absl::StatusOr<TunnelLine> parse_tunnel_line(std::span<const std::string> arguments);

// `subnet set config`. The length is not known where the line has none; it means nothing anyway.
struct SubnetLine {
  Ipv6Address address;
  std::optional<uint8_t> length;
  uint32_t tid = 0;
};
absl::StatusOr<SubnetLine> parse_subnet_line(std::span<const std::string> arguments);

// `pop set id` and the number of `pop set details`.
absl::StatusOr<uint32_t> parse_pop_number(std::string_view text);
// `pop set details`, in the form of the configuration.
absl::StatusOr<v1::PeerPop> parse_pop_details(std::span<const std::string> arguments);

// Sets what the line says in a tunnel that exists or is made anew (id and slot are set then): all
// else stays, but what goes not with the type it has now. What is static and needs no other type
// keeps the one it has; so does what is dynamic, where `strict` is not set. `strict`: AYIYA and
// HEARTBEAT are types of their own.
void apply_line(const TunnelLine& line, bool strict, v1::Tunnel& tunnel);

}  // namespace simplon::control::sixxsd
