// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/publisher.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/link/race_point.h"
#include "dataplane/state/errno_text.h"
#include "dataplane/state/file_descriptor.h"

namespace simplon {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t ns_since(Clock::time_point start) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

uint64_t unix_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

PublishStatus status_of(uint64_t generation, PublishState state, std::string_view reason = {}) {
  PublishStatus s{};
  s.header = {static_cast<uint32_t>(LinkMessageType::kPublishStatus), kLinkAbi};
  s.generation = generation;
  s.state = static_cast<uint32_t>(state);
  // Leaves the terminating NUL, and does not cut a UTF-8 sequence in two.
  std::size_t length = std::min(reason.size(), sizeof s.reason - 1);
  while (length < reason.size() && length > 0 && (reason[length] & 0xc0) == 0x80) --length;
  std::copy_n(reason.data(), length, s.reason);
  return s;
}

PublishStatus rejected(uint64_t generation, SnapshotSectionType section, uint64_t index,
                       std::string_view reason) {
  PublishStatus s = status_of(generation, PublishState::kRejected, reason);
  s.section = static_cast<uint32_t>(section);
  s.index = index;
  return s;
}

}  // namespace

Publisher::Publisher(Config config, ActiveTable<ForwardingTable>& active, GenerationGate& gate)
    : config_(std::move(config)),
      active_(active),
      gate_(gate),
      keeper_(config_.state_directory.empty() ? std::string()
                                              : config_.state_directory + "/" + kFileName) {}

Publisher::~Publisher() {
  active_.exchange(nullptr);
}

void Publisher::publish(const Publish& message, int fd, const Reply& reply) {
  SIMPLON_RACE_POINT("publish.received");
  const uint64_t g = message.generation;
  reclaim();
  if (current_ && g == generation() && message.revision == revision()) {
    reply(status_of(g, PublishState::kActive));
    return;
  }
  if (current_ && g <= generation()) {
    spdlog::warn("event=publish_stale generation={} active={}", g, generation());
    reply(status_of(g, PublishState::kStale,
                    "generation " + std::to_string(generation()) + " of revision " +
                        std::to_string(revision()) + " is active"));
    return;
  }
  if (stalled()) {
    reply(status_of(g, PublishState::kBusy, stalled_readers()));
    return;
  }

  const auto start = Clock::now();
  PublishStatus refusal{};
  struct stat file {};
  std::unique_ptr<ForwardingTable> next;
  if (fstat(fd, &file) != 0 || static_cast<uint64_t>(file.st_size) != message.size) {
    refusal = rejected(g, SnapshotSectionType::kNone, 0, "size is not the one announced");
  } else {
    next = open(fd, true, refusal);
    refusal.generation = g;
  }
  if (next && (next->snapshot.generation() != g || next->snapshot.revision() != message.revision)) {
    next.reset();
    refusal = rejected(g, SnapshotSectionType::kNone, 0,
                       "generation or revision is not the one announced");
  }
  last_validate_ns_ = ns_since(start);
  if (!next) {
    spdlog::error("event=snapshot_rejected generation={} section={} index={} reason=\"{}\"", g,
                  section_name(static_cast<SnapshotSectionType>(refusal.section)), refusal.index,
                  refusal.reason);
    reply(refusal);
    return;
  }
  SIMPLON_RACE_POINT("publish.validated");
  reply(status_of(g, PublishState::kValidated));

  if (activate(std::move(next))) {
    reply(status_of(g, PublishState::kActive));
  } else {
    reply(status_of(g, PublishState::kStalled, stalled_readers()));
  }
  spdlog::info(
      "event=snapshot_active generation={} revision={} tunnels={} bytes={} validate_us={} "
      "grace_us={} plain_path={}",
      g, revision(), current_->snapshot.tunnel_count(), current_->snapshot.size(),
      last_validate_ns_ / 1000, last_grace_ns_ / 1000, current_->plain.usable() ? "on" : "off");
  keeper_.keep(fd, current_->snapshot.size());
}

std::unique_ptr<ForwardingTable> Publisher::open(int fd, bool require_seals,
                                                 PublishStatus& status) {
  SnapshotOpenOptions options;
  options.require_seals = require_seals;
  options.max_slot_capacity = config_.slot_capacity;
  options.copy = true;  // into huge pages: a lookup in a large table costs no walk of 4 KiB pages
  options.memory = &memory_;
  SnapshotOpenResult opened = SnapshotView::open(fd, options);
  if (!opened) {
    status = rejected(0, opened.error.section, opened.error.index, opened.error.reason);
    return nullptr;
  }
  LinkTable::Error error;
  std::optional<LinkTable> links = LinkTable::build(opened.view->pop(), config_.ports, error);
  if (!links) {
    status = rejected(opened.view->generation(), SnapshotSectionType::kPop, error.interface,
                      error.reason);
    return nullptr;
  }
  return std::unique_ptr<ForwardingTable>(new ForwardingTable{std::move(*opened.view), *links});
}

// False: some reader did not pass a quiescent point in time, and the table before is kept.
bool Publisher::activate(std::unique_ptr<ForwardingTable> next) {
  SIMPLON_RACE_POINT("activate.before_store");
  const auto start = Clock::now();
  active_.exchange(next.get());
  SIMPLON_RACE_POINT("activate.after_store");
  retired_ = std::exchange(current_, std::move(next));
  activated_unix_ns_ = unix_ns();
  gate_.begin(generation());
  const bool settled = gate_.wait(config_.grace_deadline);
  last_grace_ns_ = ns_since(start);
  if (settled) {
    SIMPLON_RACE_POINT("reclaim.before_unmap");
    retired_.reset();
  } else if (retired_) {
    spdlog::error("event=reader_stalled generation={} kept={} detail=\"{}\"", generation(),
                  retired_->snapshot.generation(), stalled_readers());
  }
  return settled || !retired_;
}

void Publisher::reclaim() {
  if (!retired_ || !gate_.settled()) return;
  SIMPLON_RACE_POINT("reclaim.before_unmap");
  spdlog::info("event=reader_recovered freed={}", retired_->snapshot.generation());
  retired_.reset();
}

std::string Publisher::stalled_readers() const {
  std::string text;
  for (std::size_t r = 0; r < config_.reader_count; ++r) {
    if (gate_.acknowledged(r) >= generation()) continue;
    text += text.empty() ? "" : ", ";
    text += r + 1 == config_.reader_count ? "slow path" : "worker " + std::to_string(r);
  }
  return text + " still at an earlier generation";
}

bool Publisher::restore() {
  if (config_.state_directory.empty()) return false;
  const std::string path = config_.state_directory + "/" + kFileName;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno != ENOENT) {
      spdlog::warn("event=snapshot_not_restored file={} error=\"{}\"", path, errno_text());
    }
    return false;
  }
  const auto start = Clock::now();
  PublishStatus refusal{};
  std::unique_ptr<ForwardingTable> next = open(file.get(), false, refusal);
  last_validate_ns_ = ns_since(start);
  if (!next) {
    spdlog::warn("event=snapshot_not_restored file={} section={} index={} reason=\"{}\"", path,
                 section_name(static_cast<SnapshotSectionType>(refusal.section)), refusal.index,
                 refusal.reason);
    return false;
  }
  activate(std::move(next));
  spdlog::info("event=snapshot_restored generation={} revision={} tunnels={} validate_us={}",
               generation(), revision(), current_->snapshot.tunnel_count(),
               last_validate_ns_ / 1000);
  return true;
}

}  // namespace simplon
