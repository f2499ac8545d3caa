// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "simplon/v1/status_service.pb.h"

namespace simplon::cli {
namespace {

using Workers = v1::ListWorkersResponse;

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

double seconds_of(const Workers& list) {
  return static_cast<double>(list.read_time().seconds()) +
         static_cast<double>(list.read_time().nanos()) * 1e-9;
}

// What was counted since `before`; a counter that went back has begun anew.
uint64_t since(uint64_t before, uint64_t now) {
  return now >= before ? now - before : now;
}

const v1::StageCost* find_stage(const v1::Worker& worker, const std::string& stage) {
  for (const v1::StageCost& cost : worker.stages())
    if (cost.stage() == stage) return &cost;
  return nullptr;
}

void subtract(v1::Worker& now, const v1::Worker& before) {
  now.set_loops(since(before.loops(), now.loops()));
  now.set_packets(since(before.packets(), now.packets()));
  now.set_busy_cycles(since(before.busy_cycles(), now.busy_cycles()));
  now.set_idle_cycles(since(before.idle_cycles(), now.idle_cycles()));
  const auto busy = static_cast<double>(now.busy_cycles());
  now.set_busy(ratio(busy, busy + static_cast<double>(now.idle_cycles())));
  now.set_cycles_per_packet(ratio(busy, static_cast<double>(now.packets())));
  for (v1::StageCost& cost : *now.mutable_stages()) {
    const v1::StageCost* old = find_stage(before, cost.stage());
    if (old == nullptr) continue;
    cost.set_packets(since(old->packets(), cost.packets()));
    cost.set_cycles(since(old->cycles(), cost.cycles()));
    cost.set_cycles_per_packet(
        ratio(static_cast<double>(cost.cycles()), static_cast<double>(cost.packets())));
  }
  for (int i = 0; i < std::min(now.bursts_size(), before.bursts_size()); ++i) {
    v1::BurstBucket& bucket = *now.mutable_bursts(i);
    bucket.set_bursts(since(before.bursts(i).bursts(), bucket.bursts()));
  }
}

Workers difference(const Workers& before, Workers now) {
  for (int i = 0; i < std::min(now.workers_size(), before.workers_size()); ++i)
    subtract(*now.mutable_workers(i), before.workers(i));
  return now;
}

// `seconds` the counts are of; 0: of all time, and no rates.
std::string load_table(const Workers& list, double seconds, bool heads) {
  std::vector<Column> columns = {right("WORKER"),     right("LCORE"),        right("NUMA"),
                                 right("GENERATION"), right("LOOPS"),        right("PACKETS"),
                                 right("BUSY-%"),     right("CYCLES/PACKET")};
  if (seconds > 0) columns.push_back(right("PACKETS/S"));
  Table table(std::move(columns));
  for (const v1::Worker& w : list.workers()) {
    std::vector<std::string> cells = {
        std::to_string(w.index()),
        std::to_string(w.lcore()),
        std::to_string(w.numa_node()),
        std::to_string(w.generation()),
        std::to_string(w.loops()),
        std::to_string(w.packets()),
        decimal_text(100 * w.busy(), 1),
        w.cycles_per_packet() == 0 ? "" : decimal_text(w.cycles_per_packet(), 1)};
    if (seconds > 0) cells.push_back(decimal_text(static_cast<double>(w.packets()) / seconds, 0));
    table.add(std::move(cells));
  }
  return table.render(heads);
}

// A column per stage that had packets; empty without any.
std::string stage_table(const Workers& list) {
  std::vector<Column> columns = {right("WORKER")};
  std::vector<std::string> stages;
  for (const v1::Worker& w : list.workers())
    for (const v1::StageCost& cost : w.stages()) {
      if (cost.packets() == 0 ||
          std::find(stages.begin(), stages.end(), cost.stage()) != stages.end())
        continue;
      stages.push_back(cost.stage());
    }
  if (stages.empty()) return "";
  for (const std::string& stage : stages) {
    std::string head = stage;
    for (char& c : head)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    columns.push_back({std::move(head), Column::Align::kRight, 0});
  }
  Table table(std::move(columns));
  for (const v1::Worker& w : list.workers()) {
    std::vector<std::string> cells = {std::to_string(w.index())};
    for (const std::string& stage : stages) {
      const v1::StageCost* cost = find_stage(w, stage);
      cells.push_back(cost == nullptr || cost->packets() == 0
                          ? ""
                          : decimal_text(cost->cycles_per_packet(), 1));
    }
    table.add(std::move(cells));
  }
  return "\nCycles per packet by stage, of the bursts that were timed:\n" + table.render(true);
}

// Empty without any burst.
std::string burst_table(const Workers& list) {
  if (list.workers().empty() || list.workers(0).bursts().empty()) return "";
  std::vector<Column> columns = {right("WORKER"), right("BURSTS")};
  for (const v1::BurstBucket& bucket : list.workers(0).bursts()) {
    std::string head = std::to_string(bucket.from());
    if (bucket.to() != bucket.from()) head += "-" + std::to_string(bucket.to());
    columns.push_back({std::move(head), Column::Align::kRight, 0});
  }
  Table table(std::move(columns));
  uint64_t all = 0;
  for (const v1::Worker& w : list.workers()) {
    uint64_t bursts = 0;
    for (const v1::BurstBucket& bucket : w.bursts()) bursts += bucket.bursts();
    all += bursts;
    std::vector<std::string> cells = {std::to_string(w.index()), std::to_string(bursts)};
    for (const v1::BurstBucket& bucket : w.bursts()) {
      const double share = ratio(static_cast<double>(bucket.bursts()), static_cast<double>(bursts));
      cells.push_back(bucket.bursts() == 0 ? "" : decimal_text(100 * share, 1));
    }
    table.add(std::move(cells));
  }
  if (all == 0) return "";
  return "\nReceive bursts by frames, in percent:\n" + table.render(true);
}

// What scripts take apart stays one table.
std::string workers_text(const Workers& list, double seconds, bool heads) {
  std::string text = load_table(list, seconds, heads);
  if (heads) text += stage_table(list) + burst_table(list);
  return text;
}

struct Options {
  bool rate = false;
  Interval watch;
};

ExitCode show(Session& session, const Options& options) {
  if (options.rate && !session.table())
    throw failure(ExitCode::kUsage,
                  "--rate is for tables; in JSON and YAML, read twice and use read_time");
  const auto read = [&] {
    return session.client().call<Workers>("StatusService.ListWorkers", v1::ListWorkersRequest());
  };
  std::optional<Workers> before;
  return refresh(session, options.watch, [&] {
    if (options.rate && !before) {
      before = read();
      sleep_for(options.watch.value_or(std::chrono::seconds(1)));
    }
    const Workers now = read();
    if (!options.rate)
      return session.render(now, [&] { return workers_text(now, 0, session.headers()); });
    const double seconds = seconds_of(now) - seconds_of(*before);
    std::string text = workers_text(difference(*before, now), seconds, session.headers());
    before = now;
    return text;
  });
}

}  // namespace

void add_worker_commands(Command& root) {
  const auto options = std::make_shared<Options>();
  Command& verb = root.add("worker", "workers and how busy they are")
                      .add("show", "load, cycles per packet by stage, sizes of bursts");
  verb.describe(
      "Totals since the dataplane's counters began; with --rate those of an interval. One burst in "
      "64 is timed by stage. With --no-headers only the load.");
  verb.flag("-r,--rate", "of the interval of --watch, or of one second", options->rate);
  add_watch_option(verb, options->watch);
  verb.example("simplonctl worker show")
      .example("simplonctl worker show --rate --watch 1")
      .example("simplonctl -o json worker show")
      .run([options](Session& session) { return show(session, *options); });
}

}  // namespace simplon::cli
