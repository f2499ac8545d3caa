// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Fuzz target: what the client's data path believes of what comes to its sockets. Whatever comes,
// nothing is read beyond the datagram, nothing unsigned is taken from AYIYA, and what goes to the
// kernel is one whole IPv6 packet that does not claim to be this host's own.
//
// Input: a byte that says how (bits 1..0: 0, 1 in 6in4, 2 AYIYA, 3 AYIYA signed by the PoP), the
// TOS of the outer header, and the datagram; 6in4 with its IPv4 header.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "client/path/codec.h"
#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/headers.h"
#include "tests/fuzz/fuzz_target.h"

namespace simplon::client {
namespace {

constexpr uint32_t kNow = 1'700'000'000;
constexpr uint8_t kIs6in4 = 1;  // at most
constexpr uint8_t kSigned = 3;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

TunnelInfo tunnel() {
  TunnelInfo tunnel;
  tunnel.client = *Ipv6Address::parse("2001:db8:2ff:1::2");
  tunnel.pop = *Ipv6Address::parse("2001:db8:2ff:1::1");
  tunnel.password = "f3d47c2de40fb698e1ab15d757a09bfc";
  return tunnel;
}

Ipv4Address pop_address() {
  return *Ipv4Address::parse("192.0.2.1");
}

// As the PoP would, if it were so minded.
void sign(std::span<uint8_t> datagram) {
  if (datagram.size() < sizeof(AyiyaHeader)) return;
  const std::string password = tunnel().password;
  auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
  header->epoch = header->epoch.value() + kNow;
  header->signature = sha1({reinterpret_cast<const uint8_t*>(password.data()), password.size()});
  header->signature = sha1(datagram);
}

void check(const Opened& opened, std::span<const uint8_t> datagram, uint8_t tos) {
  if (opened.refusal != Refusal::kNone) {
    must(opened.packet.empty(), "a refused packet is handed on");
    must(!explain(opened.refusal).empty(), "a refusal without a reason");
    return;
  }
  if (opened.packet.empty()) return;
  must(opened.packet.data() >= datagram.data() &&
           opened.packet.data() + opened.packet.size() <= datagram.data() + datagram.size(),
       "a packet beyond its datagram");
  must(opened.packet.size() >= sizeof(Ipv6Header), "a packet without a header");
  const auto* ip = reinterpret_cast<const Ipv6Header*>(opened.packet.data());
  must(ip->version() == 6, "a packet that is not IPv6");
  must(opened.packet.size() == sizeof(Ipv6Header) + ip->payload_length.value(),
       "a packet of another length than it says");
  must(ip->source != tunnel().client && !ip->source.is_multicast() && !ip->source.is_loopback() &&
           !ip->source.is_unspecified(),
       "a packet from somebody who cannot have sent it");
  if ((tos & 3) == 3) must((ip->traffic_class() & 3) == 3, "a congestion mark is lost");
}

}  // namespace
}  // namespace simplon::client

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon;
  using namespace simplon::client;
  if (size < 2) return 0;
  static const SixInFourCodec six_in_four(tunnel(), pop_address());
  static const AyiyaCodec ayiya(tunnel());
  const uint8_t how = data[0] & 3;
  uint8_t tos = data[1];
  // A buffer that ends where the datagram ends.
  const std::size_t length = size - 2;
  const std::unique_ptr<uint8_t[]> buffer(new uint8_t[length]);
  if (length > 0) std::memcpy(buffer.get(), data + 2, length);
  const std::span<uint8_t> datagram(buffer.get(), length);
  if (how <= kIs6in4) {
    // Its own header has the mark.
    if (length >= sizeof(Ipv4Header)) tos = datagram[1];
    check(six_in_four.open(datagram, 0, kNow), datagram, tos);
    return 0;
  }
  if (how == kSigned) sign(datagram);
  const Opened opened = ayiya.open(datagram, tos, kNow);
  check(opened, datagram, tos);
  if (how != kSigned) must(opened.refusal != Refusal::kNone, "took what nobody signed");
  if (opened.refusal == Refusal::kNone && !opened.packet.empty()) {
    must(opened.packet.size() == length - sizeof(AyiyaHeader), "bytes behind a signed packet");
  }
  return 0;
}

namespace simplon::fuzz {

std::vector<std::vector<uint8_t>> seeds() {
  using namespace simplon::client;
  std::vector<std::vector<uint8_t>> all;
  for (const char* source : {"2001:db8:aaaa::1", "2001:db8:2ff:1::1", "2001:db8:2ff:1::2", "::1",
                             "fe80::192.0.2.1", "ff02::1"}) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{8}, std::size_t{1240}}) {
      std::vector<uint8_t> inner(sizeof(Ipv6Header) + length);
      auto* ip = reinterpret_cast<Ipv6Header*>(inner.data());
      ip->version_class_flow = 6u << 28 | 2u << 20;
      ip->payload_length = static_cast<uint16_t>(length);
      ip->next_header = kProtocolUdp;
      ip->hop_limit = 64;
      ip->source = *Ipv6Address::parse(source);
      ip->destination = tunnel().client;

      std::vector<uint8_t> seed{0, 0};
      Ipv4Header outer{};
      outer.version_ihl = 0x45;
      outer.tos = 3;
      outer.ttl = 64;
      outer.protocol = kProtocolIpv6;
      outer.source = pop_address();
      const auto* bytes = reinterpret_cast<const uint8_t*>(&outer);
      seed.insert(seed.end(), bytes, bytes + sizeof outer);
      seed.insert(seed.end(), inner.begin(), inner.end());
      all.push_back(std::move(seed));

      for (const AyiyaOperation operation :
           {AyiyaOperation::kForward, AyiyaOperation::kEchoRequestForward,
            AyiyaOperation::kEchoRequest, AyiyaOperation::kNoOperation}) {
        for (const uint8_t how : {uint8_t{2}, kSigned}) {
          seed = {how, 3};
          AyiyaHeader header{};
          set_ayiya_form(header, operation, kProtocolIpv6);
          header.tunnel = tunnel().pop;
          bytes = reinterpret_cast<const uint8_t*>(&header);
          seed.insert(seed.end(), bytes, bytes + sizeof header);
          seed.insert(seed.end(), inner.begin(), inner.end());
          all.push_back(std::move(seed));
        }
      }
    }
  }
  return all;
}

}  // namespace simplon::fuzz
