// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The tunnel's device: made, addressed, routed and taken away, by rtnetlink. Errors say what was
// tried and what to do. Any thread; nothing is remembered.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/net/address.h"
#include "dataplane/state/file_descriptor.h"

struct nl_msg;

namespace simplon::client {

// A host with a native connection keeps it: routes that routers announce have 1024 or less.
inline constexpr uint32_t kRouteMetric = 1025;

struct DeviceSettings {
  std::string name;
  uint32_t mtu = 1280;
  Ipv6Address address;
  uint8_t prefix_length = 64;
  // Made by us, where the kernel does not make one by itself.
  std::optional<Ipv6Address> link_local;
  std::optional<Ipv6Address> gateway;  // a default route through it; none: no route
};

struct SitSettings {
  std::string name;
  std::string tunnel_id;  // for the device's alias, by which a leftover of ours is known
  Ipv4Address remote;
  std::optional<Ipv4Address> local;  // none: whichever address the host has at the time
};

// fe80:: and what tells the tunnel's address from others, as the usual client makes it.
Ipv6Address link_local_of(const Ipv6Address& client);

// May a device of that name be made by us?
absl::Status check_device_name(const std::string& name);

// A tun device, which goes when the descriptor is closed.
absl::StatusOr<FileDescriptor> make_tun(const std::string& name);

// Kernel sit; UNIMPLEMENTED: this kernel has none. Replaces what an earlier run of ours left.
absl::Status make_sit(const SitSettings& settings);

// MTU, addresses, route, up. The device exists.
absl::Status set_up_device(const DeviceSettings& settings);
// Only the MTU: of a device whose addresses are somebody else's business.
absl::Status set_mtu(const std::string& name, uint32_t mtu);

// With all its addresses and routes. No such device: fine.
absl::Status remove_device(const std::string& name);

// The request make_sit() sends, for tests. The caller frees it with nlmsg_free(). Null: no memory.
nl_msg* sit_request(const SitSettings& settings);

}  // namespace simplon::client
