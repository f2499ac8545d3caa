// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Where the cycles of a burst go. Reading the clock between stages costs more than some stages do,
// so a front end measures one burst in many: it puts a profile into WorkerContext::profile before
// process_burst() and takes it out afterwards. Without one process_burst() reads no clock.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace simplon {

// In the order packets pass them. Receive, transmit: the front end's.
enum class Stage : uint8_t {
  kReceive,
  kPlain,  // all there is to do for 6in4 of static tunnels that is in order
  kClassify,
  kAyiyaReceive,
  kResolve,
  kDecap,
  kRoute,
  kWrite,
  kAyiyaSign,
  kTransmit,
};
inline constexpr std::string_view kStageNames[] = {
    "receive", "plain", "classify", "ayiya-receive", "resolve",
    "decap",   "route", "write",    "ayiya-sign",    "transmit"};
inline constexpr std::size_t kStageCount = std::size(kStageNames);

// Of one worker. Its thread.
struct StageProfile {
  struct Entry {
    uint64_t cycles = 0;   // TSC
    uint64_t packets = 0;  // that entered the stage
  };
  std::array<Entry, kStageCount> stages{};

  void add(Stage stage, uint64_t cycles, uint64_t packets) {
    Entry& entry = stages[static_cast<std::size_t>(stage)];
    entry.cycles += cycles;
    entry.packets += packets;
  }
};

}  // namespace simplon
