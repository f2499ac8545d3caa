// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/ayiya_forwarder.h"

#include <stdexcept>

#include "tests/bench/forwarding.h"

namespace simplon::bench {
namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

}  // namespace

AyiyaForwarder::AyiyaForwarder(uint32_t tunnels)
    : table_(make_table(AyiyaTraffic::make_config(tunnels))),
      counters_(table_.snapshot.slot_capacity()),
      runtime_(table_.snapshot.slot_capacity()),
      neighbors_(std::make_unique<NeighborTable>()),
      context_(column_.data(), counters_.data(), *neighbors_, 0, 1) {
  set_gateways(*neighbors_);
  std::string error;
  ayiya_ = AyiyaWorker::create(1, error);
  if (ayiya_ == nullptr) fail(error);
  context_.ayiya = ayiya_.get();
  context_.runtime = RuntimeTable({runtime_.data(), table_.snapshot.slot_capacity()});
  for (uint32_t i = 0; i < tunnels; ++i) {
    const uint8_t incarnation = table_.snapshot.slot(i).incarnation;
    const Endpoint client = AyiyaTraffic::endpoint(i);
    context_.runtime.set(i, incarnation, client, 1000);
    // It has been heard of this second, as every client is whose packets come that fast.
    context_.runtime.learn(i, incarnation, client, AyiyaTraffic::kEpoch, 1000);
  }
  time_.now_ns = uint64_t{1000} * 1'000'000'000;
  time_.unix_ns = uint64_t{AyiyaTraffic::kEpoch} * 1'000'000'000;
  time_.boot_s = 1000;
  context_.set_time(time_);
}

void AyiyaForwarder::advance(uint64_t ns) {
  time_.now_ns += ns;
  context_.set_time(time_);
}

void AyiyaForwarder::run(AyiyaDirection direction, AyiyaTraffic& traffic, std::size_t first,
                         std::size_t count) {
  const auto length = static_cast<uint16_t>(traffic.frame_length(direction));
  for (std::size_t i = 0; i < count; ++i) {
    Packet& p = burst_[i];
    p = Packet{};
    p.data = traffic.frame(first + i);
    p.length = length;
    p.headroom = kHeadroom;
    p.tailroom = static_cast<uint16_t>(kFrameStride - kHeadroom - length);
  }
  const std::span<Packet> packets = std::span(burst_).first(count);
  process_burst(context_, table_, packets);
  for (const Packet& p : packets) refused_ += p.verdict != Verdict::kTransmit;
}

}  // namespace simplon::bench
