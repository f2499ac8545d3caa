// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What control knows of tunnels at run time beyond their configuration. The dataplane learns
// endpoints and writes them into its runtime segment; the book reads that segment, and keeps
//
//   events    each event of the ring becomes one of WatchService, with the tunnel's name
//   notes     since when a tunnel is up or down, how often it moved: what only who watches knows
//   journal   what was learned, in the store: for the day the segment is gone (a reboot). The
//             dataplane is then seeded with it (docs/architecture.md)
//
// A thread of its own looks every 20 ms for events and every second for what to put in the journal.
// Thread: any, unless said.

#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/counters/counter_book.h"
#include "control/engine/engine.h"
#include "control/events/event_log.h"
#include "control/runtime/ledger_reader.h"
#include "control/runtime/runtime_reader.h"
#include "control/store/store.h"
#include "control/table/unique_fd.h"
#include "proto/link/link_messages.h"

namespace simplon::control {

// What carries a tunnel's packets, in the three classes the original had. kDirect: protocol 41 and
// what is like it, an inner packet behind nothing but an outer header.
enum class Carrier : uint8_t { kDirect, kAyiya, kGre };

class RuntimeBook : public ModelObserver {
 public:
  // Tunnels whose epoch and last sign of life are compared with the journal each second: all of
  // 20,000, a million within a minute. A changed endpoint is found in the same second in any case.
  static constexpr std::size_t kJournaledPerSecond = 20000;

  // What is known of the tunnel in one slot.
  struct Note {
    uint32_t tunnel_id = 0;  // 0: none
    uint8_t incarnation = 0;
    bool dynamic = false;
    bool enabled = false;
    bool up = false;
    bool flapping = false;
    Carrier carrier = Carrier::kDirect;  // of a dynamic tunnel: expected while it is down
    uint32_t moves = 0;
    int64_t change_unix_ns = 0;  // since when it is up or down; 0: not known
    uint64_t up_in_packets = 0;  // from the client, when it came up
  };

  struct Counts {
    uint32_t up = 0;  // enabled tunnels, static ones included
    uint32_t down = 0;
    uint32_t disabled = 0;
    uint32_t dynamic_up = 0;
    uint32_t dynamic_down = 0;
    uint32_t dynamic_unverified = 0;
  };

  // After the engine has loaded its store, and before it starts.
  RuntimeBook(Engine& engine, const CounterBook& counters, EventLog& events);
  ~RuntimeBook() override;

  void start();
  // Writes what the journal lacks. Idempotent.
  void stop();

  // A dataplane has connected, with these segments.
  void attach(std::shared_ptr<const RuntimeReader> runtime,
              std::shared_ptr<const LedgerReader> ledger);
  // Null before the first attach.
  std::shared_ptr<const RuntimeReader> runtime() const;
  std::shared_ptr<const LedgerReader> ledger() const;

  // ---- Seeding: the publisher's.

  // The segment knows less than the journal: seed it once the dataplane has tables.
  bool needs_seed() const;
  struct SeedFile {
    UniqueFd fd;  // sealed memfd of SeedRecord[count]
    uint64_t count = 0;
  };
  absl::StatusOr<SeedFile> make_seed();
  // The dataplane has taken it: from here on the journal follows the segment.
  void seeded(const SeedDone& done);

  // ---- Reading.

  Note note(uint32_t slot) const;
  Counts counts() const;

  struct Standing {
    uint32_t tunnel_id = 0;
    Carrier carrier = Carrier::kDirect;
    bool up = false;
  };
  // Of all enabled tunnels, in no particular order.
  std::vector<Standing> standings() const;

  // The last jump of the PoP's clock among the events; unix_ns 0: none.
  struct ClockStep {
    int64_t seconds = 0;
    int64_t unix_ns = 0;
  };
  ClockStep clock_step() const;
  // The PoP's address with that index in the runtime segment; unspecified: none.
  Ipv6Address local_address(uint8_t index) const;

  // ---- Errors.

  // Without what was counted before the last reset; false: nothing is left.
  bool since_reset(uint32_t tunnel_id, TunnelFault& fault) const;
  // Durable when it returns. `slot`: of one tunnel; nullopt: of all.
  absl::Status reset_errors(std::optional<uint32_t> slot);

  // The longest the journal lags behind the segment with so many dynamic tunnels.
  static uint32_t journal_interval_s(std::size_t dynamic_tunnels);

  void model_changed(const Model& model, const StoreWrite& write) override;

 private:
  // Besides what readers see: what the journal has.
  struct Entry {
    Note note;
    uint64_t word = 0;  // as RuntimeReader::word, 0 for another incarnation; kUnwritten
    uint32_t epoch = 0;
    uint32_t last_seen_s = 0;
  };
  static constexpr uint64_t kUnwritten = ~uint64_t{0};

  void run();
  void read_events();
  void take_event(const TunnelEvent& event);
  void set_up(Entry& entry, uint32_t slot, bool up, int64_t unix_ns);
  bool keep_journal(bool all);
  uint64_t present_word(uint32_t slot, const Entry& entry) const;
  LearnedRow make_row(uint32_t slot, Entry& entry, int64_t now_ns);
  void set_tunnel(const Model& model, const v1::Tunnel& tunnel, int64_t now_ns);
  void clear_slot(uint32_t slot);
  void take_settings(const Model& model);
  bool follows_journal() const;

  Engine& engine_;
  const CounterBook& counters_;
  EventLog& events_;

  mutable std::mutex mutex_;
  std::shared_ptr<const RuntimeReader> runtime_;
  std::shared_ptr<const LedgerReader> ledger_;
  uint64_t journal_instance_ = 0;  // the segment the journal is of
  uint64_t next_event_after_ = 0;
  std::vector<Entry> slots_;
  std::size_t dynamic_count_ = 0;
  std::array<Ipv6Address, kMaxLocalAddresses> locals_{};
  uint32_t local_count_ = 0;
  uint32_t scan_from_ = 0;
  uint64_t failures_seen_ = 0;
  ClockStep clock_step_;
  mutable Counts counts_;
  mutable std::chrono::steady_clock::time_point counted_{};
  absl::flat_hash_map<uint64_t, ErrorBaseline> baselines_;  // by tunnel and reason

  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace simplon::control
