// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Fuzz target: SHA-1 of a batch by every engine this processor has, and by the vector kernel at
// every width, against OpenSSL one by one. Messages lie one behind the other in a buffer of their
// own size, so that a byte read too many is found.
//
// Input: two bytes of length for each message, and a bit of the second for a key; up to 64, then
// the bytes they are made of, over and over.

// Everything in sha1_vectors.h is inlined: no call passes a vector.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/crypto/sha1_vectors.h"
#include "tests/fuzz/fuzz_target.h"

namespace simplon {
namespace {

using Digest = std::array<uint8_t, kSha1Size>;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

struct Batch {
  std::vector<std::vector<uint8_t>> messages;
  std::vector<std::vector<uint8_t>> keys;  // empty: none
  std::vector<Digest> expected;
};

Batch make_batch(std::span<const uint8_t> input) {
  Batch batch;
  const std::size_t count = std::min<std::size_t>(input.size() / 4, Sha1Batch::kMaxJobs);
  const std::span<const uint8_t> bytes = input.subspan(2 * count);
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = input[2 * i] | (input[2 * i + 1] & 0x07u) << 8;
    std::vector<uint8_t>& message = batch.messages.emplace_back(length);
    for (uint8_t& byte : message) byte = bytes[at++ % bytes.size()];
    std::vector<uint8_t>& key = batch.keys.emplace_back();
    std::vector<uint8_t> hashed = message;
    if ((input[2 * i + 1] & 0x08) != 0 && length >= kSha1KeyOffset + kSha1Size) {
      key.resize(kSha1Size);
      for (uint8_t& byte : key) byte = bytes[at++ % bytes.size()];
      std::copy(key.begin(), key.end(), hashed.begin() + kSha1KeyOffset);
    }
    batch.expected.push_back(sha1(hashed));
  }
  return batch;
}

template <typename Run>
void check(const Batch& batch, const char* what, Run run) {
  std::vector<Digest> digests(batch.messages.size());
  std::vector<Sha1Job> jobs;
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    jobs.push_back({batch.messages[i].data(), batch.messages[i].size(), digests[i].data(),
                    batch.keys[i].empty() ? nullptr : batch.keys[i].data()});
  }
  run(std::span<const Sha1Job>(jobs));
  must(digests == batch.expected, what);
}

template <unsigned kLanes>
void check_vectors(const Batch& batch, const char* what) {
  check(batch, what, [](std::span<const Sha1Job> jobs) {
    Sha1Lanes<kLanes> lanes;
    lanes.run(jobs, 0, [](auto active, std::size_t blocks) { compress<kLanes>(active, blocks); });
  });
}

}  // namespace

namespace fuzz {

std::vector<std::vector<uint8_t>> seeds() {
  std::vector<std::vector<uint8_t>> all;
  // Alike, as far as a burst of small packets is; all different; with keys.
  for (const unsigned kind : {0u, 1u, 2u}) {
    std::vector<uint8_t>& seed = all.emplace_back();
    for (unsigned i = 0; i < 40; ++i) {
      const unsigned length = kind == 0 ? 128 : 37 * i;
      seed.push_back(static_cast<uint8_t>(length));
      seed.push_back(static_cast<uint8_t>(length >> 8 | (kind == 2 ? 8 : 0)));
    }
    for (unsigned i = 0; i < 100; ++i) seed.push_back(static_cast<uint8_t>(i * 7 + kind));
  }
  return all;
}

}  // namespace fuzz
}  // namespace simplon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using simplon::Sha1Batch;
  static const std::unique_ptr<Sha1Batch> engines = [] {
    std::string error;
    return Sha1Batch::create(error);
  }();
  if (engines == nullptr) std::abort();
  const simplon::Batch batch = simplon::make_batch({data, size});
  simplon::check(batch, "the chosen engines", [](auto jobs) { engines->run(jobs); });
  for (const Sha1Batch::Engine engine : Sha1Batch::kEngines) {
    if (!engines->has(engine)) continue;
    simplon::check(batch, "one engine", [&](auto jobs) { engines->run(engine, jobs); });
  }
  simplon::check_vectors<4>(batch, "four lanes");
  simplon::check_vectors<8>(batch, "eight lanes");
  simplon::check_vectors<16>(batch, "sixteen lanes");
  return 0;
}
