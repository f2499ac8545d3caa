// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the subscriber configured, whether in aiccu.conf or in simplon-client.conf.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/net/address.h"

namespace simplon::client {

enum class TlsMode : uint8_t {
  kRequired,  // starttls and a certificate that verifies, or nothing; the default
  // starttls if the server has it, unverified: what aiccu.conf means without `requiretls true`.
  // Said aloud at every login.
  kOpportunistic,
  kOff,
};

// What carries packets of 6in4 and heartbeat tunnels. AYIYA always is our own tun.
enum class DataPath : uint8_t { kAutomatic, kKernelSit, kTun };

struct Settings {
  std::string username;
  std::string password;  // the TIC secret
  std::string server;    // HOST or HOST:PORT, default port 3874
  TlsMode tls = TlsMode::kRequired;
  std::string ca_file;  // PEM; empty: the system's
  // Name the certificate must have; empty: the server's host.
  std::string tls_name;

  std::string tunnel_id;              // empty: the only one, or ask
  std::string interface = "simplon";  // at most 15 characters
  DataPath path = DataPath::kAutomatic;
  bool behind_nat = false;                // do not complain about a private address
  std::optional<Ipv4Address> local_ipv4;  // instead of the one the kernel would take
  bool default_route = true;
  std::optional<uint32_t> mtu;       // lower than the broker says
  std::vector<std::string> subnets;  // delegated prefixes, for hints only
  bool make_beats = true;            // aiccu.conf `makebeats`
  bool configure =
      true;  // false (aiccu.conf `noconfigure`): the device is somebody else's business
  std::string setup_script;  // run with the interface as argument, once it is up; empty: none
  bool daemonize = false;
  bool verbose = false;
  std::string pid_file;     // written besides the lock; empty: none
  std::string ping_target;  // IPv6 host beyond the PoP to try; empty: the PoP's own ffff::1
  std::string state_directory = "/run/simplon-client";

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace simplon::client
