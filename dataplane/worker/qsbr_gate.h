// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <rte_rcu_qsbr.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dataplane/table/generation_gate.h"

namespace simplon {

// GenerationGate by DPDK's quiescent-state RCU. Readers are numbered 0..count-1 and all offline at
// first.
class QsbrGate final : public GenerationGate {
 public:
  explicit QsbrGate(std::size_t count) : lines_(count) {
    const auto readers = static_cast<uint32_t>(count);
    qsbr_.reset(static_cast<rte_rcu_qsbr*>(
        std::aligned_alloc(RTE_CACHE_LINE_SIZE, rte_rcu_qsbr_get_memsize(readers))));
    rte_rcu_qsbr_init(qsbr_.get(), readers);
    for (uint32_t r = 0; r < readers; ++r) rte_rcu_qsbr_thread_register(qsbr_.get(), r);
  }

  // Ends with a full fence, the reader's half of the handshake with begin().
  void online(std::size_t reader) override {
    rte_rcu_qsbr_thread_online(qsbr_.get(), static_cast<uint32_t>(reader));
    lines_[reader].generation.store(0, std::memory_order_relaxed);
  }

  void offline(std::size_t reader) override {
    rte_rcu_qsbr_thread_offline(qsbr_.get(), static_cast<uint32_t>(reader));
    lines_[reader].generation.store(kOffline, std::memory_order_relaxed);
  }

  // The generation is for people; what counts is that the reader was here after begin().
  void ack(std::size_t reader, uint64_t generation) override {
    rte_rcu_qsbr_quiescent(qsbr_.get(), static_cast<uint32_t>(reader));
    std::atomic<uint64_t>& line = lines_[reader].generation;
    if (line.load(std::memory_order_relaxed) != generation) {
      line.store(generation, std::memory_order_relaxed);
    }
  }

  void begin(uint64_t) override { token_ = rte_rcu_qsbr_start(qsbr_.get()); }

  bool settled() override { return rte_rcu_qsbr_check(qsbr_.get(), token_, false) == 1; }

  uint64_t acknowledged(std::size_t reader) const override {
    return lines_[reader].generation.load(std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Line {
    std::atomic<uint64_t> generation{kOffline};
  };
  struct Free {
    void operator()(rte_rcu_qsbr* q) const { std::free(q); }
  };

  std::unique_ptr<rte_rcu_qsbr, Free> qsbr_;
  std::vector<Line> lines_;
  uint64_t token_ = 0;  // publisher only
};

}  // namespace simplon
