// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the client says in a TIC session (docs/protocols.md §9.1) and what it makes of the answers,
// apart from the socket: lines in, lines out. One command at a time, so that nothing is in flight
// at the switch to TLS. Never sends `username` in clear where TLS is required. One thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/settings.h"
#include "client/tic/tic_failure.h"
#include "client/tic/tunnel_text.h"
#include "client/tunnel_info.h"

namespace simplon::client {

enum class TicGoal : uint8_t {
  kList,      // the tunnels
  kShow,      // the tunnel `tunnel_id`
  kShowOnly,  // the only tunnel; with several, the list
};

struct TicRequest {
  std::string username;
  std::string password;
  TlsMode tls = TlsMode::kRequired;
  TicGoal goal = TicGoal::kShowOnly;
  std::string tunnel_id;
};

struct TicOutcome {
  std::vector<ListedTunnel> tunnels;
  std::optional<TunnelInfo> tunnel;
  std::optional<int64_t> clock_offset_s;  // the server's clock less ours
  bool encrypted = false;
  bool logged_in = false;
};

// `<hex>` of `authenticate md5 <hex>`.
std::string md5_response(std::string_view challenge, std::string_view password);

class TicDialog {
 public:
  static constexpr int64_t kMaximumSkew = 120;  // s
  static constexpr std::size_t kMostTunnels = 1000;
  static constexpr std::size_t kMostFields = 64;

  enum class Next : uint8_t {
    kRead,      // send output(), then bring the next line
    kStartTls,  // forget what is buffered, shake hands, then call on_tls()
    kEnd,       // send output(), then close: outcome() or failure()
  };

  // `now`: seconds since 1970.
  TicDialog(TicRequest request, std::function<int64_t()> now);

  // A line of the server, without its end.
  Next on_line(std::string_view line);
  Next on_tls();
  // Ends it from outside: no connection, silence, a line too long.
  void fail(TicFailure failure);

  // What is to be sent; empty afterwards.
  std::string take_output();

  // What is being waited for.
  TicStep step() const { return step_; }
  const TicOutcome& outcome() const { return outcome_; }
  const std::optional<TicFailure>& failure() const { return failure_; }

 private:
  enum class Waiting : uint8_t {
    kGreeting,
    kClient,
    kTime,
    kStartTls,
    kHandshake,
    kUsername,
    kChallenge,
    kAuthenticate,
    kListBegin,
    kListLines,
    kShowBegin,
    kShowLines,
    kNothing,
  };

  Next send(TicStep step, Waiting waiting, const std::string& line);
  Next refuse(std::string_view line);
  Next give_up(const std::string& reason, const std::string& advice = {});
  Next finish();
  Next on_time(std::string_view text);
  Next log_in();
  Next on_challenge(std::string_view challenge);
  Next begin_goal();
  Next on_list_line(std::string_view line);
  Next on_list_end();
  Next on_show_line(std::string_view line);
  Next on_show_end();

  const TicRequest request_;
  const std::function<int64_t()> now_;
  Waiting waiting_ = Waiting::kGreeting;
  TicStep step_ = TicStep::kGreeting;
  std::string shown_id_;
  std::vector<std::string> fields_;
  std::string output_;
  TicOutcome outcome_;
  std::optional<TicFailure> failure_;
};

}  // namespace simplon::client
