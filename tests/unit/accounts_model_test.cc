// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Accounts in the model: who owns what, and how an update of one is merged.

#include <map>
#include <set>

#include "control/config/secret.h"
#include "control/model/diff.h"
#include "control/model/merge.h"
#include "control/model/model.h"
#include "control/model/render.h"
#include "tests/support/catch.h"
#include "tests/support/sample_account.h"
#include "tests/support/sample_config.h"

namespace simplon::control {
namespace {

using testing::account;
using testing::kFirst;
using testing::kSecond;
using testing::sample_config;

v1::Change put(const Model& model, const v1::Account& next) {
  return make_change(model.find_account(next.name()), &next);
}

TEST_CASE("the model finds accounts by name and what they own by id, through every change") {
  Model model;
  v1::Config config = sample_config();
  *config.add_accounts() = account("ann");
  *config.add_accounts() = account("bob");
  config.mutable_tunnels(2)->set_account("ann");
  config.mutable_tunnels(0)->set_account("ann");
  model.load(config);
  CHECK(model.account_count() == 2);
  REQUIRE(model.find_account("bob") != nullptr);
  CHECK(model.find_account("BOB") == nullptr);
  CHECK(model.tunnels_of("ann") == std::vector<uint32_t>{1, 18572});
  CHECK(model.tunnels_of("bob").empty());
  CHECK(model.tunnels_of("nobody").empty());

  std::vector<v1::Change> changes;
  v1::Tunnel given = *model.find(1);
  given.set_account("bob");
  changes.push_back(make_change(model.find(1), &given));
  changes.push_back(put(model, account("abe")));
  const v1::Account* none = nullptr;
  changes.push_back(make_change(model.find_account("ann"), none));
  v1::Tunnel free = *model.find(18572);
  free.clear_account();
  changes.push_back(make_change(model.find(18572), &free));
  model.apply(changes);
  CHECK(model.tunnels_of("ann").empty());
  CHECK(model.tunnels_of("bob") == std::vector<uint32_t>{1});
  CHECK(model.find_account("ann") == nullptr);
  std::vector<std::string> names;
  model.visit_accounts_from("abe", [&](const v1::Account& a) {
    names.push_back(a.name());
    return true;
  });
  CHECK(names == std::vector<std::string>{"abe", "bob"});

  model.revert(changes);
  CHECK(model.tunnels_of("ann") == std::vector<uint32_t>{1, 18572});
  CHECK(model.tunnels_of("bob").empty());
  CHECK(model.find_account("abe") == nullptr);
  CHECK(model.account_count() == 2);
}

TEST_CASE("random changes of accounts and owners leave the index right") {
  Model model;
  v1::Config config = sample_config();
  model.load(config);
  std::map<std::string, std::set<uint32_t>> owned;
  uint64_t random = 4711;
  const auto pick = [&](uint64_t below) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % below;
  };
  for (int round = 0; round < 3000; ++round) {
    const std::string name = "a" + std::to_string(pick(40));
    const v1::Account* there = model.find_account(name);
    if (there == nullptr) {
      model.apply(std::vector{put(model, account(name))});
      owned[name];
    } else if (pick(3) == 0 && owned[name].empty()) {
      const v1::Account* none = nullptr;
      model.apply(std::vector{make_change(there, none)});
      owned.erase(name);
    } else {
      const uint32_t ids[] = {1, 7, 18572};
      v1::Tunnel next = *model.find(ids[pick(3)]);
      if (!next.account().empty()) owned[next.account()].erase(next.id());
      next.set_account(name);
      owned[name].insert(next.id());
      model.apply(std::vector{make_change(model.find(next.id()), &next)});
    }
    REQUIRE(model.account_count() == owned.size());
  }
  for (const auto& [name, ids] : owned) {
    CHECK(model.tunnels_of(name) == std::vector<uint32_t>(ids.begin(), ids.end()));
    REQUIRE(model.find_account(name) != nullptr);
    CHECK(model.find_account(name)->name() == name);
  }
}

TEST_CASE("only what no record of a snapshot is made of does not concern the dataplane") {
  const v1::Tunnel old = sample_config().tunnels(0);
  // Each field of a tunnel changed by itself.
  const auto* type = v1::Tunnel::descriptor();
  std::set<std::string> silent;
  for (int i = 0; i < type->field_count(); ++i) {
    v1::Change change;
    change.set_action(v1::Change::UPDATED);
    *change.mutable_old()->mutable_tunnel() = old;
    *change.mutable_new_()->mutable_tunnel() = old;
    change.add_paths(type->field(i)->name());
    if (!concerns_dataplane(change)) silent.insert(type->field(i)->name());
  }
  CHECK(silent == std::set<std::string>{"account", "description", "tic_type", "update_key"});
  const v1::Tunnel* none = nullptr;
  CHECK(concerns_dataplane(make_change(none, &old)));
  CHECK(concerns_dataplane(make_change(&old, none)));
}

TEST_CASE("an update of an account keeps the secret unless it gives or names it") {
  v1::Account old = account("ann");
  old.set_secret_md5(md5_hex(kFirst));
  old.set_description("pays");
  v1::Account patch;
  patch.set_name("other");
  patch.set_description("does not pay");
  patch.set_has_secret(false);
  patch.set_tunnels(9);
  google::protobuf::FieldMask mask;
  for (const char* path : {"", "*", "description"}) {
    INFO(path);
    mask.Clear();
    if (*path != '\0') mask.add_paths(path);
    v1::Account next = old;
    REQUIRE(merge_account(patch, &mask, next).ok());
    CHECK(next.name() == "ann");
    CHECK(next.secret_md5() == md5_hex(kFirst));
    CHECK(next.description() == "does not pay");
    CHECK(next.tunnels() == 0);
  }
  patch.set_secret(kSecond);
  for (const char* path : {"", "*", "secret"}) {
    mask.Clear();
    if (*path != '\0') mask.add_paths(path);
    v1::Account next = old;
    REQUIRE(merge_account(patch, &mask, next).ok());
    CHECK(next.secret() == kSecond);
    CHECK(next.secret_md5().empty());
  }
  for (const char* path : {"secret", "secret_md5"}) {
    mask.Clear();
    mask.add_paths(path);
    v1::Account next = old;
    REQUIRE(merge_account({}, &mask, next).ok());
    CHECK(next.secret_md5().empty());
  }
}

TEST_CASE("a mask can reach into a message and leaves the rest of it alone") {
  v1::Pop pop;
  pop.mutable_details()->set_city("Bern");
  pop.mutable_details()->set_country("ch");
  v1::Pop patch;
  patch.mutable_details()->set_city("Basel");
  patch.mutable_tic()->set_max_failures(3);
  google::protobuf::FieldMask mask;
  mask.add_paths("details.city");
  mask.add_paths("tic.max_failures");
  mask.add_paths("console.allowed_addresses");
  REQUIRE(merge_fields(patch, &mask, {}, pop).ok());
  CHECK(pop.details().city() == "Basel");
  CHECK(pop.details().country() == "ch");
  CHECK(pop.tic().max_failures() == 3);
  CHECK_FALSE(pop.has_console());
  mask.Clear();
  mask.add_paths("details.country");
  REQUIRE(merge_fields(patch, &mask, {}, pop).ok());
  CHECK(pop.details().country().empty());
  for (const char* wrong : {"details.", "details.town", "name.x", "interfaces.port", ".", ""}) {
    INFO(wrong);
    mask.Clear();
    mask.add_paths(wrong);
    CHECK_FALSE(merge_fields(patch, &mask, {}, pop).ok());
  }
}

}  // namespace
}  // namespace simplon::control
