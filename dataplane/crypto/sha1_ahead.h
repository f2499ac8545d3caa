// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 by the SHA extensions, four messages side by side, each with the message schedule of its
// next block worked out between the rounds of this one. Internal to crypto.

#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "dataplane/crypto/sha1_lane.h"

namespace simplon {

// The SHA extensions.
bool has_sha1_ahead();

// Where has_sha1_ahead().
class Sha1Ahead {
 public:
  static constexpr std::size_t kWidth = 4;

  Sha1Ahead();
  Sha1Ahead(const Sha1Ahead&) = delete;
  Sha1Ahead& operator=(const Sha1Ahead&) = delete;

  // Until fewer than kWidth messages are unfinished: those are returned, and are of this object.
  std::span<Sha1Lane*> run(std::span<const Sha1Job> jobs);

  struct Lane {
    Sha1Lane* message;    // null: there was none left
    Sha1Lane* following;  // what comes then
    bool followed;        // that is begun: its first block is scheduled before this one ends
  };

 private:
  std::array<Lane, kWidth> lanes_;
  std::array<Sha1Lane*, kWidth> unfinished_;
  std::array<Sha1Lane, 2 * kWidth> memory_;
};

}  // namespace simplon
