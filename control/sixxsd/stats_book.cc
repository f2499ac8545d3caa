// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/stats_book.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "control/table/unique_fd.h"

namespace simplon::control::sixxsd {
namespace {

constexpr std::string_view kFilePrefix = "console-stats-";

struct FileHeader {
  char magic[8];
  uint64_t row_count;
  TunnelSums all;
  uint64_t hairpin;
};
static_assert(sizeof(FileHeader) == 56);
constexpr char kMagic[8] = {'S', 'I', 'M', 'P', 'S', 'T', 'A', '1'};

absl::Status failure(const std::string& what, const std::string& path) {
  return absl::InternalError(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

bool write_all(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= std::size_t(written);
  }
  return true;
}

bool read_all(int fd, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= std::size_t(got);
  }
  return true;
}

std::shared_ptr<const StatsBaseline> load(const std::string& path) {
  auto baseline = std::make_shared<StatsBaseline>();
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  FileHeader header{};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0 ||
      !read_all(fd.get(), &header, sizeof header) ||
      std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) {
    return baseline;
  }
  const uint64_t size = uint64_t(info.st_size) - sizeof header;
  if (size % sizeof(StatsBaseline::Row) != 0 ||
      header.row_count != size / sizeof(StatsBaseline::Row)) {
    return baseline;
  }
  std::vector<StatsBaseline::Row> rows(header.row_count);
  if (!read_all(fd.get(), rows.data(), rows.size() * sizeof rows[0])) return baseline;
  if (!std::ranges::is_sorted(rows, {}, &StatsBaseline::Row::tunnel_id)) return baseline;
  baseline->all = header.all;
  baseline->hairpin = header.hairpin;
  baseline->rows = std::move(rows);
  return baseline;
}

absl::Status save(const std::string& directory, const std::string& path,
                  const StatsBaseline& baseline) {
  const std::string temporary = path + ".new";
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.row_count = baseline.rows.size();
  header.all = baseline.all;
  header.hairpin = baseline.hairpin;
  {
    const UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (fd.get() < 0) return failure("write", temporary);
    const auto& rows = baseline.rows;
    if (!write_all(fd.get(), &header, sizeof header) ||
        !write_all(fd.get(), rows.data(), rows.size() * sizeof(StatsBaseline::Row)) ||
        ::fsync(fd.get()) != 0) {
      return failure("write", temporary);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failure("replace", path);
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) return failure("sync", directory);
  return absl::OkStatus();
}

}  // namespace

TunnelSums StatsBaseline::of(uint32_t tunnel_id) const {
  const auto row = std::ranges::lower_bound(rows, tunnel_id, {}, &Row::tunnel_id);
  return row != rows.end() && row->tunnel_id == tunnel_id ? row->sums : TunnelSums{};
}

TunnelSums counted_since(const TunnelSums& now, const TunnelSums& then) {
  TunnelSums since{};
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] < then[i]) return now;
    since[i] = now[i] - then[i];
  }
  return since;
}

std::string StatsBook::path_of(const Ipv6Address& reader) const {
  std::string path = directory_ + "/" + std::string(kFilePrefix);
  for (const uint8_t byte : reader.bytes) path += fmt::format("{:02x}", byte);
  return path;
}

std::shared_ptr<const StatsBaseline> StatsBook::baseline(const Ipv6Address& reader) {
  const std::string path = path_of(reader);
  const std::lock_guard lock(mutex_);
  auto& known = readers_[path];
  if (known == nullptr) known = load(path);
  return known;
}

absl::Status StatsBook::advance(const Ipv6Address& reader,
                                std::shared_ptr<const StatsBaseline> next) {
  const std::string path = path_of(reader);
  const std::lock_guard lock(mutex_);
  readers_[path] = next;
  forget_oldest(path);
  return save(directory_, path, *next);
}

void StatsBook::forget_oldest(const std::string& but) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::file_time_type, std::string>> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const std::string path = entry.path().string();
    if (!entry.path().filename().string().starts_with(kFilePrefix) || path == but) continue;
    files.emplace_back(entry.last_write_time(error), path);
  }
  std::ranges::sort(files);
  for (std::size_t i = 0; i + kMaxReaders <= files.size(); ++i) {
    fs::remove(files[i].second, error);
    readers_.erase(files[i].second);
  }
}

}  // namespace simplon::control::sixxsd
