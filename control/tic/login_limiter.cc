// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/tic/login_limiter.h"

#include <algorithm>
#include <limits>
#include <random>

#include "control/net/source.h"

namespace simplon::control {
namespace {

constexpr uint32_t kPerSource = 4;
constexpr uint32_t kPerNetwork = 16;
constexpr uint32_t kPerAccount = 20;
constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();

// Bounded so that the multiples above are numbers.
uint32_t effective(uint32_t max_failures) {
  return max_failures == 0 ? LoginLimiter::kDefaultMaxFailures
                           : std::min<uint32_t>(max_failures, 100000);
}

SipKey random_key() {
  std::random_device random;
  const auto word = [&] { return uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

// An IPv4 address, or the /48 of an IPv6 one.
Ipv6Address network_of(const Ipv6Address& address) {
  if (address.is_ipv4_mapped()) return address;
  return Ipv6Address::from_halves(address.hi() & prefix_mask64(48), 0);
}

}  // namespace

LoginLimiter::LoginLimiter(std::size_t capacity)
    : key_(random_key()),
      pairs_(capacity),
      sources_(capacity),
      networks_(capacity),
      accounts_(capacity) {}

uint64_t LoginLimiter::hash(std::string_view account) const {
  return siphash(key_, {reinterpret_cast<const uint8_t*>(account.data()), account.size()});
}

uint32_t LoginLimiter::pair_limit(uint64_t account, uint32_t max_failures,
                                  Clock::time_point now) const {
  const Failures* all = accounts_.peek({account, {}});
  const bool hammered =
      all != nullptr && now < all->forget_at && all->count >= kPerAccount * max_failures;
  return hammered ? 1 : max_failures;
}

LoginLimiter::Seconds LoginLimiter::wait(std::string_view account, const Ipv6Address& peer,
                                         Clock::time_point now) const {
  const uint64_t name = hash(account);
  const Failures* pair = pairs_.peek({name, source_of(peer)});
  Clock::time_point until = pair != nullptr ? pair->wait_until : now;
  if (pair == nullptr || !pair->trusted) {
    for (const Failures* wider :
         {sources_.peek({0, source_of(peer)}), networks_.peek({0, network_of(peer)})}) {
      if (wider != nullptr) until = std::max(until, wider->wait_until);
    }
  }
  if (until <= now) return Seconds(0);
  return std::chrono::ceil<Seconds>(until - now);
}

void LoginLimiter::count(Failures& failures, uint32_t limit, Clock::time_point now) {
  if (now >= failures.forget_at) failures.count = 0;
  if (failures.count < kNoLimit) ++failures.count;
  Seconds wait{0};
  if (failures.count >= limit) {
    const uint32_t doublings = std::min<uint32_t>(failures.count - limit, 16);
    wait = std::min(kFirstWait * (1 << doublings), kLongestWait);
  }
  failures.wait_until = now + wait;
  failures.forget_at = failures.wait_until + kForgetAfter;
}

LoginLimiter::Seconds LoginLimiter::failed(std::string_view account, const Ipv6Address& peer,
                                           uint32_t max_failures, Clock::time_point now) {
  const uint32_t limit = effective(max_failures);
  const uint64_t name = hash(account);
  count(pairs_.at({name, source_of(peer)}), pair_limit(name, limit, now), now);
  count(sources_.at({0, source_of(peer)}), limit * kPerSource, now);
  if (!peer.is_ipv4_mapped()) {
    count(networks_.at({0, network_of(peer)}), limit * kPerNetwork, now);
  }
  count(accounts_.at({name, {}}), kNoLimit, now);
  return wait(account, peer, now);
}

void LoginLimiter::succeeded(std::string_view account, const Ipv6Address& peer) {
  pairs_.at({hash(account), source_of(peer)}) = {.trusted = true};
}

}  // namespace simplon::control
