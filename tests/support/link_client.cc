// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/support/link_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstring>

namespace simplon::testing {

LinkClient::LinkClient(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return;
  }
  const timeval timeout{5, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  socket_ = std::move(socket);
}

void LinkClient::send(const void* data, std::size_t size, const std::vector<int>& fds) {
  iovec part{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  // A connection the other end has closed shows when the answer is read.
  static_cast<void>(sendmsg(socket_.get(), &message, MSG_NOSIGNAL));
}

ssize_t LinkClient::receive(void* data, std::size_t size, std::vector<FileDescriptor>* fds) {
  constexpr std::size_t kMost = 8;
  iovec part{data, size};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMost)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* c = CMSG_FIRSTHDR(&message);
  if (n > 0 && c != nullptr && c->cmsg_type == SCM_RIGHTS) {
    for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(c) + i * sizeof received, sizeof received);
      FileDescriptor owned(received);
      if (fds != nullptr) fds->push_back(std::move(owned));
    }
  }
  return n;
}

bool LinkClient::closed() {
  char byte = 0;
  const ssize_t n = recv(socket_.get(), &byte, sizeof byte, 0);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

std::optional<Hello> LinkClient::hello(std::vector<FileDescriptor>* segments) {
  send(HelloRequest{header(LinkMessageType::kHelloRequest)});
  return receive<Hello>(segments);
}

std::optional<StatusReply> LinkClient::status() {
  send(StatusRequest{header(LinkMessageType::kStatusRequest)});
  return receive<StatusReply>();
}

std::vector<PublishStatus> LinkClient::publish(int fd, uint64_t size, uint64_t generation,
                                               uint64_t revision) {
  send(Publish{header(LinkMessageType::kPublish), generation, revision, size}, {fd});
  std::vector<PublishStatus> answers;
  while (const auto answer = receive<PublishStatus>()) {
    answers.push_back(*answer);
    if (answer->state != static_cast<uint32_t>(PublishState::kValidated)) break;
  }
  return answers;
}

std::optional<SeedDone> LinkClient::seed(int fd, uint64_t count) {
  send(Seed{header(LinkMessageType::kSeed), count}, {fd});
  return receive<SeedDone>();
}

std::optional<TunnelCommandDone> LinkClient::command(TunnelCommand message) {
  message.header = header(LinkMessageType::kTunnelCommand);
  send(message);
  return receive<TunnelCommandDone>();
}

}  // namespace simplon::testing
