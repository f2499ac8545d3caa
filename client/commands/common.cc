// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "client/commands/commands.h"

namespace simplon::client {

int complain(const std::string& message, int exit_code) {
  std::fprintf(stderr, "simplon-client: %s\n", message.c_str());
  return exit_code;
}

int complain(const absl::Status& status, int exit_code) {
  return complain(std::string(status.message().data(), status.message().size()), exit_code);
}

absl::StatusOr<LoadedSettings> settings_for(const Options& options) {
  auto loaded = load_settings(options.config);
  if (!loaded.ok()) return loaded;
  Settings& settings = loaded->settings;
  if (!options.state_directory.empty()) settings.state_directory = options.state_directory;
  if (!options.tunnel.empty()) settings.tunnel_id = options.tunnel;
  if (!options.target.empty()) settings.ping_target = options.target;
  if (options.verbose) settings.verbose = true;
  // A process in the background is in another folder.
  std::error_code ignored;
  settings.state_directory = std::filesystem::absolute(settings.state_directory, ignored).string();
  loaded->path = std::filesystem::absolute(loaded->path, ignored).string();
  return loaded;
}

void print_warnings(const LoadedSettings& loaded) {
  for (const std::string& warning : loaded.warnings) complain("warning: " + warning, 0);
}

std::string state_directory_for(const Options& options) {
  if (!options.state_directory.empty()) return options.state_directory;
  const auto loaded = load_settings(options.config);
  return loaded.ok() ? loaded->settings.state_directory : Settings().state_directory;
}

std::string tunnel_table(const std::vector<ListedTunnel>& tunnels) {
  std::size_t id = 6;
  std::size_t ipv6 = 12;
  std::size_t ipv4 = 12;
  for (const ListedTunnel& t : tunnels) {
    id = std::max(id, t.id.size());
    ipv6 = std::max(ipv6, t.ipv6.size());
    ipv4 = std::max(ipv4, t.ipv4.size());
  }
  const auto row = [&](const std::string& a, const std::string& b, const std::string& c,
                       const std::string& d) {
    const auto padded = [](std::string text, std::size_t width) {
      text.resize(std::max(width, text.size()), ' ');
      return text + "  ";
    };
    return padded(a, id) + padded(b, ipv6) + padded(c, ipv4) + d + "\n";
  };
  std::string table = row("TUNNEL", "IPV6", "IPV4", "POP");
  for (const ListedTunnel& t : tunnels) table += row(t.id, t.ipv6, t.ipv4, t.pop);
  return table;
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    // Control characters never get this far; should one, it must not end the string.
    quoted += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return quoted + "\"";
}

}  // namespace simplon::client
