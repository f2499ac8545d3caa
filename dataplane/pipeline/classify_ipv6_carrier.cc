// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Tunnels over IPv6: 6in6 and 4in6 (RFC 2473), GRE, AYIYA and heartbeats to a tunnel end of the
// PoP's.

#include "dataplane/pipeline/classify.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

bool is_tunnel_protocol(uint8_t protocol) {
  return protocol == kProtocolIpv6 || protocol == kProtocolIpv4 || protocol == kProtocolGre ||
         protocol == kProtocolUdp;
}

// Only padding and a tunnel encapsulation limit, well formed: what a tunnel end may step over.
bool are_tunnel_options(std::span<const uint8_t> options) {
  while (!options.empty()) {
    if (options[0] == kIpv6OptionPad1) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() < std::size_t{options[1]} + 2) return false;
    const bool limit = options[0] == kIpv6OptionEncapsulationLimit && options[1] == 1;
    if (!limit && options[0] != kIpv6OptionPadN) return false;
    options = options.subspan(std::size_t{options[1]} + 2);
  }
  return true;
}

// The protocol behind one destination options header, and where it begins.
struct Payload {
  uint8_t protocol;
  std::size_t offset;  // from the IPv6 header
};

enum class Step : uint8_t { kFine, kNotATunnel, kRefused };

Step find_payload(const Packet& packet, Payload& payload) {
  const auto* ip = packet.at<Ipv6Header>(packet.network);
  payload = {ip->next_header, sizeof(Ipv6Header)};
  if (payload.protocol != kProtocolDestinationOptions) return Step::kFine;
  const std::size_t left = packet.inner_length - sizeof(Ipv6Header);
  if (left < kIpv6OptionsUnit) return Step::kNotATunnel;
  const auto* options = packet.at<Ipv6OptionsHeader>(packet.network + sizeof(Ipv6Header));
  const std::size_t size = options->size();
  payload = {options->next_header, sizeof(Ipv6Header) + size};
  if (size > left || !is_tunnel_protocol(payload.protocol)) return Step::kNotATunnel;
  const std::span<const uint8_t> all(packet.at<uint8_t>(packet.network + sizeof(Ipv6Header)), size);
  return are_tunnel_options(all.subspan(sizeof(Ipv6OptionsHeader))) ? Step::kFine : Step::kRefused;
}

// RFC 2460 4.5: the first byte of a fragment header names what was cut.
bool is_tunnel_fragment(const Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.network);
  if (ip->next_header != kProtocolFragment ||
      packet.inner_length < sizeof(Ipv6Header) + kIpv6OptionsUnit) {
    return false;
  }
  const uint8_t protocol = *packet.at<uint8_t>(packet.network + sizeof(Ipv6Header));
  return is_tunnel_protocol(protocol) || protocol == kProtocolDestinationOptions;
}

}  // namespace

bool classify_ipv6_carrier(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const auto* ip = packet.at<Ipv6Header>(packet.network);
  if (batch.table.links.local_index(ip->destination) == kNoLocalIndex) return false;
  const bool fragment = is_tunnel_fragment(packet);
  Payload payload{};
  const Step step = find_payload(packet, payload);
  if (!fragment && (step == Step::kNotATunnel || !is_tunnel_protocol(payload.protocol))) {
    return false;
  }
  // An address of a tunnel's can be no other tunnel's end, nor can our own.
  if (batch.table.snapshot.lookup(ip->source.hi()).hit()) {
    drop(context, batch.table, packet, DropReason::kTunnelSourceFromUplink);
    return true;
  }
  if (!is_usable_unicast(ip->source) || batch.table.links.is_local_ipv6(ip->source)) {
    drop(context, batch.table, packet, DropReason::kOuterSourceInvalid);
    return true;
  }
  packet.outer_ipv6 = true;
  if (fragment) {
    punt(context, packet, PuntClass::kFragment);
    return true;
  }
  if (step == Step::kRefused) {
    drop(context, batch.table, packet, DropReason::kExtensionHeader);
    return true;
  }
  const std::size_t available = packet.inner_length - payload.offset;
  packet.transport = static_cast<uint16_t>(packet.network + payload.offset);
  packet.inner = packet.transport;
  switch (payload.protocol) {
    case kProtocolUdp:
      packet.inner = packet.network;
      classify_udp(batch, index, available);
      break;
    case kProtocolGre:
      classify_gre(batch, index, available);
      break;
    case kProtocolIpv6:
      packet.encapsulation = Encapsulation::kProto41;
      classify_inner_ipv6(batch, index, available);
      break;
    default:
      packet.encapsulation = Encapsulation::kProto4;
      classify_inner_ipv4(batch, index, available);
  }
  return true;
}

}  // namespace simplon
