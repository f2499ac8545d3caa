// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Frames the pipeline benchmark and its reference are given: each draws its tunnel at random, anew
// for every pass.

#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "dataplane/net/headers.h"
#include "tests/bench/huge_memory.h"

namespace simplon::bench {

inline constexpr std::size_t kPackets = 4096;
inline constexpr std::size_t kBurst = 32;
// As mbufs lie in a pool: not a power of two, which would put all headers into a few sets of the
// cache.
inline constexpr std::size_t kFrameStride = 2496;
inline constexpr std::size_t kHeadroom = 128;
inline constexpr uint32_t kUnits = 1u << 20;  // /64s of 2001:db8::/44

inline constexpr MacAddress kOwnMac{2, 0, 0, 0, 0, 1};
inline constexpr MacAddress kGatewayMac{2, 0, 0, 0, 0, 2};
inline constexpr uint32_t kLocalV4 = 0xc0000201;  // 192.0.2.1
inline constexpr Ipv6Address kLocalV6 =
    Ipv6Address::from_halves(0x2001'0db8'fffe'0000, 1);  // 2001:db8:fffe::1
inline constexpr uint32_t kRemoteBase = 0x0b000000;
inline constexpr uint64_t kRemoteHi = 0x2001'0db8'f000'0000;
inline constexpr uint64_t kPoolHi = 0x2001'0db8'0000'0000;

enum class Kind : uint8_t { k6in4, kHeartbeat, kGre, k6in6 };

// Neighbouring units belong to the same tunnel, as many as divide the space evenly, at most a /48
// of them.
class Plan {
 public:
  explicit Plan(uint32_t tunnels, Kind kind = Kind::k6in4) : tunnels_(tunnels), kind_(kind) {
    while ((uint64_t{tunnels} << (shift_ + 1)) <= kUnits && shift_ < 16) ++shift_;
  }
  uint32_t tunnels() const { return tunnels_; }
  Kind kind() const { return kind_; }
  // Where the tunnel ends, IPv4-mapped for IPv4, and how long the outer headers are.
  Ipv6Address remote_of(uint32_t tunnel) const {
    if (kind_ == Kind::k6in6) return Ipv6Address::from_halves(kRemoteHi, tunnel + 1);
    return Ipv6Address::from_ipv4(Ipv4Address::from_value(kRemoteBase + tunnel));
  }
  std::size_t overhead() const {
    return kind_ == Kind::k6in6  ? sizeof(Ipv6Header)
           : kind_ == Kind::kGre ? sizeof(Ipv4Header) + sizeof(GreHeader)
                                 : sizeof(Ipv4Header);
  }
  uint32_t units() const { return tunnels_ << shift_; }
  unsigned prefix_length() const { return 64 - shift_; }
  uint32_t tunnel_of(uint32_t unit) const { return unit >> shift_; }
  Ipv6Address prefix_of(uint32_t tunnel) const {
    return Ipv6Address::from_halves(kPoolHi | uint64_t{tunnel} << shift_, 0);
  }

 private:
  uint32_t tunnels_;
  Kind kind_;
  unsigned shift_ = 0;
};

enum class Direction : uint8_t { kEncap, kDecap };

class Traffic {
 public:
  Traffic(const Plan& plan, std::size_t inner_length)
      : plan_(plan), inner_length_(inner_length), memory_(kPackets * kFrameStride) {}

  uint8_t* frame(std::size_t packet) { return memory_.data() + packet * kFrameStride + kHeadroom; }
  std::size_t frame_length(Direction d) const {
    return sizeof(EthernetHeader) + (d == Direction::kDecap ? plan_.overhead() : 0) + inner_length_;
  }
  // Writes all headers anew with fresh random tunnels. Touches no table.
  void draw(Direction direction);

 private:
  void draw_outer(uint8_t* at, uint32_t tunnel);
  void draw_inner(uint8_t* at, const Ipv6Address& source, const Ipv6Address& destination);

  Plan plan_;
  std::size_t inner_length_;
  HugeArray<uint8_t> memory_;
  std::mt19937 random_{1};
};

}  // namespace simplon::bench
