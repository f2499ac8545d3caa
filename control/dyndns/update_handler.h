// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From an HTTP request to its response, without sockets: the protocol routers and tunnel-broker
// clients know as dyndns2 (docs/protocols.md §13). What an update does to a tunnel is
// EndpointUpdater's business. Thread: any.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/dyndns/update_limits.h"
#include "dataplane/net/address.h"

namespace simplon::control {

struct HttpRequest {
  std::string method;
  std::string target;
  std::optional<std::string> authorization;
  bool has_body = false;  // not read
  Ipv6Address source;     // IPv4 as ::ffff:a.b.c.d
  bool tls = false;
};

struct HttpReply {
  int status = 200;
  std::string body;                           // text, lines ended by LF
  std::optional<std::chrono::seconds> retry;  // Retry-After
  bool authenticate = false;                  // WWW-Authenticate: Basic
  bool get_only = false;                      // Allow: GET
};

// One hostname of a request.
struct UpdateAttempt {
  uint32_t tunnel = 0;  // 0: the hostname is no tunnel's
  std::string user;
  std::string key;
  std::vector<Ipv6Address> addresses;  // to choose from; empty: what was given is none
  Ipv6Address source;
  bool tls = false;
};

struct UpdateOutcome {
  enum class Answer : uint8_t {
    kGood,      // the endpoint has changed, which is durable and in force
    kNoChange,  // it was that already
    kBadAuth,
    kNoHost,
    kBadAddress,
    kAbuse,
    kLater,  // not now, for reasons that are not the client's
  };
  Answer answer = Answer::kLater;
  std::optional<Ipv6Address> address;  // kGood, kNoChange; kBadAddress: the one refused
  std::chrono::seconds wait{0};        // kAbuse
};

// As clients know it: "good".
std::string_view word_of(UpdateOutcome::Answer answer);

class EndpointUpdater {
 public:
  EndpointUpdater() = default;
  EndpointUpdater(const EndpointUpdater&) = delete;
  EndpointUpdater& operator=(const EndpointUpdater&) = delete;
  virtual ~EndpointUpdater() = default;
  // Thread: any; returns when there is nothing more to wait for.
  virtual UpdateOutcome update(const UpdateAttempt& attempt) = 0;
};

class UpdateHandler {
 public:
  using Now = std::function<UpdateLimits::Clock::time_point()>;

  static constexpr std::size_t kMaxTarget = 2048;
  static constexpr std::size_t kMaxHostnames = 20;

  UpdateHandler(EndpointUpdater& updater, UpdateLimits& limits, Now now = UpdateLimits::Clock::now);

  HttpReply handle(const HttpRequest& request);

 private:
  HttpReply answer(const HttpRequest& request);
  HttpReply update(const HttpRequest& request);

  EndpointUpdater& updater_;
  UpdateLimits& limits_;
  Now now_;
};

}  // namespace simplon::control
