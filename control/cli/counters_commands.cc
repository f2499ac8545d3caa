// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_name.h"
#include "simplon/v1/status_service.pb.h"

namespace simplon::cli {
namespace {

using google::protobuf::Timestamp;

constexpr uint32_t kPage = 10000;  // the most the server gives at once

struct Options {
  std::optional<std::string> tunnel;
  bool all = false;
  bool rate = false;
  bool per_worker = false;
  bool skip_idle = false;
  std::string filter;
  std::string order_by;
  std::optional<uint32_t> limit;
  Interval watch;
};

double seconds_between(const Timestamp& from, const Timestamp& to) {
  return static_cast<double>(to.seconds() - from.seconds()) +
         static_cast<double>(to.nanos() - from.nanos()) * 1e-9;
}

// Per second; a counter that went back has begun anew.
double per_second(uint64_t before, uint64_t now, double seconds) {
  return seconds > 0 && now >= before ? static_cast<double>(now - before) / seconds : 0;
}

// ---- The PoP.

v1::PopCounters read_pop(Session& session, const Options& options) {
  v1::GetPopCountersRequest request;
  request.set_per_worker(options.per_worker);
  return session.client().call<v1::PopCounters>("CounterService.GetPopCounters", request);
}

struct Row {
  std::string name;
  uint64_t value;
  const v1::Counter* counter;  // null: a sum over tunnels
};

std::vector<Row> pop_rows(const v1::PopCounters& c) {
  std::vector<Row> rows = {{"tunnel_in_packets", c.in_packets(), nullptr},
                           {"tunnel_in_bytes", c.in_bytes(), nullptr},
                           {"tunnel_out_packets", c.out_packets(), nullptr},
                           {"tunnel_out_bytes", c.out_bytes(), nullptr},
                           {"drops", c.drops(), nullptr}};
  for (const v1::Counter& counter : c.counters())
    rows.push_back({counter.name(), counter.value(), &counter});
  return rows;
}

std::string pop_table(const v1::PopCounters& now, const v1::PopCounters* before, bool per_worker,
                      bool heads) {
  std::vector<Column> columns = {left("COUNTER"), right("TOTAL")};
  if (before != nullptr) columns.push_back(right("PER-SECOND"));
  int workers = 0;
  if (per_worker) {
    for (const v1::Counter& c : now.counters()) workers = std::max(workers, c.per_worker_size());
    for (int i = 0; i + 1 < workers; ++i)
      columns.push_back({"WORKER-" + std::to_string(i), Column::Align::kRight, 0});
    if (workers > 0) columns.push_back(right("SLOW-PATH"));
  }
  Table table(std::move(columns));
  const std::vector<Row> rows = pop_rows(now);
  const std::vector<Row> old = before == nullptr ? rows : pop_rows(*before);
  const double seconds =
      before == nullptr ? 0 : seconds_between(before->read_time(), now.read_time());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string> cells = {rows[i].name, std::to_string(rows[i].value)};
    if (before != nullptr)
      cells.push_back(
          i < old.size() ? decimal_text(per_second(old[i].value, rows[i].value, seconds), 1) : "");
    for (int w = 0; w < workers; ++w) {
      const bool there = rows[i].counter != nullptr && w < rows[i].counter->per_worker_size();
      cells.push_back(there ? std::to_string(rows[i].counter->per_worker(w)) : "");
    }
    table.add(std::move(cells));
  }
  return table.render(heads);
}

// ---- Tunnels.

v1::ListTunnelCountersResponse read_tunnels(Session& session, const Options& options) {
  v1::ListTunnelCountersResponse all;
  if (options.tunnel) {
    v1::GetTunnelCountersRequest request;
    request.set_name(find_tunnel_name(session, *options.tunnel));
    *all.add_counters() =
        session.client().call<v1::TunnelCounters>("CounterService.GetTunnelCounters", request);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    all.mutable_read_time()->set_seconds(
        std::chrono::duration_cast<std::chrono::seconds>(now).count());
    all.mutable_read_time()->set_nanos(static_cast<int32_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() % 1000000000));
    return all;
  }
  v1::ListTunnelCountersRequest request;
  request.set_filter(options.filter);
  request.set_order_by(options.order_by);
  request.set_skip_idle(options.skip_idle);
  uint32_t left = options.limit.value_or(UINT32_MAX);
  while (left > 0) {
    request.set_page_size(static_cast<int>(std::min(left, kPage)));
    auto page = session.client().call<v1::ListTunnelCountersResponse>(
        "CounterService.ListTunnelCounters", request);
    left -= std::min(left, static_cast<uint32_t>(page.counters_size()));
    if (!all.has_read_time()) *all.mutable_read_time() = page.read_time();
    all.mutable_counters()->MergeFrom(page.counters());
    request.set_page_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  return all;
}

std::string t_number(const v1::TunnelCounters& c) {
  return "T" + std::to_string(c.id());
}

std::string totals_table(const v1::ListTunnelCountersResponse& list, bool heads) {
  Table table({left("TUNNEL"), right("IN-PACKETS"), right("IN-BYTES"), right("OUT-PACKETS"),
               right("OUT-BYTES"), right("LAST-IN")});
  for (const v1::TunnelCounters& c : list.counters())
    table.add({t_number(c), std::to_string(c.in_packets()), std::to_string(c.in_bytes()),
               std::to_string(c.out_packets()), std::to_string(c.out_bytes()),
               age_text(c.last_in_time(), list.read_time())});
  return table.render(heads);
}

std::string rates_table(const v1::ListTunnelCountersResponse& now,
                        const v1::ListTunnelCountersResponse& before, bool heads) {
  Table table({left("TUNNEL"), right("IN-PACKETS/S"), right("IN-MBIT/S"), right("OUT-PACKETS/S"),
               right("OUT-MBIT/S"), right("LAST-IN")});
  std::map<uint32_t, const v1::TunnelCounters*> old;
  for (const v1::TunnelCounters& c : before.counters()) old[c.id()] = &c;
  const double seconds = seconds_between(before.read_time(), now.read_time());
  constexpr double kMegabits = 8e-6;
  for (const v1::TunnelCounters& c : now.counters()) {
    const auto found = old.find(c.id());
    const v1::TunnelCounters& was = found == old.end() ? c : *found->second;
    const auto rate = [seconds](uint64_t from, uint64_t to) {
      return per_second(from, to, seconds);
    };
    table.add({t_number(c), decimal_text(rate(was.in_packets(), c.in_packets()), 1),
               decimal_text(rate(was.in_bytes(), c.in_bytes()) * kMegabits, 3),
               decimal_text(rate(was.out_packets(), c.out_packets()), 1),
               decimal_text(rate(was.out_bytes(), c.out_bytes()) * kMegabits, 3),
               age_text(c.last_in_time(), now.read_time())});
  }
  return table.render(heads);
}

// ---- The command.

// Shows readings of one kind, with rates between two of them where they are asked for.
template <class Reading, class Read, class Show>
ExitCode show_readings(Session& session, const Options& options, Read read, Show show) {
  std::unique_ptr<Reading> before;
  return refresh(session, options.watch, [&] {
    if (options.rate && !before) {
      before = std::make_unique<Reading>(read());
      sleep_for(options.watch.value_or(std::chrono::seconds(1)));
    }
    auto now = std::make_unique<Reading>(read());
    std::string text = show(*now, before.get());
    if (options.rate) before = std::move(now);
    return text;
  });
}

void check(const Session& session, const Options& options) {
  if (options.tunnel && options.all)
    throw failure(ExitCode::kUsage, "TUNNEL and --all exclude each other");
  if (options.rate && !session.table())
    throw failure(ExitCode::kUsage,
                  "--rate is for tables; in JSON and YAML, read twice and use read_time");
  if (!options.all &&
      (!options.filter.empty() || !options.order_by.empty() || options.limit || options.skip_idle))
    throw failure(ExitCode::kUsage, "--filter, --order-by, --limit and --skip-idle need --all");
  if (options.per_worker && (options.tunnel || options.all))
    throw failure(ExitCode::kUsage, "--per-worker is for the counters of the PoP");
}

ExitCode run(Session& session, const Options& options) {
  check(session, options);
  const bool heads = session.headers();
  if (!options.tunnel && !options.all)
    return show_readings<v1::PopCounters>(
        session, options, [&] { return read_pop(session, options); },
        [&](const v1::PopCounters& now, const v1::PopCounters* before) {
          return session.render(now,
                                [&] { return pop_table(now, before, options.per_worker, heads); });
        });
  using List = v1::ListTunnelCountersResponse;
  return show_readings<List>(
      session, options, [&] { return read_tunnels(session, options); },
      [&](const List& now, const List* before) {
        const auto table = [&] {
          return before == nullptr ? totals_table(now, heads) : rates_table(now, *before, heads);
        };
        if (options.tunnel) return session.render(now.counters(0), table);
        return session.render(now, table);
      });
}

}  // namespace

void add_counters_commands(Command& root) {
  const auto options = std::make_shared<Options>();
  Command& noun = root.add("counters", "counters of the PoP, of one tunnel or of all tunnels");
  noun.describe(
      "Counters of tunnels are inner packets and bytes, IPv6 header included: 'in' from the "
      "client, 'out' to the client. Reading resets nothing.");
  noun.positional(tunnel_value(), "only this tunnel", into(options->tunnel));
  noun.flag("-a,--all", "each tunnel", options->all);
  noun.flag("-r,--rate", "per second, between two readings", options->rate);
  noun.flag("--per-worker", "a column for each worker", options->per_worker);
  noun.flag("--skip-idle", "with --all: without tunnels that never had a packet",
            options->skip_idle);
  noun.option("--filter", {"EXPRESSION"}, "with --all: as for 'tunnel list'",
              into(options->filter));
  noun.option("--order-by", {"FIELD"},
              "with --all: id, in_packets, in_bytes, out_packets, out_bytes or last_in_time; with "
              "' desc' the other way round",
              into(options->order_by));
  noun.option("--limit", {"N"}, "with --all: at most this many", into(options->limit));
  add_watch_option(noun, options->watch);
  noun.example("simplonctl counters")
      .example("simplonctl counters --watch --rate")
      .example("simplonctl counters T18572 --rate --watch 1")
      .example("simplonctl counters --all --order-by 'in_bytes desc' --limit 20")
      .example("simplonctl -o json counters 2001:db8:0:2ae::2")
      .run([options](Session& session) { return run(session, *options); });
}

}  // namespace simplon::cli
