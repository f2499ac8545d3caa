// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Runs a fuzz target without libFuzzer, for compilers that have none and as a quick test:
//
//   TARGET [--runs N] [--seed S]   its seeds, then N inputs made of them by chance (default 2000)
//   TARGET --write-corpus DIR      the seeds as files, to begin libFuzzer from

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "tests/fuzz/fuzz_target.h"

namespace {

using Input = std::vector<uint8_t>;

Input mutate(const std::vector<Input>& seeds, std::mt19937_64& random) {
  const auto below = [&random](std::size_t n) { return n == 0 ? 0 : random() % n; };
  Input input = seeds[below(seeds.size())];
  // Several in a row, because what one leaves behind the next may trip over.
  for (std::size_t n = below(4); n > 0; --n) {
    const Input& more = seeds[below(seeds.size())];
    input.insert(input.end(), more.begin(), more.end());
  }
  for (std::size_t n = below(6); n > 0 && !input.empty(); --n) {
    const std::size_t at = below(input.size());
    switch (below(4)) {
      case 0:
        input[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        input[at] = static_cast<uint8_t>(input[at] ^ (1u << below(8)));
        break;
      case 2:
        input.erase(input.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      default:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at),
                     static_cast<uint8_t>(random()));
        break;
    }
  }
  return input;
}

void run(const Input& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Input> seeds = simplon::fuzz::seeds();
  unsigned long runs = 2000;
  unsigned long seed = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
      runs = std::strtoul(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = std::strtoul(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--write-corpus") == 0 && i + 1 < argc) {
      const std::filesystem::path directory = argv[++i];
      std::filesystem::create_directories(directory);
      for (std::size_t n = 0; n < seeds.size(); ++n) {
        std::ofstream(directory / ("seed-" + std::to_string(n)), std::ios::binary)
            .write(reinterpret_cast<const char*>(seeds[n].data()),
                   static_cast<std::streamsize>(seeds[n].size()));
      }
      return 0;
    } else {
      std::fprintf(stderr, "unknown argument '%s'\n", argv[i]);
      return 2;
    }
  }
  for (const Input& input : seeds) run(input);
  std::mt19937_64 random(seed);
  for (unsigned long n = 0; n < runs; ++n) run(mutate(seeds, random));
  std::printf("%zu seeds and %lu mutations of them\n", seeds.size(), runs);
  return 0;
}
