// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console's commands about the PoP.

#include <algorithm>
#include <array>
#include <ctime>

#include "control/config/outer_address.h"
#include "control/runtime/tunnel_census.h"
#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/console_session.h"
#include "control/sixxsd/host_info.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"

namespace simplon::control::sixxsd {
namespace {

constexpr int kMaxAddresses = 64;
constexpr uint32_t kMaxVerbosity = 41;

using Addresses = google::protobuf::RepeatedPtrField<std::string>;

bool lists(const Addresses& addresses, const Ipv6Address& address) {
  return std::ranges::any_of(addresses,
                             [&](const std::string& text) { return parse_ip(text) == address; });
}

void remove_from(Addresses& addresses, const Ipv6Address& address) {
  const auto is_it = [&](const std::string& text) { return parse_ip(text) == address; };
  addresses.erase(std::remove_if(addresses.begin(), addresses.end(), is_it), addresses.end());
}

// Is it one of those tunnels may end on?
bool has_address(const v1::Pop& pop, const Ipv6Address& address) {
  for (const v1::Interface& interface : pop.interfaces()) {
    const auto v4 = Ipv4Prefix::parse(interface.ipv4_address());
    if (v4 && Ipv6Address::from_ipv4(v4->address) == address) return true;
    const auto v6 = Ipv6Prefix::parse(interface.ipv6_address());
    if (v6 && v6->address == address) return true;
  }
  return lists(pop.ipv4_addresses(), address) || lists(pop.ipv6_addresses(), address);
}

// Clients know these addresses: what is sent to them must find the PoP.
void set_own_details(const v1::PeerPop& details, v1::Pop& pop) {
  pop.set_name(details.name());
  if (const auto v4 = parse_ip(details.ipv4_address()); v4 && !has_address(pop, *v4)) {
    pop.add_ipv4_addresses(details.ipv4_address());
  }
  if (const auto v6 = parse_ip(details.ipv6_address()); v6 && !has_address(pop, *v6)) {
    pop.add_ipv6_addresses(details.ipv6_address());
  }
}

v1::PeerPop* find_peer(v1::Pop& pop, uint32_t number) {
  for (v1::PeerPop& peer : *pop.mutable_peer_pops()) {
    if (peer.number() == number) return &peer;
  }
  return nullptr;
}

void drop_peer(v1::Pop& pop, uint32_t number) {
  auto& peers = *pop.mutable_peer_pops();
  const auto is_it = [&](const v1::PeerPop& peer) { return peer.number() == number; };
  peers.erase(std::remove_if(peers.begin(), peers.end(), is_it), peers.end());
}

void apply_details(const v1::PeerPop& details, v1::Pop& pop) {
  // A PoP that has not been told its number yet knows itself by its name.
  if (pop.number() == 0 && pop.name() == details.name()) pop.set_number(details.number());
  if (details.number() == pop.number()) return set_own_details(details, pop);
  v1::PeerPop* peer = find_peer(pop, details.number());
  if (peer == nullptr) peer = pop.add_peer_pops();
  peer->set_number(details.number());
  peer->set_name(details.name());
  peer->set_ipv4_address(details.ipv4_address());
  peer->set_ipv6_address(details.ipv6_address());
}

void apply_number(uint32_t number, v1::Pop& pop) {
  if (const v1::PeerPop* peer = find_peer(pop, number)) {
    const v1::PeerPop details = *peer;
    drop_peer(pop, number);
    set_own_details(details, pop);
  }
  pop.set_number(number);
}

// Of the family, with the length cut off; as the original printed what it did not know.
std::string first_address(const v1::Pop& pop, bool ipv6) {
  for (const v1::Interface& interface : pop.interfaces()) {
    const std::string& text = ipv6 ? interface.ipv6_address() : interface.ipv4_address();
    if (!text.empty()) return text.substr(0, text.find('/'));
  }
  const Addresses& more = ipv6 ? pop.ipv6_addresses() : pop.ipv4_addresses();
  if (!more.empty()) return more[0];
  return ipv6 ? "::" : "0.0.0.0";
}

void print_count(std::string_view name, const TunnelCensus::Count& count, Answer& reply) {
  reply.print("{} {} {} {}", name, count.online, count.active, count.configured);
}

}  // namespace

v1::Pop ConsoleSession::pop() {
  see_own_changes();
  return context_.engine.read(
      [](const Model& model, const Engine::Info&) { return model.config().pop(); });
}

// ---- Who may use the console.

Answer ConsoleSession::add_address(const std::string& text) {
  const auto address = parse_ip(text);
  if (!address) return {400, fmt::format("Invalid IP address {}", printable(text))};
  return outcome(console_.change(last_change_, false,
                                 [&](Changes& changes, const Model& model) -> absl::Status {
                                   const v1::Pop pop = changes.pop(model);
                                   const auto& known = pop.console().allowed_addresses();
                                   if (lists(known, *address)) {
                                     return absl::AlreadyExistsError("CLI ACL already present");
                                   }
                                   if (known.size() >= kMaxAddresses) {
                                     return bad_argument("No more than 64 addresses");
                                   }
                                   return changes.edit_pop(model, [a = *address](v1::Pop& next) {
                                     auto& list =
                                         *next.mutable_console()->mutable_allowed_addresses();
                                     if (!lists(list, a)) *list.Add() = to_outer_text(a);
                                   });
                                 }),
                 "CLI ACL added");
}

Answer ConsoleSession::list_addresses() {
  Answer reply;
  const v1::Pop now = pop();
  for (const std::string& address : now.console().allowed_addresses()) reply.add(address);
  if (reply.lines() == 0) return {404, "No CLI ACLs are configured"};
  return reply;
}

Answer ConsoleSession::remove_address(const std::string& text) {
  const auto address = parse_ip(text);
  if (!address) return {400, fmt::format("Invalid IP address {}", printable(text))};
  return outcome(console_.change(last_change_, false,
                                 [&](Changes& changes, const Model& model) -> absl::Status {
                                   const v1::Pop pop = changes.pop(model);
                                   if (!lists(pop.console().allowed_addresses(), *address)) {
                                     return absl::NotFoundError(
                                         fmt::format("CLI ACL {} not found", printable(text)));
                                   }
                                   return changes.edit_pop(model, [a = *address](v1::Pop& next) {
                                     remove_from(
                                         *next.mutable_console()->mutable_allowed_addresses(), a);
                                   });
                                 }),
                 "CLI ACL removed");
}

Answer ConsoleSession::reset_addresses() {
  return outcome(console_.change(last_change_, false,
                                 [&](Changes& changes, const Model& model) {
                                   return changes.edit_pop(model, [peer = peer_](v1::Pop& next) {
                                     auto& console = *next.mutable_console();
                                     console.clear_allowed_addresses();
                                     console.add_allowed_addresses(to_outer_text(peer));
                                   });
                                 }),
                 "CLI ACL has been reset");
}

// ---- Settings.

Answer ConsoleSession::set_number(const std::string& text) {
  const auto number = parse_pop_number(text);
  if (!number.ok()) return outcome(number.status(), "");
  return outcome(console_.change(last_change_, false,
                                 [&](Changes& changes, const Model& model) {
                                   return changes.edit_pop(model, [n = *number](v1::Pop& next) {
                                     if (next.number() != n) apply_number(n, next);
                                   });
                                 }),
                 fmt::format("Configured to ID {}", *number));
}

Answer ConsoleSession::set_details(const Arguments& arguments) {
  const auto details = parse_pop_details(arguments);
  if (!details.ok()) return outcome(details.status(), "");
  return outcome(console_.change(last_change_, false,
                                 [&](Changes& changes, const Model& model) {
                                   return changes.edit_pop(model, [d = *details](v1::Pop& next) {
                                     apply_details(d, next);
                                   });
                                 }),
                 "PoP details updated");
}

Answer ConsoleSession::set_debug(const Arguments& arguments) {
  constexpr std::array<std::string_view, 4> kSections = {"sixxsd", "common", "prefix", "thread"};
  const auto is_it = [&](std::string_view name) { return same_word(name, arguments[0]); };
  if (!std::ranges::any_of(kSections, is_it)) {
    return {400,
            fmt::format("\"{}\" is a wrong type for the debug command", printable(arguments[0]))};
  }
  return {200, "Ok, without effect: simplon-control --log-level"};
}

Answer ConsoleSession::set_verbosity(const std::string& text) {
  const auto level = parse_decimal(text);
  if (!level || *level > kMaxVerbosity) {
    return {500, fmt::format("Invalid number ({}) given for verbosity (range: 0 - {})",
                             printable(text), kMaxVerbosity)};
  }
  return {200, "Ok, without effect: simplon-control --log-level"};
}

Answer ConsoleSession::save() {
  if (auto status = console_.commit(); !status.ok()) {
    return {500, "Not stored: " + printable(to_string(status.message()))};
  }
  const auto rejected = console_.take_rejected();
  if (rejected.empty()) return {200, "Configuration stored to disk"};
  Answer reply(400);
  reply.print("Configuration stored to disk, but for {} lines:", rejected.size());
  for (const Changes::Rejected& r : rejected) {
    reply.print("{}: {}", printable(r.what), printable(r.why));
  }
  return reply;
}

// ---- What is going on.

Answer ConsoleSession::show_info() {
  Answer reply;
  reply.print("PoP Name                : {}", pop().name());
  reply.add("Running                 : yes");
  reply.add("Verbosity Level         : 0");
  reply.print("Dataplane               : {}",
              context_.publisher.connected() ? "connected" : "not connected");
  return reply;
}

Answer ConsoleSession::show_pops() {
  const v1::Pop now = pop();
  struct Line {
    uint32_t number;
    std::string text;
  };
  std::vector<Line> lines;
  lines.push_back({now.number(), fmt::format("{} {} {} {}", now.number(), now.name(),
                                             first_address(now, false), first_address(now, true))});
  for (const v1::PeerPop& peer : now.peer_pops()) {
    lines.push_back({peer.number(), fmt::format("{} {} {} {}", peer.number(), peer.name(),
                                                peer.ipv4_address(), peer.ipv6_address())});
  }
  std::ranges::stable_sort(lines, {}, &Line::number);
  Answer reply;
  for (const Line& line : lines) reply.add(line.text);
  return reply;
}

Answer ConsoleSession::show_status() {
  see_own_changes();
  const TunnelCensus census = take_census(context_);
  Answer reply;
  print_count("direct", census.direct, reply);
  print_count("ayiya", census.ayiya, reply);
  print_count("gre", census.gre, reply);
  print_count("total", census.total(), reply);
  return reply;
}

Answer ConsoleSession::show_timeinfo() {
  const int64_t started = context_.started_unix_ns / 1'000'000'000;
  const int64_t now = unix_now();
  const std::time_t time = now;
  std::tm local{};
  localtime_r(&time, &local);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &local);
  Answer reply;
  reply.print("Started: {} UTC ({})", utc_text(started), started);
  reply.print("Current: {} UTC ({})", utc_text(now), now);
  reply.print("UTC Offset: {}", local.tm_gmtoff);
  reply.print("LocalTime: {}", std::string_view(text, size));
  reply.print("Uptime: {}", days_text(now - started));
  return reply;
}

Answer ConsoleSession::show_uptime() {
  return {200, days_text(unix_now() - context_.started_unix_ns / 1'000'000'000)};
}

// ---- Prefixes.

Answer ConsoleSession::add_subnet_prefix(const std::string& text) {
  const auto prefix = parse_subnet_prefix(text);
  if (!prefix.ok()) return outcome(prefix.status(), "");
  return outcome(
      console_.change(last_change_, false,
                      [&](Changes& changes, const Model& model) -> absl::Status {
                        const PoolList pools = changes.pools(model);
                        const auto known = subnet_prefixes_of(pools);
                        if (std::ranges::find(known, *prefix) != known.end()) {
                          return absl::AlreadyExistsError("Subnet Prefix already configured");
                        }
                        return changes.add_pools(model,
                                                 subnet_pools(*prefix, tunnel_prefix_of(pools)));
                      }),
      fmt::format("Subnet Prefix {} added", prefix->to_string()));
}

Answer ConsoleSession::list_subnet_prefixes() {
  see_own_changes();
  const auto prefixes = context_.engine.read([](const Model& model, const Engine::Info&) {
    return subnet_prefixes_of(model.config().pools());
  });
  Answer reply;
  for (const Ipv6Prefix& prefix : prefixes) reply.add(prefix.to_string());
  if (reply.lines() == 0) return {404, "No Subnet Prefixes are configured"};
  return reply;
}

Answer ConsoleSession::add_tunnel_prefix(const std::string& text) {
  const auto prefix = parse_tunnel_prefix(text);
  if (!prefix.ok()) return outcome(prefix.status(), "");
  return outcome(
      console_.change(
          last_change_, false,
          [&](Changes& changes, const Model& model) -> absl::Status {
            const PoolList pools = changes.pools(model);
            const auto known = tunnel_prefix_of(pools);
            if (known == *prefix) {
              return absl::AlreadyExistsError("Tunnel Prefix already configured");
            }
            if (known) {
              return bad_argument("There is a Tunnel Prefix already: " + known->to_string());
            }
            auto status = changes.add_pools(model, tunnel_pools(*prefix));
            if (!status.ok() || !changes.pop(model).ipv6_address().empty()) return status;
            return changes.edit_pop(model, [address = pop_address(*prefix)](v1::Pop& next) {
              if (next.ipv6_address().empty()) next.set_ipv6_address(address.to_string());
            });
          }),
      fmt::format("Tunnel Prefix {} configured", prefix->to_string()));
}

Answer ConsoleSession::list_tunnel_prefix() {
  see_own_changes();
  Answer reply;
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    if (const auto prefix = tunnel_prefix_of(model.config().pools())) {
      return reply.add(prefix->to_string());
    }
    // Of another plan: what the numbers are taken from.
    for (const v1::Pool& pool : model.config().pools()) {
      if (pool.kind() == v1::Pool::LINK) reply.add(pool.prefix());
    }
  });
  if (reply.lines() == 0) return {404, "Tunnel Prefix is not configured yet"};
  return reply;
}

}  // namespace simplon::control::sixxsd
