// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What stands between 201 and 202 in answers about tunnels (docs/protocols.md §9.1, §9.2). A
// server is believed nothing that has bounds. Any thread.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>

#include "client/tunnel_info.h"

namespace simplon::client {

// One line of `tunnel list`. The endpoints are for people only.
struct ListedTunnel {
  std::string id;
  std::string ipv6;
  std::string ipv4;
  std::string pop;

  friend bool operator==(const ListedTunnel&, const ListedTunnel&) = default;
};
absl::StatusOr<ListedTunnel> parse_listed_tunnel(std::string_view line);

// The lines of `tunnel show`. Unknown fields are skipped; of a field given twice the first counts.
// The interval is clamped to 5..3600 s and the MTU to 1280..1480; what a tunnel cannot do without
// must be there. The error says which field, and never quotes a password.
absl::StatusOr<TunnelInfo> parse_tunnel(std::span<const std::string> lines);

inline constexpr uint32_t kShortestInterval = 5;  // seconds between beats, whatever the server says
inline constexpr uint32_t kLongestInterval = 3600;
inline constexpr uint32_t kUsualInterval = 60;
inline constexpr uint32_t kSmallestMtu = 1280;
inline constexpr uint32_t kLargestMtu = 1480;

std::string_view to_string(TunnelType type);

}  // namespace simplon::client
