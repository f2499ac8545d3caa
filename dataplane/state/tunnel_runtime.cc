// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/tunnel_runtime.h"

#include <chrono>

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
constexpr uint32_t never_zero(uint32_t seconds) {
  return seconds == 0 ? 1 : seconds;
}

bool is_newer(uint32_t epoch, uint32_t than) {
  return than == 0 || epoch_difference(epoch, than) > 0;
}

// Even; differs from every number in recent use, whoever wrote it: also from those of the process
// before, of which a reader in another process may have seen half.
uint32_t next_sequence() {
  static std::atomic<uint32_t> sequence{
      static_cast<uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count()) & ~1u};
  return sequence.fetch_add(2, memory_order_relaxed);
}

constexpr uint64_t word_of_incarnation(uint8_t incarnation) {
  return uint64_t{incarnation & 0x7fu} << kIncarnationShift;
}

// All but the address of an IPv6 endpoint.
uint64_t encode(const Endpoint& e, uint8_t incarnation) {
  uint64_t word = word_of_incarnation(incarnation);
  if (e.up) word |= e.verified ? kUpVerified : kUpUnverified;
  if (e.transport == Transport::kAyiya) word |= kAyiya;
  word |= uint64_t{e.local_index & 0xfu} << kLocalShift;
  if (e.previous_secret) word |= kPreviousSecret;
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
  now_s = never_zero(now_s);
  if (last_seen_of(record).load(memory_order_relaxed) != now_s) {
    last_seen_of(record).store(now_s, memory_order_relaxed);
  }
}

// The endpoint that `word` says, whole. False: it has changed since.
bool read(TunnelRuntime& record, uint64_t word, Endpoint& endpoint) {
  decode(word, endpoint);
  return (word & kIpv6) == 0 || load_ipv6(record, word, endpoint.address);
}

}  // namespace

// Makes the word busy, which keeps every other writer out and makes readers see nothing, and puts
// another one there at the end: the one before, unless it was told a new one. A few dozen
// instructions; only for what happens seldom. The number in a busy word is a fresh one, so a word
// that has come back to what it was meanwhile (A, B, A) is no way in for a writer that was
// suspended: it decides anew once it has the lock.
//
// A record of another incarnation keeps that in the busy word, and is this one's only at the end:
// nobody takes the epoch and the time of the one for the other's, and if the process dies in
// between nothing is believed.
class RuntimeTable::Lock {
 public:
  // `expected`: as read; not busy.
  Lock(TunnelRuntime& record, uint64_t expected, uint8_t incarnation)
      : record_(record), word_(expected), incarnation_(incarnation) {
    const uint64_t busy =
        word_of_incarnation(endpoint_word::incarnation(expected)) | kIpv6 | next_sequence() | 1;
    locked_ = !is_busy(expected) &&
              word_of(record_).compare_exchange_strong(expected, busy, memory_order_acq_rel);
    if (!locked_ || endpoint_word::incarnation(word_) == incarnation_) return;
    // Seen with the word that makes them this incarnation's, below.
    epoch_of(record_).store(0, memory_order_relaxed);
    last_seen_of(record_).store(0, memory_order_relaxed);
    word_ = word_of_incarnation(incarnation_);
  }
  ~Lock() {
    // Release: pairs with the acquire of readers and of the next writer.
    if (locked_) word_of(record_).store(word_, memory_order_release);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  explicit operator bool() const { return locked_; }
  // What the record said, of this incarnation.
  uint64_t word() const { return word_; }

  void forget() { word_ = word_of_incarnation(incarnation_); }
  void put(const Endpoint& place) {
    word_ = encode(place, incarnation_);
    if (place.address.is_ipv4_mapped() || !place.known()) return;
    word_ |= kIpv6 | next_sequence();
    uint64_t halves[2];
    std::memcpy(halves, place.address.bytes.data(), sizeof halves);
    for (int i = 0; i < 2; ++i) {
      // Release: a reader that sees a half also sees that the word was busy.
      std::atomic_ref<uint64_t>(record_.ipv6[i]).store(halves[i], memory_order_release);
    }
  }

 private:
  TunnelRuntime& record_;
  uint64_t word_;
  uint8_t incarnation_;
  bool locked_ = false;
};

uint32_t RuntimeTable::highest_epoch(uint32_t slot, uint8_t incarnation) const {
  TunnelRuntime& record = records_[slot];
  const uint64_t word = word_of(record).load(memory_order_acquire);
  if (endpoint_word::incarnation(word) != incarnation) return 0;
  return epoch_of(record).load(memory_order_relaxed);
}

uint32_t RuntimeTable::last_seen_s(uint32_t slot, uint8_t incarnation) const {
  TunnelRuntime& record = records_[slot];
  const uint64_t word = word_of(record).load(memory_order_acquire);
  if (endpoint_word::incarnation(word) != incarnation) return 0;
  return last_seen_of(record).load(memory_order_relaxed);
}

Learned RuntimeTable::learn(uint32_t slot, uint8_t incarnation, const Endpoint& from,
                            uint32_t client_time, uint32_t now_s) {
  TunnelRuntime& record = records_[slot];
  const uint32_t epoch = never_zero(client_time);
  const uint64_t word = word_of(record).load(memory_order_acquire);
  if (is_busy(word)) return Learned::kBusy;
  if (endpoint_word::incarnation(word) == incarnation) {
    Endpoint known;
    if (!read(record, word, known)) return Learned::kBusy;
    if (known.known() && known.same_place(from)) {
      return refresh(record, word, known, from, epoch, now_s);
    }
    // Without the lock: what is replayed must not get in the way of readers.
    if (!is_newer(epoch, epoch_of(record).load(memory_order_relaxed))) return Learned::kReplayed;
  }

  Lock lock(record, word, incarnation);
  if (!lock) return Learned::kBusy;
  // Whoever raises the epoch may move the endpoint: of two with the same epoch only one can.
  if (!raise_epoch(record, epoch)) return Learned::kReplayed;
  touch(record, now_s);  // before it is up, for expire()
  Endpoint next = from;
  next.up = true;
  next.verified = false;
  const bool was_up = is_up(lock.word());
  lock.put(next);
  return was_up ? Learned::kMoved : Learned::kUp;
}

// A sign of life from the endpoint in `word`.
Learned RuntimeTable::refresh(TunnelRuntime& record, uint64_t word, const Endpoint& known,
                              const Endpoint& from, uint32_t epoch, uint32_t now_s) {
  const bool newer = raise_epoch(record, epoch);
  touch(record, now_s);
  // What the client says in AYIYA after the packet that moved it here, it says from here; a beat
  // proves nothing, its source address can be forged with the one before.
  const bool verifies = known.up && !known.verified && newer && from.transport == Transport::kAyiya;
  uint64_t next = word;
  if (!known.up) {
    next = (word & ~kStateMask) | kUpUnverified;
  } else if (verifies) {
    next = (word & ~kStateMask) | kUpVerified;
  }
  // Not by a replayed packet of before the rotation.
  if (newer || !known.up) {
    next = from.previous_secret ? next | kPreviousSecret : next & ~kPreviousSecret;
  }
  if (next != word && !word_of(record).compare_exchange_strong(word, next, memory_order_acq_rel)) {
    return Learned::kBusy;
  }
  if (!known.up) return Learned::kUp;
  return verifies ? Learned::kVerified : Learned::kSame;
}

bool RuntimeTable::verify(uint32_t slot, uint8_t incarnation, const Endpoint& place) {
  TunnelRuntime& record = records_[slot];
  uint64_t word = word_of(record).load(memory_order_acquire);
  if (endpoint_word::incarnation(word) != incarnation || is_busy(word)) return false;
  Endpoint known;
  if (!read(record, word, known)) return false;
  if (!known.up || known.verified || !known.same_place(place)) return false;
  return word_of(record).compare_exchange_strong(word, (word & ~kStateMask) | kUpVerified,
                                                 memory_order_acq_rel);
}

bool RuntimeTable::expire(uint32_t slot, uint8_t incarnation, uint32_t now_s, uint32_t timeout_s) {
  TunnelRuntime& record = records_[slot];
  // Acquire: pairs with the release that brought it up, which the time was written before.
  uint64_t word = word_of(record).load(memory_order_acquire);
  if (endpoint_word::incarnation(word) != incarnation || !is_up(word)) return false;
  // Signed: a worker may be a moment ahead, and a time taken from a journal lie before the boot.
  const uint32_t seen = last_seen_of(record).load(memory_order_relaxed);
  if (epoch_difference(now_s, seen) <= static_cast<int32_t>(timeout_s)) return false;
  return word_of(record).compare_exchange_strong(word, word & ~kStateMask, memory_order_acq_rel);
}

bool RuntimeTable::forget(uint32_t slot, uint8_t incarnation) {
  TunnelRuntime& record = records_[slot];
  Lock lock(record, word_of(record).load(memory_order_acquire), incarnation);
  if (!lock) return false;
  lock.forget();
  return true;
}

bool RuntimeTable::clear_epoch(uint32_t slot, uint8_t incarnation) {
  TunnelRuntime& record = records_[slot];
  const Lock lock(record, word_of(record).load(memory_order_acquire), incarnation);
  if (!lock) return false;
  epoch_of(record).store(0, memory_order_relaxed);
  return true;
}

bool RuntimeTable::set(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t now_s) {
  TunnelRuntime& record = records_[slot];
  Lock lock(record, word_of(record).load(memory_order_acquire), incarnation);
  if (!lock) return false;
  touch(record, now_s);
  lock.put(place);
  return true;
}

bool RuntimeTable::seed(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t epoch,
                        uint32_t last_seen_s) {
  TunnelRuntime& record = records_[slot];
  const auto journal_knows_more = [&](uint64_t word) {
    const uint32_t learned = epoch_of(record).load(memory_order_relaxed);
    if (word != word_of_incarnation(incarnation)) {
      return learned != 0 && epoch_difference(epoch, learned) > 0;
    }
    return learned == 0 && last_seen_of(record).load(memory_order_relaxed) == 0;
  };
  const uint64_t word = word_of(record).load(memory_order_acquire);
  // First without the lock: who knows more must not lose packets to a journal.
  if (endpoint_word::incarnation(word) == incarnation && !journal_knows_more(word)) return false;
  Lock lock(record, word, incarnation);
  if (!lock || !journal_knows_more(lock.word())) return false;
  epoch_of(record).store(epoch, memory_order_relaxed);
  if (!place.known()) {
    lock.forget();
    return true;
  }
  touch(record, last_seen_s);
  lock.put(place);
  return true;
}

bool RuntimeTable::repair(uint32_t slot) {
  TunnelRuntime& record = records_[slot];
  const uint64_t word = word_of(record).load(memory_order_relaxed);
  if (!is_busy(word) && (word & kStateMask) != kStateMask) return false;
  // The address may be half of each: forgotten. The epoch still guards the next move.
  word_of(record).store(word_of_incarnation(endpoint_word::incarnation(word)),
                        memory_order_release);
  return true;
}

void RuntimeTable::restart_clock(uint32_t slot, uint32_t now_s) {
  TunnelRuntime& record = records_[slot];
  if (last_seen_of(record).load(memory_order_relaxed) == 0) return;
  const bool up = is_up(word_of(record).load(memory_order_relaxed));
  last_seen_of(record).store(up ? never_zero(now_s) : 0, memory_order_relaxed);
}

}  // namespace simplon
