// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What each command does. They return exit codes (client/exit_code.h) and print for people.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "client/exit_code.h"
#include "client/options.h"
#include "client/settings_file.h"
#include "client/tic/tunnel_text.h"

namespace simplon::client {

int start_command(const Options& options);
int stop_command(const Options& options);
int status_command(const Options& options);
int tunnels_command(const Options& options);
int autotest_command(const Options& options);
int advertise_command(const Options& options);

// The settings with what the command line says otherwise.
absl::StatusOr<LoadedSettings> settings_for(const Options& options);
void print_warnings(const LoadedSettings& loaded);
// Where a running client has its state. Settings that cannot be read do no harm here.
std::string state_directory_for(const Options& options);

// "simplon-client: MESSAGE" to standard error; returns `exit_code`.
int complain(const std::string& message, int exit_code);
int complain(const absl::Status& status, int exit_code);

// The table of `tunnels`.
std::string tunnel_table(const std::vector<ListedTunnel>& tunnels);

// `text` in quotes.
std::string json_string(const std::string& text);

}  // namespace simplon::client
