// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The runtime segment from its owner's side (proto/link/segment_format.h): what was learned about
// dynamic tunnels, and the last events. Manager thread; the table is written by workers and slow
// path, the ring by the slow path.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/state/event_ring.h"
#include "dataplane/state/segment_file.h"
#include "dataplane/state/tunnel_runtime.h"
#include "proto/link/segment_format.h"

namespace simplon {

// CLOCK_BOOTTIME begins anew with each boot.
struct BootTime {
  uint64_t boot_id = 0;
  uint32_t now_s = 0;

  static BootTime read();
};

class RuntimeSegment {
 public:
  using Origin = SegmentFile::Origin;

  static constexpr const char* kFileName = "runtime";

  // Goes on with DIRECTORY/runtime if it has the same layout, after mending what a killed process
  // left unfinished; else moves it aside and creates a new one, with a new instance_id: nothing is
  // known then. Where the machine was booted since, a tunnel that was up has been heard of now.
  static std::optional<RuntimeSegment> open(const std::string& directory, uint32_t slot_capacity,
                                            const BootTime& boot, std::string& error);

  // Bytes of the file, all of them allocated: a beat must not meet a full file system.
  static uint64_t size_of(uint32_t slot_capacity);

  Origin origin() const { return file_.origin(); }
  const std::string& refusal() const { return file_.refusal(); }
  uint64_t instance_id() const { return header().instance_id; }
  // Endpoints forgotten because a process died writing them.
  uint32_t repaired() const { return repaired_; }
  // The machine was booted since it was written.
  bool rebooted() const { return rebooted_; }

  RuntimeTable table() const;
  // One of them, at most.
  EventRing event_ring() const;
  EventReader events() const;

  int read_only_fd() const { return file_.read_only_fd(); }

 private:
  RuntimeSegment() = default;
  RuntimeHeader& header() const { return *reinterpret_cast<RuntimeHeader*>(file_.data()); }
  std::span<TunnelRuntime> records() const;
  std::span<TunnelEvent> ring() const;
  void take_over(const BootTime& boot);

  SegmentFile file_;
  uint32_t repaired_ = 0;
  bool rebooted_ = false;
};

}  // namespace simplon
