// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What makes a change durable and puts it in force: store, engine, publisher and counters, with a
// real SQLite file and a real link server.

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "control/clock.h"
#include "control/config/secret.h"
#include "control/counters/counter_book.h"
#include "control/engine/engine.h"
#include "control/error/error.h"
#include "control/link/publisher.h"
#include "control/model/render.h"
#include "control/store/store.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/sample_config.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using std::chrono::milliseconds;
using testing::ContainsSubstring;
using testing::PortlessDataplane;
using testing::sample_config;
using testing::TemporaryDirectory;

constexpr milliseconds kPatience{5000};

// An engine on a directory, as the daemon puts it together.
struct Control {
  explicit Control(const std::string& directory, const std::string& dataplane = "/nonexistent") {
    spdlog::set_level(spdlog::level::off);
    auto store = Store::open(directory);
    INFO(to_string(store.status().message()));
    REQUIRE(store.ok());
    engine = std::make_unique<Engine>(*std::move(store), events);
    REQUIRE(engine->load().ok());
    counters = std::make_unique<CounterBook>(engine->loaded());
    engine->set_hook(counters.get());
    runtime = std::make_unique<RuntimeBook>(*engine, *counters, events);
    engine->set_observer(runtime.get());
    publisher = std::make_unique<Publisher>(*engine, *counters, *runtime, events, dataplane);
    engine->set_on_commit([this] { publisher->notify(); });
    engine->start();
    publisher->start();
    runtime->start();
  }
  ~Control() {
    publisher->stop();
    runtime->stop();
    engine->stop();
  }

  absl::StatusOr<Engine::Outcome> apply(const v1::Config& config,
                                        std::optional<milliseconds> confirm = {}) {
    Engine::Call call;
    call.method = "ApplyConfig";
    call.exclusive = true;
    call.edit = [&](Editor& editor) {
      if (confirm) {
        editor.confirm_deadline_unix_ns =
            unix_now_ns() + std::chrono::nanoseconds(*confirm).count();
      }
      return editor.replace(config);
    };
    return engine->execute(std::move(call));
  }
  absl::StatusOr<Engine::Outcome> put(const v1::Tunnel& tunnel, bool validate_only = false) {
    Engine::Call call;
    call.method = "PutTunnel";
    call.validate_only = validate_only;
    call.edit = [&](Editor& editor) { return editor.put_tunnel(tunnel, "tunnel.").status(); };
    return engine->execute(std::move(call));
  }
  absl::StatusOr<Engine::Outcome> erase(uint32_t id) {
    Engine::Call call;
    call.method = "DeleteTunnel";
    call.edit = [=](Editor& editor) { return editor.erase_tunnel(id); };
    return engine->execute(std::move(call));
  }
  absl::StatusOr<Engine::Outcome> roll_back(uint64_t revision) {
    Engine::Call call;
    call.method = "RollbackConfig";
    call.exclusive = true;
    call.ends_confirmation = true;
    call.edit = [&](Editor& editor) {
      auto config = engine->config_at(editor.model(), editor.revision(), revision);
      if (!config.ok()) return config.status();
      editor.rollback_to = revision;
      return editor.replace(*std::move(config));
    };
    return engine->execute(std::move(call));
  }
  // Copies, so that nothing refers to a model that goes on.
  std::optional<v1::Tunnel> find(uint32_t id) const {
    return engine->read([&](const Model& model, const Engine::Info&) {
      const v1::Tunnel* tunnel = model.find(id);
      return tunnel != nullptr ? std::optional(*tunnel) : std::nullopt;
    });
  }
  TunnelSums total(uint32_t id) const { return counters->total(id, find(id)->slot()); }
  v1::PublishStatus::State published() const {
    return publisher->wait(engine->revision(), kPatience).state();
  }

  EventLog events;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<CounterBook> counters;
  std::unique_ptr<RuntimeBook> runtime;
  std::unique_ptr<Publisher> publisher;
};

v1::Tunnel new_tunnel(uint32_t id, const std::string& remote = "203.0.113.77") {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote(remote);
  return tunnel;
}

v1::Account new_account(uint32_t id) {
  v1::Account account;
  account.set_name("subscriber-" + std::to_string(id));
  account.set_secret("secret-of-subscriber-" + std::to_string(id));
  return account;
}

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

// ---- Store and engine.

TEST_CASE("what is wrong with a tunnel is said of it as it was given") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  // Sorted, the one that is wrong would be the first.
  v1::Tunnel tunnel = new_tunnel(9);
  tunnel.add_delegated_prefixes("2001:db8:1003::/56");
  tunnel.add_delegated_prefixes("2001:db8:1002:400::1/56");
  const auto refused = control.put(tunnel);
  CHECK(refused.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(to_string(refused.status().message()), ContainsSubstring("delegated_prefixes[1]"));
}

TEST_CASE("the outcome of a call says what it has changed") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  const auto put = control.put(new_tunnel(9));
  REQUIRE(put.ok());
  REQUIRE(put->record != nullptr);
  REQUIRE(put->record->changes.size() == 1);
  CHECK(put->record->changes[0].new_().tunnel().id() == 9);
  CHECK(put->record->revision.number() == put->revision);
  CHECK(render(*put->plan, put->record->changes[0].new_().tunnel()).name() == "tunnels/T9");
  const auto again = control.put(new_tunnel(9));
  REQUIRE(again.ok());
  CHECK(again->record == nullptr);
}

TEST_CASE("the changes of a revision are read from any of them on") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  constexpr uint32_t kMany = 300;
  Engine::Call call;
  call.edit = [](Editor& editor) {
    for (uint32_t i = 0; i < kMany; ++i) {
      const auto put = editor.put_tunnel(new_tunnel(100'000 + i), "");
      if (!put.ok()) return put.status();
    }
    return absl::OkStatus();
  };
  const auto made = control.engine->execute(std::move(call));
  REQUIRE(made.ok());
  REQUIRE(control.put(new_tunnel(7)).ok());
  for (const uint64_t first : {0u, 1u, 127u, 128u, 129u, 200u, 299u, 300u}) {
    for (const std::size_t limit : {1u, 100u, 1000u}) {
      CAPTURE(first, limit);
      const auto changes = control.engine->store().changes(made->revision, first, limit);
      REQUIRE(changes.ok());
      REQUIRE(changes->size() == std::min<std::size_t>(limit, kMany - first));
      for (std::size_t i = 0; i < changes->size(); ++i) {
        REQUIRE((*changes)[i].new_().tunnel().id() == 100'000 + first + i);
      }
    }
  }
}

TEST_CASE("the write-ahead log is emptied beside the commits") {
  const TemporaryDirectory directory;
  auto store = Store::open(directory.path());
  REQUIRE(store.ok());
  const std::string path = directory.file("simplon.db");
  const auto size = [](const std::string& file) { return std::filesystem::file_size(file); };
  const auto small = size(path);
  StoreWrite write;
  // Some 20 MiB.
  for (uint32_t slot = 0; slot < 100'000; ++slot) {
    LearnedRow row{};
    row.slot = slot;
    write.learned.push_back(row);
  }
  for (int i = 0; i < 3; ++i) REQUIRE((*store)->commit(write).ok());
  CHECK(eventually([&] { return size(path) > small + (1u << 20); }));
  // And begins anew then, instead of growing by as much as is committed.
  const auto log = size(path + "-wal");
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(milliseconds(200));
    REQUIRE((*store)->commit(write).ok());
  }
  CHECK(size(path + "-wal") < 2 * log);
}

TEST_CASE("a configuration applied is there after a restart, with its history") {
  const TemporaryDirectory directory;
  {
    Control control(directory.path());
    const auto outcome = control.apply(sample_config());
    REQUIRE(outcome.ok());
    CHECK(outcome->revision == 1);
    CHECK(control.put(new_tunnel(50))->revision == 2);
    CHECK(control.erase(7)->revision == 3);
  }
  Control control(directory.path());
  CHECK(control.engine->revision() == 3);
  CHECK(control.find(50)->slot() == 1);
  CHECK_FALSE(control.find(7).has_value());
  const auto changes = control.engine->store().changes(3, 0, 10);
  REQUIRE(changes->size() == 1);
  CHECK(changes->front().name() == "tunnels/T7");
  CHECK(changes->front().action() == v1::Change::DELETED);
  CHECK(changes->front().old().tunnel().remote() == "203.0.113.1");
}

TEST_CASE("an identical configuration makes no revision") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  const auto again = control.apply(sample_config());
  REQUIRE(again.ok());
  CHECK_FALSE(again->changed);
  CHECK(again->revision == 1);
  CHECK_FALSE(control.put(*control.find(7))->changed);
}

TEST_CASE("a refused change changes nothing, and a check alone neither") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  v1::Tunnel bad = new_tunnel(50);
  bad.set_mtu(1200);
  const auto refused = control.put(bad);
  CHECK(refused.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(to_string(refused.status().message()), ContainsSubstring("tunnel.mtu"));
  CHECK(control.put(new_tunnel(50), true).ok());
  CHECK_FALSE(control.find(50).has_value());
  CHECK(control.engine->revision() == 1);

  v1::Config overlap = sample_config();
  overlap.mutable_pools(0)->set_prefix("2001:db8:1000::/49");
  CHECK_FALSE(control.apply(overlap).ok());
  CHECK(control.engine->revision() == 1);
}

TEST_CASE("the slot of a tunnel never changes, and a free one is found for a new tunnel") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  v1::Tunnel moved = *control.find(7);
  moved.set_slot(9);
  CHECK(error_reason(control.put(moved).status()) == "IMMUTABLE");
  REQUIRE(control.put(new_tunnel(0)).ok());
  CHECK(control.find(18573)->slot() == 1);

  // A file need not say the slots of tunnels that are there.
  v1::Config config = sample_config();
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) tunnel.clear_slot();
  *config.add_tunnels() = *control.find(18573);
  const auto outcome = control.apply(config);
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->changed);
}

TEST_CASE("any revision can be gone back to, and what was undone is marked") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(control.put(new_tunnel(50)).ok());
  REQUIRE(control.erase(7).ok());
  v1::Tunnel changed = *control.find(1);
  changed.set_mtu(1300);
  REQUIRE(control.put(changed).ok());

  const auto outcome = control.roll_back(1);
  REQUIRE(outcome.ok());
  CHECK(outcome->revision == 5);
  CHECK_FALSE(control.find(50).has_value());
  CHECK(control.find(7)->admin_state() == v1::Tunnel::DISABLED);
  CHECK(control.find(1)->mtu() == 0);
  CHECK(control.engine->store().revision(5)->rollback_to() == 1);
  for (const uint64_t number : {2, 3, 4}) {
    const auto revision = control.engine->store().revision(number);
    CHECK(revision->state() == v1::Revision::ROLLED_BACK);
    CHECK(revision->superseded_by() == 5);
  }
  CHECK(control.roll_back(9).status().code() == absl::StatusCode::kOutOfRange);
  // The rollback can itself be rolled back.
  REQUIRE(control.roll_back(4).ok());
  CHECK(control.find(1)->mtu() == 1300);
}

TEST_CASE("the first configuration of all can be rolled back to nothing") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(control.roll_back(0).ok());
  CHECK_FALSE(control.find(1).has_value());
}

TEST_CASE("an apply that is not confirmed in time is rolled back") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  v1::Config next = sample_config();
  next.mutable_tunnels(0)->set_mtu(1300);
  REQUIRE(control.apply(next, milliseconds(300)).ok());
  CHECK(control.find(1)->mtu() == 1300);
  CHECK(error_reason(control.put(new_tunnel(50)).status()) == "CONFIRMATION_PENDING");
  REQUIRE(eventually([&] { return control.engine->revision() == 3; }));
  CHECK(control.find(1)->mtu() == 0);
  CHECK(control.engine->store().revision(3)->method() == "ConfirmTimeout");
  CHECK(control.engine->confirm(0).status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(control.put(new_tunnel(50)).ok());
}

TEST_CASE("an apply that is confirmed stays") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config(), milliseconds(400)).ok());
  CHECK_FALSE(control.engine->confirm(7).ok());
  const auto revision = control.engine->confirm(1);
  REQUIRE(revision.ok());
  CHECK(revision->state() == v1::Revision::COMMITTED);
  std::this_thread::sleep_for(milliseconds(600));
  CHECK(control.engine->revision() == 1);
}

TEST_CASE("a confirmation that did not come while control was down is missed nevertheless") {
  const TemporaryDirectory directory;
  v1::Config next = sample_config();
  next.mutable_tunnels(0)->set_mtu(1300);
  {
    Control control(directory.path());
    REQUIRE(control.apply(sample_config()).ok());
    REQUIRE(control.apply(next, milliseconds(300)).ok());
  }
  {
    // Back before the time is up: it goes on waiting.
    Control control(directory.path());
    CHECK(control.find(1)->mtu() == 1300);
    REQUIRE(eventually([&] { return control.engine->revision() == 3; }));
    REQUIRE(control.apply(next, milliseconds(200)).ok());
  }
  std::this_thread::sleep_for(milliseconds(300));
  Control control(directory.path());
  CHECK(control.engine->revision() == 5);
  CHECK(control.find(1)->mtu() == 0);
}

TEST_CASE("a second control is refused the state directory") {
  const TemporaryDirectory directory;
  const Control control(directory.path());
  const auto second = Store::open(directory.path());
  REQUIRE_FALSE(second.ok());
  CHECK_THAT(to_string(second.status().message()), ContainsSubstring("in use by another"));
}

TEST_CASE("a state directory that cannot be used is named") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("file");
  close(open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  CHECK_THAT(to_string(Store::open(file).status().message()), ContainsSubstring(file));
  CHECK_THAT(to_string(Store::open(directory.file("a/b")).status().message()),
             ContainsSubstring("No such file"));
}

TEST_CASE("concurrent changes are all made, each with a revision of its own") {
  const TemporaryDirectory directory;
  Control control(directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  constexpr uint32_t kThreads = 8;
  constexpr uint32_t kEach = 20;
  std::atomic<uint32_t> failed{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < kEach; ++i) {
        if (!control.put(new_tunnel(1000 + t * kEach + i)).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(control.engine->revision() == 1 + kThreads * kEach);
  for (uint32_t id = 1000; id < 1000 + kThreads * kEach; ++id) {
    REQUIRE(control.find(id).has_value());
    CHECK(control.engine->read([&](const Model& model, const Engine::Info&) {
      return model.at_slot(model.find(id)->slot())->id();
    }) == id);
  }
}

TEST_CASE("a change that was answered survives kill -9") {
  const TemporaryDirectory directory;
  int answers[2];
  REQUIRE(pipe(answers) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // No test framework in here: only what control does, until it is killed.
    close(answers[0]);
    spdlog::set_level(spdlog::level::off);
    EventLog events;
    auto store = Store::open(directory.path());
    if (!store.ok()) _exit(1);
    Engine engine(*std::move(store), events);
    if (!engine.load().ok()) _exit(1);
    engine.start();
    Engine::Call first;
    first.exclusive = true;
    first.edit = [](Editor& editor) { return editor.replace(sample_config()); };
    if (!engine.execute(std::move(first)).ok()) _exit(1);
    for (uint32_t id = 1000;; ++id) {
      Engine::Call call;
      call.edit = [=](Editor& editor) {
        if (auto s = editor.put_account(new_account(id), ""); !s.ok()) return s;
        v1::Tunnel tunnel = new_tunnel(id);
        tunnel.set_account(new_account(id).name());
        tunnel.set_update_key(new_account(id).secret());
        return editor.put_tunnel(std::move(tunnel), "").status();
      };
      if (!engine.execute(std::move(call)).ok()) _exit(1);
      if (write(answers[1], &id, sizeof id) != sizeof id) _exit(1);
    }
  }
  close(answers[1]);
  uint32_t last = 0;
  for (int i = 0; i < 20; ++i) REQUIRE(read(answers[0], &last, sizeof last) == sizeof last);
  REQUIRE(kill(child, SIGKILL) == 0);
  // What it had answered and we not read yet counts as well.
  for (uint32_t id = 0; read(answers[0], &id, sizeof id) == sizeof id;) last = id;
  close(answers[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));

  const Control control(directory.path());
  for (uint32_t id = 1000; id <= last; ++id) {
    REQUIRE(control.find(id).has_value());
    const v1::Account account = new_account(id);
    CHECK(control.find(id)->update_key() == account.secret());
    const auto md5 = control.engine->read([&](const Model& model, const Engine::Info&) {
      const v1::Account* found = model.find_account(account.name());
      return found != nullptr && model.tunnels_of(account.name()) == std::vector{id}
                 ? found->secret_md5()
                 : std::string();
    });
    CHECK(md5 == md5_hex(account.secret()));
  }
  CHECK(control.engine->revision() >= 1 + (last - 1000 + 1));
  // At most the one change on its way may be there unanswered.
  CHECK(control.engine->revision() <= 2 + (last - 1000 + 1));
}

// ---- Publisher.

TEST_CASE("a change is in force when its call returns") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  CHECK(control.published() == v1::PublishStatus::ACTIVE);
  CHECK(dataplane.tunnel_in_slot(686) == 18572);
  REQUIRE(control.put(new_tunnel(50)).ok());
  CHECK(control.published() == v1::PublishStatus::ACTIVE);
  CHECK(dataplane.tunnel_in_slot(1) == 50);
  REQUIRE(control.erase(18572).ok());
  CHECK(control.published() == v1::PublishStatus::ACTIVE);
  CHECK(dataplane.tunnel_in_slot(686) == 0);
}

TEST_CASE("a dataplane that comes later, or comes back, gets the current revision") {
  const TemporaryDirectory directory;
  const std::string socket = PortlessDataplane::socket_path(directory.path());
  Control control(directory.file("state"), socket);
  REQUIRE(control.apply(sample_config()).ok());
  CHECK(control.published() == v1::PublishStatus::DISCONNECTED);
  {
    PortlessDataplane dataplane(directory.path());
    REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::ACTIVE; }));
    CHECK(dataplane.publishes() == 1);
  }
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::DISCONNECTED; }));
  REQUIRE(control.put(new_tunnel(50)).ok());
  PortlessDataplane dataplane(directory.path());
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::ACTIVE; }));
  CHECK(dataplane.tunnel_in_slot(1) == 50);
}

TEST_CASE("what does not concern the dataplane is in force without a new snapshot") {
  const TemporaryDirectory directory;
  const std::string socket = PortlessDataplane::socket_path(directory.path());
  Control control(directory.file("state"), socket);
  std::optional<PortlessDataplane> dataplane(std::in_place, directory.path());
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::ACTIVE; }));
  const int before = dataplane->publishes();
  const auto edit = [&](auto&& make) {
    Engine::Call call;
    call.edit = make;
    const auto outcome = control.engine->execute(std::move(call));
    REQUIRE(outcome.ok());
    CHECK(outcome->changed);
    CHECK(control.published() == v1::PublishStatus::ACTIVE);
    CHECK(control.publisher->info().active_revision == outcome->revision);
  };
  edit([](Editor& editor) { return editor.put_account(new_account(1), ""); });
  edit([](Editor& editor) {
    v1::Tunnel tunnel = *editor.model().find(1);
    tunnel.set_account(new_account(1).name());
    tunnel.set_update_key("0123456789abcdef");
    tunnel.set_description("hers");
    return editor.put_tunnel(std::move(tunnel), "").status();
  });
  edit([](Editor& editor) {
    v1::Pop pop = editor.model().config().pop();
    pop.set_service_state(v1::DRAINING);
    pop.mutable_details()->set_city("Bern");
    pop.mutable_console()->add_allowed_addresses("127.0.0.1");
    return editor.put_pop(std::move(pop), "");
  });
  edit([](Editor& editor) { return editor.erase_account(new_account(1).name(), true); });
  CHECK(dataplane->publishes() == before);

  // With something that does, in one revision or after.
  edit([](Editor& editor) {
    v1::Tunnel tunnel = *editor.model().find(1);
    tunnel.set_remote("203.0.113.99");
    if (auto s = editor.put_tunnel(std::move(tunnel), "").status(); !s.ok()) return s;
    return editor.put_account(new_account(2), "");
  });
  CHECK(dataplane->publishes() == before + 1);
  edit([](Editor& editor) {
    v1::Pop pop = editor.model().config().pop();
    pop.set_ignore_icmpv4_echo(true);
    pop.set_service_state(v1::IN_SERVICE);
    return editor.put_pop(std::move(pop), "");
  });
  CHECK(dataplane->publishes() == before + 2);
  edit([](Editor& editor) { return editor.put_account(new_account(3), ""); });
  CHECK(dataplane->publishes() == before + 2);

  // Another dataplane: what is in its snapshot is not certain.
  dataplane.reset();
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::DISCONNECTED; }));
  dataplane.emplace(directory.path());
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::ACTIVE; }));
  CHECK(dataplane->publishes() == 1);
}

TEST_CASE("a control that restarts leaves a dataplane alone that is up to date") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  const std::string socket = PortlessDataplane::socket_path(directory.path());
  {
    Control control(directory.file("state"), socket);
    REQUIRE(eventually([&] { return control.publisher->info().connected; }));
    REQUIRE(control.apply(sample_config()).ok());
    REQUIRE(control.published() == v1::PublishStatus::ACTIVE);
  }
  Control control(directory.file("state"), socket);
  REQUIRE(eventually([&] { return control.published() == v1::PublishStatus::ACTIVE; }));
  std::this_thread::sleep_for(milliseconds(50));
  CHECK(dataplane.publishes() == 1);
}

TEST_CASE("a refused snapshot is reported, and the next change is tried again") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  dataplane.refuse(true);
  REQUIRE(control.apply(sample_config()).ok());
  const v1::PublishStatus status = control.publisher->wait(1, kPatience);
  CHECK(status.state() == v1::PublishStatus::REJECTED);
  CHECK_THAT(status.message(), ContainsSubstring("told to refuse"));
  std::this_thread::sleep_for(milliseconds(50));
  CHECK(dataplane.publishes() == 1);
  dataplane.refuse(false);
  REQUIRE(control.put(new_tunnel(50)).ok());
  CHECK(control.published() == v1::PublishStatus::ACTIVE);
}

TEST_CASE("changes that arrive while a publish is in flight share the next") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(control.published() == v1::PublishStatus::ACTIVE);
  dataplane.be_silent(true);
  for (uint32_t id = 100; id < 120; ++id) REQUIRE(control.put(new_tunnel(id)).ok());
  CHECK(control.publisher->status(control.engine->revision()).state() ==
        v1::PublishStatus::PUBLISHING);
  dataplane.be_silent(false);
  CHECK(control.published() == v1::PublishStatus::ACTIVE);
  CHECK(dataplane.publishes() <= 3);
  CHECK(dataplane.tunnel_in_slot(20) == 119);
}

TEST_CASE("a dataplane is not told of a configuration that never was") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  const Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  std::this_thread::sleep_for(milliseconds(50));
  CHECK(dataplane.publishes() == 0);
}

TEST_CASE("the dataplane's state is there for the asking") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  const auto status = control.publisher->ask_status(kPatience);
  REQUIRE(status.ok());
  CHECK((*status)->port_count == 1);
  dataplane.be_silent(true);
  CHECK(control.publisher->ask_status(milliseconds(50)).status().code() ==
        absl::StatusCode::kUnavailable);
}

// ---- Counters.

constexpr TunnelCounters kSome{10, 1000, 20, 2000};
const TunnelSums kSomeSums{10, 1000, 20, 2000};

TEST_CASE("counters belong to the tunnel, not to the slot") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(eventually([&] { return control.counters->segment() != nullptr; }));
  dataplane.count(686, kSome);
  CHECK(control.total(18572) == kSomeSums);
  const auto pop = [&] {
    return control.engine->read([&](const Model& model, const Engine::Info&) {
      return control.counters->pop_total(model);
    });
  };
  CHECK(pop() == kSomeSums);

  REQUIRE(control.erase(18572).ok());
  v1::Tunnel next = new_tunnel(4);
  next.set_slot(686);
  REQUIRE(control.put(next).ok());
  CHECK(control.total(4) == TunnelSums{});
  dataplane.count(686, kSome);
  CHECK(control.total(4) == kSomeSums);
  CHECK(pop() == TunnelSums{20, 2000, 40, 4000});

  // Slice by slice it is the same.
  TunnelSums sum = control.counters->retired();
  int slices = 0;
  for (uint64_t from = 0; from < uint64_t{1} << 32; ++slices) {
    control.engine->read([&](const Model& model, const Engine::Info&) {
      control.counters->add_totals(model, from, 1, sum);
    });
  }
  CHECK(sum == pop());
  CHECK(slices == int(control.engine->read([](const Model& model, const Engine::Info&) {
          return model.tunnel_count();
        })));
}

TEST_CASE("a tunnel that comes and goes in one transaction has counted nothing") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(eventually([&] { return control.counters->segment() != nullptr; }));
  dataplane.count(686, kSome);
  v1::Tunnel next = new_tunnel(4);
  next.set_slot(686);
  v1::Tunnel same = new_tunnel(18572);
  same.set_slot(686);
  Engine::Call call;
  call.edit = [&](Editor& editor) -> absl::Status {
    for (const v1::Tunnel& tunnel : {next, same}) {
      const auto old = editor.model().at_slot(686)->id();
      if (auto s = editor.erase_tunnel(old); !s.ok()) return s;
      if (auto s = editor.put_tunnel(tunnel, ""); !s.ok()) return s.status();
    }
    return editor.erase_tunnel(same.id());
  };
  REQUIRE(control.engine->execute(std::move(call)).ok());
  CHECK(control.counters->retired() == kSomeSums);
  REQUIRE(control.put(same).ok());
  CHECK(control.total(18572) == TunnelSums{});
  dataplane.count(686, kSome);
  CHECK(control.total(18572) == kSomeSums);
}

TEST_CASE("totals go on after restarts of control and dataplane") {
  const TemporaryDirectory directory;
  const std::string socket = PortlessDataplane::socket_path(directory.path());
  const auto save = [](Control& control) {
    control.engine->write_later(control.engine->read([&](const Model& model, const Engine::Info&) {
      return control.counters->save(model, 100);
    }));
  };
  {
    Control control(directory.file("state"), socket);
    REQUIRE(control.apply(sample_config()).ok());
    {
      PortlessDataplane dataplane(directory.path());
      REQUIRE(eventually([&] { return control.counters->segment() != nullptr; }));
      dataplane.count(686, kSome);
      dataplane.worker().add(WorkerCounter::kRxPackets, 5);
    }
    // The segment is gone for good, but control has it mapped.
    REQUIRE(unlink(directory.file("counters").c_str()) == 0);
    PortlessDataplane dataplane(directory.path());
    REQUIRE(eventually([&] { return control.publisher->info().connected; }));
    dataplane.count(686, kSome);
    dataplane.worker().add(WorkerCounter::kRxPackets, 5);
    CHECK(eventually([&] { return control.total(18572) == TunnelSums{20, 2000, 40, 4000}; }));
    CHECK(control.counters->worker_total(std::size_t(WorkerCounter::kRxPackets), "rx_packets") ==
          10);
    save(control);
  }
  {
    // The same segment under a new control.
    PortlessDataplane dataplane(directory.path());
    Control control(directory.file("state"), socket);
    REQUIRE(eventually([&] { return control.counters->segment() != nullptr; }));
    CHECK(control.total(18572) == TunnelSums{20, 2000, 40, 4000});
    save(control);
  }
  // A reboot: segment and mapping both gone.
  REQUIRE(unlink(directory.file("counters").c_str()) == 0);
  Control control(directory.file("state"), socket);
  CHECK(control.total(18572) == TunnelSums{20, 2000, 40, 4000});
  PortlessDataplane dataplane(directory.path());
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  dataplane.count(686, kSome);
  CHECK(control.total(18572) == TunnelSums{30, 3000, 60, 6000});
  CHECK(control.counters->worker_total(std::size_t(WorkerCounter::kRxPackets), "rx_packets") == 10);
}

TEST_CASE("a tunnel that came while no dataplane was there does not inherit its slot's past") {
  const TemporaryDirectory directory;
  const std::string socket = PortlessDataplane::socket_path(directory.path());
  {
    Control control(directory.file("state"), socket);
    REQUIRE(control.apply(sample_config()).ok());
    PortlessDataplane dataplane(directory.path());
    REQUIRE(eventually([&] { return control.publisher->info().connected; }));
    dataplane.count(686, kSome);
  }
  {
    Control control(directory.file("state"), socket);
    REQUIRE(control.erase(18572).ok());
    v1::Tunnel next = new_tunnel(4);
    next.set_slot(686);
    REQUIRE(control.put(next).ok());
  }
  Control control(directory.file("state"), socket);
  PortlessDataplane dataplane(directory.path());
  REQUIRE(eventually([&] { return control.publisher->info().connected; }));
  CHECK(control.total(4) == TunnelSums{});
  dataplane.count(686, kSome);
  CHECK(control.total(4) == kSomeSums);
}

TEST_CASE("the last packet of a tunnel is seen when totals are saved") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Control control(directory.file("state"), PortlessDataplane::socket_path(directory.path()));
  REQUIRE(control.apply(sample_config()).ok());
  REQUIRE(eventually([&] { return control.counters->segment() != nullptr; }));
  CHECK(control.counters->last_in_unix(18572) == 0);
  dataplane.count(686, kSome);
  control.engine->read(
      [&](const Model& model, const Engine::Info&) { return control.counters->save(model, 100); });
  CHECK(control.counters->last_in_unix(18572) + 10 > uint32_t(unix_now_ns() / 1'000'000'000));
  CHECK(control.counters->last_in_unix(1) == 0);
}

}  // namespace
}  // namespace simplon::control
