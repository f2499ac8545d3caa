// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console's commands about tunnels.

#include <spdlog/spdlog.h>

#include <algorithm>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/runtime/endpoint_command.h"
#include "control/runtime/state_rules.h"
#include "control/sixxsd/console_session.h"
#include "control/sixxsd/host_info.h"
#include "control/sixxsd/tunnel_reading.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"
#include "dataplane/state/worker_counters.h"

namespace simplon::control::sixxsd {
namespace {

// Tunnels looked at with the model held still.
constexpr uint32_t kPage = 1000;
constexpr uint32_t kAyiyaPort = 5072;
// Outer bytes of a packet of a tunnel that is gone: which type it was nobody knows.
constexpr uint64_t kGoneOverhead = 20;

// Visits all tunnels by id, a page at a time, so that changes need not wait.
template <typename Visit>
void visit_tunnels(const Engine& engine, Visit&& visit) {
  std::optional<uint32_t> next = 0;
  while (next) {
    next = engine.read([&](const Model& model, const Engine::Info&) -> std::optional<uint32_t> {
      uint32_t seen = 0;
      std::optional<uint32_t> more;
      model.visit_from(*next, [&](const v1::Tunnel& tunnel) {
        if (seen++ == kPage) {
          more = tunnel.id();
          return false;
        }
        visit(model, tunnel);
        return true;
      });
      return more;
    });
  }
}

Answer no_such_tunnel(std::string_view name) {
  const std::string text = printable(name);
  if (parse_tunnel_id(name)) return {404, fmt::format("No such Tunnel ID ({}) found", text)};
  if (parse_ip(name)) return {404, fmt::format("No such tunnel {}", text)};
  return {400, fmt::format("'{}' is neither a Tunnel ID (as T1234) nor an IP address", text)};
}

// Of all tunnels since the reader's last RESET.
struct Traffic {
  TunnelSums tunnels{};  // as shown
  TunnelSums inner{};
};

void add(const TunnelSums& more, TunnelSums& sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

void print_stats(std::string_view name, const TunnelSums& sums, Answer& reply) {
  // in and out octets, in and out packets
  reply.print("{} {} {} {} {}", name, sums[1], sums[3], sums[0], sums[2]);
}

// What went over the uplink: what tunnels sent and got, but not from each other. Bytes of packets
// between tunnels are not counted by themselves; they are taken for as long as the others.
TunnelSums uplink_of(const TunnelSums& inner, uint64_t hairpin) {
  const auto share = [&](uint64_t packets, uint64_t bytes) -> std::pair<uint64_t, uint64_t> {
    if (packets <= hairpin) return {0, 0};
    const uint64_t left = packets - hairpin;
    return {left, uint64_t(double(bytes) * (double(left) / double(packets)))};
  };
  const auto [in_packets, in_bytes] = share(inner[2], inner[3]);
  const auto [out_packets, out_bytes] = share(inner[0], inner[1]);
  return {in_packets, in_bytes, out_packets, out_bytes};
}

void print_traffic(std::string_view way, std::size_t first, int64_t last, const TunnelSums& now,
                   const TunnelSums& since, Answer& reply) {
  reply.print("Packet {:<3}              : {}", way,
              last < 0 ? std::string("not known") : ago_text(last));
  reply.print("Packets {:<3}             : {}", way, since[first]);
  reply.print("Packets {:<3} (Total)     : {}", way, now[first]);
  reply.print("Octets {:<3}              : {}", way, since[first + 1]);
  reply.print("Octets {:<3} (Total)      : {}", way, now[first + 1]);
}

}  // namespace

// ---- Settings.

Answer ConsoleSession::set_tunnel(const Arguments& arguments) {
  const auto line = parse_tunnel_line(arguments);
  if (!line.ok()) return outcome(line.status(), "");
  const bool unused_password = line->password && line->endpoint == TunnelLine::Endpoint::kStatic;
  return outcome(console_.change(last_change_, true,
                                 [&](Changes& changes, const Model& model) {
                                   return changes.set_tunnel(model, *line);
                                 }),
                 fmt::format("Accepted Tunnel {:x}/T{}{}", line->tid, line->id,
                             unused_password  ? ", without the password: it is static"
                             : line->password ? " with password"
                                              : ""));
}

Answer ConsoleSession::set_subnet(const Arguments& arguments) {
  const auto line = parse_subnet_line(arguments);
  if (!line.ok()) return outcome(line.status(), "");
  return outcome(
      console_.change(
          last_change_, true,
          [&](Changes& changes, const Model& model) { return changes.set_subnet(model, *line); }),
      fmt::format("Accepted Route {} via {}", printable(arguments[0]), printable(arguments[1])));
}

Answer ConsoleSession::set_remote(const Arguments& arguments) {
  see_own_changes();
  const auto remote = parse_ip(arguments[1]);
  if (!remote) {
    return {400, fmt::format("Invalid Tunnel_Them address ({})", printable(arguments[1]))};
  }
  struct Target {
    uint32_t id;
    v1::Tunnel tunnel;
  };
  const auto target =
      context_.engine.read([&](const Model& model, const Engine::Info&) -> std::optional<Target> {
        const v1::Tunnel* tunnel = find_tunnel(model, arguments[0]);
        if (tunnel == nullptr) return std::nullopt;
        return Target{tunnel->id(), *tunnel};
      });
  if (!target) return no_such_tunnel(arguments[0]);
  const std::string done = "Updated remote address to " + to_outer_text(*remote);
  if (!is_dynamic_type(target->tunnel.type())) {
    return outcome(console_.change(last_change_, true,
                                   [&](Changes& changes, const Model& model) {
                                     return changes.set_remote(model, target->id, *remote);
                                   }),
                   done);
  }
  // The encapsulation stays what it is; before the first beat it is the one TIC tells.
  const auto look = TunnelReading(context_).look(target->tunnel);
  const bool told_ayiya = target->tunnel.type() == v1::Tunnel::AYIYA ||
                          (target->tunnel.type() == v1::Tunnel::DYNAMIC_ENDPOINT &&
                           target->tunnel.tic_type() != v1::Tunnel::TIC_HEARTBEAT);
  v1::Endpoint endpoint;
  endpoint.set_address(to_outer_text(*remote));
  if (look.type == "none" ? told_ayiya : look.is_ayiya()) endpoint.set_port(kAyiyaPort);
  return outcome(set_endpoint(context_, target->id, endpoint), done);
}

// ---- What is known.

Answer ConsoleSession::get_outer_endpoint(const std::string& name) {
  see_own_changes();
  const TunnelReading reading(context_);
  return context_.engine.read([&](const Model& model, const Engine::Info&) {
    const v1::Tunnel* tunnel = find_tunnel(model, name);
    return tunnel == nullptr ? no_such_tunnel(name) : Answer(200, reading.look(*tunnel).outer_them);
  });
}

Answer ConsoleSession::get_error_packet(const Arguments& arguments) {
  see_own_changes();
  const TunnelReading reading(context_);
  return context_.engine.read([&](const Model& model, const Engine::Info&) -> Answer {
    const v1::Tunnel* tunnel = find_tunnel(model, arguments[0]);
    if (tunnel == nullptr) return no_such_tunnel(arguments[0]);
    const auto error = find_error(arguments[1]);
    if (!error) return {404, fmt::format("Unknown Error \"{}\"", printable(arguments[1]))};
    const auto faults = reading.faults(*tunnel, context_.runtime.note(tunnel->slot()).incarnation);
    const auto& fault = faults[*error];
    if (!fault) return {400, "That error did not happen yet"};
    Answer reply;
    reply.print("Error       : {}", kErrorNames[*error]);
    reply.print("Count       : {}", fault->count);
    reply.print("Last Seen   : {}", ago_text(int64_t(fault->last_unix_ns / 1'000'000'000)));
    reply.print("Source      : {}", to_outer_text(fault->source));
    reply.print("Real Length : {}", fault->original_length);
    reply.add("8<--------------------------------------------");
    add_hex_dump(fault->packet, reply);
    reply.add("-------------------------------------------->8");
    return reply;
  });
}

Answer ConsoleSession::list_tunnels(const Arguments& arguments) {
  bool only_errors = false;
  std::optional<std::size_t> error;
  if (!arguments.empty()) {
    const std::string& option = arguments[0];
    if (same_word(option, "debugonly")) {
      return {200, "No tunnels are configured which are in debugging mode"};
    }
    if (same_word(option, "erroronly")) {
      only_errors = true;
    } else if (option.size() > 4 && same_word(option.substr(0, 4), "err=")) {
      error = find_error(option.substr(4));
      if (!error) return {404, fmt::format("Unknown error '{}'", printable(option.substr(4)))};
    } else if (!same_word(option, "all")) {
      return {400, fmt::format("Unknown option '{}'", printable(option))};
    }
  }
  see_own_changes();
  TunnelReading reading(context_);
  reading.index_faults();
  Answer reply;
  visit_tunnels(context_.engine, [&](const Model& model, const v1::Tunnel& tunnel) {
    const auto look = reading.look(tunnel);
    uint64_t errors = 0;
    for (std::size_t e = 0; e < kErrorCount; ++e) {
      const bool wanted = error ? e == *error : e != kTooBigError;
      if (wanted) errors += reading.count(tunnel, look.incarnation, e);
    }
    if ((only_errors || error) && errors == 0) return;
    reply.print("T{} {} {} {} {} {} {}", tunnel.id(), inner_address(model, tunnel.slot(), 2),
                look.outer_them, look.state(), look.type, look.mtu, errors);
  });
  if (reply.lines() != 0) return reply;
  return {200, fmt::format("No tunnels are configured{}", error ? " which have the requested error"
                                                          : only_errors ? " which have errors"
                                                                        : "")};
}

Answer ConsoleSession::reset_errors(const std::string& name) {
  std::optional<uint32_t> slot;
  if (!same_word(name, "all")) {
    see_own_changes();
    slot = context_.engine.read(
        [&](const Model& model, const Engine::Info&) -> std::optional<uint32_t> {
          const v1::Tunnel* tunnel = find_tunnel(model, name);
          if (tunnel == nullptr) return std::nullopt;
          return tunnel->slot();
        });
    if (!slot) return no_such_tunnel(name);
  }
  if (context_.runtime.ledger() == nullptr) return {500, "No dataplane has connected yet"};
  return outcome(context_.runtime.reset_errors(slot), "Wipeout!");
}

Answer ConsoleSession::show_tunnel(const std::string& name) {
  see_own_changes();
  const TunnelReading reading(context_);
  const auto baseline = this->baseline();
  return context_.engine.read([&](const Model& model, const Engine::Info&) -> Answer {
    const v1::Tunnel* found = find_tunnel(model, name);
    if (found == nullptr) return no_such_tunnel(name);
    const v1::Tunnel& tunnel = *found;
    const auto look = reading.look(tunnel);
    const Endpoint& endpoint = look.learned.endpoint;
    std::string outer_us;
    if (endpoint.known()) {
      outer_us = to_outer_text(context_.runtime.local_address(endpoint.local_index));
    } else if (!look.dynamic) {
      const auto line = compile_valid_tunnel(tunnel, model.context()).line;
      outer_us = to_outer_text(
          Ipv6Address::from_bytes(model.context().pop().local_addresses[line.local_index]));
    } else {
      outer_us = "0.0.0.0";
    }
    Answer reply;
    reply.print("Tunnel ID               : T{}", tunnel.id());
    reply.print("TID                     : 0x{:x}", tunnel.slot());
    reply.add("Tunnel Debugging        : no");
    reply.print("Inner Us                : {}", inner_address(model, tunnel.slot(), 1));
    reply.print("Inner Them              : {}", inner_address(model, tunnel.slot(), 2));
    reply.print("Outer Us                : {}", outer_us);
    reply.print("Outer Them              : {}", look.outer_them);
    reply.print("MTU                     : {}", look.mtu);
    reply.print("Tunnel State            : {}", look.state());
    reply.print("Tunnel Type             : {}", look.type);
    reply.print("Dynamic Tunnel          : {}", look.dynamic ? "yes" : "no");
    if (look.is_ayiya()) {
      reply.add("AYIYA Socket Type       : 2 (DGRAM (UDP))");
      reply.add("AYIYA Protocol          : 17 (UDP)");
      reply.print("AYIYA Port Us           : {}", kAyiyaPort);
      reply.print("AYIYA Port Them         : {}", endpoint.port);
      reply.add("AYIYA Hash              : 2 (SHA-1)");
    }
    if (look.dynamic) {
      StateFacts facts;
      facts.learned = look.learned;
      facts.now_unix = unix_now();
      facts.now_boot = boot_second_at(facts.now_unix * int64_t{1'000'000'000});
      reply.print("Last Heartbeat          : {}", ago_text(last_seen_unix(facts)));
      reply.add("Heartbeat Password      : (not shown)");
    }
    const TunnelSums total = context_.counters.total(tunnel.id(), tunnel.slot());
    const TunnelSums since = counted_since(total, baseline->of(tunnel.id()));
    const TunnelSums now_shown = TunnelReading::as_shown(total, look.overhead);
    const TunnelSums since_shown = TunnelReading::as_shown(since, look.overhead);
    print_traffic("In", 0, context_.counters.last_in_unix(tunnel.id()), now_shown, since_shown,
                  reply);
    print_traffic("Out", 2, total[2] == 0 ? 0 : -1, now_shown, since_shown, reply);
    reply.add("Latency Pkt Sent        : 0");
    reply.add("Latency Pkt Recv        : 0");
    const auto faults = reading.faults(tunnel, look.incarnation);
    for (std::size_t e = 0; e < kErrorCount; ++e) {
      if (!faults[e]) {
        reply.print("{:<24}: none", kErrorNames[e]);
        continue;
      }
      reply.print("{:<24}: {}, last: {} {}", kErrorNames[e], faults[e]->count,
                  to_outer_text(faults[e]->source),
                  ago_text(int64_t(faults[e]->last_unix_ns / 1'000'000'000)));
    }
    return reply;
  });
}

// ---- Traffic.

std::shared_ptr<const StatsBaseline> ConsoleSession::baseline() {
  return shown_ != nullptr ? shown_ : console_.stats().baseline(peer_);
}

void ConsoleSession::advance_baseline() {
  shown_sent_ = false;
  const auto next = std::exchange(shown_, nullptr);
  if (next == nullptr) return;
  if (auto status = console_.stats().advance(peer_, next); !status.ok()) {
    spdlog::error("event=console_stats_not_saved error=\"{}\"", to_string(status.message()));
  }
}

Answer ConsoleSession::show_stats(const Arguments& arguments) {
  const bool reset = !arguments.empty();
  if (reset && arguments[0] != "RESET") {
    return {400, fmt::format("Unknown option '{}': RESET, in upper case, or nothing",
                             printable(arguments[0]))};
  }
  see_own_changes();
  const auto then = baseline();
  const TunnelReading reading(context_);
  auto now = std::make_shared<StatsBaseline>();
  now->hairpin =
      context_.counters.worker_total(std::size_t(WorkerCounter::kHairpin),
                                     kWorkerCounters[std::size_t(WorkerCounter::kHairpin)].name);
  Traffic traffic;
  std::vector<std::string> lines;
  visit_tunnels(context_.engine, [&](const Model&, const v1::Tunnel& tunnel) {
    const TunnelSums total = context_.counters.total(tunnel.id(), tunnel.slot());
    if (total[0] == 0 && total[2] == 0) return;
    add(total, now->all);
    now->rows.push_back({tunnel.id(), 0, total});
    const TunnelSums since = counted_since(total, then->of(tunnel.id()));
    if (since[0] == 0 && since[2] == 0) return;
    const TunnelSums shown = TunnelReading::as_shown(since, reading.look(tunnel).overhead);
    add(since, traffic.inner);
    add(shown, traffic.tunnels);
    // Nothing measures latency yet: sent, received, loss, minimum, average and maximum.
    lines.push_back(fmt::format("T{} {} {} {} {} 0 0 0.00 -1.00 -1.00 -1.00", tunnel.id(), shown[1],
                                shown[3], shown[0], shown[2]));
  });
  // What tunnels that are gone have counted since.
  const TunnelSums retired = context_.counters.retired();
  add(retired, now->all);
  const TunnelSums all = counted_since(now->all, then->all);
  TunnelSums gone{};
  for (std::size_t i = 0; i < gone.size(); ++i) {
    gone[i] = all[i] > traffic.inner[i] ? all[i] - traffic.inner[i] : 0;
  }
  add(gone, traffic.inner);
  add(TunnelReading::as_shown(gone, kGoneOverhead), traffic.tunnels);
  const uint64_t hairpin = now->hairpin - std::min(now->hairpin, then->hairpin);
  const TunnelSums uplink = uplink_of(traffic.inner, hairpin);
  TunnelSums total = traffic.tunnels;
  add(uplink, total);
  Answer reply;
  print_stats("total", total, reply);
  print_stats("uplink", uplink, reply);
  for (const std::string& line : lines) reply.add(line);
  if (reset) {
    shown_ = std::move(now);
    shown_sent_ = false;
  }
  return reply;
}

}  // namespace simplon::control::sixxsd
