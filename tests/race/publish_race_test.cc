// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Interleavings of publisher and readers, forced one by one at the race points, for both gates. The
// readers behave as workers do; the publisher is the real one.

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "dataplane/link/publisher.h"
#include "dataplane/link/race_point.h"
#include "dataplane/worker/qsbr_gate.h"
#include "tests/support/catch.h"
#include "tests/support/test_snapshot.h"

namespace simplon {
namespace {

using std::chrono::milliseconds;
using testing::make_snapshot;

// Race points that are closed stop who comes by until they are opened.
class Latches {
 public:
  Latches() {
    current = this;
    race_point_hook = [](const char* name) { current->pass(name); };
  }
  ~Latches() { race_point_hook = nullptr; }

  void close(const std::string& name) {
    const std::lock_guard lock(mutex_);
    closed_.insert(name);
  }
  void open(const std::string& name) {
    const std::lock_guard lock(mutex_);
    closed_.erase(name);
    changed_.notify_all();
  }
  // Waits until somebody stands at the closed point.
  void wait_for_arrival(const std::string& name) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_[name] > 0; });
  }
  // How often anybody passed.
  uint64_t passes(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return passes_[name];
  }

 private:
  void pass(const std::string& name) {
    std::unique_lock lock(mutex_);
    ++waiting_[name];
    changed_.notify_all();
    changed_.wait(lock, [&] { return !closed_.contains(name); });
    --waiting_[name];
    ++passes_[name];
  }

  static inline Latches* current = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> closed_;
  std::map<std::string, int> waiting_;
  std::map<std::string, uint64_t> passes_;
};

template <typename Gate>
std::unique_ptr<Gate> make_gate();
template <>
std::unique_ptr<QsbrGate> make_gate() {
  return std::make_unique<QsbrGate>(1);
}
template <>
std::unique_ptr<PlainGenerationGate> make_gate() {
  return std::make_unique<PlainGenerationGate>();
}

template <typename Gate>
struct Bed {
  ActiveTable<ForwardingTable> active;
  std::unique_ptr<Gate> gate = make_gate<Gate>();
  Latches latches;
  std::unique_ptr<Publisher> publisher;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> seen{0};
  std::thread reader;

  explicit Bed(milliseconds deadline) {
    spdlog::set_level(spdlog::level::off);
    Publisher::Config config;
    config.ports = {{"uplink", {0x02, 0, 0, 0, 0, 1}}};
    config.reader_count = 1;
    config.grace_deadline = deadline;
    publisher = std::make_unique<Publisher>(std::move(config), active, *gate);
  }
  ~Bed() {
    stop = true;
    for (const char* name : {"publish.received", "publish.validated", "activate.before_store",
                             "activate.after_store", "reclaim.before_unmap", "worker.before_ack"}) {
      latches.open(name);
    }
    if (reader.joinable()) reader.join();
  }

  void start_reader() {
    reader = std::thread([this] {
      gate->online(0);
      const ForwardingTable* table = active.acquire_first();
      while (!stop) {
        // Reads the table as a burst does: a sanitizer, or the fault itself, tells if it is gone.
        if (table != nullptr && table->snapshot.slot(1).tunnel_id == 101) {
          seen = table->snapshot.generation();
        }
        race_point("worker.before_ack");
        if (table != nullptr && table->snapshot.slot(1).tunnel_id != 101) seen = 999;
        gate->ack(0, table != nullptr ? table->snapshot.generation() : 0);
        table = active.acquire();
      }
      gate->offline(0);
    });
  }

  // The last state answered.
  PublishState publish(uint64_t generation) {
    const auto snapshot = make_snapshot(generation, generation);
    auto state = PublishState::kRejected;
    const Publish message{{}, generation, generation, snapshot.size};
    publisher->publish(message, snapshot.fd.get(), [&](const PublishStatus& status) {
      state = static_cast<PublishState>(status.state);
    });
    return state;
  }

  void wait_until_seen(uint64_t generation) const {
    while (seen != generation) std::this_thread::yield();
  }
};

TEMPLATE_TEST_CASE("a table is kept as long as a reader that took it before the swap has it", "",
                   QsbrGate, PlainGenerationGate) {
  Bed<TestType> bed(std::chrono::seconds(30));
  REQUIRE(bed.publish(1) == PublishState::kActive);
  bed.start_reader();
  bed.wait_until_seen(1);
  // The reader is in the middle of its turn, with table 1.
  bed.latches.close("worker.before_ack");
  bed.latches.wait_for_arrival("worker.before_ack");
  const uint64_t freed = bed.latches.passes("reclaim.before_unmap");
  auto state = PublishState::kRejected;
  std::thread publishing([&] { state = bed.publish(2); });
  while (bed.latches.passes("activate.after_store") < 2) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(20));
  CHECK(bed.latches.passes("reclaim.before_unmap") == freed);
  CHECK(bed.seen == 1);

  bed.latches.open("worker.before_ack");
  publishing.join();
  CHECK(state == PublishState::kActive);
  bed.wait_until_seen(2);
}

TEMPLATE_TEST_CASE("a reader that turns between validation and swap uses the old table, whole", "",
                   QsbrGate, PlainGenerationGate) {
  Bed<TestType> bed(std::chrono::seconds(30));
  REQUIRE(bed.publish(1) == PublishState::kActive);
  bed.start_reader();
  bed.latches.close("activate.before_store");
  std::thread publishing([&] { bed.publish(2); });
  bed.latches.wait_for_arrival("activate.before_store");
  const uint64_t turns = bed.latches.passes("worker.before_ack");
  while (bed.latches.passes("worker.before_ack") < turns + 100) std::this_thread::yield();
  CHECK(bed.seen == 1);
  bed.latches.open("activate.before_store");
  publishing.join();
  bed.wait_until_seen(2);
}

TEMPLATE_TEST_CASE(
    "a reader that comes online right after the swap sees the new table or is waited for", "",
    QsbrGate, PlainGenerationGate) {
  Bed<TestType> bed(std::chrono::seconds(30));
  REQUIRE(bed.publish(1) == PublishState::kActive);
  bed.latches.close("activate.after_store");
  std::thread publishing([&] { bed.publish(2); });
  bed.latches.wait_for_arrival("activate.after_store");
  bed.start_reader();
  bed.wait_until_seen(2);  // never 1: that pointer is gone
  bed.latches.open("activate.after_store");
  publishing.join();
  CHECK(bed.publisher->mapped_snapshots() == 1);
}

TEMPLATE_TEST_CASE("a reader that hangs beyond the deadline keeps its table until it comes back",
                   "", QsbrGate, PlainGenerationGate) {
  Bed<TestType> bed(milliseconds(20));
  REQUIRE(bed.publish(1) == PublishState::kActive);
  bed.start_reader();
  bed.wait_until_seen(1);
  bed.latches.close("worker.before_ack");
  bed.latches.wait_for_arrival("worker.before_ack");
  CHECK(bed.publish(2) == PublishState::kStalled);
  CHECK(bed.publish(3) == PublishState::kBusy);
  CHECK(bed.publisher->mapped_snapshots() == 2);
  bed.publisher->reclaim();
  CHECK(bed.publisher->mapped_snapshots() == 2);
  bed.latches.open("worker.before_ack");
  bed.wait_until_seen(2);
  while (bed.publisher->stalled()) bed.publisher->reclaim();
  CHECK(bed.publisher->mapped_snapshots() == 1);
  CHECK(bed.publish(3) == PublishState::kActive);
}

TEMPLATE_TEST_CASE("many swaps under readers that come and go", "", QsbrGate, PlainGenerationGate) {
  Bed<TestType> bed(std::chrono::seconds(30));
  REQUIRE(bed.publish(1) == PublishState::kActive);
  bed.start_reader();
  for (uint64_t g = 2; g <= 100; ++g) REQUIRE(bed.publish(g) == PublishState::kActive);
  bed.wait_until_seen(100);
}

}  // namespace
}  // namespace simplon
