// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "dataplane/pipeline/packet.h"

namespace simplon::testing {

// A burst, laid out like a front end's buffers.
struct FrameBurst {
  using Bytes = std::vector<uint8_t>;
  static constexpr std::size_t kStride = 2048;

  // `ports`: by which each came in; left out: all by port 0.
  explicit FrameBurst(const std::vector<Bytes>& frames, const std::vector<uint8_t>& ports = {})
      : memory(frames.size() * kStride), packets(frames.size()) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      uint8_t* at = memory.data() + i * kStride + kRequiredHeadroom;
      std::copy(frames[i].begin(), frames[i].end(), at);
      Packet& packet = packets[i];
      packet.data = at;
      packet.length = static_cast<uint16_t>(frames[i].size());
      packet.headroom = kRequiredHeadroom;
      packet.tailroom = static_cast<uint16_t>(kStride - kRequiredHeadroom - frames[i].size());
      packet.port = ports.empty() ? uint8_t{0} : ports[i];
    }
  }

  Bytes bytes(std::size_t i) const {
    return {packets[i].data, packets[i].data + packets[i].length};
  }

  Bytes memory;
  std::vector<Packet> packets;
};

template <typename T>
bool same_memory(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace simplon::testing
