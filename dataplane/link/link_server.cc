// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/link_server.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "dataplane/state/errno_text.h"

namespace simplon {
namespace {

constexpr std::size_t kMaxDescriptors = 4;  // received at once; the protocol knows one
constexpr std::size_t kLargestRequest =
    std::max({sizeof(Publish), sizeof(Seed), sizeof(TunnelCommand)});
constexpr std::size_t kSegments = 3;
constexpr std::size_t kMaxSilent = 4;

std::string with_errno(const std::string& what) {
  return what + ": " + errno_text();
}

FileDescriptor make_socket() {
  return FileDescriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool make_address(const std::string& path, sockaddr_un& address, std::string& error) {
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    error = "socket path '" + path + "' is empty or longer than " +
            std::to_string(sizeof address.sun_path - 1) + " bytes";
    return false;
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  return true;
}

enum class PathState { kFree, kStale, kTaken };

PathState look_at(const std::string& path, const sockaddr_un& address, std::string& error) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return PathState::kFree;  // bind() will tell
    error = with_errno("cannot look at " + path);
    return PathState::kTaken;
  }
  if (!S_ISSOCK(status.st_mode)) {
    error = path + " is in the way and is not a socket: remove it or choose another --socket";
    return PathState::kTaken;
  }
  const FileDescriptor probe = make_socket();
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    error = "another dataplane is running (pid " + std::to_string(peer.pid) + ") and serves " +
            path + ": stop it, or give this one its own --state-dir";
    return PathState::kTaken;
  }
  if (errno == ECONNREFUSED) return PathState::kStale;
  error = with_errno(path + " is in the way");
  return PathState::kTaken;
}

// Data and descriptors of one packet. The descriptors close with the object.
struct Received {
  ssize_t size = -1;
  bool truncated = false;
  std::vector<FileDescriptor> fds;
};

Received receive_packet(int socket, std::span<std::byte> buffer) {
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Received r;
  do {
    r.size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (r.size < 0 && errno == EINTR);
  if (r.size < 0) return r;
  r.truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      r.fds.emplace_back(fd);
    }
  }
  return r;
}

template <typename Message>
void stamp(Message& message, LinkMessageType type) {
  message.header = {static_cast<uint32_t>(type), kLinkAbi};
}

}  // namespace

std::unique_ptr<LinkServer> LinkServer::listen(const std::string& path, LinkHandler& handler,
                                               std::string& error) {
  sockaddr_un address{};
  if (!make_address(path, address, error)) return nullptr;
  switch (look_at(path, address, error)) {
    case PathState::kFree:
      break;
    case PathState::kStale:
      spdlog::info("event=stale_socket_removed path={}", path);
      unlink(path.c_str());
      break;
    case PathState::kTaken:
      return nullptr;
  }

  std::unique_ptr<LinkServer> server(new LinkServer(path, handler));
  server->listener_ = make_socket();
  const int listener = server->listener_.get();
  // The mode is that of creation: there is no moment in which others could connect.
  const mode_t before = umask(0177);
  server->bound_ = bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  umask(before);
  if (!server->bound_ || ::listen(listener, 4) != 0) {
    error = with_errno("cannot listen on " + path);
    return nullptr;
  }
  server->epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  if (epoll_ctl(server->epoll_.get(), EPOLL_CTL_ADD, listener, &event) != 0) {
    error = with_errno("epoll");
    return nullptr;
  }
  return server;
}

bool LinkServer::path_is_free(const std::string& path, std::string& error) {
  sockaddr_un address{};
  return make_address(path, address, error) && look_at(path, address, error) != PathState::kTaken;
}

LinkServer::~LinkServer() {
  if (bound_) unlink(path_.c_str());
}

void LinkServer::dispatch() {
  std::array<epoll_event, 4> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == listener_.get()) {
      accept_connection();
    } else {
      receive(fd);
    }
  }
}

void LinkServer::accept_connection() {
  FileDescriptor connection(
      accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != 0 && peer.uid != geteuid())) {
    spdlog::warn("event=control_refused pid={} uid={} reason=\"neither root nor our own user\"",
                 peer.pid, peer.uid);
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = connection.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.get(), &event) != 0) return;
  if (silent_.size() == kMaxSilent) silent_.erase(silent_.begin());
  silent_.push_back(std::move(connection));
}

void LinkServer::receive(int fd) {
  const bool known =
      fd == client_.get() || std::any_of(silent_.begin(), silent_.end(),
                                         [fd](const FileDescriptor& s) { return s.get() == fd; });
  if (!known) return;  // closed since epoll_wait() reported it
  std::array<std::byte, kLargestRequest + 1> buffer{};
  const Received r = receive_packet(fd, buffer);
  if (r.size < 0) {
    if (errno != EAGAIN) close_connection(fd, errno_text().c_str());
    return;
  }
  if (r.size == 0) {
    close_connection(fd, "control left");
    return;
  }
  if (r.truncated) {
    close_connection(fd, "message too long");
    return;
  }
  const std::span<const std::byte> bytes{buffer.data(), static_cast<std::size_t>(r.size)};
  if ((fd != client_.get() && !promote(fd, bytes)) || !handle(bytes, r.fds)) {
    close_connection(fd, "malformed message");
  }
}

// The connection that says hello is control from now on.
bool LinkServer::promote(int fd, std::span<const std::byte> bytes) {
  HelloRequest hello{};
  if (bytes.size() != sizeof hello) return false;
  std::memcpy(&hello, bytes.data(), sizeof hello);
  if (hello.header.type != static_cast<uint32_t>(LinkMessageType::kHelloRequest) ||
      hello.header.abi != kLinkAbi) {
    return false;
  }
  const auto found = std::find_if(silent_.begin(), silent_.end(),
                                  [fd](const FileDescriptor& s) { return s.get() == fd; });
  FileDescriptor connection = std::move(*found);
  silent_.erase(found);
  if (client_) close_client("replaced by a new connection");
  client_ = std::move(connection);
  ucred peer{};
  socklen_t size = sizeof peer;
  getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  spdlog::info("event=control_connected pid={} uid={}", peer.pid, peer.uid);
  return true;
}

bool LinkServer::handle(std::span<const std::byte> bytes, std::span<const FileDescriptor> fds) {
  LinkHeader header{};
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.abi != kLinkAbi) return false;
  switch (static_cast<LinkMessageType>(header.type)) {
    case LinkMessageType::kHelloRequest: {
      if (bytes.size() != sizeof(HelloRequest) || !fds.empty()) return false;
      Hello hello = handler_.hello();
      stamp(hello, LinkMessageType::kHello);
      const LinkHandler::SegmentFds segments = handler_.segment_fds();
      send(&hello, sizeof hello, std::array{segments.counters, segments.runtime, segments.ledger});
      return true;
    }
    case LinkMessageType::kPublish: {
      Publish publish{};
      if (bytes.size() != sizeof publish || fds.size() != 1) return false;
      std::memcpy(&publish, bytes.data(), sizeof publish);
      handler_.publish(publish, fds[0].get(), [this](const PublishStatus& status) {
        PublishStatus answer = status;
        stamp(answer, LinkMessageType::kPublishStatus);
        send(&answer, sizeof answer);
      });
      return true;
    }
    case LinkMessageType::kStatusRequest: {
      if (bytes.size() != sizeof(StatusRequest) || !fds.empty()) return false;
      StatusReply reply = handler_.status();
      stamp(reply, LinkMessageType::kStatusReply);
      send(&reply, sizeof reply);
      return true;
    }
    case LinkMessageType::kSeed: {
      Seed seed{};
      if (bytes.size() != sizeof seed || fds.size() != 1) return false;
      std::memcpy(&seed, bytes.data(), sizeof seed);
      SeedDone done = handler_.seed(seed, fds[0].get());
      stamp(done, LinkMessageType::kSeedDone);
      send(&done, sizeof done);
      return true;
    }
    case LinkMessageType::kTunnelCommand: {
      TunnelCommand command{};
      if (bytes.size() != sizeof command || !fds.empty()) return false;
      std::memcpy(&command, bytes.data(), sizeof command);
      TunnelCommandDone done = handler_.command(command);
      stamp(done, LinkMessageType::kTunnelCommandDone);
      done.tag = command.tag;
      send(&done, sizeof done);
      return true;
    }
    case LinkMessageType::kHello:
    case LinkMessageType::kPublishStatus:
    case LinkMessageType::kStatusReply:
    case LinkMessageType::kSeedDone:
    case LinkMessageType::kTunnelCommandDone:
      return false;
  }
  return false;
}

// A control that does not read its answers loses the connection, not the dataplane its time.
void LinkServer::send(const void* data, std::size_t size, std::span<const int> fds) {
  if (!client_) return;
  iovec part{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kSegments)> control{};
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  if (sendmsg(client_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(size)) {
    close_client(errno_text().c_str());
  }
}

void LinkServer::close_connection(int fd, const char* reason) {
  if (fd == client_.get()) {
    close_client(reason);
  } else {
    std::erase_if(silent_, [fd](const FileDescriptor& s) { return s.get() == fd; });
  }
}

void LinkServer::close_client(const char* reason) {
  spdlog::info("event=control_disconnected reason=\"{}\"", reason);
  client_.reset();  // which takes it out of the epoll set, too
}

}  // namespace simplon
