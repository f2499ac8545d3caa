// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a thread needs to take and send AYIYA: its hash engine, the budgets for hashes that turn out
// wrong, and room for one burst. One per WorkerContext, one thread.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/pipeline/link_table.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/state/tunnel_runtime.h"

namespace simplon {

// Signatures that anybody can make the PoP check (docs/protocols.md §8.8). A check is paid for in
// advance, and given back when the signature is good: only failures cost anything. Strangers pay
// out of the bucket of their address and one for all of them; what comes from the present endpoint
// of a tunnel out of the tunnel's, so that strangers cannot drain it, and another one for all.
class HashBudget {
 public:
  // Failures per second, and at once. A burst of them is looked at before the first one is known.
  struct Rate {
    uint32_t per_second;
    uint32_t burst;
  };
  static constexpr Rate kSource{100, 256};
  static constexpr Rate kStrangers{50'000, 4096};
  static constexpr Rate kTunnel{5'000, 1024};
  static constexpr Rate kEndpoints{100'000, 8192};
  static constexpr std::size_t kBuckets = 4096;

  // Where a check was paid; empty: it was not.
  struct Payment {
    uint64_t* own = nullptr;
    uint64_t* common = nullptr;
    bool by_stranger = false;
    explicit operator bool() const { return own != nullptr; }
  };

  // `seed` makes it a secret who shares a bucket with whom.
  explicit HashBudget(uint64_t seed) : multiplier_((seed * 2 + 1) ^ 0x9e3779b97f4a7c14) {}

  Payment pay_as_stranger(const Ipv6Address& source, uint64_t now_ns) {
    // An IPv6 source is worth a /64: whoever has one address there has all of them.
    const uint64_t key = source.is_ipv4_mapped() ? source.lo() : source.hi();
    return pay<kSource, kStrangers>(sources_[bucket(key)], strangers_, now_ns, true);
  }
  Payment pay_as_endpoint(uint32_t slot, uint64_t now_ns) {
    return pay<kTunnel, kEndpoints>(tunnels_[bucket(slot)], endpoints_, now_ns, false);
  }

  // The two halves of pay_as_endpoint(), for a burst: what the tunnels owe, and what all of them
  // together do. Null and false: nothing has been paid.
  uint64_t* pay_own(uint32_t slot, uint64_t now_ns) {
    uint64_t& own = tunnels_[bucket(slot)];
    const uint64_t paid = paid_until(own, kTunnel, now_ns);
    if (paid > now_ns) return nullptr;
    own = paid;
    return &own;
  }
  bool pay_common(unsigned count, uint64_t now_ns) {
    const uint64_t paid =
        paid_until(endpoints_, kEndpoints, now_ns) - cost(kEndpoints) + count * cost(kEndpoints);
    if (paid > now_ns) return false;
    endpoints_ = paid;
    return true;
  }
  static void give_back_own(uint64_t* own) { *own -= cost(kTunnel); }
  void give_back_common(unsigned count) { endpoints_ -= count * cost(kEndpoints); }

  void give_back(const Payment& payment) {
    *payment.own -= payment.by_stranger ? cost(kSource) : cost(kTunnel);
    *payment.common -= payment.by_stranger ? cost(kStrangers) : cost(kEndpoints);
  }

 private:
  static constexpr uint64_t cost(Rate rate) { return 1'000'000'000 / rate.per_second; }

  // Times up to which checks are paid, as in TokenBucket.
  static uint64_t paid_until(uint64_t bucket, Rate rate, uint64_t now_ns) {
    const uint64_t burst = cost(rate) * rate.burst;
    return std::max(bucket, now_ns > burst ? now_ns - burst : 0) + cost(rate);
  }

  template <Rate kOwn, Rate kCommon>
  static Payment pay(uint64_t& own, uint64_t& common, uint64_t now_ns, bool by_stranger) {
    const uint64_t own_paid = paid_until(own, kOwn, now_ns);
    const uint64_t common_paid = paid_until(common, kCommon, now_ns);
    if (own_paid > now_ns || common_paid > now_ns) return {};
    own = own_paid;
    common = common_paid;
    return {&own, &common, by_stranger};
  }

  std::size_t bucket(uint64_t key) const {
    static_assert(kBuckets == 4096);
    return (key + 1) * multiplier_ >> 52;
  }

  uint64_t multiplier_;
  uint64_t strangers_ = 0;
  uint64_t endpoints_ = 0;
  std::array<uint64_t, kBuckets> sources_{};
  std::array<uint64_t, kBuckets> tunnels_{};
};

// A password has been set: a key of zeroes is everybody's.
inline bool has_secret(const TunnelSlot& slot) {
  uint64_t words[2];
  uint32_t last;
  std::memcpy(words, slot.secret_sha1, sizeof words);
  std::memcpy(&last, slot.secret_sha1 + sizeof words, sizeof last);
  return (words[0] | words[1] | last) != 0;
}

class AyiyaWorker {
 public:
  // Null: `error` says why there is no hash engine. Service threads.
  static std::unique_ptr<AyiyaWorker> create(uint64_t seed, std::string& error) {
    std::unique_ptr<Sha1Batch> sha1 = Sha1Batch::create(error);
    if (sha1 == nullptr) return nullptr;
    return std::unique_ptr<AyiyaWorker>(new AyiyaWorker(seed, std::move(sha1)));
  }

  // A packet of the burst that has passed everything but its signature.
  struct Candidate {
    uint8_t index;
    bool from_endpoint;  // the present one
    uint32_t slot;
    Endpoint from;
    HashBudget::Payment payment;
    std::array<uint8_t, kSha1Size> digest;
  };

  // A packet with its headers before it.
  struct ToSign {
    const uint8_t* key;
    NextHop next_hop;
  };

  const Sha1Batch& sha1() const { return *sha1_; }

  HashBudget budget;
  std::array<Candidate, kMaxBurst> candidates;
  std::array<Sha1Job, kMaxBurst> jobs;
  std::array<ToSign, kMaxBurst> to_sign;  // by index

 private:
  AyiyaWorker(uint64_t seed, std::unique_ptr<Sha1Batch> sha1)
      : budget(seed), sha1_(std::move(sha1)) {}

  std::unique_ptr<Sha1Batch> sha1_;
};

}  // namespace simplon
