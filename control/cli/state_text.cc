// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/state_text.h"

#include <chrono>
#include <cstdlib>

#include "control/cli/text.h"
#include "control/cli/tunnel_fields.h"
#include "control/config/secret.h"

namespace simplon::cli {
namespace {

using google::protobuf::Timestamp;
using v1::TunnelState;
using Event = v1::WatchResponse::TunnelEvent;

std::string enum_word(const google::protobuf::EnumDescriptor* type, int number) {
  if (number == 0) return "";
  const auto* const value = type->FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);  // of a newer server
  std::string word = value->name();
  for (char& c : word)
    c = c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word;
}

// "12s ago (2026-11-21 06:13:59 UTC)".
std::string ago_text(const Timestamp& then, const Timestamp& now) {
  return age_text(then, now) + " ago (" + time_text(then) + " UTC)";
}

std::string place_text(const v1::Endpoint& endpoint) {
  std::string text = endpoint_text(endpoint);
  if (text.empty()) return "not known";
  if (const std::string transport = transport_text(endpoint.transport()); !transport.empty())
    text += ", " + transport;
  if (!endpoint.local().empty()) text += ", at our " + endpoint.local();
  return text;
}

// ", 3 times" where it was more than once.
std::string times_text(uint32_t count) {
  return count > 1 ? ", " + std::to_string(count) + " times" : "";
}

// " at 198.51.100.3:4711 (AYIYA)".
std::string with_place(const char* word, const v1::Endpoint& endpoint, bool transport = true) {
  std::string text = endpoint_text(endpoint);
  if (text.empty()) return "";
  const std::string kind = transport ? transport_text(endpoint.transport()) : "";
  return " " + std::string(word) + " " + text + (kind.empty() ? "" : " (" + kind + ")");
}

}  // namespace

std::string endpoint_text(const v1::Endpoint& endpoint) {
  if (endpoint.port() == 0) return endpoint.address();
  const bool ipv6 = endpoint.address().find(':') != std::string::npos;
  return (ipv6 ? "[" + endpoint.address() + "]" : endpoint.address()) + ":" +
         std::to_string(endpoint.port());
}

std::string transport_text(v1::Transport transport) {
  switch (transport) {
    case v1::TRANSPORT_PROTO41:
      return "protocol 41";
    case v1::TRANSPORT_AYIYA:
      return "AYIYA";
    case v1::TRANSPORT_GRE:
      return "GRE";
    case v1::TRANSPORT_IPV6_TUNNEL:
      return "IPv6 tunnel";
    default:
      return "";
  }
}

std::string offset_text(const google::protobuf::Duration& offset) {
  const auto seconds = static_cast<long long>(offset.seconds());
  if (seconds == 0) return "right";
  return std::to_string(std::llabs(seconds)) + " s " + (seconds > 0 ? "ahead" : "behind");
}

std::string step_text(const google::protobuf::Duration& step) {
  const double seconds =
      static_cast<double>(step.seconds()) + static_cast<double>(step.nanos()) / 1e9;
  const bool whole = step.nanos() == 0;
  return decimal_text(seconds < 0 ? -seconds : seconds, whole ? 0 : 1) + " s " +
         (seconds < 0 ? "back" : "forward");
}

std::string state_word(const TunnelState& state) {
  if (state.admin_state() == v1::Tunnel::DISABLED) return "disabled";
  return enum_word(TunnelState::OperState_descriptor(), state.oper_state());
}

std::string reason_word(TunnelState::ReasonCode code) {
  return enum_word(TunnelState::ReasonCode_descriptor(), code);
}

std::string short_name(const std::string& name) {
  return name.substr(name.find('/') + 1);
}

std::string state_text(const TunnelState& s, const Timestamp& now) {
  FieldList list;
  const std::string name = short_name(s.name());
  const bool dynamic = control::is_dynamic_type(s.type());
  list.add("tunnel", name + ", " + type_word(s.type()) + ", slot " + std::to_string(s.slot()));
  list.add("admin state", s.admin_state() == v1::Tunnel::DISABLED ? "disabled" : "enabled");
  std::string state = enum_word(TunnelState::OperState_descriptor(), s.oper_state());
  if (s.has_state_change_time())
    state += " for " + age_text(s.state_change_time(), now) + " (since " +
             time_text(s.state_change_time()) + " UTC)";
  list.add("state", state);
  list.add("reason", reason_word(s.reason_code()) + (s.reason().empty() ? "" : ": " + s.reason()));
  std::string endpoint = place_text(s.endpoint());
  if (s.has_endpoint() && s.oper_state() == TunnelState::DOWN && dynamic)
    endpoint += " (last known)";
  list.add("endpoint", endpoint);
  if (dynamic) {
    list.add("verified", s.verified() ? "yes" : "no");
    list.add("last seen", s.has_last_seen_time() ? ago_text(s.last_seen_time(), now) : "never");
    list.add("client time", s.has_highest_epoch()
                                ? time_text(s.highest_epoch()) + " UTC, the newest accepted"
                                : "none accepted yet");
    if (s.has_client_clock_offset())
      list.add("client clock", offset_text(s.client_clock_offset()) + ", when last refused for it");
    list.add("moves", std::to_string(s.moves()) + (s.flapping() ? ", flapping" : ""));
    list.add("replays", std::to_string(s.replays()) + (s.replays() == 0 ? "" : " refused"));
    if (s.signs_with_previous_password())
      list.add("password", "signs with the previous one: the rotation cannot end yet");
  }
  list.add("mtu", s.effective_mtu() == 0 ? "" : std::to_string(s.effective_mtu()));
  list.add("errors", std::to_string(s.errors()) +
                         (s.errors() == 0 ? "" : ": see 'simplonctl tunnel errors " + name + "'"));
  return list.render();
}

std::string tunnel_event_text(const Event& event) {
  const std::string name = event.name().empty() ? "the PoP" : short_name(event.name());
  const v1::Endpoint& place = event.endpoint();
  switch (event.kind()) {
    case Event::UP:
      return name + " up" + with_place("at", place);
    case Event::DOWN:
      return name + " down: " +
             (event.count() > 1 ? "no sign of life for " + std::to_string(event.count()) + " s"
                                : "taken down") +
             (endpoint_text(place).empty() ? "" : "," + with_place("was at", place));
    case Event::MOVED:
      return name + " moved" + with_place("from", event.old_endpoint(), false) +
             with_place("to", place);
    case Event::REPLAYED:
      return name + " replayed " +
             (place.transport() == v1::TRANSPORT_AYIYA ? "AYIYA packet" : "beat") +
             with_place("from", place, false) + " refused" + times_text(event.count());
    case Event::VERIFIED:
      return name + " verified" + with_place("at", place);
    case Event::FLAPPING:
      return name + " flaps: its moves are not reported until it settles" + with_place("at", place);
    case Event::SETTLED:
      return name + " settled" + with_place("at", place) + ": " + std::to_string(event.count()) +
             " moves were not reported";
    case Event::REFUSED:
      return name + " refused" + with_place("from", place) +
             ": an address that can be no client's" + times_text(event.count());
    case Event::CLOCK_STEP:
      return "the PoP's clock jumped " + step_text(event.clock_step());
    case Event::EPOCH_RESET:
      return name + " forgot the newest client time: the operator's word";
    default:
      return name + " " + Event::Kind_Name(event.kind());
  }
}

Timestamp time_now() {
  using std::chrono::duration_cast;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = duration_cast<std::chrono::seconds>(since);
  Timestamp now;
  now.set_seconds(seconds.count());
  now.set_nanos(
      static_cast<int32_t>(duration_cast<std::chrono::nanoseconds>(since - seconds).count()));
  return now;
}

}  // namespace simplon::cli
