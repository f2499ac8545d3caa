// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/link/link_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "control/text/absl_text.h"
#include "dataplane/state/errno_text.h"

namespace simplon::control {
namespace {

constexpr std::size_t kMaxFds = 3;

// The dataplane answers within its own housekeeping; a peer that takes nothing for this long is
// gone.
constexpr int kSendTimeoutMs = 2000;

absl::Status link_error(std::string_view doing, int error) {
  return absl::UnavailableError(ToAbsl(fmt::format("{}: {}", doing, errno_text(error))));
}

absl::Status bad_message(std::string_view what) {
  return absl::DataLossError(ToAbsl(
      fmt::format("the dataplane sent {}; are control and dataplane of the same release?", what)));
}

// Everything that fits no variant of the protocol is refused here.
absl::StatusOr<LinkReceived> interpret(const char* data, std::size_t size,
                                       std::span<UniqueFd> fds) {
  LinkHeader header;
  if (size < sizeof header) return bad_message("a message without a header");
  std::memcpy(&header, data, sizeof header);
  if (header.abi != kLinkAbi) {
    return bad_message(fmt::format("link ABI {} where {} was expected", header.abi, kLinkAbi));
  }
  const auto wrong_size = [&](std::size_t expected) {
    return bad_message(
        fmt::format("a message of type {} with {} bytes, not {}", header.type, size, expected));
  };
  switch (LinkMessageType(header.type)) {
    case LinkMessageType::kHello: {
      HelloReceived received;
      if (size != sizeof received.hello) return wrong_size(sizeof received.hello);
      if (fds.size() != kMaxFds) {
        return bad_message(fmt::format(
            "HELLO with {} segments where counters, runtime and ledger were expected", fds.size()));
      }
      std::memcpy(&received.hello, data, size);
      received.hello.version[sizeof received.hello.version - 1] = '\0';
      received.counters = std::move(fds[0]);
      received.runtime = std::move(fds[1]);
      received.ledger = std::move(fds[2]);
      return LinkReceived(std::move(received));
    }
    case LinkMessageType::kPublishStatus: {
      PublishStatus status;
      if (size != sizeof status) return wrong_size(sizeof status);
      std::memcpy(&status, data, size);
      status.reason[sizeof status.reason - 1] = '\0';
      return LinkReceived(status);
    }
    case LinkMessageType::kStatusReply: {
      auto reply = std::make_unique<StatusReply>();
      if (size != sizeof *reply) return wrong_size(sizeof *reply);
      std::memcpy(reply.get(), data, size);
      return LinkReceived(std::move(reply));
    }
    case LinkMessageType::kSeedDone: {
      SeedDone done;
      if (size != sizeof done) return wrong_size(sizeof done);
      std::memcpy(&done, data, size);
      return LinkReceived(done);
    }
    case LinkMessageType::kTunnelCommandDone: {
      TunnelCommandDone done;
      if (size != sizeof done) return wrong_size(sizeof done);
      std::memcpy(&done, data, size);
      done.reason[sizeof done.reason - 1] = '\0';
      return LinkReceived(done);
    }
    default:
      return bad_message(fmt::format("a message of unknown type {}", header.type));
  }
}

}  // namespace

absl::StatusOr<LinkSocket> LinkSocket::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        ToAbsl(fmt::format("dataplane socket '{}': a path of 1 to {} bytes is needed", path,
                           sizeof address.sun_path - 1)));
  }
  path.copy(address.sun_path, path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return link_error("socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return link_error(fmt::format("no dataplane at {}", path), errno);
  }
  return LinkSocket(std::move(fd));
}

absl::Status LinkSocket::send(const void* message, std::size_t size, int fd) {
  iovec part{const_cast<void*>(message), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  for (;;) {
    if (sendmsg(fd_.get(), &header, MSG_NOSIGNAL) == ssize_t(size)) return absl::OkStatus();
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return link_error("send to the dataplane", errno);
    pollfd writable{fd_.get(), POLLOUT, 0};
    if (poll(&writable, 1, kSendTimeoutMs) == 0) {
      return absl::UnavailableError("the dataplane does not take messages");
    }
  }
}

absl::Status LinkSocket::send_hello() {
  const HelloRequest request{{uint32_t(LinkMessageType::kHelloRequest), kLinkAbi}};
  return send(&request, sizeof request, -1);
}

absl::Status LinkSocket::send_status_request() {
  const StatusRequest request{{uint32_t(LinkMessageType::kStatusRequest), kLinkAbi}};
  return send(&request, sizeof request, -1);
}

absl::Status LinkSocket::send_publish(uint64_t generation, uint64_t revision, uint64_t size,
                                      int snapshot) {
  const Publish publish{
      {uint32_t(LinkMessageType::kPublish), kLinkAbi}, generation, revision, size};
  return send(&publish, sizeof publish, snapshot);
}

absl::Status LinkSocket::send_seed(uint64_t count, int seed) {
  const Seed message{{uint32_t(LinkMessageType::kSeed), kLinkAbi}, count};
  return send(&message, sizeof message, seed);
}

absl::Status LinkSocket::send_command(TunnelCommand command) {
  command.header = {uint32_t(LinkMessageType::kTunnelCommand), kLinkAbi};
  return send(&command, sizeof command, -1);
}

absl::StatusOr<LinkReceived> LinkSocket::receive() {
  // One byte more than the largest message shows one that is too long.
  std::vector<char> buffer(sizeof(StatusReply) + 1);
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return LinkReceived();
  if (size < 0) return link_error("receive from the dataplane", errno);
  if (size == 0) return absl::UnavailableError("the dataplane closed the connection");

  std::vector<UniqueFd> fds;
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
       part_of = CMSG_NXTHDR(&header, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part_of) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return bad_message("a message that is too long");
  }
  return interpret(buffer.data(), std::size_t(size), fds);
}

}  // namespace simplon::control
