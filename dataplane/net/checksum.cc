// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/checksum.h"

namespace simplon {
namespace {

using Words [[gnu::vector_size(16)]] = uint64_t;

}  // namespace

uint64_t checksum_add(uint64_t sum, std::span<const uint8_t> bytes) {
  const uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  // 32-bit words into 64 bits: no carry is lost before 16 GiB. Of what is long, several at a time,
  // in sums of which none waits for another.
  if (left >= 2 * sizeof(Words)) {
    Words lower[2]{};
    Words upper[2]{};
    for (; left >= 2 * sizeof(Words); p += 2 * sizeof(Words), left -= 2 * sizeof(Words)) {
      Words words[2];
      std::memcpy(words, p, sizeof words);
      for (int i = 0; i < 2; ++i) {
        lower[i] += words[i] & 0xffff'ffff;
        upper[i] += words[i] >> 32;
      }
    }
    const Words all = lower[0] + lower[1] + upper[0] + upper[1];
    sum += all[0] + all[1];
  }
  for (; left >= 4; p += 4, left -= 4) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    sum += word;
  }
  if (left >= 2) {
    uint16_t word;
    std::memcpy(&word, p, 2);
    sum += word;
    p += 2;
    left -= 2;
  }
  if (left != 0) sum += *p;  // little endian: the missing byte is the upper one, zero
  return sum;
}

uint64_t ipv6_pseudo_sum(const Ipv6Address& source, const Ipv6Address& destination, uint32_t length,
                         uint8_t protocol) {
  uint64_t sum = checksum_add(0, source.bytes);
  sum = checksum_add(sum, destination.bytes);
  sum += Be32(length).raw();
  sum += Be32(protocol).raw();
  return sum;
}

uint64_t ipv4_pseudo_sum(Ipv4Address source, Ipv4Address destination, uint16_t length,
                         uint8_t protocol) {
  return uint64_t{source.raw()} + destination.raw() + Be16(protocol).raw() + Be16(length).raw();
}

bool icmpv6_valid(const Ipv6Header& ip, std::span<const uint8_t> message) {
  const uint64_t pseudo = ipv6_pseudo_sum(ip.source, ip.destination,
                                          static_cast<uint32_t>(message.size()), kProtocolIcmpv6);
  return checksum_fold(checksum_add(pseudo, message)) == 0xffff;
}

Be16 icmpv6_checksum(const Ipv6Header& ip, std::span<const uint8_t> message) {
  const uint64_t pseudo = ipv6_pseudo_sum(ip.source, ip.destination,
                                          static_cast<uint32_t>(message.size()), kProtocolIcmpv6);
  return checksum_finish(checksum_add(pseudo, message));
}

}  // namespace simplon
