// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/inner_packet.h"

#include "dataplane/net/headers.h"

namespace simplon::client {
namespace {

constexpr uint8_t kEcnBits = 0x03;
// Scopes of RFC 4291 2.7: of a multicast address that does not leave its link.
constexpr uint8_t kScopeLink = 2;

bool is_nobodys(const Ipv6Address& address) {
  // ::/96 holds the unspecified and the loopback address.
  return address.is_ipv4_compatible() || address.is_ipv4_mapped();
}

bool is_version_6(std::span<const uint8_t> packet) {
  return !packet.empty() && packet[0] >> 4 == 6;
}

}  // namespace

std::string_view explain(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "are taken";
    case Refusal::kNotFromPop:
      return "come from another address than the PoP's";
    case Refusal::kTooShort:
      return "are too short";
    case Refusal::kNotAyiya:
      return "are not AYIYA as this client knows it";
    case Refusal::kIdentity:
      return "are for another tunnel: was the tunnel changed? Start again to fetch its settings";
    case Refusal::kClock:
      return "carry a time more than 120 s from this host's clock: is it set, by NTP for example?";
    case Refusal::kSignature:
      return "have a bad signature: was the tunnel's password changed? Start again to fetch it";
    case Refusal::kNotIpv6:
      return "carry something that is not IPv6";
    case Refusal::kInnerLength:
      return "have a length that is not their content's";
    case Refusal::kInnerSource:
      return "claim to come from this host or from nobody";
    case Refusal::kInnerDestination:
      return "are for an address no packet is sent to";
    case Refusal::kCongestion:
      return "have congestion marks their content cannot take over";
  }
  return "are refused";
}

Opened open_inner(std::span<uint8_t> carried, const Ipv6Address& client) {
  if (!carried.empty() && !is_version_6(carried)) return {Refusal::kNotIpv6, {}, 0};
  if (carried.size() < sizeof(Ipv6Header)) return {Refusal::kTooShort, {}, 0};
  const auto* ip = reinterpret_cast<const Ipv6Header*>(carried.data());
  const std::size_t length = sizeof(Ipv6Header) + ip->payload_length.value();
  if (length > carried.size()) return {Refusal::kInnerLength, {}, 0};
  if (is_nobodys(ip->source) || ip->source.is_multicast() || ip->source == client) {
    return {Refusal::kInnerSource, {}, 0};
  }
  if (is_nobodys(ip->destination)) return {Refusal::kInnerDestination, {}, 0};
  return {Refusal::kNone, carried.first(length), 0};
}

bool take_congestion_mark(std::span<uint8_t> packet, uint8_t outer_tos) {
  auto* ip = reinterpret_cast<Ipv6Header*>(packet.data());
  const uint8_t traffic_class = ip->traffic_class();
  const EcnDecap mark = ecn_decapsulate(static_cast<Ecn>(traffic_class & kEcnBits),
                                        static_cast<Ecn>(outer_tos & kEcnBits));
  if (mark.drop) return false;
  const auto changed =
      static_cast<uint8_t>((traffic_class & ~kEcnBits) | static_cast<uint8_t>(mark.inner));
  if (changed != traffic_class) ip->set_traffic_class(changed);
  return true;
}

uint8_t outer_tos_for(std::span<const uint8_t> packet) {
  return reinterpret_cast<const Ipv6Header*>(packet.data())->traffic_class() & kEcnBits;
}

bool is_for_the_tunnel(std::span<const uint8_t> packet) {
  if (!is_version_6(packet) || packet.size() < sizeof(Ipv6Header)) return false;
  const auto& to = reinterpret_cast<const Ipv6Header*>(packet.data())->destination;
  return !to.is_multicast() || (to.bytes[1] & 0x0f) > kScopeLink;
}

}  // namespace simplon::client
