// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/console_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "control/config/outer_address.h"
#include "control/sixxsd/host_info.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"

namespace simplon::control::sixxsd {
namespace {

constexpr int kBye = 666;

// To somebody who may not use the console: what a web server says that has moved.
std::string moved_page(const Ipv6Address& peer) {
  return fmt::format(
      "HTTP/1.1 301 Moved Permanently\n"
      "Server: Simplon\n"
      "Location: /\n"
      "Connection: close\n"
      "Content-Type: text/html\n"
      "\n"
      "<html lang=\"en\">\n"
      "<head><title>Moved</title></head>\n"
      "<body>There is nothing here.</body>\n"
      "</html>\n"
      "<!-- Your IP: {} -->\n",
      to_outer_text(peer));
}

}  // namespace

ConsoleSession::~ConsoleSession() {
  // What cannot be committed now still waits.
  if (!console_.is_committed(last_change_)) (void)console_.commit();
}

bool ConsoleSession::is_allowed() {
  const uint64_t revision = context_.engine.revision();
  if (allowed_at_ == revision) return allowed_;
  allowed_at_ = revision;
  allowed_ = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const auto& addresses = model.config().pop().console().allowed_addresses();
    return std::ranges::any_of(addresses,
                               [&](const std::string& text) { return parse_ip(text) == peer_; });
  });
  return allowed_;
}

LineSession::Reply ConsoleSession::greet() {
  if (!is_allowed()) {
    refused_ = true;
    return {moved_page(peer_), Then::kClose};
  }
  const std::string name = context_.engine.read(
      [](const Model& model, const Engine::Info&) { return model.config().pop().name(); });
  return {fmt::format("200 {} Simplon {} management console\n", name.empty() ? "notconf" : name,
                      SIMPLON_VERSION),
          Then::kGoOn};
}

LineSession::Reply ConsoleSession::take_line(std::string_view line) {
  if (refused_) return {{}, Then::kClose};
  // A client that asks again has read the answer before.
  if (shown_sent_) advance_baseline();
  if (!is_allowed()) return {"500 Tschau, no longer allowed\n", Then::kClose};
  // The original's collector ends its lines with the zero byte of a C string.
  while (line.starts_with('\0')) line.remove_prefix(1);
  const Answer reply = run(line);
  leaving_ = reply.code() == kBye;
  return {reply.frame(), leaving_ ? Then::kClose : Then::kGoOn};
}

std::string ConsoleSession::too_long() {
  return "500 Command too long for processing\n";
}

std::string ConsoleSession::timed_out() {
  if (shown_sent_) advance_baseline();
  return "500 Tschau, connection timed out\n";
}

void ConsoleSession::all_sent() {
  if (shown_ == nullptr) return;
  shown_sent_ = true;
  if (leaving_) advance_baseline();
}

void ConsoleSession::client_left() {
  if (shown_sent_) advance_baseline();
}

Answer ConsoleSession::run(std::string_view line) {
  const Cursor::Parsed parsed = cursor_.parse(line);
  if (parsed.kind == Cursor::Parsed::Kind::kCommand) {
    return execute(parsed.command->id, parsed.arguments);
  }
  Answer reply(parsed.code);
  for (const std::string& text : parsed.lines) reply.add(text);
  return reply;
}

void ConsoleSession::see_own_changes() {
  if (!console_.is_committed(last_change_)) (void)console_.commit();
}

Answer ConsoleSession::outcome(const absl::Status& status, std::string_view good) {
  if (status.ok()) return {200, good};
  const std::string why = printable(to_string(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return {400, to_string(status.message())};
    case absl::StatusCode::kNotFound:
      return {404, why};
    case absl::StatusCode::kAlreadyExists:
      return {200, to_string(status.message())};
    default:
      return {500, why};
  }
}

Answer ConsoleSession::execute(CommandId id, const Arguments& arguments) {
  switch (id) {
    case CommandId::kExit:
    case CommandId::kQuit:
      return {kBye, "Tschau"};
    case CommandId::kCliaclAdd:
      return add_address(arguments[0]);
    case CommandId::kCliaclList:
      return list_addresses();
    case CommandId::kCliaclRemove:
      return remove_address(arguments[0]);
    case CommandId::kCliaclReset:
      return reset_addresses();
    case CommandId::kGetId:
      return {200, std::to_string(pop().number())};
    case CommandId::kGetName:
      return {200, pop().name()};
    case CommandId::kSetDebug:
      return set_debug(arguments);
    case CommandId::kSetId:
      return set_number(arguments[0]);
    case CommandId::kSetDetails:
      return set_details(arguments);
    case CommandId::kSetVerbosity:
      return set_verbosity(arguments[0]);
    case CommandId::kSaveconfig:
      return save();
    case CommandId::kShowInfo:
      return show_info();
    case CommandId::kShowHostinfo: {
      Answer reply;
      reply.print("PoP Name: {}", pop().name());
      add_host_info(reply);
      return reply;
    }
    case CommandId::kShowPops:
      return show_pops();
    case CommandId::kShowStatus:
      return show_status();
    case CommandId::kShowThreads: {
      Answer reply;
      add_threads(reply);
      return reply;
    }
    case CommandId::kShowTimeinfo:
      return show_timeinfo();
    case CommandId::kShowUnixtime:
      return {200, std::to_string(unix_now())};
    case CommandId::kShowUptime:
      return show_uptime();
    case CommandId::kShowVersion: {
      Answer reply;
      reply.print("Simplon {}", SIMPLON_VERSION);
      reply.add("Management console for tools of SixXSd 4.0");
      return reply;
    }
    case CommandId::kShutdown:
      return {401, "Not from here: the service manager stops it (systemctl stop simplon-control)"};
    case CommandId::kSubnetprefixAdd:
      return add_subnet_prefix(arguments[0]);
    case CommandId::kSubnetprefixList:
      return list_subnet_prefixes();
    case CommandId::kTunnelprefixAdd:
      return add_tunnel_prefix(arguments[0]);
    case CommandId::kTunnelprefixList:
      return list_tunnel_prefix();
    case CommandId::kPproxySetConfig:
      return {200, "Accepted, without effect: there is no port proxy"};
    case CommandId::kSubnetSetConfig:
      return set_subnet(arguments);
    case CommandId::kTunnelSetConfig:
      return set_tunnel(arguments);
    case CommandId::kTunnelSetDebug:
      return {401, "Debugging is not in this release"};
    case CommandId::kTunnelSetRemote:
      return set_remote(arguments);
    case CommandId::kTunnelGetOuterEndpoint:
      return get_outer_endpoint(arguments[0]);
    case CommandId::kTunnelGetErrorpacket:
      return get_error_packet(arguments);
    case CommandId::kTunnelList:
      return list_tunnels(arguments);
    case CommandId::kTunnelReseterrors:
      return reset_errors(arguments[0]);
    case CommandId::kTunnelShow:
      return show_tunnel(arguments[0]);
    case CommandId::kTunnelStats:
      return show_stats(arguments);
  }
  return {500, "Function is not implemented"};
}

}  // namespace simplon::control::sixxsd
