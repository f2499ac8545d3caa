// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/mbuf_packet_io.h"

#include <rte_ethdev.h>
#include <rte_ring.h>

#include "dataplane/port/mbuf_adapter.h"

namespace simplon {

bool MbufPacketIo::allocate(Packet& packet) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
  if (mbuf == nullptr) return false;
  to_packet(mbuf, 0, packet);
  return true;
}

void MbufPacketIo::transmit(Packet& packet) {
  rte_mbuf* frame = to_mbuf(packet);
  const Out& out = out_[packet.port];
  if (out.own_queue) {
    const uint32_t length = frame->pkt_len;
    if (rte_eth_tx_burst(out.port_id, out.queue, &frame, 1) == 1) {
      context_.counters.add(WorkerCounter::kTxPackets);
      context_.counters.add(WorkerCounter::kTxBytes, length);
      return;
    }
  } else {
    frame->port = packet.port;
    if (rte_ring_sp_enqueue(hand_over_, frame) == 0) return;
  }
  context_.counters.drop(DropReason::kTxQueueFull);
  rte_pktmbuf_free(frame);
}

void MbufPacketIo::release(Packet& packet) {
  rte_pktmbuf_free(mbuf_of(packet));
}

void MbufPacketIo::update_held() {
  context_.counters.set(WorkerCounter::kHeldTx, rte_ring_count(hand_over_));
}

}  // namespace simplon
