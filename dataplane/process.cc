// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/process.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "dataplane/link/seed.h"
#include "dataplane/link/service_notify.h"
#include "dataplane/port/mbuf_adapter.h"

namespace simplon {
namespace {

constexpr unsigned kHandOverEntries = 1024;
constexpr unsigned kMempoolCache = 256;
static_assert(RTE_PKTMBUF_HEADROOM == 128, "MemoryPlan::data_room counts on it");
constexpr int kAfXdpAttempts = 10;
constexpr std::chrono::milliseconds kAfXdpPause{200};
constexpr long kTimerNs = 100'000'000;
constexpr std::chrono::milliseconds kCommandDeadline{1000};

uint64_t random_number() {
  uint64_t value = 0;
  if (getrandom(&value, sizeof value, 0) != sizeof value) value = rte_rdtsc();
  return value | 1;
}

uint64_t unix_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

rte_ring* make_ring(const std::string& name, unsigned entries) {
  return rte_ring_create(name.c_str(), entries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

template <typename Segment>
void report_segment(const Segment& segment, const std::string& directory,
                    const std::string& what_was_found) {
  switch (segment.origin()) {
    case SegmentFile::Origin::kCreated:
      spdlog::info("event={}_created", Segment::kFileName);
      break;
    case SegmentFile::Origin::kReopened:
      spdlog::info("event={}_reopened {}", Segment::kFileName, what_was_found);
      break;
    case SegmentFile::Origin::kReplaced:
      spdlog::warn("event={0}_replaced kept_as={1}/{0}.old reason=\"{2}\"", Segment::kFileName,
                   directory, segment.refusal());
      break;
  }
}

struct WorkerLaunch {
  Worker* worker;
  const std::atomic<bool>* stop;
};

int run_worker(void* argument) {
  const std::unique_ptr<WorkerLaunch> launch(static_cast<WorkerLaunch*>(argument));
  launch->worker->run(*launch->stop);
  return 0;
}

}  // namespace

Process::Process(const Options& options, const CpuPlan& cpus, const MemoryPlan& memory,
                 const StateDirectory& state)
    : options_(options),
      cpus_(cpus),
      memory_(memory),
      state_(state),
      instance_id_(random_number()),
      started_unix_ns_(unix_ns()),
      gate_(std::size_t{options.workers} + 1),
      last_loops_(options.workers) {}

bool Process::start(std::string& error) {
  if (!make_rings(error) || !open_ports(error)) return false;
  if (!open_segments(error) || !make_hash_engines(error)) return false;
  sample_clocks();

  Publisher::Config config;
  for (const auto& port : ports_) config.ports.push_back({port->name(), port->mac()});
  config.slot_capacity = options_.max_slots;
  config.reader_count = std::size_t{options_.workers} + 1;
  config.state_directory = state_.path();
  publisher_.emplace(std::move(config), active_, gate_);
  publisher_->restore();

  make_threads();
  server_ = LinkServer::listen(options_.socket, *this, error);
  if (server_ == nullptr) return false;
  spdlog::info("event=ready socket={} generation={}", options_.socket, publisher_->generation());
  watchdog_us_ = service_watchdog_us();
  notify_service("READY=1");
  tell_service();
  return true;
}

bool Process::open_segments(std::string& error) {
  counters_ = CountersSegment::open(state_.path(), options_.workers, options_.max_slots, error);
  if (!counters_) return false;
  report_segment(*counters_, state_.path(),
                 "lost_in_crash=" + std::to_string(counters_->lost_packets()));
  runtime_ = RuntimeSegment::open(state_.path(), options_.max_slots, BootTime::read(), error);
  if (!runtime_) return false;
  report_segment(*runtime_, state_.path(),
                 "newest_event=" + std::to_string(runtime_->events().newest()) +
                     " mended=" + std::to_string(runtime_->repaired()) +
                     " rebooted=" + (runtime_->rebooted() ? "true" : "false"));
  ledger_ = LedgerSegment::open(state_.path(), options_.workers, error);
  if (!ledger_) return false;
  report_segment(*ledger_, state_.path(), "mended=" + std::to_string(ledger_->repaired()));
  events_.emplace(runtime_->event_ring());
  return true;
}

bool Process::make_hash_engines(std::string& error) {
  for (uint16_t column = 0; column <= options_.workers; ++column) {
    ayiya_.push_back(AyiyaWorker::create(random_number(), error));
    if (ayiya_.back() == nullptr) return false;
  }
  return true;
}

bool Process::make_rings(std::string& error) {
  pool_ = rte_pktmbuf_pool_create("packets", memory_.mbufs, kMempoolCache, kMbufPrivateSize,
                                  memory_.data_room, SOCKET_ID_ANY);
  if (pool_ == nullptr) {
    error = "no memory for " + std::to_string(memory_.mbufs) + " packet buffers (" +
            rte_strerror(rte_errno) + "): give more with --memory, or ask for fewer with --mbufs";
    return false;
  }
  for (uint16_t w = 0; w < options_.workers; ++w) {
    punts_.push_back(make_ring("punts-" + std::to_string(w), memory_.punt_ring_entries));
  }
  hand_over_ = make_ring("hand-over", kHandOverEntries);
  if (hand_over_ == nullptr || std::count(punts_.begin(), punts_.end(), nullptr) != 0) {
    error = "no memory for the rings: give more with --memory";
    return false;
  }
  return true;
}

bool Process::open_ports(std::string& error) {
  for (const PortOption& option : options_.ports) {
    DpdkPort::Config config;
    config.name = option.name;
    config.device = option.device;
    config.eal_name = option.eal_name;
    config.eal_arguments = option.eal_arguments;
    config.pci = option.pci;
    config.workers = options_.workers;
    config.rx_descriptors = options_.rx_descriptors;
    config.tx_descriptors = options_.tx_descriptors;
    config.rss = options_.rss;
    config.rx_checksums = options_.rx_checksums;
    config.rx_interrupts = cpus_.idle == IdleMode::kSleep;
    config.mtu = options_.mtu;
    config.pool = pool_;
    auto port = DpdkPort::open(config, error);
    // The kernel takes down the sockets of a process that was just killed in its own time.
    for (int attempt = 1;
         port == nullptr && attempt < kAfXdpAttempts && option.eal_name.starts_with("net_af_xdp");
         ++attempt) {
      spdlog::warn("event=port_retry attempt={} error=\"{}\"", attempt, error);
      std::this_thread::sleep_for(kAfXdpPause);
      port = DpdkPort::open(config, error);
    }
    if (port == nullptr) return false;
    const MacAddress& m = port->mac();
    spdlog::info(
        "event=port_open name={} device={} mac={:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x} {}",
        option.name, option.device, m[0], m[1], m[2], m[3], m[4], m[5], port->report());
    ports_.push_back(std::move(port));
  }
  return true;
}

WorkerContext Process::make_context(uint16_t column) {
  WorkerContext context(counters_->worker_counters(column), counters_->tunnel_counters(column),
                        neighbors_, column, options_.workers);
  context.runtime = runtime_->table();
  context.ledger = ledger_->ledger(column);
  context.ayiya = ayiya_[column].get();
  context.new_beats.set_seed(random_number());
  return context;
}

void Process::make_threads() {
  const uint16_t workers = options_.workers;
  const bool hand_over = std::any_of(ports_.begin(), ports_.end(),
                                     [](const auto& port) { return !port->has_slow_path_queue(); });
  for (uint16_t w = 0; w < workers; ++w) {
    Worker::Config config;
    config.index = w;
    config.burst = options_.burst;
    config.idle = cpus_.idle;
    config.tx_delay_us = options_.tx_delay_us;
    for (const auto& port : ports_) config.port_ids.push_back(port->id());
    config.punts = punts_[w];
    config.pool = pool_;
    if (hand_over && w == 0) config.hand_over = hand_over_;
    notes_.push_back(std::make_unique<NoteQueue>());
    WorkerContext context = make_context(w);
    context.notes = notes_.back().get();
    workers_.push_back(
        std::make_unique<Worker>(config, context, active_, gate_, clock_, wall_clock_));
  }

  std::vector<MbufPacketIo::Out> out;
  for (const auto& port : ports_) {
    out.push_back({port->id(), port->has_slow_path_queue(), port->slow_path_queue()});
  }
  slow_path_context_.emplace(make_context(workers));
  // The few identifications the slow path needs begin as far from the workers' as there is room:
  // a share of its own would shorten theirs.
  slow_path_context_->next_ipv4_id = 0x8000;
  slow_path_io_.emplace(*slow_path_context_, pool_, std::move(out), hand_over_);
  slow_path_context_->io = &*slow_path_io_;
  SlowPathThread::Config config;
  config.reader = workers;
  config.punts = punts_;
  for (const auto& notes : notes_) config.notes.push_back(notes.get());
  for (uint32_t column = 0; column < counters_->column_count(); ++column) {
    config.tunnel_counters.push_back(counters_->tunnel_counters(column));
  }
  config.seed = random_number();
  slow_path_.emplace(std::move(config), *slow_path_context_, neighbors_, *slow_path_io_, active_,
                     gate_, clock_, wall_clock_, *events_, inbox_);

  running_ = true;
  slow_path_thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "slow-path");
    // For the packet buffers' per-thread cache; without it they come from the shared pool.
    if (rte_thread_register() != 0) spdlog::warn("event=slow_path_without_buffer_cache");
    slow_path_->run(stop_slow_path_);
  });
  for (uint16_t w = 0; w < workers; ++w) {
    auto launch = std::make_unique<WorkerLaunch>(WorkerLaunch{workers_[w].get(), &stop_workers_});
    const unsigned lcore = w + 1u;  // as CpuPlan::lcores() numbers them
    if (rte_eal_remote_launch(run_worker, launch.get(), lcore) == 0) {
      static_cast<void>(launch.release());  // the worker has it
      spdlog::info("event=worker_started worker={} cpu={}", w, cpus_.worker_cpus[w]);
    } else {
      spdlog::error("event=worker_not_started worker={}", w);
    }
  }
}

// Workers first: then nothing is put on the rings any more, and the slow path ends with them empty.
void Process::stop_threads() {
  if (!running_) return;
  running_ = false;
  stop_workers_.store(true, std::memory_order_relaxed);
  rte_eal_mp_wait_lcore();
  stop_slow_path_.store(true, std::memory_order_release);
  slow_path_thread_.join();
  // Its last frames; nobody else uses the worker's queue any more.
  while (workers_[0]->send_for_slow_path() != 0) {
  }
  slow_path_io_->update_held();
}

Process::~Process() {
  notify_service("STOPPING=1");
  server_.reset();
  stop_threads();
  publisher_.reset();
  ports_.clear();
  for (rte_ring* ring : punts_) rte_ring_free(ring);
  rte_ring_free(hand_over_);
  rte_mempool_free(pool_);
}

void Process::run() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  const FileDescriptor signal_fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  const FileDescriptor timer_fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec interval{{0, kTimerNs}, {0, kTimerNs}};
  timerfd_settime(timer_fd.get(), 0, &interval, nullptr);
  const FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  for (const int fd : {signal_fd.get(), timer_fd.get(), server_->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }
  while (true) {
    std::array<epoll_event, 4> events{};
    const int count = epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signal_fd.get()) {
        signalfd_siginfo info{};
        static_cast<void>(read(fd, &info, sizeof info));
        spdlog::info("event=stopping signal={}", info.ssi_signo);
        return;
      }
      if (fd == timer_fd.get()) {
        uint64_t expirations = 0;
        if (read(fd, &expirations, sizeof expirations) > 0) timer();
      } else {
        server_->dispatch();
      }
    }
  }
}

void Process::timer() {
  sample_clocks();
  publisher_->reclaim();
  tell_service();
  if (watchdog_us_ == 0) return;
  // Twice per interval, and only while every worker turns.
  const uint64_t now = clock_.now();
  if (now < next_watchdog_ns_) return;
  next_watchdog_ns_ = now + watchdog_us_ * 1000 / 2;
  if (workers_advance()) {
    notify_service("WATCHDOG=1");
  } else {
    spdlog::error("event=worker_stuck");
  }
}

void Process::sample_clocks() {
  ClockSample sample;
  if (!ClockSample::take([this] { return clock_.now(); }, sample)) return;
  const int64_t step = wall_clock_.sample(sample);
  if (step == 0) return;
  spdlog::error(
      "event=clock_step seconds={:.3f} effect=\"for ten minutes present endpoints are believed by "
      "either clock; others must agree with the new one\"",
      static_cast<double>(step) / 1e9);
  TunnelEvent event{};
  event.unix_ns = wall_clock_.step_unix_ns();
  event.slot = kNoSlot;
  event.kind = static_cast<uint8_t>(TunnelEventKind::kClockStep);
  event.count = static_cast<uint32_t>(wall_clock_.step_s());
  inbox_.notes.push(event);
}

bool Process::workers_advance() {
  bool advance = true;
  for (uint16_t w = 0; w < options_.workers; ++w) {
    const uint64_t loops = WorkerCounters(counters_->worker_counters(w)).get(WorkerCounter::kLoops);
    if (loops == last_loops_[w]) advance = false;
    last_loops_[w] = loops;
  }
  return advance;
}

void Process::tell_service() {
  const uint64_t generation = publisher_->generation();
  if (generation == reported_generation_) return;
  reported_generation_ = generation;
  notify_service(generation == 0
                     ? std::string("STATUS=waiting for a configuration from simplon-control")
                     : "STATUS=forwarding, generation " + std::to_string(generation) + ", " +
                           std::to_string(publisher_->table()->snapshot.tunnel_count()) +
                           " tunnels");
}

Hello Process::hello() {
  Hello h{};
  h.instance_id = instance_id_;
  h.active_generation = publisher_->generation();
  h.active_revision = publisher_->revision();
  h.started_unix_ns = started_unix_ns_;
  h.worker_count = options_.workers;
  h.slot_capacity = options_.max_slots;
  h.snapshot_abi_major = kSnapshotAbiMajor;
  constexpr std::string_view kVersion = SIMPLON_VERSION;
  static_assert(kVersion.size() < sizeof h.version);
  std::copy(kVersion.begin(), kVersion.end(), h.version);
  return h;
}

LinkHandler::SegmentFds Process::segment_fds() {
  return {counters_->read_only_fd(), runtime_->read_only_fd(), ledger_->read_only_fd()};
}

SeedDone Process::seed(const Seed& message, int fd) {
  if (publisher_->table() == nullptr) {
    SeedDone done{};
    done.refused = message.count;
    return done;
  }
  RuntimeTable runtime = runtime_->table();
  return take_seed(message, fd, publisher_->table()->snapshot, runtime,
                   wall_clock_.at(clock_.now()).boot_s);
}

TunnelCommandDone Process::command(const TunnelCommand& message) {
  // The slow path has nothing to look the tunnel up in.
  if (publisher_->table() == nullptr) return {};
  return inbox_.commands.run(message, kCommandDeadline);
}

void Process::publish(const Publish& message, int fd,
                      const std::function<void(const PublishStatus&)>& reply) {
  publisher_->publish(message, fd, reply);
}

StatusReply Process::status() {
  StatusReply s{};
  s.active_generation = publisher_->generation();
  s.active_revision = publisher_->revision();
  s.activated_unix_ns = publisher_->activated_unix_ns();
  s.tsc_hz = rte_get_tsc_hz();
  s.last_validate_ns = publisher_->last_validate_ns();
  s.last_grace_ns = publisher_->last_grace_ns();
  s.mapped_snapshots = publisher_->mapped_snapshots();
  s.clock_step_s = wall_clock_.step_s();
  s.clock_step_unix_ns = wall_clock_.step_unix_ns();
  s.worker_count = options_.workers;
  for (uint16_t w = 0; w < options_.workers; ++w) {
    const WorkerCounters counters(counters_->worker_counters(w));
    WorkerStatus& worker = s.workers[w];
    worker.lcore = cpus_.worker_cpus[w];
    worker.numa_node = rte_lcore_to_socket_id(w + 1u);
    worker.generation = gate_.acknowledged(w);
    worker.loops = counters.get(WorkerCounter::kLoops);
    worker.busy_cycles = counters.get(WorkerCounter::kBusyCycles);
    worker.idle_cycles = counters.get(WorkerCounter::kIdleCycles);
    worker.packets = counters.get(WorkerCounter::kRxPackets);
  }
  const TunnelSummary tunnels = slow_path_->tunnels();
  s.dynamic_up = tunnels.up;
  s.dynamic_down = tunnels.down;
  s.unverified = tunnels.unverified;
  s.port_count = static_cast<uint32_t>(ports_.size());
  for (std::size_t p = 0; p < ports_.size(); ++p) s.ports[p] = ports_[p]->status();
  const std::vector<NeighborStatus> neighbors = slow_path_->neighbors();
  s.neighbor_count = static_cast<uint32_t>(neighbors.size());
  std::copy_n(neighbors.begin(), std::min(neighbors.size(), kMaxNeighborsReported), s.neighbors);
  return s;
}

}  // namespace simplon
