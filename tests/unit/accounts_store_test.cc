// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Accounts in the store: how long their secrets stay there, and what an older store becomes.

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/config/secret.h"
#include "control/model/diff.h"
#include "control/store/store.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/sample_account.h"
#include "tests/support/store_content.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using testing::account;
using testing::file_content;
using testing::hex;
using testing::kFirst;
using testing::kKey;
using testing::kSecond;
using testing::TemporaryDirectory;

v1::Change account_change(const v1::Account* old, const v1::Account* next) {
  return make_change(old, next);
}

// Another process at work on the write-ahead log, as the thread that empties it may be: holds the
// lock for that.
class BusyLog {
 public:
  explicit BusyLog(const std::string& state) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      constexpr off_t kCheckpointLock = 121;  // byte of the shared memory file, by SQLite's format
      const int fd = open((state + "/simplon.db-shm").c_str(), O_RDWR);
      struct flock lock {};
      lock.l_type = F_WRLCK;
      lock.l_whence = SEEK_SET;
      lock.l_start = kCheckpointLock;
      lock.l_len = 1;
      const char done = fcntl(fd, F_SETLK, &lock) == 0 ? 1 : 0;
      if (write(ready[1], &done, 1) == 1) pause();
      _exit(1);
    }
    char done = 0;
    REQUIRE(read(ready[0], &done, 1) == 1);
    REQUIRE(done == 1);
    close(ready[0]);
    close(ready[1]);
  }
  BusyLog(const BusyLog&) = delete;
  BusyLog& operator=(const BusyLog&) = delete;
  ~BusyLog() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

TEST_CASE("a secret no rollback can reach is gone from the files") {
  const bool in_the_way = GENERATE(false, true);
  CAPTURE(in_the_way);
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  auto store = Store::open(state);
  REQUIRE(store.ok());
  const auto on_disk = [&](const char* secret) {
    const std::string md5 = md5_hex(secret);
    return file_content(state + "/simplon.db").find(md5) != std::string::npos ||
           file_content(state + "/simplon.db-wal").find(md5) != std::string::npos;
  };
  v1::Account first = account("ann");
  first.set_secret_md5(md5_hex(kFirst));
  v1::Account second = account("ann");
  second.set_secret_md5(md5_hex(kSecond));
  const auto commit = [&](uint64_t number, std::vector<v1::Change> changes) {
    StoreWrite write;
    RevisionWrite& revision = write.revisions.emplace_back();
    revision.revision.set_number(number);
    revision.changes = std::move(changes);
    REQUIRE((*store)->commit(write).ok());
  };
  commit(1, {account_change(nullptr, &first)});
  commit(2, {account_change(&first, &second)});
  commit(3, {account_change(&second, nullptr)});
  CHECK(*(*store)->account_secret_at("ann", 1) == md5_hex(kFirst));
  CHECK(*(*store)->account_secret_at("ann", 2) == md5_hex(kSecond));
  CHECK((*store)->account_secret_at("ann", 3)->empty());
  CHECK(on_disk(kFirst));
  if (in_the_way) {
    const BusyLog busy(state);
    commit(Store::kKeepRevisions + 2, {});
    CHECK(on_disk(kFirst));
  } else {
    commit(Store::kKeepRevisions + 2, {});
  }
  if (in_the_way) {  // then with the next transaction, whatever that is of
    StoreWrite any;
    any.counters_deleted = {1};
    REQUIRE((*store)->commit(any).ok());
  }
  CHECK_FALSE(on_disk(kFirst));
  CHECK(on_disk(kSecond));
  commit(Store::kKeepRevisions + 3, {});
  CHECK_FALSE(on_disk(kSecond));
}

TEST_CASE(
    "a store of schema 2 is taken over with its passwords, and then takes accounts and keys") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  REQUIRE(mkdir(state.c_str(), 0700) == 0);
  v1::Tunnel tunnel;
  tunnel.set_id(7);
  tunnel.set_slot(3);
  tunnel.set_type(v1::Tunnel::DYNAMIC_ENDPOINT);
  {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((state + "/simplon.db").c_str(), &database) == SQLITE_OK);
    const std::string old_schema = R"sql(
PRAGMA journal_mode=WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE pools (name TEXT PRIMARY KEY, proto BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tunnels (id INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE revisions (number INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE changes (revision INTEGER NOT NULL, number INTEGER NOT NULL, proto BLOB NOT NULL,
                      PRIMARY KEY (revision, number)) WITHOUT ROWID;
CREATE TABLE counters (tunnel_id INTEGER PRIMARY KEY, proto BLOB NOT NULL);
CREATE TABLE counter_archive (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE credentials (tunnel_id INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER,
                          password TEXT NOT NULL, previous_password TEXT NOT NULL,
                          PRIMARY KEY (tunnel_id, since)) WITHOUT ROWID;
CREATE INDEX credentials_until ON credentials (until) WHERE until IS NOT NULL;
CREATE TABLE slot_incarnation (slot INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL);
CREATE TABLE learned (slot INTEGER PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE error_baseline (tunnel_id INTEGER NOT NULL, reason INTEGER NOT NULL,
                             instance INTEGER NOT NULL, count INTEGER NOT NULL,
                             PRIMARY KEY (tunnel_id, reason)) WITHOUT ROWID;
PRAGMA user_version = 2;
INSERT INTO credentials VALUES (7, 1, 2, 'the-first-password', '');
INSERT INTO credentials VALUES (7, 2, NULL, 'a-password-of-T7', 'the-first-password');
INSERT INTO slot_incarnation VALUES (3, 5);
INSERT INTO revisions VALUES (1, X'1001');
INSERT INTO revisions VALUES (2, X'1002');
INSERT INTO tunnels VALUES (7, X')sql" +
                                   hex(tunnel.SerializeAsString()) + "');";
    char* error = nullptr;
    sqlite3_exec(database, old_schema.c_str(), nullptr, nullptr, &error);
    INFO((error != nullptr ? error : ""));
    REQUIRE(error == nullptr);
    sqlite3_close(database);
  }
  v1::Account ann = account("ann");
  ann.set_secret_md5(md5_hex(kFirst));
  for (int round = 0; round < 2; ++round) {
    auto store = Store::open(state);
    INFO(to_string(store.status().message()));
    REQUIRE(store.ok());
    const auto loaded = (*store)->load();
    REQUIRE(loaded.ok());
    REQUIRE(loaded->config.tunnels_size() == 1);
    const v1::Tunnel& there = loaded->config.tunnels(0);
    CHECK(there.password() == "a-password-of-T7");
    CHECK(there.previous_password() == "the-first-password");
    CHECK(there.update_key() == (round == 0 ? "" : kKey));
    // What the older release left out means what it always meant, and is no change later.
    CHECK(there.tic_type() == v1::Tunnel::TIC_AYIYA);
    CHECK((*store)->credential_at(7, 1)->password == "the-first-password");
    CHECK(loaded->incarnations[3] == 5);
    REQUIRE(loaded->config.accounts_size() == round);
    if (round == 1) {
      CHECK(loaded->config.accounts(0).secret_md5() == md5_hex(kFirst));
      continue;
    }
    v1::Tunnel next = there;
    next.set_update_key(kKey);
    StoreWrite write;
    RevisionWrite& revision = write.revisions.emplace_back();
    revision.revision.set_number(3);
    revision.changes = {make_change(&there, &next), account_change(nullptr, &ann)};
    CHECK((*store)->commit(write).ok());
  }
}

}  // namespace
}  // namespace simplon::control
