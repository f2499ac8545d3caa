// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The durable state of control: the configuration, its revision log with old and new values, an
// unconfirmed apply, the offsets of the counters, and the journal of what the dataplane learned.
// One SQLite file (WAL, synchronous=FULL): what commit() returned OK for survives kill -9 and power
// loss.
//
// Secrets are in two tables of their own and nowhere else in the file: what goes into the other
// tables has them taken out, what load() returns has them put back. secure_delete overwrites what
// is deleted.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/runtime/learned_row.h"
#include "control/store/checkpointer.h"
#include "control/store/credential.h"
#include "control/store/secret_table.h"
#include "control/store/sqlite.h"
#include "control/store/tunnel_table.h"
#include "simplon/v1/common.pb.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// One accepted change with everything that differs.
struct RevisionWrite {
  v1::Revision revision;
  std::vector<v1::Change> changes;
};

// An ApplyConfig that rolls back unless it is confirmed.
struct PendingConfirmation {
  uint64_t revision = 0;  // the one to confirm
  uint64_t restore = 0;   // the one to go back to
  int64_t deadline_unix_ns = 0;
};

// What makes the counters of a tunnel out of the counters of its slot: total = sum over columns +
// offset.
struct CounterRow {
  uint32_t tunnel_id = 0;
  bool unset = false;  // offset not known yet: the tunnel came while no segment was mapped
  std::array<int64_t, 4> offset{};  // in_packets, in_bytes, out_packets, out_bytes
  std::array<uint64_t, 4> last{};   // totals when last saved
  uint32_t last_in_unix = 0;        // second in which in_packets was last seen to grow; 0: never
};

// All that one transaction writes. Configuration tables follow from the changes of `revisions`.
struct StoreWrite {
  std::vector<RevisionWrite> revisions;  // in order, numbers growing
  std::vector<v1::Revision> amended;     // rewritten, same number
  bool set_pending = false;
  std::optional<PendingConfirmation> pending;  // with set_pending; nullopt: nothing pending
  std::vector<CounterRow> counters;            // inserted or replaced
  std::vector<uint32_t> counters_deleted;
  std::optional<uint64_t> counters_instance;  // segment the offsets belong to
  std::vector<std::pair<std::string, uint64_t>>
      archive;  // totals of segments that are gone, by counter name
  std::vector<std::pair<uint32_t, uint8_t>> incarnations;  // slot and its new incarnation
  std::vector<LearnedRow> learned;                         // inserted or replaced, by slot
  std::optional<uint64_t> runtime_instance;                // segment the journal is of
  std::vector<ErrorBaseline> baselines;                    // inserted or replaced
};

class Store {
 public:
  struct State {
    v1::Config config;  // tunnels by id, pools and accounts by name
    uint64_t revision = 0;
    std::optional<PendingConfirmation> pending;
    std::vector<CounterRow> counters;
    uint64_t counters_instance = 0;
    std::vector<std::pair<std::string, uint64_t>> archive;
    std::vector<uint8_t> incarnations;  // by slot; slots beyond the end have 0
    uint64_t runtime_instance = 0;      // segment the journal is of; 0: none
    std::vector<ErrorBaseline> baselines;
  };

  // Revisions kept; older ones are forgotten a few with each commit.
  static constexpr uint64_t kKeepRevisions = 10000;

  // Opens or creates DIRECTORY/simplon.db and locks DIRECTORY against a second control. One that
  // was killed keeps the lock until the kernel has taken its memory apart, with a million tunnels
  // for some seconds: `patience` waits for that.
  static absl::StatusOr<std::unique_ptr<Store>> open(const std::string& directory,
                                                     std::chrono::milliseconds patience = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  absl::StatusOr<State> load();

  // Thread: the engine's only.
  absl::Status commit(const StoreWrite& write);

  // Thread: any. Newest first, numbers below `before` (0: from the newest).
  absl::StatusOr<std::vector<v1::Revision>> revisions(uint64_t before, std::size_t limit);
  // NOT_FOUND where there is none (any more).
  absl::StatusOr<v1::Revision> revision(uint64_t number);
  // Changes of one revision from index `first`.
  absl::StatusOr<std::vector<v1::Change>> changes(uint64_t number, uint64_t first,
                                                  std::size_t limit);
  // The secrets a tunnel had at a revision the log reaches back to.
  absl::StatusOr<Credential> credential_at(uint32_t tunnel_id, uint64_t revision);
  // Account.secret_md5, likewise.
  absl::StatusOr<std::string> account_secret_at(std::string_view account, uint64_t revision);
  // The whole journal, by slot.
  absl::StatusOr<std::vector<LearnedRow>> learned();

 private:
  struct Statements;

  Store() = default;
  absl::Status prepare();
  absl::Status write_revision(const RevisionWrite& write);
  absl::Status write_change(uint64_t number, uint64_t index, const v1::Change& change);
  absl::Status end_change_row(uint64_t number);
  absl::Status write_tunnel(uint64_t number, const v1::Change& change);
  absl::Status write_account(uint64_t number, const v1::Change& change);
  absl::Status write_counters(const StoreWrite& write);
  absl::Status write_runtime(const StoreWrite& write);
  absl::Status forget_old(uint64_t newest);

  int lock_fd_ = -1;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::function<void(int)> log_grown_;
  int log_pages_ = 0;  // of the write-ahead log, after the last commit
  std::optional<Database> writer_;
  std::unique_ptr<Statements> statements_;
  TunnelTable tunnels_;
  SecretTable credentials_;
  SecretTable account_secrets_;
  std::string bytes_;      // of the tunnel or change being written, to allocate once
  bool wipe_log_ = false;  // the write-ahead log may still hold what was deleted
  std::mutex reader_mutex_;
  std::optional<Database> reader_;
};

}  // namespace simplon::control
