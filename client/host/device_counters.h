// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simplon::client {

// What went through a device, as the kernel counts it.
struct DeviceCounters {
  uint64_t received_bytes = 0;
  uint64_t received_packets = 0;
  uint64_t sent_bytes = 0;
  uint64_t sent_packets = 0;
};

// Of this network namespace; nothing: no such device. Any thread.
std::optional<DeviceCounters> device_counters(const std::string& device);
// The same from the text of /proc/net/dev.
std::optional<DeviceCounters> parse_device_counters(std::string_view text, std::string_view device);

}  // namespace simplon::client
