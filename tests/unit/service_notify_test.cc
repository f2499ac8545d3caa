// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>

#include "dataplane/state/file_descriptor.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon {
namespace {

// A service manager's socket; a name that begins with '@' is abstract.
FileDescriptor bind_manager(const std::string& name) {
  FileDescriptor manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  REQUIRE(bind(manager.get(), reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
  setenv("NOTIFY_SOCKET", name.c_str(), 1);
  return manager;
}

std::string receive(const FileDescriptor& manager) {
  std::array<char, 256> text{};
  const ssize_t size = recv(manager.get(), text.data(), text.size(), 0);
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

TEST_CASE("the service manager hears what it is told, by path and by abstract name") {
  const testing::TemporaryDirectory directory;
  for (const std::string& name :
       {directory.file("notify"), "@simplon-notify-test-" + std::to_string(getpid())}) {
    const FileDescriptor manager = bind_manager(name);
    notify_service("READY=1");
    CHECK(receive(manager) == "READY=1");
    notify_service("STATUS=forwarding\nWATCHDOG=1");
    CHECK(receive(manager) == "STATUS=forwarding\nWATCHDOG=1");
  }
}

TEST_CASE("without a service manager, or when it is gone, nothing happens") {
  unsetenv("NOTIFY_SOCKET");
  notify_service("READY=1");
  setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  notify_service("READY=1");
  setenv("NOTIFY_SOCKET", "", 1);
  notify_service("READY=1");
}

TEST_CASE("the watchdog is fed when it is ours") {
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  CHECK(service_watchdog_us() == 0);
  setenv("WATCHDOG_USEC", "5000000", 1);
  CHECK(service_watchdog_us() == 5'000'000);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  CHECK(service_watchdog_us() == 5'000'000);
  setenv("WATCHDOG_PID", "1", 1);
  CHECK(service_watchdog_us() == 0);
}

}  // namespace
}  // namespace simplon
