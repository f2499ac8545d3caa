// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/seed.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "dataplane/table/endpoint_rules.h"

namespace simplon {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
// An endpoint not heard of for longer is worth no more than its epoch.
constexpr uint32_t kOldestSeen = 86'400;

// Null, or the reason; nobody can change or shorten it once the seals are on.
const char* find_fault(const Seed& message, int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return "not a regular file";
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return "not sealed";
  if (message.count > kMaxSlots) return "more records than slots";
  if (static_cast<uint64_t>(status.st_size) != message.count * sizeof(SeedRecord)) {
    return "another size than announced";
  }
  return nullptr;
}

bool is_clean(const SeedRecord& record) {
  const bool zero = std::all_of(std::begin(record.reserved), std::end(record.reserved),
                                [](uint8_t byte) { return byte == 0; });
  return zero && record.transport <= static_cast<uint8_t>(Transport::kAyiya) &&
         record.verified <= 1 && record.previous_secret <= 1;
}

// Index in PopRecord::local_addresses; kMaxLocalAddresses: it is none of them.
uint32_t find_local_address(const PopRecord& pop, const uint8_t (&address)[16]) {
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (std::memcmp(pop.local_addresses[i], address, sizeof address) == 0) return i;
  }
  return kMaxLocalAddresses;
}

bool take_record(const SeedRecord& record, const SnapshotView& table, RuntimeTable& runtime,
                 uint32_t boot_s) {
  if (!is_clean(record) || record.slot >= table.slot_capacity() ||
      record.slot >= runtime.capacity()) {
    return false;
  }
  const TunnelSlot& slot = table.slot(record.slot);
  const auto kind = static_cast<TunnelKind>(slot.kind);
  if (!is_dynamic(kind) || slot.incarnation != record.incarnation) return false;

  Endpoint place;
  place.address = Ipv6Address::from_bytes(record.address);
  place.transport = static_cast<Transport>(record.transport);
  place.port = record.port;
  const uint32_t local = find_local_address(table.pop(), record.local_address);
  const bool ayiya = place.transport == Transport::kAyiya;
  // What cannot be this tunnel's endpoint (any more) is left out; the epoch guards against replays
  // all the same.
  if (!is_possible_endpoint(table, place.address) || local == kMaxLocalAddresses ||
      Ipv6Address::from_bytes(record.local_address).is_ipv4_mapped() !=
          place.address.is_ipv4_mapped() ||
      !(ayiya ? takes_ayiya(kind) : takes_beats(kind)) || ayiya != (place.port != 0) ||
      record.last_seen_ago_s > kOldestSeen) {
    place = {};
  } else {
    place.local_index = static_cast<uint8_t>(local);
    place.previous_secret =
        record.previous_secret != 0 && (slot.options & kTunnelOptionRotation) != 0;
    place.up = record.last_seen_ago_s <= slot.beat_timeout_s && (slot.flags & kTunnelEnabled) != 0;
    place.verified = place.up && record.verified != 0;
  }
  if (!place.known() && record.highest_epoch == 0) return false;
  return runtime.seed(record.slot, record.incarnation, place, record.highest_epoch,
                      boot_s - record.last_seen_ago_s);
}

}  // namespace

SeedDone take_seed(const Seed& message, int fd, const SnapshotView& table, RuntimeTable& runtime,
                   uint32_t boot_s) {
  SeedDone done{};
  done.refused = message.count;
  if (const char* fault = find_fault(message, fd)) {
    spdlog::warn("event=seed_refused records={} reason=\"{}\"", message.count, fault);
    return done;
  }
  if (message.count == 0) return done;
  const std::size_t size = message.count * sizeof(SeedRecord);
  void* p = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (p == MAP_FAILED) return done;
  done.refused = 0;
  const auto* records = static_cast<const SeedRecord*>(p);
  for (uint64_t i = 0; i < message.count; ++i) {
    const bool taken = take_record(records[i], table, runtime, boot_s);
    ++(taken ? done.accepted : done.refused);
  }
  munmap(p, size);
  spdlog::info("event=seeded accepted={} refused={}", done.accepted, done.refused);
  return done;
}

}  // namespace simplon
