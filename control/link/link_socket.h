// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One connection to the dataplane: whole messages with their file descriptors over a SEQPACKET
// socket. What comes in is checked for type, ABI and size before anybody looks inside. Thread: one
// at a time.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "control/table/unique_fd.h"
#include "proto/link/link_messages.h"

namespace simplon::control {

struct HelloReceived {
  Hello hello;
  UniqueFd counters;
  UniqueFd runtime;
  UniqueFd ledger;
};

// StatusReply is large; it lives on the heap.
using LinkReceived = std::variant<std::monostate, HelloReceived, PublishStatus,
                                  std::unique_ptr<StatusReply>, SeedDone, TunnelCommandDone>;

class LinkSocket {
 public:
  // UNAVAILABLE when nobody listens; the message names the path and what to do.
  static absl::StatusOr<LinkSocket> connect(const std::string& path);

  int fd() const { return fd_.get(); }

  absl::Status send_hello();
  absl::Status send_status_request();
  // `snapshot` stays the caller's.
  absl::Status send_publish(uint64_t generation, uint64_t revision, uint64_t size, int snapshot);

  // `seed`: sealed memfd of SeedRecord[count]; stays the caller's.
  absl::Status send_seed(uint64_t count, int seed);
  // Fills in the header.
  absl::Status send_command(TunnelCommand command);

  // The next message; monostate: none waiting. An error means the connection is of no more use.
  absl::StatusOr<LinkReceived> receive();

 private:
  explicit LinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  absl::Status send(const void* message, std::size_t size, int fd);

  UniqueFd fd_;
};

}  // namespace simplon::control
