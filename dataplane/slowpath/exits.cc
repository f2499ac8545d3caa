// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/exits.h"

namespace simplon {

void Exits::consume(Packet& packet) {
  counters().add(WorkerCounter::kConsumed);
  io_.release(packet);
}

void Exits::drop(Packet& packet, DropReason reason) {
  packet.verdict = Verdict::kDrop;
  packet.reason = reason;
  counters().drop(reason);
  io_.release(packet);
}

void Exits::finish(const ForwardingTable& table, Packet& packet) {
  switch (packet.verdict) {
    case Verdict::kTransmit:
      io_.transmit(packet);
      return;
    case Verdict::kDrop:
    case Verdict::kConsumed:
      io_.release(packet);
      return;
    case Verdict::kPunt:
      punts_.punted(table, packet);
      return;
    case Verdict::kPending:
      // The pipeline leaves none; if it did, the packet would have no way to go.
      drop(packet, DropReason::kNoRoute);
      return;
  }
}

void Exits::transmit(Packet& packet) {
  packet.verdict = Verdict::kTransmit;
  io_.transmit(packet);
}

bool Exits::originate(Packet& packet) {
  if (!io_.allocate(packet)) return false;
  packet.originated = true;
  counters().add(WorkerCounter::kOriginated);
  return true;
}

void Exits::turn_around(Packet& packet) {
  counters().add(WorkerCounter::kConsumed);
  counters().add(WorkerCounter::kOriginated);
  packet.originated = true;
  packet.verdict = Verdict::kPending;
  packet.in_slot = kNoSlot;
  packet.out_slot = kNoSlot;
}

}  // namespace simplon
