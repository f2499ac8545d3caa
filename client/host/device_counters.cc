// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/device_counters.h"

#include <fstream>
#include <iterator>

#include "client/text/words.h"

namespace simplon::client {

std::optional<DeviceCounters> parse_device_counters(std::string_view text,
                                                    std::string_view device) {
  for (const std::string_view line : split_lines(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != device) continue;
    const auto words = split_words(line.substr(colon + 1));
    if (words.size() < 10) return {};
    const auto number = [&](std::size_t i) {
      return parse_number(words[i], UINT64_MAX).value_or(0);
    };
    return DeviceCounters{number(0), number(1), number(8), number(9)};
  }
  return {};
}

std::optional<DeviceCounters> device_counters(const std::string& device) {
  // Not /sys: that shows the namespace it was mounted in.
  std::ifstream in("/proc/self/net/dev");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_device_counters(text, device);
}

}  // namespace simplon::client
