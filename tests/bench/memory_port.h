// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A port whose frames come from memory and whose transmit queue throws away: DPDK's null driver,
// with a receive callback that fills in the frames. Costs a copy of the frame and what the driver's
// buffers cost, like a device whose ring is in memory; nothing is shared between two of them.

#pragma once

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/bench/frame_store.h"

namespace simplon::bench {

// Not to be moved once made.
class MemoryPort {
 public:
  // Every queue below `queue` is there too, and left alone.
  MemoryPort(const std::string& name, uint16_t queue, rte_mempool* pool, const FrameStore& frames)
      : frames_(frames), queue_(queue), device_("net_null_" + name) {
    const auto queues = static_cast<uint16_t>(queue + 1);
    const rte_eth_conf conf{};
    if (rte_eal_hotplug_add("vdev", device_.c_str(), "size=64") != 0 ||
        rte_eth_dev_get_port_by_name(device_.c_str(), &id_) != 0 ||
        rte_eth_dev_configure(id_, queues, queues, &conf) != 0) {
      fail();
    }
    for (uint16_t q = 0; q < queues; ++q) {
      if (rte_eth_rx_queue_setup(id_, q, 1024, 0, nullptr, pool) != 0 ||
          rte_eth_tx_queue_setup(id_, q, 1024, 0, nullptr) != 0) {
        fail();
      }
    }
    callback_ = rte_eth_add_rx_callback(id_, queue, fill, this);
    if (callback_ == nullptr || rte_eth_dev_start(id_) != 0) fail();
  }
  ~MemoryPort() {
    rte_eth_dev_stop(id_);
    // Else the next port of this number would call it.
    rte_eth_remove_rx_callback(id_, queue_, callback_);
    rte_eth_dev_close(id_);
    rte_eal_hotplug_remove("vdev", device_.c_str());
  }
  MemoryPort(const MemoryPort&) = delete;
  MemoryPort& operator=(const MemoryPort&) = delete;

  uint16_t id() const { return id_; }

 private:
  [[noreturn]] static void fail() {
    std::fprintf(stderr, "a null port does not start\n");
    std::exit(1);
  }

  static uint16_t fill(uint16_t, uint16_t, rte_mbuf** mbufs, uint16_t count, uint16_t, void* self) {
    auto& port = *static_cast<MemoryPort*>(self);
    for (uint16_t i = 0; i < count; ++i) {
      const std::size_t n = port.next_;
      if (++port.next_ == port.frames_.size()) port.next_ = 0;
      const uint16_t length = port.frames_.length(n);
      // Of constant lengths: a few moves.
      uint8_t* to = rte_pktmbuf_mtod(mbufs[i], uint8_t*);
      std::memcpy(to, port.frames_.frame(n), 128);
      if (length > 128) std::memcpy(to + 128, port.frames_.frame(n) + 128, 120);
      mbufs[i]->data_len = length;
      mbufs[i]->pkt_len = length;
    }
    return count;
  }

  const FrameStore& frames_;
  const uint16_t queue_;
  const rte_eth_rxtx_callback* callback_ = nullptr;
  std::string device_;
  std::size_t next_ = 0;
  uint16_t id_ = 0;
};

}  // namespace simplon::bench
