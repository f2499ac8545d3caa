// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/crypto/md5.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace simplon {
namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kLengthField = 8;

// floor(2^32 * abs(sin(i + 1)))
constexpr uint32_t kSine[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

class Md5 {
 public:
  void add(std::string_view text) {
    total_ += text.size();
    while (!text.empty()) {
      const std::size_t n = std::min(text.size(), kBlock - filled_);
      std::memcpy(&block_[filled_], text.data(), n);
      text.remove_prefix(n);
      filled_ += n;
      if (filled_ == kBlock) compress();
    }
  }

  Md5Digest finish() {
    block_[filled_++] = 0x80;
    if (filled_ > kBlock - kLengthField) {
      std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(), uint8_t{0});
      compress();
    }
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(), uint8_t{0});
    const uint64_t bits = total_ * 8;  // little endian, as the digest
    std::memcpy(&block_[kBlock - kLengthField], &bits, sizeof bits);
    compress();
    Md5Digest digest;
    std::memcpy(digest.data(), state_.data(), digest.size());
    return digest;
  }

 private:
  void compress() {
    static_assert(std::endian::native == std::endian::little);
    uint32_t words[16];
    std::memcpy(words, block_.data(), sizeof words);
    // Not a structured binding: lambdas cannot capture those with Clang 14.
    uint32_t a = state_[0];
    uint32_t b = state_[1];
    uint32_t c = state_[2];
    uint32_t d = state_[3];
    const auto step = [&](uint32_t mixed, unsigned i, unsigned word, int shift) {
      const uint32_t next = b + std::rotl(a + mixed + kSine[i] + words[word & 15], shift);
      a = d;
      d = c;
      c = b;
      b = next;
    };
    constexpr int kShift[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; ++i) step(d ^ (b & (c ^ d)), i, i, kShift[0][i & 3]);
#pragma GCC unroll 16
    for (unsigned i = 16; i < 32; ++i) step(c ^ (d & (b ^ c)), i, 5 * i + 1, kShift[1][i & 3]);
#pragma GCC unroll 16
    for (unsigned i = 32; i < 48; ++i) step(b ^ c ^ d, i, 3 * i + 5, kShift[2][i & 3]);
#pragma GCC unroll 16
    for (unsigned i = 48; i < 64; ++i) step(c ^ (b | ~d), i, 7 * i, kShift[3][i & 3]);
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
    filled_ = 0;
  }

  std::array<uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<uint8_t, kBlock> block_;
  std::size_t filled_ = 0;
  uint64_t total_ = 0;
};

}  // namespace

Md5Digest md5(std::string_view first, std::string_view second) {
  Md5 hash;
  hash.add(first);
  hash.add(second);
  return hash.finish();
}

}  // namespace simplon
