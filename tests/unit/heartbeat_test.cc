// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/heartbeat.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr std::string_view kBeat =
    "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 35c582a4dd2ba2999bef85265e0fb968";

// In memory of exactly that size, so that the address sanitizer sees a read beyond it.
std::optional<Heartbeat> parse(std::string_view text, std::string* kept = nullptr) {
  std::string exact(text);
  exact.shrink_to_fit();
  auto beat = parse_heartbeat({reinterpret_cast<const uint8_t*>(exact.data()), exact.size()});
  if (kept != nullptr && beat) *kept = beat->signed_text;
  return beat;
}

std::string with(std::string_view identity, std::string_view sender, std::string_view epoch,
                 std::string_view digest = "35c582a4dd2ba2999bef85265e0fb968") {
  std::string text = "HEARTBEAT TUNNEL ";
  for (const std::string_view word : {identity, sender, epoch}) text.append(word).append(" ");
  return text.append(digest);
}

}  // namespace

TEST_CASE("a heartbeat is taken apart, its text kept as sent") {
  std::string signed_text;
  const auto beat = parse(kBeat, &signed_text);
  REQUIRE(beat);
  CHECK(beat->identity == *Ipv6Address::parse("2001:db8:2ff:2::2"));
  CHECK(beat->sender.is_unspecified());
  CHECK(beat->epoch == 1'700'000'000);
  CHECK(signed_text == "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 ");
  CHECK(beat->digest[0] == 0x35);
  CHECK(beat->digest[15] == 0x68);
}

TEST_CASE("the line ends of clients are no part of the heartbeat") {
  // AICCU sends none, the script for Cisco IOS a newline (Tcl's puts), others CR LF or a NUL.
  for (const std::string_view end :
       {std::string_view("\n"), std::string_view("\r\n"), std::string_view("\0", 1),
        std::string_view("\n\0", 2), std::string_view("\r\n\r\n\0\0", 6)}) {
    const auto beat = parse(std::string(kBeat).append(end));
    REQUIRE(beat);
    CHECK(beat->epoch == 1'700'000'000);
  }
  CHECK_FALSE(parse(std::string(kBeat) + " "));
  CHECK_FALSE(parse(std::string(kBeat) + "\t\n"));
}

TEST_CASE("an identity is taken in any spelling, and hashed in that spelling") {
  for (const std::string_view identity :
       {"2001:DB8:2FF:2::2", "2001:0db8:02ff:0002:0000:0000:0000:0002",
        "2001:db8:2ff:2:0:0:0.0.0.2"}) {
    std::string signed_text;
    const auto beat = parse(with(identity, "sender", "1"), &signed_text);
    REQUIRE(beat);
    CHECK(beat->identity == *Ipv6Address::parse("2001:db8:2ff:2::2"));
    CHECK(signed_text == "HEARTBEAT TUNNEL " + std::string(identity) + " sender 1 ");
  }
}

TEST_CASE("a sender is the word or an address of either family") {
  CHECK(parse(with("2001:db8::2", "198.51.100.7", "1"))->sender ==
        *Ipv6Address::parse("::ffff:198.51.100.7"));
  CHECK(parse(with("2001:db8::2", "2001:db8:9::7", "1"))->sender ==
        *Ipv6Address::parse("2001:db8:9::7"));
  for (const std::string_view sender :
       {"Sender", "SENDER", "senders", "198.51.100", "198.51.100.256", "::", "host.example"}) {
    CAPTURE(sender);
    CHECK_FALSE(parse(with("2001:db8::2", sender, "1")));
  }
}

TEST_CASE("a time is plain decimal digits") {
  CHECK(parse(with("2001:db8::2", "sender", "0"))->epoch == 0);
  CHECK(parse(with("2001:db8::2", "sender", "4294967296"))->epoch == 4'294'967'296);
  CHECK(parse(with("2001:db8::2", "sender", "18446744073709551615"))->epoch == ~uint64_t{0});
  for (const std::string_view epoch :
       {"01", "00", "+1", "-1", "1.0", "1e9", "0x10", "now", "18446744073709551616",
        "99999999999999999999", "100000000000000000000000000000000000"}) {
    CAPTURE(epoch);
    CHECK_FALSE(parse(with("2001:db8::2", "sender", epoch)));
  }
}

TEST_CASE("a digest is 32 lower-case digits") {
  for (const std::string_view digest :
       {"", "35c582a4dd2ba2999bef85265e0fb96", "35c582a4dd2ba2999bef85265e0fb9680",
        "35C582A4DD2BA2999BEF85265E0FB968", "g5c582a4dd2ba2999bef85265e0fb968",
        "35c582a4dd2ba2999bef85265e0fb968 x", " 35c582a4dd2ba2999bef85265e0fb96"}) {
    CAPTURE(digest);
    CHECK_FALSE(parse(with("2001:db8::2", "sender", "1", digest)));
  }
}

TEST_CASE("what is no heartbeat is refused") {
  for (const std::string& text : std::vector<std::string>{
           "", "\n", std::string(1, '\0'), std::string(255, '\0'), "H", "HEARTBEAT TUNNEL",
           "HEARTBEAT TUNNEL ", "heartbeat tunnel 2001:db8::2 sender 1 x",
           "HEARTBEAT  TUNNEL" + std::string(kBeat.substr(16)), " " + std::string(kBeat),
           "HEARTBEAT TUNNEL 2001:db8::2", "HEARTBEAT TUNNEL 2001:db8::2 sender",
           "HEARTBEAT TUNNEL 2001:db8::2 sender 1", "HEARTBEAT TUNNEL    "}) {
    CAPTURE(text);
    CHECK_FALSE(parse(text));
  }
  CHECK_FALSE(parse(with("2001:db8::2", "", "1")));
  CHECK_FALSE(parse(with("", "sender", "1")));
}

TEST_CASE("an IPv4 identity and one with a NUL in it are refused") {
  for (const std::string_view identity :
       {std::string_view("192.0.2.1"), std::string_view("::ffff:192.0.2.1"),
        std::string_view("2001:db8::2\0", 12), std::string_view("2001:db8::2%eth0"),
        std::string_view("nonsense")}) {
    CHECK_FALSE(parse(with(identity, "sender", "1")));
  }
}

TEST_CASE("255 bytes are the most a heartbeat has, its line end included") {
  std::string longest(kBeat);
  longest.append(255 - longest.size(), '\n');
  CHECK(parse(longest));
  CHECK_FALSE(parse(longest + "\n"));
}

TEST_CASE("clocks of 32 and 64 bits are compared beyond the years 2038 and 2106") {
  CHECK(heartbeat_skew(1'700'000'119, 1'700'000'000) == 119);
  CHECK(heartbeat_skew(1'699'999'880, 1'700'000'000) == -120);
  CHECK(heartbeat_skew(2'147'483'650, 2'147'483'640) == 10);
  const uint64_t wrapped = (uint64_t{1} << 32) + 5;
  CHECK(heartbeat_skew(5, wrapped) == 0);                 // a clock that has wrapped
  CHECK(heartbeat_skew(wrapped, wrapped) == 0);           // one that has not
  CHECK(heartbeat_skew(0xffff'ffff, wrapped) == -6);      // just before the wrap
  CHECK(heartbeat_skew(wrapped, 5) == int64_t{1} << 32);  // a wrong one in this century
}

}  // namespace simplon
