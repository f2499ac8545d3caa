// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <memory>
#include <ostream>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/state_text.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_fields.h"
#include "control/cli/tunnel_name.h"

namespace simplon::cli {
namespace {

using v1::TunnelState;

constexpr uint32_t kPage = 10000;  // the most the server gives at once
constexpr char kTunnelHelp[] = "T-number, an address or prefix of the tunnel, or its remote";

// ---- Reading.

void add_state(Command& noun) {
  struct Options {
    std::string key;
    Interval watch;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("state", "is the tunnel up, why, and where is its client");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  add_watch_option(verb, options->watch);
  verb.example("simplonctl tunnel state T18572")
      .example("simplonctl tunnel state 2001:db8:0:2ae::2 --watch 1")
      .example("simplonctl -o json tunnel state T18572")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          v1::GetTunnelStateRequest request;
          request.set_name(find_tunnel_name(session, options->key));
          const auto state =
              session.client().call<TunnelState>("TunnelStateService.GetTunnelState", request);
          return session.render(state, [&] { return state_text(state, time_now()); });
        });
      });
}

struct ListOptions {
  bool up = false;
  bool down = false;
  bool errors = false;
  std::vector<std::string> reasons;
  std::string filter;
  std::optional<uint32_t> limit;
  Interval watch;
};

v1::ListTunnelStatesResponse list_states(Session& session, const ListOptions& options) {
  v1::ListTunnelStatesRequest request;
  request.set_filter(options.filter);
  request.set_with_errors(options.errors);
  if (options.up) request.add_oper_states(TunnelState::UP);
  if (options.down) request.add_oper_states(TunnelState::DOWN);
  for (const std::string& reason : options.reasons)
    request.add_reason_codes(enum_value<TunnelState::ReasonCode>(reason));
  v1::ListTunnelStatesResponse all;
  for (uint32_t left = options.limit.value_or(UINT32_MAX); left > 0;) {
    request.set_page_size(static_cast<int>(std::min(left, kPage)));
    auto page = session.client().call<v1::ListTunnelStatesResponse>(
        "TunnelStateService.ListTunnelStates", request);
    left -= std::min(left, static_cast<uint32_t>(page.states_size()));
    page.mutable_states()->Swap(all.mutable_states());
    page.mutable_states()->MergeFrom(all.states());
    all.Swap(&page);
    request.set_page_token(all.next_page_token());
    if (all.next_page_token().empty()) break;
  }
  return all;
}

std::string states_table(const v1::ListTunnelStatesResponse& list, bool heads) {
  Table table({left("TUNNEL"), left("TYPE"), left("STATE"), left("ENDPOINT"), right("LAST-SEEN"),
               right("MOVES"), right("ERRORS"), left("REASON"), left("WHY", 40)});
  for (const TunnelState& s : list.states())
    table.add({short_name(s.name()), type_word(s.type()), state_word(s),
               endpoint_text(s.endpoint()),
               s.has_last_seen_time() ? age_text(s.last_seen_time(), list.read_time()) : "",
               std::to_string(s.moves()), std::to_string(s.errors()), reason_word(s.reason_code()),
               s.reason()});
  std::string text = table.render(heads);
  if (heads)
    text += std::to_string(list.up()) + " up, " + std::to_string(list.down()) + " down, " +
            std::to_string(list.disabled()) + " disabled\n";
  return text;
}

void add_states(Command& noun) {
  const auto options = std::make_shared<ListOptions>();
  Command& verb = noun.add("states", "lists tunnels with their state, and counts them");
  verb.flag("--up", "only tunnels that are up", options->up);
  verb.flag("--down", "only tunnels that are down, disabled ones too", options->down);
  verb.flag("--errors", "only tunnels with errors", options->errors);
  verb.option("--reason", {"REASON", enum_words(TunnelState::ReasonCode_descriptor())},
              "only tunnels that are up or down for this reason: never-seen, timed-out, "
              "client-clock, bad-password, ...",
              into(options->reasons))
      .repeatable = true;
  verb.option("--filter", {"EXPRESSION"}, "comparisons of fields of the tunnel, as 'tunnel list'",
              into(options->filter));
  verb.option("--limit", {"N"}, "at most this many", into(options->limit));
  add_watch_option(verb, options->watch);
  verb.example("simplonctl tunnel states --down")
      .example("simplonctl tunnel states --reason client-clock --reason bad-password")
      .example("simplonctl tunnel states --errors --filter 'type=AYIYA'")
      .example("simplonctl tunnel states --down --watch 5")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          const auto list = list_states(session, *options);
          return session.render(list, [&] { return states_table(list, session.headers()); });
        });
      });
}

// ---- The operator's word.

// What the tunnel is now.
ExitCode report(Session& session, const TunnelState& state, const std::string& what) {
  return session.print(state, [&] {
    std::string text = short_name(state.name()) + " " + what + "; it is " + state_word(state);
    if (const std::string place = endpoint_text(state.endpoint()); !place.empty())
      text += state.oper_state() == TunnelState::UP ? " at " + place : ", last at " + place;
    return text + "\n";
  });
}

void add_take_down(Command& noun) {
  const auto key = std::make_shared<std::string>();
  Command& verb = noun.add("take-down", "forgets where a dynamic tunnel ends");
  verb.describe(
      "The tunnel is down until the next beat or AYIYA packet. To keep it down, disable it.");
  verb.positional(tunnel_value(), kTunnelHelp, into(*key)).required = true;
  verb.example("simplonctl tunnel take-down T18574").run([key](Session& session) {
    v1::TakeTunnelDownRequest request;
    request.set_name(find_tunnel_name(session, *key));
    const auto state =
        session.client().call<TunnelState>("TunnelStateService.TakeTunnelDown", request);
    return report(session, state, "taken down");
  });
}

void add_clear_epoch(Command& noun) {
  const auto key = std::make_shared<std::string>();
  Command& verb = noun.add("clear-epoch", "forgets the newest client time a tunnel has accepted");
  verb.describe(
      "For a client whose clock was ahead and has been set right: until the time it once sent is "
      "reached, it could send from where it is, but not from anywhere else. Until the next beat "
      "recorded ones of the last two minutes can move the tunnel.");
  verb.positional(tunnel_value(), kTunnelHelp, into(*key)).required = true;
  verb.example("simplonctl tunnel clear-epoch T18574").run([key](Session& session) {
    v1::ClearTunnelEpochRequest request;
    request.set_name(find_tunnel_name(session, *key));
    const auto state =
        session.client().call<TunnelState>("TunnelStateService.ClearTunnelEpoch", request);
    return report(session, state, "accepts any time once");
  });
}

void add_set_endpoint(Command& noun) {
  struct Options {
    std::string key;
    std::string address;
    std::optional<uint32_t> port;
    std::string transport;
    std::string local;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("set-endpoint", "puts an endpoint in place of the one learned");
  verb.describe(
      "As if a beat had come from there: it lasts until the client says otherwise, or nothing "
      "comes for the tunnel's timeout.");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  verb.positional({"ADDRESS"}, "the client's outer address", into(options->address)).required =
      true;
  verb.option("--port", {"N"}, "the client's UDP port, for ayiya", into(options->port));
  verb.option("--transport", {"proto41|ayiya", {"proto41", "ayiya"}},
              "left out: ayiya with --port or where the tunnel is of that type, else proto41",
              into(options->transport));
  verb.option("--local", {"ADDRESS"}, "our address; left out: the first one of that family",
              into(options->local));
  verb.example("simplonctl tunnel set-endpoint T18575 198.51.100.3")
      .example("simplonctl tunnel set-endpoint T18574 198.51.100.3 --port 4711 --transport ayiya")
      .run([options](Session& session) {
        v1::SetTunnelEndpointRequest request;
        v1::Endpoint& place = *request.mutable_endpoint();
        place.set_address(options->address);
        place.set_port(options->port.value_or(0));
        if (!options->transport.empty())
          place.set_transport(options->transport == "ayiya" ? v1::TRANSPORT_AYIYA
                                                            : v1::TRANSPORT_PROTO41);
        place.set_local(options->local);
        request.set_name(find_tunnel_name(session, options->key));
        const auto state =
            session.client().call<TunnelState>("TunnelStateService.SetTunnelEndpoint", request);
        return report(session, state, "has the endpoint given");
      });
}

}  // namespace

void add_tunnel_state_commands(Command& noun) {
  add_state(noun);
  add_states(noun);
  add_take_down(noun);
  add_set_endpoint(noun);
  add_clear_epoch(noun);
}

}  // namespace simplon::cli
