// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "dataplane/state/file_descriptor.h"
#include "proto/link/link_messages.h"

namespace simplon::testing {

// Control's end of the link, blocking and without mercy: sends what it is told to.
class LinkClient {
 public:
  // Not connected: see connected().
  explicit LinkClient(const std::string& path);

  bool connected() const { return static_cast<bool>(socket_); }

  void send(const void* data, std::size_t size, const std::vector<int>& fds = {});
  template <typename Message>
  void send(const Message& message, const std::vector<int>& fds = {}) {
    send(&message, sizeof message, fds);
  }

  // The next message; nullopt: the connection was closed, or nothing came in 5 seconds. `fds`: what
  // came along.
  template <typename Message>
  std::optional<Message> receive(std::vector<FileDescriptor>* fds = nullptr) {
    Message message{};
    if (receive(&message, sizeof message, fds) != static_cast<ssize_t>(sizeof message)) {
      return std::nullopt;
    }
    return message;
  }
  ssize_t receive(void* data, std::size_t size, std::vector<FileDescriptor>* fds);

  // Whether the other end closed the connection, waiting 5 seconds for it.
  bool closed();

  // `segments`: counters, runtime, ledger.
  std::optional<Hello> hello(std::vector<FileDescriptor>* segments = nullptr);
  std::optional<StatusReply> status();
  // Returns all answers up to the final one.
  std::vector<PublishStatus> publish(int fd, uint64_t size, uint64_t generation, uint64_t revision);
  std::optional<SeedDone> seed(int fd, uint64_t count);
  // The header is put in.
  std::optional<TunnelCommandDone> command(TunnelCommand message);

  static LinkHeader header(LinkMessageType type) { return {static_cast<uint32_t>(type), kLinkAbi}; }

 private:
  FileDescriptor socket_;
};

}  // namespace simplon::testing
