// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/tic/tic_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "control/config/outer_address.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon::control {
namespace {

constexpr uint32_t kIpv4Header = 20;
constexpr uint32_t kAyiyaOverhead = kIpv4Header + 8 + 44;  // UDP, AYIYA with SHA-1
constexpr uint32_t kDefaultBeatTimeout = 180;              // seconds
constexpr uint32_t kMinHeartbeatInterval = 5;

enum class TicType : uint8_t { kStatic, kHeartbeat, kAyiya };

TicType tic_type(const v1::Tunnel& tunnel) {
  switch (tunnel.type()) {
    case v1::Tunnel::HEARTBEAT:
      return TicType::kHeartbeat;
    case v1::Tunnel::AYIYA:
      return TicType::kAyiya;
    case v1::Tunnel::DYNAMIC_ENDPOINT:
      return tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT ? TicType::kHeartbeat : TicType::kAyiya;
    default:
      return TicType::kStatic;
  }
}

std::string_view type_name(TicType type) {
  switch (type) {
    case TicType::kHeartbeat:
      return "6in4-heartbeat";
    case TicType::kAyiya:
      return "ayiya";
    case TicType::kStatic:
      break;
  }
  return "6in4-static";
}

std::string ipv4_endpoint(const v1::Tunnel& tunnel) {
  switch (tic_type(tunnel)) {
    case TicType::kHeartbeat:
      return "heartbeat";
    case TicType::kAyiya:
      return "ayiya";
    case TicType::kStatic:
      break;
  }
  return tunnel.remote();
}

// ::1 is the PoP, ::2 the client.
std::string inner_address(const Model& model, const v1::Tunnel& tunnel, uint64_t host) {
  const auto prefix = model.context().link_prefix(tunnel.slot());
  return Ipv6Address::from_halves(prefix ? prefix->address.hi() : 0, host).to_string();
}

std::string pop_name(const v1::Pop& pop) {
  return pop.name().empty() ? "pop" : pop.name();
}

// The first address tunnels end on; empty: none of the family.
std::string first_address(const Model& model, bool ipv6) {
  const auto index = model.context().first_local_index(ipv6);
  if (!index) return {};
  return to_outer_text(Ipv6Address::from_bytes(model.context().pop().local_addresses[*index]));
}

std::string pop_endpoint(const Model& model, const v1::Tunnel& tunnel) {
  if (!tunnel.local().empty()) return tunnel.local();
  const std::string ipv4 = first_address(model, false);
  return ipv4.empty() ? first_address(model, true) : ipv4;
}

// What the told type carries, whatever else the tunnel could be: a client that is told too much
// makes fragments.
uint32_t told_mtu(const Model& model, const v1::Tunnel& tunnel) {
  const uint32_t overhead = tic_type(tunnel) == TicType::kAyiya ? kAyiyaOverhead : kIpv4Header;
  uint32_t link = kCommonLinkMtu;
  if (const auto remote = parse_outer_address(tunnel.remote())) {
    link = std::min(link, model.context().link_mtu(*remote));
  }
  const uint32_t largest = std::max(link - overhead, kMinTunnelMtu);
  return tunnel.mtu() == 0 ? largest : std::min(tunnel.mtu(), largest);
}

uint32_t heartbeat_interval(const v1::Tunnel& tunnel) {
  const uint32_t timeout =
      tunnel.beat_timeout_seconds() == 0 ? kDefaultBeatTimeout : tunnel.beat_timeout_seconds();
  return std::max(timeout / 3, kMinHeartbeatInterval);
}

class Fields {
 public:
  void add(std::string_view name, std::string_view value) {
    if (!value.empty()) fmt::format_to(std::back_inserter(text_), "{}: {}\n", name, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string pop_fields(std::string_view name, std::string_view ipv4, std::string_view ipv6,
                       const v1::PopDetails& details) {
  Fields fields;
  fields.add("POPId", name);
  fields.add("City", details.city());
  fields.add("Country", details.country());
  fields.add("IPv4", ipv4);
  fields.add("IPv6", ipv6);
  fields.add("ISP Short", details.isp_short_name());
  fields.add("ISP Name", details.isp_name());
  fields.add("ISP Website", details.isp_website());
  if (details.isp_asn() != 0) fields.add("ISP ASN", "AS" + std::to_string(details.isp_asn()));
  fields.add("ISP LIR", details.isp_lir());
  return fields.take();
}

}  // namespace

bool is_offered_over_tic(const v1::Tunnel& tunnel) {
  return tunnel.type() != v1::Tunnel::GRE && tunnel.type() != v1::Tunnel::IPV6_TUNNEL;
}

std::string tic_list_line(const Model& model, const v1::Tunnel& tunnel) {
  return fmt::format("T{} {} {} {}\n", tunnel.id(), inner_address(model, tunnel, 2),
                     ipv4_endpoint(tunnel), pop_name(model.config().pop()));
}

std::string tic_tunnel_fields(const Model& model, const v1::Tunnel& tunnel) {
  const std::string id = "T" + std::to_string(tunnel.id());
  const std::string_view state =
      tunnel.admin_state() == v1::Tunnel::DISABLED ? "disabled" : "enabled";
  Fields fields;
  fields.add("TunnelId", id);
  fields.add("Type", type_name(tic_type(tunnel)));
  fields.add("IPv6 Endpoint", inner_address(model, tunnel, 2));
  fields.add("IPv6 POP", inner_address(model, tunnel, 1));
  fields.add("IPv6 PrefixLength", "64");
  fields.add("Tunnel MTU", std::to_string(told_mtu(model, tunnel)));
  fields.add("Tunnel Name", id);
  fields.add("POP Id", pop_name(model.config().pop()));
  fields.add("IPv4 Endpoint", ipv4_endpoint(tunnel));
  fields.add("IPv4 POP", pop_endpoint(model, tunnel));
  fields.add("UserState", state);
  fields.add("AdminState", state);
  fields.add("Password", tunnel.password());
  // Also of a static tunnel: a client without it beats as fast as it can.
  fields.add("Heartbeat_Interval", std::to_string(heartbeat_interval(tunnel)));
  return fields.take();
}

std::string tic_pop_names(const Model& model) {
  const v1::Pop& pop = model.config().pop();
  std::vector<std::pair<uint32_t, std::string>> pops{{pop.number(), pop_name(pop)}};
  for (const v1::PeerPop& peer : pop.peer_pops()) pops.emplace_back(peer.number(), peer.name());
  std::ranges::sort(pops);
  std::string text;
  for (const auto& [number, name] : pops) text += name + "\n";
  return text;
}

std::optional<std::string> tic_pop_fields(const Model& model, std::string_view name) {
  const v1::Pop& pop = model.config().pop();
  if (name == pop_name(pop)) {
    return pop_fields(name, first_address(model, false),
                      pop.ipv6_address().empty() ? first_address(model, true) : pop.ipv6_address(),
                      pop.details());
  }
  for (const v1::PeerPop& peer : pop.peer_pops()) {
    if (name == peer.name()) {
      return pop_fields(name, peer.ipv4_address(), peer.ipv6_address(), peer.details());
    }
  }
  return std::nullopt;
}

std::optional<std::string> tic_out_of_service(const Model& model, bool dataplane_connected) {
  const v1::Pop& pop = model.config().pop();
  const bool leaving =
      pop.service_state() == v1::DRAINING || pop.service_state() == v1::OUT_OF_SERVICE;
  if (!leaving && dataplane_connected) return std::nullopt;
  const std::string& url = pop.details().info_url();
  std::string text =
      fmt::format("This PoP is unfortunately currently down, see {} for more information.",
                  url.empty() ? "URL" : url);
  if (leaving && !pop.service_message().empty()) text += " " + pop.service_message();
  return text;
}

}  // namespace simplon::control
