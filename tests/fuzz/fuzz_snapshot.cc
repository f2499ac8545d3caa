// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Snapshots from a forger: what the validator lets through must be safe to use.
//
// An input is either bytes of a snapshot (first byte even), or a list of changes to a good one
// (first byte odd), each of
//   u8 section, u8 width, u16 element, u16 offset in the element, u64 value     (14 bytes)
// Checksums are made to fit afterwards, as everyone could.

#include <cstdlib>
#include <cstring>

#include "tests/support/sample_config.h"
#include "tests/support/snapshot_image.h"

namespace simplon {
namespace {

using testing::SnapshotImage;

struct [[gnu::packed]] Change {
  uint8_t section;
  uint8_t width;
  uint16_t element;
  uint16_t offset;
  uint64_t value;
};
static_assert(sizeof(Change) == 14);

void require(bool holds) {
  if (!holds) std::abort();
}

// Reads all a worker or the slow path could reach; the sanitizer watches.
void use(const SnapshotView& view) {
  volatile uint64_t sink = view.generation() + view.revision();
  for (const PoolRecord& pool : view.pools()) {
    for (const uint64_t hi : {pool.base, pool.base | ~pool.mask, pool.base - 1, pool.base + 1}) {
      const uint32_t slot = view.resolve(view.pool_index().lookup(hi));
      require(slot == kNoSlot || slot < view.slot_capacity());
      if (slot != kNoSlot) sink = sink + view.slot(slot).mtu;
    }
  }
  for (const uint32_t slot : view.unit_to_slot())
    require(slot == kNoSlot || slot < view.slot_capacity());
  uint32_t used = 0;
  std::size_t fixed = 0;
  for (uint32_t i = 0; i < view.slot_capacity(); ++i) {
    const TunnelSlot& slot = view.slot(i);
    if (slot.kind == 0) continue;
    ++used;
    require(slot.mtu >= 1280 && slot.mtu <= 1480);
    require(slot.local_index < view.pop().local_address_count);
    require(view.pop().local_address_count <= kMaxLocalAddresses);
    const auto kind = static_cast<TunnelKind>(slot.kind);
    const auto remote = Ipv6Address::from_bytes(slot.remote);
    require(is_dynamic(kind) == remote.is_unspecified());
    if (!is_dynamic(kind)) {
      ++fixed;
      require(!view.outer_index_find(remote, slot.local_index).empty());
      const auto local = Ipv6Address::from_bytes(view.pop().local_addresses[slot.local_index]);
      require(local.is_ipv4_mapped() == remote.is_ipv4_mapped());
    }
    sink = sink + view.is_refused_endpoint(remote);
    const TunnelCold* cold = view.cold(i);
    require(!takes_beats(kind) || (cold != nullptr && !view.password(*cold, 0).empty()));
    if (cold == nullptr) continue;
    require(cold->slot == i);
    for (const std::size_t which : {0, 1}) {
      for (const char c : view.password(*cold, which)) sink = sink + static_cast<uint8_t>(c);
    }
  }
  require(fixed == view.outer_index().size());
  require(used == view.tunnel_count());
  require(view.pop().interface_count <= kMaxInterfaces);
  for (uint32_t i = 0; i < view.pop().interface_count; ++i) {
    require(std::memchr(view.pop().interfaces[i].port, 0, sizeof(InterfaceRecord::port)) !=
            nullptr);
  }
}

// Small, so that a run takes microseconds.
SnapshotImage make_base() {
  return SnapshotImage::of(testing::every_type_config());
}

void apply(const Change& change, SnapshotImage& image) {
  const std::size_t width = std::size_t{1} << (change.width & 3);
  std::size_t base = 0;
  std::size_t element = 8;
  std::size_t size = sizeof(SnapshotHeader);
  if (const uint32_t section = change.section % 9; section != 0) {
    const SnapshotSection& s = image.header().sections[section - 1];
    // Earlier changes may have spoilt the section's entry.
    if (s.offset > image.size() || s.size > image.size() - s.offset) return;
    base = s.offset;
    element = s.element_size;
    size = s.size;
  }
  const std::size_t at = base + change.element * element + change.offset;
  if (at + width > base + size || at + width > image.size()) return;
  std::memcpy(image.bytes().data() + at, &change.value, width);
}

}  // namespace
}  // namespace simplon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon;
  if (size < 1) return 0;
  const bool edits = (data[0] & 1) != 0;
  ++data;
  --size;
  static SnapshotImage good = make_base();
  SnapshotImage image(edits ? good.size() : size);
  if (edits) {
    std::memcpy(image.bytes().data(), good.bytes().data(), good.size());
    for (; size >= sizeof(Change); data += sizeof(Change), size -= sizeof(Change)) {
      Change change;
      std::memcpy(&change, data, sizeof(change));
      apply(change, image);
    }
  } else if (size > 0) {
    std::memcpy(image.bytes().data(), data, size);
  }
  image.fix_checksums();
  if (const SnapshotOpenResult opened = image.open()) {
    use(*opened.view);
  } else {
    require(!opened.error.reason.empty());
  }
  return 0;
}
