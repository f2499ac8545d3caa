// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <cstdio>

#include "client/advertise.h"
#include "client/commands/commands.h"

namespace simplon::client {

int advertise_command(const Options& options) {
  const auto loaded = settings_for(options);
  if (!loaded.ok()) return complain(loaded.status(), kExitUsage);
  if (loaded->settings.subnets.empty()) {
    return complain(loaded->path +
                        ": there are no subnets: write 'subnets = 2001:db8:8001::/48' with the "
                        "prefix your broker has delegated to you (not the tunnel's own /64)",
                    kExitUsage);
  }
  const std::string text =
      options.format == "radvd"
          ? radvd_snippet(loaded->settings.subnets, options.lan_interface, loaded->settings.mtu)
          : networkd_snippet(loaded->settings.subnets, options.lan_interface);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

}  // namespace simplon::client
