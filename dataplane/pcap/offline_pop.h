// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A whole PoP without ports, threads or a clock: the forwarding core with its slow path, fed with
// frames and told the time. What goes in and when decides what comes out, to the byte. The offline
// tool, the golden tests and the fuzzers are built on it. One thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/pcap/aligned_bytes.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/state/conservation.h"
#include "dataplane/state/error_ledger.h"
#include "dataplane/state/event_sink.h"
#include "dataplane/state/note_queue.h"
#include "dataplane/state/tunnel_runtime.h"

namespace simplon::offline {

struct OfflinePort {
  std::string name;
  MacAddress mac;
};

struct OfflineOptions {
  // Bytes a received frame may have. Longer ones are dropped as multi-segment, as by a port whose
  // buffers are too small for them.
  std::size_t max_frame = 9728;
  // Give received frames a buffer with not one byte behind them, so that the address sanitizer sees
  // a read beyond the end.
  bool exact_buffers = false;
  // Buffers there are at most; a limit only so that a leak shows.
  std::size_t max_buffers = 65536;
  // Answer ARP requests and neighbour solicitations of the PoP with made-up addresses.
  bool resolve_all = false;
  uint64_t seed = 1;
  // The PoP's system clock less the time given to advance().
  int64_t clock_offset_ns = 0;
};

struct Frame {
  uint8_t port = 0;  // index of the port
  uint64_t time_ns = 0;
  std::span<const uint8_t> bytes;
};

// What became of one received packet when its burst was done.
struct Fate {
  Verdict verdict = Verdict::kPending;
  DropReason reason = DropReason::kFrameMalformed;  // of kDrop, and of kPunt with kIcmpError
  PuntClass punt_class = PuntClass::kLocal;
  uint32_t in_slot = kNoSlot;
  uint32_t out_slot = kNoSlot;
};

class OfflinePop : private PacketIo, private EventSink {
 public:
  using Sink = std::function<void(const Frame&)>;

  // `snapshot` is copied. Null: `error` says what is wrong with it, or that a port is missing.
  static std::unique_ptr<OfflinePop> create(std::span<const std::byte> snapshot,
                                            std::vector<OfflinePort> ports,
                                            const OfflineOptions& options, Sink sink,
                                            std::string& error);
  ~OfflinePop() override;
  OfflinePop(const OfflinePop&) = delete;
  OfflinePop& operator=(const OfflinePop&) = delete;

  // A neighbour that needs no asking. False: no such interface, or too many.
  bool add_neighbor(uint8_t port, uint16_t vlan, const Ipv6Address& address, const MacAddress& mac);

  // Lets time pass: timers run at the times they are due. Time does not go back. The system clock
  // (unix time) is this time and the offset, CLOCK_BOOTTIME this time.
  void advance(uint64_t now_ns);

  // OfflineOptions::clock_offset_ns, where it is known only later. Before the first advance().
  void set_clock_offset(int64_t offset_ns) { clock_offset_ns_ = offset_ns; }

  // The system clock jumps: what an operator or NTP does to it. For ten minutes present endpoints
  // are believed by the clock as it was, too (docs/protocols.md §10.4).
  void step_clock(int64_t by_ns);

  // One burst from one port, at most kMaxBurst frames, at the time of the last advance().
  // Afterwards fates() has an entry for each.
  void receive(std::span<const Frame> burst);
  std::span<const Fate> fates() const { return fates_; }

  // Drops what is held.
  void flush();

  const ForwardingTable& table() const { return *table_; }
  std::span<const OfflinePort> ports() const { return ports_; }
  Conservation conservation() const;
  // Sums of worker and slow path.
  uint64_t counter(WorkerCounter c) const;
  uint64_t drops(DropReason r) const;
  TunnelCounters tunnel(uint32_t slot) const;
  // What was learned about dynamic tunnels.
  const RuntimeTable& runtime() const { return runtime_; }
  // What happened to them, in order.
  std::span<const TunnelEvent> events() const { return events_; }
  // What was booked on tunnels: sums of worker and slow path, by slot and reason.
  std::vector<LedgerRecord> errors() const;
  // 0 once everything is flushed, else a buffer was leaked.
  std::size_t buffers_in_use() const { return buffers_in_use_; }

 private:
  struct Buffer;
  static constexpr std::size_t kWorker = 0;
  static constexpr std::size_t kSlowPath = 1;

  // The worker's.
  class WorkerIo final : public PacketIo {
   public:
    explicit WorkerIo(OfflinePop& pop) : pop_(pop) {}
    bool allocate(Packet& packet) override { return pop_.allocate(packet); }
    void transmit(Packet& packet) override { pop_.send(packet, kWorker); }
    void release(Packet& packet) override { pop_.release(packet); }

   private:
    OfflinePop& pop_;
  };

  OfflinePop(std::vector<OfflinePort> ports, const OfflineOptions& options, Sink sink);

  void set_time();
  // PacketIo, for the slow path.
  bool allocate(Packet& packet) override;
  void transmit(Packet& packet) override;
  void release(Packet& packet) override;

  // EventSink, for the slow path.
  void publish(TunnelEvent event) override;

  void pass_notes();
  bool new_buffer(Packet& packet, std::size_t headroom, std::size_t room);
  void send(Packet& packet, std::size_t column);
  void receive_burst(std::span<const Frame> burst);
  void answer_solicitation(const Packet& packet);

  std::vector<OfflinePort> ports_;
  OfflineOptions options_;
  Sink sink_;
  AlignedBytes snapshot_;
  std::unique_ptr<ForwardingTable> table_;
  NeighborTable neighbors_;
  std::array<std::vector<uint64_t>, 2> columns_;
  std::array<std::vector<TunnelCounters>, 2> tunnels_;
  std::array<std::vector<LedgerRecord>, 2> ledgers_;
  std::vector<TunnelRuntime> runtime_records_;
  RuntimeTable runtime_;
  NoteQueue notes_;
  std::array<std::unique_ptr<AyiyaWorker>, 2> ayiya_;
  WorkerIo worker_io_{*this};
  std::vector<TunnelEvent> events_;
  std::optional<WorkerContext> worker_;
  std::optional<WorkerContext> slow_context_;
  std::optional<SlowPath> slow_path_;
  std::vector<Fate> fates_;
  std::vector<std::pair<uint8_t, std::vector<uint8_t>>> answers_;  // port, frame
  std::vector<std::unique_ptr<Buffer>> free_buffers_;
  std::size_t buffers_in_use_ = 0;
  uint64_t now_ns_ = 0;
  uint64_t next_tick_ns_ = 0;
  int64_t clock_offset_ns_ = 0;
  int64_t offset_before_step_ns_ = 0;
  uint64_t believed_until_ns_ = 0;  // the clock before the step
  bool started_ = false;
};

}  // namespace simplon::offline
