// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/port/rx_checksums.h"
#include "dataplane/worker/idle.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

// --port NAME=DEVICE, taken apart.
struct PortOption {
  std::string name;    // at most 15 characters
  std::string device;  // as given
  bool pci = false;
  std::string eal_name;       // PCI address, or name of a virtual device
  std::string eal_arguments;  // of a virtual device
  std::string interface;      // kernel interface a virtual device needs; empty: none
};

enum class Hugepages : uint8_t { kOn, kOff, kAuto };

struct Options {
  std::vector<PortOption> ports;
  uint16_t workers = 1;
  std::vector<unsigned> worker_cpus;  // empty: chosen
  std::optional<unsigned> main_cpu;   // absent: chosen
  std::string state_directory = "/run/simplon";
  std::string socket;      // default: in the state directory
  uint32_t memory_mb = 0;  // 0: as much as the plan needs
  Hugepages hugepages = Hugepages::kAuto;
  uint32_t max_slots = kMaxSlots;
  uint32_t mbufs = 0;  // 0: by ports, queues and descriptors
  uint16_t burst = 32;
  uint16_t mtu = 1500;  // bytes of IP packet the ports and buffers are made for
  uint16_t rx_descriptors = 1024;
  uint16_t tx_descriptors = 1024;
  bool rss = true;
  RxChecksums rx_checksums = RxChecksums::kNic;
  uint32_t tx_delay_us = 0;      // how long a frame may wait for others to be sent with
  std::optional<IdleMode> idle;  // absent: by what the CPUs are shared with
  std::string log_level = "info";
  bool print_memory_plan = false;
  bool check = false;
  std::vector<std::string> eal;  // after "--": passed on to EAL
};

struct ParseResult {
  std::optional<Options> options;  // absent: print `text` and exit with `exit_code`
  int exit_code = 0;
  std::string text;
};

// Any thread, before EAL.
ParseResult parse_options(int argc, const char* const* argv);

// "0,2-3" as numbers; empty: not such a list.
std::vector<unsigned> parse_cpu_list(const std::string& text);

// Takes NAME=DEVICE apart; false: `error` says what is wrong.
bool parse_port(const std::string& text, unsigned workers, PortOption& port, std::string& error);

}  // namespace simplon
