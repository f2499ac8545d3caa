// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Every service of the API as a client sees it: the whole daemon in this process, called through a
// real Unix socket, with a real store and (where said) a dataplane without ports.

#include "tests/support/control_api.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "control/daemon.h"
#include "dataplane/state/worker_counters.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "simplon/v1/config_service.grpc.pb.h"
#include "simplon/v1/pool_service.grpc.pb.h"
#include "simplon/v1/pop_service.grpc.pb.h"
#include "simplon/v1/status_service.grpc.pb.h"
#include "simplon/v1/tunnel_service.grpc.pb.h"
#include "simplon/v1/watch_service.grpc.pb.h"
#include "tests/support/catch.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/sample_config.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using testing::Answer;
using testing::Api;
using testing::ContainsSubstring;
using testing::PortlessDataplane;
using testing::sample_config;
using testing::TemporaryDirectory;

v1::Tunnel new_tunnel(uint32_t id) {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("203.0.113.77");
  return tunnel;
}

// ---- TunnelService.

TEST_CASE("a tunnel is created, read, changed and deleted") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());

  v1::Tunnel tunnel;
  const Answer created = api.create(new_tunnel(50), &tunnel);
  REQUIRE(created.ok());
  CHECK(created.revision == "2");
  CHECK(created.publish_state == "DISCONNECTED");
  CHECK(tunnel.name() == "tunnels/T50");
  CHECK(tunnel.slot() == 1);
  CHECK(tunnel.link_prefix() == "2001:db8:10:1::/64");
  CHECK_FALSE(tunnel.etag().empty());
  CHECK(api.get("T50").SerializeAsString() == tunnel.SerializeAsString());

  v1::Tunnel patch;
  patch.set_name("tunnels/T50");
  patch.set_etag(tunnel.etag());
  patch.set_mtu(1300);
  patch.set_remote("203.0.113.99");
  v1::Tunnel changed;
  REQUIRE(api.update(patch, {"mtu"}, &changed).ok());
  CHECK(changed.mtu() == 1300);
  CHECK(changed.remote() == "203.0.113.77");
  const Answer stale = api.update(patch, {"mtu"}, &changed);
  CHECK(stale.code() == grpc::StatusCode::ABORTED);
  CHECK(stale.reason == "simplon/ETAG_MISMATCH");

  v1::DeleteTunnelRequest request;
  request.set_name("tunnels/T50");
  google::protobuf::Empty empty;
  const auto erase = [&] {
    return Api::call([&](auto* c) { return api.tunnels->DeleteTunnel(c, request, &empty); });
  };
  request.set_validate_only(true);
  REQUIRE(erase().ok());
  request.set_validate_only(false);
  REQUIRE(erase().ok());
  const Answer gone = erase();
  CHECK(gone.code() == grpc::StatusCode::NOT_FOUND);
  CHECK(gone.reason == "simplon/TUNNEL_NOT_FOUND");
  request.set_allow_missing(true);
  CHECK(erase().ok());
}

TEST_CASE("a bad tunnel is refused with every field at fault") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel bad = new_tunnel(50);
  bad.set_mtu(1200);
  bad.set_remote("fe80::1");
  bad.set_slot(686);
  v1::Tunnel reply;
  const Answer refused = api.create(bad, &reply);
  CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(refused.has_field("tunnel.mtu"));
  CHECK(refused.has_field("tunnel.remote"));
  CHECK(refused.has_field("tunnel.slot"));
  CHECK(refused.reason.starts_with("simplon/"));

  const Answer twice = api.create(new_tunnel(7), &reply);
  CHECK(twice.code() == grpc::StatusCode::ALREADY_EXISTS);
  CHECK(api.update(new_tunnel(50), {}, &reply).code() == grpc::StatusCode::NOT_FOUND);
  CHECK(api.update(new_tunnel(7), {"colour"}, &reply).reason == "simplon/UNKNOWN_FIELD");
  CHECK(api.create(new_tunnel(50), &reply, true).ok());
  CHECK(api.pop_status().tunnels() == 3);
}

TEST_CASE("enabling and disabling are calls of their own and repeatable") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Tunnel reply;
  v1::DisableTunnelRequest disable;
  disable.set_name("tunnels/T1");
  for (int i = 0; i < 2; ++i) {
    const Answer answer =
        Api::call([&](auto* c) { return api.tunnels->DisableTunnel(c, disable, &reply); });
    REQUIRE(answer.ok());
    CHECK(answer.revision == "2");
    CHECK(reply.admin_state() == v1::Tunnel::DISABLED);
  }
  v1::EnableTunnelRequest enable;
  enable.set_name("1");
  REQUIRE(Api::call([&](auto* c) { return api.tunnels->EnableTunnel(c, enable, &reply); }).ok());
  CHECK(api.pop_status().tunnels_disabled() == 1);
}

TEST_CASE("tunnels are listed page by page, filtered and in order") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  for (uint32_t id = 100; id < 120; ++id) {
    v1::Tunnel reply;
    v1::Tunnel tunnel = new_tunnel(id);
    tunnel.set_remote("203.0.113." + std::to_string(250 - id));
    REQUIRE(api.create(tunnel, &reply).ok());
  }
  const auto list = [&](const std::string& filter, const std::string& order) {
    std::vector<uint32_t> ids;
    v1::ListTunnelsRequest request;
    request.set_page_size(7);
    request.set_filter(filter);
    request.set_order_by(order);
    do {
      v1::ListTunnelsResponse reply;
      REQUIRE(
          Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, request, &reply); }).ok());
      CHECK(reply.tunnels_size() <= 7);
      CHECK(reply.total_size() == 23);
      for (const v1::Tunnel& tunnel : reply.tunnels()) ids.push_back(tunnel.id());
      request.set_page_token(reply.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  };
  const std::vector<uint32_t> all = list("", "");
  CHECK(all.size() == 23);
  CHECK(std::ranges::is_sorted(all));
  std::vector<uint32_t> descending = list("", "id desc");
  std::ranges::reverse(descending);
  CHECK(descending == all);
  const std::vector<uint32_t> by_remote = list("id>=100 AND id<120", "remote");
  REQUIRE(by_remote.size() == 20);
  CHECK(by_remote.front() == 119);
  CHECK(by_remote.back() == 100);
  CHECK(list("admin_state=DISABLED", "") == std::vector<uint32_t>{7});
  CHECK(list("link_prefix:2001:db8:10:2ae::2", "slot desc") == std::vector<uint32_t>{18572});

  v1::ListTunnelsRequest bad;
  v1::ListTunnelsResponse reply;
  bad.set_filter("nonsense");
  CHECK(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, bad, &reply); }).reason ==
        "simplon/BAD_FILTER");
  bad.clear_filter();
  bad.set_order_by("nonsense");
  CHECK(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, bad, &reply); }).reason ==
        "simplon/BAD_ORDER");
  bad.clear_order_by();
  bad.set_page_token("nonsense");
  CHECK(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, bad, &reply); }).reason ==
        "simplon/BAD_PAGE_TOKEN");
}

TEST_CASE("a tunnel is looked up by whatever an operator has") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  using Response = v1::LookupTunnelsResponse;
  const std::tuple<const char*, int, Response::MatchedBy> cases[] = {
      {"T18572", 1, Response::ID},
      {"18572", 1, Response::ID},
      {"tunnels/T18572", 1, Response::ID},
      {"2001:db8:10:2ae::2", 1, Response::LINK_PREFIX},
      {"2001:db8:10:82ae:1::", 1, Response::ROUTED_PREFIX},
      {"2001:db8:1001:5::1", 1, Response::DELEGATED_PREFIX},
      {"2001:db8:1001::/48", 1, Response::DELEGATED_PREFIX},
      {"203.0.113.1", 2, Response::REMOTE},
  };
  for (const auto& [key, count, by] : cases) {
    v1::LookupTunnelsRequest request;
    request.set_key(key);
    Response reply;
    INFO(key);
    REQUIRE(
        Api::call([&](auto* c) { return api.tunnels->LookupTunnels(c, request, &reply); }).ok());
    REQUIRE(reply.matches_size() == count);
    CHECK(reply.matches(0).matched_by() == by);
  }
  v1::LookupTunnelsRequest request;
  Response reply;
  request.set_key("2001:db8::1");
  CHECK(Api::call([&](auto* c) { return api.tunnels->LookupTunnels(c, request, &reply); }).code() ==
        grpc::StatusCode::NOT_FOUND);
  request.set_key("office");
  CHECK(Api::call([&](auto* c) { return api.tunnels->LookupTunnels(c, request, &reply); }).code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("a batch is all or nothing, and one revision") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::BatchCreateTunnelsRequest create;
  for (uint32_t id = 100; id < 110; ++id) {
    *create.add_requests()->mutable_tunnel() = new_tunnel(id);
  }
  v1::BatchCreateTunnelsResponse created;
  const auto run = [&] {
    return Api::call([&](auto* c) { return api.tunnels->BatchCreateTunnels(c, create, &created); });
  };
  create.mutable_requests(9)->mutable_tunnel()->set_mtu(1);
  const Answer refused = run();
  CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(refused.has_field("requests[9].tunnel.mtu"));
  CHECK(api.pop_status().tunnels() == 3);
  create.mutable_requests(9)->mutable_tunnel()->clear_mtu();
  const Answer answer = run();
  REQUIRE(answer.ok());
  CHECK(answer.revision == "2");
  REQUIRE(created.tunnels_size() == 10);
  CHECK(created.tunnels(9).slot() == 10);
  // Answered and listed as it is read one by one.
  v1::ListTunnelsRequest list;
  v1::ListTunnelsResponse listed;
  REQUIRE(Api::call([&](auto* c) { return api.tunnels->ListTunnels(c, list, &listed); }).ok());
  REQUIRE(listed.tunnels_size() == 13);  // behind T1 and T7
  for (int i = 0; i < 10; ++i) {
    v1::GetTunnelRequest get;
    get.set_name(created.tunnels(i).name());
    v1::Tunnel one;
    REQUIRE(Api::call([&](auto* c) { return api.tunnels->GetTunnel(c, get, &one); }).ok());
    CHECK(created.tunnels(i).SerializeAsString() == one.SerializeAsString());
    CHECK(listed.tunnels(2 + i).SerializeAsString() == one.SerializeAsString());
  }

  v1::BatchCreateTunnelsRequest incomplete;
  incomplete.add_requests()->mutable_tunnel()->CopyFrom(new_tunnel(150));
  incomplete.add_requests();
  const Answer missing =
      Api::call([&](auto* c) { return api.tunnels->BatchCreateTunnels(c, incomplete, &created); });
  CHECK(missing.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(missing.has_field("requests[1].tunnel"));
  CHECK(api.pop_status().tunnels() == 13);

  v1::BatchUpdateTunnelsRequest update;
  for (uint32_t id : {100u, 101u}) {
    update.add_requests()->mutable_tunnel()->set_id(id);
    update.mutable_requests(update.requests_size() - 1)->mutable_tunnel()->set_mtu(1300);
  }
  v1::BatchUpdateTunnelsResponse updated;
  const auto refuse_second = [&](auto&& spoil) {
    v1::BatchUpdateTunnelsRequest spoilt = update;
    spoil(*spoilt.mutable_requests(1));
    const Answer answer_to =
        Api::call([&](auto* c) { return api.tunnels->BatchUpdateTunnels(c, spoilt, &updated); });
    CHECK_FALSE(answer_to.ok());
    CHECK_THAT(answer_to.status.error_message(), ContainsSubstring("requests[1]"));
    CHECK(api.get("T100").mtu() == 0);
    return answer_to;
  };
  CHECK(refuse_second([](auto& r) {
          r.mutable_update_mask()->add_paths("mtv");
        }).has_field("requests[1].update_mask"));
  CHECK(refuse_second([](auto& r) {
          r.mutable_tunnel()->clear_id();
        }).has_field("requests[1].tunnel.name"));
  CHECK(refuse_second([](auto& r) {
          r.mutable_tunnel()->set_remote("127.0.0.1");
        }).has_field("requests[1].tunnel.remote"));
  CHECK(refuse_second([](auto& r) { r.mutable_tunnel()->set_etag("another"); }).reason ==
        "simplon/ETAG_MISMATCH");
  CHECK(refuse_second([](auto& r) { r.mutable_tunnel()->set_id(99); }).reason ==
        "simplon/TUNNEL_NOT_FOUND");
  REQUIRE(Api::call([&](auto* c) {
            return api.tunnels->BatchUpdateTunnels(c, update, &updated);
          }).revision == "3");
  CHECK(updated.tunnels(1).mtu() == 1300);

  v1::BatchDeleteTunnelsRequest erase;
  for (uint32_t id = 100; id < 110; ++id) {
    erase.add_requests()->set_name("T" + std::to_string(id));
  }
  google::protobuf::Empty empty;
  v1::Tunnel one_more;
  REQUIRE(Api::call([&](auto* c) {
            return api.tunnels->BatchDeleteTunnels(c, erase, &empty);
          }).revision == "4");
  CHECK(api.pop_status().tunnels() == 3);
  // Twice the same: the second is not there any more.
  REQUIRE(api.create(new_tunnel(100), &one_more).ok());
  erase.clear_requests();
  for (int i = 0; i < 2; ++i) erase.add_requests()->set_name("T100");
  const Answer twice =
      Api::call([&](auto* c) { return api.tunnels->BatchDeleteTunnels(c, erase, &empty); });
  CHECK(twice.code() == grpc::StatusCode::NOT_FOUND);
  CHECK_THAT(twice.status.error_message(), ContainsSubstring("requests[1]"));
  CHECK(api.get("T100").id() == 100);
  CHECK(Api::call([&](auto* c) { return api.tunnels->BatchDeleteTunnels(c, {}, &empty); }).code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE(
    "a batch meets what it has itself made, and another batch in flight, as it would one by one") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::BatchCreateTunnelsResponse reply;
  const auto run = [&](const std::vector<v1::Tunnel>& tunnels, bool validate_only = false) {
    v1::BatchCreateTunnelsRequest batch;
    for (const v1::Tunnel& t : tunnels) *batch.add_requests()->mutable_tunnel() = t;
    batch.set_validate_only(validate_only);
    reply.Clear();
    return Api::call([&](auto* c) { return api.tunnels->BatchCreateTunnels(c, batch, &reply); });
  };
  const Answer twice = run({new_tunnel(100), new_tunnel(101), new_tunnel(100)});
  CHECK(twice.code() == grpc::StatusCode::ALREADY_EXISTS);
  CHECK_THAT(twice.status.error_message(), ContainsSubstring("requests[2]"));
  v1::Tunnel slot = new_tunnel(102);
  slot.set_slot(500);
  v1::Tunnel same_slot = new_tunnel(103);
  same_slot.set_slot(500);
  CHECK(run({slot, same_slot}).has_field("requests[1].tunnel.slot"));
  CHECK(run({new_tunnel(0xffffffff), new_tunnel(0)}).has_field("requests[1].tunnel.id"));
  CHECK(api.pop_status().tunnels() == 3);

  // What would be made is what is made.
  const std::vector<v1::Tunnel> some = {new_tunnel(0), new_tunnel(30000), new_tunnel(0)};
  REQUIRE(run(some, true).ok());
  const std::string checked = reply.SerializeAsString();
  CHECK(api.pop_status().tunnels() == 3);
  REQUIRE(run(some).ok());
  CHECK(reply.SerializeAsString() == checked);
  CHECK(reply.tunnels(2).id() == 30001);

  // Each of these batches has T1000: one is made, whole.
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      v1::BatchCreateTunnelsRequest batch;
      for (uint32_t n = 0; n < 50; ++n) {
        const uint32_t id = n == 25 ? 1000 : 2000 + 100 * i + n;
        *batch.add_requests()->mutable_tunnel() = new_tunnel(id);
      }
      v1::BatchCreateTunnelsResponse ignored;
      made += Api::call([&](auto* c) {
                return api.tunnels->BatchCreateTunnels(c, batch, &ignored);
              }).ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 1);
  CHECK(api.pop_status().tunnels() == 3 + 3 + 50);
}

// ---- PoolService and PopService.

TEST_CASE("a PoP is built up call by call from nothing") {
  const TemporaryDirectory directory;
  Api api(directory);
  const v1::Config sample = sample_config();
  v1::UpdatePopRequest set_pop;
  *set_pop.mutable_pop() = sample.pop();
  v1::Pop pop;
  REQUIRE(Api::call([&](auto* c) { return api.pop->UpdatePop(c, set_pop, &pop); }).ok());
  for (const v1::Pool& pool : sample.pools()) {
    v1::CreatePoolRequest request;
    *request.mutable_pool() = pool;
    v1::Pool reply;
    REQUIRE(Api::call([&](auto* c) { return api.pools->CreatePool(c, request, &reply); }).ok());
    CHECK(Api::call([&](auto* c) { return api.pools->CreatePool(c, request, &reply); }).code() ==
          grpc::StatusCode::ALREADY_EXISTS);
  }
  v1::Tunnel reply;
  REQUIRE(api.create(sample.tunnels(2), &reply).ok());

  v1::GetPoolRequest get;
  get.set_name("pools/subnets");
  v1::PoolInfo info;
  REQUIRE(Api::call([&](auto* c) { return api.pools->GetPool(c, get, &info); }).ok());
  CHECK(info.units() == 65536);
  CHECK(info.units_used() == 257);
  v1::ListPoolsRequest list;
  list.set_page_size(2);
  v1::ListPoolsResponse pools;
  REQUIRE(Api::call([&](auto* c) { return api.pools->ListPools(c, list, &pools); }).ok());
  CHECK(pools.pools_size() == 2);
  list.set_page_token(pools.next_page_token());
  v1::ListPoolsResponse rest;
  REQUIRE(Api::call([&](auto* c) { return api.pools->ListPools(c, list, &rest); }).ok());
  REQUIRE(rest.pools_size() == 1);
  CHECK(rest.pools(0).pool().name() == "subnets");

  v1::DeletePoolRequest erase;
  erase.set_name("subnets");
  google::protobuf::Empty empty;
  const Answer in_use = Api::call([&](auto* c) { return api.pools->DeletePool(c, erase, &empty); });
  CHECK(in_use.code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(in_use.reason == "simplon/IN_USE");
  erase.set_name("routed");
  CHECK(Api::call([&](auto* c) { return api.pools->DeletePool(c, erase, &empty); }).ok());
  CHECK(Api::call([&](auto* c) { return api.pools->DeletePool(c, erase, &empty); }).code() ==
        grpc::StatusCode::NOT_FOUND);

  v1::UpdatePoolRequest update;
  update.mutable_pool()->set_name("link");
  update.mutable_pool()->set_prefix("2001:db8:1000::/49");
  v1::Pool changed;
  const Answer overlap =
      Api::call([&](auto* c) { return api.pools->UpdatePool(c, update, &changed); });
  CHECK(overlap.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(overlap.has_field("pool.prefix"));
  update.mutable_pool()->set_prefix("2001:db8:20::/49");
  REQUIRE(Api::call([&](auto* c) { return api.pools->UpdatePool(c, update, &changed); }).ok());
  CHECK(api.get("T18572").link_prefix() == "2001:db8:20:2ae::/64");
}

TEST_CASE("the PoP's settings are changed by mask and guarded by etag") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Pop pop;
  REQUIRE(Api::call([&](auto* c) { return api.pop->GetPop(c, {}, &pop); }).ok());
  v1::UpdatePopRequest request;
  request.mutable_pop()->set_etag(pop.etag());
  request.mutable_pop()->set_name("renamed");
  request.mutable_update_mask()->add_paths("name");
  v1::Pop changed;
  const auto update = [&] {
    return Api::call([&](auto* c) { return api.pop->UpdatePop(c, request, &changed); });
  };
  REQUIRE(update().ok());
  CHECK(changed.name() == "renamed");
  CHECK(changed.interfaces_size() == 1);
  CHECK(update().code() == grpc::StatusCode::ABORTED);
  // T18572 ends on the second address.
  request.mutable_pop()->clear_etag();
  request.mutable_update_mask()->set_paths(0, "ipv4_addresses");
  CHECK(update().code() == grpc::StatusCode::FAILED_PRECONDITION);
  request.mutable_update_mask()->set_paths(0, "interfaces");
  const Answer refused = update();
  CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(refused.has_field("pop.interfaces"));
}

// ---- ConfigService.

TEST_CASE("the configuration read is the configuration applied") {
  const TemporaryDirectory directory;
  Api api(directory);
  v1::ApplyConfigResponse applied;
  REQUIRE(api.apply(sample_config(), &applied).ok());
  CHECK(applied.revision() == 1);
  CHECK_FALSE(applied.unchanged());
  CHECK(applied.diff().created() == 7);
  CHECK(applied.publish().state() == v1::PublishStatus::DISCONNECTED);

  v1::GetConfigResponse read;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetConfig(c, {}, &read); }).ok());
  CHECK(read.revision() == 1);
  CHECK(read.config().SerializeAsString() == sample_config().SerializeAsString());
  REQUIRE(api.apply(read.config(), &applied).ok());
  CHECK(applied.unchanged());
  CHECK(applied.revision() == 1);

  v1::Config bad = sample_config();
  bad.mutable_tunnels(1)->set_mtu(9000);
  const Answer refused = api.apply(bad);
  CHECK(refused.code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(refused.has_field("config.tunnels[1].mtu"));
}

TEST_CASE("differences, base revisions, history and rollback") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  v1::Config next = sample_config();
  next.mutable_tunnels(0)->set_mtu(1300);
  *next.add_tunnels() = new_tunnel(50);

  v1::DiffConfigRequest diff;
  *diff.mutable_config() = next;
  v1::DiffConfigResponse differences;
  REQUIRE(Api::call([&](auto* c) { return api.config->DiffConfig(c, diff, &differences); }).ok());
  CHECK(differences.diff().created() == 1);
  CHECK(differences.diff().updated() == 1);
  REQUIRE(differences.diff().changes_size() == 2);
  CHECK(differences.diff().changes(0).paths(0) == "mtu");
  CHECK(api.pop_status().revision() == 1);

  v1::ApplyConfigRequest apply;
  *apply.mutable_config() = next;
  apply.set_base_revision(7);
  v1::ApplyConfigResponse applied;
  const auto run = [&] {
    return Api::call([&](auto* c) { return api.config->ApplyConfig(c, apply, &applied); });
  };
  CHECK(run().reason == "simplon/BASE_REVISION_MISMATCH");
  apply.set_base_revision(1);
  apply.set_comment("wider");
  REQUIRE(run().ok());

  v1::ListRevisionsRequest list;
  list.set_page_size(1);
  v1::ListRevisionsResponse revisions;
  REQUIRE(Api::call([&](auto* c) { return api.config->ListRevisions(c, list, &revisions); }).ok());
  REQUIRE(revisions.revisions_size() == 1);
  CHECK(revisions.revisions(0).comment() == "wider");
  list.set_page_token(revisions.next_page_token());
  REQUIRE(Api::call([&](auto* c) { return api.config->ListRevisions(c, list, &revisions); }).ok());
  CHECK(revisions.revisions(0).number() == 1);
  CHECK(revisions.next_page_token().empty());

  v1::GetRevisionRequest get;
  get.set_name("revisions/2");
  v1::GetRevisionResponse revision;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetRevision(c, get, &revision); }).ok());
  REQUIRE(revision.changes_size() == 2);
  CHECK(revision.changes(0).old().tunnel().mtu() == 0);
  CHECK(revision.changes(0).new_().tunnel().mtu() == 1300);

  v1::RollbackConfigRequest rollback;
  v1::ApplyConfigResponse back;
  rollback.set_validate_only(true);
  REQUIRE(Api::call([&](auto* c) { return api.config->RollbackConfig(c, rollback, &back); }).ok());
  CHECK(back.revision() == 2);
  rollback.set_validate_only(false);
  REQUIRE(Api::call([&](auto* c) { return api.config->RollbackConfig(c, rollback, &back); }).ok());
  CHECK(back.revision() == 3);
  CHECK(back.diff().deleted() == 1);
  v1::GetConfigRequest at;
  at.set_revision(2);
  v1::GetConfigResponse old;
  REQUIRE(Api::call([&](auto* c) { return api.config->GetConfig(c, at, &old); }).ok());
  CHECK(old.config().tunnels_size() == 4);
  at.set_revision(9);
  CHECK(Api::call([&](auto* c) { return api.config->GetConfig(c, at, &old); }).code() ==
        grpc::StatusCode::OUT_OF_RANGE);
}

TEST_CASE("commit-confirmed over the API") {
  const TemporaryDirectory directory;
  Api api(directory);
  v1::ApplyConfigResponse applied;
  REQUIRE(api.apply(sample_config(), &applied, 60).ok());
  CHECK(applied.has_confirm_deadline());
  CHECK(api.pop_status().unconfirmed_revision() == 1);
  v1::Tunnel reply;
  CHECK(api.create(new_tunnel(50), &reply).reason == "simplon/CONFIRMATION_PENDING");
  v1::Revision revision;
  REQUIRE(Api::call([&](auto* c) { return api.config->ConfirmConfig(c, {}, &revision); }).ok());
  CHECK(revision.state() == v1::Revision::COMMITTED);
  CHECK(api.create(new_tunnel(50), &reply).ok());
  CHECK(api.apply(sample_config(), &applied, 100000).code() == grpc::StatusCode::INVALID_ARGUMENT);
}

// ---- WatchService.

TEST_CASE("a watcher gets the state, what changes, and resumes where it left off") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(sample_config()).ok());
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_initial_state(true);
  request.mutable_heartbeat_interval()->set_nanos(100'000'000);
  auto stream = api.watch->Watch(&context, request);
  v1::WatchResponse event;
  int initial = 0;
  while (stream->Read(&event) && event.event_case() == v1::WatchResponse::kChange) ++initial;
  CHECK(initial == 7);
  REQUIRE(event.event_case() == v1::WatchResponse::kSync);
  const uint64_t synced = event.sequence();
  REQUIRE(stream->Read(&event));
  CHECK(event.event_case() == v1::WatchResponse::kHeartbeat);

  v1::Tunnel reply;
  REQUIRE(api.create(new_tunnel(50), &reply).ok());
  while (stream->Read(&event) && event.event_case() != v1::WatchResponse::kChange) continue;
  CHECK(event.change().name() == "tunnels/T50");
  CHECK(event.change().new_().tunnel().link_prefix() == "2001:db8:10:1::/64");
  while (stream->Read(&event) && event.event_case() != v1::WatchResponse::kRevisionEvent) continue;
  CHECK(event.revision_event().number() == 2);
  context.TryCancel();
  stream->Finish();

  grpc::ClientContext again;
  request.set_resume_after(synced);
  request.add_kinds(v1::WatchRequest::REVISION);
  stream = api.watch->Watch(&again, request);
  REQUIRE(stream->Read(&event));
  CHECK(event.revision_event().number() == 2);
  REQUIRE(stream->Read(&event));
  CHECK(event.event_case() == v1::WatchResponse::kSync);
  again.TryCancel();
  stream->Finish();

  grpc::ClientContext elsewhere;
  request.set_resume_after(5);
  stream = api.watch->Watch(&elsewhere, request);
  REQUIRE(stream->Read(&event));
  CHECK(event.event_case() == v1::WatchResponse::kGap);
  elsewhere.TryCancel();
  stream->Finish();
}

TEST_CASE("a heartbeat interval is what it says, within reason") {
  const TemporaryDirectory directory;
  Api api(directory);
  using Interval = google::protobuf::Duration;
  const auto watch = [&](int64_t seconds, int32_t nanos) {
    grpc::ClientContext context;
    v1::WatchRequest request;
    Interval& interval = *request.mutable_heartbeat_interval();
    interval.set_seconds(seconds);
    interval.set_nanos(nanos);
    auto stream = api.watch->Watch(&context, request);
    v1::WatchResponse event;
    const bool accepted = stream->Read(&event);
    if (accepted) context.TryCancel();
    const grpc::Status status = stream->Finish();
    CHECK((accepted || status.error_code() == grpc::StatusCode::INVALID_ARGUMENT));
    return accepted;
  };
  CHECK(watch(0, 0));  // as if it were left out
  CHECK(watch(0, 100'000'000));
  CHECK(watch(INT64_MAX, 0));
  CHECK(watch(INT64_MAX / 1000 + 1, 0));
  CHECK_FALSE(watch(0, 99'000'000));
  CHECK_FALSE(watch(-1, 0));
  CHECK_FALSE(watch(INT64_MIN / 1000, 0));
}

TEST_CASE("a control that stops ends its watchers' streams") {
  const TemporaryDirectory directory;
  Api api(directory);
  grpc::ClientContext context;
  auto stream = api.watch->Watch(&context, {});
  v1::WatchResponse event;
  REQUIRE(stream->Read(&event));
  std::thread stopper([&] { api.daemon().stop(); });
  while (stream->Read(&event)) continue;
  CHECK(stream->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

// ---- With a dataplane.

TEST_CASE("counters, drops, the law of conservation and the dataplane's state") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Api api(directory);
  api.wait_connected();
  const Answer applied = api.apply(sample_config());
  REQUIRE(applied.ok());
  CHECK(applied.publish_state == "ACTIVE");
  CHECK(dataplane.tunnel_in_slot(686) == 18572);

  dataplane.count(686, {10, 1000, 20, 2000});
  dataplane.count(0, {1, 100, 0, 0});
  WorkerCounters worker = dataplane.worker();
  worker.add(WorkerCounter::kRxPackets, 12);
  worker.add(WorkerCounter::kTxPackets, 10);
  worker.drop(DropReason::kOuterSourceMismatch, 2);

  v1::GetTunnelCountersRequest one;
  one.set_name("tunnels/T18572");
  v1::TunnelCounters counters;
  REQUIRE(
      Api::call([&](auto* c) { return api.counters->GetTunnelCounters(c, one, &counters); }).ok());
  CHECK(counters.in_packets() == 10);
  CHECK(counters.out_bytes() == 2000);

  v1::ListTunnelCountersRequest list;
  list.set_order_by("in_bytes desc");
  list.set_skip_idle(true);
  list.set_page_size(1);
  v1::ListTunnelCountersResponse page;
  REQUIRE(
      Api::call([&](auto* c) { return api.counters->ListTunnelCounters(c, list, &page); }).ok());
  REQUIRE(page.counters_size() == 1);
  CHECK(page.counters(0).id() == 18572);
  list.set_page_token(page.next_page_token());
  REQUIRE(
      Api::call([&](auto* c) { return api.counters->ListTunnelCounters(c, list, &page); }).ok());
  REQUIRE(page.counters_size() == 1);
  CHECK(page.counters(0).id() == 1);
  CHECK(page.next_page_token().empty());

  v1::ListDropsResponse drops;
  REQUIRE(Api::call([&](auto* c) { return api.counters->ListDrops(c, {}, &drops); }).ok());
  REQUIRE(drops.drops_size() == 1);
  CHECK(drops.drops(0).reason() == "outer-source-mismatch");
  CHECK_FALSE(drops.drops(0).help().empty());
  v1::ListDropsRequest all;
  all.set_include_zero(true);
  all.set_per_worker(true);
  REQUIRE(Api::call([&](auto* c) { return api.counters->ListDrops(c, all, &drops); }).ok());
  CHECK(std::size_t(drops.drops_size()) == kDropReasonCount);
  CHECK(drops.drops(0).per_worker_size() == 2);

  v1::PopCounters pop;
  REQUIRE(Api::call([&](auto* c) { return api.counters->GetPopCounters(c, {}, &pop); }).ok());
  CHECK(pop.in_packets() == 11);
  CHECK(pop.drops() == 2);
  CHECK(pop.counters(0).name() == "rx_packets");
  CHECK(pop.counters(0).value() == 12);

  v1::Conservation law;
  REQUIRE(Api::call([&](auto* c) { return api.counters->GetConservation(c, {}, &law); }).ok());
  CHECK(law.holds());
  CHECK(law.settled());
  worker.add(WorkerCounter::kRxPackets, 1);
  REQUIRE(Api::call([&](auto* c) { return api.counters->GetConservation(c, {}, &law); }).ok());
  CHECK_FALSE(law.holds());
  CHECK(law.difference() == 1);

  v1::ListWorkersResponse workers;
  REQUIRE(Api::call([&](auto* c) { return api.status_of->ListWorkers(c, {}, &workers); }).ok());
  REQUIRE(workers.workers_size() == 1);
  CHECK(workers.workers(0).busy() == 0.25);
  CHECK(workers.workers(0).cycles_per_packet() == 100);
  v1::ListPortsResponse ports;
  REQUIRE(Api::call([&](auto* c) { return api.status_of->ListPorts(c, {}, &ports); }).ok());
  CHECK(ports.ports(0).name() == "uplink");
  v1::ListNeighborsResponse neighbors;
  REQUIRE(Api::call([&](auto* c) { return api.status_of->ListNeighbors(c, {}, &neighbors); }).ok());
  CHECK(neighbors.neighbors(0).address() == "192.0.2.254");
  CHECK(neighbors.neighbors(0).state() == v1::Neighbor::REACHABLE);
  CHECK(neighbors.neighbors(0).port() == "uplink");
  v1::Snapshot snapshot;
  REQUIRE(Api::call([&](auto* c) { return api.status_of->GetSnapshot(c, {}, &snapshot); }).ok());
  CHECK(snapshot.active_revision() == 1);
  CHECK(snapshot.tunnels() == 3);
  CHECK(snapshot.mapped_snapshots() == 1);
  const v1::PopStatus status = api.pop_status();
  CHECK(status.in_packets() == 11);
  CHECK(status.ports_up() == 1);
  CHECK(status.publish().state() == v1::PublishStatus::ACTIVE);
}

TEST_CASE("without a dataplane its state is unavailable, and the API says why") {
  const TemporaryDirectory directory;
  Api api(directory);
  v1::ListPortsResponse ports;
  const Answer answer = Api::call([&](auto* c) { return api.status_of->ListPorts(c, {}, &ports); });
  CHECK(answer.code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(answer.reason == "simplon/DATAPLANE_UNAVAILABLE");
  v1::ListDropsResponse drops;
  CHECK(Api::call([&](auto* c) { return api.counters->ListDrops(c, {}, &drops); }).code() ==
        grpc::StatusCode::UNAVAILABLE);
  v1::Snapshot snapshot;
  CHECK(Api::call([&](auto* c) { return api.status_of->GetSnapshot(c, {}, &snapshot); }).ok());
}

// ---- Health, reflection, start.

// A ServingStatus, or the negative status code.
int health(Api& api, const std::string& service) {
  const auto stub = grpc::health::v1::Health::NewStub(api.channel);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  return status.ok() ? int(response.status()) : -int(status.error_code());
}

TEST_CASE("health follows the dataplane, for each service by name") {
  constexpr int kServing = grpc::health::v1::HealthCheckResponse::SERVING;
  constexpr int kNotServing = grpc::health::v1::HealthCheckResponse::NOT_SERVING;
  const TemporaryDirectory directory;
  Api api(directory);
  CHECK(health(api, "") == kNotServing);
  {
    const PortlessDataplane dataplane(directory.path());
    api.wait_connected();
    REQUIRE(api.apply(sample_config()).ok());
    for (const char* name : {"", "simplon.v1.TunnelService", "simplon.v1.ConfigService"}) {
      CHECK(health(api, name) == kServing);
    }
    CHECK(health(api, "simplon.v1.Nothing") == -int(grpc::StatusCode::NOT_FOUND));
  }
  for (int i = 0; i < 500 && health(api, "") == kServing; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(health(api, "simplon.v1.WatchService") == kNotServing);
}

TEST_CASE("what is in the way of a socket is named, a dead socket is replaced") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("admin.sock");
  const auto start = [&](const std::string& listen, const std::string& state) {
    Daemon daemon;
    Options options;
    options.state_directory = directory.file(state);
    options.dataplane_socket = "/nonexistent";
    options.listen = {listen};
    return std::string(daemon.start(options).message());
  };
  {
    const Api api(directory);
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0660);
    CHECK_THAT(start("unix:" + path, "other"), ContainsSubstring("another process listens there"));
  }
  CHECK(access(path.c_str(), F_OK) != 0);
  CHECK_THAT(start("unix:/nonexistent/admin.sock", "other"), ContainsSubstring("/nonexistent"));
  CHECK_THAT(start("unix:/" + std::string(200, 'x'), "other"), ContainsSubstring("107 bytes"));
  std::ofstream(path) << "precious";
  CHECK_THAT(start("unix:" + path, "other"), ContainsSubstring("not a socket"));
  CHECK_THAT(start("127.0.0.1:notaport", "other"), ContainsSubstring("127.0.0.1:notaport"));
}

}  // namespace
}  // namespace simplon::control
