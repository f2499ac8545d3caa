// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/heartbeat.h"

#include <charconv>

namespace simplon {
namespace {

constexpr std::string_view kPrefix = "HEARTBEAT TUNNEL ";
constexpr std::string_view kSender = "sender";
constexpr std::string_view kLineEnds{"\r\n\0", 3};
constexpr std::size_t kMaxDigits = 20;  // of 2^64 - 1

// Takes the word before the next space off `rest`, and the space.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos || space == 0) return std::nullopt;
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return word;
}

// An address of either family, as inet_pton takes it.
std::optional<Ipv6Address> parse_sender(std::string_view word) {
  if (const auto ipv4 = Ipv4Address::parse(word)) return Ipv6Address::from_ipv4(*ipv4);
  const auto ipv6 = Ipv6Address::parse(word);
  // Unspecified stands for "sender", and is nobody's address.
  if (!ipv6 || ipv6->is_unspecified()) return std::nullopt;
  return ipv6;
}

std::optional<uint64_t> parse_epoch(std::string_view word) {
  if (word.size() > kMaxDigits || (word.size() > 1 && word[0] == '0')) return std::nullopt;
  uint64_t epoch = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, epoch);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return epoch;
}

// Lower case only; -1: no such digit.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool parse_digest(std::string_view word, std::array<uint8_t, kMd5Size>& digest) {
  if (word.size() != 2 * kMd5Size) return false;
  for (std::size_t i = 0; i < kMd5Size; ++i) {
    const int high = hex_value(word[2 * i]);
    const int low = hex_value(word[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace

std::optional<Heartbeat> parse_heartbeat(std::span<const uint8_t> datagram) {
  if (datagram.empty() || datagram.size() > kHeartbeatMaximum) return std::nullopt;
  std::string_view text(reinterpret_cast<const char*>(datagram.data()), datagram.size());
  const std::size_t last = text.find_last_not_of(kLineEnds);
  if (last == std::string_view::npos) return std::nullopt;
  text = text.substr(0, last + 1);
  if (!text.starts_with(kPrefix)) return std::nullopt;

  std::string_view rest = text.substr(kPrefix.size());
  const auto identity_word = take_word(rest);
  if (!identity_word) return std::nullopt;
  const auto sender_word = take_word(rest);
  if (!sender_word) return std::nullopt;
  const auto epoch_word = take_word(rest);
  if (!epoch_word) return std::nullopt;

  Heartbeat beat;
  // What is left is the digest, so the rest of the line is what it covers.
  beat.signed_text = text.substr(0, text.size() - rest.size());
  if (!parse_digest(rest, beat.digest)) return std::nullopt;
  const auto epoch = parse_epoch(*epoch_word);
  if (!epoch) return std::nullopt;
  beat.epoch = *epoch;
  if (*sender_word != kSender) {
    const auto sender = parse_sender(*sender_word);
    if (!sender) return std::nullopt;
    beat.sender = *sender;
  }
  const auto identity = Ipv6Address::parse(*identity_word);
  // ::ffff:a.b.c.d is an IPv4 address, and no tunnel's.
  if (!identity || identity->is_ipv4_mapped()) return std::nullopt;
  beat.identity = *identity;
  return beat;
}

}  // namespace simplon
