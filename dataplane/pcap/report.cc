// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/report.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace simplon::offline {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

bool depends_on_machine(WorkerCounter c) {
  return c == WorkerCounter::kLoops || c == WorkerCounter::kBusyCycles ||
         c == WorkerCounter::kIdleCycles;
}

}  // namespace

std::string counters_report(const OfflinePop& pop) {
  std::vector<std::string> lines;
  const auto add = [&lines](std::string name, uint64_t value) {
    if (value != 0) lines.push_back(std::move(name) + " " + std::to_string(value) + "\n");
  };
  for (std::size_t c = 0; c < kWorkerCounterCount; ++c) {
    if (depends_on_machine(WorkerCounter(c))) continue;
    add("worker " + std::string(kWorkerCounters[c].name), pop.counter(WorkerCounter(c)));
  }
  for (std::size_t r = 0; r < kDropReasonCount; ++r) {
    add("drop " + std::string(kDropReasons[r].name), pop.drops(DropReason(r)));
  }
  const SnapshotView& view = pop.table().snapshot;
  for (uint32_t slot = 0; slot < view.slot_capacity(); ++slot) {
    const TunnelCounters t = pop.tunnel(slot);
    const std::string name = "tunnel T" + std::to_string(view.slot(slot).tunnel_id);
    add(name + " in_packets", t.in_packets);
    add(name + " in_bytes", t.in_bytes);
    add(name + " out_packets", t.out_packets);
    add(name + " out_bytes", t.out_bytes);
  }
  std::sort(lines.begin(), lines.end());
  std::string report;
  for (const std::string& line : lines) report += line;
  return report;
}

std::string format(const Conservation& c) {
  return "rx " + std::to_string(c.rx) + " + originated " + std::to_string(c.originated) +
         " + fragments_made " + std::to_string(c.fragments_made) + " = tx " + std::to_string(c.tx) +
         " + consumed " + std::to_string(c.consumed) + " + drops " + std::to_string(c.drops) +
         " + held " + std::to_string(c.held);
}

void Explainer::remember() {
  for (std::size_t c = 0; c < kWorkerCounterCount; ++c) {
    counters_[c] = pop_.counter(WorkerCounter(c));
  }
  for (std::size_t r = 0; r < kDropReasonCount; ++r) drops_[r] = pop_.drops(DropReason(r));
}

std::string Explainer::tunnel_name(uint32_t slot) const {
  return "T" + std::to_string(pop_.table().snapshot.slot(slot).tunnel_id);
}

std::string Explainer::verdict(const Fate& fate) const {
  std::string text;
  const auto add = [&text](const std::string& part) { text += text.empty() ? part : "; " + part; };
  if (fate.verdict == Verdict::kTransmit) add("forwarded");
  for (std::size_t r = 0; r < kDropReasonCount; ++r) {
    if (pop_.drops(DropReason(r)) == drops_[r]) continue;
    add("dropped as " + std::string(kDropReasons[r].name) + " (" +
        std::string(kDropReasons[r].help) + ")");
  }
  const auto moved = [this](WorkerCounter c) {
    return pop_.counter(c) - counters_[std::size_t(c)];
  };
  // Gauges may also fall, which makes the difference wrap; it is not zero either way.
  struct Told {
    WorkerCounter counter;
    const char* text;
  };
  static constexpr Told kTold[] = {
      {WorkerCounter::kReassembled, "completes a packet that came in fragments"},
      {WorkerCounter::kConsumed, "taken by the PoP"},
      {WorkerCounter::kHeldReassembly, "fragments waiting"},
      {WorkerCounter::kHeldNeighbor, "packets waiting for a link-layer address"},
      {WorkerCounter::kIcmpv6ErrorsSent, "answered with an ICMPv6 error"},
      {WorkerCounter::kIcmpv6ErrorsLimited, "no ICMPv6 error: over the rate limit"},
      {WorkerCounter::kIcmpv6ErrorsNotOwed, "no ICMPv6 error: RFC 4443 2.4(e) forbids it"},
      {WorkerCounter::kIcmpv4ErrorsSent, "answered with an ICMPv4 error"},
      {WorkerCounter::kEchoReplies, "answered with an echo reply"},
      {WorkerCounter::kNeighborAdverts, "answered with an advertisement"},
      {WorkerCounter::kNeighborSolicits, "asks for a link-layer address"},
      {WorkerCounter::kFragmentsMade, "sent in fragments"},
      {WorkerCounter::kBeatsAccepted, "a valid heartbeat"},
      {WorkerCounter::kAyiyaAccepted, "valid AYIYA"},
      {WorkerCounter::kTunnelsUp, "its tunnel comes up"},
      {WorkerCounter::kEndpointMoves, "its tunnel's endpoint moves here"},
      {WorkerCounter::kEndpointsVerified, "its endpoint has shown that it is there"},
      {WorkerCounter::kProbesSent, "the endpoint is probed"},
      {WorkerCounter::kIcmpv4Errors, "an ICMPv4 error about a packet of ours"},
      {WorkerCounter::kEcnUnusual, "unusual ECN combination (RFC 6040)"},
  };
  for (const Told& told : kTold) {
    if (moved(told.counter) == 0) continue;
    const bool gauge = kWorkerCounters[std::size_t(told.counter)].kind == CounterKind::kGauge;
    add((gauge ? std::to_string(pop_.counter(told.counter)) + " " : std::string()) + told.text);
  }
  return text.empty() ? "nothing" : text;
}

std::string Explainer::explain(const Frame& frame, uint64_t number, const std::string& sent) {
  char head[96];
  std::snprintf(head, sizeof(head), "#%llu %llu.%06llu ", static_cast<unsigned long long>(number),
                static_cast<unsigned long long>(frame.time_ns / kSecond),
                static_cast<unsigned long long>(frame.time_ns % kSecond / 1000));
  const Fate fate = pop_.fates().empty() ? Fate{} : pop_.fates()[0];
  std::string line =
      head + pop_.ports()[frame.port].name + " " + std::to_string(frame.bytes.size()) + " bytes";
  if (fate.in_slot != kNoSlot) line += " from " + tunnel_name(fate.in_slot);
  if (fate.out_slot != kNoSlot) line += " to " + tunnel_name(fate.out_slot);
  line += ": " + verdict(fate) + (sent.empty() ? "" : " -> " + sent);
  remember();
  return line;
}

}  // namespace simplon::offline
