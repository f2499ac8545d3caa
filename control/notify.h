// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string_view>

namespace simplon::control {

// Tells the supervisor, if there is one (sd_notify(3): the socket in NOTIFY_SOCKET), such as
// "READY=1".
void notify_supervisor(std::string_view state);

}  // namespace simplon::control
