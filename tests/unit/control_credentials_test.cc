// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Passwords of tunnels: where they are, how long, and that nothing shows them.

#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <sstream>

#include "control/error/error.h"
#include "control/store/store.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/control_api.h"
#include "tests/support/sample_config.h"
#include "tests/support/store_content.h"

namespace simplon::control {
namespace {

using testing::Answer;
using testing::Api;
using testing::ContainsSubstring;
using testing::file_content;
using testing::hex;
using testing::other_tables;
using testing::sample_config;
using testing::TemporaryDirectory;

constexpr const char* kFirst = "first-secret-0123456789";
constexpr const char* kSecond = "second-secret-0123456789";
constexpr const char* kThird = "third-secret-0123456789";
constexpr const char* kKey = "update-key-0123456789";
constexpr const char* kSecrets[] = {kFirst, kSecond, kThird, kKey};

v1::Tunnel dynamic_tunnel(uint32_t id, const std::string& password) {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_type(v1::Tunnel::DYNAMIC_ENDPOINT);
  if (!password.empty()) tunnel.set_password(password);
  return tunnel;
}

bool shows_secret(const std::string& bytes) {
  return std::ranges::any_of(
      kSecrets, [&](const char* secret) { return bytes.find(secret) != std::string::npos; });
}

Answer rotate(Api& api, const std::string& password, v1::RotateTunnelPasswordResponse* reply,
              bool force = false) {
  v1::RotateTunnelPasswordRequest request;
  request.set_name("tunnels/T50");
  request.set_password(password);
  request.set_force(force);
  return Api::call([&](auto* c) { return api.tunnels->RotateTunnelPassword(c, request, reply); });
}

Answer end_rotation(Api& api, v1::Tunnel* reply) {
  v1::EndTunnelPasswordRotationRequest request;
  request.set_name("T50");
  return Api::call(
      [&](auto* c) { return api.tunnels->EndTunnelPasswordRotation(c, request, reply); });
}

Answer erase(Api& api, const std::string& name) {
  v1::DeleteTunnelRequest request;
  request.set_name(name);
  google::protobuf::Empty empty;
  return Api::call([&](auto* c) { return api.tunnels->DeleteTunnel(c, request, &empty); });
}

Answer roll_back(Api& api, uint64_t revision) {
  v1::RollbackConfigRequest request;
  request.set_revision(revision);
  v1::ApplyConfigResponse reply;
  return Api::call([&](auto* c) { return api.config->RollbackConfig(c, request, &reply); });
}

v1::Config get_config(Api& api, bool with_secrets) {
  v1::GetConfigRequest request;
  request.set_with_secrets(with_secrets);
  v1::GetConfigResponse reply;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetConfig(c, request, &reply); }).ok());
  return reply.config();
}

// As only a backup may.
v1::Tunnel secrets_of(Api& api, uint32_t id) {
  const v1::Config config = get_config(api, true);
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    if (tunnel.id() == id) return tunnel;
  }
  return {};
}

v1::GetRevisionResponse revision_of(Api& api, uint64_t number) {
  v1::GetRevisionRequest request;
  request.set_name(std::to_string(number));
  v1::GetRevisionResponse reply;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetRevision(c, request, &reply); }).ok());
  return reply;
}

TEST_CASE("a dynamic tunnel needs a password of decent length, and the error does not repeat it") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel reply;
  const Answer without = api.create(dynamic_tunnel(50, ""), &reply);
  CHECK(without.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(without.has_field("tunnel.password"));
  const Answer weak = api.create(dynamic_tunnel(50, "tooshort-xyzzy"), &reply);
  CHECK(weak.has_field("tunnel.password"));
  CHECK(weak.status.error_message().find("xyzzy") == std::string::npos);
  CHECK(weak.status.error_details().find("xyzzy") == std::string::npos);
}

TEST_CASE("passwords are in a table of their own and nowhere else in the store") {
  const TemporaryDirectory directory;
  Api api(directory);
  v1::Config config = sample_config();
  *config.add_tunnels() = dynamic_tunnel(50, kFirst);
  config.mutable_tunnels(3)->set_slot(5);
  REQUIRE(api.apply(config).ok());
  v1::RotateTunnelPasswordResponse rotated;
  REQUIRE(rotate(api, kSecond, &rotated).ok());
  REQUIRE(erase(api, "T50").ok());
  REQUIRE(roll_back(api, 2).ok());

  const std::string state = directory.file("state");
  const std::string content = other_tables(state);
  for (const char* secret : {kFirst, kSecond}) {
    CHECK(content.find(secret) == std::string::npos);
    CHECK(content.find(hex(secret)) == std::string::npos);
  }
  CHECK(content.find(hex("second")) != std::string::npos);  // a description: the search works
  struct stat info {};
  REQUIRE(stat((state + "/simplon.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(stat((state + "/simplon.db-wal").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(stat(state.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("no answer of the API and no line of the log shows a password nobody asked for") {
  std::ostringstream log;
  const auto old_logger = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  std::string seen;
  {
    const TemporaryDirectory directory;
    Api api(directory, spdlog::level::trace);
    grpc::ClientContext watch_context;
    v1::WatchRequest watch;
    watch.set_initial_state(true);
    REQUIRE(api.apply(sample_config()).ok());
    const auto add = [&](const auto& message) {
      seen += message.SerializeAsString() + message.DebugString();
    };
    v1::Tunnel tunnel;
    const Answer created = api.create(dynamic_tunnel(50, kFirst), &tunnel);
    REQUIRE(created.ok());
    add(tunnel);
    CHECK(tunnel.has_password());
    CHECK_FALSE(tunnel.has_previous_password());
    auto stream = api.watch->Watch(&watch_context, watch);
    v1::RotateTunnelPasswordResponse rotated;
    REQUIRE(rotate(api, kSecond, &rotated).ok());
    CHECK(rotated.password() == kSecond);
    add(rotated.tunnel());
    CHECK(rotated.tunnel().has_previous_password());
    v1::Tunnel patch;
    patch.set_name("T50");
    patch.set_password(kThird);
    REQUIRE(api.update(patch, {"password"}, &tunnel).ok());
    add(tunnel);
    add(api.get("T50"));
    v1::ListTunnelsResponse list;
    REQUIRE(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, {}, &list); }).ok());
    add(list);
    v1::LookupTunnelsRequest lookup;
    lookup.set_key("T50");
    v1::LookupTunnelsResponse found;
    REQUIRE(Api::call([&](auto* c) { return api.tunnels->LookupTunnels(c, lookup, &found); }).ok());
    add(found);
    add(get_config(api, false));
    v1::GetConfigRequest old;
    old.set_revision(2);
    v1::GetConfigResponse old_config;
    REQUIRE(Api::call([&](auto* c) { return api.config->GetConfig(c, old, &old_config); }).ok());
    add(old_config);
    for (uint64_t revision = 1; revision <= 4; ++revision) add(revision_of(api, revision));
    v1::DiffConfigRequest diff;
    diff.set_from_revision(2);
    diff.set_to_revision(4);
    v1::DiffConfigResponse difference;
    REQUIRE(Api::call([&](auto* c) { return api.config->DiffConfig(c, diff, &difference); }).ok());
    add(difference);
    REQUIRE(difference.diff().changes_size() == 1);
    CHECK(difference.diff().changes(0).paths_size() == 2);  // both passwords differ
    v1::ListRevisionsResponse revisions;
    REQUIRE(Api::call([&](auto* c) { return api.config->ListRevisions(c, {}, &revisions); }).ok());
    add(revisions);
    REQUIRE(erase(api, "T50").ok());
    v1::WatchResponse event;
    while (stream->Read(&event)) {
      add(event);
      if (event.change().action() == v1::Change::DELETED) break;
    }
    CHECK(event.change().action() == v1::Change::DELETED);
    watch_context.TryCancel();
    while (stream->Read(&event)) {
    }
    stream->Finish();
  }
  spdlog::set_default_logger(old_logger);
  CHECK_FALSE(shows_secret(seen));
  CHECK_THAT(log.str(), ContainsSubstring("event=revision"));
  CHECK_FALSE(shows_secret(log.str()));
}

TEST_CASE("a filter cannot be used to guess a password") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel reply;
  REQUIRE(api.create(dynamic_tunnel(50, kFirst), &reply).ok());
  v1::ListTunnelsRequest request;
  v1::ListTunnelsResponse list;
  const auto run = [&](const std::string& filter) {
    request.set_filter(filter);
    list.Clear();
    return Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, request, &list); });
  };
  for (const char* filter :
       {"password:\"f\"", "id=50 AND NOT previous_password=\"\"", "password=\"x\" OR id=1"}) {
    INFO(filter);
    const Answer refused = run(filter);
    CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(refused.reason == "simplon/BAD_FILTER");
  }
  REQUIRE(run("has_password=true").ok());
  REQUIRE(list.tunnels_size() == 1);
  CHECK(list.tunnels(0).id() == 50);
}

TEST_CASE("Apply and Update that name no password keep it") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel reply;
  REQUIRE(api.create(dynamic_tunnel(50, kFirst), &reply).ok());
  v1::RotateTunnelPasswordResponse rotated;
  REQUIRE(rotate(api, kSecond, &rotated).ok());

  v1::ApplyConfigResponse applied;
  REQUIRE(api.apply(get_config(api, false), &applied).ok());
  CHECK(applied.unchanged());
  v1::Tunnel patch;
  patch.set_name("T50");
  patch.set_mtu(1300);
  REQUIRE(api.update(patch, {}, &reply).ok());
  CHECK(secrets_of(api, 50).password() == kSecond);
  CHECK(secrets_of(api, 50).previous_password() == kFirst);
  CHECK(secrets_of(api, 50).mtu() == 1300);

  // As a static tunnel it has none.
  patch.Clear();
  patch.set_name("T50");
  patch.set_type(v1::Tunnel::PROTO41);
  patch.set_remote("203.0.113.50");
  REQUIRE(api.update(patch, {"type", "remote"}, &reply).ok());
  CHECK_FALSE(reply.has_password());
  CHECK(secrets_of(api, 50).password().empty());
}

TEST_CASE("an export with secrets restores them in a new store, and is there on request only") {
  v1::Config backup;
  {
    const TemporaryDirectory directory;
    Api api(directory);
    REQUIRE(api.apply(sample_config()).ok());
    v1::Tunnel reply;
    REQUIRE(api.create(dynamic_tunnel(50, kFirst), &reply).ok());
    v1::RotateTunnelPasswordResponse rotated;
    REQUIRE(rotate(api, kSecond, &rotated).ok());
    backup = get_config(api, true);
    CHECK_FALSE(shows_secret(get_config(api, false).SerializeAsString()));
    v1::GetConfigRequest old;
    old.set_revision(2);
    old.set_with_secrets(true);
    v1::GetConfigResponse ignored;
    const Answer refused =
        Api::call([&](auto* c) { return api.config->GetConfig(c, old, &ignored); });
    CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(refused.has_field("with_secrets"));
  }
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(backup).ok());
  CHECK(secrets_of(api, 50).password() == kSecond);
  CHECK(secrets_of(api, 50).previous_password() == kFirst);
  CHECK(get_config(api, true).SerializeAsString() == backup.SerializeAsString());
}

TEST_CASE("a rotation makes a password nobody chose, and ends when told") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel reply;
  REQUIRE(api.create(dynamic_tunnel(50, kFirst), &reply).ok());
  v1::RotateTunnelPasswordResponse rotated;
  const Answer done = rotate(api, "", &rotated);
  REQUIRE(done.ok());
  CHECK(done.revision == "3");
  CHECK(rotated.password().size() == 32);
  CHECK(rotated.password().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(secrets_of(api, 50).password() == rotated.password());
  CHECK(secrets_of(api, 50).previous_password() == kFirst);
  CHECK(rotated.tunnel().has_previous_password());

  // A revision whose change names the fields and nothing more.
  const auto revision = revision_of(api, 3);
  REQUIRE(revision.changes_size() == 1);
  const v1::Change& change = revision.changes(0);
  CHECK(change.action() == v1::Change::UPDATED);
  REQUIRE(change.paths_size() == 2);
  CHECK(change.paths(0) == "password");
  CHECK(change.paths(1) == "previous_password");

  v1::RotateTunnelPasswordResponse again;
  CHECK(rotate(api, kSecond, &again).reason == "simplon/ROTATION_UNDER_WAY");
  CHECK(again.password().empty());
  REQUIRE(rotate(api, kSecond, &again, true).ok());
  CHECK(secrets_of(api, 50).previous_password() == rotated.password());
  CHECK(rotate(api, kSecond, &again, true).has_field("password"));
  CHECK(rotate(api, "short", &again, true).has_field("password"));

  REQUIRE(end_rotation(api, &reply).ok());
  CHECK(reply.has_password());
  CHECK_FALSE(reply.has_previous_password());
  CHECK(secrets_of(api, 50).previous_password().empty());
  CHECK(end_rotation(api, &reply).revision == "5");  // nothing to end, nothing changed

  v1::RotateTunnelPasswordRequest other;
  other.set_name("T1");
  const Answer refused =
      Api::call([&](auto* c) { return api.tunnels->RotateTunnelPassword(c, other, &again); });
  CHECK(refused.code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(refused.reason == "simplon/NO_PASSWORD");
}

TEST_CASE("a rollback brings a tunnel back with the password it had then") {
  const TemporaryDirectory directory;
  std::string second_revision;
  {
    Api api(directory);
    REQUIRE(api.apply(sample_config()).ok());
    v1::Tunnel reply;
    REQUIRE(api.create(dynamic_tunnel(50, kFirst), &reply).ok());  // 2
    v1::Tunnel patch;
    patch.set_name("T50");
    patch.set_password(kSecond);
    REQUIRE(api.update(patch, {"password"}, &reply).ok());  // 3
    REQUIRE(erase(api, "T50").ok());                        // 4
    const auto revision = revision_of(api, 3);
    REQUIRE(revision.changes_size() == 1);
    REQUIRE(revision.changes(0).paths_size() == 1);
    CHECK(revision.changes(0).paths(0) == "password");
    REQUIRE(roll_back(api, 3).ok());  // 5
    CHECK(secrets_of(api, 50).password() == kSecond);
    REQUIRE(roll_back(api, 2).ok());  // 6
    CHECK(secrets_of(api, 50).password() == kFirst);
    REQUIRE(erase(api, "T50").ok());  // 7
  }
  {
    Api api(directory);
    CHECK(secrets_of(api, 50).id() == 0);
    REQUIRE(roll_back(api, 5).ok());  // 8
    CHECK(secrets_of(api, 50).password() == kSecond);
  }
  Api api(directory);
  CHECK(secrets_of(api, 50).password() == kSecond);
}

TEST_CASE("an unconfirmed change of a password is undone") {
  const TemporaryDirectory directory;
  Api api(directory);
  v1::Config config = sample_config();
  v1::Tunnel& tunnel = *config.add_tunnels();
  tunnel = dynamic_tunnel(50, kFirst);
  tunnel.set_slot(5);
  REQUIRE(api.apply(config).ok());
  tunnel.set_password(kSecond);
  REQUIRE(api.apply(config, nullptr, 1).ok());
  CHECK(secrets_of(api, 50).password() == kSecond);
  for (int i = 0; i < 500 && secrets_of(api, 50).password() != kFirst; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(secrets_of(api, 50).password() == kFirst);
}

// ---- The store alone.

RevisionWrite revision_write(uint64_t number, std::vector<v1::Change> changes = {}) {
  RevisionWrite write;
  write.revision.set_number(number);
  write.changes = std::move(changes);
  return write;
}

v1::Change tunnel_change(const v1::Tunnel* old, const v1::Tunnel* next) {
  v1::Change change;
  change.set_name("tunnels/T50");
  if (old != nullptr) *change.mutable_old()->mutable_tunnel() = *old;
  if (next != nullptr) *change.mutable_new_()->mutable_tunnel() = *next;
  change.set_action(old == nullptr    ? v1::Change::CREATED
                    : next == nullptr ? v1::Change::DELETED
                                      : v1::Change::UPDATED);
  return change;
}

std::unique_ptr<Store> open_store(const std::string& directory) {
  auto store = Store::open(directory);
  INFO(to_string(store.status().message()));
  REQUIRE(store.ok());
  return *std::move(store);
}

TEST_CASE("what no rollback can reach is gone from the files") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  const auto store = open_store(state);
  const auto on_disk = [&](const char* secret) {
    return file_content(state + "/simplon.db").find(secret) != std::string::npos ||
           file_content(state + "/simplon.db-wal").find(secret) != std::string::npos;
  };
  const v1::Tunnel first = dynamic_tunnel(50, kFirst);
  const v1::Tunnel second = dynamic_tunnel(50, kSecond);
  StoreWrite write;
  write.revisions = {revision_write(1, {tunnel_change(nullptr, &first)}),
                     revision_write(2, {tunnel_change(&first, &second)}),
                     revision_write(3, {tunnel_change(&second, nullptr)})};
  REQUIRE(store->commit(write).ok());
  CHECK(on_disk(kFirst));
  CHECK(on_disk(kSecond));
  CHECK(store->credential_at(50, 1)->password == kFirst);
  CHECK(store->credential_at(50, 2)->password == kSecond);
  CHECK(store->credential_at(50, 3)->empty());

  // Revision 1 can still be restored, then only 2, then neither.
  const auto commit = [&](uint64_t number) {
    StoreWrite next;
    next.revisions = {revision_write(number)};
    REQUIRE(store->commit(next).ok());
  };
  commit(Store::kKeepRevisions + 1);
  CHECK(on_disk(kFirst));
  commit(Store::kKeepRevisions + 2);
  CHECK_FALSE(on_disk(kFirst));
  CHECK(on_disk(kSecond));
  commit(Store::kKeepRevisions + 3);
  CHECK_FALSE(on_disk(kSecond));
}

TEST_CASE("of several changes in one revision the last counts") {
  const TemporaryDirectory directory;
  const auto store = open_store(directory.file("state"));
  const v1::Tunnel first = dynamic_tunnel(50, kFirst);
  const v1::Tunnel second = dynamic_tunnel(50, kSecond);
  StoreWrite write;
  write.revisions = {
      revision_write(1, {tunnel_change(nullptr, &first), tunnel_change(&first, nullptr),
                         tunnel_change(nullptr, &second)})};
  REQUIRE(store->commit(write).ok());
  CHECK(store->credential_at(50, 1)->password == kSecond);
  const auto state = store->load();
  REQUIRE(state.ok());
  REQUIRE(state->config.tunnels_size() == 1);
  CHECK(state->config.tunnels(0).password() == kSecond);
}

TEST_CASE("a store of the release before is taken over with all it holds") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  REQUIRE(mkdir(state.c_str(), 0700) == 0);
  v1::Tunnel tunnel;
  tunnel.set_id(7);
  tunnel.set_slot(3);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("203.0.113.7");
  {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((state + "/simplon.db").c_str(), &database) == SQLITE_OK);
    // As that release made it.
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
PRAGMA user_version = 1;
INSERT INTO tunnels VALUES (7, X')sql" +
                                   hex(tunnel.SerializeAsString()) +
                                   "');\nINSERT INTO revisions VALUES (1, X'1001');\n"
                                   "INSERT INTO counter_archive VALUES ('total/rx', 4711);";
    char* error = nullptr;
    sqlite3_exec(database, old_schema.c_str(), nullptr, nullptr, &error);
    INFO((error != nullptr ? error : ""));
    REQUIRE(error == nullptr);
    sqlite3_close(database);
  }
  for (int round = 0; round < 2; ++round) {
    const auto store = open_store(state);
    const auto loaded = store->load();
    INFO(to_string(loaded.status().message()));
    REQUIRE(loaded.ok());
    REQUIRE(loaded->config.tunnels_size() == 1 + round);
    CHECK(loaded->config.tunnels(0).SerializeAsString() == tunnel.SerializeAsString());
    CHECK(loaded->revision == 1u + unsigned(round));
    REQUIRE(loaded->archive.size() == 1);
    CHECK(loaded->archive[0].second == 4711);
    if (round == 1) continue;
    const v1::Tunnel next = dynamic_tunnel(50, kFirst);
    StoreWrite write;
    write.revisions = {revision_write(2, {tunnel_change(nullptr, &next)})};
    CHECK(store->commit(write).ok());
  }
}

TEST_CASE("a store of a release to come is refused and left alone") {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  open_store(state).reset();
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((state + "/simplon.db").c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database, "PRAGMA user_version = 99", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  sqlite3_close(database);
  const auto store = Store::open(state);
  CHECK(store.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK_THAT(to_string(store.status().message()), ContainsSubstring("schema version 99"));
}

}  // namespace
}  // namespace simplon::control
