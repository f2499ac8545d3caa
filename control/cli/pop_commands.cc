// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <memory>

#include "control/cli/grammar.h"
#include "control/cli/pop_policy.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/state_text.h"
#include "control/cli/text.h"
#include "simplon/v1/pop_service.pb.h"

namespace simplon::cli {
namespace {

std::string count_text(uint64_t count, const char* singular) {
  return std::to_string(count) + " " + singular + (count == 1 ? "" : "s");
}

std::string since_text(const google::protobuf::Timestamp& time) {
  return time.seconds() == 0 ? "" : ", since " + time_text(time) + " UTC";
}

std::string dataplane_text(const v1::PopStatus& s) {
  if (!s.dataplane_connected())
    return "not connected" + (s.dataplane_error().empty() ? "" : ": " + s.dataplane_error());
  return "connected, version " + s.dataplane_version() + since_text(s.dataplane_start_time());
}

std::string dynamic_text(const v1::PopStatus& s) {
  return std::to_string(s.dynamic_up()) + " up (" + std::to_string(s.dynamic_unverified()) +
         " not verified yet), " + std::to_string(s.dynamic_down()) + " down";
}

std::string clock_text(const v1::PopStatus& s) {
  return "jumped " + step_text(s.clock_step()) + " at " + time_text(s.clock_step_time()) +
         " UTC: for ten minutes clients may follow either clock";
}

std::string service_text(const v1::PopStatus& s) {
  if (s.service_state() == v1::DRAINING || s.service_state() == v1::OUT_OF_SERVICE) {
    const std::string word =
        s.service_state() == v1::DRAINING ? "draining: no tunnels are given out" : "out of service";
    return word + (s.service_message().empty() ? "" : "; '" + s.service_message() + "'");
  }
  return "in service";
}

std::string status_text(const v1::PopStatus& s) {
  FieldList list;
  list.add("pop", s.name());
  list.add("control", "version " + s.control_version() + since_text(s.control_start_time()));
  list.add("dataplane", dataplane_text(s));
  if (s.dataplane_connected())
    list.add("ports", count_text(s.workers(), "worker") + ", " + std::to_string(s.ports_up()) +
                          " of " + count_text(s.ports(), "port") + " up");
  list.add("revision", std::to_string(s.revision()) + since_text(s.revision_time()));
  if (s.unconfirmed_revision() != 0)
    list.add("unconfirmed", "revision " + std::to_string(s.unconfirmed_revision()) +
                                " is rolled back at " + time_text(s.confirm_deadline()) +
                                " UTC; keep it with 'simplonctl config confirm'");
  list.add("service", service_text(s));
  std::string publish = v1::PublishStatus::State_Name(s.publish().state());
  if (!s.publish().message().empty()) publish += ": " + s.publish().message();
  list.add("publish", publish);
  if (s.active_generation() != 0)
    list.add("in force", "revision " + std::to_string(s.active_revision()) + ", generation " +
                             std::to_string(s.active_generation()) + since_text(s.activate_time()));
  else
    list.add("in force", "nothing");
  list.add("tunnels", std::to_string(s.tunnels()) + ": " + std::to_string(s.tunnels_enabled()) +
                          " enabled, " + std::to_string(s.tunnels_disabled()) + " disabled; " +
                          std::to_string(s.tunnels_online()) + " online, " +
                          std::to_string(s.tunnels_active()) + " active");
  if (s.dynamic_up() + s.dynamic_down() != 0) list.add("dynamic", dynamic_text(s));
  if (s.has_clock_step()) list.add("clock", clock_text(s));
  list.add("pools", std::to_string(s.pools()));
  list.add("accounts", std::to_string(s.accounts()));
  list.add("from clients",
           count_text(s.in_packets(), "packet") + ", " + count_text(s.in_bytes(), "byte"));
  list.add("to clients",
           count_text(s.out_packets(), "packet") + ", " + count_text(s.out_bytes(), "byte"));
  list.add("drops", count_text(s.drops(), "packet"));
  return list.render();
}

void add_status(Command& noun) {
  const auto watch = std::make_shared<Interval>();
  Command& verb = noun.add("status", "is it up, what does it run, how busy is it");
  add_watch_option(verb, *watch);
  verb.example("simplonctl pop status")
      .example("simplonctl pop status --watch 1")
      .run([watch](Session& session) {
        return refresh(session, *watch, [&] {
          const auto status = session.client().call<v1::PopStatus>("PopService.GetPopStatus",
                                                                   v1::GetPopStatusRequest());
          return session.render(status, [&] { return status_text(status); });
        });
      });
}

void add_show(Command& noun) {
  Command& verb = noun.add("show", "shows the settings of the PoP");
  verb.example("simplonctl pop show").run([](Session& session) {
    const auto pop = session.client().call<v1::Pop>("PopService.GetPop", v1::GetPopRequest());
    return session.print(pop, [&] {
      FieldList fields;
      add_fields(fields, pop);
      return fields.render();
    });
  });
}

struct UpdateOptions {
  v1::Pop pop;
  std::optional<std::string> name;
  std::optional<std::string> ipv6_address;
  std::vector<std::string> ipv4_addresses;
  bool no_ipv4_addresses = false;
  std::optional<uint32_t> icmp_errors;
  std::optional<uint32_t> icmp_errors_per_tunnel;
  std::optional<bool> protocol_unreachable;
  std::optional<bool> source_policy;
  std::optional<bool> ignore_echo;
  std::vector<std::string> tunnel_ipv6_addresses;
  bool no_tunnel_ipv6_addresses = false;
  std::vector<std::string> other_pop_addresses;
  bool no_other_pop_addresses = false;
  std::optional<bool> private_endpoints;
  std::optional<bool> ayiya_checksum;
  PolicyOptions policy;
  std::string etag;
  std::string comment;
  bool validate_only = false;
};

v1::UpdatePopRequest update_request(const UpdateOptions& options) {
  v1::UpdatePopRequest request;
  v1::Pop& pop = *request.mutable_pop();
  pop = options.pop;  // the interfaces
  const auto given = [&request](const char* path) {
    request.mutable_update_mask()->add_paths(path);
  };
  if (!pop.interfaces().empty()) given("interfaces");
  if (options.name) pop.set_name(*options.name), given("name");
  if (!options.ipv4_addresses.empty() || options.no_ipv4_addresses) {
    for (const std::string& address : options.ipv4_addresses) pop.add_ipv4_addresses(address);
    given("ipv4_addresses");
  }
  if (options.ipv6_address) pop.set_ipv6_address(*options.ipv6_address), given("ipv6_address");
  if (options.icmp_errors)
    pop.set_icmp_errors_per_second(*options.icmp_errors), given("icmp_errors_per_second");
  if (options.icmp_errors_per_tunnel)
    pop.set_icmp_errors_per_second_per_tunnel(*options.icmp_errors_per_tunnel),
        given("icmp_errors_per_second_per_tunnel");
  if (options.protocol_unreachable)
    pop.set_icmpv4_protocol_unreachable(*options.protocol_unreachable),
        given("icmpv4_protocol_unreachable");
  if (options.source_policy)
    pop.set_icmpv6_source_policy(*options.source_policy), given("icmpv6_source_policy");
  if (options.ignore_echo)
    pop.set_ignore_icmpv4_echo(*options.ignore_echo), given("ignore_icmpv4_echo");
  const auto exclude = [](const std::vector<std::string>& values, bool none, const char* what) {
    if (!values.empty() && none) throw failure(ExitCode::kUsage, what);
  };
  exclude(options.tunnel_ipv6_addresses, options.no_tunnel_ipv6_addresses,
          "--tunnel-ipv6-address and --no-tunnel-ipv6-addresses exclude each other");
  exclude(options.other_pop_addresses, options.no_other_pop_addresses,
          "--other-pop-address and --no-other-pop-addresses exclude each other");
  if (!options.tunnel_ipv6_addresses.empty() || options.no_tunnel_ipv6_addresses) {
    for (const std::string& address : options.tunnel_ipv6_addresses)
      pop.add_ipv6_addresses(address);
    given("ipv6_addresses");
  }
  if (!options.other_pop_addresses.empty() || options.no_other_pop_addresses) {
    for (const std::string& address : options.other_pop_addresses)
      pop.add_other_pop_addresses(address);
    given("other_pop_addresses");
  }
  if (options.private_endpoints)
    pop.set_allow_private_endpoints(*options.private_endpoints), given("allow_private_endpoints");
  if (options.ayiya_checksum)
    pop.set_ayiya_udp_checksum(*options.ayiya_checksum), given("ayiya_udp_checksum");
  apply_policy(options.policy, pop, *request.mutable_update_mask());
  if (request.update_mask().paths().empty())
    throw failure(ExitCode::kUsage, "nothing to change: give at least one field");
  pop.set_etag(options.etag);
  request.set_validate_only(options.validate_only);
  request.set_comment(options.comment);
  return request;
}

ExitCode send(Session& session, const v1::UpdatePopRequest& request, const std::string& what) {
  const auto pop = session.client().call<v1::Pop>("PopService.UpdatePop", request);
  session.print(pop, [&] {
    return request.validate_only() ? what + " (only validated: nothing changed)\n"
                                   : what + session.revision_text() + "\n";
  });
  return request.validate_only() ? ExitCode::kOk : session.publish_result();
}

void add_update(Command& noun) {
  const auto options = std::make_shared<UpdateOptions>();
  const Value on_off{"true|false", {"true", "false"}};
  Command& verb = noun.add("update", "changes settings of the PoP");
  verb.option("--name", {"NAME"}, "name shown to operators", into(options->name));
  verb.option("--interface", {"FIELD=VALUE,..."},
              "a link of the PoP, instead of all it has: port, vlan, mtu, ipv4_address, "
              "ipv6_address, ipv4_gateway, ipv6_gateway",
              [options](const std::string& text) {
                parse_fields(text, *options->pop.add_interfaces());
              })
      .repeatable = true;
  verb.option("--ipv4-address", {"A.B.C.D"},
              "address tunnels may end on, besides the interfaces' own, instead of all it has",
              into(options->ipv4_addresses))
      .repeatable = true;
  verb.flag("--no-ipv4-addresses", "take all of these away", options->no_ipv4_addresses);
  verb.option("--ipv6-address", {"ADDRESS"}, "the PoP's own address in the pools' space",
              into(options->ipv6_address));
  verb.option("--icmp-errors-per-second", {"N"}, "at most, in all; 0: 1000",
              into(options->icmp_errors));
  verb.option("--icmp-errors-per-second-per-tunnel", {"N"}, "at most, for one tunnel; 0: 20",
              into(options->icmp_errors_per_tunnel));
  verb.option("--icmpv4-protocol-unreachable", on_off,
              "answer proto-41 that matches no tunnel (RFC 4213 3.6)",
              into(options->protocol_unreachable));
  verb.option("--icmpv6-source-policy", on_off,
              "answer an inner source the tunnel does not own (RFC 4443 3.1 code 5)",
              into(options->source_policy));
  verb.option("--ignore-icmpv4-echo", on_off, "do not answer IPv4 ping",
              into(options->ignore_echo));
  verb.option("--tunnel-ipv6-address", {"ADDRESS"},
              "IPv6 address tunnels may end on, besides the interfaces' own, instead of all it has",
              into(options->tunnel_ipv6_addresses))
      .repeatable = true;
  verb.flag("--no-tunnel-ipv6-addresses", "take all of these away",
            options->no_tunnel_ipv6_addresses);
  verb.option("--other-pop-address", {"ADDRESS"},
              "tunnel endpoint of another PoP, which no client can have, instead of all it has",
              into(options->other_pop_addresses))
      .repeatable = true;
  verb.flag("--no-other-pop-addresses", "take all of these away", options->no_other_pop_addresses);
  verb.option("--allow-private-endpoints", on_off,
              "let dynamic tunnels end on private addresses (RFC 1918, fc00::/7): in a laboratory",
              into(options->private_endpoints));
  verb.option("--ayiya-udp-checksum", on_off, "send AYIYA over IPv4 with a UDP checksum",
              into(options->ayiya_checksum));
  add_policy_options(verb, options->policy);
  verb.option("--etag", {"ETAG"}, "only if the PoP still has this etag (see 'pop show')",
              into(options->etag));
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options->comment));
  verb.flag("--validate-only", "check and answer, but change nothing", options->validate_only);
  verb.example("simplonctl pop update --ignore-icmpv4-echo true")
      .example(
          "simplonctl pop update --interface "
          "port=uplink,ipv4_address=192.0.2.1/24,ipv4_gateway=192.0.2.254,"
          "ipv6_address=2001:db8:ffff::1/64,ipv6_gateway=fe80::1")
      .example(
          "simplonctl pop update --other-pop-address 192.0.2.65 --other-pop-address 2001:db8:9::1")
      .example("simplonctl pop update --city Amsterdam --country nl --tic-clear-text refused")
      .run([options](Session& session) {
        return send(session, update_request(*options), "pop updated");
      });
}

// ---- In and out of service.

struct ServiceOptions {
  std::optional<std::string> message;
  bool out_of_service = false;
  std::string comment;
};

ExitCode set_service(Session& session, const ServiceOptions& options, v1::ServiceState state,
                     const std::string& what) {
  v1::UpdatePopRequest request;
  request.mutable_pop()->set_service_state(state);
  request.mutable_update_mask()->add_paths("service_state");
  // Draining without a word keeps the one that was told before.
  if (options.message || state == v1::IN_SERVICE) {
    request.mutable_pop()->set_service_message(options.message.value_or(""));
    request.mutable_update_mask()->add_paths("service_message");
  }
  request.set_comment(options.comment);
  return send(session, request, what);
}

void add_drain(Command& noun) {
  const auto options = std::make_shared<ServiceOptions>();
  Command& verb = noun.add("drain", "takes the PoP out of service for subscribers");
  verb.describe(
      "They can log in and are told so, but get no tunnel. Tunnels that run go on: packets are "
      "forwarded in any case.");
  verb.option("--message", {"TEXT"}, "told to subscribers: why, until when",
              into(options->message));
  verb.flag("--out-of-service", "refuse endpoint updates as well", options->out_of_service);
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options->comment));
  verb.example("simplonctl pop drain --message 'new router, back at 14:00 UTC'")
      .example("simplonctl pop drain --out-of-service")
      .run([options](Session& session) {
        return options->out_of_service
                   ? set_service(session, *options, v1::OUT_OF_SERVICE, "pop out of service")
                   : set_service(session, *options, v1::DRAINING, "pop draining");
      });
}

void add_undrain(Command& noun) {
  const auto options = std::make_shared<ServiceOptions>();
  Command& verb = noun.add("undrain", "puts the PoP into service again; its message is gone");
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options->comment));
  verb.example("simplonctl pop undrain").run([options](Session& session) {
    return set_service(session, *options, v1::IN_SERVICE, "pop in service");
  });
}

}  // namespace

void add_pop_commands(Command& root) {
  Command& noun = root.add("pop", "the PoP itself: status, show, update, drain, undrain");
  add_status(noun);
  add_show(noun);
  add_update(noun);
  add_drain(noun);
  add_undrain(noun);
}

}  // namespace simplon::cli
