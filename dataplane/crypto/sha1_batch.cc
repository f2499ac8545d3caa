// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/crypto/sha1_batch.h"

// OpenSSL 3 would rather have its message digests fetched by name, which costs more than the hash
// of a short packet does. The plain functions stay.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>

#include "dataplane/crypto/sha1_ahead.h"
#include "dataplane/crypto/sha1_engines.h"

namespace simplon {

void sha1_single(Sha1Lane& lane, std::size_t blocks) {
  SHA_CTX context;
  context.h0 = lane.state[0];
  context.h1 = lane.state[1];
  context.h2 = lane.state[2];
  context.h3 = lane.state[3];
  context.h4 = lane.state[4];
  for (std::size_t n = 0; n < blocks; ++n) SHA1_Transform(&context, lane.block(lane.next + n));
  lane.state = {context.h0, context.h1, context.h2, context.h3, context.h4};
}

namespace {

using Engine = Sha1Batch::Engine;

constexpr std::size_t width_of(Engine engine) {
  switch (engine) {
    case Engine::kSixteen:
      return 16;
    case Engine::kEight:
      return 8;
    case Engine::kAhead:
      return Sha1Ahead::kWidth;
    case Engine::kInstructions:
      return 3;
    case Engine::kSingle:
      break;
  }
  return 1;
}

template <Engine kEngine>
struct Compress {
  void operator()(std::span<Sha1Lane* const> lanes, std::size_t blocks) const {
    if constexpr (kEngine == Engine::kSixteen) {
      sha1_sixteen(lanes, blocks);
    } else if constexpr (kEngine == Engine::kEight) {
      sha1_eight(lanes, blocks);
    } else if constexpr (kEngine == Engine::kInstructions) {
      sha1_instructions(lanes, blocks);
    } else {
      sha1_single(*lanes[0], blocks);
    }
  }
};

// Writes the digests of those that are done, and puts them behind the others. How many they are.
std::size_t retire_finished(std::span<Sha1Lane*> lanes) {
  std::size_t active = lanes.size();
  for (std::size_t i = active; i-- > 0;) {
    if (lanes[i]->left() != 0) continue;
    lanes[i]->finish();
    std::swap(lanes[i], lanes[--active]);
  }
  return lanes.size() - active;
}

// What a wide engine has left unfinished.
template <Engine kEngine>
void finish(std::span<Sha1Lane*> lanes) {
  while (!lanes.empty()) {
    const auto group = lanes.last(std::min(width_of(kEngine), lanes.size()));
    advance_together(group, Compress<kEngine>{});
    lanes = lanes.first(lanes.size() - retire_finished(group));
  }
}

void finish_by(Engine engine, std::span<Sha1Lane*> lanes) {
  engine == Engine::kInstructions ? finish<Engine::kInstructions>(lanes)
                                  : finish<Engine::kSingle>(lanes);
}

// Fewer than `least` messages at a time are left to `narrow`.
template <Engine kEngine>
void run_lanes(std::span<const Sha1Job> jobs, std::size_t least, Engine narrow) {
  if constexpr (kEngine == Engine::kAhead) {
    Sha1Ahead lanes;
    finish_by(narrow, lanes.run(jobs));
  } else {
    Sha1Lanes<width_of(kEngine)> lanes;
    finish_by(narrow, lanes.run(jobs, least, Compress<kEngine>{}));
  }
}

void run_engine(Engine engine, std::span<const Sha1Job> jobs, std::size_t least, Engine narrow) {
  switch (engine) {
    case Engine::kSixteen:
      run_lanes<Engine::kSixteen>(jobs, least, narrow);
      return;
    case Engine::kEight:
      run_lanes<Engine::kEight>(jobs, least, narrow);
      return;
    case Engine::kAhead:
      run_lanes<Engine::kAhead>(jobs, least, narrow);
      return;
    case Engine::kInstructions:
      run_lanes<Engine::kInstructions>(jobs, least, narrow);
      return;
    case Engine::kSingle:
      run_lanes<Engine::kSingle>(jobs, least, narrow);
      return;
  }
}

// Lanes are free for the next message when theirs ends; the longest first leave the least of them
// idle at the end.
class LongestFirst {
 public:
  explicit LongestFirst(std::span<const Sha1Job> jobs) : jobs_(jobs) {
    const std::size_t blocks = jobs.empty() ? 0 : sha1_blocks(jobs[0].length);
    const auto differs = [&](const Sha1Job& job) { return sha1_blocks(job.length) != blocks; };
    if (std::none_of(jobs.begin(), jobs.end(), differs)) return;
    std::copy(jobs.begin(), jobs.end(), sorted_.begin());
    jobs_ = std::span(sorted_).first(jobs.size());
    std::sort(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(jobs.size()),
              [](const Sha1Job& a, const Sha1Job& b) { return a.length > b.length; });
  }
  LongestFirst(const LongestFirst&) = delete;
  LongestFirst& operator=(const LongestFirst&) = delete;
  std::span<const Sha1Job> jobs() const { return jobs_; }

 private:
  std::span<const Sha1Job> jobs_;
  union {  // seldom needed, so not cleared
    std::array<Sha1Job, Sha1Batch::kMaxJobs> sorted_;
  };
};

const char* name_of(Engine engine) {
  switch (engine) {
    case Engine::kSixteen:
      return "AVX-512";
    case Engine::kEight:
      return "AVX2";
    case Engine::kAhead:
      return "SHA instructions, four at a time";
    case Engine::kInstructions:
      return "SHA instructions";
    case Engine::kSingle:
      break;
  }
  return "OpenSSL";
}

}  // namespace

// From how many messages on a wide pass is worth its cost: measured (`scripts/bench ayiya
// --engines`), docs/architecture.md §5.7.
Sha1Batch::Sha1Batch() {
  narrow_ = wide_ = has(Engine::kInstructions) ? Engine::kInstructions : Engine::kSingle;
  if (has(Engine::kSixteen)) {
    wide_ = Engine::kSixteen;
    least_wide_ = narrow_ == Engine::kInstructions ? 9 : 3;
  } else if (has(Engine::kAhead)) {
    wide_ = Engine::kAhead;
    least_wide_ = Sha1Ahead::kWidth;
  } else if (has(Engine::kEight)) {
    wide_ = Engine::kEight;
    least_wide_ = 3;
  }
}

std::unique_ptr<Sha1Batch> Sha1Batch::create(std::string& error) {
  std::unique_ptr<Sha1Batch> batch(new Sha1Batch);
  // Every engine by FIPS 180-4's example.
  constexpr std::array<uint8_t, kSha1Size> kExpected{0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81,
                                                     0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
                                                     0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
  constexpr std::array<uint8_t, 3> kMessage{'a', 'b', 'c'};
  for (const Engine engine : kEngines) {
    if (!batch->has(engine)) continue;
    std::array<std::array<uint8_t, kSha1Size>, 16> digests{};
    std::array<Sha1Job, 16> jobs;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i] = {kMessage.data(), kMessage.size(), digests[i].data()};
    }
    batch->run(engine, jobs);
    if (std::any_of(digests.begin(), digests.end(),
                    [&](const auto& digest) { return digest != kExpected; })) {
      error = std::string("SHA-1 by ") + name_of(engine) + ": wrong digest in the self-test";
      return nullptr;
    }
  }
  return batch;
}

bool Sha1Batch::has(Engine engine) const {
  switch (engine) {
    case Engine::kSixteen:
      return has_sha1_sixteen();
    case Engine::kEight:
      return has_sha1_eight();
    case Engine::kAhead:
      return has_sha1_ahead();
    case Engine::kInstructions:
      return has_sha1_instructions();
    case Engine::kSingle:
      break;
  }
  return true;
}

std::string Sha1Batch::description() const {
  std::string text = name_of(narrow_);
  if (wide_ != narrow_) text += std::string("; ") + name_of(wide_);
  return text;
}

void Sha1Batch::run(Engine engine, std::span<const Sha1Job> jobs) const {
  run_engine(engine, LongestFirst(jobs).jobs(), 0, Engine::kSingle);
}

bool Sha1Batch::is_wide(std::size_t count) const {
  // Groups of three are better than groups of four and one or two that are left.
  if (wide_ == Engine::kAhead && (count == 5 || count == 6 || count == 9)) return false;
  return count >= least_wide_;
}

void Sha1Batch::run(std::span<const Sha1Job> jobs) const {
  const LongestFirst sorted(jobs);
  is_wide(jobs.size()) ? run_engine(wide_, sorted.jobs(), least_wide_, narrow_)
                       : run_engine(narrow_, sorted.jobs(), 0, narrow_);
}

}  // namespace simplon
