// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What 'simplonctl tunnel client-config' prints for AICCU and simplon-client is read by
// simplon-client as it was meant.

#include <fstream>
#include <sstream>
#include <string>

#include "client/settings_file.h"
#include "tests/support/catch.h"

namespace simplon::client {
namespace {

Settings settings_of(const std::string& golden, FileKind kind) {
  const std::ifstream file(std::string(SIMPLON_GOLDEN_DIR) + "/" + golden);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  const auto loaded = parse_settings(text.str(), golden, kind);
  INFO(golden << ": " << std::string(loaded.status().message()));
  REQUIRE(loaded.ok());
  CHECK(loaded->warnings.empty());
  return loaded->settings;
}

TEST_CASE("the settings printed for simplon-client are its settings") {
  const Settings settings = settings_of("simplon-client-proto41.txt", FileKind::kOwn);
  CHECK(settings.username == "ann");
  CHECK(settings.password == "TIC-SECRET-OF-ann");
  CHECK(settings.server == "pop1.example.net");
  CHECK(settings.tls == TlsMode::kRequired);
  CHECK(settings.tunnel_id == "T101");
  CHECK(settings.subnets == std::vector<std::string>{"2001:db8:3001::/48", "2001:db8:11:1::/64"});
  CHECK(settings_of("simplon-client-heartbeat.txt", FileKind::kOwn).tunnel_id == "T102");
  CHECK(settings_of("simplon-client-ayiya.txt", FileKind::kOwn).tunnel_id == "T103");
  CHECK(settings_of("simplon-client-dynamic.txt", FileKind::kOwn).tunnel_id == "T104");
}

TEST_CASE("the settings printed for AICCU are read from aiccu.conf") {
  Settings settings = settings_of("aiccu-ayiya.txt", FileKind::kAiccu);
  CHECK(settings.username == "bob");
  CHECK(settings.password == "TIC-SECRET-OF-bob");
  CHECK(settings.tls == TlsMode::kRequired);
  CHECK(settings.tunnel_id == "T103");
  CHECK(settings.interface == "simplon");
  CHECK(settings.behind_nat);
  CHECK(settings.make_beats);
  settings = settings_of("aiccu-proto41.txt", FileKind::kAiccu);
  CHECK_FALSE(settings.behind_nat);
  CHECK_FALSE(settings.make_beats);
  settings_of("aiccu-heartbeat.txt", FileKind::kAiccu);
  settings_of("aiccu-dynamic.txt", FileKind::kAiccu);
}

}  // namespace
}  // namespace simplon::client
