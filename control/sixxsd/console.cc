// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/console.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "control/sixxsd/console_session.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"

namespace simplon::control::sixxsd {
namespace {

using Clock = std::chrono::steady_clock;

// Kept for the next `pop saveconfig`.
constexpr std::size_t kMaxRejected = 100;
// Those who may use it are few.
constexpr std::size_t kMaxConnections = 64;
constexpr std::size_t kMaxConnectionsPerSource = 16;

}  // namespace

Console::Console(const ServiceContext& context, const std::string& state_directory)
    : context_(context), stats_(state_directory) {}

Console::~Console() {
  stop();
}

absl::Status Console::start(const std::vector<std::string>& listen) {
  if (!listen.empty()) {
    LineServerOptions options;
    options.name = "console";
    options.listen = listen;
    options.max_line = kMaxLine;
    options.max_connections = kMaxConnections;
    options.max_connections_per_source = kMaxConnectionsPerSource;
    options.busy_text = "500 Too many sessions\n";
    options.idle_timeout = kIdleTimeout;
    server_ = std::make_unique<LineServer>(std::move(options),
                                           [this](const LinePeer& peer) { return open(peer); });
    if (auto status = server_->start(); !status.ok()) {
      server_.reset();
      return status;
    }
  }
  committer_ = std::thread([this] { run(); });
  return absl::OkStatus();
}

void Console::stop() {
  if (server_ != nullptr) server_->stop();
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  wake_.notify_all();
  if (committer_.joinable()) committer_.join();
  if (auto status = commit(); !status.ok()) {
    spdlog::error("event=console_changes_lost error=\"{}\"", to_string(status.message()));
  }
}

std::vector<uint16_t> Console::ports() const {
  return server_ == nullptr ? std::vector<uint16_t>() : server_->ports();
}

std::unique_ptr<LineSession> Console::open(const LinePeer& peer) {
  return std::make_unique<ConsoleSession>(*this, peer);
}

// With mutex_ held.
uint64_t Console::note_change() {
  const auto now = Clock::now();
  if (changed_ == committed_) {
    first_change_ = now;
    wake_.notify_one();
  }
  last_change_ = now;
  return ++changed_;
}

absl::Status Console::commit_locked() {
  if (changes_.empty()) {
    committed_ = changed_;
    return absl::OkStatus();
  }
  std::vector<Changes::Rejected> rejected;
  if (auto status = changes_.commit(context_.engine, rejected); !status.ok()) {
    // As long as an apply waits for its confirmation, say.
    if (!std::exchange(failing_, true)) {
      spdlog::warn("event=console_commit_failed waiting={} error=\"{}\"", changes_.size(),
                   to_string(status.message()));
    }
    return status;
  }
  failing_ = false;
  committed_ = changed_;
  for (Changes::Rejected& r : rejected) {
    spdlog::warn("event=console_line_refused what=\"{}\" why=\"{}\"", r.what, r.why);
    if (rejected_.size() < kMaxRejected) rejected_.push_back(std::move(r));
  }
  return absl::OkStatus();
}

absl::Status Console::commit() {
  const std::lock_guard lock(mutex_);
  return commit_locked();
}

std::vector<Changes::Rejected> Console::take_rejected() {
  const std::lock_guard lock(mutex_);
  return std::exchange(rejected_, {});
}

void Console::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (changed_ == committed_) {
      wake_.wait(lock);
      continue;
    }
    const auto due = std::min(last_change_ + kQuiet, first_change_ + kLongest);
    if (Clock::now() < due) {
      wake_.wait_until(lock, due);
      continue;
    }
    if (!commit_locked().ok()) wake_.wait_for(lock, std::chrono::seconds(1));
  }
}

}  // namespace simplon::control::sixxsd
