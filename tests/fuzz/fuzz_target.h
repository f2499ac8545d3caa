// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a fuzz target gives its driver: libFuzzer, or mutation_runner.cc where there is none.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Aborts when something does not hold.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

namespace simplon::fuzz {

// Inputs worth beginning from.
std::vector<std::vector<uint8_t>> seeds();

}  // namespace simplon::fuzz
