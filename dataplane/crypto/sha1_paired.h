// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 by the processor's SHA instructions, two messages at a time. Internal to crypto.

#pragma once

#include <span>

#include "dataplane/crypto/sha1_batch.h"

namespace simplon {

// Does this processor have them?
bool has_sha_instructions();

// Where it has.
void sha1_paired(std::span<const Sha1Job> jobs);

}  // namespace simplon
