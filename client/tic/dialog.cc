// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tic/dialog.h"

#include <sys/utsname.h>

#include <cstdlib>
#include <utility>

#include "client/text/words.h"
#include "dataplane/crypto/md5.h"

namespace simplon::client {

namespace {

constexpr std::size_t kLongestChallenge = 512;

std::string hex(const Md5Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// The three digits at the beginning, 0 if there are none.
int code_of(std::string_view line) {
  if (line.size() < 3 || (line.size() > 3 && line[3] != ' ')) return 0;
  const auto code = parse_number(line.substr(0, 3), 999);
  return code ? static_cast<int>(*code) : 0;
}

bool is_refusal(std::string_view line) {
  const int code = code_of(line);
  return code >= 400 && code <= 599;
}

std::string client_line() {
  utsname system{};
  const bool known = uname(&system) == 0;
  return "client TIC/draft-00 simplon-client/" SIMPLON_VERSION " Linux/" +
         std::string(known ? printable(system.release, 64) : "unknown");
}

}  // namespace

std::string md5_response(std::string_view challenge, std::string_view password) {
  return hex(md5(challenge, hex(md5(password))));
}

TicDialog::TicDialog(TicRequest request, std::function<int64_t()> now)
    : request_(std::move(request)), now_(std::move(now)) {}

std::string TicDialog::take_output() {
  return std::exchange(output_, {});
}

void TicDialog::fail(TicFailure failure) {
  if (!failure_) failure_ = std::move(failure);
  waiting_ = Waiting::kNothing;
}

TicDialog::Next TicDialog::send(TicStep step, Waiting waiting, const std::string& line) {
  step_ = step;
  waiting_ = waiting;
  output_ += line + "\n";
  return Next::kRead;
}

TicDialog::Next TicDialog::refuse(std::string_view line) {
  fail(refused(step_, line));
  output_ += "QUIT\n";
  return Next::kEnd;
}

TicDialog::Next TicDialog::give_up(const std::string& reason, const std::string& advice) {
  fail({.step = step_, .reason = reason, .advice = advice});
  output_ += "QUIT " + printable(reason, 120) + "\n";
  return Next::kEnd;
}

TicDialog::Next TicDialog::finish() {
  send(TicStep::kDone, Waiting::kNothing, "QUIT Thank you");
  return Next::kEnd;
}

TicDialog::Next TicDialog::on_line(std::string_view line) {
  if (waiting_ == Waiting::kListLines) return on_list_line(line);
  if (waiting_ == Waiting::kShowLines) return on_show_line(line);

  const int code = code_of(line);
  const std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
  if (waiting_ == Waiting::kStartTls && is_refusal(line)) {
    if (request_.tls == TlsMode::kRequired) return refuse(line);
    return log_in();
  }
  if (waiting_ == Waiting::kListBegin || waiting_ == Waiting::kShowBegin) {
    if (code != 201) return refuse(line);
    waiting_ = waiting_ == Waiting::kListBegin ? Waiting::kListLines : Waiting::kShowLines;
    return Next::kRead;
  }
  if (code < 200 || code > 299) return refuse(line);
  switch (waiting_) {
    case Waiting::kGreeting:
      return send(TicStep::kClient, Waiting::kClient, client_line());
    case Waiting::kClient:
      return send(TicStep::kClock, Waiting::kTime, "get unixtime");
    case Waiting::kTime:
      return on_time(text);
    case Waiting::kStartTls:
      waiting_ = Waiting::kHandshake;
      return Next::kStartTls;
    case Waiting::kUsername:
      return send(TicStep::kLogin, Waiting::kChallenge, "challenge md5");
    case Waiting::kChallenge:
      return on_challenge(text);
    case Waiting::kAuthenticate:
      outcome_.logged_in = true;
      return begin_goal();
    default:
      break;
  }
  return give_up("a line nobody asked for: " + printable(line));
}

TicDialog::Next TicDialog::on_time(std::string_view text) {
  const auto seconds = parse_number(trim(text), uint64_t{1} << 40);
  if (!seconds) return give_up("the server's time is no number: " + printable(text, 40));
  const int64_t offset = static_cast<int64_t>(*seconds) - now_();
  outcome_.clock_offset_s = offset;
  if (std::llabs(offset) > kMaximumSkew) {
    const std::string amount = std::to_string(std::llabs(offset));
    fail({.step = step_,
          .reason = "the clock of this machine is " + amount + " seconds " +
                    (offset > 0 ? "behind" : "ahead of") + " the broker's",
          .advice = "set it right and keep it so with NTP (timedatectl set-ntp true): beats that "
                    "are more than 120 seconds off are thrown away"});
    output_ += "QUIT Aborting: Clock is off by " + amount + " seconds\n";
    return Next::kEnd;
  }
  if (request_.tls == TlsMode::kOff) return log_in();
  return send(TicStep::kTls, Waiting::kStartTls, "starttls");
}

TicDialog::Next TicDialog::on_tls() {
  if (waiting_ != Waiting::kHandshake) return give_up("encryption nobody asked for");
  outcome_.encrypted = true;
  return log_in();
}

TicDialog::Next TicDialog::log_in() {
  step_ = TicStep::kLogin;
  if (!outcome_.encrypted && request_.tls == TlsMode::kRequired) {
    return give_up("no login without encryption");
  }
  return send(TicStep::kLogin, Waiting::kUsername, "username " + request_.username);
}

TicDialog::Next TicDialog::on_challenge(std::string_view challenge) {
  if (challenge.empty() || challenge.size() > kLongestChallenge) {
    return give_up("the server's challenge is empty or longer than 512 characters");
  }
  return send(TicStep::kLogin, Waiting::kAuthenticate,
              "authenticate md5 " + md5_response(challenge, request_.password));
}

TicDialog::Next TicDialog::begin_goal() {
  if (request_.goal != TicGoal::kShow) {
    return send(TicStep::kList, Waiting::kListBegin, "tunnel list");
  }
  shown_id_ = request_.tunnel_id;
  return send(TicStep::kShow, Waiting::kShowBegin, "tunnel show " + shown_id_);
}

TicDialog::Next TicDialog::on_list_line(std::string_view line) {
  if (code_of(line) == 202) return on_list_end();
  if (is_refusal(line)) return refuse(line);
  if (outcome_.tunnels.size() == kMostTunnels) {
    return give_up("the list of tunnels does not end after " + std::to_string(kMostTunnels));
  }
  auto tunnel = parse_listed_tunnel(line);
  if (!tunnel.ok()) return give_up(std::string(tunnel.status().message()));
  outcome_.tunnels.push_back(*std::move(tunnel));
  return Next::kRead;
}

TicDialog::Next TicDialog::on_list_end() {
  if (request_.goal == TicGoal::kList || outcome_.tunnels.size() > 1) return finish();
  if (outcome_.tunnels.empty()) {
    return give_up("your account has no tunnel", "ask your broker for one");
  }
  shown_id_ = outcome_.tunnels.front().id;
  return send(TicStep::kShow, Waiting::kShowBegin, "tunnel show " + shown_id_);
}

TicDialog::Next TicDialog::on_show_line(std::string_view line) {
  if (code_of(line) == 202) return on_show_end();
  if (is_refusal(line)) return refuse(line);
  if (fields_.size() == kMostFields) {
    return give_up("the description of the tunnel does not end after " +
                   std::to_string(kMostFields) + " lines");
  }
  fields_.emplace_back(line);
  return Next::kRead;
}

TicDialog::Next TicDialog::on_show_end() {
  auto tunnel = parse_tunnel(fields_);
  if (!tunnel.ok()) {
    return give_up(std::string(tunnel.status().message()), "tell your broker");
  }
  if (to_lower(tunnel->id) != to_lower(shown_id_)) {
    return give_up("asked for " + printable(shown_id_, 40) + ", the server describes " +
                       printable(tunnel->id, 40),
                   "tell your broker");
  }
  outcome_.tunnel = *std::move(tunnel);
  return finish();
}

}  // namespace simplon::client
