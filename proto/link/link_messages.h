// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The private protocol between control (client) and dataplane (server): fixed-size messages over a
// Unix SEQPACKET socket, one message a packet, file descriptors by SCM_RIGHTS. A message of another
// size than its type's, of unknown type or ABI closes the connection. The dataplane serves one
// control at a time: a new connection replaces the old one with its HelloRequest, which is the
// first message.
//
//   control                                dataplane
//   HelloRequest                      ->
//                                     <-   Hello + 3 fds (segments counters, runtime, ledger;
//                                     opened read-only)
//   Publish{generation} + fd          ->
//                                     <-   PublishStatus{generation, kValidated | kRejected |
//                                     kStale | kBusy}
//                                     <-   PublishStatus{generation, kActive | kStalled}   after
//                                     kValidated only
//   StatusRequest                     ->
//                                     <-   StatusReply
//   Seed{count} + fd                  ->
//                                     <-   SeedDone{accepted, refused}
//   TunnelCommand                     ->
//                                     <-   TunnelCommandDone
//
// Generations grow with each publish. Publishing the active generation again is answered kActive; a
// lower one kStale. kStalled: a worker did not pass a quiescent point in time; the new snapshot is
// active, the old one is kept mapped.

#pragma once

#include <cstdint>

#include "proto/link/segment_format.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

inline constexpr uint32_t kLinkAbi = 2;
inline constexpr std::size_t kMaxPorts = 16;
inline constexpr std::size_t kMaxNeighborsReported = 64;

enum class LinkMessageType : uint32_t {
  kHelloRequest = 1,
  kHello = 2,
  kPublish = 3,
  kPublishStatus = 4,
  kStatusRequest = 5,
  kStatusReply = 6,
  kSeed = 7,
  kSeedDone = 8,
  kTunnelCommand = 9,
  kTunnelCommandDone = 10,
};

struct LinkHeader {
  uint32_t type;  // LinkMessageType
  uint32_t abi;   // kLinkAbi
};

struct HelloRequest {
  LinkHeader header;
};

struct Hello {
  LinkHeader header;
  uint64_t instance_id;        // random per dataplane process: tells control of a restart
  uint64_t active_generation;  // 0: none
  uint64_t active_revision;
  uint64_t started_unix_ns;
  uint32_t worker_count;
  uint32_t slot_capacity;  // largest the segments can hold
  uint16_t snapshot_abi_major;
  uint16_t reserved[3];
  char version[32];
};

struct Publish {
  LinkHeader header;
  uint64_t generation;
  uint64_t revision;
  uint64_t size;
};

enum class PublishState : uint32_t {
  kValidated = 1,
  kRejected = 2,
  kActive = 3,
  kStale = 4,
  kBusy = 5,
  kStalled = 6
};

struct PublishStatus {
  LinkHeader header;
  uint64_t generation;
  uint32_t state;    // PublishState
  uint32_t section;  // SnapshotSectionType of the fault, for kRejected
  uint64_t index;    // element in that section, for kRejected
  char reason[256];  // UTF-8, NUL-terminated
};

struct StatusRequest {
  LinkHeader header;
};

// What control's journal knows of endpoints, after the segment was lost (a reboot). The descriptor
// is a sealed memfd with SeedRecord[count]. A record is taken only where the tunnel is dynamic, has
// that incarnation in the active snapshot, and nothing has been learned yet.
struct Seed {
  LinkHeader header;
  uint64_t count;
};

struct SeedRecord {
  uint32_t slot;
  uint32_t highest_epoch;
  uint32_t last_seen_ago_s;  // before now; up and expiry follow from it
  uint8_t incarnation;
  uint8_t transport;  // as in TunnelRuntime::endpoint
  uint8_t verified;
  uint8_t previous_secret;
  uint8_t local_address[16];
  uint8_t address[16];  // IPv4-mapped for IPv4; zero: none known, only the epoch
  uint16_t port;        // host byte order
  uint8_t reserved[14];
};
static_assert(sizeof(SeedRecord) == 64);

struct SeedDone {
  LinkHeader header;
  uint64_t accepted;
  uint64_t refused;
};

// What an operator does to one dynamic tunnel.
enum class TunnelCommandKind : uint32_t {
  kClearEpoch = 1,   // forget highest_epoch: the next valid beat or packet may move the endpoint
  kTakeDown = 2,     // forget the endpoint; the next valid beat or packet brings it up again
  kSetEndpoint = 3,  // as if a beat had come from there, without looking at epochs
};

struct TunnelCommand {
  LinkHeader header;
  uint32_t kind;  // TunnelCommandKind
  uint32_t slot;
  uint8_t incarnation;
  uint8_t transport;
  uint16_t port;
  uint32_t tag;  // comes back in the answer
  uint8_t address[16];
  uint8_t local_address[16];
};

struct TunnelCommandDone {
  LinkHeader header;
  uint32_t tag;
  uint32_t done;    // 0: no such dynamic tunnel, or the endpoint is refused
  char reason[64];  // UTF-8, NUL-terminated; empty if done
};

struct PortStatus {
  char name[16];
  char device[64];  // as given on the command line
  char driver[32];
  uint8_t mac[6];
  uint8_t link_up;
  uint8_t reserved0;
  uint32_t queues;
  uint32_t speed_mbps;                                             // 0: unknown
  uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_nombuf;  // as the driver counts them
  uint64_t tx_packets, tx_bytes, tx_errors;
};

struct WorkerStatus {
  uint32_t lcore;
  uint32_t numa_node;
  uint64_t generation;  // last acknowledged
  uint64_t loops;
  uint64_t busy_cycles;  // in bursts that held packets
  uint64_t idle_cycles;
  uint64_t packets;
};

enum class NeighborState : uint8_t {
  kIncomplete = 1,
  kReachable = 2,
  kStale = 3,
  kProbe = 4,
  kFailed = 5
};

struct NeighborStatus {
  uint8_t address[16];  // IPv4-mapped for ARP
  uint8_t mac[6];
  uint8_t state;         // NeighborState
  uint8_t interface;     // index in PopRecord::interfaces
  uint32_t age_seconds;  // since last confirmed
};

struct StatusReply {
  LinkHeader header;
  uint64_t active_generation;
  uint64_t active_revision;
  uint64_t activated_unix_ns;
  uint64_t tsc_hz;
  uint64_t last_validate_ns;  // of the last publish
  uint64_t last_grace_ns;
  uint32_t worker_count;
  uint32_t port_count;
  uint32_t neighbor_count;  // all; the first kMaxNeighborsReported are in `neighbors`
  uint32_t mapped_snapshots;
  int64_t clock_step_s;         // last jump of the system clock against the monotonic one; 0: none
  uint64_t clock_step_unix_ns;  // when it was noticed
  uint64_t dynamic_up;          // tunnels, as the last scan saw them
  uint64_t dynamic_down;
  uint64_t unverified;
  WorkerStatus workers[kMaxWorkers];
  PortStatus ports[kMaxPorts];
  NeighborStatus neighbors[kMaxNeighborsReported];
};

}  // namespace simplon
