// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A PoP for the tests of the slow path: pipeline and slow path over a snapshot made here, with
// buffers that have not one byte too many, so that the address sanitizer sees every slip.
//
//   wan0   02:00:00:00:00:01  192.0.2.1/24 via .254   2001:db8:a::1/64 via ::ffff   MTU 1500
//   vlan7  the same port      10.7.0.1/24             2001:db8:7::1/64
//   local addresses 192.0.2.1 (index 0), 192.0.2.77 (index 1), 2001:db8:a::1 (index 2);
//   PoP 2001:db8:ff:ffff::1; another PoP's: 203.0.113.200
//   links 2001:db8:ff::/48, routed 2001:db8:100::/48, delegated /48s of 2001:db8:1000::/44
//
//   slot  remote         local  MTU   delegated            remarks
//   1     198.51.100.10  0      1480  2001:db8:1000::/48   T1
//   2     198.51.100.20  0      1280  2001:db8:1001::/48   T2
//   3     198.51.100.30  1      1480                       T3, static MTU: DF=0
//   4     198.51.100.40  0      1480                       T4, disabled
//   5, 6  198.51.100.50  0      1480                       T5, T6 behind one address
//   7     heartbeat             1480  2001:db8:1002::/48   T7, password kPassword, timeout 180 s
//   8     dynamic               1480  2001:db8:1003::/48   T8, the same
//   9     AYIYA                 1480                       T9, the same
//   10    heartbeat             1480                       T10, disabled

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dataplane/slowpath/slow_path.h"
#include "dataplane/state/conservation.h"
#include "tests/support/packet_builder.h"

namespace simplon::test {

inline constexpr MacAddress kPopMac{0x02, 0, 0, 0, 0, 0x01};
inline constexpr MacAddress kRouterMac{0x02, 0, 0, 0, 0, 0xfe};
inline constexpr MacAddress kHostMac{0x02, 0, 0, 0, 0, 0x33};
inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr std::string_view kPassword = "91915d757a09bfc94d5028832d85cc0d";
inline constexpr std::string_view kOtherPassword = "hunter2hunter2hunter2";
inline constexpr uint32_t kHeartbeatSlot = 7;
inline constexpr uint32_t kDynamicSlot = 8;
inline constexpr uint32_t kAyiyaSlot = 9;

class SlowPathBed : private PacketIo, private EventSink {
 public:
  struct Options {
    bool ipv4_pool = false;      // 198.18.0.0/24, the /28 of that number for each slot
    bool rotation = false;       // kOtherPassword was T7's before kPassword
    bool traffic_counts = true;  // the slow path may look at the counters of the worker
    uint64_t seed = 1;
    bool gateways_known = true;  // static entries for both
    bool announce = false;
    std::function<void(PopRecord&)> change_pop;
    std::function<void(std::vector<TunnelSlot>&)> change_slots;
  };

  SlowPathBed() : SlowPathBed(Options{}) {}
  explicit SlowPathBed(const Options& options);
  // Aborts, as every other call does, if conservation does not hold or a buffer is lost.
  ~SlowPathBed() override;
  SlowPathBed(const SlowPathBed&) = delete;
  SlowPathBed& operator=(const SlowPathBed&) = delete;

  // One frame through worker and slow path.
  void receive(const Bytes& frame);
  void receive(const PacketBuilder& frame) { receive(frame.build()); }
  void advance(uint64_t ns);  // and ticks
  void tick();
  // Another snapshot with the same tunnels.
  void publish(const std::function<void(PopRecord&)>& change_pop);
  void flush() { slow_path_->flush(); }

  // What has been sent and not been taken yet, in order.
  std::vector<Bytes> sent;
  Bytes take();  // the only one; throws if there is none or more

  uint64_t counter(WorkerCounter c) const;
  uint64_t drops(DropReason r) const;
  uint64_t all_drops() const;
  TunnelCounters tunnel(uint32_t slot) const;
  Conservation conservation() const;

  std::vector<NeighborStatus> neighbors() const { return slow_path_->neighbors(now); }
  bool knows(uint8_t interface, std::string_view address, MacAddress* mac = nullptr) const;
  NeighborTable& neighbor_table() { return neighbors_; }

  uint64_t now = 1000 * kSecond;
  // The system clock at `now` = 1000 s.
  uint64_t unix_base_s = 1'700'000'000;
  uint32_t unix_before_step_s = 0;
  bool out_of_buffers = false;

  uint64_t unix_s() const { return unix_base_s + now / kSecond - 1000; }

  // ---- Dynamic tunnels.

  // What was published, in order, and not been taken yet.
  std::vector<TunnelEvent> events;
  std::vector<TunnelEventKind> take_event_kinds();
  RuntimeTable& runtime() { return runtime_; }
  Endpoint endpoint(uint32_t slot) const { return runtime_.load(slot, 0); }
  // Sum of both columns; count 0: nothing is booked.
  LedgerRecord ledger(uint32_t slot, uint8_t reason) const;
  TunnelCommandDone command(const TunnelCommand& command);
  void note(const TunnelEvent& event);
  TunnelSummary summary() const { return slow_path_->summary(); }
  // A beat with a good digest.
  static std::string beat_text(std::string_view identity, std::string_view sender, uint64_t epoch,
                               std::string_view password = kPassword);
  // As the pipeline would hand it over.
  void receive_beat(std::string_view text, std::string_view source = "203.0.113.7",
                    std::string_view local = "192.0.2.1");
  // T7 sends one, now.
  void beat(std::string_view source = "203.0.113.7", std::string_view identity = kIdentity,
            std::string_view local = "192.0.2.1") {
    receive_beat(beat_text(identity, "sender", unix_s()), source, local);
  }
  static constexpr std::string_view kIdentity = "2001:db8:ff:7::2";

  // Beginnings of frames.
  static PacketBuilder from_router() { return PacketBuilder().ethernet(kPopMac, kRouterMac); }
  static PacketBuilder from_tunnel(std::string_view remote = "198.51.100.10",
                                   std::string_view local = "192.0.2.1") {
    return from_router().ipv4(remote, local);
  }

 private:
  struct Table;

  void publish(TunnelEvent event) override;
  void set_time();
  void drain_notes();
  bool allocate(Packet& packet) override;
  void transmit(Packet& packet) override;
  void release(Packet& packet) override;
  bool new_buffer(Packet& packet, std::size_t headroom, std::size_t room);
  void check() const;

  std::vector<uint64_t> worker_column_, slow_column_;
  std::vector<TunnelCounters> worker_tunnels_, slow_tunnels_;
  std::vector<LedgerRecord> worker_ledger_, slow_ledger_;
  std::vector<TunnelRuntime> runtime_records_;
  RuntimeTable runtime_;
  NoteQueue notes_;
  std::vector<TunnelSlot> slots_;
  bool ipv4_pool_;
  uint64_t generation_ = 0;
  NeighborTable neighbors_;
  std::vector<std::unique_ptr<Table>> tables_;  // the last is active
  std::optional<WorkerContext> worker_, slow_;
  std::optional<SlowPath> slow_path_;
  std::map<void*, std::unique_ptr<uint8_t[]>> buffers_;
};

// Views of a frame's parts; throw if they are not there.
template <typename Header>
const Header& at(const Bytes& bytes, std::size_t offset) {
  if (bytes.size() < offset + sizeof(Header)) throw std::logic_error("frame is too short");
  return *reinterpret_cast<const Header*>(bytes.data() + offset);
}
// The IPv6 packet inside a frame, behind its outer IPv4 header if there is one, cut to its length.
Bytes inner_of(const Bytes& frame);
// The IP packet inside a frame, cut to its length.
Bytes outer_of(const Bytes& frame);
bool icmpv6_sums_up(const Bytes& ipv6_packet);

Ipv6Address v6(std::string_view text);
Ipv4Address v4(std::string_view text);

}  // namespace simplon::test
