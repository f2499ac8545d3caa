// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <memory>
#include <ostream>

#include "control/cli/change_text.h"
#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_json.h"
#include "control/cli/render_table.h"
#include "control/cli/state_text.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_name.h"
#include "simplon/v1/watch_service.pb.h"

namespace simplon::cli {
namespace {

struct Options {
  std::vector<std::string> kinds;
  std::vector<std::string> names;
  std::optional<uint64_t> resume_after;
  std::optional<uint64_t> count;
  bool initial_state = false;
  bool heartbeats = false;
  bool tunnel_events = false;
};

std::string publish_text(const v1::PublishStatus& status) {
  std::string text = "revision " + std::to_string(status.revision()) + " " +
                     v1::PublishStatus::State_Name(status.state());
  if (status.generation() != 0) text += ", generation " + std::to_string(status.generation());
  if (!status.message().empty()) text += ": " + status.message();
  return text;
}

// Kind of event and what happened.
std::pair<std::string, std::string> event_text(const v1::WatchResponse& event) {
  switch (event.event_case()) {
    case v1::WatchResponse::kChange:
      return {"change", change_text(event.change())};
    case v1::WatchResponse::kRevisionEvent: {
      const v1::Revision& r = event.revision_event();
      std::string text = r.name() + " " + r.method() + " " + v1::Revision::State_Name(r.state());
      if (!r.comment().empty()) text += ": " + r.comment();
      return {"revision", text};
    }
    case v1::WatchResponse::kPublish:
      return {"publish",
              std::string("dataplane ") +
                  (event.publish().dataplane_connected() ? "connected" : "not connected") + ", " +
                  publish_text(event.publish().status())};
    case v1::WatchResponse::kSync:
      return {"sync", "what follows is new"};
    case v1::WatchResponse::kGap:
      return {"gap", event.gap().missed() == 0
                         ? std::string("events are missing here")
                         : std::to_string(event.gap().missed()) + " events are missing here"};
    case v1::WatchResponse::kHeartbeat:
      return {"heartbeat", ""};
    case v1::WatchResponse::kTunnelEvent:
      return {"tunnel", tunnel_event_text(event.tunnel_event())};
    case v1::WatchResponse::EVENT_NOT_SET:
      break;
  }
  return {"unknown", "an event this program does not know"};
}

// A stream has no widths to align to: fixed ones that fit in most cases.
std::string event_line(const v1::WatchResponse& event) {
  auto [kind, text] = event_text(event);
  std::string sequence = std::to_string(event.sequence());
  sequence.resize(std::max<std::size_t>(sequence.size(), 8), ' ');
  kind.resize(std::max<std::size_t>(kind.size(), 9), ' ');
  return sequence + "  " + time_text(event.time()) + "  " + kind + "  " + printable(text) + "\n";
}

v1::WatchRequest make_request(const Options& options) {
  v1::WatchRequest request;
  for (const std::string& kind : options.kinds)
    request.add_kinds(enum_value<v1::WatchRequest::Kind>(kind));
  if (options.tunnel_events) request.add_kinds(v1::WatchRequest::TUNNEL_STATE);
  for (const std::string& name : options.names) {
    const std::string tunnel = resource_name(name);
    request.add_names(tunnel.empty() ? name : tunnel);
  }
  request.set_resume_after(options.resume_after.value_or(0));
  request.set_initial_state(options.initial_state);
  return request;
}

ExitCode run(Session& session, const Options& options) {
  if (session.format() == "csv")
    throw failure(ExitCode::kUsage, "events have no rows: -o json prints one object on each line");
  catch_interrupt();
  uint64_t left = options.count.value_or(UINT64_MAX);
  uint64_t last = 0;
  v1::WatchResponse event;
  if (session.table() && session.headers())
    session.out() << "SEQUENCE  TIME-UTC             EVENT      WHAT\n" << std::flush;
  const auto take = [&] {
    last = event.sequence();
    if (event.has_heartbeat() && !options.heartbeats) return true;
    if (session.format() == "json")
      session.out() << render_json(event, true, true) << "\n";
    else
      session.out() << session.render(event, [&] { return event_line(event); });
    if (session.format() == "yaml") session.out() << "---\n";
    session.out().flush();
    return session.out().good() && --left > 0 && !interrupted();
  };
  try {
    session.client().stream("WatchService.Watch", make_request(options), event, take, interrupted);
  } catch (Failure& failure) {
    if (last != 0) failure.lines.push_back("go on with --resume-after " + std::to_string(last));
    throw;
  }
  return ExitCode::kOk;
}

}  // namespace

void add_watch_commands(Command& root) {
  const auto options = std::make_shared<Options>();
  Command& noun = root.add("watch", "prints changes as they happen, until Ctrl-C");
  noun.describe(
      "One line per event; with -o json one object per line, with -o yaml one document per event. "
      "A 'gap' says that events were lost: read the state again.");
  Value kinds{"KIND", enum_words(v1::WatchRequest::Kind_descriptor())};
  noun.option("--kind", kinds,
              "only changes of tunnels, pools, accounts or the pop, revisions, publishes, or what "
              "becomes of "
              "tunnels "
              "(tunnel-state)",
              into(options->kinds))
      .repeatable = true;
  noun.option("--name", {"NAME", {}, Completion::kTunnel},
              "only what concerns this resource: T18572, pools/link, accounts/ann, pop",
              into(options->names))
      .repeatable = true;
  noun.flag("--tunnel-events",
            "only what becomes of tunnels: up, down, moved, replayed, ...; as --kind tunnel-state",
            options->tunnel_events);
  noun.flag("--initial-state", "begin with each resource as it is now", options->initial_state);
  noun.option("--resume-after", {"SEQUENCE"}, "begin after this event",
              into(options->resume_after));
  noun.option("--count", {"N"}, "end after this many events", into(options->count));
  noun.flag("--heartbeats", "also print the server's heartbeats", options->heartbeats);
  noun.example("simplonctl watch")
      .example("simplonctl watch --kind tunnel --kind pool --initial-state")
      .example("simplonctl watch --tunnel-events")
      .example("simplonctl watch --tunnel-events --name T18574 --name T18575")
      .example("simplonctl -o json watch --name T18572 --count 1")
      .run([options](Session& session) { return run(session, *options); });
}

}  // namespace simplon::cli
