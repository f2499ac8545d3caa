// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What `start` does: fetches the tunnel from TIC, brings it up, watches it, and begins again when
// something ends. One thread, besides the one that moves packets.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "client/exit_code.h"
#include "client/host/signals.h"
#include "client/host/state_file.h"
#include "client/keeper/backoff.h"
#include "client/settings_file.h"
#include "client/tic/session.h"
#include "client/tunnel_path.h"
#include "control/table/unique_fd.h"

namespace simplon::client {

struct KeeperTimes {
  std::chrono::seconds first_wait{5};
  std::chrono::seconds longest_wait{600};
  std::chrono::seconds ping_interval{30};
  std::chrono::milliseconds ping_timeout{2000};
  std::chrono::seconds silence{180};           // of the PoP, until TIC is asked again
  std::chrono::seconds longest_refetch{3600};  // between two of those
};

struct KeeperContext {
  LoadedSettings settings;
  std::string tunnel_id;  // of the command line or chosen by a person; empty: as settings say
  // Reads the settings again; on SIGHUP.
  std::function<absl::StatusOr<LoadedSettings>()> reload;
  // Told once, when the tunnel is up (ok), or when it begins to wait (why).
  std::function<void(const absl::Status& first)> first_result;
  KeeperTimes times{};
};

// The tunnel to fetch: its id, or empty for the only one.
std::string wanted_tunnel(const KeeperContext& context);

class TunnelKeeper {
 public:
  // `signals` must outlive it.
  TunnelKeeper(KeeperContext context, Signals& signals);
  ~TunnelKeeper();

  // Until SIGTERM, or until there is no sense in going on. Returns an exit code; why, is logged.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Leave : uint8_t { kStop, kAgain };

  const Settings& settings() const { return context_.settings.settings; }
  void set_state(const std::string& state, const std::string& detail);
  void publish();
  void tell_first(const absl::Status& status);

  // Reads what signals came: SIGTERM and SIGINT set stop_, SIGHUP reload_.
  void take_signals();
  void reload();
  void wait(std::chrono::seconds duration, const std::string& why);

  // Whether there is a tunnel to bring up now; otherwise it has waited, or set exit_code_.
  bool fetch();
  void after_failed_fetch(const TicFailure& failure);
  bool refuse_choice(const std::vector<ListedTunnel>& tunnels);
  // The tunnel of a session, if it can be used.
  static absl::StatusOr<TunnelInfo> usable(const TicSession& session);

  void serve();
  absl::Status bring_up();
  void take_down();
  Leave watch();
  void check_pop();
  bool tunnel_has_changed();
  void describe_up();

  KeeperContext context_;
  Signals& signals_;
  RunState state_;
  Backoff backoff_;
  Backoff refetch_;
  std::optional<TunnelInfo> tunnel_;
  std::optional<Ipv4Address> pop_;  // tunnel_'s, resolved
  std::unique_ptr<TunnelPath> path_;
  std::thread mover_;
  control::UniqueFd mover_done_;
  absl::Status mover_status_;  // valid once mover_done_ is readable
  Clock::time_point next_ping_;
  Clock::time_point last_answer_;
  Clock::time_point next_refetch_;
  int refusals_ = 0;
  bool answered_ = false;  // the PoP, since the tunnel came up
  bool was_up_ = false;
  bool told_ = false;
  bool stop_ = false;
  bool reload_ = false;
  std::optional<int> exit_code_;
};

}  // namespace simplon::client
