// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/outer_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/net/headers.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {
namespace {

constexpr int kReceiveBuffer = 1 << 20;
// Any: the kernel is only asked for the way.
constexpr uint16_t kDiscardPort = 9;

sockaddr_in to_socket_address(Ipv4Address address, uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = address.raw();
  return to;
}

Ipv4Address name_of(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return Ipv4Address::from_bytes(reinterpret_cast<const uint8_t*>(&name.sin_addr.s_addr));
}

// An int as ancillary data, aligned as the kernel wants it.
union TosMessage {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int))];
};

uint8_t tos_of(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) return *CMSG_DATA(c);
  }
  return 0;
}

}  // namespace

bool connect_socket(int fd, Ipv4Address pop, uint16_t port, std::optional<Ipv4Address> local) {
  if (local) {
    const sockaddr_in from = to_socket_address(*local, 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return false;
  }
  const sockaddr_in to = to_socket_address(pop, port);
  return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

std::string explain_outer_error(int error, Ipv4Address pop, std::optional<Ipv4Address> local) {
  const std::string to = "the PoP at " + pop.to_string();
  switch (error) {
    case EADDRNOTAVAIL:
      return (local ? local->to_string() : "the local address") +
             " is not an address of this host: correct local_ipv4 or leave it out";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
      return to + " cannot be reached: " + errno_text(error) +
             "; is there an IPv4 connection with a default route?";
    case ECONNREFUSED:
      return to + " answers that it takes no such packets: is its address right, does it run?";
    case ENOPROTOOPT:
      return to + " answers that it does not know protocol 41: is its address right?";
    case EPERM:
    case EACCES:
      return "this host's firewall does not let packets out to " + pop.to_string();
    default:
      return to + ": " + errno_text(error);
  }
}

absl::StatusOr<Ipv4Address> source_address_for(Ipv4Address pop, std::optional<Ipv4Address> local) {
  const FileDescriptor probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe) return absl::UnavailableError("cannot make an IPv4 socket: " + errno_text());
  if (!connect_socket(probe.get(), pop, kDiscardPort, local)) {
    return absl::UnavailableError(explain_outer_error(errno, pop, local));
  }
  return name_of(probe.get());
}

absl::Status OuterSocket::open() {
  const bool raw = kind_ == Kind::kProtocol41;
  FileDescriptor made(socket(AF_INET, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                             raw ? IPPROTO_IPV6 : IPPROTO_UDP));
  if (!made) {
    const int error = errno;
    if (raw && (error == EPERM || error == EACCES)) {
      return absl::PermissionDeniedError(
          "6in4 needs a raw socket for protocol 41, and this process may not open one: start it as "
          "root or with CAP_NET_RAW");
    }
    return absl::UnavailableError("cannot make an IPv4 socket: " + errno_text(error));
  }
  const int on = 1;
  const int receive_buffer = kReceiveBuffer;
  // DF where the packet fits the path, fragments where it does not: RFC 4213 3.2 without any state
  // of ours.
  const int discover = IP_PMTUDISC_WANT;
  const int ttl = 64;
  setsockopt(made.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  setsockopt(made.get(), IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
  setsockopt(made.get(), IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
  if (!raw) setsockopt(made.get(), IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
  if (!connect_socket(made.get(), pop_, raw ? 0 : kPortAyiya, local_)) {
    return absl::UnavailableError(explain_outer_error(errno, pop_, local_));
  }
  socket_ = std::move(made);
  source_ = name_of(socket_.get());
  return absl::OkStatus();
}

uint32_t OuterSocket::path_mtu() const {
  int mtu = 0;
  socklen_t size = sizeof mtu;
  if (getsockopt(socket_.get(), IPPROTO_IP, IP_MTU, &mtu, &size) != 0 || mtu < 0) return 0;
  return static_cast<uint32_t>(mtu);
}

std::size_t OuterSocket::send(std::span<const Outgoing> batch, int& error) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> pieces;
  std::array<TosMessage, kBatch> marks;
  const std::size_t count = std::min(batch.size(), kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    pieces[i] = {const_cast<uint8_t*>(batch[i].bytes.data()), batch[i].bytes.size()};
    msghdr& message = messages[i].msg_hdr;
    message.msg_iov = &pieces[i];
    message.msg_iovlen = 1;
    if (batch[i].tos == 0) continue;
    message.msg_control = marks[i].bytes;
    message.msg_controllen = sizeof marks[i].bytes;
    cmsghdr* mark = CMSG_FIRSTHDR(&message);
    mark->cmsg_level = IPPROTO_IP;
    mark->cmsg_type = IP_TOS;
    mark->cmsg_len = CMSG_LEN(sizeof(int));
    const int tos = batch[i].tos;
    std::memcpy(CMSG_DATA(mark), &tos, sizeof tos);
  }
  std::size_t at = 0;
  std::size_t sent = 0;
  bool again = false;
  error = 0;
  while (at < count) {
    const int taken = sendmmsg(socket_.get(), &messages[at], static_cast<unsigned>(count - at), 0);
    if (taken > 0) {
      at += static_cast<std::size_t>(taken);
      sent += static_cast<std::size_t>(taken);
      again = false;
      continue;
    }
    if (errno == EINTR) continue;
    if (error == 0) error = errno;
    if (errno == EAGAIN || errno == ENOBUFS) break;
    // What an ICMP error said of an earlier one is told once, and costs this one nothing.
    again = !again;
    if (!again) ++at;
  }
  return sent;
}

std::span<const OuterSocket::Incoming> OuterSocket::receive(int& error) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> pieces;
  std::array<TosMessage, kBatch> marks;
  for (std::size_t i = 0; i < kBatch; ++i) {
    pieces[i] = {buffers_[i].data(), buffers_[i].size()};
    msghdr& message = messages[i].msg_hdr;
    message.msg_iov = &pieces[i];
    message.msg_iovlen = 1;
    message.msg_control = marks[i].bytes;
    message.msg_controllen = sizeof marks[i].bytes;
  }
  const int count = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  error = count < 0 ? errno : 0;
  if (count <= 0) return {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    incoming_[i].bytes = std::span(buffers_[i]).first(messages[i].msg_len);
    incoming_[i].tos = kind_ == Kind::kAyiya ? tos_of(messages[i].msg_hdr) : 0;
  }
  return std::span(incoming_).first(static_cast<std::size_t>(count));
}

}  // namespace simplon::client
