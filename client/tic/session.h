// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One TIC session over TCP and TLS: looks the server up, tries its addresses one after the other,
// runs the dialog. Bounded in time whatever the server does. Any thread.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/settings.h"
#include "client/tic/dialog.h"

namespace simplon::client {

struct TicTimes {
  std::chrono::milliseconds resolve{15000};
  std::chrono::milliseconds connect{8000};  // each address
  std::chrono::milliseconds reply{20000};
  std::chrono::milliseconds session{90000};  // all after connecting
};

// How it went, for `autotest` and messages.
struct TicTrace {
  std::vector<std::string> addresses;    // what the name led to
  std::vector<std::string> unreachable;  // addresses that did not answer, and why
  std::string connected;                 // the address that did
  std::string local;                     // ours towards it
  std::string tls;                       // "TLSv1.3, certificate of tic.example.net, ..."
  std::vector<std::string> remarks;      // oddities
};

struct TicSession {
  TicOutcome outcome;
  std::optional<TicFailure> failure;
  TicTrace trace;

  bool ok() const { return !failure; }
};

// `goal` and `tunnel_id` as in TicRequest, the rest from the settings. `cancel_fd`: ends it once
// readable; -1: none.
TicSession run_tic_session(const Settings& settings, TicGoal goal, const std::string& tunnel_id,
                           int cancel_fd, const TicTimes& times = {});

}  // namespace simplon::client
