// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One session of the console: lines in, replies out (docs/protocols.md §12). Thread: the server's.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/net/line_server.h"
#include "control/sixxsd/answer.h"
#include "control/sixxsd/console.h"
#include "control/sixxsd/grammar.h"

namespace simplon::control::sixxsd {

class ConsoleSession final : public LineSession {
 public:
  ConsoleSession(Console& console, const LinePeer& peer)
      : console_(console), context_(console.context()), peer_(peer.address) {}
  ~ConsoleSession() override;

  LineSession::Reply greet() override;
  LineSession::Reply take_line(std::string_view line) override;
  std::string too_long() override;
  std::string timed_out() override;
  void all_sent() override;
  void client_left() override;

 private:
  using Arguments = std::vector<std::string>;

  bool is_allowed();
  Answer run(std::string_view line);
  Answer execute(CommandId id, const Arguments& arguments);
  // What this session has changed is there from here on.
  void see_own_changes();
  Answer outcome(const absl::Status& status, std::string_view good);

  // The PoP.
  Answer add_address(const std::string& text);
  Answer list_addresses();
  Answer remove_address(const std::string& text);
  Answer reset_addresses();
  Answer set_number(const std::string& text);
  Answer set_details(const Arguments& arguments);
  Answer set_debug(const Arguments& arguments);
  Answer set_verbosity(const std::string& text);
  Answer save();
  Answer show_info();
  Answer show_pops();
  Answer show_status();
  Answer show_timeinfo();
  Answer show_uptime();
  Answer add_subnet_prefix(const std::string& text);
  Answer list_subnet_prefixes();
  Answer add_tunnel_prefix(const std::string& text);
  Answer list_tunnel_prefix();
  v1::Pop pop();

  // Tunnels.
  Answer set_tunnel(const Arguments& arguments);
  Answer set_subnet(const Arguments& arguments);
  Answer set_remote(const Arguments& arguments);
  Answer get_outer_endpoint(const std::string& tunnel);
  Answer get_error_packet(const Arguments& arguments);
  Answer list_tunnels(const Arguments& arguments);
  Answer reset_errors(const std::string& tunnel);
  Answer show_tunnel(const std::string& tunnel);
  Answer show_stats(const Arguments& arguments);

  // The baseline a RESET under way will leave, else the reader's.
  std::shared_ptr<const StatsBaseline> baseline();
  void advance_baseline();

  Console& console_;
  const ServiceContext& context_;
  const Ipv6Address peer_;
  Cursor cursor_;
  bool refused_ = false;
  bool leaving_ = false;
  std::optional<uint64_t> allowed_at_;  // revision
  bool allowed_ = false;
  uint64_t last_change_ = 0;  // of this session

  // What `tunnel stats RESET` showed; the reader's baseline once the reply has reached the reader.
  std::shared_ptr<const StatsBaseline> shown_;
  bool shown_sent_ = false;
};

}  // namespace simplon::control::sixxsd
