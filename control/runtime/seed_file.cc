// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/seed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "control/text/absl_text.h"
#include "dataplane/net/address.h"
#include "dataplane/state/errno_text.h"

namespace simplon::control {
namespace {

absl::Status seed_error(std::string_view doing) {
  return absl::UnavailableError(ToAbsl(fmt::format("seed: {}: {}", doing, errno_text())));
}

}  // namespace

std::optional<SeedRecord> make_seed_record(const LearnedRow& row, int64_t now_unix,
                                           uint32_t interval_s) {
  SeedRecord record{};
  record.slot = row.slot;
  record.incarnation = row.incarnation;
  if (row.highest_epoch != 0) {
    const int64_t age = std::clamp<int64_t>(now_unix - row.written_unix, 0, interval_s);
    record.highest_epoch = row.highest_epoch + uint32_t(age);
    if (record.highest_epoch == 0) record.highest_epoch = 1;  // 0 would be none
  }
  record.transport = row.transport;
  record.port = row.port;
  record.verified = (row.flags & kLearnedVerified) != 0;
  record.previous_secret = (row.flags & kLearnedPreviousSecret) != 0;
  std::memcpy(record.address, row.address, sizeof record.address);
  std::memcpy(record.local_address, row.local_address, sizeof record.local_address);
  // Without the PoP's address, or never heard of, an endpoint is worth nothing.
  const bool placed = !Ipv6Address::from_bytes(row.local_address).is_unspecified();
  if (!placed || row.last_seen_unix == 0) {
    std::memset(record.address, 0, sizeof record.address);
    std::memset(record.local_address, 0, sizeof record.local_address);
  }
  const int64_t ago =
      std::clamp<int64_t>(now_unix - row.last_seen_unix, 0, std::numeric_limits<int32_t>::max());
  record.last_seen_ago_s = uint32_t(ago);
  const bool anything =
      record.highest_epoch != 0 || !Ipv6Address::from_bytes(record.address).is_unspecified();
  return anything ? std::optional(record) : std::nullopt;
}

absl::StatusOr<UniqueFd> make_seed_file(std::span<const SeedRecord> records) {
  UniqueFd fd(memfd_create("simplon-seed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return seed_error("memfd_create");
  const char* data = reinterpret_cast<const char*>(records.data());
  std::size_t left = records.size_bytes();
  while (left > 0) {
    const ssize_t written = write(fd.get(), data, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return seed_error("write");
    data += written;
    left -= std::size_t(written);
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return seed_error("seal");
  }
  return fd;
}

}  // namespace simplon::control
