// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/runtime_book.h"

#include <absl/container/flat_hash_set.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "control/clock.h"
#include "control/config/secret.h"
#include "control/model/render.h"
#include "control/runtime/seed_file.h"
#include "control/runtime/tunnel_event.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{20};
constexpr std::chrono::seconds kJournalEvery{1};
constexpr std::size_t kEventBatch = 256;
// Counting a million slots takes some ten milliseconds.
constexpr std::size_t kManySlots = 20000;
constexpr milliseconds kCountsAge{500};
constexpr int64_t kSecondNs = 1'000'000'000;

uint64_t baseline_key(uint32_t tunnel_id, uint8_t reason) {
  return uint64_t{tunnel_id} << 8 | reason;
}

int64_t unix_of(uint32_t last_seen_s, int64_t now_ns) {
  if (last_seen_s == 0) return 0;
  // Signed: it may lie before the boot, and a hair in the future.
  return now_ns / kSecondNs - int32_t(boot_second_at(now_ns) - last_seen_s);
}

Carrier carrier_of(const v1::Tunnel& tunnel) {
  switch (tunnel.type()) {
    case v1::Tunnel::AYIYA:
      return Carrier::kAyiya;
    case v1::Tunnel::DYNAMIC_ENDPOINT:
      return tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT ? Carrier::kDirect : Carrier::kAyiya;
    case v1::Tunnel::GRE:
      return Carrier::kGre;
    default:
      return Carrier::kDirect;
  }
}

}  // namespace

RuntimeBook::RuntimeBook(Engine& engine, const CounterBook& counters, EventLog& events)
    : engine_(engine), counters_(counters), events_(events) {
  const Store::State& state = engine_.loaded();
  journal_instance_ = state.runtime_instance;
  for (const ErrorBaseline& b : state.baselines)
    baselines_[baseline_key(b.tunnel_id, b.reason)] = b;
  engine_.read([&](const Model& model, const Engine::Info&) {
    take_settings(model);
    for (const v1::Tunnel& tunnel : model.config().tunnels()) set_tunnel(model, tunnel, 0);
  });
  const auto rows = engine_.store().learned();
  if (!rows.ok()) {
    spdlog::error("event=journal_unreadable error=\"{}\"", to_string(rows.status().message()));
    return;
  }
  for (const LearnedRow& row : *rows) {
    if (row.slot >= slots_.size()) continue;
    Entry& entry = slots_[row.slot];
    if (entry.note.tunnel_id != row.tunnel_id || entry.note.incarnation != row.incarnation)
      continue;
    entry.note.up = (row.flags & kLearnedUp) != 0;
    entry.note.flapping = (row.flags & kLearnedFlapping) != 0;
    entry.note.moves = row.moves;
    entry.note.change_unix_ns = row.change_unix_ns;
    entry.note.up_in_packets = row.up_in_packets;
    entry.word = kUnwritten;
  }
}

RuntimeBook::~RuntimeBook() {
  stop();
}

void RuntimeBook::start() {
  thread_ = std::thread([this] { run(); });
}

void RuntimeBook::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  stopped_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  keep_journal(true);
}

void RuntimeBook::run() {
  std::unique_lock lock(mutex_);
  auto journal_at = std::chrono::steady_clock::now() + kJournalEvery;
  while (!stopped_.wait_for(lock, kLook, [&] { return stopping_; })) {
    lock.unlock();
    read_events();
    if (const auto now = std::chrono::steady_clock::now(); now >= journal_at) {
      journal_at = now + kJournalEvery;
      keep_journal(false);
    }
    lock.lock();
  }
}

// ---- What the configuration says.

void RuntimeBook::take_settings(const Model& model) {
  const PopRecord& pop = model.context().pop();
  local_count_ = std::min<uint32_t>(pop.local_address_count, kMaxLocalAddresses);
  for (uint32_t i = 0; i < local_count_; ++i) {
    locals_[i] = Ipv6Address::from_bytes(pop.local_addresses[i]);
  }
}

void RuntimeBook::set_tunnel(const Model& model, const v1::Tunnel& tunnel, int64_t now_ns) {
  const uint32_t slot = tunnel.slot();
  if (slot >= slots_.size()) slots_.resize(std::size_t{slot} + 1);
  Entry& entry = slots_[slot];
  const uint8_t incarnation = model.incarnation(slot);
  if (entry.note.tunnel_id != tunnel.id() || entry.note.incarnation != incarnation) {
    clear_slot(slot);
    entry.note.tunnel_id = tunnel.id();
    entry.note.incarnation = incarnation;
    entry.note.change_unix_ns = now_ns;
  }
  const bool dynamic = is_dynamic_type(tunnel.type());
  dynamic_count_ += std::size_t(dynamic) - std::size_t(entry.note.dynamic);
  entry.note.dynamic = dynamic;
  entry.note.carrier = carrier_of(tunnel);
  const bool enabled = tunnel.admin_state() != v1::Tunnel::DISABLED;
  if (entry.note.enabled != enabled && now_ns != 0) entry.note.change_unix_ns = now_ns;
  entry.note.enabled = enabled;
}

void RuntimeBook::clear_slot(uint32_t slot) {
  if (slot >= slots_.size()) return;
  dynamic_count_ -= std::size_t(slots_[slot].note.dynamic);
  slots_[slot] = {};
}

void RuntimeBook::model_changed(const Model& model, const StoreWrite& write) {
  const int64_t now = unix_now_ns();
  const std::lock_guard lock(mutex_);
  take_settings(model);
  counted_ = {};
  absl::flat_hash_set<uint32_t> deleted;
  for (const RevisionWrite& revision : write.revisions) {
    for (const v1::Change& change : revision.changes) {
      const v1::Tunnel& old = change.old().tunnel();
      const v1::Tunnel& next = change.new_().tunnel();
      // The model has the outcome of all of them: a slot may have passed on by now.
      if (old.id() != 0 && model.at_slot(old.slot()) == nullptr) clear_slot(old.slot());
      if (old.id() != 0 && next.id() == 0) deleted.insert(old.id());
      if (next.id() == 0) continue;
      const v1::Tunnel* present = model.at_slot(next.slot());
      if (present != nullptr) set_tunnel(model, *present, now);
    }
  }
  if (deleted.empty()) return;
  absl::erase_if(baselines_,
                 [&](const auto& item) { return deleted.contains(item.second.tunnel_id); });
}

// ---- The dataplane's segments.

void RuntimeBook::attach(std::shared_ptr<const RuntimeReader> runtime,
                         std::shared_ptr<const LedgerReader> ledger) {
  const std::lock_guard lock(mutex_);
  const bool same = runtime_ != nullptr && runtime_->instance_id() == runtime->instance_id();
  // What happened before control looked is no news: it is in the state.
  if (!same) next_event_after_ = runtime->events().newest();
  runtime_ = std::move(runtime);
  ledger_ = std::move(ledger);
  counted_ = {};
  // The rows may be of an earlier boot, whose clock was another.
  for (Entry& entry : slots_) {
    if (entry.word != 0) entry.word = kUnwritten;
  }
}

std::shared_ptr<const RuntimeReader> RuntimeBook::runtime() const {
  const std::lock_guard lock(mutex_);
  return runtime_;
}

std::shared_ptr<const LedgerReader> RuntimeBook::ledger() const {
  const std::lock_guard lock(mutex_);
  return ledger_;
}

// With mutex_ held.
bool RuntimeBook::follows_journal() const {
  return runtime_ != nullptr && runtime_->instance_id() == journal_instance_;
}

uint64_t RuntimeBook::present_word(uint32_t slot, const Entry& entry) const {
  const uint64_t word = runtime_->word(slot);
  return endpoint_word::incarnation(word) == entry.note.incarnation ? word : 0;
}

// ---- Events.

void RuntimeBook::read_events() {
  std::array<TunnelEvent, kEventBatch> batch;
  const std::lock_guard lock(mutex_);
  if (runtime_ == nullptr) return;
  for (;;) {
    const auto result = runtime_->events().read_after(next_event_after_, batch);
    if (result.lost != 0) events_.skip(result.lost);
    for (std::size_t i = 0; i < result.count; ++i) take_event(batch[i]);
    next_event_after_ = std::max(next_event_after_, result.last);
    if (result.count < batch.size()) return;
  }
}

void RuntimeBook::take_event(const TunnelEvent& event) {
  v1::WatchResponse out;
  out.set_revision(engine_.revision());
  v1::WatchResponse::TunnelEvent& tunnel_event = *out.mutable_tunnel_event();
  if (!print_tunnel_event(event, tunnel_event)) return;  // of a release to come
  const auto kind = TunnelEventKind(event.kind);
  if (kind == TunnelEventKind::kClockStep) {
    clock_step_ = {int32_t(event.count), int64_t(event.unix_ns)};
  }
  if (event.slot != kNoSlot) {
    if (event.slot >= slots_.size()) return;
    Entry& entry = slots_[event.slot];
    Note& note = entry.note;
    // The tunnel it was about is gone.
    if (note.tunnel_id == 0 || note.incarnation != event.incarnation) return;
    tunnel_event.set_name(tunnel_name(note.tunnel_id));
    const auto time = int64_t(event.unix_ns);
    if (kind == TunnelEventKind::kUp) set_up(entry, event.slot, true, time);
    if (kind == TunnelEventKind::kDown) set_up(entry, event.slot, false, time);
    if (kind == TunnelEventKind::kMoved) ++note.moves;
    if (kind == TunnelEventKind::kSettled) note.moves += event.count;
    if (kind == TunnelEventKind::kFlapping) note.flapping = true;
    if (kind == TunnelEventKind::kSettled) note.flapping = false;
  }
  events_.append(std::move(out));
}

void RuntimeBook::set_up(Entry& entry, uint32_t slot, bool up, int64_t unix_ns) {
  if (entry.note.up == up) return;
  entry.note.up = up;
  entry.note.change_unix_ns = unix_ns;
  if (up) entry.note.up_in_packets = counters_.total(entry.note.tunnel_id, slot)[0];
}

// ---- The journal.

uint32_t RuntimeBook::journal_interval_s(std::size_t dynamic_tunnels) {
  // One round, a second for the clock's edge and one for the transaction.
  return uint32_t((dynamic_tunnels + kJournaledPerSecond - 1) / kJournaledPerSecond) + 2;
}

LearnedRow RuntimeBook::make_row(uint32_t slot, Entry& entry, int64_t now_ns) {
  const auto learned = runtime_->learned(slot, entry.note.incarnation);
  LearnedRow row;
  row.slot = slot;
  row.tunnel_id = entry.note.tunnel_id;
  row.incarnation = entry.note.incarnation;
  row.transport = uint8_t(learned.endpoint.transport);
  row.flags = uint8_t((learned.endpoint.up ? kLearnedUp : 0) |
                      (learned.endpoint.verified ? kLearnedVerified : 0) |
                      (learned.endpoint.previous_secret ? kLearnedPreviousSecret : 0) |
                      (entry.note.flapping ? kLearnedFlapping : 0));
  row.port = learned.endpoint.port;
  std::memcpy(row.address, learned.endpoint.address.bytes.data(), sizeof row.address);
  if (learned.endpoint.known() && learned.endpoint.local_index < local_count_) {
    const auto& local = locals_[learned.endpoint.local_index];
    std::memcpy(row.local_address, local.bytes.data(), sizeof row.local_address);
  }
  row.highest_epoch = learned.highest_epoch;
  row.moves = entry.note.moves;
  row.last_seen_unix = unix_of(learned.last_seen_s, now_ns);
  row.written_unix = now_ns / kSecondNs;
  row.change_unix_ns = entry.note.change_unix_ns;
  row.up_in_packets = entry.note.up_in_packets;
  entry.word = learned.word;
  entry.epoch = learned.highest_epoch;
  entry.last_seen_s = learned.last_seen_s;
  return row;
}

// What differs from the journal goes there: `all`, or this second's share. False: it has to wait.
bool RuntimeBook::keep_journal(bool all) {
  StoreWrite write;
  const int64_t now = unix_now_ns();
  std::unique_lock lock(mutex_);
  if (runtime_ == nullptr) return true;
  const uint64_t failures = engine_.journal_failures();
  if (std::exchange(failures_seen_, failures) != failures) {
    for (Entry& entry : slots_) entry.word = kUnwritten;
  }
  const bool journals = follows_journal();
  std::size_t share = 0;
  uint32_t next = 0;
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    Entry& entry = slots_[slot];
    if (!entry.note.dynamic) continue;
    const uint64_t word = present_word(slot, entry);
    if (endpoint_word::is_busy(word)) continue;
    const bool up = endpoint_word::is_up(word);
    // Its event was lost, or came before control did. Before seeding "down" is ignorance.
    if (up != entry.note.up && (journals || up)) set_up(entry, slot, up, now);
    if (!journals) continue;
    bool differs = word != entry.word;
    if (slot >= scan_from_ && (all || share < kJournaledPerSecond)) {
      ++share;
      next = slot + 1;
      const auto learned = runtime_->learned(slot, entry.note.incarnation);
      differs |= learned.highest_epoch != entry.epoch || learned.last_seen_s != entry.last_seen_s;
    }
    if (differs) write.learned.push_back(make_row(slot, entry, now));
  }
  scan_from_ = share < kJournaledPerSecond ? 0 : next;
  lock.unlock();
  if (write.learned.empty() || engine_.write_journal(write)) return true;
  lock.lock();
  for (const LearnedRow& row : write.learned) {
    if (row.slot < slots_.size()) slots_[row.slot].word = kUnwritten;
  }
  return false;
}

// ---- Seeding.

bool RuntimeBook::needs_seed() const {
  const std::lock_guard lock(mutex_);
  return runtime_ != nullptr && !follows_journal();
}

absl::StatusOr<RuntimeBook::SeedFile> RuntimeBook::make_seed() {
  engine_.flush_journal();
  const auto rows = engine_.store().learned();
  if (!rows.ok()) return rows.status();
  std::vector<SeedRecord> records;
  {
    const std::lock_guard lock(mutex_);
    const uint32_t interval = journal_interval_s(dynamic_count_);
    const int64_t now = unix_now_ns() / kSecondNs;
    for (const LearnedRow& row : *rows) {
      if (row.slot >= slots_.size()) continue;
      const Note& note = slots_[row.slot].note;
      if (!note.dynamic || note.tunnel_id != row.tunnel_id || note.incarnation != row.incarnation) {
        continue;
      }
      if (const auto record = make_seed_record(row, now, interval)) records.push_back(*record);
    }
  }
  SeedFile file;
  file.count = records.size();
  auto fd = make_seed_file(records);
  if (!fd.ok()) return fd.status();
  file.fd = *std::move(fd);
  return file;
}

void RuntimeBook::seeded(const SeedDone& done) {
  StoreWrite write;
  {
    const std::lock_guard lock(mutex_);
    if (runtime_ == nullptr) return;
    journal_instance_ = runtime_->instance_id();
    write.runtime_instance = journal_instance_;
    counted_ = {};
    for (Entry& entry : slots_) {
      if (entry.word != 0) entry.word = kUnwritten;
    }
  }
  spdlog::info("event=seeded accepted={} refused={}", done.accepted, done.refused);
  while (!engine_.write_journal(write)) std::this_thread::sleep_for(kLook);
}

// ---- Reading.

RuntimeBook::Note RuntimeBook::note(uint32_t slot) const {
  const std::lock_guard lock(mutex_);
  return slot < slots_.size() ? slots_[slot].note : Note();
}

RuntimeBook::Counts RuntimeBook::counts() const {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (slots_.size() > kManySlots && now - counted_ < kCountsAge) return counts_;
  counted_ = now;
  counts_ = {};
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Entry& entry = slots_[slot];
    if (entry.note.tunnel_id == 0) continue;
    if (!entry.note.enabled) {
      ++counts_.disabled;
      continue;
    }
    if (!entry.note.dynamic) {
      ++counts_.up;
      continue;
    }
    const uint64_t word = runtime_ == nullptr ? 0 : present_word(slot, entry);
    const bool up = endpoint_word::is_up(word);
    ++(up ? counts_.up : counts_.down);
    ++(up ? counts_.dynamic_up : counts_.dynamic_down);
    const bool verified = (word & endpoint_word::kStateMask) == endpoint_word::kUpVerified;
    if (up && !verified) ++counts_.dynamic_unverified;
  }
  return counts_;
}

std::vector<RuntimeBook::Standing> RuntimeBook::standings() const {
  std::vector<Standing> standings;
  const std::lock_guard lock(mutex_);
  standings.reserve(slots_.size());
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Entry& entry = slots_[slot];
    if (entry.note.tunnel_id == 0 || !entry.note.enabled) continue;
    Standing& standing = standings.emplace_back();
    standing.tunnel_id = entry.note.tunnel_id;
    standing.carrier = entry.note.carrier;
    standing.up = !entry.note.dynamic;
    if (!entry.note.dynamic || runtime_ == nullptr) continue;
    const uint64_t word = present_word(slot, entry);
    if (!endpoint_word::is_up(word)) continue;
    standing.up = true;
    standing.carrier = (word & endpoint_word::kAyiya) != 0 ? Carrier::kAyiya : Carrier::kDirect;
  }
  return standings;
}

RuntimeBook::ClockStep RuntimeBook::clock_step() const {
  const std::lock_guard lock(mutex_);
  return clock_step_;
}

Ipv6Address RuntimeBook::local_address(uint8_t index) const {
  const std::lock_guard lock(mutex_);
  return index < local_count_ ? locals_[index] : Ipv6Address();
}

// ---- Errors.

bool RuntimeBook::since_reset(uint32_t tunnel_id, TunnelFault& fault) const {
  const std::lock_guard lock(mutex_);
  if (ledger_ == nullptr) return false;
  const auto found = baselines_.find(baseline_key(tunnel_id, fault.reason));
  if (found == baselines_.end() || found->second.instance != ledger_->instance_id()) return true;
  // Fewer than then: the record made room for another since, and was begun anew.
  if (fault.count >= found->second.count) fault.count -= found->second.count;
  return fault.count != 0;
}

absl::Status RuntimeBook::reset_errors(std::optional<uint32_t> slot) {
  StoreWrite write;
  {
    const std::lock_guard lock(mutex_);
    if (ledger_ == nullptr) return absl::OkStatus();
    absl::flat_hash_map<uint64_t, ErrorBaseline> sums;
    ledger_->visit([&](const LedgerRecord& record) {
      if (record.slot >= slots_.size() || (slot && record.slot != *slot)) return;
      const Note& note = slots_[record.slot].note;
      if (note.tunnel_id == 0 || note.incarnation != record.incarnation) return;
      ErrorBaseline& sum = sums[baseline_key(note.tunnel_id, record.reason)];
      sum.tunnel_id = note.tunnel_id;
      sum.reason = record.reason;
      sum.instance = ledger_->instance_id();
      sum.count += record.count;
    });
    for (const auto& [key, sum] : sums) {
      baselines_[key] = sum;
      write.baselines.push_back(sum);
    }
  }
  return engine_.store_now(std::move(write));
}

}  // namespace simplon::control
