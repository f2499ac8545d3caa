// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Times and the machine, in the console's words.

#pragma once

#include <cstdint>
#include <string>

#include "control/sixxsd/answer.h"

namespace simplon::control::sixxsd {

int64_t unix_now();
std::string utc_text(int64_t unix_s);    // 2026-01-31 23:59:59
std::string days_text(int64_t seconds);  // 3 days 04:05:06
// `never`, or "TIME (UNIX; ... ago)"
std::string ago_text(int64_t unix_s);

// Platform, release, uptime, CPUs, memory and distribution.
void add_host_info(Answer& reply);
// One line for each thread of this process: number and name.
void add_threads(Answer& reply);

// Bytes in hexadecimal and ASCII, sixteen to a line.
void add_hex_dump(std::string_view bytes, Answer& reply);

}  // namespace simplon::control::sixxsd
