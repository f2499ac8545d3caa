// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tic/tic_failure.h"

#include <algorithm>

#include "client/text/words.h"

namespace simplon::client {

namespace {

constexpr uint32_t kLongestWait = 3600;  // s

// "seconds", "min." and the like.
std::optional<uint64_t> seconds_in(std::string_view unit) {
  while (!unit.empty() && (unit.back() < 'a' || unit.back() > 'z')) unit.remove_suffix(1);
  if (unit.size() > 1 && unit.back() == 's') unit.remove_suffix(1);
  if (unit == "s" || unit == "sec" || unit == "second") return 1;
  if (unit == "m" || unit == "min" || unit == "minute") return 60;
  if (unit == "h" || unit == "hour") return 3600;
  return {};
}

// What a refusal at this point usually means.
std::string_view advice_for(TicStep step) {
  switch (step) {
    case TicStep::kGreeting:
      return "the server takes nobody now: it is busy, or it refuses your address after too many "
             "attempts; wait a while";
    case TicStep::kClient:
      return "the server does not like this program: update it, or ask your broker";
    case TicStep::kClock:
      return "the server does not tell the time; ask your broker";
    case TicStep::kTls:
      return "the server offers no encryption, and your settings ask for it: tell your broker; "
             "only "
             "if you accept that your tunnel's password travels in clear, set tls = opportunistic "
             "(aiccu.conf: requiretls false)";
    case TicStep::kLogin:
      return "check username and password: TIC has a password of its own, which is not the one of "
             "the web site; after several wrong attempts the server makes you wait";
    case TicStep::kList:
      return "the broker cannot list your tunnels; try again later";
    case TicStep::kShow:
      return "check that the tunnel is yours ('simplon-client tunnels' lists them); if the PoP is "
             "down or in maintenance, wait: your broker's status page says more";
    default:
      return "";
  }
}

}  // namespace

std::string_view to_string(TicStep step) {
  switch (step) {
    case TicStep::kResolve:
      return "looking up the server";
    case TicStep::kConnect:
      return "connecting";
    case TicStep::kGreeting:
      return "greeting";
    case TicStep::kClient:
      return "client";
    case TicStep::kClock:
      return "clock";
    case TicStep::kTls:
      return "encryption";
    case TicStep::kLogin:
      return "login";
    case TicStep::kList:
      return "list of tunnels";
    case TicStep::kShow:
      return "tunnel";
    case TicStep::kDone:
      break;
  }
  return "done";
}

std::string TicFailure::message() const {
  std::string text = "TIC, " + std::string(to_string(step)) + ": " + reason;
  if (!advice.empty()) text += "; " + advice;
  return text;
}

std::optional<uint32_t> announced_wait(std::string_view text) {
  const std::string lower = to_lower(text);
  const auto words = split_words(lower);
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i - 1] != "in" && words[i - 1] != "after" && words[i - 1] != "wait" &&
        words[i - 1] != "for") {
      continue;
    }
    const auto count = words[i] == "a" || words[i] == "an" ? std::optional<uint64_t>(1)
                                                           : parse_number(words[i], 1000000);
    const auto unit = seconds_in(words[i + 1]);
    if (!count || !unit) continue;
    return static_cast<uint32_t>(std::clamp<uint64_t>(*count * *unit, 1, kLongestWait));
  }
  return {};
}

TicFailure refused(TicStep step, std::string_view line) {
  TicFailure failure{.step = step, .reason = "the server says: " + printable(line), .advice = {}};
  failure.retry_after_s = announced_wait(line);
  const bool ours = !line.empty() && line.front() == '4';
  const bool theirs = !line.empty() && line.front() == '5';
  if (failure.retry_after_s && !(ours && step == TicStep::kLogin)) {
    // More would only contradict the server.
    failure.advice = "";
  } else if (!ours && !theirs) {
    failure.advice = "this is no answer of a TIC server: check 'server' in your settings";
  } else if (theirs && step != TicStep::kShow) {
    failure.advice = "the fault is at the broker's side; try again later";
  } else {
    failure.advice = std::string(advice_for(step));
  }
  // Trying a wrong password again only makes the server angrier.
  failure.permanent = step == TicStep::kLogin && ours;
  return failure;
}

}  // namespace simplon::client
