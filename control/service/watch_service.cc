// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/watch_service.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/clock.h"
#include "control/error/error.h"
#include "control/model/diff.h"
#include "control/model/render.h"
#include "control/service/grpc_status.h"

namespace simplon::control {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStandardHeartbeat{10000};
constexpr milliseconds kShortestHeartbeat{100};
constexpr std::chrono::seconds kLongestHeartbeat{365 * 86400};  // longer ones would overflow
// How long a watcher may wait before it looks whether its client is still there.
constexpr milliseconds kLook{250};
constexpr std::size_t kBatch = 256;
constexpr std::size_t kInitialSlice = 1000;

class Selection {
 public:
  explicit Selection(const v1::WatchRequest& request)
      : kinds_(request.kinds().begin(), request.kinds().end()),
        names_(request.names().begin(), request.names().end()) {}

  bool has(v1::WatchRequest::Kind kind) const { return kinds_.empty() || kinds_.contains(kind); }
  bool has_name(const std::string& name) const { return names_.empty() || names_.contains(name); }

  bool wants(const v1::WatchResponse& event) const {
    switch (event.event_case()) {
      case v1::WatchResponse::kChange: {
        const v1::Change& change = event.change();
        const v1::Resource& resource = change.has_new_() ? change.new_() : change.old();
        return has(resource.has_tunnel()    ? v1::WatchRequest::TUNNEL
                   : resource.has_pool()    ? v1::WatchRequest::POOL
                   : resource.has_account() ? v1::WatchRequest::ACCOUNT
                                            : v1::WatchRequest::POP) &&
               has_name(change.name());
      }
      case v1::WatchResponse::kRevisionEvent:
        return has(v1::WatchRequest::REVISION);
      case v1::WatchResponse::kPublish:
        return has(v1::WatchRequest::PUBLISH);
      case v1::WatchResponse::kTunnelEvent:
        // What concerns no tunnel concerns all.
        return has(v1::WatchRequest::TUNNEL_STATE) &&
               (event.tunnel_event().name().empty() || has_name(event.tunnel_event().name()));
      default:
        return true;
    }
  }

 private:
  std::set<int> kinds_;
  std::set<std::string> names_;
};

// Everything there is as CREATED, in slices, so that changes are not held up. What changes
// meanwhile comes as events.
std::vector<v1::Change> initial_settings(const Model& model) {
  std::vector<v1::Change> changes;
  const v1::Pop* no_pop = nullptr;
  const v1::Pool* no_pool = nullptr;
  if (model.config().has_pop()) changes.push_back(make_change(no_pop, &model.config().pop()));
  for (const v1::Pool& pool : model.config().pools()) {
    changes.push_back(make_change(no_pool, &pool));
  }
  for (v1::Change& change : changes) change = render(model, std::move(change));
  return changes;
}

std::vector<v1::Change> initial_tunnels(const Model& model, uint64_t& from) {
  std::vector<v1::Change> changes;
  uint64_t next = uint64_t{1} << 32;
  model.visit_from(uint32_t(from), [&](const v1::Tunnel& tunnel) {
    if (changes.size() == kInitialSlice) {
      next = tunnel.id();
      return false;
    }
    changes.push_back(render(model, make_change(static_cast<const v1::Tunnel*>(nullptr), &tunnel)));
    return true;
  });
  from = next;
  return changes;
}

std::vector<v1::Change> initial_accounts(const Model& model, std::string& from) {
  std::vector<v1::Change> changes;
  std::string next;
  model.visit_accounts_from(from, [&](const v1::Account& account) {
    if (changes.size() == kInitialSlice) {
      next = account.name();
      return false;
    }
    changes.push_back(
        render(model, make_change(static_cast<const v1::Account*>(nullptr), &account)));
    return true;
  });
  from = next;
  return changes;
}

// One client's stream. `false`: it is gone.
class Stream {
 public:
  Stream(Engine& engine, const Selection& selection, grpc::ServerWriter<v1::WatchResponse>& writer,
         uint64_t sequence)
      : engine_(engine), selection_(selection), writer_(writer), sequence_(sequence) {}

  uint64_t sequence() const { return sequence_; }
  void jump_to(uint64_t sequence) { sequence_ = sequence; }
  milliseconds since_last() const {
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - last_);
  }

  bool events(const std::vector<EventLog::Event>& events) {
    for (const EventLog::Event& event : events) {
      sequence_ = event->sequence();
      if (!selection_.wants(*event)) continue;
      last_ = std::chrono::steady_clock::now();
      if (!writer_.Write(*event)) return false;
    }
    return true;
  }

  bool sync() {
    v1::WatchResponse message;
    message.mutable_sync();
    return own(std::move(message));
  }

  bool heartbeat() {
    v1::WatchResponse message;
    message.mutable_heartbeat();
    return own(std::move(message));
  }

  bool gap(uint64_t missed) {
    v1::WatchResponse message;
    message.mutable_gap()->set_missed(missed == ~uint64_t{0} ? 0 : missed);
    return own(std::move(message));
  }

  // Of the initial state, which sync() ends.
  bool changes(std::vector<v1::Change> changes) {
    for (v1::Change& change : changes) {
      v1::WatchResponse message;
      *message.mutable_change() = std::move(change);
      if (selection_.wants(message) && !own(std::move(message))) return false;
    }
    return true;
  }

 private:
  // A message that is no event of the log.
  bool own(v1::WatchResponse message) {
    message.set_sequence(sequence_);
    message.set_revision(engine_.revision());
    *message.mutable_time() = timestamp_now();
    last_ = std::chrono::steady_clock::now();
    return writer_.Write(message);
  }

  Engine& engine_;
  const Selection& selection_;
  grpc::ServerWriter<v1::WatchResponse>& writer_;
  uint64_t sequence_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

bool send_initial_state(Engine& engine, Stream& stream) {
  if (!stream.changes(engine.read(
          [](const Model& model, const Engine::Info&) { return initial_settings(model); }))) {
    return false;
  }
  std::string from_account;
  do {
    auto slice = engine.read([&](const Model& model, const Engine::Info&) {
      return initial_accounts(model, from_account);
    });
    if (!stream.changes(std::move(slice))) return false;
  } while (!from_account.empty());
  for (uint64_t from = 0; from < (uint64_t{1} << 32);) {
    auto slice = engine.read(
        [&](const Model& model, const Engine::Info&) { return initial_tunnels(model, from); });
    if (!stream.changes(std::move(slice))) return false;
  }
  return true;
}

}  // namespace

grpc::Status WatchService::Watch(grpc::ServerContext* rpc, const v1::WatchRequest* request,
                                 grpc::ServerWriter<v1::WatchResponse>* writer) {
  if (watchers_.fetch_add(1) >= kMaxWatchers) {
    watchers_.fetch_sub(1);
    return to_grpc(make_error(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHERS",
                              "100 clients watch already; end one"));
  }
  grpc::Status status = stream(*rpc, *request, *writer);
  watchers_.fetch_sub(1);
  return status;
}

grpc::Status WatchService::stream(grpc::ServerContext& rpc, const v1::WatchRequest& request,
                                  grpc::ServerWriter<v1::WatchResponse>& writer) {
  milliseconds heartbeat = kStandardHeartbeat;
  const google::protobuf::Duration& interval = request.heartbeat_interval();
  if (interval.seconds() != 0 || interval.nanos() != 0) {
    const int64_t seconds = std::clamp<int64_t>(interval.seconds(), -1, kLongestHeartbeat.count());
    heartbeat = std::chrono::seconds(seconds) + milliseconds(interval.nanos() / 1'000'000);
    if (heartbeat < kShortestHeartbeat) {
      return to_grpc(
          invalid_field("heartbeat_interval", "OUT_OF_RANGE", "must be at least 100 ms"));
    }
  }
  const Selection selection(request);
  const bool resumes = request.resume_after() != 0;
  // Everything up to here is history for the client, or part of the initial state.
  const uint64_t present = context_.events.last_sequence();
  Stream stream(context_.engine, selection, writer, resumes ? request.resume_after() : present);
  bool alive = true;
  if (!resumes && request.initial_state()) alive = send_initial_state(context_.engine, stream);
  bool synced = false;
  while (alive && !rpc.IsCancelled()) {
    if (!synced && stream.sequence() >= present) {
      synced = true;
      alive = stream.sync();
      continue;
    }
    const milliseconds patience =
        std::clamp(heartbeat - stream.since_last(), milliseconds(0), kLook);
    const EventLog::Batch batch = context_.events.read(stream.sequence(), kBatch, patience);
    if (batch.missed != 0) {
      stream.jump_to(batch.after);
      alive = stream.gap(batch.missed);
    }
    alive = alive && stream.events(batch.events);
    if (batch.closed && batch.events.empty()) {
      return to_grpc(make_error(absl::StatusCode::kUnavailable, "STOPPING",
                                "control is stopping; watch again with resume_after"));
    }
    if (alive && stream.since_last() >= heartbeat) alive = stream.heartbeat();
  }
  return grpc::Status::OK;
}

}  // namespace simplon::control
