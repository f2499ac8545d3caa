// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "dataplane/state/drop_reason.h"
#include "simplon/v1/status_service.pb.h"

namespace simplon::cli {
namespace {

struct Options {
  std::optional<std::string> reason;
  bool explain = false;
  bool zero = false;
  bool per_worker = false;
  Interval watch;
};

const char* answer_text(IcmpAnswer answer) {
  switch (answer) {
    case IcmpAnswer::kNone:
      return "none";
    case IcmpAnswer::kNoRoute:
      return "ICMPv6 destination unreachable, code 0: no route";
    case IcmpAnswer::kAdminProhibited:
      return "ICMPv6 destination unreachable, code 1: administratively prohibited";
    case IcmpAnswer::kAddress:
      return "ICMPv6 destination unreachable, code 3: address unreachable";
    case IcmpAnswer::kPort:
      return "ICMPv6 destination unreachable, code 4: port unreachable";
    case IcmpAnswer::kSourcePolicy:
      return "ICMPv6 destination unreachable, code 5: source address failed policy, where the PoP "
             "is configured so";
    case IcmpAnswer::kHopLimit:
      return "ICMPv6 time exceeded, code 0: hop limit exceeded in transit";
    case IcmpAnswer::kTooBig:
      return "ICMPv6 packet too big";
    case IcmpAnswer::kEncapLimit:
      return "ICMPv6 parameter problem, code 0, at the tunnel encapsulation limit";
  }
  return "?";
}

const DropReasonInfo* find_reason(const std::string& name) {
  const auto* const found =
      std::find_if(std::begin(kDropReasons), std::end(kDropReasons),
                   [&](const DropReasonInfo& info) { return info.name == name; });
  return found == std::end(kDropReasons) ? nullptr : found;
}

[[noreturn]] void unknown_reason(const std::string& name) {
  std::string similar;
  for (const DropReasonInfo& info : kDropReasons)
    if (info.name.find(name) != std::string_view::npos)
      similar += (similar.empty() ? "" : ", ") + std::string(info.name);
  throw failure(ExitCode::kNotFound, name + ": no such reason; " +
                                         (similar.empty() ? "see 'simplonctl drops explain'"
                                                          : "is it " + similar + "?"));
}

// ---- What was dropped.

v1::ListDropsResponse read_drops(Session& session, const Options& options) {
  v1::ListDropsRequest request;
  request.set_include_zero(options.zero || options.reason);
  request.set_per_worker(options.per_worker);
  auto list = session.client().call<v1::ListDropsResponse>("CounterService.ListDrops", request);
  if (!options.reason) return list;
  auto& drops = *list.mutable_drops();
  const auto first = std::remove_if(drops.begin(), drops.end(), [&](const v1::Drop& drop) {
    return drop.reason() != *options.reason;
  });
  drops.erase(first, drops.end());
  if (drops.empty()) unknown_reason(*options.reason);
  list.set_total(drops[0].packets());
  return list;
}

std::string drops_table(const v1::ListDropsResponse& list, const Options& options, bool heads) {
  std::vector<Column> columns = {left("REASON"), right("PACKETS"), left("CATEGORY")};
  int workers = 0;
  for (const v1::Drop& drop : list.drops()) workers = std::max(workers, drop.per_worker_size());
  for (int i = 0; i + 1 < workers; ++i)
    columns.push_back({"WORKER-" + std::to_string(i), Column::Align::kRight, 0});
  if (workers > 0) columns.push_back(right("SLOW-PATH"));
  constexpr std::size_t kHelpWidth = 64;  // keeps a row within 120 columns
  if (workers == 0) columns.push_back(left("MEANING", options.explain ? 0 : kHelpWidth));
  Table table(std::move(columns));
  for (const v1::Drop& drop : list.drops()) {
    std::vector<std::string> cells = {drop.reason(), std::to_string(drop.packets()),
                                      drop.category()};
    for (int i = 0; i < workers; ++i)
      cells.push_back(i < drop.per_worker_size() ? std::to_string(drop.per_worker(i)) : "");
    if (workers == 0) cells.push_back(drop.help());
    table.add(std::move(cells));
  }
  return table.render(heads);
}

// ---- What a reason means: known without a server.

std::string explain_text(const DropReasonInfo& info, const v1::Drop* drop) {
  FieldList list;
  list.add("reason", std::string(info.name));
  list.add("category", std::string(name(info.category)));
  if (drop != nullptr) list.add("packets", std::to_string(drop->packets()));
  list.add("meaning", wrap(drop != nullptr ? drop->help() : std::string(info.help), 80));
  list.add("answer", wrap(answer_text(info.answer), 80));
  return list.render();
}

std::string explain_all(const v1::ListDropsResponse& list) {
  std::string text;
  for (const v1::Drop& drop : list.drops()) {
    // A newer server may know reasons this program does not.
    const DropReasonInfo* const info = find_reason(drop.reason());
    const DropReasonInfo unknown{drop.reason(), DropCategory::kSystem, IcmpAnswer::kNone, ""};
    text += (text.empty() ? "" : "\n") + explain_text(info == nullptr ? unknown : *info, &drop);
  }
  return text;
}

v1::Drop to_message(const DropReasonInfo& info) {
  v1::Drop drop;
  drop.set_reason(std::string(info.name));
  drop.set_category(std::string(name(info.category)));
  drop.set_help(std::string(info.help));
  return drop;
}

ExitCode explain(Session& session, const std::optional<std::string>& reason) {
  if (reason) {
    const DropReasonInfo* const info = find_reason(*reason);
    if (info == nullptr) unknown_reason(*reason);
    return session.print(to_message(*info), [&] { return explain_text(*info, nullptr); });
  }
  v1::ListDropsResponse list;
  for (const DropReasonInfo& info : kDropReasons) *list.add_drops() = to_message(info);
  return session.print(list, [&] {
    Table table({left("REASON"), left("CATEGORY"), left("MEANING")});
    for (const DropReasonInfo& info : kDropReasons)
      table.add({std::string(info.name), std::string(name(info.category)), std::string(info.help)});
    return table.render(session.headers());
  });
}

Value reason_value() {
  return {"REASON", {}, Completion::kDropReason};
}

}  // namespace

void add_drops_commands(Command& root) {
  const auto options = std::make_shared<Options>();
  Command& noun = root.add("drops", "dropped packets by reason, with explanations");
  noun.positional(reason_value(), "only this reason", into(options->reason));
  noun.flag("-e,--explain", "with all that is known about each reason", options->explain);
  noun.flag("-z,--zero", "also reasons that dropped nothing", options->zero);
  noun.flag("--per-worker", "a column for each worker", options->per_worker);
  add_watch_option(noun, options->watch);
  noun.example("simplonctl drops")
      .example("simplonctl drops --watch")
      .example("simplonctl drops outer-source-mismatch --explain")
      .example("simplonctl drops --zero -o json")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          const auto list = read_drops(session, *options);
          return session.render(list, [&] {
            return options->explain ? explain_all(list)
                                    : drops_table(list, *options, session.headers());
          });
        });
      });

  const auto reason = std::make_shared<std::optional<std::string>>();
  Command& verb = noun.add("explain", "what a reason means; needs no server");
  verb.positional(reason_value(), "left out: all of them", into(*reason));
  verb.example("simplonctl drops explain")
      .example("simplonctl drops explain outer-source-mismatch")
      .run([reason](Session& session) { return explain(session, *reason); });
}

}  // namespace simplon::cli
