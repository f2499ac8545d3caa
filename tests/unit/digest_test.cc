// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <array>
#include <string>
#include <vector>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/crypto/md5.h"
#include "dataplane/crypto/siphash.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

std::string hex(const Md5Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("MD5 gives the digests of RFC 1321 A.5") {
  CHECK(hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(hex(md5("a")) == "0cc175b9c0f1b6a831c399e269772661");
  CHECK(hex(md5("abc")) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(hex(md5("message digest")) == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(hex(md5("abcdefghijklmnopqrstuvwxyz")) == "c3fcd3d76192e4007dfb496cca67e13b");
  CHECK(hex(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")) ==
        "d174ab98d277d9f5a5611c2c9f419d9f");
  CHECK(hex(md5("1234567890123456789012345678901234567890123456789012345678901234567890123456789"
                "0")) == "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("MD5 does not care where a text is cut in two") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>('a' + i % 26);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string_view whole = std::string_view(text).substr(0, length);
    const Md5Digest expected = md5(whole);
    for (const std::size_t cut : {std::size_t{0}, length / 3, length / 2, length}) {
      CHECK(md5(whole.substr(0, cut), whole.substr(cut)) == expected);
    }
  }
}

TEST_CASE("MD5 gives the digests of published heartbeats") {
  CHECK(hex(md5("HEARTBEAT TUNNEL 2001:db8::2 10.100.13.42 1063665852 ", "hartslag")) ==
        "da46fdc28f568bb62d29661f73758095");
  CHECK(hex(md5("HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 ",
                "91915d757a09bfc94d5028832d85cc0d")) == "35c582a4dd2ba2999bef85265e0fb968");
}

TEST_CASE("SipHash-2-4 gives the values of its authors") {
  // Key 00 01 .. 0f, message 00 01 .. of growing length: vectors_sip64 of the reference.
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::vector<uint8_t> message;
  const uint64_t expected[] = {0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
                               0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
                               0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462};
  for (const uint64_t value : expected) {
    CHECK(siphash(key, message) == value);
    message.push_back(static_cast<uint8_t>(message.size()));
  }
}

TEST_CASE("comparison in constant time still compares") {
  const std::array<uint8_t, 3> a{1, 2, 3};
  const std::array<uint8_t, 3> b{1, 2, 4};
  const std::array<uint8_t, 2> c{1, 2};
  CHECK(equal_in_constant_time(a, a));
  CHECK_FALSE(equal_in_constant_time(a, b));
  CHECK_FALSE(equal_in_constant_time(a, c));
}

}  // namespace simplon
