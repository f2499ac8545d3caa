// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/health.h"

#include <ctime>
#include <numeric>

namespace simplon::client {
namespace {

// Long enough for an answer, short enough for somebody who looks.
constexpr int64_t kPatienceS = 10;
// A refusal older than this is history.
constexpr int64_t kRecentS = 300;

}  // namespace

int64_t unix_now() {
  return static_cast<int64_t>(std::time(nullptr));
}

void Health::beat_sent() {
  last_beat_.store(unix_now(), std::memory_order_relaxed);
}

void Health::sending_failed(std::string why) {
  const std::lock_guard lock(mutex_);
  failing_.store(!why.empty(), std::memory_order_relaxed);
  cannot_send_ = std::move(why);
}

void Health::received(uint64_t packets) {
  received_.fetch_add(packets, std::memory_order_relaxed);
  last_received_.store(unix_now(), std::memory_order_relaxed);
  refusing_.store(false, std::memory_order_relaxed);
  // Whoever answers was reached.
  if (failing_.load(std::memory_order_relaxed)) sending_failed({});
}

void Health::refused(const Opened& opened) {
  const std::lock_guard lock(mutex_);
  ++refused_[static_cast<std::size_t>(opened.refusal)];
  last_refusal_ = opened.refusal;
  last_refused_ = unix_now();
  refusing_.store(true, std::memory_order_relaxed);
  if (opened.refusal == Refusal::kClock) skew_s_ = opened.skew_s;
}

PathHealth Health::read() const {
  PathHealth health;
  health.last_received = last_received_.load(std::memory_order_relaxed);
  health.received = received_.load(std::memory_order_relaxed);
  health.sent = sent_.load(std::memory_order_relaxed);
  health.lost = lost_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  health.refused = std::accumulate(refused_.begin(), refused_.end(), uint64_t{0});
  health.last_refused = last_refused_;
  health.problem = problem(unix_now());
  return health;
}

std::string Health::problem(int64_t now) const {
  if (!cannot_send_.empty()) return cannot_send_;
  if (refusing_.load(std::memory_order_relaxed) && now - last_refused_ < kRecentS) {
    std::string text = std::to_string(refused_[static_cast<std::size_t>(last_refusal_)]) +
                       " packets refused: packets from the PoP " +
                       std::string(explain(last_refusal_));
    if (last_refusal_ == Refusal::kClock) {
      const bool ahead = skew_s_ > 0;
      text += " (the PoP's is " + std::to_string(ahead ? skew_s_ : -int64_t{skew_s_}) + " s " +
              (ahead ? "ahead of" : "behind") + " ours)";
    }
    return text;
  }
  if (expects_packets_ && last_received_.load(std::memory_order_relaxed) == 0 &&
      now - since_ > kPatienceS && sent_.load(std::memory_order_relaxed) > 0) {
    return "nothing has come back from the PoP yet: is there a firewall or a NAT on the way that "
           "does not let its packets in?";
  }
  return {};
}

}  // namespace simplon::client
