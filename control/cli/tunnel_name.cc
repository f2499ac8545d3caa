// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/tunnel_name.h"

#include <charconv>
#include <limits>
#include <stdexcept>

#include "simplon/v1/tunnel_service.pb.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kCollection = "tunnels/";

// 0: not a T-number.
uint64_t parse_id(std::string_view text) {
  if (text.starts_with(kCollection)) text.remove_prefix(kCollection.size());
  if (text.starts_with('T') || text.starts_with('t')) text.remove_prefix(1);
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<uint64_t>::max();
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

}  // namespace

Value tunnel_value() {
  return {"TUNNEL", {}, Completion::kTunnel};
}

std::string resource_name(std::string_view text) {
  const uint64_t id = parse_id(text);
  return id == 0 ? "" : std::string(kCollection) + "T" + std::to_string(id);
}

uint32_t tunnel_id(std::string_view text) {
  const uint64_t id = parse_id(text);
  if (id == 0 || id > std::numeric_limits<uint32_t>::max())
    throw std::invalid_argument("'" + std::string(text) + "' is not a T-number: T1 to T4294967295");
  return static_cast<uint32_t>(id);
}

v1::Tunnel find_tunnel(Session& session, const std::string& text) {
  if (const std::string name = resource_name(text); !name.empty()) {
    v1::GetTunnelRequest request;
    request.set_name(name);
    return session.client().call<v1::Tunnel>("TunnelService.GetTunnel", request);
  }
  v1::LookupTunnelsRequest request;
  request.set_key(text);
  auto response =
      session.client().call<v1::LookupTunnelsResponse>("TunnelService.LookupTunnels", request);
  if (response.matches_size() == 1) return response.matches(0).tunnel();
  std::string names;
  constexpr int kNamed = 5;
  for (int i = 0; i < response.matches_size() && i < kNamed; ++i)
    names +=
        (i == 0 ? "" : ", ") + std::string("T") + std::to_string(response.matches(i).tunnel().id());
  if (response.matches_size() > kNamed || response.truncated()) names += ", ...";
  throw failure(ExitCode::kError, text + ": names more than one tunnel (" + names +
                                      "); see 'simplonctl tunnel list " + text + "'");
}

std::string find_tunnel_name(Session& session, const std::string& text) {
  std::string name = resource_name(text);
  return name.empty() ? "tunnels/T" + std::to_string(find_tunnel(session, text).id()) : name;
}

}  // namespace simplon::cli
