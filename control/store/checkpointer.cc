// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/checkpointer.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

// 16 MiB.
constexpr int kWorthIt = 4000;

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::string& path) {
  auto database = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
  if (!database.ok()) return database.status();
  if (auto status = database->execute("PRAGMA synchronous=FULL"); !status.ok()) return status;
  std::unique_ptr<Checkpointer> checkpointer(new Checkpointer(*std::move(database)));
  checkpointer->thread_ = std::thread([c = checkpointer.get()] { c->run(); });
  return checkpointer;
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::grown_to(int pages) {
  if (pages < kWorthIt) return;
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || wanted_; });
    if (stopping_) return;
    wanted_ = false;
    lock.unlock();
    // As far as it gets without waiting for anybody; the log begins anew with the first commit that
    // finds it empty.
    const auto status = database_.execute("PRAGMA wal_checkpoint(PASSIVE)");
    if (!status.ok()) {
      spdlog::warn("event=checkpoint_failed error=\"{}\"", to_string(status.message()));
    }
    lock.lock();
  }
}

}  // namespace simplon::control
