// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What simplonctl says about dynamic tunnels: states, events, packets of errors, CSV.

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "control/cli/change_text.h"
#include "control/cli/failure.h"
#include "control/cli/files.h"
#include "control/cli/packet_text.h"
#include "control/cli/render_csv.h"
#include "control/cli/secrets.h"
#include "control/cli/state_text.h"
#include "control/cli/tunnel_fields.h"
#include "simplon/v1/tunnel_service.pb.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

using Event = v1::WatchResponse::TunnelEvent;

constexpr int64_t kNow = 1795234439;  // 2026-11-21 04:13:59 UTC

v1::Endpoint place(const char* address, uint32_t port, v1::Transport transport) {
  v1::Endpoint endpoint;
  endpoint.set_address(address);
  endpoint.set_port(port);
  endpoint.set_transport(transport);
  return endpoint;
}

google::protobuf::Timestamp at(int64_t seconds) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  return time;
}

Event event(Event::Kind kind) {
  Event e;
  e.set_name("tunnels/T5");
  e.set_kind(kind);
  *e.mutable_endpoint() = place("198.51.100.3", 4711, v1::TRANSPORT_AYIYA);
  return e;
}

std::string bytes(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string ipv4(unsigned protocol, const std::string& payload) {
  const auto length = 20 + payload.size();
  std::string header = bytes("450000000000400040000000c6336403c0000201");
  header[2] = static_cast<char>(length >> 8);
  header[3] = static_cast<char>(length & 0xff);
  header[9] = static_cast<char>(protocol);
  return header + payload;
}

std::string udp(unsigned destination, const std::string& payload) {
  std::string header = bytes("1267000000000000");
  header[2] = static_cast<char>(destination >> 8);
  header[3] = static_cast<char>(destination & 0xff);
  return header + payload;
}

const std::string kInner = bytes(
    "6000000000083a4020010db800010002000000000000000220010db8000000000000000000000099"
    "8000000000000000");

struct TemporaryFolder {
  std::string path = "/tmp/simplon-cli-unit-XXXXXX";
  TemporaryFolder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~TemporaryFolder() {
    for (const char* name : {"/a", "/b"}) unlink((path + name).c_str());
    rmdir(path.c_str());
  }
};

void write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("an endpoint is an address, with its port where it has one") {
  CHECK(endpoint_text(place("198.51.100.3", 0, v1::TRANSPORT_PROTO41)) == "198.51.100.3");
  CHECK(endpoint_text(place("198.51.100.3", 4711, v1::TRANSPORT_AYIYA)) == "198.51.100.3:4711");
  CHECK(endpoint_text(place("2001:db8::3", 0, v1::TRANSPORT_PROTO41)) == "2001:db8::3");
  CHECK(endpoint_text(place("2001:db8::3", 4711, v1::TRANSPORT_AYIYA)) == "[2001:db8::3]:4711");
  CHECK(endpoint_text(v1::Endpoint()).empty());
}

TEST_CASE("events of tunnels are told in words") {
  CHECK(tunnel_event_text(event(Event::UP)) == "T5 up at 198.51.100.3:4711 (AYIYA)");
  Event moved = event(Event::MOVED);
  *moved.mutable_old_endpoint() = place("203.0.113.9", 4711, v1::TRANSPORT_AYIYA);
  CHECK(tunnel_event_text(moved) == "T5 moved from 203.0.113.9:4711 to 198.51.100.3:4711 (AYIYA)");
  Event down = event(Event::DOWN);
  CHECK(tunnel_event_text(down) == "T5 down: taken down, was at 198.51.100.3:4711 (AYIYA)");
  down.set_count(180);
  CHECK(tunnel_event_text(down) ==
        "T5 down: no sign of life for 180 s, was at 198.51.100.3:4711 (AYIYA)");
  Event replayed = event(Event::REPLAYED);
  replayed.set_count(3);
  CHECK(tunnel_event_text(replayed) ==
        "T5 replayed AYIYA packet from 198.51.100.3:4711 refused, 3 times");
  Event step;
  step.set_kind(Event::CLOCK_STEP);
  step.mutable_clock_step()->set_seconds(-3600);
  CHECK(tunnel_event_text(step) == "the PoP's clock jumped 3600 s back");
  Event settled = event(Event::SETTLED);
  settled.set_count(41);
  CHECK(tunnel_event_text(settled) ==
        "T5 settled at 198.51.100.3:4711 (AYIYA): 41 moves were not reported");
}

TEST_CASE("the state of a tunnel is one screen with reason and ages") {
  v1::TunnelState s;
  s.set_name("tunnels/T5");
  s.set_id(5);
  s.set_slot(7);
  s.set_type(v1::Tunnel::AYIYA);
  s.set_admin_state(v1::Tunnel::ENABLED);
  s.set_oper_state(v1::TunnelState::DOWN);
  s.set_reason_code(v1::TunnelState::TIMED_OUT);
  s.set_reason("last packet 312 s ago");
  *s.mutable_endpoint() = place("198.51.100.3", 4711, v1::TRANSPORT_AYIYA);
  s.mutable_endpoint()->set_local("192.0.2.1");
  *s.mutable_last_seen_time() = at(kNow - 312);
  *s.mutable_highest_epoch() = at(kNow - 313);
  *s.mutable_state_change_time() = at(kNow - 132);
  s.mutable_client_clock_offset()->set_seconds(-4000);
  s.set_moves(2);
  s.set_flapping(true);
  s.set_errors(9);
  s.set_effective_mtu(1428);
  CHECK(state_text(s, at(kNow)) ==
        "tunnel        T5, ayiya, slot 7\n"
        "admin state   enabled\n"
        "state         down for 2m12s (since 2026-11-21 04:11:47 UTC)\n"
        "reason        timed-out: last packet 312 s ago\n"
        "endpoint      198.51.100.3:4711, AYIYA, at our 192.0.2.1 (last known)\n"
        "verified      no\n"
        "last seen     5m12s ago (2026-11-21 04:08:47 UTC)\n"
        "client time   2026-11-21 04:08:46 UTC, the newest accepted\n"
        "client clock  4000 s behind, when last refused for it\n"
        "moves         2, flapping\n"
        "replays       0\n"
        "mtu           1428\n"
        "errors        9: see 'simplonctl tunnel errors T5'\n");
}

TEST_CASE("of a static tunnel nothing is said that only dynamic ones have") {
  v1::TunnelState s;
  s.set_name("tunnels/T1");
  s.set_type(v1::Tunnel::PROTO41);
  s.set_oper_state(v1::TunnelState::UP);
  s.set_reason_code(v1::TunnelState::STATIC);
  *s.mutable_endpoint() = place("198.51.100.1", 0, v1::TRANSPORT_PROTO41);
  s.set_effective_mtu(1480);
  CHECK(state_text(s, at(kNow)) ==
        "tunnel       T1, proto41, slot 0\n"
        "admin state  enabled\n"
        "state        up\n"
        "reason       static\n"
        "endpoint     198.51.100.1, protocol 41\n"
        "mtu          1480\n"
        "errors       0\n");
}

TEST_CASE("packets are told in one line, through every header") {
  CHECK(packet_text(ipv4(41, kInner)) ==
        "198.51.100.3 > 192.0.2.1 length 68, 2001:db8:1:2::2 > 2001:db8::99 payload 8, "
        "ICMPv6 type 128 code 0");
  CHECK(packet_text(ipv4(17, udp(3740, "HEARTBEAT TUNNEL \n"))) ==
        "198.51.100.3 > 192.0.2.1 length 46, UDP 4711 > 3740, \"HEARTBEAT TUNNEL .\"");
  const std::string ayiya = bytes(
                                "4152112900000064"
                                "20010db8000100020000000000000002") +
                            std::string(20, '\0');
  CHECK(packet_text(ipv4(17, udp(5072, ayiya + kInner))) ==
        "198.51.100.3 > 192.0.2.1 length 120, UDP 4711 > 5072, AYIYA forward identity "
        "2001:db8:1:2::2 time 100 (1970-01-01 00:01:40 UTC), 2001:db8:1:2::2 > 2001:db8::99 "
        "payload 8, ICMPv6 type 128 code 0");
  CHECK(packet_text(ipv4(47, bytes("200086dd0000002a") + kInner)) ==
        "198.51.100.3 > 192.0.2.1 length 76, GRE key 42, 2001:db8:1:2::2 > 2001:db8::99 payload 8, "
        "ICMPv6 type 128 code 0");
}

TEST_CASE("a packet that is cut off anywhere, or is none, is told as far as it goes") {
  const std::string ayiya = bytes(
                                "4152112900000064"
                                "20010db8000100020000000000000002") +
                            std::string(20, '\0');
  for (const std::string& whole :
       {ipv4(17, udp(5072, ayiya + kInner)), ipv4(47, bytes("b00086dd00000000000000000000000a")),
        ipv4(1, bytes("0303000000000000") + ipv4(41, kInner)), std::string(100, '\x60')})
    for (std::size_t length = 0; length <= whole.size(); ++length)
      CHECK_FALSE(packet_text(whole.substr(0, length)).empty());
  CHECK(packet_text("hello") == "IPv6, cut off here");
  CHECK(packet_text(std::string(40, '\0')) == "neither IPv4 nor IPv6");
  std::string nested = kInner;  // IPv6 in IPv6 in ... must end
  for (int i = 0; i < 50; ++i) {
    nested = kInner.substr(0, 40) + nested;
    nested[4] = static_cast<char>((nested.size() - 40) >> 8);
    nested[5] = static_cast<char>((nested.size() - 40) & 0xff);
    nested[6] = 41;
  }
  CHECK(packet_text(nested).size() < 1000);
}

TEST_CASE("a hex dump has sixteen bytes a line and the text beside them") {
  CHECK(hex_dump("0123456789abcdef\n!") ==
        "0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
        "0010  0a 21                                             |.!|\n");
  CHECK(hex_dump("").empty());
}

TEST_CASE("a capture file has one raw packet with its whole length") {
  const std::string file = pcap_file("abc", 1500, 7, 9);
  CHECK(file.size() == 24 + 16 + 3);
  CHECK(file.substr(0, 4) == bytes("4d3cb2a1"));
  CHECK(file.substr(20, 4) == bytes("65000000"));
  CHECK(file.substr(24, 16) == bytes("0700000009000000"
                                     "03000000dc050000"));
}

TEST_CASE("CSV has a row for each thing listed, and text in quotes where it must be") {
  v1::ListTunnelsResponse list;
  v1::Tunnel& one = *list.add_tunnels();
  one.set_id(7);
  one.set_type(v1::Tunnel::GRE);
  one.set_gre_key(0);
  one.set_description("a \"b\", c");
  one.add_delegated_prefixes("2001:db8:1::/48");
  one.add_delegated_prefixes("2001:db8:2::/48");
  list.add_tunnels()->set_id(8);
  const std::string with_heads = render_csv(list, true);
  const std::string rows = render_csv(list, false);
  CHECK(with_heads.substr(with_heads.find('\n') + 1) == rows);
  CHECK(with_heads.starts_with("id,slot,type,admin_state,remote,"));
  CHECK(rows.starts_with("7,,GRE,"));
  CHECK(rows.find(",2001:db8:1::/48 2001:db8:2::/48,\"a \"\"b\"\", c\",") != std::string::npos);

  v1::TunnelState state;
  state.set_name("tunnels/T5");
  *state.mutable_endpoint() = place("198.51.100.3", 0, v1::TRANSPORT_PROTO41);
  *state.mutable_last_seen_time() = at(0);
  const std::string text = render_csv(state, true);
  CHECK(text.find("reason_code,endpoint.address,endpoint.port,") != std::string::npos);
  CHECK(text.find(",198.51.100.3,0,TRANSPORT_PROTO41,") != std::string::npos);
  CHECK(text.find(",1970-01-01T00:00:00Z,") != std::string::npos);
}

TEST_CASE("a password comes from one place, is one line, and is in no message") {
  const TemporaryFolder folder;
  const std::string file = folder.path + "/a";
  std::ostringstream said;
  write(file, "correct horse battery\r\n", 0600);
  CHECK(read_secret({file, false, {}, "password"}, said) == "correct horse battery");
  CHECK(said.str().empty());
  write(file, "correct horse battery\n", 0644);
  CHECK(read_secret({file, false, {}, "password"}, said) == "correct horse battery");
  CHECK(said.str() == "simplonctl: " + file + ": others may read this password: chmod 600\n");
  CHECK(read_secret({"", false, "staple", "password"}, said) == "staple");
  CHECK_FALSE(read_secret({}, said).has_value());
  for (const char* const bad : {"", "\n", "two\nlines\n", "caf\xc3\xa9\n"}) {
    write(file, bad, 0600);
    try {
      read_secret({file, false, {}, "password"}, said);
      FAIL("accepted");
    } catch (const Failure& failure) {
      CHECK(failure.code == ExitCode::kError);
      CHECK(failure.lines.front().find("lines") == std::string::npos);
    }
  }
  CHECK_THROWS_AS(read_secret({file, true, {}, "password"}, said), Failure);
  CHECK_THROWS_AS(read_secret({"", true, "x", "password"}, said), Failure);
}

TEST_CASE("passwords that are made differ and are long enough") {
  const std::string one = generate_secret();
  CHECK(one.size() == 32);
  CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(generate_secret() != one);
}

TEST_CASE("a file of secrets is its owner's alone") {
  const TemporaryFolder folder;
  const std::string file = folder.path + "/a";
  struct stat status {};
  write_secret_file(file, "one");
  REQUIRE(stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  write_secret_file(file, "two");
  CHECK(read_file(file) == "two");
  REQUIRE(chmod(file.c_str(), 0640) == 0);
  CHECK_THROWS_AS(write_secret_file(file, "three"), Failure);
  CHECK(read_file(file) == "two");
  const std::string link = folder.path + "/b";
  REQUIRE(symlink(file.c_str(), link.c_str()) == 0);
  CHECK_THROWS_AS(write_secret_file(link, "four"), Failure);
}

TEST_CASE("a change of a password is told without the password") {
  v1::Change change;
  change.set_name("tunnels/T5");
  change.set_action(v1::Change::UPDATED);
  change.mutable_old()->mutable_tunnel()->set_password("old-secret");
  change.mutable_new_()->mutable_tunnel()->set_password("new-secret");
  change.add_paths("password");
  CHECK(change_text(change) == "tunnels/T5: password changed");
}

TEST_CASE("types have the words the command line takes") {
  CHECK(type_word(v1::Tunnel::PROTO41) == "proto41");
  CHECK(type_word(v1::Tunnel::DYNAMIC_ENDPOINT) == "dynamic");
  CHECK(type_word(v1::Tunnel::IPV6_TUNNEL) == "ipv6-tunnel");
}

}  // namespace simplon::cli
