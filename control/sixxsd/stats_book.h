// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What each reader of `tunnel stats` has seen: RESET begins anew for the one who said it, and for
// nobody else (docs/protocols.md §12.8). The counters themselves are never touched. One file a
// reader, in the state directory, replaced as a whole, so that a restart counts nothing twice.
// Thread: any.

#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/counters/counter_segment.h"
#include "dataplane/net/address.h"

namespace simplon::control::sixxsd {

// The counters at one RESET.
struct StatsBaseline {
  struct Row {
    uint32_t tunnel_id = 0;
    uint32_t reserved = 0;
    TunnelSums sums{};
  };
  TunnelSums all{};       // of all tunnels together, deleted ones included
  uint64_t hairpin = 0;   // packets from tunnel to tunnel
  std::vector<Row> rows;  // by id; a tunnel without one had counted nothing

  // Zero for one that is not there.
  TunnelSums of(uint32_t tunnel_id) const;
};
static_assert(sizeof(StatsBaseline::Row) == 40);

// What was counted since. Counters that went back belong to another tunnel of the same name: then
// all of it is new.
TunnelSums counted_since(const TunnelSums& now, const TunnelSums& then);

class StatsBook {
 public:
  // Readers beyond this many push out the one that has been away longest.
  static constexpr std::size_t kMaxReaders = 64;

  explicit StatsBook(std::string directory) : directory_(std::move(directory)) {}

  // Never null. From the file where this process does not know the reader yet; a file that is not
  // whole counts as none.
  std::shared_ptr<const StatsBaseline> baseline(const Ipv6Address& reader);
  // Durable when it returns OK; else only in memory.
  absl::Status advance(const Ipv6Address& reader, std::shared_ptr<const StatsBaseline> next);

 private:
  std::string path_of(const Ipv6Address& reader) const;
  void forget_oldest(const std::string& but);

  const std::string directory_;
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const StatsBaseline>> readers_;  // by path
};

}  // namespace simplon::control::sixxsd
