// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The one place that changes the configuration. Calls queue up; one thread takes what is there,
// makes all their edits on the model, stores them in one transaction with a revision each, and
// tells the publisher. So concurrent changes share one fsync and one snapshot, and a change that
// was answered is durable.

#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/engine/editor.h"
#include "control/events/event_log.h"
#include "control/model/model.h"
#include "control/store/store.h"

namespace simplon::control {

// Adds to transactions what belongs with them.
class CommitHook {
 public:
  CommitHook() = default;
  CommitHook(const CommitHook&) = delete;
  CommitHook& operator=(const CommitHook&) = delete;
  virtual ~CommitHook() = default;
  // The engine's thread, before the transaction; may add to `write`.
  virtual void before_commit(StoreWrite& write) = 0;
  // The engine's thread, after it succeeded.
  virtual void after_commit(const StoreWrite& write) = 0;
};

// Follows what becomes of the model.
class ModelObserver {
 public:
  ModelObserver() = default;
  ModelObserver(const ModelObserver&) = delete;
  ModelObserver& operator=(const ModelObserver&) = delete;
  virtual ~ModelObserver() = default;
  // The engine's thread, with the model held still, after each commit that made revisions.
  virtual void model_changed(const Model& model, const StoreWrite& write) = 0;
};

class Engine {
 public:
  struct Call {
    std::string method;  // for the revision's record
    std::string comment;
    bool validate_only = false;
    uint64_t base_revision = 0;  // if not 0, must be the current one
    // Sees the store, or replaces everything: gets a transaction to itself.
    bool exclusive = false;
    // About how many edits it makes: what shares a transaction with it is chosen by that.
    std::size_t edits = 1;
    // Allowed while an apply awaits confirmation, which it ends.
    bool ends_confirmation = false;
    // Makes the edits; runs on the engine's thread. A failure undoes them.
    std::function<absl::Status(Editor&)> edit;
  };
  struct Outcome {
    uint64_t revision = 0;  // current one after the call
    bool changed = false;   // it made that revision
    // What it changed, if it did, with secrets, and the pools as they were then: what only the
    // caller needs to know of it, it can work out by itself while the engine goes on.
    std::shared_ptr<const RevisionWrite> record;
    std::shared_ptr<const PoolPlan> plan;
  };

  // What a reader may know besides the model.
  struct Info {
    uint64_t revision = 0;
    int64_t revision_unix_ns = 0;
    std::optional<PendingConfirmation> pending;
    std::chrono::nanoseconds store_duration{};  // of the last commit
  };

  Engine(std::unique_ptr<Store> store, EventLog& events);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Before start().
  void set_hook(CommitHook* hook) { hook_ = hook; }
  void set_observer(ModelObserver* observer) { observer_ = observer; }
  // Called on the engine's thread after each commit that made a revision.
  void set_on_commit(std::function<void()> on_commit) { on_commit_ = std::move(on_commit); }

  // Loads the store; an apply whose confirmation did not come in time is rolled back before this
  // returns.
  absl::Status load();
  const Store::State& loaded() const {
    return loaded_;
  }  // without the configuration, which the model took
  void start();
  // Calls still waiting fail with UNAVAILABLE. Idempotent.
  void stop();

  // Thread: any but the engine's.
  absl::StatusOr<Outcome> execute(Call call);
  absl::StatusOr<v1::Revision> confirm(uint64_t revision);
  // Counters only; no revision comes of it. Returns at once.
  void write_later(StoreWrite write);
  // The journal: rows and their segment. Returns at once; written while no call waits, a piece at a
  // time, but some every second. False: too much is waiting, nothing was taken.
  bool write_journal(StoreWrite write);
  // Returns when what was taken so far is written. Not the engine's thread.
  void flush_journal();
  // Grows when rows taken could not be written.
  uint64_t journal_failures() const { return journal_failures_.load(); }
  // What is no configuration; returns when it is durable.
  absl::Status store_now(StoreWrite write);

  // Runs `read(const Model&, const Info&)` with the model held still. Keep it short.
  template <typename Read>
  auto read(Read&& read) const {
    const std::shared_lock lock(model_mutex_);
    return std::forward<Read>(read)(model_, info_);
  }
  uint64_t revision() const { return revision_.load(std::memory_order_acquire); }
  // The newest revision with a change that concerns the dataplane, as far as this process knows.
  // Read after revision(), it is that of this revision or of a later one.
  uint64_t dataplane_revision() const {
    return dataplane_revision_.load(std::memory_order_acquire);
  }

  // The configuration at an older revision, normalised. `current` is the model's. For use inside
  // Call::edit (exclusive) or read(). OUT_OF_RANGE where the log does not reach back that far.
  absl::StatusOr<v1::Config> config_at(const Model& model, uint64_t current, uint64_t revision);

  Store& store() { return *store_; }

 private:
  struct Item {
    Call call;
    std::optional<uint64_t> confirm;  // instead of a call
    std::optional<StoreWrite> write;  // instead of a call
    bool done = false;
    uint64_t saw = 0;  // revision the model was at when it was run
    absl::StatusOr<Outcome> result{absl::UnknownError("not run")};
    std::optional<v1::Revision> revision;  // of a confirmation
  };

  void run();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void submit(Item& item);
  void run_batch(const std::vector<Item*>& batch, std::vector<StoreWrite> later);
  std::optional<StoreWrite> next_journal_piece(bool idle);
  void write_journal_piece(const StoreWrite& piece);
  absl::Status run_item(Item& item, StoreWrite& write, uint64_t& revision);
  absl::Status run_confirm(Item& item, StoreWrite& write);
  absl::Status check_call(const Call& call, uint64_t revision) const;
  absl::Status mark_rolled_back(uint64_t from, uint64_t to, uint64_t by, StoreWrite& write);
  void undo(const StoreWrite& write, bool exclusive);
  void hand_out(const std::vector<Item*>& batch, StoreWrite write);
  void post_changes(std::shared_ptr<const RevisionWrite> record);
  void roll_back_overdue();

  std::unique_ptr<Store> store_;
  EventLog& events_;
  CommitHook* hook_ = nullptr;
  ModelObserver* observer_ = nullptr;
  std::function<void()> on_commit_;
  Store::State loaded_;

  mutable std::shared_mutex model_mutex_;
  Model model_;
  Info info_;
  std::atomic<uint64_t> revision_{0};
  std::atomic<uint64_t> dataplane_revision_{0};

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::condition_variable item_done_;
  std::deque<Item*> queue_;
  std::vector<StoreWrite> later_;
  std::deque<StoreWrite> journal_;
  uint64_t journal_taken_ = 0;  // pieces, ever
  uint64_t journal_done_ = 0;
  std::chrono::steady_clock::time_point journal_written_{};
  std::atomic<uint64_t> journal_failures_{0};
  bool stopping_ = false;
  std::chrono::steady_clock::time_point retry_rollback_{};
  std::thread thread_;
};

}  // namespace simplon::control
