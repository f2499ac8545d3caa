// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How inner packets become outer payloads and back, without a socket: what an attacker's bytes
// reach. One thread per object.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "client/path/inner_packet.h"
#include "client/tunnel_info.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ayiya.h"

namespace simplon::client {

class Codec {
 public:
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  virtual ~Codec() = default;

  // Bytes that seal() writes before the inner packet.
  virtual std::size_t header_size() const = 0;
  // What it costs of the path's MTU, outer headers included.
  virtual std::size_t overhead() const = 0;
  // `datagram`: header_size() bytes of room, then an IPv6 packet. `now_s`: seconds since 1970.
  virtual void seal(std::span<uint8_t> datagram, uint32_t now_s) const = 0;
  // `datagram`: as the socket gave it. `tos`: of its IPv4 header. Changes the buffer.
  virtual Opened open(std::span<uint8_t> datagram, uint8_t tos, uint32_t now_s) const = 0;
};

// 6in4 (docs/protocols.md §2). The kernel makes and checks the IPv4 header; a raw socket gives it
// along with what it carried.
class SixInFourCodec final : public Codec {
 public:
  SixInFourCodec(const TunnelInfo& tunnel, Ipv4Address pop) : client_(tunnel.client), pop_(pop) {}

  std::size_t header_size() const override { return 0; }
  std::size_t overhead() const override;
  void seal(std::span<uint8_t>, uint32_t) const override {}
  // The mark is in the header; `tos` is not looked at.
  Opened open(std::span<uint8_t> datagram, uint8_t tos, uint32_t now_s) const override;

 private:
  Ipv6Address client_;
  Ipv4Address pop_;
};

// AYIYA (docs/protocols.md §8) as deployed clients speak it. Judges what comes in the order they
// do: length, fixed fields, the PoP's identity, clock, signature, and then the packet inside.
class AyiyaCodec final : public Codec {
 public:
  explicit AyiyaCodec(const TunnelInfo& tunnel);

  std::size_t header_size() const override { return sizeof(AyiyaHeader); }
  std::size_t overhead() const override { return kAyiyaOverheadIpv4; }
  void seal(std::span<uint8_t> datagram, uint32_t now_s) const override;
  // A signed datagram that carries nothing for us opens as an empty packet.
  Opened open(std::span<uint8_t> datagram, uint8_t tos, uint32_t now_s) const override;

  std::array<uint8_t, sizeof(AyiyaHeader)> beat(uint32_t now_s) const;

 private:
  void sign(std::span<uint8_t> datagram, AyiyaOperation operation, uint8_t next_header,
            uint32_t now_s) const;

  Ipv6Address client_;
  Ipv6Address pop_;
  std::array<uint8_t, 20> key_;  // SHA-1 of the password
};

}  // namespace simplon::client
