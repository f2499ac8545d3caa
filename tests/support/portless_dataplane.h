// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A dataplane without ports and DPDK: the real link server, publisher, state directory and segments
// on a manager thread, one reader that turns like a worker. For tests of control.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "dataplane/link/link_server.h"
#include "dataplane/link/publisher.h"
#include "dataplane/link/seed.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/state/ledger_segment.h"
#include "dataplane/state/runtime_segment.h"
#include "dataplane/state/segment.h"
#include "dataplane/table/generation_gate.h"
#include "proto/link/link_messages.h"

namespace simplon::testing {

class PortlessDataplane : private LinkHandler, private EventSink {
 public:
  static constexpr uint32_t kSlots = 1u << 16;

  // Keeps snapshot and counters in `directory` and listens at DIRECTORY/dataplane.sock.
  explicit PortlessDataplane(const std::string& directory) : directory_(directory) {
    std::string error;
    counters_ = CountersSegment::open(directory, 1, kSlots, error);
    if (!counters_) throw std::runtime_error(error);
    runtime_ = RuntimeSegment::open(directory, kSlots, BootTime::read(), error);
    if (!runtime_) throw std::runtime_error(error);
    ledger_ = LedgerSegment::open(directory, 1, error);
    if (!ledger_) throw std::runtime_error(error);
    ring_.emplace(runtime_->event_ring());
    slow_path_context_ = std::make_unique<WorkerContext>(
        counters_->worker_counters(1), counters_->tunnel_counters(1), *neighbors_, 1, 1);
    slow_path_context_->runtime = runtime_->table();
    slow_path_context_->ledger = ledger_->ledger(1);
    slow_path_ = std::make_unique<SlowPath>(*slow_path_context_, *neighbors_, no_buffers_, 1, false,
                                            static_cast<EventSink*>(this));
    Publisher::Config config;
    config.ports = {{"uplink", {0x02, 0, 0, 0, 0, 1}}};
    config.slot_capacity = kSlots;
    config.reader_count = 1;
    config.state_directory = directory;
    publisher_ = std::make_unique<Publisher>(std::move(config), active_, gate_);
    publisher_->restore();
    server_ = LinkServer::listen(socket_path(directory), *this, error);
    if (!server_) throw std::runtime_error(error);
    manager_ = std::thread([this] {
      while (!stop_) {
        if (!silent_) server_->dispatch();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    reader_ = std::thread([this] { read(); });
  }
  ~PortlessDataplane() override {
    stop_ = true;
    manager_.join();
    reader_.join();
  }

  static std::string socket_path(const std::string& directory) {
    return directory + "/dataplane.sock";
  }

  // The generation packets would be forwarded by, and the tunnel in a slot of it (0: none).
  uint64_t generation() const { return seen_; }
  uint32_t tunnel_in_slot(uint32_t slot) {
    asked_slot_ = slot;
    answered_ = false;
    while (!answered_) std::this_thread::yield();
    return answer_;
  }
  int publishes() const { return publishes_; }

  // Takes no messages while on.
  void be_silent(bool on) { silent_ = on; }
  // Refuses what is published from now on.
  void refuse(bool on) { refuse_ = on; }

  // As a worker would.
  void count(uint32_t slot, const TunnelCounters& more) {
    TunnelCounters& c = counters_->tunnel_counters(0)[slot];
    counter_add(c.in_packets, more.in_packets);
    counter_add(c.in_bytes, more.in_bytes);
    counter_add(c.out_packets, more.out_packets);
    counter_add(c.out_bytes, more.out_bytes);
  }
  // What workers and slow path would learn and book.
  RuntimeTable runtime() const { return runtime_->table(); }
  ErrorLedger ledger(uint32_t column = 0) const { return ledger_->ledger(column); }
  void event(const TunnelEvent& event) { publish(event); }
  uint32_t boot_s() const { return BootTime::read().now_s; }
  WorkerCounters worker() { return WorkerCounters(counters_->worker_counters(0)); }

 private:
  Hello hello() override {
    Hello h{};
    h.instance_id = 42;
    h.active_generation = publisher_->generation();
    h.active_revision = publisher_->revision();
    h.worker_count = 1;
    h.slot_capacity = kSlots;
    h.snapshot_abi_major = kSnapshotAbiMajor;
    std::strcpy(h.version, "test");
    return h;
  }
  SegmentFds segment_fds() override {
    return {counters_->read_only_fd(), runtime_->read_only_fd(), ledger_->read_only_fd()};
  }
  StatusReply status() override {
    StatusReply s{};
    s.active_generation = publisher_->generation();
    s.active_revision = publisher_->revision();
    s.activated_unix_ns = publisher_->activated_unix_ns();
    s.last_validate_ns = publisher_->last_validate_ns();
    s.last_grace_ns = publisher_->last_grace_ns();
    s.mapped_snapshots = publisher_->mapped_snapshots();
    s.tsc_hz = 2'000'000'000;
    s.worker_count = 1;
    s.workers[0].packets = 10;
    s.workers[0].busy_cycles = 1000;
    s.workers[0].idle_cycles = 3000;
    s.port_count = 1;
    std::strcpy(s.ports[0].name, "uplink");
    s.ports[0].link_up = 1;
    s.neighbor_count = 1;
    const uint8_t router[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 254};
    std::memcpy(s.neighbors[0].address, router, sizeof router);
    s.neighbors[0].state = static_cast<uint8_t>(NeighborState::kReachable);
    return s;
  }
  void publish(const Publish& message, int fd,
               const std::function<void(const PublishStatus&)>& reply) override {
    ++publishes_;
    if (refuse_) {
      PublishStatus status{};
      status.generation = message.generation;
      status.state = static_cast<uint32_t>(PublishState::kRejected);
      std::strcpy(status.reason, "told to refuse");
      reply(status);
      return;
    }
    publisher_->publish(message, fd, reply);
  }

  SeedDone seed(const Seed& message, int fd) override {
    SeedDone done{};
    done.refused = message.count;
    if (publisher_->table() == nullptr) return done;
    RuntimeTable table = runtime();
    return take_seed(message, fd, publisher_->table()->snapshot, table, boot_s());
  }
  TunnelCommandDone command(const TunnelCommand& message) override {
    if (publisher_->table() == nullptr) return {};
    BurstTime time;
    time.now_ns = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                        std::chrono::nanoseconds(1));
    time.boot_s = boot_s();
    time.unix_ns = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                         std::chrono::nanoseconds(1));
    slow_path_context_->set_time(time);
    return slow_path_->command(*publisher_->table(), message, time.now_ns);
  }
  // The manager's commands and the test make events.
  void publish(TunnelEvent event) override {
    const std::lock_guard lock(ring_mutex_);
    ring_->publish(event);
  }

  void read() {
    gate_.online(0);
    const ForwardingTable* table = active_.acquire_first();
    while (!stop_) {
      seen_ = table != nullptr ? table->snapshot.generation() : 0;
      if (!answered_) {
        const uint32_t slot = asked_slot_;
        const bool known = table != nullptr && slot < table->snapshot.slot_capacity();
        answer_ = known ? table->snapshot.slot(slot).tunnel_id : 0;
        answered_ = true;
      }
      gate_.ack(0, seen_);
      table = active_.acquire();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    gate_.offline(0);
  }

  std::string directory_;
  std::optional<CountersSegment> counters_;
  std::optional<RuntimeSegment> runtime_;
  std::optional<LedgerSegment> ledger_;
  std::optional<EventRing> ring_;
  std::mutex ring_mutex_;
  // Only for commands: it gets no packets, and makes none.
  struct NoBuffers final : PacketIo {
    bool allocate(Packet&) override { return false; }
    void transmit(Packet&) override {}
    void release(Packet&) override {}
  };
  NoBuffers no_buffers_;
  std::unique_ptr<NeighborTable> neighbors_ = std::make_unique<NeighborTable>();
  std::unique_ptr<WorkerContext> slow_path_context_;
  std::unique_ptr<SlowPath> slow_path_;
  ActiveTable<ForwardingTable> active_;
  PlainGenerationGate gate_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<LinkServer> server_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> silent_{false};
  std::atomic<bool> refuse_{false};
  std::atomic<int> publishes_{0};
  std::atomic<uint64_t> seen_{0};
  std::atomic<uint32_t> asked_slot_{0};
  std::atomic<uint32_t> answer_{0};
  std::atomic<bool> answered_{true};
  std::thread manager_;
  std::thread reader_;
};

}  // namespace simplon::testing
