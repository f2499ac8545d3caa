// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/state/file_descriptor.h"
#include "proto/link/link_messages.h"

namespace simplon {

// What the server asks of the process. Called on the thread that calls LinkServer::dispatch().
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;

  // Read-only; they go with the hello, in this order.
  struct SegmentFds {
    int counters = -1;
    int runtime = -1;
    int ledger = -1;
  };

  virtual Hello hello() = 0;  // without header
  virtual SegmentFds segment_fds() = 0;
  virtual StatusReply status() = 0;  // without header

  // Answers through `reply`, before it returns. The descriptor remains the server's.
  virtual void publish(const Publish& message, int fd,
                       const std::function<void(const PublishStatus&)>& reply) = 0;

  // Without header. The descriptor remains the server's.
  virtual SeedDone seed(const Seed& message, int fd) = 0;
  virtual TunnelCommandDone command(const TunnelCommand& message) = 0;  // without header and tag
};

// The dataplane's end of proto/link/link_messages.h: one control at a time, of our own user or
// root. Whatever does not fit the protocol closes the connection. A new connection replaces the one
// before once it has said hello, so that who only looks whether somebody listens disturbs nobody.
// Manager thread.
class LinkServer {
 public:
  // Takes over a socket nobody listens on. Null: `error` says what is in the way.
  static std::unique_ptr<LinkServer> listen(const std::string& path, LinkHandler& handler,
                                            std::string& error);
  // Whether listen() would find the path free; touches nothing. For an early refusal.
  static bool path_is_free(const std::string& path, std::string& error);
  ~LinkServer();
  LinkServer(const LinkServer&) = delete;
  LinkServer& operator=(const LinkServer&) = delete;

  // Readable when dispatch() has something to do.
  int fd() const { return epoll_.get(); }
  void dispatch();

  bool connected() const { return static_cast<bool>(client_); }

 private:
  LinkServer(std::string path, LinkHandler& handler) : path_(std::move(path)), handler_(handler) {}
  void accept_connection();
  void receive(int fd);
  bool promote(int fd, std::span<const std::byte> bytes);
  bool handle(std::span<const std::byte> bytes, std::span<const FileDescriptor> fds);
  void send(const void* data, std::size_t size, std::span<const int> fds = {});
  void close_client(const char* reason);
  void close_connection(int fd, const char* reason);

  std::string path_;
  LinkHandler& handler_;
  FileDescriptor epoll_;
  FileDescriptor listener_;
  FileDescriptor client_;
  std::vector<FileDescriptor> silent_;  // connected, no hello yet; the oldest first
  bool bound_ = false;
};

}  // namespace simplon
