// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/exits.h"

#include <algorithm>

namespace simplon {

void Exits::consume(Packet& packet) {
  counters().add(WorkerCounter::kConsumed);
  io_.release(packet);
}

void Exits::drop(Packet& packet, DropReason reason) {
  packet.verdict = Verdict::kDrop;
  packet.reason = reason;
  counters().drop(reason);
  const uint32_t slot = packet.blame != kNoSlot      ? packet.blame
                        : packet.out_slot != kNoSlot ? packet.out_slot
                                                     : packet.in_slot;
  book_entry(slot, static_cast<uint8_t>(reason), packet);
  io_.release(packet);
}

void Exits::book(uint32_t slot, LedgerNote note, const Packet& packet) {
  book_entry(slot, static_cast<uint8_t>(note), packet);
}

void Exits::book_entry(uint32_t slot, uint8_t reason, const Packet& packet) {
  if (table_ == nullptr || slot >= table_->snapshot.slot_capacity()) return;
  const std::size_t begin = std::min(packet.network, packet.length);
  context_.ledger.book({.slot = slot,
                        .incarnation = table_->snapshot.slot(slot).incarnation,
                        .reason = reason,
                        .detail = packet.detail,
                        .packet = {packet.data + begin, packet.length - begin}},
                       context_.time.unix_ns);
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
  packet.blame = kNoSlot;
  packet.detail = 0;
}

}  // namespace simplon
