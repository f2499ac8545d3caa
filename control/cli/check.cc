// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/check.h"

#include <algorithm>
#include <cmath>

#include "control/cli/text.h"

namespace simplon::cli {
namespace {

const char* health_word(Health health) {
  switch (health) {
    case Health::kOk:
      return "OK";
    case Health::kWarning:
      return "WARNING";
    case Health::kCritical:
      return "CRITICAL";
    default:
      return "UNKNOWN";
  }
}

// Text of others in our one line: '|' would begin the performance data.
std::string plain(std::string text) {
  for (char& c : text) {
    if (c == '|') c = '/';
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

// What is wrong, worst first.
class Findings {
 public:
  void add(Health health, const std::string& text) {
    if (health == Health::kOk) return;
    if (health > worst_) {
      worst_ = health;
      text_.insert(0, text + (text_.empty() ? "" : "; "));
    } else {
      text_ += (text_.empty() ? "" : "; ") + text;
    }
  }
  Health worst() const { return worst_; }
  const std::string& text() const { return text_; }

 private:
  Health worst_ = Health::kOk;
  std::string text_;
};

// The number of tunnels a threshold stands for.
double wanted(double limit, uint32_t of) {
  return limit < 1 ? limit * of : limit;
}

std::string number(double value) {
  return std::to_string(static_cast<uint64_t>(std::ceil(value)));
}

void judge_pop(const v1::PopStatus& s, const CheckLimits& limits, Findings& findings) {
  if (!s.dataplane_connected()) {
    findings.add(limits.no_dataplane,
                 "no dataplane is connected" +
                     (s.dataplane_error().empty() ? "" : ": " + s.dataplane_error()));
  } else if (!s.dataplane_error().empty()) {
    findings.add(limits.no_dataplane, "the dataplane does not answer: " + s.dataplane_error());
  } else if (s.ports_up() < s.ports()) {
    const bool none = s.ports_up() == 0 && limits.port_down != Health::kOk;
    findings.add(none ? Health::kCritical : limits.port_down,
                 std::to_string(s.ports_up()) + " of " + std::to_string(s.ports()) + " ports up");
  }
  const std::string why = s.publish().message().empty() ? "" : ": " + s.publish().message();
  if (s.publish().state() == v1::PublishStatus::REJECTED)
    findings.add(limits.publish_failed, "the dataplane refused the configuration" + why);
  if (s.publish().state() == v1::PublishStatus::STALLED)
    findings.add(limits.publish_failed, "the last publish stalled" + why);
  if (s.service_state() == v1::DRAINING || s.service_state() == v1::OUT_OF_SERVICE)
    findings.add(limits.not_in_service,
                 std::string(s.service_state() == v1::DRAINING ? "draining" : "out of service") +
                     (s.service_message().empty() ? "" : ": " + s.service_message()));
}

void judge_tunnels(const v1::PopStatus& s, const CheckLimits& limits, Findings& findings) {
  const uint32_t configured = s.tunnels_enabled();
  if (configured == 0) {
    findings.add(Health::kCritical, "no tunnels configured");
    return;
  }
  if (configured < limits.small_pop) return;
  const auto check = [&findings](uint32_t have, double least, const char* what) {
    if (have < least)
      findings.add(Health::kWarning,
                   std::string("too few ") + what + " (wanted " + number(least) + ")");
  };
  check(configured, limits.configured, "configured");
  check(s.tunnels_online(), wanted(limits.online, configured), "online");
  check(s.tunnels_active(), wanted(limits.active, s.tunnels_online()), "active");
}

// 'label'=value;warning;critical;minimum;maximum. `N:` warns below N.
std::string performance(const v1::PopStatus& s, const CheckLimits& limits) {
  const uint32_t configured = s.tunnels_enabled();
  const bool judged = configured >= limits.small_pop;
  const auto below = [judged](double least) { return judged ? number(least) + ":" : ""; };
  std::string text = "online=" + std::to_string(s.tunnels_online()) + ";" +
                     below(wanted(limits.online, configured)) + ";;0;" +
                     std::to_string(configured) + " active=" + std::to_string(s.tunnels_active()) +
                     ";" + below(wanted(limits.active, s.tunnels_online())) + ";;0;" +
                     std::to_string(configured) + " configured=" + std::to_string(configured) +
                     ";" + below(limits.configured) + ";1:;0";
  const auto counter = [&text](const char* label, uint64_t value) {
    text += std::string(" ") + label + "=" + std::to_string(value) + "c";
  };
  counter("in_packets", s.in_packets());
  counter("in_bytes", s.in_bytes());
  counter("out_packets", s.out_packets());
  counter("out_bytes", s.out_bytes());
  counter("drops", s.drops());
  return text;
}

std::vector<std::string> details(const v1::PopStatus& s) {
  const auto since = [](const google::protobuf::Timestamp& time) {
    return time.seconds() == 0 ? "" : ", since " + time_text(time) + " UTC";
  };
  std::vector<std::string> lines;
  lines.push_back("pop " + s.name() + ", revision " + std::to_string(s.revision()) +
                  since(s.revision_time()));
  lines.push_back("control " + s.control_version() + since(s.control_start_time()));
  lines.push_back("dataplane " + (s.dataplane_connected()
                                      ? s.dataplane_version() + since(s.dataplane_start_time())
                                      : "not connected"));
  lines.push_back("publish " + v1::PublishStatus::State_Name(s.publish().state()) +
                  ", in force revision " + std::to_string(s.active_revision()));
  lines.push_back("ports " + std::to_string(s.ports_up()) + " of " + std::to_string(s.ports()) +
                  " up, workers " + std::to_string(s.workers()));
  lines.push_back("tunnels " + std::to_string(s.tunnels()) + " configured, " +
                  std::to_string(s.tunnels_disabled()) + " of them disabled");
  lines.push_back("dynamic " + std::to_string(s.dynamic_up()) + " up, " +
                  std::to_string(s.dynamic_down()) + " down, " +
                  std::to_string(s.dynamic_unverified()) + " not verified yet");
  return lines;
}

}  // namespace

CheckResult judge(const v1::PopStatus& status, const CheckLimits& limits) {
  Findings findings;
  judge_pop(status, limits, findings);
  judge_tunnels(status, limits, findings);
  const uint32_t configured = status.tunnels_enabled();
  CheckResult result;
  result.health = findings.worst();
  if (!findings.text().empty()) result.summary = findings.text() + "; ";
  if (configured != 0 && configured < limits.small_pop) result.summary += "small PoP: ";
  result.summary += std::to_string(status.tunnels_online()) + " of " + std::to_string(configured) +
                    " online, " + std::to_string(status.tunnels_active()) + " active";
  result.performance = performance(status, limits);
  result.details = details(status);
  return result;
}

std::string check_text(const CheckResult& result, bool verbose) {
  std::string text =
      std::string("SIMPLON ") + health_word(result.health) + " - " + plain(result.summary);
  if (!result.performance.empty()) text += " | " + result.performance;
  text += "\n";
  if (!verbose) return text;
  for (const std::string& line : result.details) text += plain(line) + "\n";
  return text;
}

}  // namespace simplon::cli
