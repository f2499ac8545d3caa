// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The store alone: what it keeps of tunnels, several of which share a row.

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "control/config/secret.h"
#include "control/model/diff.h"
#include "control/store/store.h"
#include "control/store/tunnel_table.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/random_config.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using testing::ContainsSubstring;
using testing::pick;
using testing::Random;
using testing::TemporaryDirectory;

v1::Tunnel make_tunnel(uint32_t id, std::size_t description = 0) {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_slot(id % kMaxSlots);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("203.0.113.7");
  tunnel.set_description(std::string(description, 'x'));
  return tunnel;
}

std::unique_ptr<Store> open_store(const std::string& directory) {
  auto store = Store::open(directory);
  INFO(to_string(store.status().message()));
  REQUIRE(store.ok());
  return *std::move(store);
}

RevisionWrite revision_write(uint64_t number, std::vector<v1::Change> changes) {
  RevisionWrite write;
  write.revision.set_number(number);
  write.changes = std::move(changes);
  return write;
}

using Tunnels = std::map<uint32_t, v1::Tunnel>;

void check_loaded(Store& store, const Tunnels& expected) {
  const auto state = store.load();
  INFO(to_string(state.status().message()));
  REQUIRE(state.ok());
  REQUIRE(std::size_t(state->config.tunnels_size()) == expected.size());
  auto tunnel = state->config.tunnels().begin();
  for (const auto& [id, there] : expected) {
    REQUIRE(tunnel->SerializeAsString() == there.SerializeAsString());
    ++tunnel;
  }
}

int64_t count_rows(const std::string& directory) {
  auto database = Database::open(directory + "/simplon.db", SQLITE_OPEN_READONLY);
  REQUIRE(database.ok());
  auto query = database->prepare("SELECT count(*) FROM tunnels");
  REQUIRE(query.ok());
  REQUIRE(query->step().ok());
  return query->integer(0);
}

// One commit of puts and deletions of tunnels with ids as `next_id` says.
template <typename NextId>
StoreWrite random_write(Random& random, uint64_t revision, Tunnels& tunnels,
                        const NextId& next_id) {
  std::vector<v1::Change> changes;
  for (uint64_t i = pick(random, 1, 200); i > 0; --i) {
    const uint32_t id = next_id();
    const auto found = tunnels.find(id);
    std::optional<v1::Tunnel> next;
    if (found == tunnels.end() || pick(random, 0, 2) != 0) {
      // At times one alone is more than a row is to have.
      next = make_tunnel(id, pick(random, 0, 99) == 0 ? 5000 : pick(random, 0, 200));
    }
    changes.push_back(
        make_change(found == tunnels.end() ? nullptr : &found->second, next ? &*next : nullptr));
    if (next) {
      tunnels[id] = *next;
    } else {
      tunnels.erase(found);
    }
  }
  StoreWrite write;
  write.revisions = {revision_write(revision, std::move(changes))};
  return write;
}

TEST_CASE("tunnels that come, change and go in any order are there after a restart") {
  Random random(20);
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    const TemporaryDirectory directory;
    auto store = open_store(directory.path());
    Tunnels tunnels;
    uint32_t last = round % 3 == 1 ? 10'000 : 0;
    const auto next_id = [&]() -> uint32_t {
      switch (round % 3) {
        case 0:
          return ++last % 1500 + 1;  // upwards, and again
        case 1:
          return last > 1 ? --last : last = 10'000;  // downwards
        default:
          return uint32_t(round == 2 ? pick(random, 1, 0xffffffff) : pick(random, 1, 1000));
      }
    };
    for (uint64_t revision = 1; revision <= 30; ++revision) {
      REQUIRE(store->commit(random_write(random, revision, tunnels, next_id)).ok());
      if (revision % 10 == 0) check_loaded(*store, tunnels);
    }
    store.reset();
    check_loaded(*open_store(directory.path()), tunnels);
  }
}

TEST_CASE("tunnels created together share rows, and what is deleted leaves none") {
  const TemporaryDirectory directory;
  const auto store = open_store(directory.path());
  constexpr uint32_t kMany = 3000;
  std::vector<v1::Change> created;
  std::vector<v1::Change> deleted;
  Tunnels tunnels;
  for (uint32_t id = 1; id <= kMany; ++id) {
    const v1::Tunnel tunnel = make_tunnel(id);
    created.push_back(make_change(nullptr, &tunnel));
    deleted.push_back(make_change(&tunnel, nullptr));
    tunnels[id] = tunnel;
  }
  StoreWrite write;
  write.revisions = {revision_write(1, created)};
  REQUIRE(store->commit(write).ok());
  check_loaded(*store, tunnels);
  CHECK(count_rows(directory.path()) < kMany / 50);
  write.revisions = {revision_write(2, deleted)};
  REQUIRE(store->commit(write).ok());
  check_loaded(*store, {});
  CHECK(count_rows(directory.path()) == 0);
}

TEST_CASE("the log has a tunnel that was created as it was created") {
  const TemporaryDirectory directory;
  const auto store = open_store(directory.path());
  v1::Tunnel open = make_tunnel(7, 200);
  v1::Tunnel secret = make_tunnel(8);
  secret.set_password("a password nobody may see");
  StoreWrite write;
  write.revisions = {
      revision_write(1, {make_change(nullptr, &open), make_change(nullptr, &secret)})};
  REQUIRE(store->commit(write).ok());
  const auto changes = store->changes(1, 0, 10);
  REQUIRE(changes.ok());
  REQUIRE(changes->size() == 2);
  CHECK((*changes)[0].SerializeAsString() == make_change(nullptr, &open).SerializeAsString());
  secret.clear_password();
  secret.set_has_password(true);
  CHECK((*changes)[1].SerializeAsString() == make_change(nullptr, &secret).SerializeAsString());
}

TEST_CASE("what the store puts together by itself is what protobuf would have written") {
  Random random(25);
  for (int round = 0; round < 10; ++round) {
    const TemporaryDirectory directory;
    const auto store = open_store(directory.path());
    const v1::Config config = testing::random_config(random, 60);
    std::vector<v1::Change> created;
    v1::ConfigDiff log;
    v1::Config table;
    for (const v1::Tunnel& tunnel : config.tunnels()) {
      created.push_back(make_change(nullptr, &tunnel));
      v1::Tunnel hidden = tunnel;
      hide_secrets(hidden);
      *log.add_changes() = make_change(nullptr, &hidden);
      *table.add_tunnels() = hidden;
    }
    StoreWrite write;
    write.revisions = {revision_write(1, created)};
    REQUIRE(store->commit(write).ok());
    auto database = Database::open(directory.file("simplon.db"), SQLITE_OPEN_READONLY);
    REQUIRE(database.ok());
    const auto bytes_of = [&](const char* sql) {
      auto query = database->prepare(sql);
      REQUIRE(query.ok());
      std::string bytes;
      while (*query->step()) bytes += query->blob(0);
      return bytes;
    };
    CHECK(bytes_of("SELECT proto FROM changes ORDER BY number") == log.SerializeAsString());
    CHECK(bytes_of("SELECT proto FROM tunnels ORDER BY id") == table.SerializeAsString());
  }
}

TEST_CASE("of a transaction that failed nothing is left in the next") {
  const TemporaryDirectory directory;
  const auto store = open_store(directory.path());
  const v1::Tunnel first = make_tunnel(1);
  const v1::Tunnel second = make_tunnel(2);
  const v1::Tunnel third = make_tunnel(3);
  StoreWrite write;
  write.revisions = {revision_write(1, {make_change(nullptr, &first)})};
  REQUIRE(store->commit(write).ok());
  // A change of nothing cannot be stored.
  write.revisions = {revision_write(2, {make_change(nullptr, &second), v1::Change()})};
  REQUIRE_FALSE(store->commit(write).ok());
  check_loaded(*store, {{1, first}});
  write.revisions = {revision_write(2, {make_change(nullptr, &third)})};
  REQUIRE(store->commit(write).ok());
  check_loaded(*store, {{1, first}, {3, third}});
}

// A store as the release before made it, with a row for each tunnel.
void make_single_rows(const std::string& state, const Tunnels& tunnels) {
  open_store(state).reset();
  auto database = Database::open(state + "/simplon.db", SQLITE_OPEN_READWRITE);
  REQUIRE(database.ok());
  REQUIRE(database
              ->execute("DROP TABLE tunnels;"
                        "CREATE TABLE tunnels (id INTEGER PRIMARY KEY, proto BLOB NOT NULL);"
                        "PRAGMA user_version = 4; BEGIN")
              .ok());
  {
    auto insert = database->prepare("INSERT INTO tunnels VALUES (?1, ?2)");
    REQUIRE(insert.ok());
    for (const auto& [id, tunnel] : tunnels) {
      const std::string bytes = tunnel.SerializeAsString();
      insert->bind(1, id);
      insert->bind_blob(2, bytes);
      REQUIRE(insert->run().ok());
    }
  }
  REQUIRE(database->execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").ok());
}

Tunnels some_tunnels(uint32_t last, std::size_t description = 0) {
  Tunnels tunnels;
  for (uint32_t id = 1; id <= last; id += 1 + id % 3) tunnels[id] = make_tunnel(id, description);
  return tunnels;
}

int64_t version_of(const std::string& state) {
  auto database = Database::open(state + "/simplon.db", SQLITE_OPEN_READWRITE);
  REQUIRE(database.ok());
  auto query = database->prepare("PRAGMA user_version");
  REQUIRE(query.ok());
  REQUIRE(query->step().ok());
  return query->integer(0);
}

TEST_CASE("a store with a row for each tunnel is taken over") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  Tunnels tunnels = some_tunnels(5000);
  // One that alone is more than a row is to have, and the highest there can be.
  tunnels[2500] = make_tunnel(2500, 20'000);
  tunnels[0xffffffff] = make_tunnel(0xffffffff);
  make_single_rows(state, tunnels);
  const auto store = open_store(state);
  check_loaded(*store, tunnels);
  CHECK(count_rows(state) < int64_t(tunnels.size() / 50));
  const v1::Tunnel between = make_tunnel(3000 + (tunnels.contains(3000) ? 1 : 0));
  StoreWrite write;
  write.revisions = {revision_write(1, {make_change(nullptr, &between)})};
  REQUIRE(store->commit(write).ok());
  tunnels[between.id()] = between;
  check_loaded(*store, tunnels);
}

TEST_CASE("a store that cannot be taken over as a whole stays as it was") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  const Tunnels tunnels = some_tunnels(20'000, 100);
  make_single_rows(state, tunnels);

  SECTION("because the disk is full") {
    signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    for (const rlim_t room : {1 << 16, 1 << 19, 1 << 21}) {
      const rlimit limit{room, before.rlim_max};
      REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
      const auto refused = Store::open(state);
      REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
      CHECK_FALSE(refused.ok());
      CHECK(version_of(state) == 4);
    }
  }
  SECTION("because control is killed meanwhile") {
    for (int round = 0; round < 8; ++round) {
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        Store::open(state).IgnoreError();
        pause();
        _exit(1);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2 + 6 * round));
      REQUIRE(kill(child, SIGKILL) == 0);
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      const int64_t version = version_of(state);
      CHECK((version == 4 || version == 5));
      if (version == 5) break;
    }
  }
  check_loaded(*open_store(state), tunnels);
}

TEST_CASE("a row that is not the tunnel it says is named, and nothing is taken over") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  Tunnels tunnels = some_tunnels(500);
  SECTION("another tunnel") {
    tunnels[55] = make_tunnel(56);
  }
  SECTION("none at all") {
    tunnels[55] = v1::Tunnel();
  }
  make_single_rows(state, tunnels);
  const auto refused = Store::open(state);
  CHECK(absl::IsDataLoss(refused.status()));
  CHECK_THAT(to_string(refused.status().message()), ContainsSubstring("row 55 "));
  CHECK(version_of(state) == 4);
}

}  // namespace
}  // namespace simplon::control
