// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 (FIPS 180-4) of up to a burst of messages at once. Synchronous: when run() returns every
// digest is there. Which way is the fastest depends on how many messages there are and on what the
// processor has (docs/architecture.md §5.7):
//
//   kSixteen       sixteen messages side by side in the registers of AVX-512
//   kEight         eight in those of AVX2
//   kAhead         four through the SHA instructions
//   kInstructions  up to three through them
//   kSingle        OpenSSL, one by one
//
// A pass of the wide ones costs the same whether their lanes are filled or not. Messages are read
// where they lie; only the first and the last block of one may be put together elsewhere.
//
// One thread per object.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace simplon {

inline constexpr std::size_t kSha1Size = 20;

// Where a job's key is hashed: the signature field of AYIYA (docs/protocols.md §8.5).
inline constexpr std::size_t kSha1KeyOffset = 24;

// One message, at once. Any thread; for what is not done per packet.
std::array<uint8_t, kSha1Size> sha1(std::span<const uint8_t> message);

struct Sha1Job {
  const uint8_t* message;
  std::size_t length;
  uint8_t* digest;  // kSha1Size bytes; may lie in its own message, in no other's
  // Unless null: kSha1Size bytes that are hashed in place of those at kSha1KeyOffset, which the
  // message is long enough for.
  const uint8_t* key = nullptr;
};

class Sha1Batch {
 public:
  static constexpr std::size_t kMaxJobs = 64;

  enum class Engine : uint8_t { kSixteen, kEight, kAhead, kInstructions, kSingle };
  static constexpr Engine kEngines[] = {Engine::kSixteen, Engine::kEight, Engine::kAhead,
                                        Engine::kInstructions, Engine::kSingle};

  // Null: `error` says which engine failed its self-test.
  static std::unique_ptr<Sha1Batch> create(std::string& error);

  // The first messages of a batch, as soon as they are known: starts fetching them. For the others
  // run() does so itself, while it hashes those before them.
  static constexpr std::size_t kFetched = 4;
  static void fetch(const Sha1Job& job) {
    for (std::size_t at = 64; at < job.length; at += 64) __builtin_prefetch(job.message + at);
  }

  // At most kMaxJobs.
  void run(std::span<const Sha1Job> jobs) const;

  // One engine for all of them: for tests and benchmarks. Where has(engine).
  void run(Engine engine, std::span<const Sha1Job> jobs) const;
  bool has(Engine engine) const;
  // "SHA instructions; AVX2", what run() chooses from, the first for the few: for the log.
  std::string description() const;

 private:
  Sha1Batch();
  bool is_wide(std::size_t count) const;

  Engine narrow_;  // for whatever number
  Engine wide_;    // from so many on; the same as `narrow_`: never
  std::size_t least_wide_ = kMaxJobs + 1;
};

}  // namespace simplon
