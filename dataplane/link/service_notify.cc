// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "dataplane/state/file_descriptor.h"

namespace simplon {

void notify_service(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): never set
  sockaddr_un address{};
  if (path == nullptr) return;
  const std::string_view name = path;
  if (name.size() < 2 || name.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path);
  if (name[0] == '@') address.sun_path[0] = '\0';  // abstract
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Nobody to complain to if it fails.
  static_cast<void>(sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                           reinterpret_cast<const sockaddr*>(&address),
                           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())));
}

uint64_t service_watchdog_us() {
  // NOLINTBEGIN(concurrency-mt-unsafe): never set
  const char* interval = std::getenv("WATCHDOG_USEC");
  const char* pid = std::getenv("WATCHDOG_PID");
  // NOLINTEND(concurrency-mt-unsafe)
  if (interval == nullptr) return 0;
  if (pid != nullptr && std::strtol(pid, nullptr, 10) != getpid()) return 0;
  return std::strtoull(interval, nullptr, 10);
}

}  // namespace simplon
