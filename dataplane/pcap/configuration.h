// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The offline tool's snapshot: from a configuration file through the parser, the rules and the
// builder control uses, or from a snapshot file as the dataplane keeps one.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace simplon::offline {

struct Configuration {
  std::vector<std::byte> snapshot;
  // Ports the interfaces name, in the order of their first appearance.
  std::vector<std::string> ports;
};

// Empty: `error` has a line for each fault, with file, line, column and field where they are known.
std::optional<Configuration> load_configuration(const std::string& path, std::string& error);
std::optional<Configuration> load_snapshot(const std::string& path, std::string& error);

}  // namespace simplon::offline
