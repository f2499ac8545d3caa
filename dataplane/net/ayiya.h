// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA, "anything in anything" (draft-massar-v6ops-ayiya-02; docs/protocols.md §8): the one form
// deployed clients use. Alignment 1; nothing here checks a length. Any thread.

#pragma once

#include <array>
#include <cstdint>

#include "dataplane/net/address.h"
#include "dataplane/net/byte_order.h"
#include "dataplane/net/headers.h"

namespace simplon {

// More than 120 s between the sender's clock and ours is too much, either way.
inline constexpr int32_t kAyiyaMaxSkew = 120;

// The client's clock and ours, modulo 2^32.
constexpr bool within_skew(uint32_t epoch, uint32_t now) {
  return epoch - now + uint32_t{kAyiyaMaxSkew} <= 2 * uint32_t{kAyiyaMaxSkew};
}

// 8 to 15 are not assigned.
enum class AyiyaOperation : uint8_t {
  kNoOperation = 0,
  kForward = 1,
  kEchoRequest = 2,
  kEchoRequestForward = 3,
  kEchoResponse = 4,
  kMessageOfTheDay = 5,
  kQueryRequest = 6,
  kQueryResponse = 7,
};

struct AyiyaHeader {
  uint8_t identity;        // length as power of two, 4 bits; type, 4 bits
  uint8_t signature_form;  // length in words, 4 bits; hash method, 4 bits
  uint8_t operation;       // authentication method, 4 bits; AyiyaOperation, 4 bits
  uint8_t next_header;     // IP protocol number: 41, 4 or 59
  Be32 epoch;              // the sender's clock, seconds since 1970 modulo 2^32
  Ipv6Address tunnel;      // the identity: the sender's address of the tunnel
  std::array<uint8_t, 20> signature;
};
static_assert(sizeof(AyiyaHeader) == 44 && alignof(AyiyaHeader) == 1);

// The first four bytes, with operation and next header left free: an identity of 2^4 bytes that is
// an integer, a signature of 5 words by SHA-1, authentication by a shared secret.
inline constexpr uint32_t kAyiyaForm = 0x41521000;
inline constexpr uint32_t kAyiyaFormMask = 0xfffff000;

// The first four bytes of an IPv6 packet to be forwarded, in the order of memory.
inline constexpr uint32_t kAyiyaForwardIpv6 = byte_swap(
    kAyiyaForm | uint32_t{static_cast<uint8_t>(AyiyaOperation::kForward)} << 8 | kProtocolIpv6);

inline bool is_ayiya_form(const AyiyaHeader& h) {
  Be32 first;
  std::memcpy(static_cast<void*>(&first), &h, sizeof first);
  return (first.value() & kAyiyaFormMask) == kAyiyaForm;
}

inline AyiyaOperation operation_of(const AyiyaHeader& h) {
  return static_cast<AyiyaOperation>(h.operation & 0x0f);
}

// Writes the first four bytes.
inline void set_ayiya_form(AyiyaHeader& h, AyiyaOperation operation, uint8_t next_header) {
  const Be32 first = kAyiyaForm | uint32_t{static_cast<uint8_t>(operation)} << 8 | next_header;
  std::memcpy(static_cast<void*>(&h), &first, sizeof first);
}

// IPv4 or IPv6 header, UDP and AYIYA.
inline constexpr std::size_t kAyiyaOverheadIpv4 =
    sizeof(Ipv4Header) + sizeof(UdpHeader) + sizeof(AyiyaHeader);
inline constexpr std::size_t kAyiyaOverheadIpv6 =
    sizeof(Ipv6Header) + sizeof(UdpHeader) + sizeof(AyiyaHeader);
static_assert(kAyiyaOverheadIpv4 == 72 && kAyiyaOverheadIpv6 == 92);

}  // namespace simplon
