// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/link/snapshot_keeper.h"
#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/table/active_table.h"
#include "dataplane/table/generation_gate.h"
#include "proto/link/link_messages.h"

namespace simplon {

// Takes snapshots in: checks, activates, waits out the readers of the one before, keeps a copy for
// the next start. Owns every table. Manager thread.
class Publisher {
 public:
  struct Config {
    std::vector<PortInfo> ports;         // names outlive the object
    uint32_t slot_capacity = kMaxSlots;  // that the counters have room for
    std::size_t reader_count = 0;        // workers and slow path: ids 0..n-1 at the gate
    std::string state_directory;         // empty: nothing is kept
    std::chrono::milliseconds grace_deadline{2000};
  };

  static constexpr const char* kFileName = "snapshot";

  // `active` and `gate` outlive the object. Readers must be gone, or offline, when it is destroyed.
  Publisher(Config config, ActiveTable<ForwardingTable>& active, GenerationGate& gate);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // One or two answers, as proto/link/link_messages.h says. The descriptor remains the caller's.
  using Reply = std::function<void(const PublishStatus&)>;
  void publish(const Publish& message, int fd, const Reply& reply);

  // Activates the snapshot kept by an earlier process, checked like any other. False: there is
  // none, or it was refused (which is logged).
  bool restore();

  // Frees the table of a grace period that had run out of time, once its readers are through.
  // Called now and then.
  void reclaim();

  // Null before the first snapshot.
  const ForwardingTable* table() const { return current_.get(); }
  uint64_t generation() const { return current_ ? current_->snapshot.generation() : 0; }
  uint64_t revision() const { return current_ ? current_->snapshot.revision() : 0; }
  uint64_t activated_unix_ns() const { return activated_unix_ns_; }
  uint64_t last_validate_ns() const { return last_validate_ns_; }
  uint64_t last_grace_ns() const { return last_grace_ns_; }
  uint32_t mapped_snapshots() const { return (current_ ? 1u : 0u) + (retired_ ? 1u : 0u); }
  bool stalled() const { return retired_ != nullptr; }

 private:
  std::unique_ptr<ForwardingTable> open(int fd, bool require_seals, PublishStatus& status);
  bool activate(std::unique_ptr<ForwardingTable> next);
  std::string stalled_readers() const;

  Config config_;
  ActiveTable<ForwardingTable>& active_;
  GenerationGate& gate_;
  SnapshotKeeper keeper_;
  SnapshotMemory memory_;  // of the tables
  std::unique_ptr<ForwardingTable> current_;
  std::unique_ptr<ForwardingTable> retired_;  // set while readers may still hold it
  uint64_t activated_unix_ns_ = 0;
  uint64_t last_validate_ns_ = 0;
  uint64_t last_grace_ns_ = 0;
};

}  // namespace simplon
