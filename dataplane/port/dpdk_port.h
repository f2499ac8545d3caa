// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/net/headers.h"
#include "dataplane/port/rx_checksums.h"
#include "proto/link/link_messages.h"

struct rte_mempool;

namespace simplon {

// One ethdev: opened, configured with a receive and a transmit queue per worker, started. Manager
// thread; workers use the ids only.
class DpdkPort {
 public:
  struct Config {
    std::string name;    // by which interfaces refer to it
    std::string device;  // as the user gave it
    // What EAL calls it: a PCI address probed at start, or a virtual device to be created.
    std::string eal_name;
    std::string eal_arguments;
    bool pci = false;
    uint16_t workers = 1;
    uint16_t rx_descriptors = 1024;
    uint16_t tx_descriptors = 1024;
    bool rss = true;
    bool rx_interrupts = false;  // where the driver has them
    RxChecksums rx_checksums = RxChecksums::kNic;
    uint16_t mtu = 1500;
    rte_mempool* pool = nullptr;
  };

  // Null: `error` says what the user can do.
  static std::unique_ptr<DpdkPort> open(const Config& config, std::string& error);

  // Stops and closes, so that the driver gives back what it took (an XDP program, say).
  ~DpdkPort();
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;

  uint16_t id() const { return id_; }
  const std::string& name() const { return config_.name; }
  const MacAddress& mac() const { return mac_; }
  int numa_node() const { return numa_node_; }

  // The slow path has a transmit queue of its own, numbered after the workers'.
  bool has_slow_path_queue() const { return slow_path_queue_; }
  uint16_t slow_path_queue() const { return config_.workers; }

  // One line for the log: driver, queues, RSS and what was refused.
  const std::string& report() const { return report_; }

  PortStatus status() const;

 private:
  explicit DpdkPort(Config config) : config_(std::move(config)) {}
  bool probe(std::string& error);
  bool asks_for_checksums(uint64_t capabilities) const;
  bool configure(std::string& error);
  void listen_to_groups();

  Config config_;
  uint16_t id_ = 0;
  bool probed_ = false;
  bool started_ = false;
  bool slow_path_queue_ = false;
  int numa_node_ = -1;
  MacAddress mac_{};
  std::string driver_;
  std::string report_;
};

}  // namespace simplon
