// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The parts of control that answer questions about a configuration: model, differences, masks,
// filters, pages, events.

#include <google/protobuf/util/field_mask_util.h>

#include <array>
#include <set>

#include "control/config/secret.h"
#include "control/config/validate.h"
#include "control/error/error.h"
#include "control/events/event_log.h"
#include "control/model/diff.h"
#include "control/model/filter.h"
#include "control/model/merge.h"
#include "control/model/model.h"
#include "control/model/paging.h"
#include "control/model/remote_index.h"
#include "control/model/render.h"
#include "control/text/absl_text.h"
#include "dataplane/table/snapshot_view.h"
#include "tests/support/catch.h"
#include "tests/support/random_config.h"
#include "tests/support/sample_config.h"

namespace simplon::control {
namespace {

using testing::ContainsSubstring;
using testing::every_type_config;
using testing::sample_config;

v1::Tunnel tunnel(uint32_t id, uint32_t slot, const std::string& remote) {
  v1::Tunnel t;
  t.set_id(id);
  t.set_slot(slot);
  t.set_type(v1::Tunnel::PROTO41);
  t.set_admin_state(v1::Tunnel::ENABLED);
  t.set_remote(remote);
  return t;
}

Model sample_model() {
  Model model;
  model.load(sample_config());
  return model;
}

uint64_t hi(const char* address) {
  return Ipv6Address::parse(address)->hi();
}

std::vector<uint32_t> ids(const std::vector<const v1::Tunnel*>& tunnels) {
  std::vector<uint32_t> out;
  for (const v1::Tunnel* t : tunnels) out.push_back(t->id());
  return out;
}

constexpr const v1::Tunnel* kNoTunnel = nullptr;

// ---- Model.

TEST_CASE("a tunnel is found by id, slot, any of its prefixes and its remote address") {
  const Model model = sample_model();
  CHECK(model.find(18572)->slot() == 686);
  CHECK(model.find(2) == nullptr);
  CHECK(model.at_slot(686)->id() == 18572);
  CHECK(model.at_slot(687) == nullptr);
  CHECK(model.owner(hi("2001:db8:10:2ae::2")).tunnel->id() == 18572);
  CHECK(model.owner(hi("2001:db8:10:2ae::2")).kind == v1::Pool::LINK);
  CHECK(model.owner(hi("2001:db8:10:82ae::99")).kind == v1::Pool::ROUTED);
  CHECK(model.owner(hi("2001:db8:1001:ffff::1")).tunnel->id() == 18572);
  CHECK(model.owner(hi("2001:db8:1002:3ff::1")).kind == v1::Pool::DELEGATED);
  CHECK(model.owner(hi("2001:db8:1002:400::1")).tunnel == nullptr);
  CHECK(model.owner(hi("2001:db8:ffff::1")).tunnel == nullptr);
  CHECK(ids(model.with_remote(*parse_outer_address("203.0.113.1"), 10)) ==
        std::vector<uint32_t>{1, 7});
  CHECK(model.with_remote(*parse_outer_address("203.0.113.1"), 1).size() == 1);
}

TEST_CASE("a prefix finds every tunnel with addresses inside, each once") {
  const Model model = sample_model();
  const auto owners = model.owners(*hi_range(*Ipv6Prefix::parse("2001:db8:1000::/40")), 10);
  REQUIRE(owners.size() == 1);
  CHECK(owners[0].tunnel->id() == 18572);
  CHECK(model.owners(*hi_range(*Ipv6Prefix::parse("2001:db8:10::/48")), 10).size() == 3);
  CHECK(model.owners(*hi_range(*Ipv6Prefix::parse("2001:db8:10::/48")), 2).size() == 2);
  CHECK(model.owners(*hi_range(*Ipv6Prefix::parse("2001:db8:1001:5500::/56")), 10).size() == 1);
}

TEST_CASE("deleting a tunnel leaves the others findable") {
  Model model = sample_model();
  const v1::Tunnel first = *model.find(1);
  model.apply(std::vector{make_change(&first, nullptr)});
  CHECK(model.find(1) == nullptr);
  CHECK(model.at_slot(0) == nullptr);
  for (const uint32_t id : {7u, 18572u}) {
    REQUIRE(model.find(id) != nullptr);
    CHECK(model.at_slot(model.find(id)->slot())->id() == id);
  }
  CHECK(ids(model.with_remote(*parse_outer_address("203.0.113.1"), 10)) ==
        std::vector<uint32_t>{7});
  CHECK(model.tunnel_count() == 2);
  CHECK(model.lowest_free_slot() == 0);
}

TEST_CASE("two tunnels can swap a prefix in one step, and the step can be undone") {
  Model model = sample_model();
  const v1::Tunnel old_a = *model.find(1);
  const v1::Tunnel old_b = *model.find(18572);
  v1::Tunnel a = old_a;
  v1::Tunnel b = old_b;
  a.add_delegated_prefixes("2001:db8:1001::/48");
  b.mutable_delegated_prefixes()->DeleteSubrange(0, 1);
  const std::vector<v1::Change> step = {make_change(&old_a, &a), make_change(&old_b, &b)};
  model.apply(step);
  CHECK(model.owner(hi("2001:db8:1001::1")).tunnel->id() == 1);
  CHECK(model.owner(hi("2001:db8:1002:300::1")).tunnel->id() == 18572);
  model.revert(step);
  CHECK(model.owner(hi("2001:db8:1001::1")).tunnel->id() == 18572);
  CHECK(model.find(1)->SerializeAsString() == old_a.SerializeAsString());
}

TEST_CASE("tunnels created one by one are found like those loaded, and leave nothing behind") {
  testing::Random random(21);
  for (int round = 0; round < 40; ++round) {
    const v1::Config config = testing::random_config(random, 40);
    v1::Config settings = config;
    settings.clear_tunnels();
    Model loaded;
    loaded.load(config);
    Model created;
    created.load(settings);
    std::vector<v1::Change> changes;
    for (const v1::Tunnel& t : config.tunnels()) {
      Violations violations;
      const auto compiled = compile_tunnel(t, created.context(), violations);
      REQUIRE(compiled);
      CHECK_FALSE(created.has(t.id()));
      created.create(std::make_unique<v1::Tunnel>(t), *compiled);
      changes.push_back(make_change(nullptr, &t));
      CHECK(created.has(t.id()));
    }
    const HiRange everything{0, ~uint64_t{0}};
    const auto owned = [&](const Model& model) {
      std::set<uint32_t> owners;
      for (const auto& owner : model.owners(everything, 1000)) owners.insert(owner.tunnel->id());
      return owners;
    };
    CHECK(owned(created) == owned(loaded));
    for (const v1::Tunnel& t : config.tunnels()) {
      REQUIRE(created.find(t.id()) != nullptr);
      CHECK(created.find(t.id())->SerializeAsString() == t.SerializeAsString());
      CHECK(created.at_slot(t.slot()) == created.find(t.id()));
      if (const auto remote = parse_outer_address(t.remote())) {
        CHECK(ids(created.with_remote(*remote, 100)) == ids(loaded.with_remote(*remote, 100)));
      }
      for (const std::string& text : t.delegated_prefixes()) {
        const auto range = *hi_range(*Ipv6Prefix::parse(text));
        CHECK(created.owner(range.first).tunnel == created.find(t.id()));
        CHECK(created.owner(range.last).tunnel == created.find(t.id()));
      }
      for (const std::string& text : t.ipv4_prefixes()) {
        const auto range = hi_range(*Ipv4Prefix::parse(text));
        CHECK(created.owner(range.first).tunnel == created.find(t.id()));
        CHECK(created.owner(range.last).tunnel == created.find(t.id()));
      }
    }
    CHECK(created.disabled_count() == loaded.disabled_count());
    for (std::size_t i = changes.size(); i-- > 0;) created.revert(std::span(changes).subspan(i, 1));
    CHECK(created.tunnel_count() == 0);
    CHECK(owned(created).empty());
    for (const v1::Tunnel& t : config.tunnels()) {
      const auto remote = parse_outer_address(t.remote());
      if (remote) CHECK(created.with_remote(*remote, 100).empty());
    }
  }
}

TEST_CASE("the tunnels of an address are found whatever came and went in between") {
  testing::Random random(22);
  RemoteIndex index;
  std::set<std::pair<Ipv6Address, uint32_t>> naive;
  for (int i = 0; i < 20'000; ++i) {
    const auto address = Ipv6Address::from_halves(0, testing::pick(random, 1, 40));
    const auto id = uint32_t(testing::pick(random, 1, 8));
    if (naive.insert({address, id}).second) {
      index.add(address, id);
    } else {
      naive.erase({address, id});
      index.remove(address, id);
    }
    const std::size_t limit = testing::pick(random, 0, 9);
    std::vector<uint32_t> expected;
    for (const auto& [a, one] : naive) {
      if (a == address && expected.size() < limit) expected.push_back(one);
    }
    REQUIRE(index.find(address, limit) == expected);
  }
}

TEST_CASE("a tunnel serialised for a client is the one made for a client") {
  testing::Random random(23);
  for (int round = 0; round < 40; ++round) {
    Model model;
    model.load(testing::random_config(random, 40));
    for (const v1::Tunnel& t : model.config().tunnels()) {
      std::string bytes;
      render_to(model.plan(), t, bytes);
      v1::Tunnel parsed;
      REQUIRE(parsed.ParseFromString(bytes));
      REQUIRE(parsed.SerializeAsString() == render(model, t).SerializeAsString());
    }
  }
}

TEST_CASE("the model counts used units and disabled tunnels") {
  const Model model = sample_model();
  CHECK(model.units_used(*model.plan().named("link")) == 3);
  CHECK(model.units_used(*model.plan().named("subnets")) == 256 + 1);
  CHECK(model.disabled_count() == 1);
}

TEST_CASE("what a client sees has names, prefixes and an etag that changes with the contents") {
  const Model model = sample_model();
  const v1::Tunnel shown = render(model, *model.find(18572));
  CHECK(shown.name() == "tunnels/T18572");
  CHECK(shown.link_prefix() == "2001:db8:10:2ae::/64");
  CHECK(shown.routed_prefix() == "2001:db8:10:82ae::/64");
  v1::Tunnel other = *model.find(18572);
  CHECK(etag(other) == shown.etag());
  other.set_mtu(1280);
  CHECK(etag(other) != shown.etag());
  v1::Tunnel stripped = shown;
  strip_output(stripped);
  CHECK(stripped.SerializeAsString() == model.find(18572)->SerializeAsString());
}

TEST_CASE("a tunnel's name is understood with and without collection and T") {
  CHECK(parse_tunnel_name("tunnels/T123") == 123u);
  CHECK(parse_tunnel_name("T123") == 123u);
  CHECK(parse_tunnel_name("123") == 123u);
  for (const char* bad :
       {"", "T", "T0", "0", "tunnels/", "T1x", "T-1", "4294967296", "192.0.2.1"}) {
    CHECK_FALSE(parse_tunnel_name(bad).has_value());
  }
}

// ---- Dynamic tunnels and IPv4.

constexpr const char* kPassword = "0123456789abcdef";
constexpr const char* kOtherPassword = "fedcba9876543210";

v1::Tunnel heartbeat(uint32_t id, uint32_t slot) {
  v1::Tunnel t = tunnel(id, slot, "");
  t.set_type(v1::Tunnel::HEARTBEAT);
  t.set_password(kPassword);
  return t;
}

Model every_type_model() {
  Model model;
  model.load(every_type_config());
  return model;
}

uint64_t key(const char* address) {
  return ipv4_pool_key(Ipv4Address::parse(address)->value());
}

TEST_CASE("an IPv4 address and an IPv4 prefix find their tunnels") {
  const Model model = every_type_model();
  CHECK(model.owner(key("198.51.100.9")).tunnel->id() == 103);
  CHECK(model.owner(key("198.51.100.9")).kind == v1::Pool::DELEGATED);
  CHECK(model.owner(key("198.51.100.7")).tunnel == kNoTunnel);
  CHECK(model.owner(key("198.18.0.9")).tunnel->id() == 103);
  CHECK(model.owner(key("198.18.0.9")).kind == v1::Pool::ROUTED);
  // Slot 1 is a 6in4 tunnel's, which carries no IPv4.
  CHECK(model.owner(key("198.18.0.1")).tunnel == kNoTunnel);
  CHECK(model.owners(hi_range(*Ipv4Prefix::parse("198.51.100.0/24")), 10).size() == 4);
  CHECK(model.owners(hi_range(*Ipv4Prefix::parse("198.51.100.12/32")), 10).size() == 1);
  CHECK(model.units_used(*model.plan().named("subnets4")) == 5);
  CHECK(model.units_used(*model.plan().named("routed4")) == 6);
}

TEST_CASE("deleting a tunnel frees its IPv4 prefixes") {
  Model model = every_type_model();
  const v1::Tunnel gone = *model.find(103);
  model.apply(std::vector{make_change(&gone, nullptr)});
  CHECK(model.owner(key("198.51.100.9")).tunnel == kNoTunnel);
  CHECK(model.units_used(*model.plan().named("subnets4")) == 4);
}

TEST_CASE("a routed IPv4 prefix is shown for tunnels that carry IPv4") {
  const Model model = every_type_model();
  CHECK(render(model, *model.find(103)).routed_ipv4_prefix() == "198.18.0.8/30");
  CHECK(render(model, *model.find(103)).routed_prefix() == "2001:db8:10:8003::/64");
  CHECK(render(model, *model.find(101)).routed_ipv4_prefix().empty());
  CHECK(render(model, *model.find(102)).routed_ipv4_prefix().empty());
}

TEST_CASE("nothing that leaves the model has a password in it") {
  const Model model = every_type_model();
  CHECK(model.find(102)->password() == "heartbeat-password");
  const v1::Tunnel shown = render(model, *model.find(102));
  CHECK(shown.password().empty());
  CHECK(shown.previous_password().empty());
  CHECK(shown.has_password());
  CHECK(shown.has_previous_password());
  CHECK_FALSE(render(model, *model.find(108)).has_previous_password());
  CHECK_FALSE(render(model, *model.find(101)).has_password());

  v1::Tunnel next = *model.find(102);
  next.set_password("quite-another-password");
  const v1::Change change = make_change(model.find(102), &next);
  const v1::Change outward = render(model, change);
  REQUIRE(outward.paths_size() == 1);
  CHECK(outward.paths(0) == "password");
  const v1::ConfigDiff summary = summarize(model, {change}, 10);
  v1::Config config = model.config();
  hide_secrets(config);
  for (const std::string& text :
       {shown.DebugString(), outward.DebugString(), summary.DebugString(), config.DebugString()}) {
    for (const char* secret : {"heartbeat-password", "quite-another", "ayiya-password"}) {
      CHECK_THAT(text, !ContainsSubstring(secret));
    }
  }
}

TEST_CASE("an etag changes with the password and says nothing about it") {
  v1::Tunnel a = heartbeat(1, 1);
  v1::Tunnel b = a;
  CHECK(etag(a) == etag(b));
  b.set_password(kOtherPassword);
  CHECK(etag(a) != etag(b));
  b = a;
  b.set_previous_password(kOtherPassword);
  CHECK(etag(a) != etag(b));
  v1::Tunnel hidden = a;
  hide_secrets(hidden);
  CHECK(etag(a) != etag(hidden));
}

TEST_CASE("a filter cannot ask for a password") {
  for (const char* text : {"password:\"a\"", "previous_password=\"a\"", "NOT password:\"a\""}) {
    const auto filter = Filter::parse(text, v1::Tunnel::descriptor());
    REQUIRE_FALSE(filter.ok());
    CHECK_THAT(std::string(filter.status().message()), ContainsSubstring("cannot be asked for"));
  }
  CHECK(Filter::parse("has_password=true", v1::Tunnel::descriptor()).ok());
}

TEST_CASE("an update without a password keeps it, whatever the mask") {
  const v1::Tunnel old = [] {
    v1::Tunnel t = heartbeat(1, 2);
    t.set_previous_password(kOtherPassword);
    return t;
  }();
  v1::Tunnel patch = tunnel(9, 2, "");
  patch.set_type(v1::Tunnel::HEARTBEAT);
  patch.set_mtu(1300);
  patch.set_has_password(true);
  for (const char* path : {"", "*", "mtu"}) {
    v1::Tunnel next = old;
    google::protobuf::FieldMask mask;
    if (*path != '\0') mask.add_paths(path);
    REQUIRE(merge_tunnel(patch, &mask, next).ok());
    CHECK(next.id() == 1);
    CHECK(next.mtu() == 1300);
    CHECK(next.password() == kPassword);
    CHECK(next.previous_password() == kOtherPassword);
    CHECK_FALSE(next.has_password());
  }
}

TEST_CASE("an update that names the previous password ends the rotation") {
  v1::Tunnel next = heartbeat(1, 2);
  next.set_previous_password(kOtherPassword);
  google::protobuf::FieldMask mask;
  mask.add_paths("previous_password");
  REQUIRE(merge_tunnel({}, &mask, next).ok());
  CHECK(next.password() == kPassword);
  CHECK(next.previous_password().empty());
}

TEST_CASE("going back to the previous password ends the rotation too") {
  v1::Tunnel next = heartbeat(1, 2);
  next.set_previous_password(kOtherPassword);
  v1::Tunnel patch;
  patch.set_password(kOtherPassword);
  REQUIRE(merge_tunnel(patch, nullptr, next).ok());
  CHECK(next.password() == kOtherPassword);
  CHECK(next.previous_password().empty());
}

TEST_CASE("a tunnel that becomes static loses its password") {
  v1::Tunnel next = heartbeat(1, 2);
  next.set_previous_password(kOtherPassword);
  v1::Tunnel patch;
  patch.set_type(v1::Tunnel::PROTO41);
  patch.set_remote("203.0.113.1");
  REQUIRE(merge_tunnel(patch, nullptr, next).ok());
  CHECK(next.password().empty());
  CHECK(next.previous_password().empty());
  // One that is given is not lost but refused by the checks.
  patch.set_password(kPassword);
  REQUIRE(merge_tunnel(patch, nullptr, next).ok());
  CHECK(next.password() == kPassword);
}

TEST_CASE("a whole configuration as it was printed keeps the passwords") {
  const Model model = every_type_model();
  v1::Config next = model.config();
  hide_secrets(next);
  next.mutable_tunnels(2)->set_password("a-new-password-for-T103");
  next.mutable_tunnels(3)->set_type(v1::Tunnel::GRE);
  keep_secrets(model, next);
  CHECK(next.tunnels(1).password() == "heartbeat-password");
  CHECK(next.tunnels(1).previous_password() == "heartbeat-password-before");
  CHECK(next.tunnels(2).password() == "a-new-password-for-T103");
  CHECK(next.tunnels(2).previous_password().empty());  // a new password ends a rotation
  CHECK(next.tunnels(3).password().empty());
}

// ---- Incarnations.

uint8_t published_incarnation(const Model& model, uint32_t slot) {
  const auto sealed = model.builder().seal({.generation = 1});
  REQUIRE(sealed.ok());
  const auto opened = SnapshotView::open(sealed->fd.get());
  REQUIRE(opened);
  return opened.view->slot(slot).incarnation;
}

TEST_CASE("a slot that passes to another tunnel gets another incarnation, durably") {
  Model model = sample_model();
  CHECK(model.incarnation(0) == 0);
  const v1::Tunnel first = *model.find(1);
  const v1::Tunnel second = tunnel(2, 0, "203.0.113.1");
  CHECK(model.apply(std::vector{make_change(&first, nullptr)}) ==
        std::vector{SlotIncarnation{0, 1}});
  CHECK(model.apply(std::vector{make_change(nullptr, &second)}).empty());
  CHECK(published_incarnation(model, 0) == 1);

  // Control starts anew.
  Model again;
  again.load(model.config(), {model.incarnations().begin(), model.incarnations().end()});
  CHECK(published_incarnation(again, 0) == 1);
  CHECK(again.incarnation(686) == 0);
  // The next one in one step with the last one's end.
  const v1::Tunnel third = tunnel(3, 0, "203.0.113.1");
  CHECK(again.apply(std::vector{make_change(&second, nullptr), make_change(nullptr, &third)}) ==
        std::vector{SlotIncarnation{0, 2}});
  CHECK(published_incarnation(again, 0) == 2);
}

TEST_CASE("a change that keeps the tunnel keeps its incarnation") {
  Model model;
  model.load(sample_config(), {5});
  v1::Tunnel next = *model.find(1);
  next.set_mtu(1300);
  next.set_remote("203.0.113.99");
  CHECK(model.apply(std::vector{make_change(model.find(1), &next)}).empty());
  CHECK(published_incarnation(model, 0) == 5);
  // Changed settings of the PoP compile everything anew.
  v1::Pop pop = model.config().pop();
  pop.set_icmpv6_source_policy(true);
  CHECK(model.apply(std::vector{make_change(&model.config().pop(), &pop)}).empty());
  CHECK(published_incarnation(model, 0) == 5);
}

TEST_CASE("a change of type forgets an endpoint that means nothing any more") {
  using Type = v1::Tunnel::Type;
  struct Case {
    Type from, to;
    bool advances;
  };
  for (const Case& c : {Case{v1::Tunnel::HEARTBEAT, v1::Tunnel::DYNAMIC_ENDPOINT, false},
                        Case{v1::Tunnel::AYIYA, v1::Tunnel::DYNAMIC_ENDPOINT, false},
                        Case{v1::Tunnel::DYNAMIC_ENDPOINT, v1::Tunnel::AYIYA, true},
                        Case{v1::Tunnel::HEARTBEAT, v1::Tunnel::AYIYA, true},
                        Case{v1::Tunnel::HEARTBEAT, v1::Tunnel::GRE, true},
                        Case{v1::Tunnel::GRE, v1::Tunnel::HEARTBEAT, true}}) {
    v1::Config config = every_type_config();
    const auto make = [](Type type) {
      v1::Tunnel t = heartbeat(200, 20);
      t.set_type(type);
      if (type == v1::Tunnel::GRE) {
        t.clear_password();
        t.set_remote("203.0.113.200");
      }
      return t;
    };
    const v1::Tunnel from = make(c.from);
    const v1::Tunnel to = make(c.to);
    *config.add_tunnels() = from;
    Model model;
    model.load(config);
    CHECK(model.apply(std::vector{make_change(&from, &to)}).size() == (c.advances ? 1 : 0));
    CHECK(model.incarnation(20) == (c.advances ? 1 : 0));
  }
}

TEST_CASE("incarnations are undone with their step and wrap at 128") {
  Model model;
  model.load(sample_config(), {127});
  const v1::Tunnel first = *model.find(1);
  const std::vector<v1::Change> step = {make_change(&first, nullptr)};
  CHECK(model.apply(step) == std::vector{SlotIncarnation{0, 0}});
  model.revert(step);
  CHECK(model.incarnation(0) == 127);
  CHECK(published_incarnation(model, 0) == 127);
}

// ---- Differences.

TEST_CASE("a difference names what was created, updated and deleted, and the fields") {
  const v1::Config from = sample_config();
  v1::Config to = from;
  to.mutable_pop()->set_name("other");
  to.mutable_tunnels(0)->set_mtu(1300);  // T1
  to.mutable_tunnels()->DeleteSubrange(1, 1);
  *to.add_tunnels() = tunnel(99, 5, "203.0.113.9");
  const std::vector<v1::Change> changes = diff(from, to);
  REQUIRE(changes.size() == 4);
  CHECK(changes[0].name() == "pop");
  CHECK(changes[1].name() == "tunnels/T1");
  CHECK(changes[1].action() == v1::Change::UPDATED);
  REQUIRE(changes[1].paths_size() == 1);
  CHECK(changes[1].paths(0) == "mtu");
  CHECK(changes[2].name() == "tunnels/T7");
  CHECK(changes[2].action() == v1::Change::DELETED);
  CHECK(changes[3].action() == v1::Change::CREATED);
  CHECK(diff(from, from).empty());
}

// ---- Field masks.

TEST_CASE("an update takes what is set, what the mask names, or all") {
  constexpr std::array<std::string_view, 1> kIgnored = {"id"};
  v1::Tunnel patch;
  patch.set_id(9);
  patch.set_mtu(1300);
  const v1::Tunnel old = [] {
    v1::Tunnel t = tunnel(1, 2, "203.0.113.1");
    t.set_description("before");
    return t;
  }();

  v1::Tunnel next = old;
  REQUIRE(merge_fields(patch, nullptr, kIgnored, next).ok());
  CHECK(next.mtu() == 1300);
  CHECK(next.description() == "before");
  CHECK(next.id() == 1);

  next = old;
  google::protobuf::FieldMask mask;
  mask.add_paths("description");
  REQUIRE(merge_fields(patch, &mask, kIgnored, next).ok());
  CHECK(next.description().empty());
  CHECK(next.mtu() == 0);

  next = old;
  mask.set_paths(0, "*");
  REQUIRE(merge_fields(patch, &mask, kIgnored, next).ok());
  CHECK(next.remote().empty());
  CHECK(next.mtu() == 1300);

  mask.set_paths(0, "nonsense");
  const absl::Status status = merge_fields(patch, &mask, kIgnored, next);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(error_reason(status) == "UNKNOWN_FIELD");
}

// ---- Filters.

bool matches(const std::string& filter, const v1::Tunnel& t) {
  const auto parsed = Filter::parse(filter, v1::Tunnel::descriptor());
  INFO(filter << ": " << to_string(parsed.status().message()));
  REQUIRE(parsed.ok());
  return parsed->matches(t);
}

TEST_CASE("a filter compares numbers, text, enumerations and lists") {
  v1::Tunnel t = tunnel(18572, 0x2ae, "192.0.2.1");
  t.set_admin_state(v1::Tunnel::DISABLED);
  t.set_description("North office");
  t.add_delegated_prefixes("2001:db8:1001::/48");
  t.set_link_prefix("2001:db8:10:2ae::/64");

  CHECK(matches("", t));
  CHECK(matches("  ", t));
  CHECK(matches("admin_state=DISABLED AND remote=\"192.0.2.1\"", t));
  CHECK(matches("admin_state = disabled", t));
  CHECK_FALSE(matches("admin_state=ENABLED", t));
  CHECK(matches("id=T18572", t));
  CHECK(matches("id>=18572 AND id<18573", t));
  CHECK(matches("slot=0x2ae", t));
  CHECK(matches("mtu=0", t));
  CHECK(matches("description:office", t));
  CHECK(matches("description='North office'", t));
  CHECK_FALSE(matches("description=office", t));
  CHECK(matches("delegated_prefixes:\"2001:db8:1001::/48\"", t));
  CHECK(matches("delegated_prefixes:2001:db8:1001:7::9", t));
  CHECK_FALSE(matches("delegated_prefixes:2001:db8:1002::9", t));
  CHECK(matches("delegated_prefixes!=2001:DB8:1002::/48", t));
  CHECK(matches("link_prefix:2001:DB8:10:2AE::2", t));
  CHECK(matches("remote!=192.0.2.2", t));
}

TEST_CASE("in a filter OR binds closer than AND, and NOT closest") {
  const v1::Tunnel t = tunnel(5, 1, "192.0.2.1");
  CHECK(matches("id=5 OR id=6 AND slot=1", t));
  CHECK_FALSE(matches("id=5 OR id=6 AND slot=2", t));
  CHECK(matches("(id=6 AND slot=2) OR id=5", t));
  CHECK(matches("NOT id=6 AND -slot=9", t));
  CHECK_FALSE(matches("NOT (id=5 OR id=6)", t));
}

TEST_CASE("a filter that is wrong is refused with the column") {
  const std::pair<const char*, const char*> cases[] = {
      {"admin_state=FOO", "column 13: 'FOO' is none of ENABLED, DISABLED"},
      {"colour=red", "column 1: 'colour' is not a field of Tunnel"},
      {"id", "column 3"},
      {"id=", "column 4: a value was expected"},
      {"id=x", "is not a number"},
      {"id=1 id=2", "column 6: AND, OR or the end was expected"},
      {"(id=1", "')' is missing"},
      {"remote=\"192.0.2.1", "quote is not closed"},
      {"AND", "column 1"},
      {"id=1 AND", "column 9"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = Filter::parse(text, v1::Tunnel::descriptor());
    INFO(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(error_reason(parsed.status()) == "BAD_FILTER");
    CHECK_THAT(to_string(parsed.status().message()), ContainsSubstring(message));
  }
  CHECK_FALSE(Filter::parse(std::string(200, '('), v1::Tunnel::descriptor()).ok());
  CHECK_FALSE(Filter::parse(std::string(5000, ' ') + "id=1", v1::Tunnel::descriptor()).ok());
}

// ---- Pages.

TEST_CASE("a page token only works with the query it came from") {
  const std::string token = make_page_token(std::string("key\0with\xff", 9), "filter");
  CHECK(*parse_page_token(token, "filter") == std::string("key\0with\xff", 9));
  CHECK_FALSE(parse_page_token(token, "other").ok());
  CHECK_FALSE(parse_page_token("%%%", "filter").ok());
  CHECK_FALSE(parse_page_token("AAAA", "filter").ok());
  CHECK(parse_page_token("", "filter")->empty());
}

TEST_CASE("a page size is bounded, and negative ones are refused") {
  CHECK(*page_size(0, {100, 1000}) == 100);
  CHECK(*page_size(7, {100, 1000}) == 7);
  CHECK(*page_size(5000, {100, 1000}) == 1000);
  CHECK_FALSE(page_size(-1, {100, 1000}).ok());
}

TEST_CASE("an order is a field and a direction") {
  CHECK(parse_order("", "id")->field == "id");
  CHECK(parse_order("remote desc", "id")->descending);
  CHECK(parse_order(" remote  asc ", "id")->field == "remote");
  CHECK_FALSE(parse_order("remote up", "id").ok());
  CHECK_FALSE(parse_order("remote, mtu", "id").ok());
}

// ---- Events.

v1::WatchResponse numbered(uint64_t revision) {
  v1::WatchResponse event;
  event.set_revision(revision);
  return event;
}

TEST_CASE("a watcher reads events in order and from where it left off") {
  using std::chrono::milliseconds;
  EventLog log(4);
  const uint64_t start = log.last_sequence();
  log.append(numbered(1));
  log.append(numbered(2));
  auto batch = log.read(start, 1, milliseconds(0));
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0]->revision() == 1);
  CHECK(batch.missed == 0);
  batch = log.read(batch.events[0]->sequence(), 10, milliseconds(0));
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0]->revision() == 2);
  batch = log.read(log.last_sequence(), 10, milliseconds(1));
  CHECK(batch.events.empty());
}

TEST_CASE("a watcher that is too slow, or comes from elsewhere, is told what it missed") {
  using std::chrono::milliseconds;
  EventLog log(4);
  const uint64_t start = log.last_sequence();
  for (uint64_t i = 1; i <= 10; ++i) log.append(numbered(i));
  auto batch = log.read(start, 100, milliseconds(0));
  CHECK(batch.missed == 6);
  REQUIRE(batch.events.size() == 4);
  CHECK(batch.events[0]->revision() == 7);
  CHECK(batch.after + 1 == batch.events[0]->sequence());

  batch = log.read(5, 100, milliseconds(0));
  CHECK(batch.missed == ~uint64_t{0});
  CHECK(batch.events.size() == 4);

  log.skip(1000);
  batch = log.read(log.last_sequence() - 1000, 100, milliseconds(0));
  CHECK(batch.missed == 1000);
  CHECK(batch.events.empty());
  CHECK(batch.after == log.last_sequence());
}

TEST_CASE("events appended together are made once each, and only for who reads them") {
  using std::chrono::milliseconds;
  EventLog log(100);
  const uint64_t start = log.last_sequence();
  std::vector<int> made(10);
  log.append(numbered(100));
  log.append(made.size(), [&](std::size_t i) {
    ++made[i];
    return numbered(i);
  });
  log.append(numbered(200));
  CHECK(log.last_sequence() == start + 12);
  for (int reader = 0; reader < 2; ++reader) {
    const auto batch = log.read(start + 3, 5, milliseconds(0));
    REQUIRE(batch.events.size() == 5);
    CHECK(batch.events[0]->revision() == 2);
    CHECK(batch.events[0]->sequence() == start + 4);
    CHECK(batch.events[0]->has_time());
    CHECK(batch.events[4]->revision() == 6);
  }
  CHECK(made == std::vector<int>{0, 0, 1, 1, 1, 1, 1, 0, 0, 0});
  const auto rest = log.read(start + 10, 100, milliseconds(0));
  REQUIRE(rest.events.size() == 2);
  CHECK(rest.events[0]->revision() == 9);
  CHECK(rest.events[1]->revision() == 200);
}

TEST_CASE("the log keeps as many events as it has room for, however they came") {
  using std::chrono::milliseconds;
  EventLog log(8);
  const uint64_t start = log.last_sequence();
  auto token = std::make_shared<int>(0);
  const std::weak_ptr<int> kept = token;
  log.append(6, [token = std::move(token)](std::size_t i) { return numbered(i); });
  log.append(6, [](std::size_t i) { return numbered(10 + i); });
  auto batch = log.read(start, 100, milliseconds(0));
  CHECK(batch.missed == 4);
  REQUIRE(batch.events.size() == 8);
  CHECK(batch.events[0]->revision() == 4);
  CHECK(batch.events[2]->revision() == 10);
  CHECK_FALSE(kept.expired());
  log.append(2, [](std::size_t i) { return numbered(20 + i); });
  // What none of the events needs any more is given back, by whoever has the time for it.
  CHECK_FALSE(kept.expired());
  log.free_old();
  CHECK(kept.expired());
  batch = log.read(log.last_sequence() - 8, 100, milliseconds(0));
  CHECK(batch.missed == 0);
  CHECK(batch.events.size() == 8);
}

TEST_CASE("what nobody takes the time to free is freed in the end") {
  EventLog log(8);
  auto token = std::make_shared<int>(0);
  const std::weak_ptr<int> kept = token;
  log.append(8, [token = std::move(token)](std::size_t i) { return numbered(i); });
  for (int i = 0; i < 20; ++i) log.append(8, [](std::size_t at) { return numbered(at); });
  CHECK(kept.expired());
}

TEST_CASE("closing the log wakes its readers") {
  EventLog log;
  log.close();
  CHECK(log.read(log.last_sequence(), 1, std::chrono::seconds(10)).closed);
}

}  // namespace
}  // namespace simplon::control
