// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What Sha1Batch chooses from. Internal to crypto. Each takes `blocks` blocks of each of `lanes`,
// at most as many as its name says, all of which have them left; none counts them as done.

#pragma once

#include <span>

#include "dataplane/crypto/sha1_lane.h"

namespace simplon {

// AVX-512 F and BW.
bool has_sha1_sixteen();
void sha1_sixteen(std::span<Sha1Lane* const> lanes, std::size_t blocks);

// AVX2.
bool has_sha1_eight();
void sha1_eight(std::span<Sha1Lane* const> lanes, std::size_t blocks);

// The SHA extensions; at most three.
bool has_sha1_instructions();
void sha1_instructions(std::span<Sha1Lane* const> lanes, std::size_t blocks);

// One message, by OpenSSL.
void sha1_single(Sha1Lane& lane, std::size_t blocks);

}  // namespace simplon
