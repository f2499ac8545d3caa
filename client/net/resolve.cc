// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cstring>
#include <memory>
#include <thread>

#include "control/table/unique_fd.h"

namespace simplon::client {

namespace {

constexpr std::size_t kMostAddresses = 16;

// Shared with the thread that asks, which may outlive the question.
struct Query {
  std::string host;
  std::string port;
  int family = AF_UNSPEC;
  control::UniqueFd done{eventfd(0, EFD_CLOEXEC)};
  // Written before `done`, read after it.
  int error = 0;
  std::vector<SocketAddress> addresses;
};

void ask(const std::shared_ptr<Query>& query) {
  addrinfo hints{};
  hints.ai_family = query->family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  query->error = getaddrinfo(query->host.c_str(), query->port.c_str(), &hints, &found);
  for (const addrinfo* a = found; a != nullptr && query->addresses.size() < kMostAddresses;
       a = a->ai_next) {
    if (a->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
    address.size = a->ai_addrlen;
    query->addresses.push_back(address);
  }
  if (found != nullptr) freeaddrinfo(found);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(query->done.get(), &one, sizeof one);
}

std::string kind_of_address(int family) {
  return family == AF_INET ? "IPv4 address" : family == AF_INET6 ? "IPv6 address" : "address";
}

}  // namespace

std::string SocketAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
  inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
}

absl::StatusOr<std::vector<SocketAddress>> resolve(const std::string& host, uint16_t port,
                                                   int family, std::chrono::milliseconds timeout,
                                                   int cancel_fd) {
  auto query = std::make_shared<Query>();
  query->host = host;
  query->port = std::to_string(port);
  query->family = family;
  if (!query->done) return absl::InternalError("no event descriptor");
  std::thread(ask, query).detach();

  pollfd waits[] = {{query->done.get(), POLLIN, 0}, {cancel_fd, POLLIN, 0}};
  const int ready = poll(waits, 2, static_cast<int>(timeout.count()));
  if (ready > 0 && waits[1].revents != 0) return absl::CancelledError("interrupted");
  if (ready <= 0 || waits[0].revents == 0) {
    return absl::DeadlineExceededError("no answer to the question for the address of " + host +
                                       "; is the network up, and is the name server in "
                                       "/etc/resolv.conf the right one?");
  }
  if (query->error != 0) {
    // EAI_SYSTEM keeps its reason in errno, which is the other thread's.
    return absl::NotFoundError(host + " has no " + kind_of_address(family) + ": " +
                               gai_strerror(query->error) +
                               "; is the name written right, and is the network up?");
  }
  if (query->addresses.empty()) {
    return absl::NotFoundError(host + " has no address");
  }
  return std::move(query->addresses);
}

}  // namespace simplon::client
