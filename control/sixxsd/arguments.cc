// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"

namespace simplon::control::sixxsd {
namespace {

constexpr uint32_t kMaxPopNumber = 63;
constexpr uint32_t kMinMtu = 1280;
constexpr uint32_t kMaxMtu = 1480;

template <typename... Arguments>
absl::Status bad(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  return bad_argument(fmt::format(format, std::forward<Arguments>(arguments)...));
}

std::optional<uint32_t> parse_number(std::string_view text, int base) {
  uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

void make_static(v1::Tunnel& tunnel) {
  if (is_dynamic_type(tunnel.type()) || tunnel.type() == v1::Tunnel::TYPE_UNSPECIFIED) {
    tunnel.set_type(v1::Tunnel::PROTO41);
    // PROTO41 carries IPv6 alone.
    tunnel.clear_ipv4_prefixes();
  }
  tunnel.clear_password();
  tunnel.clear_previous_password();
  tunnel.clear_beat_timeout_seconds();
  tunnel.clear_replay_mode();
  tunnel.clear_tic_type();
}

void make_dynamic(v1::Tunnel::Type type, v1::Tunnel& tunnel) {
  tunnel.set_type(type);
  if (type == v1::Tunnel::HEARTBEAT) tunnel.clear_ipv4_prefixes();
  if (type != v1::Tunnel::DYNAMIC_ENDPOINT) tunnel.clear_tic_type();
  tunnel.clear_remote();
  tunnel.clear_local();
  tunnel.clear_gre_key();
  tunnel.clear_gre_checksum();
  tunnel.clear_gre_sequence();
  tunnel.clear_encapsulation_limit();
}

void set_dynamic(const TunnelLine& line, bool strict, v1::Tunnel& tunnel) {
  using Endpoint = TunnelLine::Endpoint;
  v1::Tunnel::Type type =
      is_dynamic_type(tunnel.type()) ? tunnel.type() : v1::Tunnel::DYNAMIC_ENDPOINT;
  if (strict && line.endpoint == Endpoint::kAyiya) type = v1::Tunnel::AYIYA;
  if (strict && line.endpoint == Endpoint::kHeartbeat) type = v1::Tunnel::HEARTBEAT;
  make_dynamic(type, tunnel);
  // Said only where it differs, so that a tunnel is not changed by a default spelled out.
  if (type == v1::Tunnel::DYNAMIC_ENDPOINT) {
    const bool heartbeat = tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT;
    if (line.endpoint == Endpoint::kHeartbeat && !heartbeat) {
      tunnel.set_tic_type(v1::Tunnel::TIC_HEARTBEAT);
    }
    if (line.endpoint == Endpoint::kAyiya && heartbeat) {
      tunnel.set_tic_type(v1::Tunnel::TIC_AYIYA);
    }
  }
  if (!line.password || *line.password == tunnel.password()) return;
  tunnel.set_password(*line.password);
  tunnel.clear_previous_password();
}

}  // namespace

absl::Status bad_argument(std::string text) {
  return absl::InvalidArgumentError(text);
}

std::optional<uint32_t> parse_decimal(std::string_view text) {
  return parse_number(text, 10);
}

absl::StatusOr<uint32_t> parse_tid(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  const auto tid = parse_number(digits, 16);
  if (!tid) return bad("Invalid TID ({}) - not a hexadecimal number", printable(text));
  if (*tid == kReservedTid) {
    return bad("TID 7fff is reserved: its routed prefix holds the PoP's own address");
  }
  if (*tid > kReservedTid) return bad("TID {} is out of range (0 - 7ffe)", printable(text));
  return *tid;
}

std::optional<uint32_t> parse_tunnel_id(std::string_view text) {
  if (text.empty() || (text[0] != 'T' && text[0] != 't')) return std::nullopt;
  const auto id = parse_number(text.substr(1), 10);
  return id && *id != 0 ? id : std::nullopt;
}

std::optional<Ipv6Address> parse_ip(std::string_view text) {
  if (const auto v4 = Ipv4Address::parse(text)) return Ipv6Address::from_ipv4(*v4);
  return Ipv6Address::parse(text);
}

bool is_yes(std::string_view text) {
  constexpr std::array<std::string_view, 6> kYes = {"yes", "true", "on", "enabled", "female", "1"};
  return std::ranges::any_of(kYes, [&](std::string_view yes) { return same_word(yes, text); });
}

absl::StatusOr<TunnelLine> parse_tunnel_line(std::span<const std::string> arguments) {
  TunnelLine line;
  const auto tid = parse_tid(arguments[0]);
  if (!tid.ok()) return tid.status();
  line.tid = *tid;
  const auto id = parse_tunnel_id(arguments[1]);
  if (!id) {
    return bad("Invalid Tunnel ID ({}) - must be T and a number, as T1234",
               printable(arguments[1]));
  }
  line.id = *id;
  const std::string& endpoint = arguments[2];
  if (same_word(endpoint, "dynamic")) {
    line.endpoint = TunnelLine::Endpoint::kDynamic;
  } else if (same_word(endpoint, "ayiya")) {
    line.endpoint = TunnelLine::Endpoint::kAyiya;
  } else if (same_word(endpoint, "heartbeat")) {
    line.endpoint = TunnelLine::Endpoint::kHeartbeat;
  } else if (const auto remote = parse_ip(endpoint)) {
    line.remote = to_outer_text(*remote);
  } else {
    return bad("Invalid Tunnel_Them address ({}) - an IPv4 address, ayiya, heartbeat or dynamic",
               printable(endpoint));
  }
  if (same_word(arguments[3], "disabled")) {
    line.enabled = false;
  } else if (!same_word(arguments[3], "up")) {
    return bad("Invalid state ({}) - must be up or disabled", printable(arguments[3]));
  }
  const auto mtu = parse_decimal(arguments[4]);
  if (!mtu) return bad("Invalid Tunnel MTU ({}) - not a number", printable(arguments[4]));
  if (*mtu < kMinMtu || *mtu > kMaxMtu) {
    return bad("Tunnel MTU {} is outside range ({}-{})", *mtu, kMinMtu, kMaxMtu);
  }
  line.mtu = *mtu;
  if (arguments.size() > 5 && !arguments[5].empty()) {
    const auto good = [](char c) { return c > ' ' && c <= '~'; };
    if (!std::ranges::all_of(arguments[5], good)) {
      return bad("Invalid password - only printable ASCII, without blanks");
    }
    line.password = arguments[5];
  }
  return line;
}

absl::StatusOr<SubnetLine> parse_subnet_line(std::span<const std::string> arguments) {
  SubnetLine line;
  const std::string& text = arguments[0];
  if (const auto prefix = Ipv6Prefix::parse(text)) {
    line.address = prefix->address;
    line.length = prefix->length;
  } else if (const auto address = Ipv6Address::parse(text)) {
    line.address = *address;
  } else {
    return bad("Invalid IPv6 prefix ({})", printable(text));
  }
  const auto tid = parse_tid(arguments[1]);
  if (!tid.ok()) return tid.status();
  line.tid = *tid;
  if (!same_word(arguments[2], "static") && !same_word(arguments[2], "bgp")) {
    return bad("Invalid type ({}) - must be static or bgp", printable(arguments[2]));
  }
  return line;
}

absl::StatusOr<uint32_t> parse_pop_number(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number) return bad("Non-numeric ID ({})", printable(text));
  if (*number > kMaxPopNumber) return bad("PoP ID out of range ({} > {})", *number, kMaxPopNumber);
  return *number;
}

absl::StatusOr<v1::PeerPop> parse_pop_details(std::span<const std::string> arguments) {
  v1::PeerPop pop;
  const auto number = parse_pop_number(arguments[0]);
  if (!number.ok()) return number.status();
  pop.set_number(*number);
  std::string& name = *pop.mutable_name();
  for (const char c : arguments[1]) name += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || name.size() > 32 || !std::ranges::all_of(name, good)) {
    return bad("Invalid name {} - 1 to 32 characters of a-z, 0-9 and '-'", printable(arguments[1]));
  }
  const auto ipv4 = Ipv4Address::parse(arguments[2]);
  if (!ipv4) return bad("Invalid IPv4 address {}", printable(arguments[2]));
  pop.set_ipv4_address(ipv4->to_string());
  const auto ipv6 = Ipv6Address::parse(arguments[3]);
  if (!ipv6) return bad("Invalid IPv6 address {}", printable(arguments[3]));
  pop.set_ipv6_address(ipv6->to_string());
  return pop;
}

void apply_line(const TunnelLine& line, bool strict, v1::Tunnel& tunnel) {
  if (line.endpoint == TunnelLine::Endpoint::kStatic) {
    make_static(tunnel);
    tunnel.set_remote(line.remote);
  } else {
    set_dynamic(line, strict, tunnel);
  }
  tunnel.set_admin_state(line.enabled ? v1::Tunnel::ENABLED : v1::Tunnel::DISABLED);
  tunnel.set_mtu(line.mtu);
}

}  // namespace simplon::control::sixxsd
