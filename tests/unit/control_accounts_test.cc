// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Accounts over the API, and that nothing shows their secrets or the update keys of tunnels.

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "control/config/secret.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/control_api.h"
#include "tests/support/sample_account.h"
#include "tests/support/sample_config.h"
#include "tests/support/store_content.h"

namespace simplon::control {
namespace {

using google::protobuf::Empty;
using testing::account;
using testing::Answer;
using testing::Api;
using testing::ContainsSubstring;
using testing::file_content;
using testing::kFirst;
using testing::kKey;
using testing::kNextKey;
using testing::kSecond;
using testing::other_tables;
using testing::sample_config;
using testing::shows_secret;
using testing::TemporaryDirectory;

Answer create(Api& api, const v1::Account& a, v1::Account* reply, bool validate_only = false) {
  v1::CreateAccountRequest request;
  *request.mutable_account() = a;
  request.set_validate_only(validate_only);
  return Api::call([&](auto* c) { return api.accounts->CreateAccount(c, request, reply); });
}

Answer update(Api& api, const v1::Account& a, std::initializer_list<const char*> mask,
              v1::Account* reply, bool allow_missing = false) {
  v1::UpdateAccountRequest request;
  *request.mutable_account() = a;
  request.set_allow_missing(allow_missing);
  for (const char* path : mask) request.mutable_update_mask()->add_paths(path);
  return Api::call([&](auto* c) { return api.accounts->UpdateAccount(c, request, reply); });
}

Answer get(Api& api, const std::string& name, v1::Account* reply) {
  v1::GetAccountRequest request;
  request.set_name(name);
  return Api::call([&](auto* c) { return api.accounts->GetAccount(c, request, reply); });
}

Answer erase(Api& api, const std::string& name, bool force = false, const std::string& etag = "") {
  v1::DeleteAccountRequest request;
  request.set_name(name);
  request.set_force(force);
  request.set_etag(etag);
  Empty empty;
  return Api::call([&](auto* c) { return api.accounts->DeleteAccount(c, request, &empty); });
}

Answer set_secret(Api& api, const std::string& name, const std::string& secret,
                  v1::SetAccountSecretResponse* reply) {
  v1::SetAccountSecretRequest request;
  request.set_name(name);
  request.set_secret(secret);
  return Api::call([&](auto* c) { return api.accounts->SetAccountSecret(c, request, reply); });
}

Answer set_key(Api& api, const std::string& name, const std::string& key,
               v1::SetTunnelUpdateKeyResponse* reply) {
  v1::SetTunnelUpdateKeyRequest request;
  request.set_name(name);
  request.set_update_key(key);
  return Api::call([&](auto* c) { return api.tunnels->SetTunnelUpdateKey(c, request, reply); });
}

Answer own(Api& api, const std::string& tunnel, const std::string& name, v1::Tunnel* reply) {
  v1::Tunnel patch;
  patch.set_name(tunnel);
  patch.set_account(name);
  return api.update(patch, {"account"}, reply);
}

v1::Config get_config(Api& api, bool with_secrets, uint64_t revision = 0) {
  v1::GetConfigRequest request;
  request.set_with_secrets(with_secrets);
  request.set_revision(revision);
  v1::GetConfigResponse reply;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetConfig(c, request, &reply); }).ok());
  return reply.config();
}

// As only a backup may.
std::string stored_secret(Api& api, const std::string& name) {
  const v1::Config config = get_config(api, true);
  for (const v1::Account& a : config.accounts()) {
    if (a.name() == name) return a.secret_md5();
  }
  return "none";
}

std::string stored_key(Api& api, uint32_t id) {
  const v1::Config config = get_config(api, true);
  for (const v1::Tunnel& t : config.tunnels()) {
    if (t.id() == id) return t.update_key();
  }
  return "none";
}

TEST_CASE("an account is created, read, changed and deleted") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Account reply;
  v1::Account ann = account("ann@example.net", kFirst);
  ann.set_description("pays");

  const Answer checked = create(api, ann, &reply, true);
  REQUIRE(checked.ok());
  CHECK(checked.revision == "1");
  CHECK(reply.has_secret());
  CHECK(get(api, "ann@example.net", &reply).reason == "simplon/ACCOUNT_NOT_FOUND");

  const Answer created = create(api, ann, &reply);
  REQUIRE(created.ok());
  CHECK(created.revision == "2");
  CHECK(reply.name() == "ann@example.net");
  CHECK(reply.state() == v1::Account::ENABLED);
  CHECK(reply.has_secret());
  CHECK(reply.secret().empty());
  CHECK(reply.secret_md5().empty());
  CHECK_FALSE(reply.etag().empty());
  CHECK(create(api, ann, &reply).reason == "simplon/ACCOUNT_EXISTS");
  CHECK(stored_secret(api, "ann@example.net") == md5_hex(kFirst));
  REQUIRE(get(api, "accounts/ann@example.net", &reply).ok());
  const std::string etag = reply.etag();

  v1::Account patch = account("accounts/ann@example.net");
  patch.set_state(v1::Account::DISABLED);
  patch.set_etag("wrong");
  CHECK(update(api, patch, {"state"}, &reply).code() == grpc::StatusCode::ABORTED);
  patch.set_etag(etag);
  REQUIRE(update(api, patch, {"state"}, &reply).ok());
  CHECK(reply.state() == v1::Account::DISABLED);
  CHECK(reply.description() == "pays");
  CHECK(reply.etag() != etag);
  CHECK(stored_secret(api, "ann@example.net") == md5_hex(kFirst));
  patch.set_etag("");
  const Answer same = update(api, patch, {"state"}, &reply);
  CHECK(same.revision == "3");  // nothing changed, no revision

  CHECK(update(api, account("zoe"), {}, &reply).reason == "simplon/ACCOUNT_NOT_FOUND");
  REQUIRE(update(api, account("zoe"), {}, &reply, true).ok());
  CHECK_FALSE(reply.has_secret());
  CHECK(update(api, account("zoe"), {"colour"}, &reply).has_field("update_mask"));
  CHECK(create(api, account("-"), &reply).has_field("account.name"));
  CHECK(create(api, account("x", "short"), &reply).has_field("account.secret"));

  CHECK(erase(api, "zoe", false, "wrong").code() == grpc::StatusCode::ABORTED);
  REQUIRE(erase(api, "zoe").ok());
  CHECK(erase(api, "zoe").code() == grpc::StatusCode::NOT_FOUND);
  CHECK(api.pop_status().accounts() == 1);
}

TEST_CASE("a batch of accounts is one revision, or nothing") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::BatchCreateAccountsRequest batch;
  for (int i = 0; i < 300; ++i) {
    *batch.add_requests()->mutable_account() = account("user" + std::to_string(i), kFirst);
  }
  *batch.add_requests()->mutable_account() = account("user7");
  v1::BatchCreateAccountsResponse reply;
  const auto run = [&] {
    reply.Clear();
    return Api::call([&](auto* c) { return api.accounts->BatchCreateAccounts(c, batch, &reply); });
  };
  const Answer refused = run();
  CHECK(refused.code() == grpc::StatusCode::ALREADY_EXISTS);
  CHECK_THAT(refused.status.error_message(), ContainsSubstring("requests[300]."));
  CHECK(api.pop_status().accounts() == 0);
  batch.mutable_requests()->RemoveLast();
  const Answer done = run();
  REQUIRE(done.ok());
  CHECK(done.revision == "2");
  CHECK(reply.accounts_size() == 300);

  // Pages by name.
  v1::ListAccountsRequest request;
  request.set_page_size(128);
  std::vector<std::string> names;
  v1::ListAccountsResponse page;
  do {
    page.Clear();
    REQUIRE(Api::call([&](auto* c) { return api.accounts->ListAccounts(c, request, &page); }).ok());
    CHECK(page.total_size() == 300);
    for (const v1::Account& a : page.accounts()) names.push_back(a.name());
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  CHECK(names.size() == 300);
  CHECK(std::ranges::is_sorted(names));
  CHECK(std::set(names.begin(), names.end()).size() == 300);
  request.set_page_token("nonsense");
  CHECK(Api::call([&](auto* c) {
          return api.accounts->ListAccounts(c, request, &page);
        }).has_field("page_token"));
}

TEST_CASE("an account that owns tunnels is not deleted, unless by force: then they are nobody's") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Account reply;
  v1::Tunnel tunnel;
  const Answer unknown = own(api, "T1", "ann", &tunnel);
  CHECK(unknown.reason == "simplon/UNKNOWN_ACCOUNT");
  CHECK(unknown.has_field("tunnel.account"));
  REQUIRE(create(api, account("ann"), &reply).ok());  // 2
  REQUIRE(own(api, "T1", "ann", &tunnel).ok());       // 3
  REQUIRE(own(api, "T7", "ann", &tunnel).ok());       // 4
  CHECK(tunnel.account() == "ann");
  REQUIRE(get(api, "ann", &reply).ok());
  CHECK(reply.tunnels() == 2);

  v1::ListTunnelsRequest list;
  list.set_filter("account=\"ann\"");
  list.set_order_by("account");
  v1::ListTunnelsResponse listed;
  REQUIRE(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, list, &listed); }).ok());
  CHECK(listed.tunnels_size() == 2);

  const Answer refused = erase(api, "ann");
  CHECK(refused.code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(refused.reason == "simplon/IN_USE");
  CHECK_THAT(refused.status.error_message(), ContainsSubstring("owns 2 tunnels"));
  const Answer forced = erase(api, "ann", true);
  REQUIRE(forced.ok());
  CHECK(forced.revision == "5");
  CHECK(api.get("T1").account().empty());
  CHECK(api.get("T7").account().empty());

  // The other way of deleting it: a configuration without it.
  v1::Config config = get_config(api, false);
  config.mutable_tunnels(0)->set_account("ann");
  CHECK(api.apply(config).has_field("config.tunnels[0].account"));
  *config.add_accounts() = account("ann");
  REQUIRE(api.apply(config).ok());  // 6
  v1::RollbackConfigRequest back;
  back.set_revision(4);
  v1::ApplyConfigResponse applied;
  REQUIRE(Api::call([&](auto* c) { return api.config->RollbackConfig(c, back, &applied); }).ok());
  REQUIRE(get(api, "ann", &reply).ok());
  CHECK(reply.tunnels() == 2);
}

TEST_CASE("a new secret or update key is told once, and only the newest is valid") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Account reply;
  REQUIRE(create(api, account("ann", kFirst), &reply).ok());
  v1::SetAccountSecretResponse secret;
  const Answer made = set_secret(api, "ann", "", &secret);
  REQUIRE(made.ok());
  CHECK(made.revision == "3");
  CHECK(secret.secret().size() == 32);
  CHECK(secret.account().has_secret());
  CHECK(stored_secret(api, "ann") == md5_hex(secret.secret()));
  REQUIRE(set_secret(api, "accounts/ann", kSecond, &secret).ok());
  CHECK(secret.secret() == kSecond);
  CHECK(stored_secret(api, "ann") == md5_hex(kSecond));
  CHECK(set_secret(api, "ann", "short", &secret).has_field("secret"));
  CHECK(set_secret(api, "bob", "", &secret).code() == grpc::StatusCode::NOT_FOUND);

  // Static tunnels have update keys as well.
  v1::SetTunnelUpdateKeyResponse key;
  REQUIRE(set_key(api, "T1", "", &key).ok());
  CHECK(key.update_key().size() == 32);
  CHECK(key.tunnel().has_update_key());
  CHECK(key.tunnel().update_key().empty());
  CHECK(stored_key(api, 1) == key.update_key());
  REQUIRE(set_key(api, "T1", kKey, &key).ok());
  CHECK(set_key(api, "T1", "short", &key).has_field("update_key"));
  CHECK(set_key(api, "T2", kKey, &key).code() == grpc::StatusCode::NOT_FOUND);
  v1::Tunnel tunnel;
  v1::Tunnel patch;
  patch.set_name("T1");
  patch.set_mtu(1300);
  REQUIRE(api.update(patch, {}, &tunnel).ok());
  CHECK(stored_key(api, 1) == kKey);
  v1::ApplyConfigResponse applied;
  REQUIRE(api.apply(get_config(api, false), &applied).ok());
  CHECK(applied.unchanged());
  CHECK(stored_key(api, 1) == kKey);
  CHECK(stored_secret(api, "ann") == md5_hex(kSecond));

  // It is another thing than the password.
  v1::Tunnel dynamic;
  dynamic.set_id(50);
  dynamic.set_type(v1::Tunnel::DYNAMIC_ENDPOINT);
  dynamic.set_password("password-of-T50-0");
  REQUIRE(api.create(dynamic, &tunnel).ok());
  CHECK(tunnel.tic_type() == v1::Tunnel::TIC_AYIYA);
  REQUIRE(set_key(api, "T50", kKey, &key).ok());
  v1::RotateTunnelPasswordRequest rotate;
  rotate.set_name("T50");
  v1::RotateTunnelPasswordResponse rotated;
  REQUIRE(Api::call([&](auto* c) {
            return api.tunnels->RotateTunnelPassword(c, rotate, &rotated);
          }).ok());
  CHECK(stored_key(api, 50) == kKey);
  patch.Clear();
  patch.set_name("T50");
  REQUIRE(api.update(patch, {"update_key"}, &tunnel).ok());
  CHECK_FALSE(tunnel.has_update_key());
  CHECK(tunnel.has_previous_password());
  CHECK(stored_key(api, 50).empty());
}

TEST_CASE("a rollback brings back the secrets and keys of then, and an export all there are") {
  const TemporaryDirectory directory;
  v1::Config backup;
  {
    Api api(directory);
    REQUIRE(api.apply(sample_config()).ok());
    v1::Account reply;
    v1::SetAccountSecretResponse secret;
    v1::SetTunnelUpdateKeyResponse key;
    REQUIRE(create(api, account("ann", kFirst), &reply).ok());  // 2
    REQUIRE(set_key(api, "T1", kKey, &key).ok());               // 3
    REQUIRE(set_secret(api, "ann", kSecond, &secret).ok());     // 4
    REQUIRE(set_key(api, "T1", kNextKey, &key).ok());           // 5
    backup = get_config(api, true);
    REQUIRE(erase(api, "ann").ok());  // 6
    const auto roll_back = [&](uint64_t revision) {
      v1::RollbackConfigRequest request;
      request.set_revision(revision);
      v1::ApplyConfigResponse applied;
      return Api::call([&](auto* c) { return api.config->RollbackConfig(c, request, &applied); });
    };
    REQUIRE(roll_back(3).ok());
    CHECK(stored_secret(api, "ann") == md5_hex(kFirst));
    CHECK(stored_key(api, 1) == kKey);
    REQUIRE(roll_back(5).ok());
    CHECK(stored_secret(api, "ann") == md5_hex(kSecond));
    CHECK(stored_key(api, 1) == kNextKey);
    REQUIRE(roll_back(2).ok());
    CHECK(stored_key(api, 1).empty());
    REQUIRE(roll_back(0).ok());
  }
  {
    Api api(directory);  // as it was stored
    CHECK(stored_secret(api, "ann") == md5_hex(kSecond));
    CHECK(stored_key(api, 1) == kNextKey);
  }
  const TemporaryDirectory elsewhere;
  Api api(elsewhere);
  REQUIRE(api.apply(backup).ok());
  CHECK(stored_secret(api, "ann") == md5_hex(kSecond));
  CHECK(get_config(api, true).SerializeAsString() == backup.SerializeAsString());
}

TEST_CASE("no read, event, diff, revision, log line or other table shows a secret or update key") {
  std::ostringstream log;
  const auto old_logger = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  std::string seen;
  const TemporaryDirectory directory;
  {
    Api api(directory, spdlog::level::trace);
    const auto add = [&](const google::protobuf::Message& message) {
      seen += message.SerializeAsString() + message.DebugString();
    };
    REQUIRE(api.apply(sample_config()).ok());  // 1
    grpc::ClientContext watch_context;
    v1::WatchRequest watch;
    watch.set_initial_state(true);
    watch.add_kinds(v1::WatchRequest::ACCOUNT);
    watch.add_kinds(v1::WatchRequest::TUNNEL);
    v1::Account reply;
    REQUIRE(create(api, account("ann", kFirst), &reply).ok());  // 2
    add(reply);
    auto stream = api.watch->Watch(&watch_context, watch);
    v1::SetAccountSecretResponse secret;
    REQUIRE(set_secret(api, "ann", kSecond, &secret).ok());  // 3
    CHECK(secret.secret() == kSecond);
    add(secret.account());
    v1::SetTunnelUpdateKeyResponse key;
    REQUIRE(set_key(api, "T1", kKey, &key).ok());      // 4
    REQUIRE(set_key(api, "T1", kNextKey, &key).ok());  // 5
    add(key.tunnel());
    v1::Tunnel tunnel;
    REQUIRE(own(api, "T1", "ann", &tunnel).ok());  // 6
    add(tunnel);
    v1::ListAccountsResponse list;
    REQUIRE(Api::call([&](auto* c) { return api.accounts->ListAccounts(c, {}, &list); }).ok());
    add(list);
    add(get_config(api, false));
    add(get_config(api, false, 3));
    for (uint64_t revision = 1; revision <= 6; ++revision) {
      v1::GetRevisionRequest request;
      request.set_name(std::to_string(revision));
      v1::GetRevisionResponse one;
      REQUIRE(Api::call([&](auto* c) { return api.config->GetRevision(c, request, &one); }).ok());
      add(one);
      if (revision == 3) {
        REQUIRE(one.changes_size() == 1);
        CHECK(one.changes(0).name() == "accounts/ann");
        REQUIRE(one.changes(0).paths_size() == 1);
        CHECK(one.changes(0).paths(0) == "secret_md5");
      }
    }
    v1::DiffConfigRequest diff;
    diff.set_from_revision(1);
    diff.set_to_revision(6);
    v1::DiffConfigResponse difference;
    REQUIRE(Api::call([&](auto* c) { return api.config->DiffConfig(c, diff, &difference); }).ok());
    add(difference);
    REQUIRE(difference.diff().changes_size() == 2);
    CHECK(difference.diff().changes(0).name() == "accounts/ann");  // before tunnels
    REQUIRE(erase(api, "ann", true).ok());                         // 7
    v1::WatchResponse event;
    bool initial = false;
    while (stream->Read(&event)) {
      add(event);
      if (event.change().name() != "accounts/ann") continue;
      initial = initial || event.change().action() == v1::Change::CREATED;
      if (event.change().action() == v1::Change::DELETED) break;
    }
    CHECK(initial);
    CHECK(event.change().action() == v1::Change::DELETED);
    watch_context.TryCancel();
    while (stream->Read(&event)) continue;
    stream->Finish();
    for (const char* filter : {"update_key=\"x\"", "NOT update_key:\"u\""}) {
      v1::ListTunnelsRequest request;
      request.set_filter(filter);
      v1::ListTunnelsResponse tunnels;
      CHECK(Api::call([&](auto* c) {
              return api.tunnels->ListTunnels(c, request, &tunnels);
            }).reason == "simplon/BAD_FILTER");
    }
    const std::string state = directory.file("state");
    CHECK_FALSE(shows_secret(other_tables(state)));
    // The clear text of an account's secret is nowhere at all.
    for (const char* file : {"/simplon.db", "/simplon.db-wal"}) {
      const std::string content = file_content(state + file);
      CHECK(content.find(kFirst) == content.npos);
      CHECK(content.find(kSecond) == content.npos);
    }
  }
  spdlog::set_default_logger(old_logger);
  CHECK_FALSE(shows_secret(seen));
  CHECK_THAT(log.str(), ContainsSubstring("event=revision"));
  CHECK_FALSE(shows_secret(log.str()));
}

}  // namespace
}  // namespace simplon::control
