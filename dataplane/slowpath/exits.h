// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Where packets of the slow path end. Every packet it takes goes through exactly one of these, and
// each of them counts, so that the law of conservation (docs/counters.md) holds. Slow-path thread.

#pragma once

#include "dataplane/pipeline/pipeline.h"
#include "dataplane/slowpath/slow_path.h"

namespace simplon {

// Takes packets of the slow path's own that the pipeline hands back with verdict kPunt.
class PuntHandler {
 public:
  virtual void punted(const ForwardingTable& table, Packet& packet) = 0;

 protected:
  ~PuntHandler() = default;
};

class Exits {
 public:
  // References outlive the object.
  Exits(WorkerContext& context, PacketIo& io, PuntHandler& punts)
      : context_(context), io_(io), punts_(punts) {}

  // It ended here as intended.
  void consume(Packet& packet);
  // Booked on the tunnel concerned, as the pipeline's drops are.
  void drop(Packet& packet, DropReason reason);

  // What is booked on a tunnel though nothing of it is dropped; the packet from `packet.network`.
  void book(uint32_t slot, LedgerNote note, const Packet& packet);

  // By the verdict the pipeline gave; its drops are counted already.
  void finish(const ForwardingTable& table, Packet& packet);

  // A frame complete with its link header, on `packet.port`.
  void transmit(Packet& packet);

  // A new packet of the PoP's own, empty, counted as originated. It must end like any other. False:
  // no buffer is free, nothing is counted.
  bool originate(Packet& packet);

  // The request in this buffer is consumed and the answer that is put in its place originated:
  // forgets where the request came from. Bytes and offsets stay.
  void turn_around(Packet& packet);

  // A buffer for a packet that is counted already.
  bool allocate(Packet& packet) { return io_.allocate(packet); }
  void release(Packet& packet) { io_.release(packet); }

  // The table packets are judged by; set before each piece of work.
  void set_table(const ForwardingTable& table) { table_ = &table; }

  WorkerContext& context() { return context_; }
  WorkerCounters& counters() { return context_.counters; }
  uint64_t now() const { return context_.now_ns; }

 private:
  void book_entry(uint32_t slot, uint8_t reason, const Packet& packet);

  WorkerContext& context_;
  const ForwardingTable* table_ = nullptr;
  PacketIo& io_;
  PuntHandler& punts_;
};

}  // namespace simplon
