// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The parts of control that answer questions about a configuration: model, differences, masks,
// filters, pages, events.

#include <google/protobuf/util/field_mask_util.h>

#include <array>

#include "control/error/error.h"
#include "control/events/event_log.h"
#include "control/model/diff.h"
#include "control/model/filter.h"
#include "control/model/merge.h"
#include "control/model/model.h"
#include "control/model/paging.h"
#include "control/model/render.h"
#include "control/text/absl_text.h"
#include "tests/support/catch.h"
#include "tests/support/sample_config.h"

namespace simplon::control {
namespace {

using testing::ContainsSubstring;
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

TEST_CASE("closing the log wakes its readers") {
  EventLog log;
  log.close();
  CHECK(log.read(log.last_sequence(), 1, std::chrono::seconds(10)).closed);
}

}  // namespace
}  // namespace simplon::control
