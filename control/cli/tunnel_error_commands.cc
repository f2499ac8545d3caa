// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <memory>
#include <ostream>

#include "control/cli/files.h"
#include "control/cli/grammar.h"
#include "control/cli/packet_text.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/state_text.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_name.h"

namespace simplon::cli {
namespace {

constexpr char kTunnelHelp[] = "T-number, an address or prefix of the tunnel, or its remote";

std::string source_text(const v1::TunnelError& error) {
  v1::Endpoint place;
  place.set_address(error.last_source());
  place.set_port(error.last_source_port());
  return endpoint_text(place);
}

v1::ListTunnelErrorsResponse list_errors(Session& session, const std::string& name) {
  v1::ListTunnelErrorsRequest request;
  request.set_name(name);
  return session.client().call<v1::ListTunnelErrorsResponse>("TunnelStateService.ListTunnelErrors",
                                                             request);
}

std::string errors_table(const v1::ListTunnelErrorsResponse& list, bool heads) {
  Table table({left("REASON"), right("COUNT"), right("LAST"), left("LAST-SOURCE"),
               left("CLIENT-CLOCK"), left("PACKET"), left("MEANING", 48)});
  for (const v1::TunnelError& e : list.errors())
    table.add({e.reason(), std::to_string(e.count()),
               e.has_last_time() ? age_text(e.last_time(), list.read_time()) : "", source_text(e),
               e.has_clock_offset() ? offset_text(e.clock_offset()) : "",
               e.has_packet() ? "kept" : "", e.help()});
  return table.render(heads);
}

void add_errors(Command& noun) {
  struct Options {
    std::string key;
    Interval watch;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("errors", "what went wrong with a tunnel: how often, when, from where");
  verb.describe("Most recent first. LAST is how long ago.");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  add_watch_option(verb, options->watch);
  verb.example("simplonctl tunnel errors T18574")
      .example("simplonctl tunnel errors T18574 --watch 1")
      .example("simplonctl -o csv tunnel errors T18574")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          const auto list = list_errors(session, find_tunnel_name(session, options->key));
          return session.render(list, [&] { return errors_table(list, session.headers()); });
        });
      });
}

// ---- The last packet.

struct PacketOptions {
  std::string key;
  std::string reason;
  std::string pcap;
  bool hex = false;
};

std::string latest_reason(Session& session, const std::string& name) {
  const auto list = list_errors(session, name);
  const auto found = std::find_if(list.errors().begin(), list.errors().end(),
                                  [](const v1::TunnelError& e) { return e.has_packet(); });
  if (found == list.errors().end())
    throw failure(ExitCode::kNotFound, short_name(name) + ": no packet of any error is kept");
  return found->reason();
}

std::string packet_screen(const v1::TunnelErrorPacket& packet, bool decoded) {
  if (!decoded) return hex_dump(packet.packet());
  const v1::TunnelError& error = packet.error();
  FieldList list;
  list.add("reason", error.reason() + (error.help().empty() ? "" : ": " + error.help()));
  list.add("time", error.has_last_time() ? time_text(error.last_time()) + " UTC, " +
                                               age_text(error.last_time(), time_now()) + " ago"
                                         : "");
  list.add("length", std::to_string(packet.original_length()) + " bytes, " +
                         std::to_string(packet.packet().size()) + " kept");
  list.add("packet", wrap(packet_text(packet.packet()), 90));
  return list.render() + hex_dump(packet.packet());
}

void add_error_packet(Command& noun) {
  const auto options = std::make_shared<PacketOptions>();
  Command& verb =
      noun.add("error-packet", "the last packet of an error, from its outermost IP header");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  verb.positional({"REASON", {}, Completion::kTunnelError},
                  "as 'tunnel errors' has it; left out: the most recent one with a packet",
                  into(options->reason));
  verb.option("--pcap", {"FILE", {}, Completion::kFile},
              "write a capture file instead (LINKTYPE_RAW); -: to standard output",
              into(options->pcap));
  verb.flag("--hex", "the bytes alone", options->hex);
  verb.example("simplonctl tunnel error-packet T18574 ayiya-bad-signature")
      .example("simplonctl tunnel error-packet T18574 --hex")
      .example("simplonctl tunnel error-packet T18574 beat-replayed --pcap beat.pcap")
      .run([options](Session& session) {
        if (options->hex && !options->pcap.empty())
          throw failure(ExitCode::kUsage, "--hex and --pcap exclude each other");
        v1::GetTunnelErrorPacketRequest request;
        request.set_name(find_tunnel_name(session, options->key));
        request.set_reason(options->reason.empty() ? latest_reason(session, request.name())
                                                   : options->reason);
        const auto packet = session.client().call<v1::TunnelErrorPacket>(
            "TunnelStateService.GetTunnelErrorPacket", request);
        if (options->pcap.empty())
          return session.print(packet, [&] { return packet_screen(packet, !options->hex); });
        const auto& time = packet.error().last_time();
        const std::string pcap = pcap_file(packet.packet(), packet.original_length(),
                                           time.seconds(), static_cast<uint32_t>(time.nanos()));
        if (options->pcap == "-")
          session.out() << pcap;
        else
          write_file(options->pcap, pcap);
        return ExitCode::kOk;
      });
}

void add_reset(Command& noun) {
  struct Options {
    std::string key;
    bool all = false;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("reset-errors", "begins counting the errors of a tunnel anew");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key));
  verb.flag("--all", "of every tunnel", options->all);
  verb.example("simplonctl tunnel reset-errors T18574")
      .example("simplonctl tunnel reset-errors --all")
      .run([options](Session& session) {
        if (options->all == !options->key.empty())
          throw failure(ExitCode::kUsage, "give either a TUNNEL or --all");
        v1::ResetTunnelErrorsRequest request;
        request.set_all(options->all);
        if (!options->all) request.set_name(find_tunnel_name(session, options->key));
        const auto response = session.client().call<v1::ResetTunnelErrorsResponse>(
            "TunnelStateService.ResetTunnelErrors", request);
        return session.print(response, [&] {
          return (options->all ? "errors of all tunnels"
                               : "errors of " + short_name(request.name())) +
                 " are counted anew\n";
        });
      });
}

}  // namespace

void add_tunnel_error_commands(Command& noun) {
  add_errors(noun);
  add_error_packet(noun);
  add_reset(noun);
}

}  // namespace simplon::cli
