// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is left when the disk fails or control is killed: engine, model and store agree, and what
// was answered is there.

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/engine/engine.h"
#include "control/error/error.h"
#include "control/store/store.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/random_config.h"
#include "tests/support/sample_config.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using std::chrono::milliseconds;
using testing::ContainsSubstring;
using testing::pick;
using testing::Random;
using testing::sample_config;
using testing::TemporaryDirectory;

v1::Tunnel new_tunnel(uint32_t id, const std::string& description = "") {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("203.0.113.77");
  tunnel.set_description(description);
  return tunnel;
}

Engine::Call call_of(std::function<absl::Status(Editor&)> edit) {
  Engine::Call call;
  call.method = "Test";
  call.edit = std::move(edit);
  return call;
}

Engine::Call put(const v1::Tunnel& tunnel) {
  return call_of([=](Editor& editor) { return editor.put_tunnel(tunnel, "").status(); });
}

Engine::Call erase(uint32_t id) {
  return call_of([=](Editor& editor) { return editor.erase_tunnel(id); });
}

struct Control {
  explicit Control(const std::string& directory) {
    spdlog::set_level(spdlog::level::off);
    auto store = Store::open(directory, milliseconds(5000));
    INFO(to_string(store.status().message()));
    REQUIRE(store.ok());
    engine = std::make_unique<Engine>(*std::move(store), events);
    const auto status = engine->load();
    INFO(to_string(status.message()));
    REQUIRE(status.ok());
    engine->start();
  }

  void configure() {
    Engine::Call call = call_of([](Editor& editor) { return editor.replace(sample_config()); });
    call.exclusive = true;
    REQUIRE(engine->execute(std::move(call)).ok());
  }
  // Tunnels with their secrets, by id.
  std::map<uint32_t, std::string> tunnels() const {
    std::map<uint32_t, std::string> all;
    engine->read([&](const Model& model, const Engine::Info&) {
      for (const v1::Tunnel& t : model.config().tunnels()) all[t.id()] = t.SerializeAsString();
    });
    return all;
  }

  EventLog events;
  std::unique_ptr<Engine> engine;
};

// Calls that are made together: they wait until the engine is let go, and so share a transaction.
class Group {
 public:
  explicit Group(Engine& engine) : engine_(engine) {
    first_ = std::async(std::launch::async, [this] {
      return engine_.execute(call_of([this](Editor&) {
        std::unique_lock lock(mutex_);
        held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return go_; });
        return absl::OkStatus();
      }));
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }

  void add(Engine::Call call) {
    results_.push_back(std::async(std::launch::async, [this, c = std::move(call)]() mutable {
      return engine_.execute(std::move(c));
    }));
    // In this order into the queue.
    std::this_thread::sleep_for(milliseconds(20));
  }

  std::vector<absl::StatusOr<Engine::Outcome>> run() {
    {
      const std::lock_guard lock(mutex_);
      go_ = true;
    }
    changed_.notify_all();
    first_.wait();
    std::vector<absl::StatusOr<Engine::Outcome>> results;
    for (auto& result : results_) results.push_back(result.get());
    return results;
  }

 private:
  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool go_ = false;
  std::future<absl::StatusOr<Engine::Outcome>> first_;
  std::vector<std::future<absl::StatusOr<Engine::Outcome>>> results_;
};

// While it lives no file of this process grows beyond `size`: writes fail as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

std::size_t log_size(const TemporaryDirectory& directory) {
  return std::filesystem::file_size(directory.file("simplon.db-wal"));
}

// ---- A commit that fails.

TEST_CASE("on a full disk a change is refused, and model and store are as before") {
  const TemporaryDirectory directory;
  std::map<uint32_t, std::string> before;
  {
    Control control(directory.path());
    control.configure();
    for (uint32_t id = 100; id < 140; ++id) {
      REQUIRE(control.engine->execute(put(new_tunnel(id, "before"))).ok());
    }
    before = control.tunnels();
    const uint64_t revision = control.engine->revision();
    {
      // Anything from nothing at all to all but the last page fits.
      const std::size_t full = log_size(directory);
      for (const std::size_t room : {0, 1000, 4096, 9000}) {
        const FullDisk disk(full + room);
        const auto refused = control.engine->execute(call_of([&](Editor& editor) -> absl::Status {
          for (uint32_t id = 120; id < 400; ++id) {
            const auto s = editor.put_tunnel(new_tunnel(id, std::string(200, 'x')), "");
            if (!s.ok()) return s.status();
          }
          return editor.erase_tunnel(100);
        }));
        REQUIRE_FALSE(refused.ok());
        CHECK(error_reason(refused.status()) == "STORE_FAILED");
        CHECK(control.engine->revision() == revision);
        CHECK(control.tunnels() == before);
      }
    }
    REQUIRE(control.engine->execute(put(new_tunnel(130, "after"))).ok());
    before = control.tunnels();
    CHECK(control.engine->revision() == revision + 1);
  }
  CHECK(Control(directory.path()).tunnels() == before);
}

TEST_CASE("a call that only found what is undone again is not answered as if it stayed") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  control.configure();
  REQUIRE(control.engine->execute(put(new_tunnel(100, "before"))).ok());
  const auto before = control.tunnels();
  Group group(*control.engine);
  Engine::Call check = put(new_tunnel(9, "asks only"));
  check.validate_only = true;
  group.add(check);
  group.add(erase(555));
  group.add(put(new_tunnel(100, "after")));
  group.add(put(new_tunnel(100, "after")));  // finds it done
  group.add(put(new_tunnel(200)));
  group.add(erase(300));  // is not there
  const FullDisk disk(log_size(directory));
  const auto results = group.run();
  REQUIRE(results.size() == 6);
  // What came before the first change was right whatever became of that.
  CHECK(results[0].ok());
  CHECK(absl::IsNotFound(results[1].status()));
  for (std::size_t i = 2; i < results.size(); ++i) {
    CAPTURE(i);
    CHECK(error_reason(results[i].status()) == "STORE_FAILED");
  }
  CHECK(control.tunnels() == before);
}

// ---- Killed.

// One change of several tunnels by one thread: all of `ids` get the number, or go.
struct Step {
  uint32_t thread;
  uint32_t number;
  uint32_t first;  // id
  bool erase;
};
constexpr uint32_t kThreads = 4;
constexpr uint32_t kEach = 3;    // tunnels in a step
constexpr uint32_t kRange = 60;  // first ids of a thread
constexpr uint32_t kFirstId = 100;

// Neighbours in the table are different threads'.
uint32_t id_of(uint32_t thread, uint32_t first, uint32_t i) {
  return kFirstId + (first * kEach + i) * kThreads + thread;
}

// Never returns.
[[noreturn]] void change_until_killed(const std::string& directory, int answers, uint64_t seed) {
  spdlog::set_level(spdlog::level::off);
  EventLog events;
  auto store = Store::open(directory);
  if (!store.ok()) _exit(1);
  Engine engine(*std::move(store), events);
  if (!engine.load().ok()) _exit(1);
  engine.start();
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      Random random(seed * kThreads + thread);
      for (uint32_t number = 1;; ++number) {
        const Step step{thread, number, uint32_t(pick(random, 0, kRange - 1)),
                        pick(random, 0, 3) == 0};
        const auto done = engine.execute(call_of([&](Editor& editor) -> absl::Status {
          for (uint32_t i = 0; i < kEach; ++i) {
            const uint32_t id = id_of(thread, step.first, i);
            if (step.erase) {
              editor.erase_tunnel(id).IgnoreError();
              continue;
            }
            v1::Tunnel tunnel = new_tunnel(id, std::to_string(number));
            tunnel.set_update_key("key-of-change-number-" + std::to_string(number));
            if (auto s = editor.put_tunnel(tunnel, ""); !s.ok()) return s.status();
          }
          return absl::OkStatus();
        }));
        if (!done.ok() || write(answers, &step, sizeof step) != sizeof step) _exit(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(1);
}

TEST_CASE("whenever control is killed, each change that was answered is there, whole") {
  const TemporaryDirectory directory;
  Control(directory.path()).configure();
  std::random_device entropy;
  constexpr int kRounds = 6;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t seed = entropy();
    CAPTURE(round, seed);
    // The numbers begin anew.
    {
      Control control(directory.path());
      REQUIRE(control.engine
                  ->execute(call_of([](Editor& editor) -> absl::Status {
                    for (uint32_t id = kFirstId; id < id_of(0, kRange, 0); ++id) {
                      editor.erase_tunnel(id).IgnoreError();
                    }
                    return absl::OkStatus();
                  }))
                  .ok());
    }
    int answers[2];
    REQUIRE(pipe(answers) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(answers[0]);
      change_until_killed(directory.path(), answers[1], seed);
    }
    close(answers[1]);
    std::thread killer([&] {
      std::this_thread::sleep_for(milliseconds(150 + int(seed % 400)));
      kill(child, SIGKILL);
    });
    std::map<std::pair<uint32_t, uint32_t>, Step> last;  // by thread and first
    std::array<uint32_t, kThreads> newest{};
    for (Step step{}; read(answers[0], &step, sizeof step) == sizeof step;) {
      last.insert_or_assign({step.thread, step.first}, step);
      newest[step.thread] = step.number;
    }
    close(answers[0]);
    killer.join();
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const Control control(directory.path());
    REQUIRE_FALSE(last.empty());
    uint32_t unanswered = 0;
    control.engine->read([&](const Model& model, const Engine::Info&) {
      for (uint32_t thread = 0; thread < kThreads; ++thread) {
        for (uint32_t first = 0; first < kRange; ++first) {
          const auto known = last.find({thread, first});
          const bool there = known != last.end() && !known->second.erase;
          const std::string expected = there ? std::to_string(known->second.number) : "";
          std::vector<std::string> found;
          for (uint32_t i = 0; i < kEach; ++i) {
            const v1::Tunnel* tunnel = model.find(id_of(thread, first, i));
            found.push_back(tunnel != nullptr ? tunnel->description() : "");
            const std::string key = tunnel != nullptr ? tunnel->update_key() : "";
            CHECK(key == (found.back().empty() ? "" : "key-of-change-number-" + found.back()));
            CHECK(found.back() == found.front());
          }
          // Only the change after the last one answered may be there as well.
          if (found.front() == expected) continue;
          ++unanswered;
          CAPTURE(thread, first, expected, found.front());
          CHECK((found.front().empty() || found.front() == std::to_string(newest[thread] + 1)));
        }
      }
    });
    CHECK(unanswered <= kThreads);
  }
}

}  // namespace
}  // namespace simplon::control
