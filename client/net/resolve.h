// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/statusor.h>
#include <netdb.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

namespace simplon::client {

// An address to connect to.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::string to_string() const;  // ADDRESS:PORT or [ADDRESS]:PORT
};

// The addresses of `host` in the order the system prefers, at most 16; `family` AF_UNSPEC, AF_INET
// or AF_INET6. The system's resolver cannot be interrupted: past the time-out, or once `cancel_fd`
// (-1: none) is readable, it is left to itself. Errors: DeadlineExceeded, Cancelled, NotFound;
// they say what to do.
absl::StatusOr<std::vector<SocketAddress>> resolve(const std::string& host, uint16_t port,
                                                   int family, std::chrono::milliseconds timeout,
                                                   int cancel_fd);

}  // namespace simplon::client
