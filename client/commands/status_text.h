// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "client/host/device_counters.h"
#include "client/host/ping.h"
#include "client/host/state_file.h"

namespace simplon::client {

// Everything `status` knows.
struct StatusReport {
  pid_t pid = 0;
  RunState state;
  std::optional<DeviceCounters> counters;
  std::optional<PingResult> pop;  // not pinged: nothing
  std::optional<PingResult> beyond;
  int64_t now = 0;  // seconds since 1970
};

// The tunnel is up, and answers if it was asked.
bool is_healthy(const StatusReport& report);
std::string status_text(const StatusReport& report);
std::string status_json(const StatusReport& report);

// "3 h 5 min", "12 s".
std::string duration_text(int64_t seconds);

}  // namespace simplon::client
