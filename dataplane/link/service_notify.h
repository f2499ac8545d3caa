// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

namespace simplon {

// Tells the service manager ("READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1"; lines of one
// message are separated by '\n') over $NOTIFY_SOCKET, as sd_notify(3) specifies. Nothing without
// it. Any thread.
void notify_service(const std::string& state);

// How often it wants to hear "WATCHDOG=1", from $WATCHDOG_USEC and $WATCHDOG_PID; 0: never.
uint64_t service_watchdog_us();

}  // namespace simplon
