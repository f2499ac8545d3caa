// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/engine/engine.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "control/clock.h"
#include "control/config/normalize.h"
#include "control/error/error.h"
#include "control/model/diff.h"
#include "control/model/render.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

using google::protobuf::util::TimeUtil;

// Calls that share one transaction; more wait for the next.
constexpr std::size_t kMaxBatch = 1024;
// As many edits are enough to share an fsync and a snapshot. Those that wait are made while these
// are published and answered.
constexpr std::size_t kEnoughEdits = 30000;
// Rows of the journal a call may have to wait for: some ten milliseconds.
constexpr std::size_t kJournalPiece = 4000;
// Some seconds' worth.
constexpr std::size_t kMaxJournalPieces = 64;
constexpr std::chrono::seconds kJournalPatience{1};

// A change of a tunnel without secrets: may be kept as it is until a watcher wants to see it.
bool is_open(const v1::Change& change) {
  const bool tunnel = change.has_new_() ? change.new_().has_tunnel() : change.old().has_tunnel();
  return tunnel && !has_credential(change.old().tunnel()) &&
         !has_credential(change.new_().tunnel());
}

absl::Status stopping_error() {
  return make_error(absl::StatusCode::kUnavailable, "STOPPING", "control is stopping; try again");
}

}  // namespace

Engine::Engine(std::unique_ptr<Store> store, EventLog& events)
    : store_(std::move(store)), events_(events) {}

Engine::~Engine() {
  stop();
}

absl::Status Engine::load() {
  auto state = store_->load();
  if (!state.ok()) return state.status();
  loaded_ = *std::move(state);
  model_.load(std::move(loaded_.config), std::move(loaded_.incarnations));
  loaded_.config = {};
  loaded_.incarnations = {};
  info_.revision = loaded_.revision;
  info_.pending = loaded_.pending;
  revision_ = loaded_.revision;
  dataplane_revision_ = loaded_.revision;
  if (loaded_.revision != 0) {
    auto newest = store_->revision(loaded_.revision);
    if (!newest.ok()) return newest.status();
    info_.revision_unix_ns = TimeUtil::TimestampToNanoseconds(newest->create_time());
  }
  if (info_.pending && info_.pending->deadline_unix_ns <= unix_now_ns()) {
    roll_back_overdue();
    if (info_.pending) {
      return absl::InternalError("the unconfirmed revision could not be rolled back; see the log");
    }
  }
  return absl::OkStatus();
}

void Engine::start() {
  thread_ = std::thread([this] { run(); });
}

void Engine::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Engine::submit(Item& item) {
  std::unique_lock lock(queue_mutex_);
  if (stopping_) {
    item.result = stopping_error();
    return;
  }
  queue_.push_back(&item);
  queue_changed_.notify_one();
  item_done_.wait(lock, [&] { return item.done; });
}

absl::StatusOr<Engine::Outcome> Engine::execute(Call call) {
  Item item;
  item.call = std::move(call);
  submit(item);
  return item.result;
}

absl::StatusOr<v1::Revision> Engine::confirm(uint64_t revision) {
  Item item;
  item.call.method = "ConfirmConfig";
  item.call.exclusive = true;
  item.confirm = revision;
  submit(item);
  if (!item.result.ok()) return item.result.status();
  return *item.revision;
}

void Engine::write_later(StoreWrite write) {
  {
    const std::lock_guard lock(queue_mutex_);
    later_.push_back(std::move(write));
  }
  queue_changed_.notify_one();
}

bool Engine::write_journal(StoreWrite write) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (journal_.size() >= kMaxJournalPieces) return false;
    // The segment is named with the last piece: until then the rows of the one before count.
    for (std::size_t first = 0; first < write.learned.size(); first += kJournalPiece) {
      const std::size_t last = std::min(first + kJournalPiece, write.learned.size());
      ++journal_taken_;
      StoreWrite& piece = journal_.emplace_back();
      piece.learned.assign(write.learned.begin() + std::ptrdiff_t(first),
                           write.learned.begin() + std::ptrdiff_t(last));
    }
    if (write.runtime_instance) {
      ++journal_taken_;
      journal_.emplace_back().runtime_instance = write.runtime_instance;
    }
  }
  queue_changed_.notify_one();
  return true;
}

void Engine::flush_journal() {
  std::unique_lock lock(queue_mutex_);
  const uint64_t taken = journal_taken_;
  item_done_.wait(lock, [&] { return journal_done_ >= taken || stopping_; });
}

absl::Status Engine::store_now(StoreWrite write) {
  Item item;
  item.write = std::move(write);
  submit(item);
  return item.result.status();
}

// With queue_mutex_ held.
std::optional<StoreWrite> Engine::next_journal_piece(bool idle) {
  if (journal_.empty()) return std::nullopt;
  const auto now = std::chrono::steady_clock::now();
  if (!idle && !stopping_ && now - journal_written_ < kJournalPatience) return std::nullopt;
  journal_written_ = now;
  StoreWrite piece = std::move(journal_.front());
  journal_.pop_front();
  return piece;
}

void Engine::write_journal_piece(const StoreWrite& piece) {
  const auto status = store_->commit(piece);
  if (status.ok()) return;
  if (journal_failures_.fetch_add(1) == 0) {
    spdlog::error("event=journal_failed error=\"{}\"", to_string(status.message()));
  }
}

void Engine::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto ready = [&] {
    return stopping_ || !queue_.empty() || !later_.empty() || !journal_.empty();
  };
  // Only this thread writes info_, so it may read it without the model's lock.
  if (!info_.pending) {
    queue_changed_.wait(lock, ready);
    return;
  }
  // The deadline is wall-clock time, which may be set meanwhile: look again every second.
  auto left = std::chrono::nanoseconds(info_.pending->deadline_unix_ns - unix_now_ns());
  left =
      std::max<std::chrono::nanoseconds>(left, retry_rollback_ - std::chrono::steady_clock::now());
  const auto most = std::chrono::nanoseconds(std::chrono::seconds(1));
  queue_changed_.wait_for(lock, std::clamp(left, std::chrono::nanoseconds(0), most), ready);
}

void Engine::run() {
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    wait_for_work(lock);
    std::vector<Item*> batch;
    std::size_t edits = 0;
    while (!stopping_ && !queue_.empty() && batch.size() < kMaxBatch && edits < kEnoughEdits) {
      const bool exclusive = queue_.front()->call.exclusive;
      if (exclusive && !batch.empty()) break;
      edits += queue_.front()->call.edits;
      batch.push_back(queue_.front());
      queue_.pop_front();
      if (exclusive) break;
    }
    std::vector<StoreWrite> later = std::exchange(later_, {});
    const auto journal = next_journal_piece(batch.empty());
    lock.unlock();
    if (info_.pending && info_.pending->deadline_unix_ns <= unix_now_ns()) roll_back_overdue();
    if (!batch.empty() || !later.empty()) run_batch(batch, std::move(later));
    if (journal) write_journal_piece(*journal);
    lock.lock();
    journal_done_ += journal.has_value();
    for (Item* item : batch) item->done = true;
    if (stopping_) {
      for (Item* item : queue_) {
        item->result = stopping_error();
        item->done = true;
      }
      queue_.clear();
    }
    item_done_.notify_all();
    if (stopping_ && later_.empty() && journal_.empty()) return;
  }
}

absl::Status Engine::check_call(const Call& call, uint64_t revision) const {
  if (call.base_revision != 0 && call.base_revision != revision) {
    return make_error(absl::StatusCode::kAborted, "BASE_REVISION_MISMATCH",
                      fmt::format("the current revision is {}, not {}; read it and decide again",
                                  revision, call.base_revision),
                      {{"revision", std::to_string(revision)}});
  }
  if (info_.pending && !call.ends_confirmation && !call.validate_only) {
    return make_error(absl::StatusCode::kFailedPrecondition, "CONFIRMATION_PENDING",
                      fmt::format("revision {} awaits confirmation; confirm it or roll back first",
                                  info_.pending->revision),
                      {{"revision", std::to_string(info_.pending->revision)}});
  }
  return absl::OkStatus();
}

absl::Status Engine::mark_rolled_back(uint64_t from, uint64_t to, uint64_t by, StoreWrite& write) {
  for (uint64_t number = from; number <= to; ++number) {
    auto revision = store_->revision(number);
    if (!revision.ok()) return revision.status();
    revision->set_state(v1::Revision::ROLLED_BACK);
    revision->clear_confirm_deadline();
    revision->set_superseded_by(by);
    write.amended.push_back(*std::move(revision));
  }
  return absl::OkStatus();
}

absl::Status Engine::run_confirm(Item& item, StoreWrite& write) {
  if (!info_.pending || (*item.confirm != 0 && *item.confirm != info_.pending->revision)) {
    return make_error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_CONFIRM",
                      *item.confirm == 0
                          ? "no revision awaits confirmation"
                          : fmt::format("revision {} does not await confirmation", *item.confirm));
  }
  auto revision = store_->revision(info_.pending->revision);
  if (!revision.ok()) return revision.status();
  revision->set_state(v1::Revision::COMMITTED);
  revision->clear_confirm_deadline();
  write.amended.push_back(*revision);
  write.set_pending = true;
  write.pending.reset();
  item.revision = *std::move(revision);
  return absl::OkStatus();
}

absl::Status Engine::run_item(Item& item, StoreWrite& write, uint64_t& revision) {
  if (item.confirm) return run_confirm(item, write);
  if (item.write) {
    std::ranges::move(item.write->baselines, std::back_inserter(write.baselines));
    return absl::OkStatus();
  }
  const Call& call = item.call;
  if (auto status = check_call(call, revision); !status.ok()) return status;
  Editor editor(model_, revision, info_.pending);
  if (auto status = call.edit(editor); !status.ok()) {
    editor.undo();
    return status;
  }
  if (call.validate_only || editor.changes().empty()) {
    editor.undo();
    return absl::OkStatus();
  }
  RevisionWrite record;
  v1::Revision& r = record.revision;
  r.set_number(revision + 1);
  r.set_name(fmt::format("revisions/{}", r.number()));
  *r.mutable_create_time() = timestamp_now();
  r.set_method(call.method);
  r.set_comment(call.comment);
  r.set_state(v1::Revision::COMMITTED);
  count_changes(editor.changes(), r);
  if (editor.rollback_to) {
    r.set_rollback_to(*editor.rollback_to);
    auto status = mark_rolled_back(*editor.rollback_to + 1, revision, r.number(), write);
    if (!status.ok()) {
      write.amended.clear();
      editor.undo();
      return status;
    }
  }
  if (info_.pending && call.ends_confirmation) {
    write.set_pending = true;
    write.pending.reset();
  }
  if (editor.confirm_deadline_unix_ns) {
    r.set_state(v1::Revision::AWAITING_CONFIRMATION);
    *r.mutable_confirm_deadline() = timestamp(*editor.confirm_deadline_unix_ns);
    write.set_pending = true;
    write.pending = PendingConfirmation{r.number(), revision, *editor.confirm_deadline_unix_ns};
  }
  for (const uint32_t slot : editor.renewed_slots()) {
    write.incarnations.emplace_back(slot, model_.incarnation(slot));
  }
  item.result = Outcome{r.number(), true, nullptr, nullptr};
  ++revision;
  record.changes = editor.take_changes();
  write.revisions.push_back(std::move(record));
  return absl::OkStatus();
}

void Engine::run_batch(const std::vector<Item*>& batch, std::vector<StoreWrite> later) {
  const std::unique_lock lock(model_mutex_);
  StoreWrite write;
  uint64_t revision = info_.revision;
  for (Item* item : batch) {
    item->saw = revision;
    item->result = Outcome{revision, false, nullptr, nullptr};
    if (auto status = run_item(*item, write, revision); !status.ok()) item->result = status;
  }
  for (StoreWrite& w : later) {
    std::ranges::move(w.counters, std::back_inserter(write.counters));
    std::ranges::move(w.counters_deleted, std::back_inserter(write.counters_deleted));
    std::ranges::move(w.archive, std::back_inserter(write.archive));
    if (w.counters_instance) write.counters_instance = w.counters_instance;
  }
  if (write.revisions.empty() && write.amended.empty() && write.baselines.empty() &&
      later.empty()) {
    return;
  }
  if (hook_ != nullptr) hook_->before_commit(write);
  const auto start = std::chrono::steady_clock::now();
  if (auto status = store_->commit(write); !status.ok()) {
    spdlog::error("event=commit_failed revisions={} error=\"{}\"", write.revisions.size(),
                  to_string(status.message()));
    undo(write, !batch.empty() && batch.front()->call.exclusive);
    for (Item* item : batch) {
      // Also who found done what he asked for, or was refused, by a change that is undone again.
      const bool wrote =
          item->result.ok() && (item->result->changed || item->confirm || item->write);
      if (!wrote && item->saw == info_.revision) continue;
      item->result = make_error(status.code(), "STORE_FAILED", to_string(status.message()));
    }
    return;
  }
  if (hook_ != nullptr) hook_->after_commit(write);
  if (write.set_pending) info_.pending = write.pending;
  if (!write.revisions.empty()) {
    info_.revision = revision;
    info_.revision_unix_ns =
        TimeUtil::TimestampToNanoseconds(write.revisions.back().revision.create_time());
    info_.store_duration = std::chrono::steady_clock::now() - start;
    for (const RevisionWrite& record : write.revisions) {
      if (!std::ranges::any_of(record.changes, concerns_dataplane)) continue;
      // Before revision_: pairs with the acquire in dataplane_revision().
      dataplane_revision_.store(record.revision.number(), std::memory_order_release);
    }
    // Pairs with the acquire in revision().
    revision_.store(revision, std::memory_order_release);
  }
  const bool news = !write.revisions.empty();
  if (news && observer_ != nullptr) observer_->model_changed(model_, write);
  hand_out(batch, std::move(write));
  if (news && on_commit_) on_commit_();
}

void Engine::undo(const StoreWrite& write, bool exclusive) {
  for (auto it = write.revisions.rbegin(); it != write.revisions.rend(); ++it) {
    const std::span<const v1::Change> changes(it->changes);
    // A replacement was one step; other calls made their edits one by one.
    if (exclusive) {
      model_.revert(changes);
      continue;
    }
    for (std::size_t i = changes.size(); i-- > 0;) model_.revert(changes.subspan(i, 1));
  }
}

// What was committed goes to the watchers and to those who asked for it.
void Engine::hand_out(const std::vector<Item*>& batch, StoreWrite write) {
  const auto post_revision = [&](const v1::Revision& revision) {
    v1::WatchResponse event;
    event.set_revision(info_.revision);
    *event.mutable_revision_event() = revision;
    events_.append(std::move(event));
  };
  auto item = batch.begin();
  for (RevisionWrite& revision : write.revisions) {
    const auto record = std::make_shared<const RevisionWrite>(std::move(revision));
    const v1::Revision& r = record->revision;
    post_changes(record);
    post_revision(r);
    spdlog::info("event=revision revision={} method={} created={} updated={} deleted={}",
                 r.number(), r.method(), r.created(), r.updated(), r.deleted());
    // Revisions are in the order of the calls that made them.
    while (!(*item)->result.ok() || !(*item)->result->changed) ++item;
    (*item)->result->record = record;
    (*item++)->result->plan = model_.shared_plan();
  }
  for (const v1::Revision& revision : write.amended) post_revision(revision);
}

void Engine::post_changes(std::shared_ptr<const RevisionWrite> record) {
  const std::size_t count = record->changes.size();
  if (count >= EventLog::kCapacity) {
    events_.skip(count);
    return;
  }
  const auto event_of = [](uint64_t revision, v1::Change change) {
    v1::WatchResponse event;
    event.set_revision(revision);
    *event.mutable_change() = std::move(change);
    return event;
  };
  if (std::ranges::all_of(record->changes, is_open)) {
    events_.append(
        count, [event_of, plan = model_.shared_plan(), record = std::move(record)](std::size_t i) {
          return event_of(record->revision.number(), render_tunnels(*plan, record->changes[i]));
        });
    return;
  }
  for (const v1::Change& change : record->changes) {
    events_.append(event_of(record->revision.number(), render(model_, change)));
  }
}

void Engine::roll_back_overdue() {
  if (std::chrono::steady_clock::now() < retry_rollback_) return;
  const PendingConfirmation pending = *info_.pending;
  Item item;
  item.call.method = "ConfirmTimeout";
  item.call.comment = fmt::format("revision {} was not confirmed", pending.revision);
  item.call.exclusive = true;
  item.call.ends_confirmation = true;
  item.call.edit = [&](Editor& editor) {
    auto config = config_at(editor.model(), editor.revision(), pending.restore);
    if (!config.ok()) return config.status();
    editor.rollback_to = pending.restore;
    return editor.replace(*std::move(config));
  };
  spdlog::warn("event=confirm_timeout revision={} restore={}", pending.revision, pending.restore);
  run_batch({&item}, {});
  if (item.result.ok()) return;
  spdlog::error("event=rollback_failed revision={} error=\"{}\"", pending.revision,
                to_string(item.result.status().message()));
  retry_rollback_ = std::chrono::steady_clock::now() + std::chrono::seconds(5);
}

absl::StatusOr<v1::Config> Engine::config_at(const Model& model, uint64_t current,
                                             uint64_t revision) {
  if (revision > current) {
    return make_error(
        absl::StatusCode::kOutOfRange, "REVISION_NOT_FOUND",
        fmt::format("there is no revision {}; the current one is {}", revision, current));
  }
  v1::Config config = model.config();
  if (revision != current) {
    std::unordered_map<std::string, v1::Resource> changed;  // by name; no kind: not there
    for (uint64_t number = current; number > revision; --number) {
      if (auto known = store_->revision(number); !known.ok()) {
        return make_error(absl::StatusCode::kOutOfRange, "REVISION_NOT_FOUND",
                          fmt::format("the log does not reach back to revision {}", revision));
      }
      auto changes = store_->changes(number, 0, std::numeric_limits<int32_t>::max());
      if (!changes.ok()) return changes.status();
      for (auto it = changes->rbegin(); it != changes->rend(); ++it) {
        changed[it->name()] = std::move(*it->mutable_old());
      }
    }
    for (auto& [name, resource] : changed) {
      // The log has no secrets.
      if (resource.has_account() && resource.account().has_secret()) {
        const auto secret = store_->account_secret_at(resource.account().name(), revision);
        if (!secret.ok()) return secret.status();
        set_account_secret(*resource.mutable_account(), *secret);
      }
      const v1::Tunnel& tunnel = resource.tunnel();
      if (!tunnel.has_password() && !tunnel.has_update_key()) continue;
      const auto credential = store_->credential_at(tunnel.id(), revision);
      if (!credential.ok()) return credential.status();
      set_credential(*resource.mutable_tunnel(), *credential);
    }
    v1::Config old;
    const auto take = [&](const std::string& name, auto& resource, auto add) {
      if (!changed.contains(name)) add(resource);
    };
    if (config.has_pop()) {
      take(std::string(kPopName), config.pop(), [&](const v1::Pop& p) { *old.mutable_pop() = p; });
    }
    for (v1::Pool& pool : *config.mutable_pools()) {
      take(pool_name(pool.name()), pool, [&](v1::Pool& p) { *old.add_pools() = std::move(p); });
    }
    for (v1::Account& account : *config.mutable_accounts()) {
      take(account_name(account.name()), account,
           [&](v1::Account& a) { *old.add_accounts() = std::move(a); });
    }
    for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
      take(tunnel_name(tunnel.id()), tunnel,
           [&](v1::Tunnel& t) { *old.add_tunnels() = std::move(t); });
    }
    for (auto& [name, resource] : changed) {
      if (resource.has_pop()) *old.mutable_pop() = std::move(*resource.mutable_pop());
      if (resource.has_pool()) *old.add_pools() = std::move(*resource.mutable_pool());
      if (resource.has_account()) {
        *old.add_accounts() = std::move(*resource.mutable_account());
      }
      if (resource.has_tunnel()) *old.add_tunnels() = std::move(*resource.mutable_tunnel());
    }
    config = std::move(old);
  }
  normalize(config);
  return config;
}

}  // namespace simplon::control
