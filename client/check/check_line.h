// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/settings.h"
#include "client/tic/session.h"

namespace simplon::client {

enum class Verdict : uint8_t { kOk, kWarning, kFailed, kSkipped };

// One line of `autotest`.
struct CheckLine {
  Verdict verdict = Verdict::kOk;
  std::string name;
  std::string text;
  std::string advice{};  // what to do; empty: nothing
};

// "FAIL  clock      text" and, indented, the advice, wrapped for a terminal.
std::string format(const CheckLine& line);

// What a TIC session says about name, server, clock, encryption, login and tunnel: one line each,
// those after a failure skipped.
std::vector<CheckLine> lines_of(const TicSession& session, const Settings& settings);

}  // namespace simplon::client
