// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/table/build_snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "control/config/account.h"
#include "control/config/violation.h"
#include "dataplane/net/address.h"
#include "dataplane/table/crc32c.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon::control {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Slots and mapped units come in such steps, so that adding a tunnel seldom changes the size.
constexpr std::size_t kCapacityStep = 1024;

constexpr std::size_t round_up(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

bool is_delegated(const PoolRecord& pool) {
  return pool.kind == static_cast<uint32_t>(PoolKind::kDelegated);
}

absl::Status errno_status(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::generic_category().message(errno));
}

uint64_t unix_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// A memfd while it is written.
class WritableMemfd {
 public:
  WritableMemfd() = default;
  WritableMemfd(const WritableMemfd&) = delete;
  WritableMemfd& operator=(const WritableMemfd&) = delete;
  ~WritableMemfd() { unmap(); }

  // These return false with errno set.

  bool create(std::size_t size, bool huge_pages) {
    const unsigned flags = MFD_ALLOW_SEALING | MFD_CLOEXEC | (huge_pages ? MFD_HUGETLB : 0u);
    fd_.reset(memfd_create("simplon-snapshot", flags));
    if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return false;
    if (!huge_pages) return true;
    // Reserved huge pages can be written to only where they are mapped.
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (p == MAP_FAILED) return false;
    data_ = static_cast<char*>(p);
    size_ = size;
    return true;
  }

  // By system call where that can be: it costs half of what copying into a mapping does, which
  // faults page by page into memory that has been cleared first.
  bool write(std::size_t offset, const void* data, std::size_t size) {
    if (data_ != nullptr) {
      if (size > 0) std::memcpy(data_ + offset, data, size);
      return true;
    }
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t n = pwrite(fd_.get(), from, size, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      from += n;
      offset += static_cast<std::size_t>(n);
      size -= static_cast<std::size_t>(n);
    }
    return true;
  }

  // With a writable mapping left the kernel would refuse the seal.
  bool seal() {
    unmap();
    constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    return fcntl(fd_.get(), F_ADD_SEALS, kSeals) == 0;
  }

  UniqueFd take() { return std::move(fd_); }
  int fd() const { return fd_.get(); }

 private:
  void unmap() {
    if (data_ != nullptr) munmap(data_, size_);
    data_ = nullptr;
  }

  UniqueFd fd_;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Lays the sections out one after the other and writes them.
class SectionWriter {
 public:
  // The elements must stay where they are until they are written.
  template <typename T>
  void add(SnapshotSectionType type, std::span<const T> elements) {
    begin<T>(type);
    append(elements);
    end();
  }

  // The same in pieces.
  template <typename T>
  void begin(SnapshotSectionType type) {
    SnapshotSection& section = header_.sections[header_.section_count++];
    section.type = static_cast<uint32_t>(type);
    section.element_size = sizeof(T);
    section.offset = end_;
  }
  template <typename T>
  void append(std::span<const T> elements) {
    SnapshotSection& section = current();
    pieces_.push_back({&section, section.offset + section.size, std::as_bytes(elements)});
    section.size += elements.size_bytes();
  }
  void end() { end_ = round_up(current().offset + current().size, kSnapshotSectionAlignment); }

  SnapshotHeader& header() { return header_; }
  std::size_t size() const { return end_; }

  // Fresh memory is zero, and so is what lies between the sections. False with errno set.
  bool write(WritableMemfd& to) {
    for (const Piece& piece : pieces_) {
      uint32_t& crc = piece.section->crc32c;
      crc = crc32c(piece.bytes.data(), piece.bytes.size(), crc);
      if (!to.write(piece.offset, piece.bytes.data(), piece.bytes.size())) return false;
    }
    header_.header_crc32c = crc32c(&header_, offsetof(SnapshotHeader, header_crc32c));
    return to.write(0, &header_, sizeof(header_));
  }

 private:
  struct Piece {
    SnapshotSection* section;
    std::size_t offset;  // in the snapshot
    std::span<const std::byte> bytes;
  };

  SnapshotSection& current() { return header_.sections[header_.section_count - 1]; }

  SnapshotHeader header_{};
  std::vector<Piece> pieces_;  // of each section in order
  std::size_t end_ = kSnapshotSectionAlignment;
};

}  // namespace

SnapshotBuilder::SnapshotBuilder(const ConfigContext& context) : pop_(context.pop()) {
  for (const CompiledPool& pool : context.pools()) {
    pools_.push_back(pool.record);
    pools_.back().mapped_units = 0;
  }
  const auto refused = context.refused_endpoints();
  refused_endpoints_.assign(refused.begin(), refused.end());
  slots_.resize(round_up(context.slot_limit(), kCapacityStep));
  unit_to_slot_.assign(context.delegated_unit_count(), kNoSlot);
}

void SnapshotBuilder::add(const CompiledTunnel& tunnel, uint8_t incarnation) {
  if (tunnel.slot >= slots_.size()) {
    slots_.resize(round_up(std::size_t{tunnel.slot} + 1, kCapacityStep));
  }
  slots_[tunnel.slot] = tunnel.line;
  slots_[tunnel.slot].incarnation = incarnation;
  outer_index_.add(tunnel.slot, tunnel.line);
  add_cold(tunnel);
  for (const UnitRange& range : tunnel.delegated) map_units(range, tunnel.slot);
  ++tunnel_count_;
}

void SnapshotBuilder::remove(const CompiledTunnel& tunnel) {
  remove_cold(tunnel.slot);
  outer_index_.remove(tunnel.slot, slots_[tunnel.slot]);
  slots_[tunnel.slot] = TunnelSlot{};
  for (const UnitRange& range : tunnel.delegated) map_units(range, kNoSlot);
  --tunnel_count_;
}

// `slot`: kNoSlot where the units become nobody's.
void SnapshotBuilder::map_units(const UnitRange& units, uint32_t slot) {
  std::fill_n(unit_to_slot_.begin() + units.first, units.count, slot);
  const auto pool = std::ranges::find_if(pools_, [&](const PoolRecord& p) {
    return is_delegated(p) && units.first >= p.first && units.first - p.first < p.unit_count;
  });
  const uint32_t end = units.first - pool->first + units.count;
  uint32_t& mapped = pool->mapped_units;
  if (slot != kNoSlot) {
    mapped = std::max(mapped, end);
  } else if (mapped == end) {
    while (mapped > 0 && unit_to_slot_[pool->first + mapped - 1] == kNoSlot) --mapped;
  }
}

// Only what does not fit the line: most tunnels have nothing.
void SnapshotBuilder::add_cold(const CompiledTunnel& tunnel) {
  const auto kind = static_cast<TunnelKind>(tunnel.line.kind);
  const bool rotation = (tunnel.line.options & kTunnelOptionRotation) != 0;
  if (!takes_beats(kind) && !rotation) return;
  TunnelCold cold{};
  cold.slot = tunnel.slot;
  for (std::size_t i = 0; i < tunnel.passwords.size(); ++i) {
    const std::string& password = tunnel.passwords[i];
    if (password.empty()) continue;
    cold.password_offset[i] = passwords_.add(password);
    cold.password_length[i] = static_cast<uint8_t>(password.size());
  }
  std::copy(tunnel.previous_sha1.begin(), tunnel.previous_sha1.end(), cold.previous_sha1);
  slots_[tunnel.slot].cold_index = static_cast<uint32_t>(cold_.size());
  cold_.push_back(cold);
}

// The last record takes the place of the one that goes.
void SnapshotBuilder::remove_cold(uint32_t slot) {
  const uint32_t index = slots_[slot].cold_index;
  if (index == kNoSlot) return;
  const TunnelCold& cold = cold_[index];
  for (std::size_t i = 0; i < 2; ++i) {
    if (cold.password_length[i] != 0) {
      passwords_.remove(cold.password_offset[i], cold.password_length[i]);
    }
  }
  cold_[index] = cold_.back();
  slots_[cold_[index].slot].cold_index = index;
  cold_.pop_back();
}

absl::StatusOr<SealedSnapshot> SnapshotBuilder::seal(const SnapshotBuildOptions& options) const {
  if (options.generation == 0) return absl::InvalidArgumentError("generation must not be 0");
  const Clock::time_point start = Clock::now();
  const std::vector<uint32_t> outer_index = [this] {
    const std::lock_guard lock(outer_index_mutex_);
    return outer_index_.slots();
  }();
  SectionWriter writer;
  writer.add<PopRecord>(SnapshotSectionType::kPop, {&pop_, 1});
  std::vector<PoolRecord> pools = pools_;
  writer.add<PoolRecord>(SnapshotSectionType::kPools, pools);
  writer.add<TunnelSlot>(SnapshotSectionType::kSlots, slots_);
  writer.begin<uint32_t>(SnapshotSectionType::kUnitToSlot);
  uint32_t units = 0;
  for (PoolRecord& pool : pools) {
    if (!is_delegated(pool)) continue;
    pool.mapped_units = static_cast<uint32_t>(
        std::min<std::size_t>(round_up(pool.mapped_units, kCapacityStep), pool.unit_count));
    writer.append(std::span(unit_to_slot_).subspan(pool.first, pool.mapped_units));
    pool.first = units;
    units += pool.mapped_units;
  }
  writer.end();
  writer.add<uint32_t>(SnapshotSectionType::kOuterIndex, outer_index);
  writer.add<TunnelCold>(SnapshotSectionType::kCold, cold_);
  writer.add<char>(SnapshotSectionType::kPasswords, passwords_.bytes());
  writer.add<Ipv6Address>(SnapshotSectionType::kRefusedEndpoints, refused_endpoints_);

  SealedSnapshot result;
  WritableMemfd memfd;
  result.size = round_up(writer.size(), kHugePage);
  result.huge_pages = options.huge_pages && memfd.create(result.size, true);
  if (!result.huge_pages) {
    result.size = writer.size();
    if (!memfd.create(result.size, false)) return errno_status("cannot make a memfd");
  }
  result.generation = options.generation;
  result.revision = options.revision;
  result.slot_capacity = static_cast<uint32_t>(slots_.size());
  result.tunnel_count = tunnel_count_;

  SnapshotHeader& header = writer.header();
  std::memcpy(header.magic, kSnapshotMagic, sizeof(header.magic));
  header.abi_major = kSnapshotAbiMajor;
  header.abi_minor = kSnapshotAbiMinor;
  header.endian_tag = kEndianTag;
  header.header_size = sizeof(SnapshotHeader);
  header.total_size = result.size;
  header.generation = options.generation;
  header.config_revision = options.revision;
  header.created_unix_ns = unix_now_ns();
  header.slot_capacity = result.slot_capacity;
  header.tunnel_count = tunnel_count_;
  if (!writer.write(memfd)) return errno_status("cannot write the snapshot");

  const Clock::time_point filled = Clock::now();
  if (!memfd.seal()) return errno_status("cannot seal the snapshot");
  const Clock::time_point sealed = Clock::now();
  if (options.self_check) {
    const SnapshotOpenResult opened = SnapshotView::open(memfd.fd());
    if (!opened) {
      return absl::InternalError("the snapshot does not validate: section " +
                                 std::string(section_name(opened.error.section)) + ", element " +
                                 std::to_string(opened.error.index) + ": " + opened.error.reason);
    }
  }
  result.fd = memfd.take();
  result.fill_time = filled - start;
  result.seal_time = sealed - filled;
  result.check_time = Clock::now() - sealed;
  return result;
}

absl::StatusOr<SealedSnapshot> build_snapshot(const v1::Config& config,
                                              const SnapshotBuildOptions& options,
                                              std::span<const uint8_t> incarnations) {
  Violations violations;
  ConfigContext context(config.pop(), config.pools(), violations);
  SnapshotBuilder builder(context);
  compile_tunnels(config, context, violations, [&](const CompiledTunnel& tunnel) {
    const uint32_t slot = tunnel.slot;
    builder.add(tunnel, slot < incarnations.size() ? incarnations[slot] : uint8_t{0});
  });
  check_accounts(config, violations);
  if (!violations.empty()) return violations_to_status(violations.list());
  return builder.seal(options);
}

absl::StatusOr<SealedSnapshot> build_snapshot(const v1::Config& config, uint64_t generation,
                                              uint64_t revision) {
  return build_snapshot(config,
                        SnapshotBuildOptions{.generation = generation, .revision = revision});
}

}  // namespace simplon::control
