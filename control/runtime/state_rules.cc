// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/state_rules.h"

#include <fmt/format.h>

#include <cstdlib>

#include "control/config/secret.h"
#include "control/runtime/tunnel_event.h"
#include "dataplane/state/drop_reason.h"

namespace simplon::control {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

// Why a beat or AYIYA packet of the tunnel was refused.
enum class Refusal { kNone, kClock, kPassword, kOther };

Refusal refusal_of(uint8_t reason) {
  if (reason >= kDropReasonCount) return Refusal::kNone;
  switch (DropReason(reason)) {
    case DropReason::kBeatClockSkew:
    case DropReason::kAyiyaClockSkew:
      return Refusal::kClock;
    case DropReason::kBeatBadDigest:
    case DropReason::kAyiyaBadSignature:
      return Refusal::kPassword;
    case DropReason::kBeatNotAllowed:
    case DropReason::kBeatSenderMismatch:
    case DropReason::kBeatPoliced:
    case DropReason::kBeatReplayed:
    case DropReason::kAyiyaNotAllowed:
    case DropReason::kAyiyaPoliced:
    case DropReason::kAyiyaReplayed:
    case DropReason::kEndpointInvalid:
      return Refusal::kOther;
    default:
      return Refusal::kNone;
  }
}

std::string_view explain(DropReason reason) {
  switch (reason) {
    case DropReason::kBeatNotAllowed:
      return "beats come, but the type of the tunnel does not take them";
    case DropReason::kAyiyaNotAllowed:
      return "AYIYA comes, but the type of the tunnel does not take it";
    case DropReason::kBeatSenderMismatch:
      return "beats name another sender than they come from: a NAT is in the way, have the client "
             "write 'sender'";
    case DropReason::kBeatReplayed:
    case DropReason::kAyiyaReplayed:
      return "what comes is not newer than what was accepted before: if the client's clock was "
             "ahead and has been set right, clear the epoch";
    case DropReason::kEndpointInvalid:
      return "beats come from an address no client can have";
    default:
      return "beats come from a source with too many bad ones";
  }
}

std::string ago(int64_t now, uint64_t unix_ns) {
  return fmt::format("{} s ago", std::max<int64_t>(0, now - int64_t(unix_ns) / kSecondNs));
}

StateVerdict down(v1::TunnelState::ReasonCode code, std::string reason) {
  return {false, code, std::move(reason)};
}
StateVerdict up(v1::TunnelState::ReasonCode code, std::string reason = {}) {
  return {true, code, std::move(reason)};
}

StateVerdict judge_up(const StateFacts& facts) {
  const Endpoint& endpoint = facts.learned.endpoint;
  const int64_t since = facts.note.change_unix_ns / kSecondNs;
  const bool silent = facts.note.up && facts.in_packets == facts.note.up_in_packets &&
                      facts.note.change_unix_ns != 0 && facts.now_unix - since > kNoDataAfterS;
  if (silent && endpoint.transport == Transport::kProto41) {
    return up(v1::TunnelState::NO_DATA, "no data seen: proto-41 probably blocked, try AYIYA");
  }
  if (!endpoint.verified) {
    return up(v1::TunnelState::UNVERIFIED,
              "the endpoint has not answered yet: at most 1 Mbit/s goes there until it does");
  }
  return up(v1::TunnelState::ALIVE);
}

StateVerdict refused(const StateFacts& facts, const TunnelFault& fault, Refusal why) {
  const std::string when = ago(facts.now_unix, fault.last_unix_ns);
  switch (why) {
    case Refusal::kClock:
      return down(
          v1::TunnelState::CLIENT_CLOCK,
          fmt::format("clock of client off by {} s ({} the PoP's), last beat {}",
                      std::llabs(fault.detail), fault.detail < 0 ? "behind" : "ahead of", when));
    case Refusal::kPassword:
      return down(v1::TunnelState::BAD_PASSWORD,
                  fmt::format("other password: last beat with it {} from {}", when,
                              print_outer_address(fault.source)));
    default:
      return down(v1::TunnelState::REFUSED,
                  fmt::format("{}; last one {} from {}", explain(DropReason(fault.reason)), when,
                              print_outer_address(fault.source)));
  }
}

}  // namespace

int64_t last_seen_unix(const StateFacts& facts) {
  if (facts.learned.last_seen_s == 0) return 0;
  return facts.now_unix - int32_t(facts.now_boot - facts.learned.last_seen_s);
}

const TunnelFault* clock_fault(std::span<const TunnelFault> faults) {
  for (const TunnelFault& fault : faults) {
    if (refusal_of(fault.reason) == Refusal::kClock) return &fault;
  }
  return nullptr;
}

bool is_replay(uint8_t reason) {
  return reason == uint8_t(DropReason::kBeatReplayed) ||
         reason == uint8_t(DropReason::kAyiyaReplayed);
}

uint32_t overhead_of(const Endpoint& endpoint) {
  const bool ipv4 = endpoint.address.is_ipv4_mapped();
  if (endpoint.transport == Transport::kAyiya) return ipv4 ? 72 : 92;
  return ipv4 ? 20 : 40;
}

StateVerdict judge_state(const StateFacts& facts) {
  if (!facts.enabled) return down(v1::TunnelState::ADMIN_DISABLED, "disabled by the operator");
  if (!facts.connected) {
    return down(v1::TunnelState::NO_DATAPLANE, "no dataplane is connected");
  }
  if (!is_dynamic_type(facts.type)) return up(v1::TunnelState::STATIC);
  if (facts.learned.endpoint.up) return judge_up(facts);
  const int64_t seen = last_seen_unix(facts);
  for (const TunnelFault& fault : facts.faults) {
    const Refusal why = refusal_of(fault.reason);
    // What came before the last good one is history.
    if (why == Refusal::kNone || int64_t(fault.last_unix_ns) / kSecondNs < seen) continue;
    return refused(facts, fault, why);
  }
  if (!facts.learned.endpoint.known()) {
    if (facts.learned.highest_epoch == 0 && seen == 0) {
      return down(v1::TunnelState::NEVER_SEEN, "no beat yet");
    }
    return down(v1::TunnelState::TAKEN_DOWN, "taken down by the operator: waits for the next beat");
  }
  return down(v1::TunnelState::TIMED_OUT,
              fmt::format("last beat {} s ago", std::max<int64_t>(0, facts.now_unix - seen)));
}

}  // namespace simplon::control
