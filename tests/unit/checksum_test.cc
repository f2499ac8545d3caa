// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/checksum.h"

#include <random>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/packet_builder.h"

namespace simplon {
namespace {

// RFC 1071 as it is written: 16-bit words, end-around carry.
uint16_t slow_sum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += uint32_t{bytes[i]} << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

TEST_CASE("the example of RFC 1071 sums to its published value") {
  const std::vector<uint8_t> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  CHECK(byte_swap(checksum_fold(checksum_add(0, bytes))) == 0xddf2);
}

TEST_CASE("the fast sum equals the written-out one for every length") {
  std::mt19937 random(7);
  for (std::size_t length = 0; length < 300; ++length) {
    std::vector<uint8_t> bytes(length);
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
    CAPTURE(length);
    CHECK(byte_swap(checksum_fold(checksum_add(0, bytes))) == slow_sum(bytes));
  }
}

TEST_CASE("sums of all ones lose no carry") {
  const std::vector<uint8_t> bytes(65535, 0xff);
  CHECK(byte_swap(checksum_fold(checksum_add(0, bytes))) == slow_sum(bytes));
}

TEST_CASE("an IPv4 header with its checksum is valid, and with any bit flipped it is not") {
  auto frame = test::PacketBuilder().ipv4("192.0.2.1", "198.51.100.10").protocol(41).build();
  frame.resize(20);
  CHECK(ipv4_header_valid(frame));
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    auto broken = frame;
    broken[bit / 8] = static_cast<uint8_t>(broken[bit / 8] ^ 1u << bit % 8);
    CAPTURE(bit);
    CHECK_FALSE(ipv4_header_valid(broken));
  }
}

TEST_CASE("an ICMPv6 checksum covers the pseudo header") {
  auto packet =
      test::PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").echo_request(1, 2, 33).build();
  auto* ip = reinterpret_cast<Ipv6Header*>(packet.data());
  const auto message = std::span(packet).subspan(sizeof(Ipv6Header));
  CHECK(icmpv6_valid(*ip, message));
  ip->destination = *Ipv6Address::parse("2001:db8::3");
  CHECK_FALSE(icmpv6_valid(*ip, message));
}

}  // namespace
}  // namespace simplon
