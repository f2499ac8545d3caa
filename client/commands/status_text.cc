// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/commands/status_text.h"

#include <fmt/format.h>

#include <ctime>

#include "client/commands/commands.h"

namespace simplon::client {

namespace {

std::string local_time(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  localtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 10000) return fmt::format("{} bytes", bytes);
  if (bytes < 10000000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 10000000000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

std::string ping_text(const PingResult& result) {
  switch (result.kind) {
    case PingResult::Kind::kAnswered:
      return fmt::format("answers in {:.1f} ms", result.milliseconds);
    case PingResult::Kind::kNotPermitted:
      return "not measured (" + result.detail + "; run this as root)";
    default:
      return result.detail.empty() ? "no answer" : result.detail;
  }
}

std::string line(const std::string& name, const std::string& value) {
  return fmt::format("  {:<10} {}\n", name, value);
}

std::string ping_json(const std::optional<PingResult>& result) {
  if (!result) return "null";
  return fmt::format(R"({{"answered": {}, "milliseconds": {:.3f}, "detail": {}}})",
                     result->answered(), result->milliseconds, json_string(result->detail));
}

}  // namespace

std::string duration_text(int64_t seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

bool is_healthy(const StatusReport& report) {
  if (report.state.state != "up") return false;
  if (!report.pop || report.pop->kind == PingResult::Kind::kNotPermitted) {
    return report.state.detail.empty();
  }
  return report.pop->answered();
}

std::string status_text(const StatusReport& report) {
  const RunState& s = report.state;
  std::string text = fmt::format("{} {} since {} ({}), process {}\n",
                                 s.tunnel.empty() ? "the tunnel" : s.tunnel + " (" + s.type + ")",
                                 s.state == "up" ? "is up" : "is " + s.state, local_time(s.since),
                                 duration_text(report.now - s.since), report.pid);
  if (!s.detail.empty()) text += line("why", s.detail);
  if (s.next_try != 0) text += line("next try", "in " + duration_text(s.next_try - report.now));
  if (s.state != "up") return text;
  text +=
      line("device", s.kind == "none" ? "none of this program's"
                                      : fmt::format("{} ({}), MTU {}", s.device, s.kind, s.mtu));
  text += line("address", fmt::format("{}/{}", s.client, s.prefix_length));
  text += line("PoP", fmt::format("{}, {}; outside {} from {}", s.pop_id.empty() ? "?" : s.pop_id,
                                  s.pop, s.pop_ipv4, s.local_ipv4.empty() ? "?" : s.local_ipv4));
  if (s.last_beat != 0) {
    text += line("last beat", duration_text(report.now - s.last_beat) + " ago");
  }
  if (report.counters) {
    const DeviceCounters& c = *report.counters;
    text += line("received",
                 fmt::format("{} in {} packets", bytes_text(c.received_bytes), c.received_packets));
    text += line("sent", fmt::format("{} in {} packets", bytes_text(c.sent_bytes), c.sent_packets));
  }
  if (report.pop) text += line("latency", "PoP " + ping_text(*report.pop));
  if (report.beyond) text += line("", s.ping_target + " " + ping_text(*report.beyond));
  return text;
}

std::string status_json(const StatusReport& report) {
  const RunState& s = report.state;
  std::string text = "{\n";
  const auto add = [&text](const char* name, const std::string& value) {
    text += fmt::format("{}  \"{}\": {}", text.size() > 2 ? ",\n" : "", name, value);
  };
  add("running", "true");
  add("pid", std::to_string(report.pid));
  add("healthy", is_healthy(report) ? "true" : "false");
  for (const auto& [name, value] :
       {std::pair{"state", &s.state}, std::pair{"detail", &s.detail},
        std::pair{"tunnel", &s.tunnel}, std::pair{"type", &s.type}, std::pair{"pop_id", &s.pop_id},
        std::pair{"device", &s.device}, std::pair{"kind", &s.kind}, std::pair{"client", &s.client},
        std::pair{"pop", &s.pop}, std::pair{"pop_ipv4", &s.pop_ipv4},
        std::pair{"local_ipv4", &s.local_ipv4}, std::pair{"ping_target", &s.ping_target}}) {
    add(name, json_string(*value));
  }
  add("prefix_length", std::to_string(s.prefix_length));
  add("mtu", std::to_string(s.mtu));
  add("since", std::to_string(s.since));
  add("last_beat", s.last_beat == 0 ? "null" : std::to_string(s.last_beat));
  add("last_answer", s.last_answer == 0 ? "null" : std::to_string(s.last_answer));
  add("next_try", s.next_try == 0 ? "null" : std::to_string(s.next_try));
  if (report.counters) {
    const DeviceCounters& c = *report.counters;
    add("received_bytes", std::to_string(c.received_bytes));
    add("received_packets", std::to_string(c.received_packets));
    add("sent_bytes", std::to_string(c.sent_bytes));
    add("sent_packets", std::to_string(c.sent_packets));
  }
  add("ping_pop", ping_json(report.pop));
  add("ping_beyond", ping_json(report.beyond));
  return text + "\n}\n";
}

}  // namespace simplon::client
