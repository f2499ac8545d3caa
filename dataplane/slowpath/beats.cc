// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/beats.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/crypto/md5.h"
#include "dataplane/table/endpoint_rules.h"

namespace simplon {
namespace {

constexpr uint8_t kNoLocal = 0xff;
// Another thread that writes the same record is done with it after a few stores.
constexpr int kAttempts = 64;

uint8_t local_index_of(const PopRecord& pop, const Ipv6Address& address) {
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) == address) return static_cast<uint8_t>(i);
  }
  return kNoLocal;
}

// ::/8 holds no tunnel, but the keys of IPv4 pools.
uint32_t slot_of(const SnapshotView& view, const Ipv6Address& identity) {
  return identity.bytes[0] == 0 ? kNoSlot : view.find_slot(identity.hi());
}

int32_t clamp_seconds(int64_t seconds) {
  using Limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(std::clamp<int64_t>(seconds, Limits::min(), Limits::max()));
}

}  // namespace

void Beats::handle(const ForwardingTable& table, Packet& packet) {
  const SnapshotView& view = table.snapshot;
  const auto outer = outer_header(packet);
  const auto datagram = udp_datagram(packet);
  const auto beat = datagram ? parse_heartbeat(datagram->payload) : std::nullopt;
  if (!outer || !beat) {
    exits_.drop(packet, DropReason::kBeatMalformed);
    return;
  }
  const uint32_t slot = slot_of(view, beat->identity);
  if (slot == kNoSlot || view.slot(slot).kind == static_cast<uint8_t>(TunnelKind::kUnused)) {
    exits_.drop(packet, DropReason::kTunnelUnknown);
    return;
  }
  packet.blame = slot;
  const RuntimeTable& runtime = exits_.context().runtime;
  const TunnelSlot& tunnel = view.slot(slot);
  if (!takes_beats(static_cast<TunnelKind>(tunnel.kind)) || slot >= runtime.capacity()) {
    exits_.drop(packet, DropReason::kBeatNotAllowed);
    return;
  }
  runtime.prefetch(slot);
  const TunnelCold* cold = view.cold(slot);
  __builtin_prefetch(cold);
  if ((tunnel.flags & kTunnelEnabled) == 0) {
    exits_.drop(packet, DropReason::kTunnelDisabled);
    return;
  }
  if (!beat->sender.is_unspecified() && beat->sender != outer->source) {
    exits_.drop(packet, DropReason::kBeatSenderMismatch);
    return;
  }
  Sender sender{.slot = slot,
                .tunnel = &tunnel,
                .known = runtime.load(slot, tunnel.incarnation),
                .from = {},
                .present = false};
  sender.from.address = outer->source;
  sender.from.local_index = local_index_of(view.pop(), outer->destination);
  if (sender.from.local_index == kNoLocal) {
    exits_.drop(packet, DropReason::kOuterDestinationMismatch);
    return;
  }
  sender.present = sender.known.known() && sender.known.same_place(sender.from);
  if (!is_in_time(packet, *beat, sender)) {
    exits_.drop(packet, DropReason::kBeatClockSkew);
    return;
  }
  if (!check_signature(table, packet, *beat, sender)) return;
  if (!is_possible_endpoint(view, sender.from.address)) {
    tell(table, TunnelEventKind::kRefused, sender);
    exits_.drop(packet, DropReason::kEndpointInvalid);
    return;
  }
  learn(table, packet, *beat, sender);
}

bool Beats::is_in_time(Packet& packet, const Heartbeat& beat, const Sender& sender) const {
  const BurstTime& time = exits_.context().time;
  const auto believed = [&beat](uint64_t now_s) {
    const int64_t skew = heartbeat_skew(beat.epoch, now_s);
    return skew >= -kMaxSkew && skew <= kMaxSkew;
  };
  const uint64_t now_s = time.unix_ns / 1'000'000'000;
  if (believed(now_s)) return true;
  // The PoP's own clock has jumped: who was right before it is still believed.
  if (sender.present && time.unix_before_step_s != 0 && believed(time.unix_before_step_s)) {
    return true;
  }
  packet.detail = clamp_seconds(heartbeat_skew(beat.epoch, now_s));
  return false;
}

int Beats::check_digest(const SnapshotView& view, const TunnelSlot& tunnel, uint32_t slot,
                        const Heartbeat& beat) {
  const TunnelCold* cold = view.cold(slot);
  if (cold == nullptr) return -1;
  const int passwords = (tunnel.options & kTunnelOptionRotation) != 0 ? 2 : 1;
  for (int which = 0; which < passwords; ++which) {
    const std::string_view password = view.password(*cold, static_cast<std::size_t>(which));
    if (!password.empty() && equal_in_constant_time(md5(beat.signed_text, password), beat.digest)) {
      return which;
    }
  }
  return -1;
}

bool Beats::check_signature(const ForwardingTable& table, Packet& packet, const Heartbeat& beat,
                            Sender& sender) {
  const uint64_t now = exits_.now();
  const bool allowed =
      sender.present ? budget_.allows(sender.slot, now) : budget_.allows(sender.from.address, now);
  if (!allowed) {
    exits_.drop(packet, DropReason::kBeatPoliced);
    return false;
  }
  const int which = check_digest(table.snapshot, *sender.tunnel, sender.slot, beat);
  if (which < 0) {
    if (sender.present) {
      budget_.failed(sender.slot, now);
    } else {
      budget_.failed(sender.from.address, now);
    }
    exits_.drop(packet, DropReason::kBeatBadDigest);
    return false;
  }
  sender.from.previous_secret = which == 1;
  return true;
}

void Beats::learn(const ForwardingTable& table, Packet& packet, const Heartbeat& beat,
                  const Sender& sender) {
  RuntimeTable& runtime = exits_.context().runtime;
  const uint8_t incarnation = sender.tunnel->incarnation;
  const auto epoch = static_cast<uint32_t>(beat.epoch);
  Learned learned = Learned::kBusy;
  const uint32_t highest = runtime.highest_epoch(sender.slot, incarnation);
  if ((sender.tunnel->options & kTunnelOptionStrictReplay) != 0 && highest != 0 &&
      epoch_difference(epoch, highest) < -kStrictReplay) {
    learned = Learned::kReplayed;
  }
  bool raced = false;
  for (int n = 0; n < kAttempts && learned == Learned::kBusy; ++n) {
    learned =
        runtime.learn(sender.slot, incarnation, sender.from, epoch, exits_.context().time.boot_s);
    raced |= learned == Learned::kBusy;
  }
  // After a race the epoch may be its own.
  if (learned == Learned::kReplayed && !raced) {
    tell(table, TunnelEventKind::kReplayed, sender);
    exits_.drop(packet, DropReason::kBeatReplayed);
    return;
  }
  exits_.counters().add(WorkerCounter::kBeatsAccepted);
  if (learned == Learned::kUp) {
    exits_.counters().add(WorkerCounter::kTunnelsUp);
    tell(table, TunnelEventKind::kUp, sender);
  } else if (learned == Learned::kMoved) {
    exits_.counters().add(WorkerCounter::kEndpointMoves);
    tell(table, TunnelEventKind::kMoved, sender);
  }
  exits_.consume(packet);
}

void Beats::tell(const ForwardingTable& table, TunnelEventKind kind, const Sender& sender) {
  TunnelEvent event = make_tunnel_event(kind, sender.slot, sender.tunnel->incarnation, sender.from,
                                        exits_.context().time.unix_ns);
  if (sender.known.known() && kind != TunnelEventKind::kUp) {
    event.old_port = sender.known.port;
    std::memcpy(event.old_address, sender.known.address.bytes.data(), sizeof event.old_address);
  }
  watch_.happened(table, event);
}

}  // namespace simplon
