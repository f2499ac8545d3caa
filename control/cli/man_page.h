// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

#include "control/cli/command.h"

namespace simplon::cli {

// simplonctl(1), from the grammar.
std::string man_page(const Command& root);

}  // namespace simplon::cli
