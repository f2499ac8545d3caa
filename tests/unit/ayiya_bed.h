// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A PoP for the tests of AYIYA, worker and slow path, without ports; and clients that sign with
// OpenSSL's other interface, not with the engine under test. Received frames lie in buffers that
// have not one byte too many.
//
//   wan0   192.0.2.1/24 via .254   2001:db8:ffff::1/64 via ::fe   MTU 1500
//   tunnels end at 192.0.2.1 (interface), 192.0.2.77, 2001:db8:ffff::1 (interface)
//   links 2001:db8:2ff::/48, routed 2001:db8:3ff::/48, IPv4 198.18.0.0/24 by addresses
//   another PoP at 203.0.113.99 and 2001:db8:fe::99
//
//   slot  type
//   1     AYIYA, password of the published vectors, IPv4 198.18.0.1
//   2     DYNAMIC_ENDPOINT
//   3     HEARTBEAT
//   4     AYIYA, disabled
//   5     AYIYA, strict replay
//   6     AYIYA, two passwords
//   7     PROTO41, remote 198.51.100.70
//   8     GRE, remote 198.51.100.80

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/ayiya.h"
#include "dataplane/pcap/offline_pop.h"
#include "tests/support/packet_builder.h"

namespace simplon::test {

inline constexpr MacAddress kAyiyaPopMac{0x02, 0, 0, 0, 0, 0x01};
inline constexpr MacAddress kAyiyaRouterMac{0x02, 0, 0, 0, 0, 0xfe};
inline constexpr uint64_t kAyiyaSecond = 1'000'000'000;
inline constexpr std::string_view kVectorPassword = "f3d47c2de40fb698e1ab15d757a09bfc";
inline constexpr std::string_view kOtherPassword = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kPreviousPassword = "fedcba9876543210fedcba9876543210";
inline constexpr uint32_t kVectorEpoch = 1'700'000'000;

Bytes from_hex(std::string_view text);
std::array<uint8_t, 20> reference_sha1(std::span<const uint8_t> message);

// One AYIYA datagram of a client's, before it is signed.
struct AyiyaClient {
  std::string address = "198.51.100.10";
  std::string local = "192.0.2.1";
  uint16_t port = 40'000;
  std::string identity = "2001:db8:2ff:1::2";
  std::string password{kVectorPassword};
  uint32_t epoch = kVectorEpoch;
  bool udp_checksum = false;  // over IPv6 there always is one

  // UDP payload.
  Bytes datagram(AyiyaOperation operation, uint8_t next_header, const Bytes& payload) const;
  // A frame with whatever datagram.
  Bytes frame(const Bytes& datagram) const;

  Bytes beat() const { return frame(datagram(AyiyaOperation::kNoOperation, 59, {})); }
  Bytes forward(const Bytes& inner) const {
    return frame(datagram(AyiyaOperation::kForward, 41, inner));
  }
};

// An IP packet in a frame from the router.
Bytes framed(const Bytes& packet);

// UDP between the client's ::2 and a host outside.
Bytes inner_packet(std::size_t length = 84, std::string_view source = "2001:db8:2ff:1::2",
                   std::string_view destination = "2001:db8:aaaa::1");
Bytes inner_ipv4_packet(std::size_t length = 84, std::string_view source = "198.18.0.1",
                        std::string_view destination = "203.0.113.5");

class AyiyaBed {
 public:
  // `pop_text` goes into the PoP's part of the configuration.
  explicit AyiyaBed(std::string_view pop_text = {}, uint32_t unix_s = kVectorEpoch);
  // Aborts if conservation does not hold or a buffer is lost.
  ~AyiyaBed();
  AyiyaBed(const AyiyaBed&) = delete;
  AyiyaBed& operator=(const AyiyaBed&) = delete;

  offline::Fate receive(const Bytes& frame);
  std::vector<offline::Fate> receive(const std::vector<Bytes>& frames);
  // From the uplink, native.
  offline::Fate from_uplink(const Bytes& packet);
  void advance_s(uint32_t seconds);

  offline::OfflinePop& pop() { return *pop_; }
  uint64_t drops(DropReason r) const { return pop_->drops(r); }
  uint64_t counter(WorkerCounter c) const { return pop_->counter(c); }
  Endpoint endpoint(uint32_t slot) const;
  uint32_t highest_epoch(uint32_t slot) const;
  // Events of one kind so far.
  std::size_t events(TunnelEventKind kind) const;
  // What was booked for a reason, if anything.
  std::optional<LedgerRecord> error(uint32_t slot, DropReason reason) const;

  std::vector<Bytes> sent;
  Bytes take();  // the only one; throws if there is none or more

 private:
  std::unique_ptr<offline::OfflinePop> pop_;
  uint64_t now_;
};

// The AYIYA datagram in a frame of the PoP's, over either family; throws if it is none.
struct AyiyaReply {
  Ipv6Address source, destination;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t ttl = 0, tos = 0;
  bool dont_fragment = false;
  Be16 udp_checksum;
  Bytes datagram;

  const AyiyaHeader& header() const {
    return *reinterpret_cast<const AyiyaHeader*>(datagram.data());
  }
  Bytes payload() const { return {datagram.begin() + sizeof(AyiyaHeader), datagram.end()}; }
  bool is_signed_with(std::string_view password) const;
};
AyiyaReply parse_reply(const Bytes& frame);

}  // namespace simplon::test
