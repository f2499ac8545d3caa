// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/link/publisher.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "control/clock.h"
#include "control/error/error.h"
#include "control/table/build_snapshot.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{20};
constexpr milliseconds kLastRetry{1000};
constexpr milliseconds kHelloTimeout{2000};
// Validating and activating a million tunnels takes about a second; a dataplane that is silent for
// this long is taken as gone.
constexpr std::chrono::seconds kPublishTimeout{30};
constexpr milliseconds kBusyPause{50};

std::string_view state_name(v1::PublishStatus::State state) {
  return v1::PublishStatus::State_Name(state);
}

bool is_active(v1::PublishStatus::State state) {
  return state == v1::PublishStatus::ACTIVE || state == v1::PublishStatus::STALLED;
}

}  // namespace

Publisher::Publisher(Engine& engine, CounterBook& counters, RuntimeBook& runtime, EventLog& events,
                     std::string socket_path)
    : engine_(engine),
      counters_(counters),
      runtime_(runtime),
      events_(events),
      path_(std::move(socket_path)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  info_.error = "not connected yet";
}

Publisher::~Publisher() {
  stop();
}

void Publisher::start() {
  thread_ = std::thread([this] { run(); });
}

void Publisher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Publisher::wake() const {
  const uint64_t one = 1;
  // Can only fail when the counter is about to overflow, and then the thread is awake anyway.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void Publisher::notify() {
  wake();
}

v1::PublishStatus Publisher::status_locked(uint64_t revision) const {
  v1::PublishStatus status;
  status.set_revision(revision);
  const bool settled = settled_revision_ >= revision;
  if (settled && is_active(settled_state_) && info_.connected) {
    status.set_state(settled_state_);
    status.set_generation(info_.active_generation);
    status.set_message(settled_message_);
  } else if (!info_.connected) {
    status.set_state(v1::PublishStatus::DISCONNECTED);
    status.set_message(info_.error);
  } else if (settled && settled_state_ == v1::PublishStatus::REJECTED) {
    status.set_state(v1::PublishStatus::REJECTED);
    status.set_generation(info_.built_generation);
    status.set_message(settled_message_);
  } else {
    status.set_state(v1::PublishStatus::PUBLISHING);
    status.set_message("the dataplane has not answered yet");
  }
  return status;
}

v1::PublishStatus Publisher::status(uint64_t revision) const {
  const std::lock_guard lock(mutex_);
  return status_locked(revision);
}

v1::PublishStatus Publisher::wait(uint64_t revision, milliseconds timeout) {
  std::unique_lock lock(mutex_);
  v1::PublishStatus status;
  changed_.wait_for(lock, timeout, [&] {
    status = status_locked(revision);
    return stopping_ || status.state() != v1::PublishStatus::PUBLISHING;
  });
  return status;
}

Publisher::Info Publisher::info() const {
  const std::lock_guard lock(mutex_);
  return info_;
}

bool Publisher::connected() const {
  const std::lock_guard lock(mutex_);
  return info_.connected;
}

absl::StatusOr<std::shared_ptr<const StatusReply>> Publisher::ask_status(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto unavailable = [&](std::string_view why) {
    return make_error(absl::StatusCode::kUnavailable, "DATAPLANE_UNAVAILABLE", why);
  };
  if (!info_.connected) return unavailable(info_.error);
  const uint64_t number = ++status_wanted_;
  wake();
  const bool answered = changed_.wait_for(
      lock, timeout, [&] { return stopping_ || !info_.connected || status_given_ >= number; });
  if (!answered) return unavailable("the dataplane did not answer in time");
  if (status_given_ < number) return unavailable(info_.error);
  return status_;
}

absl::Status Publisher::command(TunnelCommand command, milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto unavailable = [&](std::string_view why) {
    return make_error(absl::StatusCode::kUnavailable, "DATAPLANE_UNAVAILABLE", why);
  };
  if (!info_.connected) return unavailable(info_.error);
  command.tag = ++last_tag_;
  answers_[command.tag] = std::nullopt;
  commands_.push_back(command);
  wake();
  const bool woken = changed_.wait_for(lock, timeout, [&] {
    return stopping_ || !info_.connected || answers_[command.tag].has_value();
  });
  const auto answer = answers_[command.tag];
  answers_.erase(command.tag);
  if (!answer) return unavailable(woken ? info_.error : "the dataplane did not answer in time");
  if (answer->done != 0) return absl::OkStatus();
  return make_error(absl::StatusCode::kFailedPrecondition, "DATAPLANE_REFUSED", answer->reason);
}

void Publisher::wait_before_retry(milliseconds delay) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, delay, [&] { return stopping_; });
}

void Publisher::run() {
  milliseconds retry = kFirstRetry;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    auto socket = LinkSocket::connect(path_);
    absl::Status status = socket.ok() ? greet(*socket) : socket.status();
    if (status.ok()) {
      retry = kFirstRetry;
      status = serve(*socket);
    }
    disconnected(status);
    wait_before_retry(retry);
    retry = std::min(retry * 2, kLastRetry);
  }
}

void Publisher::disconnected(const absl::Status& why) {
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    news = std::exchange(info_.connected, false);
    const std::string error = to_string(why.message());
    if (info_.error != error) {
      spdlog::warn("event=dataplane_unavailable socket={} error=\"{}\"", path_, error);
    }
    info_.error = error;
    commands_.clear();
  }
  in_flight_.reset();
  seeding_ = false;
  changed_.notify_all();
  if (news) post_event();
  if (on_change_) on_change_();
}

void Publisher::post_event() {
  v1::WatchResponse event;
  const uint64_t revision = engine_.revision();
  event.set_revision(revision);
  {
    const std::lock_guard lock(mutex_);
    event.mutable_publish()->set_dataplane_connected(info_.connected);
    *event.mutable_publish()->mutable_status() = status_locked(revision);
  }
  events_.append(std::move(event));
}

absl::Status Publisher::greet(LinkSocket& socket) {
  if (auto status = socket.send_hello(); !status.ok()) return status;
  pollfd readable{socket.fd(), POLLIN, 0};
  if (poll(&readable, 1, int(kHelloTimeout.count())) == 0) {
    return absl::UnavailableError("the dataplane did not greet in time");
  }
  auto received = socket.receive();
  if (!received.ok()) return received.status();
  auto* hello = std::get_if<HelloReceived>(&*received);
  if (hello == nullptr) return absl::DataLossError("the dataplane did not begin with HELLO");

  if (auto status = take_segments(*hello); !status.ok()) return status;
  const Hello& h = hello->hello;
  generation_ = std::max(generation_, h.active_generation);
  in_flight_.reset();
  not_before_ = {};
  {
    const std::lock_guard lock(mutex_);
    info_.connected = true;
    info_.error.clear();
    info_.hello = h;
    info_.active_generation = h.active_generation;
    info_.active_revision = h.active_revision;
    // A revision this store never had (it was replaced) says nothing about ours.
    const bool ours = h.active_generation != 0 && h.active_revision <= engine_.revision();
    settled_revision_ = ours ? h.active_revision : 0;
    settled_state_ = v1::PublishStatus::ACTIVE;
    settled_message_.clear();
    settled_here_ = false;
    status_asked_ = status_given_;
  }
  spdlog::info("event=dataplane_connected version={} instance={:016x} generation={} revision={}",
               h.version, h.instance_id, h.active_generation, h.active_revision);
  changed_.notify_all();
  post_event();
  if (on_change_) on_change_();
  return absl::OkStatus();
}

absl::Status Publisher::take_segments(HelloReceived& hello) {
  // Who could not read what the dataplane learned would lose it with the next reboot, and say of
  // every tunnel that it is down.
  auto runtime = RuntimeReader::map(std::move(hello.runtime));
  if (!runtime.ok()) return runtime.status();
  // Forwarding matters more than counting: another release may count other things.
  auto ledger = LedgerReader::map(std::move(hello.ledger));
  if (!ledger.ok()) {
    spdlog::error("event=ledger_unusable error=\"{}\"", to_string(ledger.status().message()));
  }
  auto segment = CounterSegment::map(std::move(hello.counters));
  if (segment.ok()) {
    StoreWrite write = engine_.read([&](const Model& model, const Engine::Info&) {
      return counters_.attach(*std::move(segment), model);
    });
    engine_.write_later(std::move(write));
  } else {
    spdlog::error("event=counters_unusable error=\"{}\"", to_string(segment.status().message()));
  }
  runtime_.attach(*std::move(runtime), ledger.ok() ? *std::move(ledger) : nullptr);
  return absl::OkStatus();
}

absl::Status Publisher::seed(LinkSocket& socket) {
  if (seeding_ || in_flight_) return absl::OkStatus();
  {
    const std::lock_guard lock(mutex_);
    // Only what is in the active snapshot is taken: it must be ours.
    if (!is_active(settled_state_) || settled_revision_ != engine_.revision()) {
      return absl::OkStatus();
    }
  }
  if (!runtime_.needs_seed()) return absl::OkStatus();
  auto file = runtime_.make_seed();
  if (!file.ok()) return file.status();
  seeding_ = true;
  return socket.send_seed(file->count, file->fd.get());
}

absl::Status Publisher::send_commands(LinkSocket& socket) {
  std::vector<TunnelCommand> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (const TunnelCommand& command : commands) {
    if (auto status = socket.send_command(command); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool Publisher::should_publish() const {
  const uint64_t revision = engine_.revision();
  // Revision 0: nothing was ever configured here. That is no reason to take from a dataplane what
  // it has.
  if (in_flight_ || revision == 0 || Clock::now() < not_before_) return false;
  const std::lock_guard lock(mutex_);
  if (info_.hello.snapshot_abi_major != kSnapshotAbiMajor) return false;
  return settled_revision_ != revision;
}

// The newest revisions left a snapshot as it is: what is active is them.
std::optional<uint64_t> Publisher::covered_revision() const {
  const uint64_t revision = engine_.revision();
  if (in_flight_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const bool covered = settled_here_ && settled_revision_ < revision && is_active(settled_state_) &&
                       engine_.dataplane_revision() <= settled_revision_;
  return covered ? std::optional(revision) : std::nullopt;
}

void Publisher::cover(uint64_t revision) {
  {
    const std::lock_guard lock(mutex_);
    settled_revision_ = revision;
    info_.active_revision = revision;
  }
  spdlog::info("event=published revision={} generation={} note=\"nothing for the dataplane\"",
               revision, generation_);
  announce();
}

void Publisher::announce() {
  changed_.notify_all();
  post_event();
  if (on_change_) on_change_();
}

milliseconds Publisher::poll_timeout() const {
  using std::chrono::ceil;
  const auto now = Clock::now();
  if (in_flight_) {
    return std::max(milliseconds(0), ceil<milliseconds>(in_flight_->since + kPublishTimeout - now));
  }
  if (now < not_before_) return ceil<milliseconds>(not_before_ - now);
  return std::chrono::hours(1);
}

absl::Status Publisher::serve(LinkSocket& socket) {
  for (;;) {
    uint64_t wanted = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return absl::UnavailableError("control is stopping");
      wanted = status_wanted_;
    }
    if (const auto revision = covered_revision()) {
      cover(*revision);
    } else if (should_publish()) {
      if (auto status = publish(socket); !status.ok()) return status;
    }
    if (auto status = seed(socket); !status.ok()) return status;
    if (auto status = send_commands(socket); !status.ok()) return status;
    if (wanted > status_asked_) {
      if (auto status = socket.send_status_request(); !status.ok()) return status;
      status_asked_ = wanted;
    }
    pollfd fds[2] = {{socket.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    poll(fds, 2, int(poll_timeout().count()));
    if (fds[1].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof count);
    }
    if (fds[0].revents != 0) {
      auto received = socket.receive();
      if (!received.ok()) return received.status();
      if (auto status = handle(*std::move(received)); !status.ok()) return status;
    }
    if (in_flight_ && Clock::now() - in_flight_->since > kPublishTimeout) {
      return absl::UnavailableError("the dataplane does not answer a publish");
    }
  }
}

absl::Status Publisher::publish(LinkSocket& socket) {
  const uint64_t generation = ++generation_;
  const auto start = Clock::now();
  uint64_t revision = 0;
  auto snapshot = engine_.read([&](const Model& model, const Engine::Info& info) {
    revision = info.revision;
    SnapshotBuildOptions options;
    options.generation = generation;
    options.revision = revision;
    // The dataplane checks it all again; that it is right is what the tests are for.
    options.self_check = false;
    return model.builder().seal(options);
  });
  const auto built = Clock::now();
  if (!snapshot.ok()) {
    settle(revision, v1::PublishStatus::REJECTED, to_string(snapshot.status().message()));
    return absl::OkStatus();
  }
  {
    const std::lock_guard lock(mutex_);
    info_.built_generation = generation;
    info_.built_revision = revision;
    info_.built_unix_ns = unix_now_ns();
    info_.size_bytes = snapshot->size;
    info_.tunnels = snapshot->tunnel_count;
    info_.slot_capacity = snapshot->slot_capacity;
    info_.build_duration = built - start;
    ++info_.publishes;
  }
  if (auto status = socket.send_publish(generation, revision, snapshot->size, snapshot->fd.get());
      !status.ok()) {
    return status;
  }
  in_flight_ = InFlight{generation, revision, built};
  return absl::OkStatus();
}

absl::Status Publisher::handle(LinkReceived received) {
  if (auto* status = std::get_if<PublishStatus>(&received)) return handle_publish(*status);
  if (auto* reply = std::get_if<std::unique_ptr<StatusReply>>(&received)) {
    {
      const std::lock_guard lock(mutex_);
      status_ = std::move(*reply);
      status_given_ = status_asked_;
    }
    changed_.notify_all();
    return absl::OkStatus();
  }
  if (auto* done = std::get_if<SeedDone>(&received)) {
    if (!std::exchange(seeding_, false)) {
      return absl::DataLossError("the dataplane answered a seed nobody sent");
    }
    runtime_.seeded(*done);
    return absl::OkStatus();
  }
  if (auto* done = std::get_if<TunnelCommandDone>(&received)) {
    {
      const std::lock_guard lock(mutex_);
      // Who asked may have given up.
      if (auto it = answers_.find(done->tag); it != answers_.end()) it->second = *done;
    }
    changed_.notify_all();
    return absl::OkStatus();
  }
  if (std::holds_alternative<std::monostate>(received)) return absl::OkStatus();
  return absl::DataLossError("the dataplane sent a second HELLO");
}

absl::Status Publisher::handle_publish(const PublishStatus& status) {
  // Answers to a publish of an earlier connection, which a restarted control did not send.
  if (!in_flight_ || status.generation != in_flight_->generation) return absl::OkStatus();
  const InFlight sent = *in_flight_;
  switch (PublishState(status.state)) {
    case PublishState::kValidated:
      return absl::OkStatus();
    case PublishState::kActive:
    case PublishState::kStalled: {
      const bool stalled = PublishState(status.state) == PublishState::kStalled;
      {
        const std::lock_guard lock(mutex_);
        info_.active_generation = sent.generation;
        info_.active_revision = sent.revision;
        info_.publish_duration = Clock::now() - sent.since;
      }
      settle(sent.revision, stalled ? v1::PublishStatus::STALLED : v1::PublishStatus::ACTIVE,
             stalled ? "a worker did not let go of the previous snapshot in time" : "");
      return absl::OkStatus();
    }
    case PublishState::kRejected: {
      const std::lock_guard lock(mutex_);
      ++info_.rejected;
    }
      settle(sent.revision, v1::PublishStatus::REJECTED,
             fmt::format("the dataplane refused the snapshot: section {}, index {}: {}",
                         status.section, status.index, status.reason));
      return absl::OkStatus();
    case PublishState::kBusy:
      in_flight_.reset();
      not_before_ = Clock::now() + kBusyPause;
      return absl::OkStatus();
    case PublishState::kStale:
      // Somebody else published meanwhile: HELLO tells where the generations are.
      return absl::UnavailableError("the dataplane has a newer generation than this control knows");
  }
  return absl::DataLossError("the dataplane sent an unknown publish state");
}

void Publisher::settle(uint64_t revision, v1::PublishStatus::State state, std::string message) {
  in_flight_.reset();
  if (state == v1::PublishStatus::ACTIVE) {
    spdlog::info("event=published revision={} generation={}", revision, generation_);
  } else {
    spdlog::error("event=publish_failed revision={} generation={} state={} error=\"{}\"", revision,
                  generation_, state_name(state), message);
  }
  {
    const std::lock_guard lock(mutex_);
    settled_revision_ = revision;
    settled_state_ = state;
    settled_message_ = std::move(message);
    settled_here_ = true;
  }
  announce();
}

}  // namespace simplon::control
