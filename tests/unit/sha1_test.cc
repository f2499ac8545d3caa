// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Everything in sha1_vectors.h is inlined: no call passes a vector.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/crypto/sha1_engines.h"
#include "dataplane/crypto/sha1_vectors.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

using Digest = std::array<uint8_t, kSha1Size>;
using Engine = Sha1Batch::Engine;

std::unique_ptr<Sha1Batch> make_batch() {
  std::string error;
  auto batch = Sha1Batch::create(error);
  INFO(error);
  REQUIRE(batch != nullptr);
  return batch;
}

std::string hex(const Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

// By another road than the library's own functions for SHA-1.
Digest reference(std::span<const uint8_t> message) {
  Digest digest;
  unsigned size = 0;
  REQUIRE(EVP_Digest(message.data(), message.size(), digest.data(), &size, EVP_sha1(), nullptr) ==
          1);
  REQUIRE(size == digest.size());
  return digest;
}

std::vector<uint8_t> random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

struct Vector {
  std::string message;
  std::string_view digest;
};

// FIPS 180-4's examples and the four of RFC 3174 7.3.
std::vector<Vector> vectors() {
  std::string repeated;
  for (int i = 0; i < 80; ++i) repeated += "01234567";
  return {
      {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmn"
       "o"
       "pqrsmnopqrstnopqrstu",
       "a49b2446a02c645bf419f995b67091253a04a259"},
      {std::string(1'000'000, 'a'), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
      {"a", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
      {repeated, "dea356a2cddd90c7a7ecedc5ebb563934f460452"},
  };
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST_CASE("SHA-1 gives the digests of FIPS 180-4 and RFC 3174 by every engine") {
  const auto batch = make_batch();
  for (const Vector& v : vectors()) {
    CHECK(hex(sha1(bytes_of(v.message))) == v.digest);
    for (const Engine engine : Sha1Batch::kEngines) {
      if (!batch->has(engine)) continue;
      Digest digest{};
      const Sha1Job job{bytes_of(v.message).data(), v.message.size(), digest.data()};
      batch->run(engine, {&job, 1});
      CHECK(hex(digest) == v.digest);
    }
  }
}

TEST_CASE("every engine agrees with OpenSSL about every length up to 2000 bytes") {
  const auto batch = make_batch();
  const std::vector<uint8_t> bytes = random_bytes(2064, 1);
  std::vector<Digest> expected;
  for (std::size_t length = 0; length <= 2000; ++length) {
    expected.push_back(reference(std::span(bytes).subspan(length % 64, length)));
  }
  for (const Engine engine : Sha1Batch::kEngines) {
    if (!batch->has(engine)) continue;
    unsigned wrong = 0;
    for (std::size_t first = 0; first <= 2000; first += Sha1Batch::kMaxJobs) {
      std::vector<Digest> digests(Sha1Batch::kMaxJobs);
      std::vector<Sha1Job> jobs;
      for (std::size_t i = 0; i < Sha1Batch::kMaxJobs && first + i <= 2000; ++i) {
        const std::size_t length = first + i;
        jobs.push_back({bytes.data() + length % 64, length, digests[i].data()});
      }
      batch->run(engine, jobs);
      for (std::size_t i = 0; i < jobs.size(); ++i) wrong += digests[i] != expected[first + i];
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a batch of any size and of mixed lengths has the digests of its messages") {
  const auto batch = make_batch();
  const std::vector<uint8_t> bytes = random_bytes(4096, 2);
  std::mt19937 random(3);
  for (std::size_t size = 0; size <= Sha1Batch::kMaxJobs; ++size) {
    // Alike, mixed, and as different as can be: each takes another way through the engines.
    for (const unsigned spread : {1u, 100u, 2000u}) {
      const std::size_t shortest = spread == 1 ? 44 + random() % 1500 : 1;
      std::vector<Digest> digests(size);
      std::vector<Sha1Job> jobs;
      for (Digest& digest : digests) {
        jobs.push_back({bytes.data() + random() % 64, shortest + random() % spread, digest.data()});
      }
      batch->run(jobs);
      unsigned wrong = 0;
      for (std::size_t i = 0; i < size; ++i) {
        wrong += digests[i] != reference({jobs[i].message, jobs[i].length});
      }
      CHECK(wrong == 0);
      for (const Engine engine : Sha1Batch::kEngines) {
        if (!batch->has(engine)) continue;
        std::vector<Digest> again(size);
        for (std::size_t i = 0; i < size; ++i) jobs[i].digest = again[i].data();
        batch->run(engine, jobs);
        CHECK(again == digests);
      }
    }
  }
}

TEST_CASE(
    "a key is hashed in place of what the message has there, and the message stays as it is") {
  const auto batch = make_batch();
  const std::vector<uint8_t> before = random_bytes(2064, 5);
  const std::vector<uint8_t> keys = random_bytes(kSha1Size * Sha1Batch::kMaxJobs, 6);
  for (const Engine engine : Sha1Batch::kEngines) {
    if (!batch->has(engine)) continue;
    std::vector<uint8_t> bytes = before;
    unsigned wrong = 0;
    for (std::size_t first = kSha1KeyOffset + kSha1Size; first <= 2000;
         first += Sha1Batch::kMaxJobs) {
      std::vector<Digest> digests(Sha1Batch::kMaxJobs);
      std::vector<Sha1Job> jobs;
      for (std::size_t i = 0; i < Sha1Batch::kMaxJobs && first + i <= 2000; ++i) {
        const std::size_t length = first + i;
        // Every other one, so that groups are mixed.
        const uint8_t* key = i % 2 == 0 ? keys.data() + kSha1Size * i : nullptr;
        jobs.push_back({bytes.data() + length % 64, length, digests[i].data(), key});
      }
      batch->run(engine, jobs);
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        std::vector<uint8_t> message(jobs[i].message, jobs[i].message + jobs[i].length);
        if (jobs[i].key != nullptr) {
          std::copy_n(jobs[i].key, kSha1Size, message.begin() + kSha1KeyOffset);
        }
        wrong += digests[i] != reference(message);
      }
    }
    CHECK(wrong == 0);
    CHECK(bytes == before);
  }
}

// The kernel of sha1_sixteen.cc is the one of sha1_eight.cc, only wider, and not every processor
// can run it: the compiler makes sixteen lanes out of what this one has.
TEST_CASE("the vector kernel has the digests of its messages at every width") {
  const std::vector<uint8_t> bytes = random_bytes(4096, 7);
  const auto check = [&]<unsigned kLanes>(std::integral_constant<unsigned, kLanes>) {
    for (std::size_t used = 1; used <= kLanes; ++used) {
      std::vector<Digest> digests(used);
      std::vector<Sha1Job> jobs;
      for (std::size_t i = 0; i < used; ++i) {
        jobs.push_back({bytes.data() + 31 * i, 1000 + 67 * i, digests[i].data()});
      }
      Sha1Lanes<kLanes> lanes;
      CHECK(lanes
                .run(jobs, 0,
                     [](auto active, std::size_t blocks) { compress<kLanes>(active, blocks); })
                .empty());
      for (std::size_t i = 0; i < used; ++i) {
        CHECK(digests[i] == reference({jobs[i].message, jobs[i].length}));
      }
    }
  };
  check(std::integral_constant<unsigned, 4>{});
  check(std::integral_constant<unsigned, 8>{});
  check(std::integral_constant<unsigned, 16>{});
}

TEST_CASE("what a wide engine leaves unfinished is gone on with by a narrow one") {
  const std::vector<uint8_t> bytes = random_bytes(4096, 8);
  std::vector<Digest> digests(20);
  std::vector<Sha1Job> jobs;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    jobs.push_back({bytes.data() + i, 2000 - 90 * i, digests[i].data()});
  }
  for (std::size_t least = 1; least <= 8; ++least) {
    std::fill(digests.begin(), digests.end(), Digest{});
    Sha1Lanes<8> lanes;
    const auto left = lanes.run(
        jobs, least, [](auto active, std::size_t blocks) { compress<8>(active, blocks); });
    CHECK(left.size() < least);
    for (Sha1Lane* lane : left) {
      sha1_single(*lane, lane->left());
      lane->finish();
    }
    for (std::size_t i = 0; i < digests.size(); ++i) {
      CHECK(digests[i] == reference({jobs[i].message, jobs[i].length}));
    }
  }
}

TEST_CASE("a digest may be put into the message it is of") {
  const auto batch = make_batch();
  for (const Engine engine : Sha1Batch::kEngines) {
    if (!batch->has(engine)) continue;
    std::vector<std::vector<uint8_t>> messages;
    std::vector<Digest> expected;
    for (unsigned i = 0; i < 20; ++i) {
      messages.push_back(random_bytes(44 + 37 * i, i));
      expected.push_back(reference(messages.back()));
    }
    std::vector<Sha1Job> jobs;
    for (auto& message : messages) {
      jobs.push_back({message.data(), message.size(), message.data() + 24});
    }
    batch->run(engine, jobs);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      CHECK(std::equal(expected[i].begin(), expected[i].end(), messages[i].begin() + 24));
    }
  }
}

TEST_CASE("the engine works on when it has been used before, whatever was asked of it") {
  const auto batch = make_batch();
  const std::vector<uint8_t> bytes = random_bytes(2000, 4);
  const Digest expected = reference(std::span(bytes).first(1324));
  for (std::size_t size = 1; size <= Sha1Batch::kMaxJobs; size += 7) {
    std::vector<Digest> digests(size);
    std::vector<Sha1Job> jobs;
    for (Digest& digest : digests) jobs.push_back({bytes.data(), 1324, digest.data()});
    for (int n = 0; n < 3; ++n) {
      std::fill(digests.begin(), digests.end(), Digest{});
      batch->run(jobs);
      CHECK(std::count(digests.begin(), digests.end(), expected) ==
            static_cast<std::ptrdiff_t>(size));
    }
  }
  CHECK_FALSE(batch->description().empty());
}

TEST_CASE("twenty bytes are the same only if every bit is") {
  Digest a;
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(7 * i + 1);
  Digest b = a;
  CHECK(same_20_bytes(a.data(), b.data()));
  for (std::size_t bit = 0; bit < 8 * a.size(); ++bit) {
    b = a;
    b[bit / 8] = static_cast<uint8_t>(b[bit / 8] ^ (1u << bit % 8));
    CHECK_FALSE(same_20_bytes(a.data(), b.data()));
  }
}

}  // namespace
}  // namespace simplon
