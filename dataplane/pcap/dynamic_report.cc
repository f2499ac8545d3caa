// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/dynamic_report.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace simplon::offline {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::string time_text(uint64_t unix_ns) {
  char text[48];
  std::snprintf(text, sizeof text, "%llu.%06llu",
                static_cast<unsigned long long>(unix_ns / kSecond),
                static_cast<unsigned long long>(unix_ns % kSecond / 1000));
  return text;
}

std::string tunnel_name(const OfflinePop& pop, uint32_t slot) {
  if (slot >= pop.table().snapshot.slot_capacity()) return "-";
  return "T" + std::to_string(pop.table().snapshot.slot(slot).tunnel_id);
}

std::string address_text(const Ipv6Address& address) {
  return address.is_ipv4_mapped() ? address.ipv4().to_string() : address.to_string();
}

std::string place(const uint8_t* address, uint16_t port) {
  std::string text = address_text(Ipv6Address::from_bytes(address));
  if (port != 0) text += " port " + std::to_string(port);
  return text;
}

const char* transport_name(Transport transport) {
  return transport == Transport::kAyiya ? "ayiya" : "proto41";
}

const char* kind_name(uint8_t kind) {
  switch (TunnelEventKind(kind)) {
    case TunnelEventKind::kUp:
      return "up";
    case TunnelEventKind::kDown:
      return "down";
    case TunnelEventKind::kMoved:
      return "moved";
    case TunnelEventKind::kReplayed:
      return "replayed";
    case TunnelEventKind::kVerified:
      return "verified";
    case TunnelEventKind::kFlapping:
      return "flapping";
    case TunnelEventKind::kSettled:
      return "settled";
    case TunnelEventKind::kRefused:
      return "refused";
    case TunnelEventKind::kClockStep:
      return "clock-step";
    case TunnelEventKind::kEpochReset:
      return "epoch-reset";
  }
  return "unknown";
}

const char* verified_by(uint8_t by) {
  switch (VerifiedBy(by)) {
    case VerifiedBy::kProbe:
      return "probe";
    case VerifiedBy::kLaterEpoch:
      return "later-epoch";
    case VerifiedBy::kTraffic:
      return "traffic";
    case VerifiedBy::kOperator:
      return "operator";
  }
  return "unknown";
}

std::string reason_name(uint8_t reason) {
  if (reason < kDropReasonCount) return std::string(kDropReasons[reason].name);
  switch (LedgerNote(reason)) {
    case LedgerNote::kIcmpv4Error:
      return "icmpv4-error";
    case LedgerNote::kIcmpv6Error:
      return "icmpv6-error";
    case LedgerNote::kIcmpv4Echo:
      return "icmpv4-echo";
  }
  return "unknown";
}

std::string event_line(const OfflinePop& pop, const TunnelEvent& e) {
  std::string line = time_text(e.unix_ns) + " " + kind_name(e.kind);
  if (TunnelEventKind(e.kind) == TunnelEventKind::kClockStep) {
    return line + " " + std::to_string(static_cast<int32_t>(e.count)) + " s\n";
  }
  line += " " + tunnel_name(pop, e.slot) + " " + transport_name(Transport(e.transport)) + " " +
          place(e.address, e.port);
  switch (TunnelEventKind(e.kind)) {
    case TunnelEventKind::kMoved:
      line += " from " + place(e.old_address, e.old_port);
      break;
    case TunnelEventKind::kVerified:
      line += std::string(" by ") + verified_by(e.detail);
      break;
    default:
      break;
  }
  const bool times = TunnelEventKind(e.kind) != TunnelEventKind::kDown;
  if (times && e.count > 1) line += " times " + std::to_string(e.count);
  return line + "\n";
}

}  // namespace

std::string events_report(const OfflinePop& pop) {
  std::string report;
  for (const TunnelEvent& e : pop.events()) report += event_line(pop, e);
  return report;
}

std::string endpoints_report(const OfflinePop& pop) {
  std::string report;
  const SnapshotView& view = pop.table().snapshot;
  for (uint32_t slot = 0; slot < view.slot_capacity(); ++slot) {
    const TunnelSlot& tunnel = view.slot(slot);
    if (!is_dynamic(TunnelKind(tunnel.kind))) continue;
    const Endpoint e = pop.runtime().load(slot, tunnel.incarnation);
    if (!e.known()) continue;
    report += tunnel_name(pop, slot) + (e.up ? " up" : " down") +
              (!e.up        ? ""
               : e.verified ? " verified"
                            : " unverified") +
              " " + transport_name(e.transport) + " " + place(e.address.bytes.data(), e.port) +
              " local " +
              address_text(Ipv6Address::from_bytes(view.pop().local_addresses[e.local_index])) +
              (e.previous_secret ? " previous-password" : "") + " epoch " +
              std::to_string(pop.runtime().highest_epoch(slot, tunnel.incarnation)) + " seen " +
              std::to_string(pop.runtime().last_seen_s(slot, tunnel.incarnation)) + "\n";
  }
  return report;
}

std::string errors_report(const OfflinePop& pop) {
  std::string report;
  for (const LedgerRecord& record : pop.errors()) {
    report += tunnel_name(pop, record.slot) + " " + reason_name(record.reason) + " " +
              std::to_string(record.count) + " last " + time_text(record.last_unix_ns) + " from " +
              place(record.source, record.source_port);
    if (record.detail != 0) report += " detail " + std::to_string(record.detail);
    report += " length " + std::to_string(record.original_length) + " ";
    const std::size_t captured = std::min<std::size_t>(record.captured, sizeof record.bytes);
    for (std::size_t i = 0; i < captured; ++i) {
      char hex[3];
      std::snprintf(hex, sizeof hex, "%02x", record.bytes[i]);
      report += hex;
    }
    report += "\n";
  }
  return report;
}

}  // namespace simplon::offline
