// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/update_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "control/config/outer_address.h"
#include "control/dyndns/update_request.h"

namespace simplon::control {
namespace {

HttpReply say(int status, std::string_view line) {
  HttpReply reply;
  reply.status = status;
  reply.body = fmt::format("{}\n", line);
  return reply;
}

std::string answer_line(const UpdateOutcome& outcome) {
  using Answer = UpdateOutcome::Answer;
  const bool tells = outcome.answer == Answer::kGood || outcome.answer == Answer::kNoChange ||
                     outcome.answer == Answer::kBadAddress;
  const std::string address = tells && outcome.address ? " " + to_outer_text(*outcome.address) : "";
  return fmt::format("{}{}\n", word_of(outcome.answer), address);
}

}  // namespace

std::string_view word_of(UpdateOutcome::Answer answer) {
  using Answer = UpdateOutcome::Answer;
  switch (answer) {
    case Answer::kGood:
      return "good";
    case Answer::kNoChange:
      return "nochg";
    case Answer::kBadAuth:
      return "badauth";
    case Answer::kNoHost:
      return "nohost";
    case Answer::kBadAddress:
      return "badip";
    case Answer::kAbuse:
      return "abuse";
    case Answer::kLater:
      break;
  }
  return "911";
}

UpdateHandler::UpdateHandler(EndpointUpdater& updater, UpdateLimits& limits, Now now)
    : updater_(updater), limits_(limits), now_(std::move(now)) {}

HttpReply UpdateHandler::handle(const HttpRequest& request) {
  HttpReply reply = answer(request);
  if (request.method == "HEAD") reply.body.clear();
  return reply;
}

HttpReply UpdateHandler::answer(const HttpRequest& request) {
  if (request.target.size() > kMaxTarget) return say(414, "the address asked for is too long");
  const std::string_view path = path_of(request.target);
  const bool update_asked = path == "/nic/update";
  const bool address_asked = path == "/" || path == "/ip";
  if (const auto wait = limits_.take_request(request.source, now_()); wait.count() > 0) {
    HttpReply reply = say(429, "abuse");
    reply.retry = wait;
    return reply;
  }
  if (!update_asked && !address_asked) return say(404, "there is no such page");
  // Some routers find out with HEAD how to log in.
  const bool login_wanted = update_asked && request.method == "HEAD" && !request.authorization;
  if (request.method != "GET" && !login_wanted) {
    HttpReply reply = say(405, "only GET");
    reply.get_only = true;
    return reply;
  }
  if (request.has_body) return say(413, "GET has no body");
  return address_asked ? say(200, to_outer_text(request.source)) : update(request);
}

HttpReply UpdateHandler::update(const HttpRequest& request) {
  const UpdateQuery query = parse_update_query(request.target);
  // A header that cannot be read is a login that failed, not none.
  const auto credentials = request.authorization
                               ? parse_basic(*request.authorization).value_or(Credentials{})
                               : query.credentials;
  if (!credentials) {
    HttpReply reply = say(401, "badauth");
    reply.authenticate = true;
    return reply;
  }
  if (query.hostnames.empty()) return say(200, "notfqdn");
  if (query.hostnames.size() > kMaxHostnames) return say(200, "numhost");

  UpdateAttempt attempt;
  attempt.user = credentials->user;
  attempt.key = credentials->key;
  attempt.source = request.source;
  attempt.tls = request.tls;
  attempt.addresses = query.addresses;
  if (attempt.addresses.empty() && !query.bad_address) attempt.addresses = {request.source};

  HttpReply reply;
  std::chrono::seconds wait{0};
  for (const std::string& hostname : query.hostnames) {
    attempt.tunnel = tunnel_of_hostname(hostname).value_or(0);
    const UpdateOutcome outcome = updater_.update(attempt);
    reply.body += answer_line(outcome);
    wait = std::max(wait, outcome.wait);
  }
  if (wait.count() > 0) reply.retry = wait;
  return reply;
}

}  // namespace simplon::control
