// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/error_ledger.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "dataplane/net/headers.h"
#include "dataplane/state/drop_reason.h"
#include "dataplane/state/shared_words.h"

namespace simplon {
namespace {

// `version` and `slot` share a word and are written one by one; the rest follows.
static_assert(offsetof(LedgerRecord, slot) == 4 && offsetof(LedgerRecord, reason) == 8);
constexpr std::size_t kBodyOffset = 8;
constexpr std::size_t kBody = sizeof(LedgerRecord) - kBodyOffset;

// `version` goes odd before the first byte changes and even again after the last. What is written
// in between is written with release, so that who reads it also sees the odd version.
class Writing {
 public:
  explicit Writing(LedgerRecord& record) : version_(record.version) {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  ~Writing() {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  std::atomic_ref<uint32_t> version_;
};

template <typename T>
void store(T& to, T value) {
  std::atomic_ref<T>(to).store(value, std::memory_order_release);
}

bool is_of(const LedgerRecord& record, const LedgerEntry& entry) {
  return record.count != 0 && record.slot == entry.slot && record.reason == entry.reason &&
         record.incarnation == entry.incarnation;
}

// Only clocks have one that is of use to an operator (proto/link/segment_format.h).
int64_t detail_of(const LedgerEntry& entry) {
  const bool clock = entry.reason == static_cast<uint8_t>(DropReason::kAyiyaClockSkew) ||
                     entry.reason == static_cast<uint8_t>(DropReason::kBeatClockSkew);
  return clock ? entry.detail : 0;
}

// Source address and port of the outermost headers, where they are there to be read.
void set_source(LedgerRecord& record, std::span<const uint8_t> packet) {
  std::size_t transport = 0;
  uint8_t protocol = 0;
  if (packet.size() >= sizeof(Ipv4Header) && packet[0] >> 4 == 4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
    const Ipv6Address mapped = Ipv6Address::from_ipv4(ip->source);
    std::memcpy(record.source, mapped.bytes.data(), sizeof record.source);
    transport = ip->header_length();
    protocol = ip->protocol;
  } else if (packet.size() >= sizeof(Ipv6Header) && packet[0] >> 4 == 6) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
    std::memcpy(record.source, ip->source.bytes.data(), sizeof record.source);
    transport = sizeof(Ipv6Header);
    protocol = ip->next_header;
  }
  if (protocol == kProtocolUdp && packet.size() >= transport + sizeof(UdpHeader)) {
    record.source_port =
        reinterpret_cast<const UdpHeader*>(packet.data() + transport)->source_port.value();
  }
}

}  // namespace

// The record of that slot, incarnation and reason; else a free one or the oldest of the set.
LedgerRecord& ErrorLedger::find(const LedgerEntry& entry) {
  LedgerRecord* set =
      records_ + std::size_t{ledger_set(entry.slot, entry.reason, sets_)} * kLedgerWays;
  LedgerRecord* oldest = set;
  for (LedgerRecord* r = set; r != set + kLedgerWays; ++r) {
    if (is_of(*r, entry)) return *r;
    if (r->last_unix_ns < oldest->last_unix_ns) oldest = r;
  }
  return *oldest;
}

void ErrorLedger::book(const LedgerEntry& entry, uint64_t unix_ns) {
  if (records_ == nullptr) return;
  LedgerRecord& record = find(entry);
  const uint64_t count = is_of(record, entry) ? record.count + 1 : 1;
  // Not moved on without a sample: under a flood one packet in kSampleNs is kept.
  if (count != 1 && unix_ns - record.last_unix_ns < kSampleNs) {
    const Writing writing(record);
    store(record.count, count);
    store(record.detail, detail_of(entry));
    return;
  }
  // Made afresh: nothing of another tunnel's packet stays behind a shorter one.
  LedgerRecord next{};
  next.slot = entry.slot;
  next.reason = entry.reason;
  next.incarnation = entry.incarnation;
  next.original_length = static_cast<uint16_t>(std::min<std::size_t>(entry.packet.size(), 0xffff));
  next.captured = static_cast<uint16_t>(std::min(entry.packet.size(), kLedgerBytes));
  next.count = count;
  next.last_unix_ns = unix_ns;
  next.detail = detail_of(entry);
  set_source(next, entry.packet);
  if (next.captured != 0) std::memcpy(next.bytes, entry.packet.data(), next.captured);

  const Writing writing(record);
  store(record.slot, next.slot);
  store_words(reinterpret_cast<std::byte*>(&record) + kBodyOffset,
              reinterpret_cast<const std::byte*>(&next) + kBodyOffset, kBody);
}

bool read_ledger_record(const LedgerRecord& record, LedgerRecord& copy) {
  const std::atomic_ref<uint32_t> version(const_cast<uint32_t&>(record.version));
  const std::atomic_ref<uint32_t> slot(const_cast<uint32_t&>(record.slot));
  for (int attempt = 0; attempt < 16; ++attempt) {
    const uint32_t before = version.load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    copy.version = before;
    copy.slot = slot.load(std::memory_order_acquire);
    load_words(reinterpret_cast<std::byte*>(&copy) + kBodyOffset,
               reinterpret_cast<const std::byte*>(&record) + kBodyOffset, kBody);
    if (version.load(std::memory_order_relaxed) == before) return copy.count != 0;
  }
  return false;
}

bool repair_ledger_record(LedgerRecord& record) {
  if ((record.version & 1) == 0) return false;
  // Odd all the while, for a reader that still has the file of the process before.
  store(record.slot, uint32_t{0});
  const LedgerRecord none{};
  store_words(reinterpret_cast<std::byte*>(&record) + kBodyOffset,
              reinterpret_cast<const std::byte*>(&none) + kBodyOffset, kBody);
  store(record.version, record.version + 1);
  return true;
}

}  // namespace simplon
