// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <functional>

#include "client/check/check_line.h"
#include "client/host/signals.h"
#include "client/settings_file.h"

namespace simplon::client {

// Checks one thing after the other, from the settings to large packets beyond the PoP, and explains
// what fails. Uses the tunnel of a running client; where there is none, brings it up for as long as
// it takes. `print` gets each line as it is known. Returns whether nothing failed.
bool run_autotest(const LoadedSettings& loaded, Signals& signals,
                  const std::function<void(const CheckLine&)>& print);

}  // namespace simplon::client
