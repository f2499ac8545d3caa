// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is learned about dynamic tunnels (proto/link/segment_format.h, docs/protocols.md §10.3 and
// §10.4): one record a slot, written by workers (AYIYA) and the slow path (beats, expiry,
// operator). Nobody ever waits: readers never see half an endpoint, and a writer that meets another
// one at the same record gives up, and the client's next packet tries again. How:
// docs/architecture.md.

#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/net/address.h"
#include "proto/link/segment_format.h"

namespace simplon {

enum class Transport : uint8_t { kProto41 = 0, kAyiya = 1 };

// Where a dynamic tunnel ends. `port` is 0 for protocol 41.
struct Endpoint {
  Ipv6Address address;  // IPv4-mapped for IPv4
  uint16_t port = 0;    // host byte order
  uint8_t local_index = 0;
  Transport transport = Transport::kProto41;
  bool up = false;
  bool verified = false;         // return routability, docs/protocols.md §10.5
  bool previous_secret = false;  // the client signs with the password before the current one

  // False: nothing has been learned yet, and the rest means nothing.
  bool known() const { return !address.is_unspecified(); }
  // The PoP's address belongs to it: else a replayed packet that was sent there could make the PoP
  // talk from an address the client's NAT knows nothing of.
  bool same_place(const Endpoint& other) const {
    return address == other.address && port == other.port && transport == other.transport &&
           local_index == other.local_index;
  }
};

enum class Learned : uint8_t {
  kSame,      // from the endpoint as known
  kVerified,  // the same, and its later epoch verified it
  kUp,        // the tunnel was down
  kMoved,     // the endpoint is a new one now
  kReplayed,  // refused: from elsewhere, and not newer than what was accepted before
  kBusy,      // another writer was faster: valid, but nothing was learned from it
};

// Signed difference of two epochs, modulo 2^32.
constexpr int32_t epoch_difference(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b);
}

class RuntimeTable {
 public:
  RuntimeTable() = default;
  // Memory of the caller's, `records.size()` at least the slot capacity of any table in use.
  explicit RuntimeTable(std::span<TunnelRuntime> records)
      : records_(records.data()), capacity_(static_cast<uint32_t>(records.size())) {}

  uint32_t capacity() const { return capacity_; }
  [[gnu::always_inline]] void prefetch(uint32_t slot) const { __builtin_prefetch(records_ + slot); }

  // The endpoint as endpoint_word below has it. Any thread. Acquire: pairs with the release of
  // whoever wrote it.
  uint64_t word(uint32_t slot) const {
    return std::atomic_ref<uint64_t>(records_[slot].endpoint).load(std::memory_order_acquire);
  }
  // Any thread; lock-free. What belongs to another incarnation is not known.
  Endpoint load(uint32_t slot, uint8_t incarnation) const;
  // load() and known() and same_place(), without the endpoint.
  bool is_at(uint32_t slot, uint8_t incarnation, const Endpoint& place) const;
  // Of a packet from where is_at(): learn() would say kSame and change nothing, as for most packets
  // of any second.
  bool is_old_news(uint32_t slot, uint32_t epoch, uint32_t now_s) const;
  // 0: none.
  uint32_t highest_epoch(uint32_t slot, uint8_t incarnation) const;
  uint32_t last_seen_s(uint32_t slot, uint8_t incarnation) const;

  // A beat or AYIYA packet whose signature is good came from `from` (`up` and `verified` are
  // ignored) with the client's time `epoch` at `now_s` of CLOCK_BOOTTIME. The rule of
  // docs/protocols.md §10.4: from the current place anything goes, a new place needs a newer epoch.
  // Of several that race for one epoch exactly one may move the endpoint. Workers and slow path.
  Learned learn(uint32_t slot, uint8_t incarnation, const Endpoint& from, uint32_t epoch,
                uint32_t now_s);

  // The rest: slow path. They return false where the record has changed meanwhile or does not
  // apply.

  // Up and still at `place`: verified.
  bool verify(uint32_t slot, uint8_t incarnation, const Endpoint& place);
  // Down, if up and unheard of for more than `timeout_s`. The endpoint and the epoch stay known.
  bool expire(uint32_t slot, uint8_t incarnation, uint32_t now_s, uint32_t timeout_s);
  // Down, and the endpoint is forgotten; the epoch stays.
  bool forget(uint32_t slot, uint8_t incarnation);
  bool clear_epoch(uint32_t slot, uint8_t incarnation);
  // Puts an endpoint there whatever the epochs say: the operator's word. `place.up`, `.verified`
  // count.
  bool set(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t now_s);
  // Takes what a journal knew, where the record is all zero, or where what was learned since is
  // older than what the journal knew: a recorded packet that came before the journal did. `place`
  // may be unknown.
  bool seed(uint32_t slot, uint8_t incarnation, const Endpoint& place, uint32_t epoch,
            uint32_t last_seen_s);

  // Next sequence number of a GRE tunnel (RFC 2890): any worker. A static tunnel is never heard of;
  // and where a worker still has the table in which the slot was a GRE tunnel, one second more does
  // no harm to its successor, as half an address would.
  uint32_t next_gre_sequence(uint32_t slot) {
    return std::atomic_ref<uint32_t>(records_[slot].last_seen_s)
        .fetch_add(1, std::memory_order_relaxed);
  }

  // Before any reader or writer runs: mends a record that a process died writing. True: it was one.
  bool repair(uint32_t slot);
  // The same after a boot, which began CLOCK_BOOTTIME anew: what was up was heard of `now_s`, of
  // the rest nobody knows when.
  void restart_clock(uint32_t slot, uint32_t now_s);

 private:
  class Lock;
  Learned refresh(TunnelRuntime& record, uint64_t word, const Endpoint& known, const Endpoint& from,
                  uint32_t epoch, uint32_t now_s);

  TunnelRuntime* records_ = nullptr;
  uint32_t capacity_ = 0;
};

// ---- The endpoint word, for readers in other processes too.

namespace endpoint_word {

inline constexpr uint64_t kUpUnverified = uint64_t{1} << 62;
inline constexpr uint64_t kUpVerified = uint64_t{2} << 62;
inline constexpr uint64_t kStateMask = uint64_t{3} << 62;
inline constexpr uint64_t kAyiya = uint64_t{1} << 61;
inline constexpr uint64_t kIpv6 = uint64_t{1} << 60;
inline constexpr unsigned kLocalShift = 56;
inline constexpr uint64_t kPreviousSecret = uint64_t{1} << 55;
inline constexpr unsigned kIncarnationShift = 48;
inline constexpr unsigned kPortShift = 32;

constexpr uint8_t incarnation(uint64_t word) {
  return static_cast<uint8_t>(word >> kIncarnationShift & 0x7f);
}
constexpr uint8_t local_index(uint64_t word) {
  return static_cast<uint8_t>(word >> kLocalShift & 0xf);
}
constexpr bool is_up(uint64_t word) {
  return (word & kStateMask) != 0;
}
// Somebody is writing the record, and owns it until he is done.
constexpr bool is_busy(uint64_t word) {
  return (word & kIpv6) != 0 && (word & 1) != 0;
}

// Both words have the same IPv6 address: each address written has a sequence number of its own.
constexpr bool same_ipv6(uint64_t a, uint64_t b) {
  return ((a ^ b) & (kIpv6 | 0xffff'ffff)) == 0;
}

// All but the address of an IPv6 endpoint.
inline void decode(uint64_t word, Endpoint& e) {
  if ((word & kIpv6) == 0 && static_cast<uint32_t>(word) != 0) {
    // As two words, which is how it is compared; by bytes would cost a hundred cycles then.
    const uint64_t halves[2] = {0, byte_swap(uint64_t{0xffff} << 32 | static_cast<uint32_t>(word))};
    std::memcpy(e.address.bytes.data(), halves, sizeof halves);
  }
  e.port = static_cast<uint16_t>(word >> kPortShift);
  e.local_index = local_index(word);
  e.transport = (word & kAyiya) != 0 ? Transport::kAyiya : Transport::kProto41;
  e.up = is_up(word);
  e.verified = (word & kStateMask) == kUpVerified;
  e.previous_secret = (word & kPreviousSecret) != 0;
}

}  // namespace endpoint_word

// The address of an IPv6 endpoint whose word was read with acquire. False: it has changed since.
inline bool load_ipv6(TunnelRuntime& record, uint64_t word, Ipv6Address& address) {
  uint64_t halves[2];
  for (int i = 0; i < 2; ++i) {
    // Acquire: the check of the word below stays behind. Pairs with the release of the writer, who
    // made the word busy before.
    halves[i] = std::atomic_ref<uint64_t>(record.ipv6[i]).load(std::memory_order_acquire);
  }
  const std::atomic_ref<uint64_t> endpoint(record.endpoint);
  if (!endpoint_word::same_ipv6(endpoint.load(std::memory_order_relaxed), word)) return false;
  std::memcpy(address.bytes.data(), halves, sizeof halves);
  return true;
}

// An IPv4 endpoint is compared in its word: putting it together first takes longer than the rest.
inline bool RuntimeTable::is_at(uint32_t slot, uint8_t incarnation, const Endpoint& place) const {
  using namespace endpoint_word;
  if (!place.address.is_ipv4_mapped()) [[unlikely]] {
    const Endpoint known = load(slot, incarnation);
    return known.known() && known.same_place(place);
  }
  constexpr uint64_t kPlace = kAyiya | kIpv6 | uint64_t{0xf} << kLocalShift |
                              uint64_t{0x7f} << kIncarnationShift |
                              ((uint64_t{1} << kIncarnationShift) - 1);
  const uint64_t wanted = (place.transport == Transport::kAyiya ? kAyiya : 0) |
                          uint64_t{place.local_index & 0xfu} << kLocalShift |
                          uint64_t{incarnation & 0x7fu} << kIncarnationShift |
                          uint64_t{place.port} << kPortShift | place.address.ipv4().value();
  // Pairs with the release of whoever wrote the endpoint.
  const uint64_t word =
      std::atomic_ref<uint64_t>(records_[slot].endpoint).load(std::memory_order_acquire);
  return (word & kPlace) == wanted;
}

inline bool RuntimeTable::is_old_news(uint32_t slot, uint32_t epoch, uint32_t now_s) const {
  TunnelRuntime& record = records_[slot];
  const auto load_relaxed = [](auto& field) {
    return std::atomic_ref(field).load(std::memory_order_relaxed);
  };
  const uint32_t highest = load_relaxed(record.highest_epoch);
  return endpoint_word::is_up(load_relaxed(record.endpoint)) && highest != 0 && epoch != 0 &&
         epoch_difference(epoch, highest) <= 0 && load_relaxed(record.last_seen_s) == now_s;
}

inline Endpoint RuntimeTable::load(uint32_t slot, uint8_t incarnation) const {
  TunnelRuntime& record = records_[slot];
  // Pairs with the release of whoever wrote the endpoint.
  const uint64_t word = std::atomic_ref<uint64_t>(record.endpoint).load(std::memory_order_acquire);
  Endpoint e;
  if (endpoint_word::incarnation(word) != incarnation || endpoint_word::is_busy(word)) return e;
  endpoint_word::decode(word, e);
  if ((word & endpoint_word::kIpv6) != 0 && !load_ipv6(record, word, e.address)) [[unlikely]]
    e = Endpoint{};
  return e;
}

}  // namespace simplon
