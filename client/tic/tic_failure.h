// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simplon::client {

// How far a session got, in the order things happen.
enum class TicStep : uint8_t {
  kResolve,
  kConnect,
  kGreeting,
  kClient,
  kClock,
  kTls,
  kLogin,
  kList,
  kShow,
  kDone,
};
std::string_view to_string(TicStep step);

// Why a session ended without what was asked for.
struct TicFailure {
  TicStep step = TicStep::kResolve;
  std::string reason{};  // what happened, the server's words included
  std::string advice{};  // what to do; may be empty
  // The server says when to come again; at most an hour.
  std::optional<uint32_t> retry_after_s{};
  // The login was refused: another attempt with the same settings would fail again and count
  // against the account; unless there is a wait, which whoever knows the password may have to sit
  // out as well.
  bool permanent = false;
  bool cancelled = false;

  // Reason and advice.
  std::string message() const;
};

// A reply that is not 2xx to what was sent at `step`: what it means for people.
TicFailure refused(TicStep step, std::string_view line);

// "try again in 30 seconds", "in 5 minutes": seconds, at most an hour.
std::optional<uint32_t> announced_wait(std::string_view text);

}  // namespace simplon::client
