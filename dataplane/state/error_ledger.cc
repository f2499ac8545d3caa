// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/error_ledger.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "dataplane/net/headers.h"

namespace simplon {
namespace {

// `version` goes odd before the first byte changes and even again after the last.
class Writing {
 public:
  explicit Writing(LedgerRecord& record) : version_(record.version) {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Writing() {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  std::atomic_ref<uint32_t> version_;
};

// Source address and port of the outermost headers, where they are there to be read.
void set_source(LedgerRecord& record, std::span<const uint8_t> packet) {
  std::memset(record.source, 0, sizeof record.source);
  record.source_port = 0;
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
    if (r->count != 0 && r->slot == entry.slot && r->reason == entry.reason &&
        r->incarnation == entry.incarnation) {
      return *r;
    }
    if (r->last_unix_ns < oldest->last_unix_ns) oldest = r;
  }
  return *oldest;
}

void ErrorLedger::book(const LedgerEntry& entry, uint64_t unix_ns) {
  if (records_ == nullptr) return;
  LedgerRecord& record = find(entry);
  const bool known = record.count != 0 && record.slot == entry.slot &&
                     record.reason == entry.reason && record.incarnation == entry.incarnation;
  const bool sample = !known || unix_ns - record.last_unix_ns >= kSampleNs;
  const Writing writing(record);
  if (!known) {
    record.slot = entry.slot;
    record.reason = entry.reason;
    record.incarnation = entry.incarnation;
    record.count = 0;
  }
  ++record.count;
  record.detail = entry.detail;
  if (!sample) return;
  // Not moved on without a sample: under a flood one packet in kSampleNs is kept.
  record.last_unix_ns = unix_ns;
  record.original_length =
      static_cast<uint16_t>(std::min<std::size_t>(entry.packet.size(), 0xffff));
  record.captured = static_cast<uint16_t>(std::min(entry.packet.size(), kLedgerBytes));
  set_source(record, entry.packet);
  if (record.captured != 0) std::memcpy(record.bytes, entry.packet.data(), record.captured);
}

bool read_ledger_record(const LedgerRecord& record, LedgerRecord& copy) {
  const std::atomic_ref<uint32_t> version(const_cast<uint32_t&>(record.version));
  for (int attempt = 0; attempt < 16; ++attempt) {
    const uint32_t before = version.load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    std::memcpy(&copy, &record, sizeof copy);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (version.load(std::memory_order_relaxed) == before) return copy.count != 0;
  }
  return false;
}

}  // namespace simplon
