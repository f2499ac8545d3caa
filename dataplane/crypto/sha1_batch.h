// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 (FIPS 180-4) of up to a burst of messages at once. Synchronous: when run() returns every
// digest is there. Which way is the fastest depends on how many messages there are, how long they
// are and what the processor has:
//
//   kWide    libipsec-mb's multi-buffer jobs: 4, 8 or 16 messages side by side in vector registers.
//            A pass costs the same whether its lanes are filled or not.
//   kPaired  two messages side by side through the SHA instructions; a kernel of our own, because
//            libipsec-mb's bookkeeping costs as much as half the hash of a short message
//   kSingle  OpenSSL, one by one
//
// One thread per object.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct IMB_MGR;

namespace simplon {

inline constexpr std::size_t kSha1Size = 20;

// One message, at once. Any thread; for what is not done per packet.
std::array<uint8_t, kSha1Size> sha1(std::span<const uint8_t> message);

struct Sha1Job {
  const uint8_t* message;
  std::size_t length;
  uint8_t* digest;  // kSha1Size bytes; may lie in its own message, in no other's
};

class Sha1Batch {
 public:
  static constexpr std::size_t kMaxJobs = 64;

  enum class Engine : uint8_t { kWide, kPaired, kSingle };

  // Null: `error` says which library failed at what (no memory, self-test).
  static std::unique_ptr<Sha1Batch> create(std::string& error);
  ~Sha1Batch();
  Sha1Batch(const Sha1Batch&) = delete;
  Sha1Batch& operator=(const Sha1Batch&) = delete;

  // At most kMaxJobs.
  void run(std::span<const Sha1Job> jobs);

  // One engine for all of them: for tests and benchmarks. Where has(engine).
  void run(Engine engine, std::span<const Sha1Job> jobs);
  bool has(Engine engine) const;
  unsigned lanes() const { return lanes_; }  // of kWide
  // "AVX2, 8 lanes; SHA instructions": for the log.
  std::string description() const;

 private:
  Sha1Batch() = default;

  struct ManagerDeleter {
    void operator()(IMB_MGR* manager) const;
  };
  std::unique_ptr<IMB_MGR, ManagerDeleter> manager_;
  unsigned lanes_ = 0;
  unsigned least_wide_ = 0;            // jobs that make a pass of kWide worth its cost
  std::size_t least_wide_length_ = 0;  // bytes, on average, from which it is
  bool paired_ = false;
};

}  // namespace simplon
