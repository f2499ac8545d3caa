// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/ledger_reader.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "dataplane/state/drop_reason.h"
#include "dataplane/state/error_ledger.h"
#include "dataplane/state/worker_counters.h"

namespace simplon::control {
namespace {

constexpr std::string_view kName = "ledger";
constexpr uint32_t kMaxSets = 1u << 22;

constexpr LedgerNote kNotes[] = {LedgerNote::kIcmpv4Error, LedgerNote::kIcmpv6Error,
                                 LedgerNote::kIcmpv4Echo};

std::string_view fault_of(const LedgerHeader& h, std::size_t size) {
  // Acquire pairs with the creator's release: what follows the flag is complete.
  if (h.ready.load(std::memory_order_acquire) == 0) return "is not ready";
  if (std::memcmp(h.magic, kLedgerMagic, sizeof h.magic) != 0) return "has another magic";
  if (h.abi_major != kLedgerAbiMajor) return "has another ABI";
  if (h.header_size != sizeof(LedgerHeader)) return "has another header";
  if (h.total_size > size) return "is shorter than it says";
  if (h.column_count == 0 || h.column_count > kMaxWorkers + 1) return "has too many columns";
  if (!std::has_single_bit(h.sets_per_column) || h.sets_per_column > kMaxSets) {
    return "has a column of an odd size";
  }
  if (h.counter_list_hash != counter_list_hash()) return "names other reasons";
  const uint64_t records = uint64_t{h.column_count} * h.sets_per_column * kLedgerWays;
  if (!MappedSegment::fits(h.total_size, h.records_offset, records, sizeof(LedgerRecord))) {
    return "is shorter than its records";
  }
  return {};
}

// Without copying: is it worth reading? The copy is compared again.
bool may_be(const LedgerRecord& record, uint32_t slot) {
  const std::atomic_ref<uint32_t> there(const_cast<uint32_t&>(record.slot));
  return there.load(std::memory_order_relaxed) == slot;
}

}  // namespace

void TunnelFault::add(const LedgerRecord& record) {
  reason = record.reason;
  count += record.count;
  if (record.last_unix_ns < last_unix_ns) return;
  last_unix_ns = record.last_unix_ns;
  detail = record.detail;
  source = Ipv6Address::from_bytes(record.source);
  source_port = record.source_port;
  original_length = record.original_length;
  const std::size_t captured = std::min<std::size_t>(record.captured, kLedgerBytes);
  packet.assign(reinterpret_cast<const char*>(record.bytes), captured);
}

absl::StatusOr<std::shared_ptr<const LedgerReader>> LedgerReader::map(UniqueFd fd) {
  auto mapping = MappedSegment::map(std::move(fd), kName, sizeof(LedgerHeader));
  if (!mapping.ok()) return mapping.status();
  const auto& header = *reinterpret_cast<const LedgerHeader*>(mapping->data());
  if (const auto fault = fault_of(header, mapping->size()); !fault.empty()) {
    return unusable_segment(kName, fault);
  }
  return std::shared_ptr<const LedgerReader>(new LedgerReader(*std::move(mapping)));
}

std::vector<TunnelFault> LedgerReader::faults(uint32_t slot, uint8_t incarnation) const {
  std::vector<TunnelFault> faults;
  LedgerRecord copy;
  const auto look = [&](uint8_t reason) {
    TunnelFault fault;
    const std::size_t set =
        std::size_t{ledger_set(slot, reason, header().sets_per_column)} * kLedgerWays;
    const std::size_t column_size = std::size_t{header().sets_per_column} * kLedgerWays;
    for (uint32_t column = 0; column < header().column_count; ++column) {
      const LedgerRecord* first = records() + column * column_size + set;
      for (const LedgerRecord* r = first; r != first + kLedgerWays; ++r) {
        if (!may_be(*r, slot) || !read_ledger_record(*r, copy)) continue;
        if (copy.slot == slot && copy.reason == reason && copy.incarnation == incarnation) {
          fault.add(copy);
        }
      }
    }
    if (fault.count != 0) faults.push_back(std::move(fault));
  };
  for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) look(uint8_t(reason));
  for (const LedgerNote note : kNotes) look(uint8_t(note));
  std::ranges::stable_sort(faults, std::ranges::greater(), &TunnelFault::last_unix_ns);
  return faults;
}

void LedgerReader::visit(const std::function<void(const LedgerRecord&)>& visit) const {
  const std::size_t count =
      std::size_t{header().column_count} * header().sets_per_column * kLedgerWays;
  LedgerRecord copy;
  for (std::size_t i = 0; i < count; ++i) {
    if (counter_load(records()[i].count) == 0) continue;
    if (read_ledger_record(records()[i], copy)) visit(copy);
  }
}

FaultName name_of_fault(uint8_t reason) {
  if (reason < kDropReasonCount) {
    const auto& info = kDropReasons[reason];
    return {info.name, name(info.category), info.help};
  }
  switch (LedgerNote(reason)) {
    case LedgerNote::kIcmpv4Error:
      return {"icmpv4-error-received", "event",
              "ICMPv4 error about a packet the PoP sent to the endpoint"};
    case LedgerNote::kIcmpv6Error:
      return {"icmpv6-error-received", "event",
              "ICMPv6 error about a packet the PoP sent to the endpoint"};
    case LedgerNote::kIcmpv4Echo:
      return {"icmpv4-echo-received", "event", "the endpoint pinged the PoP's outer address"};
  }
  return {};
}

}  // namespace simplon::control
