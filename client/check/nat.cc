// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/check/nat.h"

#include "client/host/source_address.h"

namespace simplon::client {

namespace {

using Level = NatVerdict::Level;

NatVerdict judge_translated(const TunnelInfo& tunnel, Ipv4Address local, bool behind_nat) {
  const std::string text = "this machine has the address " + local.to_string() +
                           (is_shared(local) ? " of RFC 6598: your provider translates addresses"
                                             : ", which is private: a router translates it");
  if (tunnel.type == TunnelType::kAyiya) {
    return {Level::kFine, text + "; AYIYA passes that"};
  }
  if (is_shared(local)) {
    return {behind_nat ? Level::kNote : Level::kProblem, text,
            "IP protocol 41 cannot be forwarded to you from there: ask your broker to make the "
            "tunnel an AYIYA tunnel"};
  }
  const std::string forward =
      "have the router forward IP protocol 41 (not a port) to " + local.to_string();
  if (behind_nat) return {Level::kNote, text, forward};
  return {Level::kProblem, text,
          forward +
              " and set behind_nat = true (aiccu.conf: behindnat true), or ask your broker to make "
              "the tunnel an AYIYA tunnel, which passes any NAT"};
}

}  // namespace

NatVerdict judge_nat(const TunnelInfo& tunnel, std::optional<Ipv4Address> local, bool behind_nat) {
  if (!local) {
    return {Level::kProblem, "this machine has no IPv4 way to the PoP " + tunnel.pop_ipv4,
            "is the network up? 'ip route get " + tunnel.pop_ipv4 + "' says more"};
  }
  const bool is_static = tunnel.type == TunnelType::kStatic && tunnel.client_ipv4.has_value();
  if (is_static && *tunnel.client_ipv4 == *local) {
    return {Level::kFine, "the broker knows this machine's address " + local->to_string(), ""};
  }
  if (is_private(*local) || is_shared(*local)) return judge_translated(tunnel, *local, behind_nat);
  if (is_static) {
    return {behind_nat ? Level::kNote : Level::kProblem,
            "this machine has the address " + local->to_string() + ", the broker has " +
                tunnel.client_ipv4->to_string(),
            "the PoP throws your packets away: tell the broker your address (its web site, or an "
            "endpoint update over HTTP), or ask for a heartbeat or AYIYA tunnel if it changes "
            "often"};
  }
  return {Level::kFine, "this machine has the public address " + local->to_string(), ""};
}

}  // namespace simplon::client
