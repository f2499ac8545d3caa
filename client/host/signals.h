// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <sys/signalfd.h>

#include <csignal>
#include <optional>

#include "control/table/unique_fd.h"

namespace simplon::client {

// SIGTERM, SIGINT and SIGHUP as something to poll. Made before the first thread, so that all
// inherit the mask.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    // A peer that went away is told by the call that notices.
    std::signal(SIGPIPE, SIG_IGN);
    fd_.reset(signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int fd() const { return fd_.get(); }

  // The next one that came, if any.
  std::optional<int> next() {
    signalfd_siginfo info;
    if (read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return {};
    return static_cast<int>(info.ssi_signo);
  }

 private:
  sigset_t set_{};
  control::UniqueFd fd_;
};

}  // namespace simplon::client
