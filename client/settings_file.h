// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The subscriber's settings from a file of ours (`key = value`) or from aiccu.conf (`key value`).
// What the keys mean: docs/client.md. Any thread.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "client/settings.h"

namespace simplon::client {

inline constexpr std::string_view kOwnFile = "/etc/simplon-client.conf";
inline constexpr std::string_view kAiccuFile = "/etc/aiccu.conf";

enum class FileKind : uint8_t { kOwn, kAiccu };

struct LoadedSettings {
  Settings settings;
  std::string path;
  FileKind kind = FileKind::kOwn;
  std::vector<std::string> warnings;  // for people, one line each
};

// `path` empty: kOwnFile if it is there, else kAiccuFile. A named file whose name has neither
// "aiccu" nor "simplon" in it is ours if it has a line `key = value`. Errors are "PATH:LINE:
// reason" and never quote the password.
absl::StatusOr<LoadedSettings> load_settings(const std::string& path);

// The same of `text`; `path` is for messages. Nothing looks at the disk.
absl::StatusOr<LoadedSettings> parse_settings(std::string_view text, const std::string& path,
                                              FileKind kind);
FileKind guess_kind(std::string_view text);

// HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT or an IPv6 address by itself.
struct ServerAddress {
  std::string host;
  uint16_t port = 3874;

  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};
absl::StatusOr<ServerAddress> parse_server(std::string_view text);

// The keys of each kind, for the documentation's test.
std::vector<std::string_view> known_keys(FileKind kind);

}  // namespace simplon::client
