// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/tunnel_runtime.h"

namespace simplon {
namespace {

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using namespace endpoint_word;

std::atomic_ref<uint64_t> word_of(TunnelRuntime& record) {
  return std::atomic_ref<uint64_t>(record.endpoint);
}
std::atomic_ref<uint32_t> epoch_of(TunnelRuntime& record) {
  return std::atomic_ref<uint32_t>(record.highest_epoch);
}
std::atomic_ref<uint32_t> last_seen_of(TunnelRuntime& record) {
  return std::atomic_ref<uint32_t>(record.last_seen_s);
}

// 0 means none, and is skipped: it comes once in 136 years.
constexpr uint32_t never_zero(uint32_t epoch) {
  return epoch == 0 ? 1 : epoch;
}

bool is_newer(uint32_t epoch, uint32_t than) {
  return than == 0 || epoch_difference(epoch, than) > 0;
}

// Even; differs from every number in recent use, whoever wrote it.
uint32_t next_sequence() {
  static std::atomic<uint32_t> sequence{0};
  return sequence.fetch_add(2, memory_order_relaxed);
}

uint64_t encode(const Endpoint& e, uint8_t incarnation) {
  uint64_t word = 0;
  if (e.up) word |= e.verified ? kUpVerified : kUpUnverified;
  if (e.transport == Transport::kAyiya) word |= kAyiya;
  word |= uint64_t{e.local_index & 0xfu} << kLocalShift;
  if (e.previous_secret) word |= kPreviousSecret;
  word |= uint64_t{incarnation & 0x7fu} << kIncarnationShift;
  word |= uint64_t{e.port} << kPortShift;
  if (e.address.is_ipv4_mapped()) word |= e.address.ipv4().value();
  return word;
}

bool raise_epoch(TunnelRuntime& record, uint32_t epoch) {
  uint32_t known = epoch_of(record).load(memory_order_relaxed);
  while (is_newer(epoch, known)) {
    if (epoch_of(record).compare_exchange_weak(known, epoch, memory_order_acq_rel)) return true;
  }
  return false;
}

void touch(TunnelRuntime& record, uint32_t now_s) {
  if (last_seen_of(record).load(memory_order_relaxed) != now_s) {
    last_seen_of(record).store(now_s, memory_order_relaxed);
  }
}

}  // namespace

uint32_t RuntimeTable::highest_epoch(uint32_t slot, uint8_t incarnation) const {
  TunnelRuntime& record = records_[slot];
  if (endpoint_word::incarnation(word_of(record).load(memory_order_acquire)) != incarnation)
    return 0;
  return epoch_of(record).load(memory_order_relaxed);
}

uint32_t RuntimeTable::last_seen_s(uint32_t slot, uint8_t incarnation) const {
  TunnelRuntime& record = records_[slot];
  if (endpoint_word::incarnation(word_of(record).load(memory_order_acquire)) != incarnation)
    return 0;
  return last_seen_of(record).load(memory_order_relaxed);
}

// Makes a record of another incarnation this one's, with nothing known. True: it is, and `word` its
// endpoint.
bool RuntimeTable::claim(TunnelRuntime& record, uint64_t& word, uint8_t incarnation) {
  word = word_of(record).load(memory_order_acquire);
  if (is_busy(word)) return false;
  if (endpoint_word::incarnation(word) == incarnation) return true;
  // Nobody reads epoch or time of a record that is busy.
  const uint64_t busy = kIpv6 | uint64_t{incarnation} << kIncarnationShift | next_sequence() | 1;
  if (!word_of(record).compare_exchange_strong(word, busy, memory_order_acq_rel)) return false;
  epoch_of(record).store(0, memory_order_relaxed);
  last_seen_of(record).store(0, memory_order_relaxed);
  word = uint64_t{incarnation} << kIncarnationShift;
  word_of(record).store(word, memory_order_release);
  return true;
}

// From `expected` to `place`; false if somebody else has changed the record.
bool RuntimeTable::store_endpoint(TunnelRuntime& record, uint64_t expected, uint8_t incarnation,
                                  const Endpoint& place) {
  const uint64_t word = encode(place, incarnation);
  if (place.address.is_ipv4_mapped() || !place.known()) {
    return word_of(record).compare_exchange_strong(expected, word, memory_order_acq_rel);
  }
  const uint32_t sequence = next_sequence();
  const uint64_t busy = kIpv6 | uint64_t{incarnation & 0x7fu} << kIncarnationShift | sequence | 1;
  if (!word_of(record).compare_exchange_strong(expected, busy, memory_order_acq_rel)) return false;
  uint64_t halves[2];
  std::memcpy(halves, place.address.bytes.data(), sizeof halves);
  for (int i = 0; i < 2; ++i) {
    // Release: a reader that sees a half also sees that the word was busy.
    std::atomic_ref<uint64_t>(record.ipv6[i]).store(halves[i], memory_order_release);
  }
  word_of(record).store(word | kIpv6 | sequence, memory_order_release);
  return true;
}

Learned RuntimeTable::learn(uint32_t slot, uint8_t incarnation, const Endpoint& from,
                            uint32_t client_time, uint32_t now_s) {
  TunnelRuntime& record = records_[slot];
  const uint32_t epoch = never_zero(client_time);
  uint64_t word = 0;
  if (!claim(record, word, incarnation)) return Learned::kBusy;
  const Endpoint known = load(slot, incarnation);
  const bool was_known = known.known() && word_of(record).load(memory_order_relaxed) == word;

  if (was_known && known.same_place(from)) {
    const bool newer = raise_epoch(record, epoch);
    touch(record, now_s);
    Endpoint now = known;
    now.up = true;
    // What the client says in AYIYA after the packet that moved it here, it says from here; a beat
    // proves nothing, its source address can be forged with the one before.
    const bool verifies =
        known.up && !known.verified && newer && from.transport == Transport::kAyiya;
    now.verified = known.up && (known.verified || verifies);
    now.local_index = from.local_index;
    now.previous_secret = from.previous_secret;
    const uint64_t changed =
        (word & ~(kStateMask | uint64_t{0xf} << kLocalShift | kPreviousSecret)) |
        (encode(now, incarnation) & (kStateMask | uint64_t{0xf} << kLocalShift | kPreviousSecret));
    if (changed != word &&
        !word_of(record).compare_exchange_strong(word, changed, memory_order_acq_rel)) {
      return Learned::kBusy;
    }
    if (!known.up) return Learned::kUp;
    return verifies ? Learned::kVerified : Learned::kSame;
  }

  // Whoever raises the epoch may move the endpoint: of two with the same epoch only one can.
  if (!raise_epoch(record, epoch)) return Learned::kReplayed;
  Endpoint next = from;
  next.up = true;
  next.verified = false;
  if (!store_endpoint(record, word, incarnation, next)) return Learned::kBusy;
  touch(record, now_s);
  return was_known && known.up ? Learned::kMoved : Learned::kUp;
}

bool RuntimeTable::verify(uint32_t slot, uint8_t incarnation, const Endpoint& place) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = word_of(record).load(memory_order_acquire);
  const Endpoint known = load(slot, incarnation);
  if (!known.up || known.verified || !known.same_place(place)) return false;
  return word_of(record).compare_exchange_strong(word, (word & ~kStateMask) | kUpVerified,
                                                 memory_order_acq_rel);
}

bool RuntimeTable::expire(uint32_t slot, uint8_t incarnation, uint32_t now_s, uint32_t timeout_s) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = word_of(record).load(memory_order_acquire);
  if (endpoint_word::incarnation(word) != incarnation || !is_up(word)) return false;
  const uint32_t seen = last_seen_of(record).load(memory_order_relaxed);
  if (seen > now_s || now_s - seen <= timeout_s) return false;
  return word_of(record).compare_exchange_strong(word, word & ~kStateMask, memory_order_acq_rel);
}

bool RuntimeTable::forget(uint32_t slot, uint8_t incarnation) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = 0;
  if (!claim(record, word, incarnation)) return false;
  return word_of(record).compare_exchange_strong(word, uint64_t{incarnation} << kIncarnationShift,
                                                 memory_order_acq_rel);
}

bool RuntimeTable::clear_epoch(uint32_t slot, uint8_t incarnation) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = 0;
  if (!claim(record, word, incarnation)) return false;
  epoch_of(record).store(0, memory_order_relaxed);
  return true;
}

bool RuntimeTable::set(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t now_s) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = 0;
  if (!claim(record, word, incarnation)) return false;
  if (!store_endpoint(record, word, incarnation, place)) return false;
  touch(record, now_s);
  return true;
}

bool RuntimeTable::seed(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t epoch,
                        uint32_t last_seen_s) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = 0;
  if (!claim(record, word, incarnation)) return false;
  const bool untouched = word == uint64_t{incarnation} << kIncarnationShift &&
                         epoch_of(record).load(memory_order_relaxed) == 0 &&
                         last_seen_of(record).load(memory_order_relaxed) == 0;
  if (!untouched) return false;
  if (epoch != 0 && !raise_epoch(record, epoch)) return false;
  if (!place.known()) return true;
  if (!store_endpoint(record, word, incarnation, place)) return false;
  touch(record, last_seen_s);
  return true;
}

bool RuntimeTable::repair(uint32_t slot) {
  TunnelRuntime& record = records_[slot];
  const uint64_t word = word_of(record).load(memory_order_relaxed);
  if (!is_busy(word)) return false;
  // The address may be half of each: forgotten. The epoch still guards the next move.
  word_of(record).store(word & uint64_t{0x7f} << kIncarnationShift, memory_order_release);
  return true;
}

}  // namespace simplon
