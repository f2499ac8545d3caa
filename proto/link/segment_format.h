// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The segments: shared memory the dataplane owns and writes and control reads (mapped read-only),
// files in the dataplane's state directory, which therefore outlive either process. A reader never
// asks the workers for anything.
//
//   counters   what workers and slow path count, by column and by slot
//   runtime    what was learned about dynamic tunnels, and the last events
//   ledger     per tunnel and reason: how often, when last, from where, the last such packet

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace simplon {

inline constexpr char kCountersMagic[8] = {'S', 'I', 'M', 'P', 'L', 'O', 'N', 'C'};
inline constexpr uint16_t kSegmentAbiMajor = 1;
inline constexpr std::size_t kMaxWorkers = 32;  // columns without the slow path's
inline constexpr std::size_t kWorkerCounterCapacity =
    512;  // u64 per column; names from dataplane/state/*.def

// First page of a segment. `ready` is stored last, with release, once everything else is in place.
struct SegmentHeader {
  char magic[8];
  uint16_t abi_major;
  uint16_t reserved0;
  uint32_t header_size;
  uint64_t total_size;
  uint64_t instance_id;   // random, of the process that created the segment
  uint32_t column_count;  // workers + 1; the last column is the slow path's
  uint32_t slot_capacity;
  uint64_t worker_counters_offset;  // uint64_t[column_count][kWorkerCounterCapacity]
  uint64_t tunnel_counters_offset;  // TunnelCounters[column_count][slot_capacity]
  uint64_t reserved1;
  uint32_t counter_list_hash;  // of the names in worker_counters.def and drop_reasons.def: both
                               // sides must agree
  std::atomic<uint32_t> ready;
};
static_assert(sizeof(SegmentHeader) <= 4096);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

// Inner packets and bytes (IPv6 header included) of one tunnel, counted once every check has
// passed, by one worker. in: from the client; out: to the client. Single writer; readers use
// relaxed loads.
struct alignas(32) TunnelCounters {
  uint64_t in_packets;
  uint64_t in_bytes;
  uint64_t out_packets;
  uint64_t out_bytes;
};
static_assert(sizeof(TunnelCounters) == 32);

// ---- Runtime.

inline constexpr char kRuntimeMagic[8] = {'S', 'I', 'M', 'P', 'L', 'O', 'N', 'R'};
inline constexpr uint16_t kRuntimeAbiMajor = 1;
inline constexpr std::size_t kEventRingSize = 16384;  // a power of two

// First page of the runtime segment. `ready` as in SegmentHeader.
struct RuntimeHeader {
  char magic[8];
  uint16_t abi_major;
  uint16_t reserved0;
  uint32_t header_size;
  uint64_t total_size;
  uint64_t instance_id;  // random, of the creation of the segment: a new one knows no endpoints yet
  uint32_t slot_capacity;
  uint32_t event_ring_size;
  uint64_t records_offset;  // TunnelRuntime[slot_capacity]
  uint64_t events_offset;   // TunnelEvent[event_ring_size]
  uint64_t boot_id;         // of the boot that TunnelRuntime::last_seen_s counts from
  // Number of the newest event, 0: none so far. Event n stands at (n - 1) & (event_ring_size - 1)
  // as long as the number in it is n: 0 while it is written, n + event_ring_size later. Readers
  // look at that before and after (dataplane/state/event_ring.h). Stored with release after the
  // event is.
  std::atomic<uint64_t> newest_event;
  std::atomic<uint32_t> ready;
};
static_assert(sizeof(RuntimeHeader) <= 4096);

// What is known about the endpoint of one dynamic tunnel; all zero: nothing. Written by workers and
// slow path under the rules of dataplane/state/tunnel_runtime.h, which also has the accessors.
//
// endpoint, one atomic word:
//   63..62  state      0 down, 1 up and unverified, 2 up and verified (return routability)
//   61      transport  0 protocol 41, 1 AYIYA
//   60      family     0 IPv4, 1 IPv6
//   59..56  local      index in PopRecord::local_addresses the client talks to
//   55      secret     0 the client signs with the current password, 1 with the one before
//   54..48  incarnation  as TunnelSlot::incarnation; another one: the record is not this tunnel's
//   47..32  port       of the client, AYIYA; 0 for protocol 41
//   31..0   IPv4: the address. IPv6: sequence number of `ipv6`, odd while that is being written
struct alignas(32) TunnelRuntime {
  uint64_t endpoint;
  uint32_t
      highest_epoch;     // newest client time accepted, seconds since 1970 modulo 2^32; 0: none yet
  uint32_t last_seen_s;  // last sign of life, seconds of CLOCK_BOOTTIME modulo 2^32 (it may lie
                         // before the boot: compare the signed difference); 0: none yet. GRE
                         // tunnels: the next sequence number
  uint64_t ipv6[2];      // network byte order
};
static_assert(sizeof(TunnelRuntime) == 32);

enum class TunnelEventKind : uint8_t {
  kUp = 1,
  kDown = 2,        // no sign of life for `count` seconds; 1: the operator's word
  kMoved = 3,       // another endpoint, address or port or transport
  kReplayed = 4,    // a valid beat or packet, but not newer than one accepted, from elsewhere
  kVerified = 5,    // the endpoint has shown that it is there; `detail`: VerifiedBy
  kFlapping = 6,    // moves too often: its moves are not reported until it settles
  kSettled = 7,     // `count`: moves not reported
  kRefused = 8,     // a valid beat or packet from an address that can be nobody's endpoint
  kClockStep = 9,   // the PoP's clock jumped; no tunnel; `count`: seconds, two's complement
  kEpochReset = 10  // the operator cleared highest_epoch
};
enum class VerifiedBy : uint8_t { kProbe = 1, kLaterEpoch = 2, kTraffic = 3, kOperator = 4 };

struct TunnelEvent {
  uint64_t number;  // 1, 2, ...; 0 in events of workers on their way to the slow path
  uint64_t unix_ns;
  uint32_t slot;  // kNoSlot: none
  uint8_t kind;   // TunnelEventKind
  uint8_t incarnation;
  uint8_t transport;  // as in TunnelRuntime::endpoint
  uint8_t detail;
  uint16_t port;        // host byte order
  uint16_t old_port;    // of kMoved: where it was
  uint32_t count;       // how often, where events were put together; else 1
  uint8_t address[16];  // network byte order, IPv4-mapped for IPv4
  uint8_t old_address[16];
};
static_assert(sizeof(TunnelEvent) == 64);

// ---- Ledger.

inline constexpr char kLedgerMagic[8] = {'S', 'I', 'M', 'P', 'L', 'O', 'N', 'L'};
inline constexpr uint16_t kLedgerAbiMajor = 1;
inline constexpr std::size_t kLedgerWays = 4;
inline constexpr std::size_t kLedgerBytes = 128;

// First page of the ledger segment. `ready` as in SegmentHeader.
struct LedgerHeader {
  char magic[8];
  uint16_t abi_major;
  uint16_t reserved0;
  uint32_t header_size;
  uint64_t total_size;
  uint64_t instance_id;
  uint32_t column_count;       // workers + 1; the last column is the slow path's
  uint32_t sets_per_column;    // a power of two; a set is kLedgerWays records
  uint64_t records_offset;     // LedgerRecord[column_count][sets_per_column][kLedgerWays]
  uint32_t counter_list_hash;  // as in SegmentHeader
  std::atomic<uint32_t> ready;
};
static_assert(sizeof(LedgerHeader) <= 4096);

// Packets of one tunnel dropped for one reason (or noted without a drop) by one worker. The set is
// chosen by ledger_set(); within a set the record that was used longest ago makes room. One writer
// a column. `version` is odd while the record is written: read it before and after.
struct alignas(64) LedgerRecord {
  uint32_t version;
  uint32_t slot;
  uint8_t reason;  // DropReason, or LedgerNote; the record is unused while `count` is 0
  uint8_t incarnation;
  uint16_t original_length;  // bytes of the packet from its outermost IP header
  uint16_t captured;         // bytes of it in `bytes`
  uint16_t source_port;      // host byte order; 0: none
  uint64_t count;
  uint64_t last_unix_ns;
  int64_t detail;      // clock reasons: seconds the client is ahead of the PoP; else 0
  uint8_t source[16];  // outermost source, IPv4-mapped for IPv4
  uint8_t bytes[kLedgerBytes];
};
static_assert(sizeof(LedgerRecord) == 192);

// What is booked on a tunnel though no packet of it is dropped. Drop reasons are below.
enum class LedgerNote : uint8_t {
  kIcmpv4Error = 240,  // an ICMPv4 error about a packet we sent to the endpoint
  kIcmpv6Error = 241,  // the same for an IPv6 endpoint
  kIcmpv4Echo = 242,   // the endpoint pinged the PoP's outer address
};

constexpr uint32_t ledger_set(uint32_t slot, uint8_t reason, uint32_t sets_per_column) {
  uint32_t x = (slot * 256 + reason) * 2654435761u;
  x ^= x >> 15;
  return x & (sets_per_column - 1);
}

}  // namespace simplon
