// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Reading, checking, normalising and printing configurations.

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <functional>
#include <string>

#include "control/config/names.h"
#include "control/config/normalize.h"
#include "control/config/outer_address.h"
#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "tests/support/catch.h"
#include "tests/support/sample_config.h"

namespace simplon::control {
namespace {

using google::protobuf::util::MessageDifferencer;
using simplon::testing::ContainsSubstring;
using simplon::testing::kSampleConfig;
using simplon::testing::sample_config;

std::vector<FieldViolation> violations_of(std::string_view text,
                                          std::string_view name = "pop.txtpb") {
  std::vector<FieldViolation> violations;
  const auto config = parse_config(text, name, &violations);
  CHECK(config.ok() == violations.empty());
  return violations;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("the sample configuration is valid and normalised") {
  const v1::Config config = sample_config();
  REQUIRE(config.tunnels_size() == 3);
  CHECK(config.tunnels(0).id() == 1);
  CHECK(config.tunnels(1).id() == 7);
  CHECK(config.tunnels(2).id() == 18572);
  CHECK(config.tunnels(0).admin_state() == v1::Tunnel::ENABLED);
  CHECK(config.tunnels(0).mtu_mode() == v1::Tunnel::DYNAMIC);
  CHECK(config.tunnels(0).mtu() == 0);
  CHECK(config.pools(0).unit_length() == 64);
}

TEST_CASE("what this release does not know is not kept") {
  v1::Config config = testing::every_type_config();
  config.add_accounts()->set_name("ann");
  config.mutable_pop()->mutable_details()->set_city("Bern");
  normalize(config);
  const v1::Config known = config;
  const auto add = [](google::protobuf::Message& message) {
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(1234, 1);
  };
  add(*config.mutable_pop());
  add(*config.mutable_pop()->mutable_details());
  add(*config.mutable_pop()->mutable_interfaces(0));
  for (v1::Pool& pool : *config.mutable_pools()) add(pool);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) add(tunnel);
  for (v1::Account& account : *config.mutable_accounts()) add(account);
  v1::Tunnel tunnel = config.tunnels(0);
  REQUIRE(config.SerializeAsString() != known.SerializeAsString());
  normalize(config);
  CHECK(config.SerializeAsString() == known.SerializeAsString());
  normalize_and_keep(tunnel);
  CHECK(tunnel.SerializeAsString() == known.tunnels(0).SerializeAsString());
}

TEST_CASE("what is printed reads back as the same configuration, in text and in JSON") {
  const v1::Config config = sample_config();
  const std::string text = print_config_text(config);
  INFO(text);
  const auto from_text = parse_config(text, "a.txtpb", nullptr);
  REQUIRE(from_text.ok());
  CHECK(MessageDifferencer::Equals(config, *from_text));
  CHECK(print_config_text(*from_text) == text);
  CHECK_THAT(text,
             ContainsSubstring(R"(tunnels { id: 1 slot: 0 type: PROTO41 remote: "203.0.113.1" })"));

  const std::string json = print_config_json(config);
  INFO(json);
  const auto from_json = parse_config(json, "-", nullptr);
  REQUIRE(from_json.ok());
  CHECK(MessageDifferencer::Equals(config, *from_json));
  CHECK_THAT(json, ContainsSubstring("\"delegated_prefixes\""));
}

TEST_CASE("addresses are respelt and lists sorted") {
  v1::Config config;
  config.mutable_pop()->set_ipv6_address("2001:0DB8:0:0::0001");
  v1::Tunnel* tunnel = config.add_tunnels();
  tunnel->set_id(9);
  tunnel->set_etag("abc");
  tunnel->set_link_prefix("x");
  tunnel->add_delegated_prefixes("2001:DB8:0A::/48");
  tunnel->add_delegated_prefixes("2001:db8:9::/48");
  tunnel->add_delegated_prefixes("nonsense");
  config.add_tunnels()->set_id(3);
  normalize(config);
  CHECK(config.pop().ipv6_address() == "2001:db8::1");
  CHECK(config.tunnels(0).id() == 3);
  const v1::Tunnel& nine = config.tunnels(1);
  CHECK(nine.etag().empty());
  CHECK(nine.link_prefix().empty());
  REQUIRE(nine.delegated_prefixes_size() == 3);
  CHECK(nine.delegated_prefixes(0) == "nonsense");
  CHECK(nine.delegated_prefixes(1) == "2001:db8:9::/48");
  CHECK(nine.delegated_prefixes(2) == "2001:db8:a::/48");
}

TEST_CASE("pools sort by address, not by spelling") {
  v1::Config config;
  config.add_pools()->set_prefix("2001:db8:1000::/48");
  config.add_pools()->set_prefix("2001:db8:2::/48");
  normalize(config);
  CHECK(config.pools(0).prefix() == "2001:db8:2::/48");
}

// ---- Places in files.

TEST_CASE("a syntax error is reported with line and column") {
  const auto violations = violations_of("pop {\n  name: \n}\n");
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].reason == "SYNTAX_ERROR");
  CHECK(violations[0].line == 3);
  CHECK(violations[0].column == 1);
}

TEST_CASE("an unknown field is refused where it stands") {
  const auto violations = violations_of("pop {\n  name: \"x\"\n  colour: 3\n}\n");
  REQUIRE_FALSE(violations.empty());
  CHECK(violations[0].reason == "UNKNOWN_FIELD");
  CHECK(violations[0].line == 3);
  CHECK_THAT(violations[0].description, ContainsSubstring("colour"));
  CHECK_FALSE(violations_of("colour: 3").empty());
  CHECK_FALSE(violations_of("tunnels { 1: 5 }").empty());
}

TEST_CASE("a fault of meaning is reported where the value stands") {
  const std::string text = replaced(std::string(kSampleConfig), "  mtu: 1400", "  mtu: 1500");
  std::vector<FieldViolation> violations;
  const auto config = parse_config(text, "pop.txtpb", &violations);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].field == "tunnels[1].mtu");
  CHECK(violations[0].reason == "MTU_OUT_OF_RANGE");
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<long>(text.find("mtu: 1500")), '\n') + 1;
  CHECK(violations[0].line == line);
  CHECK(violations[0].column == 3);
  CHECK(std::string(config.status().message()) ==
        "pop.txtpb:" + std::to_string(line) +
            ":3: tunnels[1].mtu: must be 1280..1480, or 0 for automatic");
}

TEST_CASE("a missing field is reported where its message begins") {
  const std::string text = replaced(std::string(kSampleConfig), "  remote: \"203.0.113.1\"\n", "");
  const auto violations = violations_of(text);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].field == "tunnels[0].remote");
  CHECK(violations[0].reason == "REQUIRED");
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<long>(text.find("tunnels {")), '\n') + 1;
  CHECK(violations[0].line == line);
  CHECK(violations[0].column == 1);
}

TEST_CASE("an element of a list inside a list has its own place") {
  const std::string text =
      replaced(std::string(kSampleConfig), "2001:db8:1002:300::/56", "2001:db8:1002:301::/56");
  const auto violations = violations_of(text);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].field == "tunnels[1].delegated_prefixes[1]");
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<long>(text.find("1002:301")), '\n') + 1;
  CHECK(violations[0].line == line);
}

TEST_CASE("faults found by a server can be located afterwards") {
  std::vector<FieldViolation> violations = {
      {"pop.interfaces[0].ipv4_gateway", "x", "y"}, {"", "x", "y"}, {"nosuch.field", "x", "y"}};
  locate_violations(kSampleConfig, "a.txtpb", violations);
  CHECK(violations[0].line == 7);
  CHECK(violations[0].column == 5);
  CHECK(violations[1].line == 1);
  CHECK(violations[2].line == 1);
}

TEST_CASE("faults in JSON name the field") {
  auto violations = violations_of(R"({"pop": {"name": "x", "colour": 3}})", "-");
  REQUIRE(violations.size() == 1);
  INFO(violations[0].description);
  CHECK(violations[0].reason == "UNKNOWN_FIELD");
  CHECK(violations[0].field == "pop.colour");

  violations = violations_of(R"({"colour": 3})", "-");
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].reason == "UNKNOWN_FIELD");
  CHECK(violations[0].field == "colour");

  violations = violations_of(R"({"tunnels": [{"id": 1}, {"id": "abc"}]})", "-");
  REQUIRE(violations.size() == 1);
  INFO(violations[0].description);
  CHECK(violations[0].reason == "SYNTAX_ERROR");
  CHECK(violations[0].field == "tunnels[1].id");

  violations = violations_of(R"({"tunnels": [{"id": 1, }]")", "-");
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].reason == "SYNTAX_ERROR");

  std::string json = print_config_json(sample_config());
  violations = violations_of(replaced(json, "1400", "100"), "a.json");
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].field == "tunnels[2].mtu");
  CHECK(violations[0].line == 0);
}

TEST_CASE("the format is told by the name, else by the first character") {
  CHECK(detect_format("", "a.json") == ConfigFormat::kJson);
  CHECK(detect_format("{", "a.txtpb") == ConfigFormat::kText);
  CHECK(detect_format("{", "a.pbtxt") == ConfigFormat::kText);
  CHECK(detect_format(" \n\t{", "-") == ConfigFormat::kJson);
  CHECK(detect_format("pop {", "-") == ConfigFormat::kText);
  CHECK(detect_format("", "") == ConfigFormat::kText);
}

TEST_CASE("every fault is reported, up to a hundred") {
  std::string text(kSampleConfig);
  text = replaced(text, "name: \"test-pop\"", "name: \"Test\"");
  text = replaced(text, "remote: \"203.0.113.2\"", "remote: \"127.0.0.1\"");
  text = replaced(text, "ttl: 255", "ttl: 256");
  text = replaced(text, "dscp: 46", "dscp: 64");
  CHECK(violations_of(text).size() == 4);
  for (int i = 0; i < 200; ++i) text += "tunnels { id: 0 slot: 0 }\n";
  CHECK(violations_of(text).size() == Violations::kLimit);
}

// ---- Rules. Each case changes the sample and expects exactly one violation.

struct Fault {
  const char* field;
  const char* reason;
  std::function<void(v1::Config&)> spoil;
};

v1::Interface* add_interface(v1::Config& c) {
  v1::Interface* interface = c.mutable_pop()->add_interfaces();
  interface->set_port("second");
  interface->set_ipv4_address("10.0.0.1/8");
  return interface;
}

v1::Pool* add_pool(v1::Config& c, const char* prefix, v1::Pool::Kind kind = v1::Pool::DELEGATED) {
  v1::Pool* pool = c.add_pools();
  pool->set_name("more");
  pool->set_kind(kind);
  pool->set_prefix(prefix);
  if (kind == v1::Pool::DELEGATED) pool->set_unit_length(56);
  return pool;
}

v1::Pool* add_ipv4_pool(v1::Config& c, const char* prefix,
                        v1::Pool::Kind kind = v1::Pool::DELEGATED) {
  v1::Pool* pool = add_pool(c, prefix, kind);
  pool->clear_unit_length();
  return pool;
}

constexpr const char* kPassword = "0123456789abcdef";

// Makes the first tunnel one of another type, with all that the type needs.
v1::Account* add_account(v1::Config& config, const std::string& name) {
  config.add_accounts()->set_name(name);
  return config.mutable_accounts(config.accounts_size() - 1);
}

v1::PeerPop* add_peer(v1::Config& config, uint32_t number, const std::string& name) {
  v1::PeerPop& peer = *config.mutable_pop()->add_peer_pops();
  peer.set_number(number);
  peer.set_name(name);
  return &peer;
}

v1::Tunnel* become(v1::Config& c, v1::Tunnel::Type type) {
  v1::Tunnel* t = c.mutable_tunnels(0);
  t->set_type(type);
  if (is_dynamic_type(type)) {
    t->clear_remote();
    t->set_password(kPassword);
  }
  if (type == v1::Tunnel::IPV6_TUNNEL) t->set_remote("2001:db9::1");
  return t;
}

// In the order of the sample after normalising: tunnels 1, 7, 18572.
v1::Tunnel* tunnel(v1::Config& c, int i) {
  return c.mutable_tunnels(i);
}
v1::Interface* uplink(v1::Config& c) {
  return c.mutable_pop()->mutable_interfaces(0);
}

const Fault kFaults[] = {
    {"pop.name", "TOO_LONG", [](auto& c) { c.mutable_pop()->set_name(std::string(33, 'a')); }},
    {"pop.name", "BAD_NAME", [](auto& c) { c.mutable_pop()->set_name("a_b"); }},
    {"pop.ipv4_addresses[0]", "BAD_ADDRESS",
     [](auto& c) {
       c.mutable_pop()->set_ipv4_addresses(0, "1.2.3");
       c.mutable_tunnels(2)->clear_local();
     }},
    {"pop.ipv4_addresses[0]", "ADDRESS_NOT_USABLE",
     [](auto& c) { c.mutable_pop()->set_ipv4_addresses(0, "0.0.0.1"); }},
    {"pop.ipv4_addresses[0]", "DUPLICATE",
     [](auto& c) { c.mutable_pop()->set_ipv4_addresses(0, "192.0.2.1"); }},
    {"pop.ipv4_addresses[15]", "TOO_MANY",
     [](auto& c) {
       for (int i = 2; i < 20; ++i)
         c.mutable_pop()->add_ipv4_addresses("198.51.100." + std::to_string(i));
     }},
    {"pop.ipv6_address", "BAD_ADDRESS",
     [](auto& c) { c.mutable_pop()->set_ipv6_address("2001:db8::/64"); }},
    {"pop.ipv6_address", "ADDRESS_NOT_USABLE",
     [](auto& c) { c.mutable_pop()->set_ipv6_address("::1"); }},

    {"pop.ipv6_addresses[0]", "BAD_ADDRESS",
     [](auto& c) { c.mutable_pop()->add_ipv6_addresses("192.0.2.9"); }},
    {"pop.ipv6_addresses[0]", "ADDRESS_NOT_USABLE",
     [](auto& c) { c.mutable_pop()->add_ipv6_addresses("fe80::1"); }},
    {"pop.ipv6_addresses[0]", "ADDRESS_NOT_USABLE",
     [](auto& c) { c.mutable_pop()->add_ipv6_addresses("::ffff:192.0.2.9"); }},
    {"pop.ipv6_addresses[0]", "DUPLICATE",
     [](auto& c) { c.mutable_pop()->add_ipv6_addresses("2001:db8:ffff::1"); }},
    {"pop.ipv6_addresses[13]", "TOO_MANY",
     [](auto& c) {
       for (int i = 2; i < 20; ++i)
         c.mutable_pop()->add_ipv6_addresses("2001:db8:ffff::" + std::to_string(i));
     }},
    {"pools[2].prefix", "OVERLAP",
     [](auto& c) {
       c.mutable_pop()->add_ipv6_addresses("2001:db8:1000::5");
       c.mutable_tunnels(2)->clear_delegated_prefixes();
     }},
    {"pop.other_pop_addresses[0]", "BAD_ADDRESS",
     [](auto& c) { c.mutable_pop()->add_other_pop_addresses("pop2.example.net"); }},
    {"pop.other_pop_addresses[0]", "ADDRESS_NOT_USABLE",
     [](auto& c) { c.mutable_pop()->add_other_pop_addresses("::1"); }},
    {"pop.other_pop_addresses[0]", "ADDRESS_IS_POP",
     [](auto& c) { c.mutable_pop()->add_other_pop_addresses("192.0.2.1"); }},
    {"pop.other_pop_addresses[0]", "ADDRESS_IS_POP",
     [](auto& c) { c.mutable_pop()->add_other_pop_addresses("2001:db8:10:ffff::1"); }},
    {"pop.other_pop_addresses[1]", "DUPLICATE",
     [](auto& c) {
       c.mutable_pop()->add_other_pop_addresses("2001:db9::1");
       c.mutable_pop()->add_other_pop_addresses("2001:db9:0::1");
     }},
    {"pop.other_pop_addresses", "TOO_MANY",
     [](auto& c) {
       for (int i = 0; i < 257; ++i)
         c.mutable_pop()->add_other_pop_addresses("2001:db9::1:" + std::to_string(i));
     }},

    {"pop.interfaces", "REQUIRED", [](auto& c) { c.mutable_pop()->clear_interfaces(); }},
    {"pop.interfaces", "TOO_MANY",
     [](auto& c) {
       for (int i = 1; i < 9; ++i) {
         auto* interface = add_interface(c);
         interface->set_port("p" + std::to_string(i));
         interface->set_ipv4_address("10.0." + std::to_string(i) + ".1/24");
       }
     }},
    {"pop.interfaces[0].port", "REQUIRED", [](auto& c) { uplink(c)->clear_port(); }},
    {"pop.interfaces[0].port", "TOO_LONG",
     [](auto& c) { uplink(c)->set_port("abcdefghijklmnop"); }},
    {"pop.interfaces[0].port", "BAD_NAME", [](auto& c) { uplink(c)->set_port("a b"); }},
    {"pop.interfaces[0].vlan", "OUT_OF_RANGE", [](auto& c) { uplink(c)->set_vlan(4095); }},
    {"pop.interfaces[0].mtu", "MTU_OUT_OF_RANGE", [](auto& c) { uplink(c)->set_mtu(1279); }},
    {"pop.interfaces[0].mtu", "MTU_OUT_OF_RANGE", [](auto& c) { uplink(c)->set_mtu(9001); }},
    {"pop.interfaces[1].ipv4_address", "REQUIRED",
     [](auto& c) { add_interface(c)->clear_ipv4_address(); }},
    {"pop.interfaces[0].ipv4_address", "BAD_ADDRESS",
     [](auto& c) { uplink(c)->set_ipv4_address("192.0.2.1"); }},
    {"pop.interfaces[0].ipv4_address", "BAD_ADDRESS",
     [](auto& c) { uplink(c)->set_ipv4_address("192.0.2.1/0"); }},
    {"pop.interfaces[0].ipv4_address", "ADDRESS_NOT_USABLE",
     [](auto& c) { uplink(c)->set_ipv4_address("192.0.2.0/24"); }},
    {"pop.interfaces[0].ipv4_address", "ADDRESS_NOT_USABLE",
     [](auto& c) { uplink(c)->set_ipv4_address("127.0.0.1/8"); }},
    {"pop.interfaces[0].ipv4_gateway", "BAD_ADDRESS",
     [](auto& c) { uplink(c)->set_ipv4_gateway("x"); }},
    {"pop.interfaces[0].ipv4_gateway", "GATEWAY_OFF_LINK",
     [](auto& c) { uplink(c)->set_ipv4_gateway("192.0.3.1"); }},
    {"pop.interfaces[0].ipv4_gateway", "ADDRESS_IS_POP",
     [](auto& c) { uplink(c)->set_ipv4_gateway("192.0.2.1"); }},
    {"pop.interfaces[0].ipv4_gateway", "ADDRESS_NOT_USABLE",
     [](auto& c) { uplink(c)->set_ipv4_gateway("192.0.2.255"); }},
    {"pop.interfaces[1].ipv4_gateway", "SECOND_GATEWAY",
     [](auto& c) { add_interface(c)->set_ipv4_gateway("10.0.0.2"); }},
    {"pop.interfaces[0].ipv4_gateway", "GATEWAY_OFF_LINK",
     [](auto& c) { uplink(c)->clear_ipv4_address(); }},
    {"pop.interfaces[0].ipv6_address", "BAD_ADDRESS",
     [](auto& c) { uplink(c)->set_ipv6_address("2001:db8::1"); }},
    {"pop.interfaces[0].ipv6_address", "ADDRESS_NOT_USABLE",
     [](auto& c) { uplink(c)->set_ipv6_address("fe80::1/64"); }},
    {"pop.interfaces[0].ipv6_gateway", "BAD_ADDRESS",
     [](auto& c) { uplink(c)->set_ipv6_gateway("x"); }},
    {"pop.interfaces[0].ipv6_gateway", "GATEWAY_OFF_LINK",
     [](auto& c) { uplink(c)->set_ipv6_gateway("2001:db8:fffe::1"); }},
    {"pop.interfaces[0].ipv6_gateway", "ADDRESS_IS_POP",
     [](auto& c) { uplink(c)->set_ipv6_gateway("2001:db8:ffff::1"); }},
    {"pop.interfaces[0].ipv6_gateway", "GATEWAY_OFF_LINK",
     [](auto& c) { uplink(c)->clear_ipv6_address(); }},
    {"pop.interfaces[1].ipv6_gateway", "SECOND_GATEWAY",
     [](auto& c) {
       auto* interface = add_interface(c);
       interface->set_ipv6_address("2001:db8:fffe::1/64");
       interface->set_ipv6_gateway("fe80::2");
     }},
    {"pop.interfaces[1].port", "DUPLICATE", [](auto& c) { add_interface(c)->set_port("uplink"); }},
    {"pop.interfaces[1].ipv4_address", "OVERLAP",
     [](auto& c) { add_interface(c)->set_ipv4_address("192.0.0.1/16"); }},
    {"pop.interfaces[1].ipv6_address", "OVERLAP",
     [](auto& c) { add_interface(c)->set_ipv6_address("2001:db8:ffff::2/64"); }},

    {"pools", "TOO_MANY",
     [](auto& c) {
       for (int i = 0; i < 62; ++i) {
         add_pool(c, "::")->set_name("p" + std::to_string(i));
         c.mutable_pools(i + 3)->set_prefix("2001:db9:" + std::to_string(i) + "::/48");
       }
     }},
    {"pools[3].name", "REQUIRED", [](auto& c) { add_pool(c, "2001:db9::/48")->clear_name(); }},
    {"pools[3].name", "TOO_LONG",
     [](auto& c) { add_pool(c, "2001:db9::/48")->set_name(std::string(33, 'a')); }},
    {"pools[3].name", "BAD_NAME", [](auto& c) { add_pool(c, "2001:db9::/48")->set_name("1a"); }},
    {"pools[3].name", "BAD_NAME", [](auto& c) { add_pool(c, "2001:db9::/48")->set_name("aB"); }},
    {"pools[3].name", "DUPLICATE", [](auto& c) { add_pool(c, "2001:db9::/48")->set_name("link"); }},
    {"pools[3].kind", "REQUIRED", [](auto& c) { add_pool(c, "2001:db9::/48")->clear_kind(); }},
    {"pools[3].kind", "UNKNOWN_VALUE",
     [](auto& c) { add_pool(c, "2001:db9::/48")->set_kind(static_cast<v1::Pool::Kind>(9)); }},
    {"pools[3].prefix", "REQUIRED", [](auto& c) { add_pool(c, ""); }},
    {"pools[3].prefix", "BAD_PREFIX", [](auto& c) { add_pool(c, "2001:db9::"); }},
    {"pools[3].prefix", "BAD_PREFIX", [](auto& c) { add_pool(c, "2001:db9::/129"); }},
    {"pools[3].prefix", "BAD_PREFIX",
     [](auto& c) { add_pool(c, "10.0.0.0/24", v1::Pool::LINK)->set_first_slot(1 << 19); }},
    {"pools[3].prefix", "HOST_BITS_SET", [](auto& c) { add_ipv4_pool(c, "10.0.0.1/24"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_ipv4_pool(c, "127.0.0.0/24"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_ipv4_pool(c, "0.0.0.0/24"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_ipv4_pool(c, "224.0.0.0/24"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_ipv4_pool(c, "0.0.0.0/0"); }},
    // Holds 127/8.
    {"pools[3].prefix", "ADDRESS_NOT_USABLE",
     [](auto& c) { add_ipv4_pool(c, "64.0.0.0/2")->set_unit_length(16); }},
    {"pools[3].prefix", "OUT_OF_RANGE", [](auto& c) { add_ipv4_pool(c, "10.0.0.0/8"); }},
    {"pools[3].prefix", "OUT_OF_RANGE",
     [](auto& c) { add_ipv4_pool(c, "10.0.0.0/29")->set_unit_length(28); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) { add_ipv4_pool(c, "10.0.0.0/8")->set_unit_length(15); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) { add_ipv4_pool(c, "10.0.0.0/24")->set_unit_length(33); }},
    {"pools[3].first_slot", "SLOT_OUT_OF_RANGE",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24", v1::Pool::ROUTED)->set_first_slot(1048575);
     }},
    {"pools[3].prefix", "OVERLAP", [](auto& c) { add_ipv4_pool(c, "192.0.2.128/25"); }},
    {"pools[3].prefix", "OVERLAP", [](auto& c) { add_ipv4_pool(c, "198.51.100.0/28"); }},
    {"pools[3].prefix", "REQUIRED",
     [](auto& c) {
       uplink(c)->clear_ipv4_address();
       uplink(c)->clear_ipv4_gateway();
       c.mutable_pop()->clear_ipv4_addresses();
       c.clear_tunnels();
       add_ipv4_pool(c, "10.0.0.0/24");
     }},
    {"pools[4].prefix", "OVERLAP",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       add_ipv4_pool(c, "10.0.0.128/25")->set_name("again");
     }},
    {"pools[4].first_slot", "OVERLAP",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24", v1::Pool::ROUTED);
       add_ipv4_pool(c, "10.1.0.0/24", v1::Pool::ROUTED)->set_name("again");
     }},
    {"pools[3].prefix", "HOST_BITS_SET", [](auto& c) { add_pool(c, "2001:db9::1/48"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_pool(c, "ff00::/48"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_pool(c, "fe80::/48"); }},
    {"pools[3].prefix", "ADDRESS_NOT_USABLE", [](auto& c) { add_pool(c, "::/0"); }},
    {"pools[3].prefix", "OUT_OF_RANGE", [](auto& c) { add_pool(c, "2001:db9::/60"); }},
    {"pools[3].prefix", "OUT_OF_RANGE", [](auto& c) { add_pool(c, "2001:db9::/35"); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/40")->set_unit_length(47); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/48")->set_unit_length(65); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/48")->set_unit_length(0); }},
    {"pools[3].unit_length", "OUT_OF_RANGE",
     [](auto& c) {
       auto* pool = add_pool(c, "2001:db9::/48", v1::Pool::LINK);
       pool->set_unit_length(63);
       pool->set_first_slot(1 << 19);
     }},
    {"pools[3].first_slot", "OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/48")->set_first_slot(1); }},
    {"pools[3].first_slot", "SLOT_OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/48", v1::Pool::LINK)->set_first_slot(1048575); }},
    {"pools[3].first_slot", "SLOT_OUT_OF_RANGE",
     [](auto& c) { add_pool(c, "2001:db9::/64", v1::Pool::LINK)->set_first_slot(0xffffffff); }},
    {"pools[3].first_slot", "OVERLAP",
     [](auto& c) { add_pool(c, "2001:db9::/60", v1::Pool::LINK)->set_first_slot(32767); }},
    {"pools[3].prefix", "OVERLAP", [](auto& c) { add_pool(c, "2001:db8:1000::/44"); }},
    {"pools[3].prefix", "OVERLAP", [](auto& c) { add_pool(c, "2001:db8:1000::/36"); }},
    {"pools[3].prefix", "OVERLAP", [](auto& c) { add_pool(c, "2001:db8:ffff::/48"); }},

    {"tunnels[0].id", "REQUIRED", [](auto& c) { tunnel(c, 0)->clear_id(); }},
    {"tunnels[1].id", "DUPLICATE_ID", [](auto& c) { tunnel(c, 1)->set_id(1); }},
    {"tunnels[0].slot", "REQUIRED", [](auto& c) { tunnel(c, 0)->clear_slot(); }},
    {"tunnels[0].slot", "SLOT_OUT_OF_RANGE", [](auto& c) { tunnel(c, 0)->set_slot(1 << 20); }},
    {"tunnels[0].slot", "SLOT_NOT_COVERED", [](auto& c) { tunnel(c, 0)->set_slot(0x8000); }},
    {"tunnels[0].slot", "SLOT_RESERVED", [](auto& c) { tunnel(c, 0)->set_slot(0x7fff); }},
    {"tunnels[1].slot", "SLOT_TAKEN", [](auto& c) { tunnel(c, 1)->set_slot(0); }},
    {"tunnels[0].type", "REQUIRED", [](auto& c) { tunnel(c, 0)->clear_type(); }},
    {"tunnels[0].type", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_type(static_cast<v1::Tunnel::Type>(9)); }},
    {"tunnels[0].admin_state", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_admin_state(static_cast<v1::Tunnel::AdminState>(9)); }},
    {"tunnels[0].mtu_mode", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_mtu_mode(static_cast<v1::Tunnel::MtuMode>(9)); }},
    {"tunnels[0].ecn_mode", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_ecn_mode(static_cast<v1::Tunnel::EcnMode>(9)); }},
    {"tunnels[0].dscp_mode", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_dscp_mode(static_cast<v1::Tunnel::DscpMode>(9)); }},
    {"tunnels[0].remote", "REQUIRED", [](auto& c) { tunnel(c, 0)->clear_remote(); }},
    {"tunnels[0].remote", "BAD_ADDRESS", [](auto& c) { tunnel(c, 0)->set_remote("2001:db8::1"); }},
    {"tunnels[0].remote", "BAD_ADDRESS", [](auto& c) { tunnel(c, 0)->set_remote("203.0.113.1 "); }},
    {"tunnels[0].remote", "ADDRESS_IS_POP", [](auto& c) { tunnel(c, 0)->set_remote("192.0.2.1"); }},
    {"tunnels[0].remote", "ADDRESS_IS_POP",
     [](auto& c) { tunnel(c, 0)->set_remote("198.51.100.1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("127.0.0.1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("224.0.0.5"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("240.0.0.1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("255.255.255.255"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("0.0.0.0"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { tunnel(c, 0)->set_remote("192.0.2.255"); }},
    {"tunnels[0].local", "BAD_ADDRESS", [](auto& c) { tunnel(c, 0)->set_local("x"); }},
    {"tunnels[0].local", "ADDRESS_NOT_LOCAL",
     [](auto& c) { tunnel(c, 0)->set_local("192.0.2.2"); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE", [](auto& c) { tunnel(c, 0)->set_mtu(1279); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE", [](auto& c) { tunnel(c, 0)->set_mtu(1481); }},
    {"tunnels[2].mtu", "MTU_OUT_OF_RANGE", [](auto& c) { uplink(c)->set_mtu(1400); }},
    {"tunnels[0].ttl", "OUT_OF_RANGE", [](auto& c) { tunnel(c, 0)->set_ttl(256); }},
    {"tunnels[0].dscp", "OUT_OF_RANGE", [](auto& c) { tunnel(c, 0)->set_dscp(64); }},
    {"tunnels[0].description", "TOO_LONG",
     [](auto& c) { tunnel(c, 0)->set_description(std::string(257, 'a')); }},
    {"tunnels[0].description", "BAD_TEXT", [](auto& c) { tunnel(c, 0)->set_description("\xff"); }},
    {"tunnels[0].delegated_prefixes", "TOO_MANY",
     [](auto& c) {
       for (int i = 0; i < 17; ++i)
         tunnel(c, 0)->add_delegated_prefixes("2001:db8:10a" + std::to_string(i % 10) + ":" +
                                              std::to_string(i / 10) + "00::/56");
     }},
    {"tunnels[0].delegated_prefixes[0]", "BAD_PREFIX",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::"); }},
    {"tunnels[0].delegated_prefixes[0]", "HOST_BITS_SET",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000:1::/56"); }},
    {"tunnels[0].delegated_prefixes[0]", "OUT_OF_RANGE",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/47"); }},
    {"tunnels[0].delegated_prefixes[0]", "OUT_OF_RANGE",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/65"); }},
    {"tunnels[0].delegated_prefixes[0]", "NOT_IN_POOL",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:2000::/56"); }},
    {"tunnels[0].delegated_prefixes[0]", "NOT_IN_POOL",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:10:8000::/64"); }},
    {"tunnels[0].delegated_prefixes[0]", "NOT_ALIGNED",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/57"); }},
    {"tunnels[2].delegated_prefixes[1]", "PREFIX_TAKEN",
     [](auto& c) { tunnel(c, 0)->add_delegated_prefixes("2001:db8:1002:300::/56"); }},
    {"tunnels[2].delegated_prefixes[0]", "PREFIX_TAKEN",
     [](auto& c) { tunnel(c, 1)->add_delegated_prefixes("2001:db8:1001:ff00::/56"); }},
    {"tunnels[0].delegated_prefixes[1]", "DUPLICATE",
     [](auto& c) {
       tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/56");
       tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/48");
     }},
    {"tunnels[0].delegated_prefixes[0]", "PREFIX_RESERVED",
     [](auto& c) {
       c.mutable_pop()->set_ipv6_address("2001:db8:1000:5::1");
       tunnel(c, 0)->add_delegated_prefixes("2001:db8:1000::/56");
     }},
    {"tunnels[0].delegated_prefixes[0]", "NOT_IN_POOL",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       tunnel(c, 0)->add_delegated_prefixes("0:ffff:a00:0::/64");  // how the pool is stored
     }},

    // Remotes of other types.
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) {
       c.mutable_pop()->add_other_pop_addresses("203.0.113.77");
       tunnel(c, 0)->set_remote("203.0.113.77");
     }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       tunnel(c, 0)->set_remote("10.0.0.1");
     }},
    {"tunnels[0].remote", "REQUIRED", [](auto& c) { become(c, v1::Tunnel::GRE)->clear_remote(); }},
    {"tunnels[0].remote", "BAD_ADDRESS",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_remote("client.example.net"); }},
    {"tunnels[0].remote", "BAD_ADDRESS",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_remote("::ffff:203.0.113.1"); }},
    {"tunnels[0].remote", "BAD_ADDRESS",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("203.0.113.1"); }},
    {"tunnels[0].remote", "ADDRESS_IS_POP",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("2001:db8:ffff::1"); }},
    {"tunnels[0].remote", "ADDRESS_IS_POP",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_remote("2001:db8:10:ffff::1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("fe80::1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("ff02::1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("::1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("64:ff9b::1"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("2001:db8:ffff::"); }},
    {"tunnels[0].remote", "ADDRESS_NOT_USABLE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_remote("2001:db8:1000::1"); }},
    {"tunnels[0].remote", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_remote("203.0.113.1"); }},
    {"tunnels[0].local", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_local("192.0.2.1"); }},
    {"tunnels[0].local", "BAD_ADDRESS",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_local("2001:db8:ffff::1"); }},
    {"tunnels[0].local", "BAD_ADDRESS",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_local("192.0.2.1"); }},
    {"tunnels[0].local", "ADDRESS_NOT_LOCAL",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_local("2001:db8:ffff::2"); }},
    {"tunnels[0].local", "REQUIRED",
     [](auto& c) {
       uplink(c)->clear_ipv6_address();
       uplink(c)->clear_ipv6_gateway();
       become(c, v1::Tunnel::IPV6_TUNNEL);
     }},

    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_mtu(1481); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::DYNAMIC_ENDPOINT)->set_mtu(1481); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_mtu(1429); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_mtu(1477); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) {
       become(c, v1::Tunnel::GRE)->set_mtu(1465);
       tunnel(c, 0)->set_gre_key(0);
       tunnel(c, 0)->set_gre_checksum(true);
       tunnel(c, 0)->set_gre_sequence(true);
     }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) {
       become(c, v1::Tunnel::GRE)->set_remote("2001:db9::1");
       tunnel(c, 0)->set_mtu(1457);
     }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_mtu(1461); }},
    {"tunnels[0].mtu", "MTU_OUT_OF_RANGE",
     [](auto& c) {
       become(c, v1::Tunnel::IPV6_TUNNEL)->set_mtu(1453);
       tunnel(c, 0)->set_encapsulation_limit(4);
     }},

    {"tunnels[0].password", "REQUIRED",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->clear_password(); }},
    {"tunnels[0].password", "REQUIRED",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->clear_password(); }},
    {"tunnels[0].password", "REQUIRED",
     [](auto& c) { become(c, v1::Tunnel::DYNAMIC_ENDPOINT)->clear_password(); }},
    {"tunnels[0].password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_password(std::string(15, 'a')); }},
    {"tunnels[0].password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_password(std::string(133, 'a')); }},
    {"tunnels[0].password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_password("0123456789 abcdef"); }},
    {"tunnels[0].password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_password("0123456789	abcdef"); }},
    {"tunnels[0].password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_password("0123456789abcdefÃ©"); }},
    {"tunnels[0].password", "NOT_FOR_TYPE", [](auto& c) { tunnel(c, 0)->set_password(kPassword); }},
    {"tunnels[0].previous_password", "NOT_FOR_TYPE",
     [](auto& c) { tunnel(c, 0)->set_previous_password(kPassword); }},
    {"tunnels[0].previous_password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_previous_password("short"); }},
    {"tunnels[0].previous_password", "BAD_PASSWORD",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_previous_password(kPassword); }},
    {"tunnels[0].beat_timeout_seconds", "OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_beat_timeout_seconds(9); }},
    {"tunnels[0].beat_timeout_seconds", "OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_beat_timeout_seconds(3601); }},
    {"tunnels[0].beat_timeout_seconds", "NOT_FOR_TYPE",
     [](auto& c) { tunnel(c, 0)->set_beat_timeout_seconds(180); }},
    {"tunnels[0].replay_mode", "NOT_FOR_TYPE",
     [](auto& c) { tunnel(c, 0)->set_replay_mode(v1::Tunnel::STRICT); }},
    {"tunnels[0].replay_mode", "UNKNOWN_VALUE",
     [](auto& c) {
       become(c, v1::Tunnel::AYIYA)->set_replay_mode(static_cast<v1::Tunnel::ReplayMode>(9));
     }},

    {"tunnels[0].gre_key", "NOT_FOR_TYPE", [](auto& c) { tunnel(c, 0)->set_gre_key(0); }},
    {"tunnels[0].gre_checksum", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::AYIYA)->set_gre_checksum(true); }},
    {"tunnels[0].gre_sequence", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_gre_sequence(true); }},
    {"tunnels[0].encapsulation_limit", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::GRE)->set_encapsulation_limit(4); }},
    {"tunnels[0].encapsulation_limit", "OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::IPV6_TUNNEL)->set_encapsulation_limit(256); }},

    {"tunnels[0].ipv4_prefixes", "NOT_FOR_TYPE",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       tunnel(c, 0)->add_ipv4_prefixes("10.0.0.0/32");
     }},
    {"tunnels[0].ipv4_prefixes", "NOT_FOR_TYPE",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       become(c, v1::Tunnel::HEARTBEAT)->add_ipv4_prefixes("10.0.0.0/32");
     }},
    {"tunnels[0].ipv4_prefixes[0]", "BAD_PREFIX",
     [](auto& c) { become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.0.0"); }},
    {"tunnels[0].ipv4_prefixes[0]", "HOST_BITS_SET",
     [](auto& c) { become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.0.1/24"); }},
    {"tunnels[0].ipv4_prefixes[0]", "OUT_OF_RANGE",
     [](auto& c) { become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("0.0.0.0/0"); }},
    {"tunnels[0].ipv4_prefixes[0]", "NOT_IN_POOL",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.1.0/32");
     }},
    {"tunnels[0].ipv4_prefixes[0]", "NOT_ALIGNED",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24")->set_unit_length(29);
       become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.0.8/30");
     }},
    {"tunnels[0].ipv4_prefixes[1]", "DUPLICATE",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24")->set_unit_length(29);
       become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.0.8/29");
       tunnel(c, 0)->add_ipv4_prefixes("10.0.0.0/28");
     }},
    {"tunnels[1].ipv4_prefixes[0]", "PREFIX_TAKEN",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       become(c, v1::Tunnel::GRE)->add_ipv4_prefixes("10.0.0.8/29");
       tunnel(c, 1)->set_type(v1::Tunnel::GRE);
       tunnel(c, 1)->add_ipv4_prefixes("10.0.0.15/32");
     }},
    {"tunnels[0].ipv4_prefixes", "TOO_MANY",
     [](auto& c) {
       add_ipv4_pool(c, "10.0.0.0/24");
       become(c, v1::Tunnel::AYIYA);
       for (int i = 0; i < 17; ++i)
         tunnel(c, 0)->add_ipv4_prefixes("10.0.0." + std::to_string(i) + "/32");
     }},

    // Accounts.
    {"accounts[0].name", "REQUIRED", [](auto& c) { c.add_accounts(); }},
    {"accounts[0].name", "TOO_LONG", [](auto& c) { add_account(c, std::string(65, 'a')); }},
    {"accounts[0].name", "BAD_NAME", [](auto& c) { add_account(c, "@ann"); }},
    {"accounts[0].name", "BAD_NAME", [](auto& c) { add_account(c, "ann smith"); }},
    {"accounts[0].name", "BAD_NAME", [](auto& c) { add_account(c, "ann/smith"); }},
    {"accounts[1].name", "DUPLICATE",
     [](auto& c) { add_account(c, "ann"), add_account(c, "ann"); }},
    {"accounts[0].state", "UNKNOWN_VALUE",
     [](auto& c) { add_account(c, "ann")->set_state(static_cast<v1::Account::State>(9)); }},
    {"accounts[0].clear_text", "UNKNOWN_VALUE",
     [](auto& c) {
       add_account(c, "ann")->set_clear_text(static_cast<v1::TicPolicy::ClearText>(9));
     }},
    {"accounts[0].description", "TOO_LONG",
     [](auto& c) { add_account(c, "ann")->set_description(std::string(257, 'x')); }},
    {"accounts[0].secret", "BAD_SECRET",
     [](auto& c) { add_account(c, "ann")->set_secret("7-chars"); }},
    {"accounts[0].secret", "BAD_SECRET",
     [](auto& c) { add_account(c, "ann")->set_secret(std::string(133, 'x')); }},
    {"accounts[0].secret", "BAD_SECRET",
     [](auto& c) { add_account(c, "ann")->set_secret("open sesame"); }},
    {"accounts[0].secret_md5", "BAD_SECRET",
     [](auto& c) { add_account(c, "ann")->set_secret_md5(std::string(31, '0')); }},
    {"accounts[0].secret_md5", "BAD_SECRET",
     [](auto& c) { add_account(c, "ann")->set_secret_md5(std::string(32, 'g')); }},
    {"accounts[0].secret_md5", "BAD_SECRET",
     [](auto& c) {
       add_account(c, "ann")->set_secret_md5(std::string(32, '0'));
       c.mutable_accounts(0)->set_secret("open-sesame");
     }},
    {"tunnels[1].account", "UNKNOWN_ACCOUNT",
     [](auto& c) { add_account(c, "ann"), tunnel(c, 1)->set_account("Ann"); }},
    {"tunnels[1].account", "BAD_NAME", [](auto& c) { tunnel(c, 1)->set_account("-"); }},
    {"tunnels[0].update_key", "BAD_SECRET",
     [](auto& c) { tunnel(c, 0)->set_update_key(std::string(15, 'x')); }},
    {"tunnels[0].update_key", "BAD_SECRET",
     [](auto& c) { tunnel(c, 0)->set_update_key("0123456789 abcdef"); }},
    {"tunnels[0].tic_type", "NOT_FOR_TYPE",
     [](auto& c) { become(c, v1::Tunnel::HEARTBEAT)->set_tic_type(v1::Tunnel::TIC_HEARTBEAT); }},
    {"tunnels[0].tic_type", "UNKNOWN_VALUE",
     [](auto& c) { tunnel(c, 0)->set_tic_type(static_cast<v1::Tunnel::TicType>(9)); }},

    // What subscribers and peers are told, and who may do what.
    {"pop.details.city", "TOO_LONG",
     [](auto& c) { c.mutable_pop()->mutable_details()->set_city(std::string(101, 'x')); }},
    {"pop.details.isp_name", "BAD_TEXT",
     [](auto& c) { c.mutable_pop()->mutable_details()->set_isp_name("two\nlines"); }},
    {"pop.details.country", "BAD_NAME",
     [](auto& c) { c.mutable_pop()->mutable_details()->set_country("nld"); }},
    {"pop.number", "OUT_OF_RANGE", [](auto& c) { c.mutable_pop()->set_number(64); }},
    {"pop.peer_pops", "TOO_MANY",
     [](auto& c) {
       for (int i = 0; i < 65; ++i) c.mutable_pop()->add_peer_pops();
     }},
    {"pop.peer_pops[0].number", "OUT_OF_RANGE",
     [](auto& c) { add_peer(c, 64, "a"); }},
    {"pop.peer_pops[0].number", "DUPLICATE", [](auto& c) { add_peer(c, 0, "a"); }},
    {"pop.peer_pops[1].number", "DUPLICATE",
     [](auto& c) { add_peer(c, 1, "a"), add_peer(c, 1, "b"); }},
    {"pop.peer_pops[0].name", "REQUIRED", [](auto& c) { add_peer(c, 1, ""); }},
    {"pop.peer_pops[0].name", "BAD_NAME", [](auto& c) { add_peer(c, 1, "A"); }},
    {"pop.peer_pops[0].name", "DUPLICATE", [](auto& c) { add_peer(c, 1, "test-pop"); }},
    {"pop.peer_pops[1].name", "DUPLICATE",
     [](auto& c) { add_peer(c, 1, "a"), add_peer(c, 2, "a"); }},
    {"pop.peer_pops[0].ipv4_address", "BAD_ADDRESS",
     [](auto& c) { add_peer(c, 1, "a")->set_ipv4_address("2001:db8::1"); }},
    {"pop.peer_pops[0].ipv6_address", "ADDRESS_NOT_USABLE",
     [](auto& c) { add_peer(c, 1, "a")->set_ipv6_address("ff02::1"); }},
    {"pop.peer_pops[0].details.country", "BAD_NAME",
     [](auto& c) { add_peer(c, 1, "a")->mutable_details()->set_country("n1"); }},
    {"pop.service_state", "UNKNOWN_VALUE",
     [](auto& c) { c.mutable_pop()->set_service_state(static_cast<v1::ServiceState>(9)); }},
    {"pop.service_message", "TOO_LONG",
     [](auto& c) { c.mutable_pop()->set_service_message(std::string(201, 'x')); }},
    {"pop.service_message", "BAD_TEXT",
     [](auto& c) { c.mutable_pop()->set_service_message("bis sp\xc3\xa4ter"); }},
    {"pop.tic.clear_text", "UNKNOWN_VALUE",
     [](auto& c) {
       c.mutable_pop()->mutable_tic()->set_clear_text(static_cast<v1::TicPolicy::ClearText>(9));
     }},
    {"pop.tic.md5_challenge", "UNKNOWN_VALUE",
     [](auto& c) {
       c.mutable_pop()->mutable_tic()->set_md5_challenge(static_cast<v1::TicPolicy::Challenge>(9));
     }},
    {"pop.console.allowed_addresses[0]", "BAD_ADDRESS",
     [](auto& c) { c.mutable_pop()->mutable_console()->add_allowed_addresses("10.0.0.0/8"); }},
    {"pop.console.allowed_addresses[1]", "DUPLICATE",
     [](auto& c) {
       c.mutable_pop()->mutable_console()->add_allowed_addresses("2001:db8::1");
       c.mutable_pop()->mutable_console()->add_allowed_addresses("2001:DB8:0::1");
     }},
    {"pop.console.allowed_addresses", "TOO_MANY",
     [](auto& c) {
       for (int i = 0; i < 65; ++i) {
         c.mutable_pop()->mutable_console()->add_allowed_addresses("10.0.0." + std::to_string(i));
       }
     }},
};

TEST_CASE("each fault is refused with its field and reason") {
  for (const Fault& fault : kFaults) {
    v1::Config config = sample_config();
    fault.spoil(config);
    const auto violations = validate(config);
    INFO(fault.field << " " << fault.reason);
    for (const FieldViolation& v : violations)
      UNSCOPED_INFO(v.reason << " " << format_violation(v));
    REQUIRE(violations.size() == 1);
    CHECK(violations[0].field == fault.field);
    CHECK(violations[0].reason == fault.reason);
    CHECK(violations[0].description.size() > 5);
    for (const v1::Tunnel& t : config.tunnels()) {
      const bool quoted = !t.password().empty() &&
                          violations[0].description.find(t.password()) != std::string::npos;
      CHECK_FALSE(quoted);
      const bool key = !t.update_key().empty() &&
                       violations[0].description.find(t.update_key()) != std::string::npos;
      CHECK_FALSE(key);
    }
    for (const v1::Account& a : config.accounts()) {
      for (const std::string& secret : {a.secret(), a.secret_md5()}) {
        const bool quoted =
            !secret.empty() && violations[0].description.find(secret) != std::string::npos;
        CHECK_FALSE(quoted);
      }
    }
  }
}

TEST_CASE("every reason has a fault that shows it") {
  std::vector<std::string_view> shown = {"SYNTAX_ERROR", "UNKNOWN_FIELD"};  // above
  for (const Fault& fault : kFaults) shown.emplace_back(fault.reason);
#define X(constant, name, help) CHECK(std::count(shown.begin(), shown.end(), name) > 0);
#include "control/config/violation_reasons.def"
#undef X
}

TEST_CASE("accounts and settings of the PoP have one spelling, and a secret is kept as its MD5") {
  v1::Config config = sample_config();
  CHECK(config.pop().service_state() == v1::IN_SERVICE);
  CHECK(config.pop().tic().clear_challenge() == v1::TicPolicy::CHALLENGE_WITH_TLS);
  CHECK(config.pop().tic().md5_challenge() == v1::TicPolicy::CHALLENGE_ALLOWED);
  add_account(config, "zoe")->set_secret_md5("5F4DCC3B5AA765D61D8327DEB882CF99");
  add_account(config, "Ann@example.net")->set_secret("password");
  add_peer(config, 9, "late")->set_ipv6_address("2001:DB8:0::9");
  add_peer(config, 2, "early")->mutable_details();
  config.mutable_pop()->mutable_console()->add_allowed_addresses("2001:DB8:0::1");
  config.mutable_pop()->mutable_details();
  REQUIRE(validate(config).empty());
  normalize(config);
  REQUIRE(config.accounts_size() == 2);
  CHECK(config.accounts(0).name() == "Ann@example.net");
  CHECK(config.accounts(0).secret().empty());
  CHECK(config.accounts(0).secret_md5() == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(config.accounts(1).secret_md5() == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(config.accounts(0).state() == v1::Account::ENABLED);
  CHECK(config.pop().peer_pops(0).name() == "early");
  CHECK_FALSE(config.pop().peer_pops(0).has_details());
  CHECK(config.pop().peer_pops(1).ipv6_address() == "2001:db8::9");
  CHECK(config.pop().console().allowed_addresses(0) == "2001:db8::1");
  CHECK_FALSE(config.pop().has_details());
  const std::string shown = print_config_text(config, Secrets::kShow);
  CHECK_THAT(shown, ContainsSubstring("secret_md5: \"5f4dcc3b5aa765d61d8327deb882cf99\""));
  CHECK_THAT(shown, !ContainsSubstring("service_state"));
  CHECK_THAT(print_config_text(config), !ContainsSubstring("5f4dcc3b"));
}

TEST_CASE("no error quotes a password, however its text is broken") {
  struct Case {
    const char* name;
    const char* text;
  };
  const Case cases[] = {
      {"a.txtpb", "tunnels {\n  password: s3cr3t-s3cr3t-s3cr3t\n}\n"},
      {"a.txtpb", "tunnels {\n  password: \"abc\"s3cr3t\"\n}\n"},
      {"a.txtpb", "tunnels {\n  password:\n  s3cr3t\n}\n"},
      {"a.txtpb", "tunnels { id: 1 previous_password: 's3cr3t\n}\n"},
      {"a.txtpb", "tunnels {\n  password: \"s3cr3t\\q\"\n}\n"},
      {"a.txtpb", "accounts {\n  secret: \"abc\"s3cr3t\"\n}\n"},
      {"a.txtpb", "accounts { name: 'ann' secret_md5: s3cr3t-s3cr3t }\n"},
      {"a.txtpb", "tunnels { id: 1 update_key: 's3cr3t\n}\n"},
      {"a.json", "{\"accounts\": [{\"secret\": s3cr3t}]}"},
      {"a.json", "{\"accounts\": [{\"secret_md5\": [\"s3cr3t\"]}]}"},
      {"a.json", "{\"tunnels\": [{\"update_key\": {\"s3cr3t\": 1}}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": s3cr3t}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": \"abc\"s3cr3t\"}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": [\"s3cr3t\"]}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": {\"s3cr3t\": 1}}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": \"s3cr3t\", \"id\": x}]}"},
      {"a.json", "{\"tunnels\": [{\"password\": \"s3cr3t\" \"id\": 1}]}"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    std::vector<FieldViolation> violations;
    const auto config = parse_config(c.text, c.name, &violations);
    REQUIRE_FALSE(config.ok());
    CHECK_THAT(std::string(config.status().message()), !ContainsSubstring("s3cr3t"));
    for (const FieldViolation& v : violations) {
      CHECK_THAT(format_violation(v, c.name), !ContainsSubstring("s3cr3t"));
    }
  }
}

TEST_CASE("a file without passwords is good for whoever does not have them") {
  v1::Config config = sample_config();
  become(config, v1::Tunnel::HEARTBEAT)->clear_password();
  CHECK(validate(config).size() == 1);
  CHECK(validate(config, MissingPasswords::kAllow).empty());
  // One that is there is checked all the same.
  tunnel(config, 0)->set_password("short");
  CHECK(validate(config, MissingPasswords::kAllow).size() == 1);
}

TEST_CASE("the SHA-1 of a password is the one of FIPS 180-4") {
  const auto hex = [](const Sha1Digest& digest) {
    std::string text;
    for (const uint8_t byte : digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  };
  CHECK(hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex(sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex(sha1(std::string(132, 'a'))) == "416714cfc2d392ba7df0d4b3de554d0ae5f9a7c7");
}

TEST_CASE("a tunnel MTU of 0 follows the link's, and never below 1280") {
  struct Case {
    uint32_t link, configured;
    uint16_t effective;
  };
  for (const Case& c : {Case{0, 0, 1480}, Case{1400, 0, 1380}, Case{1280, 0, 1280},
                        Case{9000, 0, 1480}, Case{1500, 1300, 1300}, Case{1400, 1380, 1380}}) {
    v1::Config config = sample_config();
    uplink(config)->set_mtu(c.link);
    config.mutable_tunnels(2)->clear_mtu();
    config.mutable_tunnels(0)->set_mtu(c.configured);
    Violations violations;
    const CompiledConfig compiled = compile_config(config, violations);
    for (const auto& v : violations.list()) UNSCOPED_INFO(format_violation(v));
    REQUIRE(violations.empty());
    CHECK(compiled.tunnels[0].line.mtu == c.effective);
  }
}

TEST_CASE("the link towards a remote is the one it is on, else the one with the gateway") {
  v1::Config config = sample_config();
  v1::Interface* second = add_interface(config);
  second->set_mtu(1300);
  Violations violations;
  const ConfigContext context(config.pop(), config.pools(), violations);
  REQUIRE(violations.empty());
  CHECK(context.link_mtu(*parse_outer_address("10.1.2.3")) == 1300);
  CHECK(context.link_mtu(*parse_outer_address("192.0.2.9")) == 1500);
  CHECK(context.link_mtu(*parse_outer_address("8.8.8.8")) == 1500);
}

// ---- One change at a time.

TEST_CASE("one tunnel is judged against all others") {
  Violations violations;
  CompiledConfig compiled = compile_config(sample_config(), violations);
  REQUIRE(violations.empty());
  ConfigContext& context = compiled.context;
  CHECK(context.tunnel_count() == 3);
  CHECK(context.slot_of(18572) == 686);
  CHECK(context.owner_of_slot(686) == 18572);
  CHECK_FALSE(context.slot_of(2));

  v1::Tunnel tunnel;
  tunnel.set_id(2);
  tunnel.set_slot(1);
  tunnel.set_type(v1::Tunnel::PROTO41);
  tunnel.set_remote("203.0.113.9");
  CHECK(validate_tunnel(tunnel, context).empty());
  tunnel.set_slot(686);
  REQUIRE(validate_tunnel(tunnel, context).size() == 1);
  CHECK(validate_tunnel(tunnel, context)[0].field == "slot");
  CHECK_THAT(validate_tunnel(tunnel, context)[0].description, ContainsSubstring("T18572"));

  // The same tunnel again is a duplicate, unless it replaces itself.
  const v1::Tunnel existing = sample_config().tunnels(2);
  CHECK(validate_tunnel(existing, context).size() == 4);
  CHECK(validate_tunnel(existing, context, existing.id()).empty());

  context.remove(compile_valid_tunnel(existing, context));
  CHECK(context.tunnel_count() == 2);
  CHECK(validate_tunnel(existing, context).empty());
  CHECK(validate_tunnel(tunnel, context).empty());
}

TEST_CASE("ids of any size find their slots") {
  IdMap map;
  map.reserve(10);
  for (const uint32_t id : {1u, 2u, 4194303u, 4194304u, 4294967295u}) {
    CAPTURE(id);
    CHECK(map.find(id) == kNoSlot);
    map.put(id, 7);
    map.put(id, 8);
    CHECK(map.find(id) == 8);
  }
  CHECK(map.size() == 5);
  for (const uint32_t id : {3u, 2u, 2u, 4294967295u, 4294967294u}) map.erase(id);
  CHECK(map.size() == 3);
  CHECK(map.find(2) == kNoSlot);
  CHECK(map.find(4294967295u) == kNoSlot);
  CHECK(map.find(4194304) == 8);
}

TEST_CASE("a tunnel is found by any of its addresses") {
  Violations violations;
  const CompiledConfig compiled = compile_config(sample_config(), violations);
  const auto owner = [&](const char* address) {
    return compiled.context.owner_of(Ipv6Address::parse(address).value());
  };
  CHECK(owner("2001:db8:10:2ae::2") == 18572);
  CHECK(owner("2001:db8:10:82ae::2") == 18572);
  CHECK(owner("2001:db8:1001:42::2") == 18572);
  CHECK(owner("2001:db8:1002:3ff::2") == 18572);
  CHECK(owner("2001:db8:1002:400::2") == 0);
  CHECK(owner("2001:db8:10:2af::2") == 0);
  CHECK(owner("2a00::1") == 0);
  CHECK(compiled.context.link_prefix(686)->to_string() == "2001:db8:10:2ae::/64");
  CHECK(compiled.context.routed_prefix(686)->to_string() == "2001:db8:10:82ae::/64");
  CHECK_FALSE(compiled.context.link_prefix(0x8000));
}

TEST_CASE("the lowest free slot skips what is taken, reserved or not covered") {
  v1::Config config = sample_config();
  config.mutable_pools(0)->set_first_slot(10);
  config.mutable_pools(0)->set_prefix("2001:db8:10::/62");
  config.mutable_pop()->set_ipv6_address("2001:db8:10:2::1");
  config.clear_tunnels();
  Violations violations;
  ConfigContext context(config.pop(), config.pools(), violations);
  for (const auto& v : violations.list()) UNSCOPED_INFO(format_violation(v));
  REQUIRE(violations.empty());
  std::vector<uint32_t> given;
  CompiledTunnel tunnel;
  for (uint32_t id = 1; id < 10; ++id) {
    tunnel.slot = context.lowest_free_slot();
    if (tunnel.slot == kNoSlot) break;
    tunnel.line.tunnel_id = id;
    context.add(tunnel);
    given.push_back(tunnel.slot);
  }
  CHECK(given == std::vector<uint32_t>{10, 11, 13});
  tunnel.slot = 11;
  tunnel.line.tunnel_id = 2;
  context.remove(tunnel);
  CHECK(context.lowest_free_slot() == 11);
}

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* good : {"", "abc", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    CHECK(is_utf8(good));
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xffz"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace simplon::control
