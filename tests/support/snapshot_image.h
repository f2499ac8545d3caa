// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>

#include "control/table/build_snapshot.h"
#include "dataplane/table/crc32c.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon::testing {

// The bytes of a snapshot, to be spoilt at will.
class SnapshotImage {
 public:
  explicit SnapshotImage(std::size_t size)
      : size_(size), data_(static_cast<std::byte*>(::operator new(size, kAlignment))) {
    std::memset(data_.get(), 0, size);
  }

  explicit SnapshotImage(const control::SealedSnapshot& sealed) : SnapshotImage(sealed.size) {
    if (pread(sealed.fd.get(), data_.get(), size_, 0) != static_cast<ssize_t>(size_)) {
      throw std::runtime_error("cannot read the snapshot");
    }
  }

  static SnapshotImage of(const v1::Config& config, uint64_t generation = 1) {
    auto sealed = control::build_snapshot(config, generation, 1);
    if (!sealed.ok()) throw std::runtime_error(std::string(sealed.status().message()));
    return SnapshotImage(*sealed);
  }

  std::span<std::byte> bytes() { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }

  SnapshotHeader& header() { return *reinterpret_cast<SnapshotHeader*>(data_.get()); }

  SnapshotSection& section(SnapshotSectionType type) {
    for (SnapshotSection& s : header().sections) {
      if (s.type == static_cast<uint32_t>(type)) return s;
    }
    throw std::runtime_error("no such section");
  }

  template <typename T>
  std::span<T> elements(SnapshotSectionType type) {
    const SnapshotSection& s = section(type);
    return {reinterpret_cast<T*>(data_.get() + s.offset), s.size / sizeof(T)};
  }
  PopRecord& pop() { return elements<PopRecord>(SnapshotSectionType::kPop)[0]; }
  std::span<PoolRecord> pools() { return elements<PoolRecord>(SnapshotSectionType::kPools); }
  std::span<TunnelSlot> slots() { return elements<TunnelSlot>(SnapshotSectionType::kSlots); }
  std::span<uint32_t> units() { return elements<uint32_t>(SnapshotSectionType::kUnitToSlot); }
  std::span<uint32_t> outer() { return elements<uint32_t>(SnapshotSectionType::kOuterIndex); }

  // Makes the checksums fit again, as a forger would. Sections outside the image are left alone.
  void fix_checksums() {
    if (size_ < sizeof(SnapshotHeader)) return;
    for (SnapshotSection& s : header().sections) {
      if (s.type == 0 || s.offset > size_ || s.size > size_ - s.offset) continue;
      s.crc32c = crc32c(data_.get() + s.offset, s.size);
    }
    header().header_crc32c = crc32c(data_.get(), offsetof(SnapshotHeader, header_crc32c));
  }

  // The view reads this image and must not outlive it.
  SnapshotOpenResult open(const SnapshotOpenOptions& options = {}) const {
    return SnapshotView::over({data_.get(), size_}, options);
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, kAlignment); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace simplon::testing
