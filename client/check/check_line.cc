// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/check/check_line.h"

#include <fmt/format.h>

#include <cstdlib>

#include "client/text/words.h"

namespace simplon::client {

namespace {

constexpr std::size_t kWidth = 78;
constexpr std::string_view kIndent = "                  ";

std::string_view word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "OK";
    case Verdict::kWarning:
      return "WARN";
    case Verdict::kFailed:
      return "FAIL";
    case Verdict::kSkipped:
      break;
  }
  return "SKIP";
}

std::string wrapped(const std::string& text) {
  std::string out;
  std::string line = std::string(kIndent) + "->";
  for (const std::string_view word : split_words(text)) {
    if (line.size() + 1 + word.size() > kWidth && line.size() > kIndent.size() + 2) {
      out += line + "\n";
      line = std::string(kIndent) + "  ";
    }
    line += " " + std::string(word);
  }
  return out + line + "\n";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

// The lines of one session, in the order of its steps.
class SessionLines {
 public:
  SessionLines(const TicSession& session, const Settings& settings)
      : session_(session), settings_(settings) {}

  std::vector<CheckLine> make() {
    step("name", TicStep::kResolve, settings_.server + " is " + joined(session_.trace.addresses));
    step("server", TicStep::kConnect, "connected to " + session_.trace.connected);
    for (const std::string& text : session_.trace.unreachable) {
      if (session_.trace.connected.empty()) break;
      lines_.push_back({Verdict::kWarning, "server", text});
    }
    step("TIC", TicStep::kClient, "it is a TIC server");
    step("clock", TicStep::kClock, clock_text());
    add_tls();
    step("login", TicStep::kLogin, "as " + settings_.username);
    add_tunnel();
    return std::move(lines_);
  }

 private:
  // A line for what happens up to and including `last`.
  void step(const std::string& name, TicStep last, const std::string& fine,
            Verdict verdict = Verdict::kOk) {
    if (!session_.failure || session_.failure->step > last) {
      lines_.push_back({verdict, name, fine});
    } else if (failed_) {
      lines_.push_back({Verdict::kSkipped, name, "not reached"});
    } else {
      failed_ = true;
      std::string text = session_.failure->reason;
      if (session_.failure->retry_after_s) {
        text += fmt::format(" (wait {} s)", *session_.failure->retry_after_s);
      }
      lines_.push_back({Verdict::kFailed, name, text, session_.failure->advice});
    }
  }

  std::string clock_text() const {
    const int64_t offset = session_.outcome.clock_offset_s.value_or(0);
    if (offset == 0) return "agrees with the broker's to the second";
    return fmt::format("{} s {} the broker's; up to 120 s do no harm", std::llabs(offset),
                       offset > 0 ? "behind" : "ahead of");
  }

  void add_tls() {
    for (const std::string& remark : session_.trace.remarks) {
      lines_.push_back({Verdict::kWarning, "encryption", remark});
    }
    if (session_.outcome.encrypted) {
      const bool verified = settings_.tls == TlsMode::kRequired;
      step("encryption", TicStep::kTls, session_.trace.tls,
           verified ? Verdict::kOk : Verdict::kWarning);
      return;
    }
    step("encryption", TicStep::kTls, "none: whoever is on the way reads your tunnel's password",
         Verdict::kWarning);
    if (lines_.back().verdict == Verdict::kWarning) {
      lines_.back().advice = "set tls = required (aiccu.conf: requiretls true) if the server can";
    }
  }

  void add_tunnel() {
    const auto& outcome = session_.outcome;
    if (session_.failure) return step("tunnel", TicStep::kShow, "");
    if (!outcome.tunnel) {
      std::vector<std::string> ids;
      for (const ListedTunnel& t : outcome.tunnels) ids.push_back(t.id);
      lines_.push_back({Verdict::kFailed, "tunnel", "you have several: " + joined(ids),
                        "name one: 'simplon-client autotest " + ids.front() + "', or 'tunnel = " +
                            ids.front() + "' in the settings (aiccu.conf: tunnel_id)"});
      return;
    }
    const TunnelInfo& t = *outcome.tunnel;
    if (!t.user_enabled) {
      lines_.push_back({Verdict::kFailed, "tunnel", t.id + " is disabled by you",
                        "enable it at your broker's web site"});
    } else if (!t.admin_enabled) {
      lines_.push_back(
          {Verdict::kFailed, "tunnel", t.id + " is disabled by the broker", "ask the broker why"});
    } else {
      lines_.push_back({Verdict::kOk, "tunnel",
                        fmt::format("{}, {}, PoP {} at {}, MTU {}", t.id, to_string(t.type),
                                    t.pop_id.empty() ? "?" : t.pop_id, t.pop_ipv4, t.mtu)});
    }
  }

  const TicSession& session_;
  const Settings& settings_;
  std::vector<CheckLine> lines_;
  bool failed_ = false;
};

}  // namespace

std::string format(const CheckLine& line) {
  std::string text = fmt::format("{:<5} {:<11} {}\n", word_for(line.verdict), line.name, line.text);
  if (!line.advice.empty()) text += wrapped(line.advice);
  return text;
}

std::vector<CheckLine> lines_of(const TicSession& session, const Settings& settings) {
  return SessionLines(session, settings).make();
}

}  // namespace simplon::client
