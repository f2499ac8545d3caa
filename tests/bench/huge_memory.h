// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace simplon::bench {

// Zeroed memory in transparent huge pages where the kernel grants them, touched once so that no
// page fault is timed.
template <typename T>
class HugeArray {
 public:
  explicit HugeArray(std::size_t count) : bytes_((count * sizeof(T) + kHuge - 1) / kHuge * kHuge) {
    void* p =
        mmap(nullptr, bytes_ + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    mapping_ = p;
    std::size_t space = bytes_ + kHuge;
    data_ = static_cast<T*>(std::align(kHuge, bytes_, p, space));
    madvise(data_, bytes_, MADV_HUGEPAGE);
    std::memset(static_cast<void*>(data_), 0, bytes_);
  }
  HugeArray(const HugeArray&) = delete;
  HugeArray& operator=(const HugeArray&) = delete;
  ~HugeArray() { munmap(mapping_, bytes_ + kHuge); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  static constexpr std::size_t kHuge = std::size_t{2} << 20;
  std::size_t bytes_;
  void* mapping_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace simplon::bench
