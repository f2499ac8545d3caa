// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What simplonctl prints: tables, JSON, YAML, and values as people read them.

#include <string>

#include "control/cli/change_text.h"
#include "control/cli/render_json.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "simplon/v1/status_service.pb.h"
#include "simplon/v1/tunnel_service.pb.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

v1::Tunnel sample_tunnel() {
  v1::Tunnel tunnel;
  tunnel.set_id(18572);
  tunnel.set_slot(686);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("192.0.2.1");
  tunnel.add_delegated_prefixes("2001:db8:3000::/48");
  tunnel.add_delegated_prefixes("2001:db8:3001::/48");
  tunnel.set_description("Jane");
  return tunnel;
}

}  // namespace

TEST_CASE("a table has two spaces between columns, numbers to the right and no trailing spaces") {
  Table table({left("TUNNEL"), right("MTU"), left("REMOTE")});
  table.add({"T1", "1480", "192.0.2.1"});
  table.add({"T18572", "1280", ""});
  CHECK(table.render(true) ==
        "TUNNEL   MTU  REMOTE\n"
        "T1      1480  192.0.2.1\n"
        "T18572  1280  -\n");
}

TEST_CASE("a table without heads is as wide as its cells") {
  Table table({left("TUNNEL"), right("SLOT")});
  table.add({"T1", "7"});
  table.add({"T22", "12"});
  CHECK(table.render(false) ==
        "T1    7\n"
        "T22  12\n");
}

TEST_CASE("an empty table is its heads alone") {
  CHECK(Table({left("A"), right("B")}).render(true) == "A  B\n");
  CHECK(Table({left("A"), right("B")}).render(false).empty());
}

TEST_CASE("a long cell is cut, and a UTF-8 sequence counts as one column") {
  Table table({left("TEXT", 8), left("NEXT")});
  table.add({"123456789", "x"});
  table.add({"\xc3\xa9t\xc3\xa9", "y"});
  CHECK(table.render(true) ==
        "TEXT      NEXT\n"
        "12345...  x\n"
        "\xc3\xa9t\xc3\xa9       y\n");
  CHECK(printable("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 5) == "\xc3\xa9\xc3\xa9...");
}

TEST_CASE("control characters of a description cannot reach the terminal") {
  CHECK(printable("a\x1b[31mb\n\x7f") == "a\\x1b[31mb\\x0a\\x7f");
  CHECK(printable("\xc2\x9b") == "\\x9b");  // CSI as one C1 character
  CHECK(printable("\xc2\xa9 \xe2\x82\xac") == "\xc2\xa9 \xe2\x82\xac");
}

TEST_CASE("a field list aligns values and puts further ones below") {
  FieldList list;
  list.add("name", "T1");
  list.add("delegated_prefixes", std::vector<std::string>{"a", "b"});
  list.add("description", "");
  CHECK(list.render() ==
        "name                T1\n"
        "delegated_prefixes  a\n"
        "                    b\n"
        "description         -\n");
}

TEST_CASE("fields of a message come by their names in the protocol, absent ones as a dash") {
  v1::Snapshot snapshot;
  snapshot.set_active_generation(7);
  snapshot.mutable_publish()->set_state(v1::PublishStatus::ACTIVE);
  snapshot.mutable_build_duration()->set_nanos(12345678);
  CHECK(field_text(snapshot, "active_generation") == "7");
  CHECK(field_text(snapshot, "activate_time") == "never");
  CHECK(field_text(snapshot, "publish.state") == "ACTIVE");
  CHECK(field_text(snapshot, "build_duration") == "12.3 ms");
  CHECK(field_text(snapshot, "grace_duration") == "-");
  CHECK(field_text(sample_tunnel(), "delegated_prefixes") ==
        "2001:db8:3000::/48, 2001:db8:3001::/48");
  CHECK(field_text(sample_tunnel(), "local") == "-");
  CHECK(field_text(sample_tunnel(), "slot") == "686");
  CHECK(field_text(v1::Tunnel(), "slot") == "-");

  FieldList list;
  add_fields(list, snapshot);
  const std::string text = list.render();
  CHECK(text.find("\npublish.state ") != std::string::npos);
  CHECK(text.starts_with("active_generation "));
}

TEST_CASE("times are UTC, ages and durations have a unit") {
  google::protobuf::Timestamp time;
  CHECK(time_text(time) == "never");
  time.set_seconds(1795241639);
  CHECK(time_text(time) == "2026-11-21 06:13:59");
  CHECK(age_text(0) == "0s");
  CHECK(age_text(59) == "59s");
  CHECK(age_text(125) == "2m05s");
  CHECK(age_text(3 * 3600 + 12 * 60) == "3h12m");
  CHECK(age_text(5 * 86400 + 3 * 3600) == "5d03h");
  CHECK(age_text(-3) == "0s");
  google::protobuf::Timestamp now = time;
  now.set_seconds(now.seconds() + 5);
  CHECK(age_text(time, now) == "5s");
  CHECK(age_text(google::protobuf::Timestamp(), now) == "never");
  google::protobuf::Duration duration;
  CHECK(duration_text(duration) == "0 ns");
  duration.set_nanos(850);
  CHECK(duration_text(duration) == "850 ns");
  duration.set_seconds(1);
  duration.set_nanos(230000000);
  CHECK(duration_text(duration) == "1.23 s");
}

TEST_CASE("JSON has the field names of the protocol, and zeros where they are wanted") {
  v1::TunnelCounters counters;
  counters.set_id(7);
  counters.set_in_packets(12);
  CHECK(render_json(counters, false, true) == R"({"id":7,"in_packets":"12"})");
  const std::string all = render_json(counters, true, true);
  CHECK(all.find(R"("out_bytes":"0")") != std::string::npos);
  CHECK(render_json(counters, false).back() == '\n');
}

TEST_CASE("YAML has the content of the JSON in block style") {
  CHECK(render_yaml(sample_tunnel(), false) ==
        "id: 18572\n"
        "slot: 686\n"
        "type: PROTO41\n"
        "remote: \"192.0.2.1\"\n"
        "delegated_prefixes:\n"
        "  - \"2001:db8:3000::/48\"\n"
        "  - \"2001:db8:3001::/48\"\n"
        "description: Jane\n");
}

TEST_CASE("YAML writes an empty list as such") {
  v1::Config config;
  config.add_pools()->set_name("a");
  config.mutable_pop()->add_ipv4_addresses("192.0.2.1");
  const std::string text = render_yaml(config, true);
  CHECK(text.find("\n  interfaces: []\n") != std::string::npos);
  CHECK(text.find("\n  ipv4_addresses:\n    - \"192.0.2.1\"\n") != std::string::npos);
  CHECK(text.find("\ntunnels: []\n") != std::string::npos);
}

TEST_CASE("YAML quotes text that would read as a number, a truth value or nothing") {
  for (const char* const text : {"123", "yes", "No", "null", "~", "1e3", "0x1f", ".5", "-1", ""}) {
    v1::Pop pop;
    pop.set_name(text);
    CHECK(render_yaml(pop, true).starts_with("name: \"" + std::string(text) + "\"\n"));
  }
  v1::Pop pop;
  pop.set_name("ams01");
  pop.set_ignore_icmpv4_echo(true);
  CHECK(render_yaml(pop, false) == "name: ams01\nignore_icmpv4_echo: true\n");
}

TEST_CASE("YAML of text with colons, newlines and characters of other scripts reads back") {
  v1::Tunnel tunnel;
  tunnel.set_description("a: b # c\n<\xe2\x82\xac> \"q\"");
  const std::string text = render_yaml(tunnel, false);
  CHECK(text.find("a: b # c\\n<") != std::string::npos);
  CHECK(text.find('"') != std::string::npos);
}

TEST_CASE("an empty message is an empty object") {
  CHECK(render_json(v1::Tunnel(), false, true) == "{}");
  CHECK(render_yaml(v1::Tunnel(), false) == "{}\n");
}

TEST_CASE("words of an enum are lower case with dashes, and lead back to it") {
  const auto words = enum_words(v1::Revision::State_descriptor());
  CHECK(words == std::vector<std::string>{"committed", "awaiting-confirmation", "rolled-back"});
  CHECK(enum_value<v1::Revision::State>("rolled-back") == v1::Revision::ROLLED_BACK);
  CHECK_THROWS_AS(enum_value<v1::Revision::State>("lost"), std::invalid_argument);
}

TEST_CASE("a change says what became of each field") {
  v1::Change change;
  change.set_name("tunnels/T18572");
  change.set_action(v1::Change::UPDATED);
  *change.mutable_old()->mutable_tunnel() = sample_tunnel();
  *change.mutable_new_()->mutable_tunnel() = sample_tunnel();
  change.mutable_new_()->mutable_tunnel()->set_mtu(1280);
  change.mutable_new_()->mutable_tunnel()->clear_description();
  change.add_paths("mtu");
  change.add_paths("description");
  CHECK(change_text(change) == "tunnels/T18572: mtu 0 -> 1280, description Jane -> -");

  v1::ConfigDiff diff;
  *diff.add_changes() = change;
  v1::Change& created = *diff.add_changes();
  created.set_name("pools/link");
  created.set_action(v1::Change::CREATED);
  created.mutable_new_()->mutable_pool()->set_kind(v1::Pool::LINK);
  created.mutable_new_()->mutable_pool()->set_prefix("2001:db8::/48");
  v1::Change& deleted = *diff.add_changes();
  deleted.set_name("tunnels/T2");
  deleted.set_action(v1::Change::DELETED);
  diff.set_created(1);
  diff.set_updated(1);
  diff.set_deleted(1);
  CHECK(diff_text(diff) ==
        "~ tunnels/T18572: mtu 0 -> 1280, description Jane -> -\n"
        "+ pools/link: created, LINK 2001:db8::/48\n"
        "- tunnels/T2: deleted\n"
        "1 created, 1 updated, 1 deleted\n");
}

}  // namespace simplon::cli
