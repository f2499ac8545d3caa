// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What simplon-client reads: aiccu.conf, its own file, and the answers of a TIC server. The first
// byte says which.

#include <cstdlib>
#include <string>
#include <string_view>

#include "client/host/state_file.h"
#include "client/settings_file.h"
#include "client/tic/dialog.h"
#include "client/tic/line_buffer.h"

namespace {

using namespace simplon::client;

constexpr int64_t kNow = 1795234189;

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_settings(std::string_view text, FileKind kind) {
  const auto loaded = parse_settings(text, "f", kind);
  if (!loaded.ok()) {
    require(!loaded.status().message().empty());
    return;
  }
  const Settings& s = loaded->settings;
  require(!s.username.empty() && !s.password.empty() && !s.server.empty());
  // They go into lines of TIC.
  for (const std::string* text_of : {&s.username, &s.tunnel_id, &s.server, &s.interface}) {
    require(text_of->find_first_of("\r\n \t") == std::string::npos);
  }
  require(s.interface.size() <= 15 && s.interface.find('/') == std::string::npos);
  require(!s.mtu || (*s.mtu >= 1280 && *s.mtu <= 1480));
  require(parse_server(s.server).ok());
}

void require_bounds(const TunnelInfo& tunnel) {
  require(tunnel.heartbeat_interval_s >= 5 && tunnel.heartbeat_interval_s <= 3600);
  require(tunnel.mtu >= 1280 && tunnel.mtu <= 1480);
  require(tunnel.prefix_length >= 48 && tunnel.prefix_length <= 127);
  require(!tunnel.id.empty() && !tunnel.pop_ipv4.empty());
  require(tunnel.type == TunnelType::kStatic || !tunnel.password.empty());
  require(tunnel.type != TunnelType::kStatic || tunnel.client_ipv4.has_value());
  require(!(tunnel.client == tunnel.pop));
}

void fuzz_dialog(std::string_view bytes, TlsMode tls, TicGoal goal) {
  TicDialog dialog(
      {.username = "user", .password = "secret", .tls = tls, .goal = goal, .tunnel_id = "T5072"},
      [] { return kNow; });
  LineBuffer lines;
  bool encrypted = false;
  bool ended = false;
  if (!lines.append(bytes)) return;
  while (!ended) {
    const auto line = lines.next();
    if (!line) break;
    TicDialog::Next next = dialog.on_line(*line);
    if (next == TicDialog::Next::kStartTls) {
      encrypted = true;
      next = dialog.on_tls();
    }
    ended = next == TicDialog::Next::kEnd;
    const std::string output = dialog.take_output();
    require(output.empty() || output.back() == '\n');
    // Unless the server said it first, and is quoted.
    require(output.find("secret") == std::string::npos ||
            bytes.find("secret") != std::string_view::npos);
    if (tls == TlsMode::kRequired && !encrypted) {
      require(output.rfind("username", 0) != 0);
    }
  }
  require(!dialog.failure() || !dialog.failure()->reason.empty());
  if (dialog.outcome().tunnel) require_bounds(*dialog.outcome().tunnel);
  require(dialog.outcome().tunnels.size() <= TicDialog::kMostTunnels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0]) {
    case 'a':
      fuzz_settings(text, FileKind::kAiccu);
      break;
    case 'o':
      fuzz_settings(text, FileKind::kOwn);
      break;
    case 'r':
      fuzz_dialog(text, TlsMode::kRequired, TicGoal::kShowOnly);
      break;
    case 'c':
      fuzz_dialog(text, TlsMode::kOff, TicGoal::kShow);
      break;
    case 's':
      format_state(parse_state(text));
      break;
    default:
      fuzz_dialog(text, TlsMode::kOpportunistic, TicGoal::kList);
      break;
  }
  return 0;
}
