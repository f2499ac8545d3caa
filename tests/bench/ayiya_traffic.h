// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA tunnels, and frames from and to their clients: each draws its tunnel at random, anew for
// every pass, and is signed anew.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/state/tunnel_runtime.h"
#include "simplon/v1/config.pb.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

enum class AyiyaDirection : uint8_t { kReceive, kSend };

class AyiyaTraffic {
 public:
  static constexpr uint32_t kEpoch = 1'800'000'000;

  AyiyaTraffic(uint32_t tunnels, std::size_t inner_length);

  static v1::Config make_config(uint32_t tunnels);
  // Where the client of a tunnel is.
  static Endpoint endpoint(uint32_t tunnel);

  uint8_t* frame(std::size_t packet) { return memory_.data() + packet * kFrameStride + kHeadroom; }
  std::size_t frame_length(AyiyaDirection d) const {
    return sizeof(EthernetHeader) + (d == AyiyaDirection::kReceive ? kAyiyaOverheadIpv4 : 0) +
           inner_length_;
  }
  // What is hashed of a packet, in either direction.
  std::size_t hashed_length() const { return sizeof(AyiyaHeader) + inner_length_; }
  void draw(AyiyaDirection direction);
  // Received frames get the UDP checksum that most clients send.
  void add_udp_checksums();
  // Received frames no longer have good signatures. `strangers`: nor do they come from where the
  // clients are, but from a thousand other addresses.
  void forge(bool strangers);

 private:
  void draw_received(uint8_t* at, uint32_t tunnel);
  void draw_inner(uint8_t* at, const Ipv6Address& source, const Ipv6Address& destination) const;

  std::size_t inner_length_;
  HugeArray<uint8_t> memory_;
  std::vector<std::array<uint8_t, kSha1Size>> keys_;  // by tunnel
  std::unique_ptr<Sha1Batch> sha1_;
  std::mt19937 random_{1};
};

}  // namespace simplon::bench
