// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/sit_path.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "client/path/device.h"
#include "dataplane/net/headers.h"

namespace simplon::client {
namespace {

constexpr uint32_t kMaxMtu = 1480;

}  // namespace

absl::Status SitPath::up() {
  if (!settings_.configure) return absl::OkStatus();
  SitSettings sit;
  sit.name = settings_.interface;
  sit.tunnel_id = tunnel_.id;
  sit.remote = pop_;
  // Where nothing is configured the kernel takes the address that is right when it sends, so that
  // nothing needs to follow when that changes.
  sit.local = settings_.local_ipv4;
  absl::Status done = make_sit(sit);
  if (!done.ok()) return done;
  made_ = true;
  DeviceSettings device;
  device.name = settings_.interface;
  device.mtu = std::max<uint32_t>(
      kIpv6MinimumMtu, std::min({kMaxMtu, tunnel_.mtu, settings_.mtu.value_or(kMaxMtu)}));
  device.address = tunnel_.client;
  device.prefix_length = tunnel_.prefix_length;
  if (settings_.default_route) device.gateway = tunnel_.pop;
  done = set_up_device(device);
  if (!done.ok()) down();
  return done;
}

void SitPath::down() {
  if (!made_) return;
  made_ = false;
  const absl::Status removed = remove_device(settings_.interface);
  if (!removed.ok()) spdlog::warn("{}", std::string(removed.message()));
}

}  // namespace simplon::client
