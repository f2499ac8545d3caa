// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

namespace simplon::client {

// docs/client.md, "Exit codes".
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;     // may work another time
inline constexpr int kExitUsage = 2;       // command line or settings
inline constexpr int kExitNotRunning = 3;  // stop and status
inline constexpr int kExitRefused = 4;     // the login is wrong: trying again makes it worse

}  // namespace simplon::client
