// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/codec.h"

#include <algorithm>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/headers.h"

namespace simplon::client {
namespace {

// What anything from a PoP may be: others are refused before the hash.
bool is_known_form(const AyiyaHeader& header) {
  if (!is_ayiya_form(header)) return false;
  switch (operation_of(header)) {
    case AyiyaOperation::kForward:
    case AyiyaOperation::kEchoRequestForward:
      return header.next_header == kProtocolIpv6;
    case AyiyaOperation::kEchoRequest:
      return header.next_header == kProtocolIpv6 || header.next_header == kProtocolNoNext;
    default:
      return false;
  }
}

bool forwards(const AyiyaHeader& header) {
  return operation_of(header) != AyiyaOperation::kEchoRequest;
}

}  // namespace

std::size_t SixInFourCodec::overhead() const {
  return k6in4Overhead;
}

Opened SixInFourCodec::open(std::span<uint8_t> datagram, uint8_t /*tos*/,
                            uint32_t /*now_s*/) const {
  if (datagram.size() < sizeof(Ipv4Header)) return {Refusal::kTooShort, {}, 0};
  const auto* outer = reinterpret_cast<const Ipv4Header*>(datagram.data());
  const std::size_t header = outer->header_length();
  if (outer->version() != 4 || header < sizeof(Ipv4Header) || header > datagram.size() ||
      outer->protocol != kProtocolIpv6) {
    return {Refusal::kTooShort, {}, 0};
  }
  // The socket is connected; but the kernel may have queued others before it was.
  if (outer->source != pop_) return {Refusal::kNotFromPop, {}, 0};
  Opened opened = open_inner(datagram.subspan(header), client_);
  if (opened.refusal == Refusal::kNone && !take_congestion_mark(opened.packet, outer->tos)) {
    return {Refusal::kCongestion, {}, 0};
  }
  return opened;
}

AyiyaCodec::AyiyaCodec(const TunnelInfo& tunnel)
    : client_(tunnel.client),
      pop_(tunnel.pop),
      key_(sha1(
          {reinterpret_cast<const uint8_t*>(tunnel.password.data()), tunnel.password.size()})) {}

void AyiyaCodec::sign(std::span<uint8_t> datagram, AyiyaOperation operation, uint8_t next_header,
                      uint32_t now_s) const {
  auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
  set_ayiya_form(*header, operation, next_header);
  header->epoch = now_s;
  header->tunnel = client_;
  header->signature = key_;
  header->signature = sha1(datagram);
}

void AyiyaCodec::seal(std::span<uint8_t> datagram, uint32_t now_s) const {
  sign(datagram, AyiyaOperation::kForward, kProtocolIpv6, now_s);
}

std::array<uint8_t, sizeof(AyiyaHeader)> AyiyaCodec::beat(uint32_t now_s) const {
  std::array<uint8_t, sizeof(AyiyaHeader)> datagram{};
  sign(datagram, AyiyaOperation::kNoOperation, kProtocolNoNext, now_s);
  return datagram;
}

Opened AyiyaCodec::open(std::span<uint8_t> datagram, uint8_t tos, uint32_t now_s) const {
  if (datagram.size() < sizeof(AyiyaHeader)) return {Refusal::kTooShort, {}, 0};
  auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
  if (!is_known_form(*header)) return {Refusal::kNotAyiya, {}, 0};
  if (header->tunnel != pop_) return {Refusal::kIdentity, {}, 0};
  const auto skew = static_cast<int32_t>(header->epoch.value() - now_s);
  if (skew < -kAyiyaMaxSkew || skew > kAyiyaMaxSkew) return {Refusal::kClock, {}, skew};

  const auto signature = header->signature;
  header->signature = key_;
  const auto digest = sha1(datagram);
  if (!same_20_bytes(signature.data(), digest.data())) return {Refusal::kSignature, {}, 0};

  const std::span<uint8_t> payload = datagram.subspan(sizeof(AyiyaHeader));
  if (!forwards(*header)) return {};
  Opened opened = open_inner(payload, client_);
  if (opened.refusal != Refusal::kNone) return opened;
  // The end must be where the packet's own word says: the key stands in the middle of what is
  // signed, so who knows a signature could go on with the hash (docs/protocols.md §8.5).
  if (opened.packet.size() != payload.size()) return {Refusal::kInnerLength, {}, 0};
  if (!take_congestion_mark(opened.packet, tos)) return {Refusal::kCongestion, {}, 0};
  return opened;
}

}  // namespace simplon::client
