// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A PoP for the tests of the pipeline: one worker over a compiled configuration with a tunnel of
// every kind, its runtime table and ledger, and no slow path behind it.
//
// and, where no other configuration is given,
//
//   wan0   02:00:00:00:00:01  192.0.2.1/24 via .254   2001:db8:a::1/64 via ::ffff   MTU 1500
//   tunnel ends 192.0.2.1, 192.0.2.77, 2001:db8:a::1, 2001:db8:77::77; another PoP 203.0.113.99
//   links 2001:db8:ff:<slot>::/64, delegated /48s 2001:db8:1000 + slot, IPv4 198.18.0.<slot>

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/net/checksum.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/pipeline/worker_context.h"
#include "tests/support/packet_builder.h"

namespace simplon::test {

inline constexpr MacAddress kPopMac{0x02, 0, 0, 0, 0, 0x01};
inline constexpr MacAddress kPopMac1{0x02, 0, 0, 0, 1, 0x01};  // of wan1
inline constexpr MacAddress kRouterMac{0x02, 0, 0, 0, 0, 0xfe};
inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kUnixNow = 1'700'000'000;
inline constexpr std::string_view kPassword = "0123456789abcdef0123";

// Slots of the configuration.
inline constexpr uint32_t k6in4 = 1;        // 198.51.100.10
inline constexpr uint32_t kBeats = 2;       // HEARTBEAT
inline constexpr uint32_t kAyiyaOnly = 3;   // AYIYA
inline constexpr uint32_t kDynamicOne = 4;  // DYNAMIC_ENDPOINT
inline constexpr uint32_t kGreIpv4 = 5;     // 198.51.100.50, key, checksum and sequence number
inline constexpr uint32_t kGreIpv6 = 6;     // 2001:db8:6::6, nothing of them
inline constexpr uint32_t k6in6 = 7;        // 2001:db8:6::7, encapsulation limit 4
inline constexpr uint32_t k6in6Plain = 8;   // 2001:db8:6::8
inline constexpr uint32_t kDisabled = 9;    // GRE, 198.51.100.90
inline constexpr uint32_t kKeyOfGreIpv4 = 0x0a0b0c0d;

class PipelineBed {
 public:
  PipelineBed();
  // Text of the configuration. Ports are wan0 and wan1, the neighbours 192.0.2.254 and
  // 2001:db8:a::ffff on the first interface.
  explicit PipelineBed(std::string_view config);

  // One frame through the worker; the packet and its bytes stay until the next one.
  const Packet& receive(const Bytes& frame);
  const Packet& receive(const PacketBuilder& frame) { return receive(frame.build()); }
  // The frame or punted packet of the last receive().
  Bytes bytes() const { return {packet.data, packet.data + packet.length}; }
  // The same from the IP header at `network`, cut to its length.
  Bytes ip_packet() const;

  // Gives a dynamic tunnel an endpoint.
  void bring_up(uint32_t slot, std::string_view address, uint16_t port = 0, bool verified = true,
                std::string_view local = "192.0.2.1");

  uint64_t drops(DropReason r) const { return context->counters.drops(r); }
  // What is booked on the tunnel for that reason.
  uint64_t booked(uint32_t slot, DropReason reason) const;
  // The only such record; throws if there is none.
  LedgerRecord record(uint32_t slot, DropReason reason) const;
  void advance(uint64_t ns);

  const ForwardingTable& table() const { return *table_; }
  NeighborTable& neighbors() { return neighbors_; }

  // All that is counted.
  std::span<const uint64_t> column() const { return column_; }
  std::span<const TunnelCounters> tunnels() const { return tunnels_; }
  std::span<const LedgerRecord> ledger() const { return ledger_; }

  Packet packet;
  std::optional<WorkerContext> context;

  // Beginnings of frames.
  static PacketBuilder from_router() { return PacketBuilder().ethernet(kPopMac, kRouterMac); }

 private:
  std::unique_ptr<ForwardingTable> table_;
  NeighborTable neighbors_;
  std::vector<uint64_t> column_;
  std::vector<TunnelCounters> tunnels_;
  std::vector<TunnelRuntime> runtime_;
  std::vector<LedgerRecord> ledger_;
  std::unique_ptr<AyiyaWorker> ayiya_;
  BurstTime time_;
  Bytes buffer_;
};

Ipv6Address v6(std::string_view text);
Ipv4Address v4(std::string_view text);
Ipv6Address any(std::string_view text);  // of either family, IPv4-mapped for IPv4

}  // namespace simplon::test
