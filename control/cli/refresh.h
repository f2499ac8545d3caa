// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "control/cli/command.h"
#include "control/cli/session.h"

namespace simplon::cli {

using Interval = std::optional<std::chrono::milliseconds>;

// Adds --watch [SECONDS].
void add_watch_option(Command& verb, Interval& interval);

// Prints frame() once; with an interval again and again until Ctrl-C: on a terminal in place, else
// as blocks separated by a blank line.
ExitCode refresh(Session& session, const Interval& interval,
                 const std::function<std::string()>& frame);

// From now on Ctrl-C (and SIGTERM) only sets what interrupted() returns; a second one kills.
void catch_interrupt();
bool interrupted();
// Returns early, with false, once interrupted.
bool sleep_for(std::chrono::milliseconds time);

}  // namespace simplon::cli
