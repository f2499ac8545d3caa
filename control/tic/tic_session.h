// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One TIC connection (docs/protocols.md §9): who is there, and what may it see.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/net/line_server.h"
#include "control/net/recent_map.h"
#include "control/tic/login_limiter.h"
#include "control/tic/tic_host.h"

namespace simplon::control {

// What all connections have in common. Thread: the TIC server's.
class TicShared {
 public:
  using Clock = std::chrono::steady_clock;

  LoginLimiter logins;

  // Whether this endpoint change may be made; counts it.
  bool may_change_endpoint(uint32_t tunnel_id, uint32_t limit, Clock::time_point now);

  // Whether a line about a login may be logged; if so, how many were not since the last one.
  std::optional<uint64_t> may_log(Clock::time_point now);

 private:
  struct Changes {
    uint32_t count = 0;
    Clock::time_point since{};
  };
  RecentMap<uint32_t, Changes> changes_{4096};
  uint32_t log_budget_ = 0;
  uint64_t unlogged_ = 0;
  Clock::time_point log_second_{};
};

class TicSession : public LineSession {
 public:
  static constexpr std::size_t kMaxLine = 1024;
  static constexpr std::chrono::seconds kChallengeLifetime{60};
  static constexpr std::size_t kMaxListed = 10000;

  TicSession(TicHost& host, TicShared& shared, const LinePeer& peer);

  Reply greet() override;
  Reply take_line(std::string_view line) override;
  std::string too_long() override;
  std::string timed_out() override;
  void tls_started() override;

  // To a connection over the limits.
  static std::string busy();

 private:
  struct Command;
  enum class Method : uint8_t { kNone, kClear, kMd5 };

  static const Command kCommands[];

  // Commands, with what follows their words.
  Reply client(std::string_view rest);
  Reply get_unixtime(std::string_view rest);
  Reply starttls(std::string_view rest);
  Reply username(std::string_view rest);
  Reply challenge(std::string_view rest);
  Reply authenticate(std::string_view rest);
  Reply tunnel_list(std::string_view rest);
  Reply tunnel_show(std::string_view rest);
  Reply tunnel_set(std::string_view rest);
  Reply tunnel_key(std::string_view rest);
  Reply pop_list(std::string_view rest);
  Reply pop_show(std::string_view rest);
  Reply routes(std::string_view rest);
  Reply set_prompt(std::string_view rest);
  Reply help(std::string_view rest);
  Reply quit(std::string_view rest);

  Reply set_endpoint(uint32_t id, std::string_view address);

  // Policy, as it is now: a refusal, or nothing.
  std::optional<std::string> refuse_clear_text(const Model& model) const;
  std::optional<std::string> refuse_method(const Model& model, Method method) const;

  Reply check_response(std::string_view response);
  void log_login(std::string_view result) const;
  void forget_dialog();

  // The logged-in account's tunnel; null: there is none that it may see. Ends the login when the
  // account is gone or disabled meanwhile.
  bool still_logged_in(const Model& model);
  const v1::Tunnel* own_tunnel(const Model& model, uint32_t id) const;

  TicHost& host_;
  TicShared& shared_;
  const LinePeer peer_;
  bool tls_ = false;
  bool prompt_ = false;
  std::string username_;  // said, not proved
  Method method_ = Method::kNone;
  std::string challenge_;
  TicShared::Clock::time_point challenge_until_{};
  bool logged_in_ = false;  // as username_
};

}  // namespace simplon::control
