// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/snapshot_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

namespace simplon {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr int kProtection = PROT_READ | PROT_WRITE;

std::byte* map(std::size_t size, int flags) {
  void* p = mmap(nullptr, size, kProtection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

// `size` is a multiple of kHugePage.
std::byte* map_huge(std::size_t size) {
  std::byte* p = map(size, MAP_HUGETLB | MAP_POPULATE);
  if (p != nullptr) return p;
  // Transparent ones need an aligned address, which older kernels do not give by themselves.
  p = map(size + kHugePage, 0);
  if (p == nullptr) return nullptr;
  const std::size_t before = -reinterpret_cast<uintptr_t>(p) % kHugePage;
  if (before > 0) munmap(p, before);
  munmap(p + before + size, kHugePage - before);
  madvise(p + before, size, MADV_HUGEPAGE);
  return p + before;
}

}  // namespace

void Unmapper::operator()(std::byte* data) const {
  if (home != nullptr) {
    home->keep(data, size);
  } else {
    munmap(data, size);
  }
}

SnapshotMapping SnapshotMemory::take(std::size_t size, SnapshotMemory* home) {
  const std::size_t rounded = (size + kHugePage - 1) / kHugePage * kHugePage;
  if (home != nullptr && home->spare_) {
    const std::size_t spare = home->spare_bytes();
    // One that is far too large was a larger table's.
    const bool fits = spare >= rounded && spare / 2 <= rounded;
    if (fits && mprotect(home->spare_.get(), spare, kProtection) == 0) {
      return {home->spare_.release(), Unmapper{spare, home}};
    }
    home->spare_.reset();
  }
  return {map_huge(rounded), Unmapper{rounded, home}};
}

// Of two the larger one.
void SnapshotMemory::keep(std::byte* data, std::size_t size) {
  SnapshotMapping given(data, Unmapper{size});
  if (spare_bytes() < size) spare_ = std::move(given);
}

}  // namespace simplon
