// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <chrono>
#include <memory>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "simplon/v1/status_service.pb.h"

namespace simplon::cli {
namespace {

constexpr std::chrono::milliseconds kPollInterval{50};
constexpr std::chrono::seconds kDefaultWait{1};

// A noun with the one verb `show`, which calls a method without arguments.
template <class Request, class Response>
void add_show(Command& root, const char* noun, const char* summary, const char* method,
              std::string (*text)(const Response&, bool heads)) {
  const auto watch = std::make_shared<Interval>();
  Command& verb = root.add(noun, summary).add("show", summary);
  add_watch_option(verb, *watch);
  verb.example(std::string("simplonctl ") + noun + " show")
      .example(std::string("simplonctl ") + noun + " show --watch 1")
      .example(std::string("simplonctl -o json ") + noun + " show")
      .run([watch, method, text](Session& session) {
        return refresh(session, *watch, [&] {
          const auto response = session.client().call<Response>(method, Request());
          return session.render(response, [&] { return text(response, session.headers()); });
        });
      });
}

std::string ports_text(const v1::ListPortsResponse& list, bool heads) {
  Table table({left("PORT"), left("DRIVER"), left("MAC"), left("LINK"), right("QUEUES"),
               right("RX-PACKETS"), right("RX-LOST"), right("TX-PACKETS"), right("TX-ERRORS")});
  for (const v1::Port& p : list.ports())
    table.add({p.name(), p.driver(), p.mac(), p.link_up() ? "up" : "down",
               std::to_string(p.queues()), std::to_string(p.rx_packets()),
               std::to_string(p.rx_missed() + p.rx_errors() + p.rx_nombuf()),
               std::to_string(p.tx_packets()), std::to_string(p.tx_errors())});
  return table.render(heads);
}

std::string neighbors_text(const v1::ListNeighborsResponse& list, bool heads) {
  Table table({left("ADDRESS"), left("MAC"), left("STATE"), left("PORT"), right("VLAN"),
               right("CONFIRMED")});
  for (const v1::Neighbor& n : list.neighbors()) {
    std::string state = v1::Neighbor::State_Name(n.state());
    std::transform(state.begin(), state.end(), state.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    table.add({n.address(), n.mac(), state, n.port(), n.vlan() == 0 ? "" : std::to_string(n.vlan()),
               n.has_age() ? age_text(n.age().seconds()) : "never"});
  }
  std::string text = table.render(heads);
  const auto shown = static_cast<uint32_t>(list.neighbors_size());
  if (heads && list.total_size() > shown)
    text += "... and " + std::to_string(list.total_size() - shown) + " more\n";
  return text;
}

std::string snapshot_text(const v1::Snapshot& snapshot, bool) {
  FieldList fields;
  add_fields(fields, snapshot);
  return fields.render();
}

// ---- conservation check

std::string terms_text(const v1::Conservation& c, bool heads) {
  Table table({left("TERM"), left("SIDE"), right("PACKETS")});
  const auto add = [&table](const char* term, const char* side, uint64_t packets) {
    table.add({term, side, std::to_string(packets)});
  };
  add("rx", "in", c.rx());
  add("originated", "in", c.originated());
  add("fragments_made", "in", c.fragments_made());
  add("tx", "out", c.tx());
  add("consumed", "out", c.consumed());
  add("drops", "out", c.drops());
  add("held", "out", c.held());
  table.add({"difference", "", std::to_string(c.difference())});
  std::string text = table.render(heads);
  if (c.holds()) return text + "balanced: every packet has a fate\n";
  return text + (c.settled() ? "NOT BALANCED: packets were lost without a name\n"
                             : "not balanced while packets move; ask again at rest, or with a "
                               "longer --wait\n");
}

void add_conservation(Command& root) {
  const auto wait = std::make_shared<std::optional<std::chrono::milliseconds>>();
  Command& noun = root.add("conservation", "does every packet have a fate?");
  Command& verb = noun.add("check", "prints the terms of the law; exit code 1 if it does not hold");
  verb.describe(
      "The law: rx + originated + fragments_made = tx + consumed + drops + held. It is exact "
      "whenever no packet is being worked on; while packets move, the terms are not of one "
      "instant.");
  verb.option("--wait", {"DURATION"}, "ask again for so long until it holds; left out: 1s",
              into(*wait));
  verb.example("simplonctl conservation check")
      .example("simplonctl conservation check --wait 10s")
      .run([wait](Session& session) {
        const auto end = std::chrono::steady_clock::now() + wait->value_or(kDefaultWait);
        v1::Conservation law;
        for (;;) {
          law = session.client().call<v1::Conservation>("CounterService.GetConservation",
                                                        v1::GetConservationRequest());
          if (law.holds() || std::chrono::steady_clock::now() >= end || !sleep_for(kPollInterval))
            break;
        }
        session.print(law, [&] { return terms_text(law, session.headers()); });
        return law.holds() ? ExitCode::kOk : ExitCode::kError;
      });
}

}  // namespace

void add_status_commands(Command& root) {
  add_show<v1::ListPortsRequest>(root, "port", "ports, their links and what their drivers count",
                                 "StatusService.ListPorts", ports_text);
  add_show<v1::ListNeighborsRequest>(root, "neighbor", "link-layer addresses of next hops",
                                     "StatusService.ListNeighbors", neighbors_text);
  add_show<v1::GetSnapshotRequest>(root, "snapshot",
                                   "the table in force, and how long its publish took",
                                   "StatusService.GetSnapshot", snapshot_text);
  add_conservation(root);
}

}  // namespace simplon::cli
