// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/link/link_server.h"
#include "dataplane/link/publisher.h"
#include "dataplane/link/state_directory.h"
#include "dataplane/options.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/port/dpdk_port.h"
#include "dataplane/port/tsc_clock.h"
#include "dataplane/state/ledger_segment.h"
#include "dataplane/state/note_queue.h"
#include "dataplane/state/runtime_segment.h"
#include "dataplane/state/segment.h"
#include "dataplane/worker/machine_plan.h"
#include "dataplane/worker/mbuf_packet_io.h"
#include "dataplane/worker/qsbr_gate.h"
#include "dataplane/worker/slow_path_thread.h"
#include "dataplane/worker/wall_clock.h"
#include "dataplane/worker/worker.h"

namespace simplon {

// Everything a running dataplane consists of, in the order it is made; taken down in reverse.
// Manager thread, which is EAL's main thread. EAL is up before the object and until after it.
class Process : private LinkHandler {
 public:
  Process(const Options& options, const CpuPlan& cpus, const MemoryPlan& memory,
          const StateDirectory& state);
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Opens ports and segment, restores the last snapshot, starts the threads. False: `error` says
  // what the user can do.
  bool start(std::string& error);

  // Serves control until SIGTERM or SIGINT, which the caller has blocked in all threads.
  void run();

 private:
  bool open_ports(std::string& error);
  bool make_rings(std::string& error);
  bool open_segments(std::string& error);
  bool make_hash_engines(std::string& error);
  WorkerContext make_context(uint16_t column);
  void make_threads();
  void stop_threads();
  void timer();
  void sample_clocks();
  bool workers_advance();
  void tell_service();

  Hello hello() override;
  SegmentFds segment_fds() override;
  StatusReply status() override;
  void publish(const Publish& message, int fd,
               const std::function<void(const PublishStatus&)>& reply) override;
  SeedDone seed(const Seed& message, int fd) override;
  TunnelCommandDone command(const TunnelCommand& message) override;

  const Options& options_;
  const CpuPlan& cpus_;
  const MemoryPlan& memory_;
  const StateDirectory& state_;
  uint64_t instance_id_ = 0;
  uint64_t started_unix_ns_ = 0;

  TscClock clock_;
  WallClock wall_clock_;
  rte_mempool* pool_ = nullptr;
  std::vector<std::unique_ptr<DpdkPort>> ports_;
  std::optional<CountersSegment> counters_;
  std::optional<RuntimeSegment> runtime_;
  std::optional<LedgerSegment> ledger_;
  std::optional<EventRing> events_;                  // the slow path's
  std::vector<std::unique_ptr<NoteQueue>> notes_;    // one per worker
  std::vector<std::unique_ptr<AyiyaWorker>> ayiya_;  // one per worker, and the slow path's
  SlowPathThread::Inbox inbox_;
  std::vector<rte_ring*> punts_;
  rte_ring* hand_over_ = nullptr;
  NeighborTable neighbors_;
  ActiveTable<ForwardingTable> active_;
  QsbrGate gate_;
  std::optional<Publisher> publisher_;

  std::atomic<bool> stop_workers_{false};
  std::atomic<bool> stop_slow_path_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<WorkerContext> slow_path_context_;
  std::optional<MbufPacketIo> slow_path_io_;
  std::optional<SlowPathThread> slow_path_;
  std::thread slow_path_thread_;
  bool running_ = false;

  std::unique_ptr<LinkServer> server_;
  std::vector<uint64_t> last_loops_;
  uint64_t watchdog_us_ = 0;
  uint64_t next_watchdog_ns_ = 0;
  uint64_t reported_generation_ = ~uint64_t{0};
};

}  // namespace simplon
