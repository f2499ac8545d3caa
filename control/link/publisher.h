// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The client side of the link (proto/link/link_messages.h): keeps the dataplane on the current
// revision. One thread of its own connects, again and again if need be; publishes at once when the
// stored revision is not the active one; has one publish in flight, and so lets changes that arrive
// meanwhile share the next snapshot. Revisions with nothing for the dataplane (accounts, what
// subscribers are told) are in force with the snapshot before them. A dataplane that has forgotten
// what it learned is seeded from the journal as soon as a snapshot is active.

#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/counters/counter_book.h"
#include "control/engine/engine.h"
#include "control/events/event_log.h"
#include "control/link/link_socket.h"
#include "control/runtime/runtime_book.h"
#include "simplon/v1/common.pb.h"

namespace simplon::control {

class Publisher {
 public:
  using Clock = std::chrono::steady_clock;

  struct Info {
    bool connected = false;
    std::string error;  // why not
    Hello hello{};      // of the last connection
    uint64_t active_generation = 0;
    uint64_t active_revision = 0;

    // Of the last snapshot built here.
    uint64_t built_generation = 0;
    uint64_t built_revision = 0;
    int64_t built_unix_ns = 0;
    uint64_t size_bytes = 0;
    uint32_t tunnels = 0;
    uint32_t slot_capacity = 0;
    std::chrono::nanoseconds build_duration{};
    std::chrono::nanoseconds publish_duration{};
    uint64_t publishes = 0;
    uint64_t rejected = 0;
  };

  Publisher(Engine& engine, CounterBook& counters, RuntimeBook& runtime, EventLog& events,
            std::string socket_path);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Called (on the publisher's thread) when what status() says may have changed. Before start().
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  void start();
  // Idempotent. Whoever waits gets an answer.
  void stop();

  // Thread: any, from here on.

  // There is a new revision. Does not block.
  void notify();
  // Until `revision` is active, refused, or cannot become so now.
  v1::PublishStatus wait(uint64_t revision, std::chrono::milliseconds timeout);
  v1::PublishStatus status(uint64_t revision) const;
  Info info() const;
  bool connected() const;
  // Asks the dataplane; concurrent calls share an answer. UNAVAILABLE without one.
  absl::StatusOr<std::shared_ptr<const StatusReply>> ask_status(std::chrono::milliseconds timeout);
  // Has the dataplane do it; `tag` is filled in. UNAVAILABLE without one, FAILED_PRECONDITION with
  // the dataplane's reason where it did not.
  absl::Status command(TunnelCommand command, std::chrono::milliseconds timeout);

 private:
  void run();
  absl::Status greet(LinkSocket& socket);
  absl::Status serve(LinkSocket& socket);
  absl::Status handle(LinkReceived received);
  absl::Status handle_publish(const PublishStatus& status);
  absl::Status take_segments(HelloReceived& hello);
  absl::Status seed(LinkSocket& socket);
  absl::Status send_commands(LinkSocket& socket);
  bool should_publish() const;
  std::optional<uint64_t> covered_revision() const;
  void cover(uint64_t revision);
  absl::Status publish(LinkSocket& socket);
  void settle(uint64_t revision, v1::PublishStatus::State state, std::string message);
  void announce();
  void disconnected(const absl::Status& why);
  void wait_before_retry(std::chrono::milliseconds delay);
  std::chrono::milliseconds poll_timeout() const;
  v1::PublishStatus status_locked(uint64_t revision) const;
  void post_event();
  void wake() const;

  Engine& engine_;
  CounterBook& counters_;
  RuntimeBook& runtime_;
  EventLog& events_;
  const std::string path_;
  std::function<void()> on_change_;
  UniqueFd wake_;  // eventfd

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  Info info_;
  // What became of the last publish that was answered for good.
  uint64_t settled_revision_ = 0;
  v1::PublishStatus::State settled_state_ = v1::PublishStatus::STATE_UNSPECIFIED;
  std::string settled_message_;
  // By a snapshot this process sent over this connection: then it is certain what is in it.
  bool settled_here_ = false;
  uint64_t status_wanted_ = 0;  // number of the newest request for a status
  uint64_t status_given_ = 0;   // number the last reply answers
  std::shared_ptr<const StatusReply> status_;
  uint32_t last_tag_ = 0;
  std::vector<TunnelCommand> commands_;  // not sent yet
  absl::flat_hash_map<uint32_t, std::optional<TunnelCommandDone>>
      answers_;  // by tag, while waited for

  // The publisher's thread only.
  uint64_t generation_ = 0;  // last one used
  struct InFlight {
    uint64_t generation;
    uint64_t revision;
    Clock::time_point since;
  };
  std::optional<InFlight> in_flight_;
  Clock::time_point not_before_{};  // a busy dataplane gets a pause
  uint64_t status_asked_ = 0;
  bool seeding_ = false;

  std::thread thread_;
};

}  // namespace simplon::control
