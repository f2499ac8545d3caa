// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console with all of control behind it: sessions as such, and through TCP.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/console.h"
#include "control/sixxsd/console_session.h"
#include "control/sixxsd/error_names.h"
#include "control/sixxsd/import.h"
#include "tests/support/control_api.h"

namespace simplon::control::sixxsd {
namespace {

using simplon::testing::Api;
using simplon::testing::PortlessDataplane;
using simplon::testing::TemporaryDirectory;
using Clock = std::chrono::steady_clock;

constexpr char kPassword[] = "f3d47c2de40fb698e1ab15d757a09bfc";
constexpr std::size_t kFaults = 21;

Ipv6Address ip(const char* text) {
  return *parse_ip(text);
}

// A PoP of the original's shape, with two tunnels.
v1::Config pop_config() {
  v1::Config config;
  v1::Pop& pop = *config.mutable_pop();
  pop.set_name("pop1");
  pop.set_number(1);
  auto& interface = *pop.add_interfaces();
  interface.set_port("uplink");
  interface.set_ipv4_address("192.0.2.42/24");
  interface.set_ipv4_gateway("192.0.2.1");
  interface.set_ipv6_address("2001:db8:ffff::42/64");
  pop.mutable_console()->add_allowed_addresses("127.0.0.1");
  pop.mutable_console()->add_allowed_addresses("192.0.2.100");
  pop.mutable_console()->add_allowed_addresses("2001:db8:ffff::100");
  const Ipv6Prefix tunnels = *Ipv6Prefix::parse("2001:db8:2ff::/48");
  pop.set_ipv6_address(pop_address(tunnels).to_string());
  PoolList& pools = *config.mutable_pools();
  for (v1::Pool& pool : tunnel_pools(tunnels)) add_pool(pool, pools);
  for (v1::Pool& pool : subnet_pools(*Ipv6Prefix::parse("2001:db8:3000::/40"), tunnels)) {
    add_pool(pool, pools);
  }
  v1::Tunnel& one = *config.add_tunnels();
  one.set_id(4141);
  one.set_slot(0);
  one.set_type(v1::Tunnel::PROTO41);
  one.set_remote("198.51.100.1");
  one.set_mtu(1480);
  one.set_description("kept by whoever knows no better");
  v1::Tunnel& two = *config.add_tunnels();
  two.set_id(5072);
  two.set_slot(1);
  two.set_type(v1::Tunnel::DYNAMIC_ENDPOINT);
  two.set_password(kPassword);
  two.set_mtu(1428);
  return config;
}

class Bed {
 public:
  explicit Bed(bool connect = true) : api_(directory_) {
    REQUIRE(api_.apply(pop_config()).ok());
    if (connect) {
      dataplane_.emplace(directory_.path());
      api_.wait_connected();
    }
    console_ = std::make_unique<Console>(api_.daemon().context(), directory_.file("state"));
    REQUIRE(console_->start({}).ok());
  }

  std::unique_ptr<LineSession> open(const char* peer = "192.0.2.100") {
    auto session = console_->open(LinePeer{ip(peer), 4711});
    greeting = session->greet().text;
    return session;
  }
  // As a client that reads the answer to its end.
  std::string ask(LineSession& session, std::string_view line) {
    const std::string text = session.take_line(line).text;
    session.all_sent();
    return text;
  }
  std::string ask(std::string_view line) {
    const auto session = open();
    const std::string text = ask(*session, line);
    session->client_left();
    return text;
  }

  uint64_t revision() { return api_.daemon().context().engine.revision(); }
  v1::Revision newest() {
    v1::GetRevisionRequest request;
    request.set_name("revisions/" + std::to_string(revision()));
    v1::GetRevisionResponse reply;
    REQUIRE(Api::call([&](auto* c) { return api_.config->GetRevision(c, request, &reply); }).ok());
    return reply.revision();
  }
  uint8_t incarnation(uint32_t slot) {
    return api_.daemon().context().engine.read(
        [&](const Model& model, const Engine::Info&) { return model.incarnation(slot); });
  }
  std::string password(uint32_t id) {
    return api_.daemon().context().engine.read(
        [&](const Model& model, const Engine::Info&) { return model.find(id)->password(); });
  }
  void wait_for_revision(uint64_t wanted) {
    for (int i = 0; i < 300 && revision() < wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(revision() == wanted);
  }

  Api& api() { return api_; }
  PortlessDataplane& dataplane() { return *dataplane_; }
  Console& console() { return *console_; }
  void restart_console() {
    console_.reset();
    console_ = std::make_unique<Console>(api_.daemon().context(), directory_.file("state"));
    REQUIRE(console_->start({}).ok());
  }
  const TemporaryDirectory& directory() const { return directory_; }

  std::string greeting;

 private:
  TemporaryDirectory directory_;
  Api api_;
  std::optional<PortlessDataplane> dataplane_;
  std::unique_ptr<Console> console_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != text.npos);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The lines of an answer of several, after its frame has been checked.
std::vector<std::string> listed(const std::string& text) {
  auto lines = lines_of(text);
  REQUIRE(lines.size() > 2);
  CHECK(lines.front() == fmt::format("201 {}", lines.size() - 2));
  CHECK(lines.back() == "200 OK");
  return {lines.begin() + 1, lines.end() - 1};
}

std::string line_of(const std::string& text, const std::string& begin) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(begin)) return line;
  }
  return "";
}

TEST_CASE("only allowed addresses are served, others get a page") {
  Bed bed(false);
  bed.open("192.0.2.100");
  CHECK(bed.greeting.starts_with("200 pop1 "));
  CHECK(bed.greeting.ends_with("\n"));
  bed.open("2001:db8:ffff::100");
  CHECK(bed.greeting.starts_with("200 "));
  for (const char* stranger : {"192.0.2.101", "::1", "2001:db8:ffff::101"}) {
    INFO(stranger);
    const auto session = bed.console().open(LinePeer{ip(stranger), 1});
    const auto greeting = session->greet();
    CHECK(greeting.then == LineSession::Then::kClose);
    CHECK(greeting.text.starts_with("HTTP/1.1 301 "));
    CHECK(greeting.text.find(fmt::format("<!-- Your IP: {} -->", stranger)) != greeting.text.npos);
    CHECK(session->take_line("pop show status").text.empty());
  }
  // The list holds from the next line on, for sessions that are open as well.
  const auto here = bed.open();
  CHECK(bed.ask(*here, "pop cliacl remove 2001:db8:ffff::100") == "200 CLI ACL removed\n");
  const auto there = bed.open("2001:db8:ffff::100");
  CHECK(bed.ask(*here, "pop saveconfig") == "200 Configuration stored to disk\n");
  CHECK(there->take_line("pop get id").then == LineSession::Then::kClose);
}

TEST_CASE("an answer is one line, or a count, the lines and OK") {
  Bed bed(false);
  CHECK(bed.ask("pop get name") == "200 pop1\n");
  CHECK(bed.ask("pop get id") == "200 1\n");
  CHECK(bed.ask("") == "200 Nothing to do: an empty line\n");
  CHECK(bed.ask("# hello") == "200 Nothing to do: a comment\n");
  CHECK(bed.ask("nothing at all") == "404 Unknown command: main >> nothing\n");
  CHECK(bed.ask("tunnel show") ==
        "404 Command 'show' requires arguments: show <tunnel> (min=1, max=1, given=0)\n");
  CHECK(bed.ask("pproxy set config 1 2 host 80").starts_with("200 Accepted"));
  CHECK(bed.ask("pproxy set config 1 2 host 80").ends_with("\n"));
  CHECK(bed.ask("pop shutdown").starts_with("401 "));
  CHECK(bed.ask("tunnel set debug T4141 on").starts_with("401 "));
  CHECK(bed.ask("pop set debug thread off").starts_with("200 Ok"));
  CHECK(bed.ask("pop set debug kernel off").starts_with("400 "));
  CHECK(bed.ask("pop set verbosity 42").starts_with("500 "));
  for (const char* command :
       {"pop show info", "pop show hostinfo", "pop show threads", "pop show timeinfo",
        "pop show version", "help", "fullhelp", "pop cliacl list", "pop show status"}) {
    INFO(command);
    CHECK(!listed(bed.ask(command)).empty());
  }
  CHECK(bed.ask("pop show uptime").starts_with("200 0 days 00:00:"));
  CHECK(bed.ask("pop show unixtime").starts_with("200 1"));
  const auto session = bed.open();
  const auto bye = session->take_line("quit");
  CHECK(bye.text == "666 Tschau\n");
  CHECK(bye.then == LineSession::Then::kClose);
  CHECK(session->timed_out() == "500 Tschau, connection timed out\n");
  CHECK(session->too_long().starts_with("500 "));
}

TEST_CASE("the PoP is shown, and set") {
  Bed bed(false);
  CHECK(bed.ask("pop show pops") == "200 1 pop1 192.0.2.42 2001:db8:ffff::42\n");
  CHECK(bed.ask("pop tunnelprefix list") == "200 2001:db8:2ff::/48\n");
  CHECK(bed.ask("pop tunnelprefix add 2001:db8:2ff::/48") ==
        "200 Tunnel Prefix already configured\n");
  CHECK(bed.ask("pop tunnelprefix add 2001:db8:4ff::/48").starts_with("400 "));
  CHECK(bed.ask("pop subnetprefix list") == "200 2001:db8:3000::/40\n");
  CHECK(bed.ask("pop subnetprefix add 2001:db8:3000::/40") ==
        "200 Subnet Prefix already configured\n");
  const uint64_t before = bed.revision();

  const auto session = bed.open();
  CHECK(bed.ask(*session, "pop subnetprefix add 2001:db8:4000::/48") ==
        "200 Subnet Prefix 2001:db8:4000::/48 added\n");
  CHECK(bed.ask(*session, "pop set details 2 pop2 192.0.2.66 2001:db8:ffff::66") ==
        "200 PoP details updated\n");
  CHECK(bed.ask(*session, "pop set details 1 pop1 192.0.2.42 2001:db8:ffff::42") ==
        "200 PoP details updated\n");
  CHECK(bed.ask(*session, "pop set id 1") == "200 Configured to ID 1\n");
  CHECK(bed.ask(*session, "pop set id 64").starts_with("400 "));
  CHECK(bed.ask(*session, "pop cliacl add 192.0.2.100") == "200 CLI ACL already present\n");
  CHECK(bed.ask(*session, "pop cliacl add ::ffff:192.0.2.7") == "200 CLI ACL added\n");
  CHECK(bed.ask(*session, "pop cliacl remove 192.0.2.8").starts_with("404 "));
  CHECK(bed.revision() == before);
  // What this session has changed it sees.
  CHECK(listed(bed.ask(*session, "pop subnetprefix list")).size() == 2);
  CHECK(bed.revision() == before + 1);
  CHECK(bed.newest().method() == "Console");
  CHECK(listed(bed.ask(*session, "pop show pops"))[1] == "2 pop2 192.0.2.66 2001:db8:ffff::66");
  CHECK(listed(bed.ask(*session, "pop cliacl list")).back() == "192.0.2.7");
  CHECK(bed.ask(*session, "pop cliacl reset") == "200 CLI ACL has been reset\n");
  CHECK(bed.ask(*session, "pop cliacl list") == "200 192.0.2.100\n");
}

TEST_CASE("a line is checked at once, and a fault changes nothing") {
  Bed bed(false);
  const uint64_t before = bed.revision();
  const auto session = bed.open();
  for (const char* line : {
           "tunnel set config zz T1 198.51.100.2 up 1280",
           "tunnel set config 7fff T1 198.51.100.2 up 1280",
           "tunnel set config 2 X1 198.51.100.2 up 1280",
           "tunnel set config 2 T1 198.51.100.2 up 1500",
           "tunnel set config 2 T1 nowhere up 1280",
           "tunnel set config 2 T1 2001:db8::1 up 1280",
           "tunnel set config 2 T1 192.0.2.42 up 1280",
           "tunnel set config 2 T1 198.51.100.2 sideways 1280",
           "tunnel set config 2 T1 ayiya up 1280",
           "tunnel set config 2 T1 ayiya up 1280 short",
           "tunnel set config 2 T4141 198.51.100.2 up 1280",
           "subnet set config 2001:db8:9999::/48 0 static",
           "subnet set config 2001:db8:3001::/48 2 static",
           "subnet set config 2001:db8:3001::/48 0 other",
           "tunnel set remote T4141 nowhere",
       }) {
    INFO(line);
    const std::string answer = bed.ask(*session, line);
    CHECK(answer.starts_with("400 "));
    CHECK(answer.find("short ") == answer.npos);
    CHECK(lines_of(answer).size() == 1);
  }
  CHECK(bed.ask(*session, "pop saveconfig") == "200 Configuration stored to disk\n");
  CHECK(bed.revision() == before);
}

TEST_CASE("lines wait for one transaction, and see the lines before them") {
  Bed bed;
  const uint64_t before = bed.revision();
  {
    const auto session = bed.open();
    CHECK(
        bed.ask(*session, "tunnel set config 2ae T18572 ayiya up 1280 " + std::string(kPassword)) ==
        "200 Accepted Tunnel 2ae/T18572 with password\n");
    CHECK(bed.ask(*session, "tunnel set config 3 T3 198.51.100.3 up 1400") ==
          "200 Accepted Tunnel 3/T3\n");
    CHECK(bed.ask(*session, "subnet set config 2001:db8:3001::/48 2ae static") ==
          "200 Accepted Route 2001:db8:3001::/48 via 2ae\n");
    CHECK(bed.ask(*session, "subnet set config 2001:db8:3002::/48 3 static").starts_with("200 "));
    // Another session too.
    const auto other = bed.open();
    CHECK(bed.ask(*other, "subnet set config 2001:db8:3002::/48 2ae static").starts_with("200 "));
    CHECK(bed.revision() == before);
    CHECK(bed.ask(*session, "pop saveconfig") == "200 Configuration stored to disk\n");
  }
  CHECK(bed.revision() == before + 1);
  CHECK(bed.newest().method() == "Console");
  CHECK(bed.newest().created() == 2);
  const v1::Tunnel made = bed.api().get("tunnels/T18572");
  CHECK(made.delegated_prefixes_size() == 2);
  CHECK(made.slot() == 0x2ae);
  CHECK(made.type() == v1::Tunnel::DYNAMIC_ENDPOINT);
  CHECK(bed.password(18572) == kPassword);
  CHECK(bed.api().get("tunnels/T3").delegated_prefixes().empty());

  // A subnet that is another's goes over, as a tunnel's place does.
  CHECK(bed.ask("subnet set config 2001:db8:3001::/48 3 static").starts_with("200 "));
  CHECK(bed.api().get("tunnels/T18572").delegated_prefixes_size() == 1);
  CHECK(bed.ask("tunnel set config 2ae T9 198.51.100.9 up 1280") == "200 Accepted Tunnel 2ae/T9\n");
  CHECK(bed.api().get("tunnels/T9").delegated_prefixes().empty());
  CHECK(bed.ask("tunnel show T18572") == "404 No such Tunnel ID (T18572) found\n");
}

TEST_CASE("what waits is committed soon by itself, and when the session ends") {
  Bed bed(false);
  const uint64_t before = bed.revision();
  const auto session = bed.open();
  const auto begin = Clock::now();
  CHECK(bed.ask(*session, "tunnel set config 3 T3 198.51.100.3 up 1400").starts_with("200 "));
  bed.wait_for_revision(before + 1);
  CHECK(Clock::now() - begin < std::chrono::seconds(2));
  {
    const auto short_one = bed.open();
    CHECK(bed.ask(*short_one, "tunnel set config 4 T4 198.51.100.4 up 1400").starts_with("200 "));
  }
  CHECK(bed.revision() == before + 2);
}

TEST_CASE("the same lines again make no revision and disturb no tunnel") {
  Bed bed;
  const auto session = bed.open();
  const std::string push[] = {
      "pop set details 1 pop1 192.0.2.42 2001:db8:ffff::42",
      "pop set id 1",
      "pop tunnelprefix add 2001:db8:2ff::/48",
      "pop subnetprefix add 2001:db8:3000::/40",
      "pop cliacl reset",
      "pop cliacl add 127.0.0.1",
      "tunnel set config 0 T4141 198.51.100.1 up 1480",
      fmt::format("tunnel set config 1 T5072 ayiya up 1428 {}", kPassword),
      "subnet set config 2001:db8:3055::/48 1 static",
      "pop saveconfig",
  };
  for (const std::string& line : push) CHECK(bed.ask(*session, line).starts_with("200 "));
  const uint64_t before = bed.revision();
  const uint8_t incarnation = bed.incarnation(1);
  for (int i = 0; i < 500 && bed.api().pop_status().active_revision() != before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const int publishes = bed.dataplane().publishes();
  for (int i = 0; i < 3; ++i) {
    for (const std::string& line : push) CHECK(bed.ask(*session, line).starts_with("200 "));
  }
  std::this_thread::sleep_for(Console::kQuiet + std::chrono::milliseconds(200));
  CHECK(bed.revision() == before);
  CHECK(bed.dataplane().publishes() == publishes);
  CHECK(bed.incarnation(1) == incarnation);
  CHECK(bed.api().get("tunnels/T4141").description() == "kept by whoever knows no better");
}

TEST_CASE("a line that became wrong meanwhile is reported, and the others are taken") {
  Bed bed(false);
  const auto session = bed.open();
  CHECK(bed.ask(*session, "tunnel set config 7 T7 198.51.100.7 up 1280").starts_with("200 "));
  CHECK(bed.ask(*session, "tunnel set config 8 T8 198.51.100.8 up 1280").starts_with("200 "));
  v1::Tunnel other;
  other.set_id(7);
  other.set_slot(77);
  other.set_type(v1::Tunnel::PROTO41);
  other.set_remote("198.51.100.77");
  v1::Tunnel reply;
  REQUIRE(bed.api().create(other, &reply).ok());
  const std::string answer = bed.ask(*session, "pop saveconfig");
  CHECK(answer.starts_with("401 2\n"));
  CHECK(answer.find("tunnel 7/T7: T7 has TID 4d, which never changes") != answer.npos);
  CHECK(answer.ends_with("400 OK\n"));
  CHECK(bed.api().get("tunnels/T8").slot() == 8);
  CHECK(bed.api().get("tunnels/T7").slot() == 77);
  CHECK(bed.ask(*session, "pop saveconfig") == "200 Configuration stored to disk\n");
}

TEST_CASE("while an apply awaits confirmation lines wait too") {
  Bed bed(false);
  v1::Config next = pop_config();
  next.mutable_pop()->set_icmp_errors_per_second(123);
  REQUIRE(bed.api().apply(next, nullptr, 30).ok());
  const auto session = bed.open();
  CHECK(bed.ask(*session, "tunnel set config 7 T7 198.51.100.7 up 1280").starts_with("200 "));
  CHECK(bed.ask(*session, "pop saveconfig").starts_with("500 Not stored: "));
  v1::ConfirmConfigRequest request;
  v1::Revision revision;
  REQUIRE(Api::call([&](auto* c) {
            return bed.api().config->ConfirmConfig(c, request, &revision);
          }).ok());
  CHECK(bed.ask(*session, "pop saveconfig") == "200 Configuration stored to disk\n");
  CHECK(bed.api().get("tunnels/T7").slot() == 7);
}

TEST_CASE("tunnels are shown as the original showed them, without passwords") {
  Bed bed;
  Endpoint endpoint;
  endpoint.address = ip("203.0.113.9");
  endpoint.port = 4321;
  endpoint.transport = Transport::kAyiya;
  RuntimeTable table = bed.dataplane().runtime();
  const uint8_t incarnation = bed.incarnation(1);
  table.learn(1, incarnation, endpoint, 1000, bed.dataplane().boot_s());
  auto listing = listed(bed.ask("tunnel list"));
  REQUIRE(listing.size() == 2);
  CHECK(listing[0] == "T4141 2001:db8:2ff:0::2 198.51.100.1 up direct 1480 0");
  CHECK(listing[1] == "T5072 2001:db8:2ff:1::2 203.0.113.9 up ayiya 1428 0");
  CHECK(bed.ask("tunnel list erroronly") == "200 No tunnels are configured which have errors\n");
  CHECK(bed.ask("tunnel list debugonly").starts_with("200 No tunnels"));
  CHECK(bed.ask("tunnel list \"err=Clock Off\"").starts_with("200 No tunnels"));
  CHECK(bed.ask("tunnel list err=nonsense").starts_with("404 "));
  CHECK(bed.ask("tunnel list nonsense").starts_with("400 "));
  CHECK(bed.ask("tunnel get outer_endpoint T5072") == "200 203.0.113.9\n");
  CHECK(bed.ask("tunnel get outer_endpoint 2001:db8:2ff:1::2") == "200 203.0.113.9\n");
  CHECK(bed.ask("tunnel get outer_endpoint 2001:db8:2ff:8000::5") == "200 198.51.100.1\n");
  CHECK(bed.ask("tunnel get outer_endpoint 192.0.2.1").starts_with("404 "));
  CHECK(bed.ask("tunnel get outer_endpoint hello").starts_with("400 "));

  const std::string shown = bed.ask("tunnel show T5072");
  CHECK(listed(shown).size() == 11 + 5 + 2 + 10 + 2 + kFaults);
  CHECK(line_of(shown, "TID ") == "TID                     : 0x1");
  CHECK(line_of(shown, "Inner Us") == "Inner Us                : 2001:db8:2ff:1::1");
  CHECK(line_of(shown, "Outer Us") == "Outer Us                : 192.0.2.42");
  CHECK(line_of(shown, "Outer Them") == "Outer Them              : 203.0.113.9");
  CHECK(line_of(shown, "AYIYA Port Them") == "AYIYA Port Them         : 4321");
  CHECK(line_of(shown, "Tunnel State") == "Tunnel State            : up");
  CHECK(line_of(shown, "Dynamic Tunnel") == "Dynamic Tunnel          : yes");
  CHECK(line_of(shown, "Clock Off") == "Clock Off               : none");
  CHECK(line_of(shown, "Last Heartbeat").find("0 days 00:00:0") != std::string::npos);
  CHECK(shown.find(kPassword) == shown.npos);
  CHECK(line_of(shown, "Heartbeat Password") == "Heartbeat Password      : (not shown)");
}

TEST_CASE("errors have the original's names, and can be reset") {
  Bed bed;
  const uint8_t incarnation = bed.incarnation(1);
  ErrorLedger ledger = bed.dataplane().ledger();
  // IPv4 and UDP, as far as the ledger looks.
  uint8_t packet_bytes[44] = {0x45, 0, 0, 44};
  packet_bytes[9] = 17;
  const uint8_t source[4] = {203, 0, 113, 9};
  std::copy(std::begin(source), std::end(source), packet_bytes + 12);
  LedgerEntry entry;
  entry.slot = 1;
  entry.incarnation = incarnation;
  entry.reason = uint8_t(DropReason::kAyiyaClockSkew);
  entry.packet = packet_bytes;
  ledger.book(entry, 1'700'000'000'000'000'000ull);
  entry.reason = uint8_t(DropReason::kPacketTooBig);
  ledger.book(entry, 1'700'000'000'000'000'000ull);

  CHECK(line_of(bed.ask("tunnel list"), "T5072").ends_with(" 1"));
  CHECK(bed.ask("tunnel list erroronly").starts_with("200 T5072 "));
  CHECK(bed.ask("tunnel list \"ERR=encap.pkt too big\"").starts_with("200 T5072 "));
  CHECK(line_of(bed.ask("tunnel show T5072"), "Clock Off")
            .starts_with("Clock Off               : 1, last: 203.0.113.9 2023-11-14 22:13:20 "
                         "(1700000000; "));
  const auto packet = listed(bed.ask("tunnel get errorpacket T5072 \"Clock Off\""));
  REQUIRE(packet.size() == 10);
  CHECK(packet[0] == "Error       : Clock Off");
  CHECK(packet[1] == "Count       : 1");
  CHECK(packet[3] == "Source      : 203.0.113.9");
  CHECK(packet[4] == "Real Length : 44");
  CHECK(packet[6] == "00000000 45 00 00 2c 00 00 00 00 00 11 00 00 cb 00 71 09 E..,..........q.");
  CHECK(packet[8].size() == 9 + 3 * 16 + 12);
  CHECK(bed.ask("tunnel get errorpacket T5072 \"Wrong Payload\"") ==
        "400 That error did not happen yet\n");
  CHECK(bed.ask("tunnel get errorpacket T5072 nonsense").starts_with("404 "));
  CHECK(bed.ask("tunnel reseterrors").starts_with("404 "));
  CHECK(bed.ask("tunnel reseterrors T1").starts_with("404 "));
  CHECK(bed.ask("tunnel reseterrors T5072") == "200 Wipeout!\n");
  CHECK(line_of(bed.ask("tunnel list"), "T5072").ends_with(" 0"));
  CHECK(bed.ask("tunnel reseterrors all") == "200 Wipeout!\n");
}

TEST_CASE("every reason of the error table is one of ours, and in one counter") {
  constexpr std::string_view kLists[] = {
#define X(number, name, reasons) reasons,
#include "control/sixxsd/error_names.def"
#undef X
  };
  std::size_t known = 0;
  for (std::size_t reason = 0; reason < 256; ++reason)
    known += error_of(uint8_t(reason)).has_value();
  std::size_t listed = 0;
  for (const std::string_view list : kLists) {
    listed += list.empty() ? 0 : 1 + std::size_t(std::ranges::count(list, ' '));
  }
  CHECK(known == listed);
}

TEST_CASE("the remote of a static tunnel is configuration, that of a dynamic one is not") {
  Bed bed;
  const uint64_t before = bed.revision();
  CHECK(bed.ask("tunnel set remote T4141 198.51.100.200") ==
        "200 Updated remote address to 198.51.100.200\n");
  CHECK(bed.revision() == before + 1);
  CHECK(bed.api().get("tunnels/T4141").remote() == "198.51.100.200");
  CHECK(bed.ask("tunnel set remote T5072 203.0.113.77") ==
        "200 Updated remote address to 203.0.113.77\n");
  CHECK(bed.revision() == before + 1);
  CHECK(bed.ask("tunnel get outer_endpoint T5072") == "200 203.0.113.77\n");
  CHECK(line_of(bed.ask("tunnel show T5072"), "AYIYA Port Them").ends_with(" 5072"));
}

TEST_CASE("status counts by type, and the monitoring script finds its line") {
  Bed bed;
  const std::string status = bed.ask("pop show status");
  const auto lines = listed(status);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "direct 1 0 1");
  CHECK(lines[1] == "ayiya 0 0 1");
  CHECK(lines[2] == "gre 0 0 0");
  CHECK(lines[3] == "total 1 0 2");
}

// ---- Statistics.

TEST_CASE("stats count inner bytes in and outer bytes out, and leave idle tunnels out") {
  Bed bed;
  CHECK(bed.ask("tunnel stats") == "201 2\ntotal 0 0 0 0\nuplink 0 0 0 0\n200 OK\n");
  bed.dataplane().count(0, {10, 1000, 5, 600});
  const auto lines = listed(bed.ask("tunnel stats"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[2] == "T4141 1000 700 10 5 0 0 0.00 -1.00 -1.00 -1.00");
  // What comes out of one side goes into the other.
  CHECK(lines[1] == "uplink 600 1000 5 10");
  CHECK(lines[0] == "total 1600 1700 15 15");
  CHECK(bed.ask("tunnel stats reset").starts_with("400 "));
}

TEST_CASE("RESET begins anew for the reader who said it, and for nobody else") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  const auto mine = bed.open("192.0.2.100");
  const auto other = bed.open("2001:db8:ffff::100");
  CHECK(line_of(bed.ask(*mine, "tunnel stats RESET"), "T4141").starts_with("T4141 1000 700 "));
  CHECK(listed(bed.ask(*mine, "tunnel stats")).size() == 2);
  CHECK(line_of(bed.ask(*other, "tunnel stats RESET"), "T4141").starts_with("T4141 1000 700 "));
  bed.dataplane().count(0, {1, 50, 0, 0});
  CHECK(line_of(bed.ask(*mine, "tunnel stats"), "T4141").starts_with("T4141 50 0 1 0 "));
  CHECK(line_of(bed.ask("tunnel show T4141"), "Octets In  ").ends_with(" 50"));
  CHECK(line_of(bed.ask("tunnel show T4141"), "Octets In  (Total)").ends_with(" 1050"));
  v1::GetTunnelCountersRequest request;
  request.set_name("tunnels/T4141");
  v1::TunnelCounters counters;
  REQUIRE(Api::call([&](auto* c) {
            return bed.api().counters->GetTunnelCounters(c, request, &counters);
          }).ok());
  CHECK(counters.in_bytes() == 1050);

  bed.restart_console();
  CHECK(line_of(bed.ask("tunnel stats"), "T4141").starts_with("T4141 50 0 1 0 "));
}

TEST_CASE("what is kept of readers is bounded, and a file that is not whole counts as none") {
  const TemporaryDirectory directory;
  const auto reader = [](unsigned n) { return ip(fmt::format("192.0.2.{}", n).c_str()); };
  const auto files = [&] {
    namespace fs = std::filesystem;
    return std::size_t(std::distance(fs::directory_iterator(directory.path()), {}));
  };
  StatsBaseline one;
  one.all = {1, 2, 3, 4};
  one.hairpin = 5;
  one.rows.push_back({7, 0, {10, 20, 30, 40}});
  {
    StatsBook book(directory.path());
    CHECK(book.baseline(reader(1))->rows.empty());
    for (unsigned n = 1; n <= StatsBook::kMaxReaders + 5; ++n) {
      REQUIRE(book.advance(reader(n), std::make_shared<StatsBaseline>(one)).ok());
    }
  }
  CHECK(files() == StatsBook::kMaxReaders);
  StatsBook again(directory.path());
  const auto last = again.baseline(reader(StatsBook::kMaxReaders + 5));
  CHECK(last->of(7) == TunnelSums{10, 20, 30, 40});
  CHECK(last->of(8) == TunnelSums{});
  CHECK(last->hairpin == 5);
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    std::filesystem::resize_file(file.path(), file.file_size() - 1);
  }
  StatsBook broken(directory.path());
  CHECK(broken.baseline(reader(StatsBook::kMaxReaders + 5))->rows.empty());
  CHECK(counted_since({5, 5, 5, 5}, {6, 1, 1, 1}) == TunnelSums{5, 5, 5, 5});
}

TEST_CASE("an answer that did not reach the collector loses nothing") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  {
    const auto session = bed.open();
    session->take_line("tunnel stats RESET");
    // The connection broke before all was sent.
  }
  {
    const auto session = bed.open();
    session->take_line("tunnel stats RESET");
    session->all_sent();
    // Sent, but reset by the collector: what it has read nobody knows.
  }
  CHECK(line_of(bed.ask("tunnel stats RESET"), "T4141").starts_with("T4141 1000 "));
  CHECK(listed(bed.ask("tunnel stats RESET")).size() == 2);
  // Two at once, sent together: the second begins where the first ended.
  bed.dataplane().count(0, {1, 50, 0, 0});
  const auto session = bed.open();
  CHECK(line_of(session->take_line("tunnel stats RESET").text, "T4141").starts_with("T4141 50 "));
  CHECK(listed(session->take_line("tunnel stats RESET").text).size() == 2);
  session->take_line("exit");
  session->all_sent();
  CHECK(listed(bed.ask("tunnel stats")).size() == 2);
}

TEST_CASE("a tunnel that is deleted, or made anew, leaves no wrong numbers") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 0, 0});
  CHECK(bed.ask("tunnel stats RESET").starts_with("201 3\n"));
  bed.dataplane().count(0, {1, 100, 0, 0});
  CHECK(bed.ask("tunnel set config 0 T1 198.51.100.1 up 1280").starts_with("200 "));
  const auto gone = listed(bed.ask("tunnel stats RESET"));
  REQUIRE(gone.size() == 2);
  CHECK(gone[0] == "total 100 100 1 1");
  CHECK(bed.ask("tunnel set config 0 T4141 198.51.100.1 up 1280").starts_with("200 "));
  bed.dataplane().count(0, {1, 70, 0, 0});
  CHECK(line_of(bed.ask("tunnel stats"), "T4141").starts_with("T4141 70 "));
}

// ---- Through TCP.

class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Client() { ::close(fd_); }
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      text.remove_prefix(std::size_t(sent));
    }
  }
  std::string line() {
    for (;;) {
      const std::size_t end = in_.find('\n', at_);
      if (end != in_.npos) {
        std::string line = in_.substr(at_, end - at_);
        at_ = end + 1;
        return line;
      }
      in_.erase(0, at_);
      at_ = 0;
      char buffer[65536];
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return "";
      in_.append(buffer, std::size_t(got));
    }
  }

 private:
  int fd_;
  std::string in_;
  std::size_t at_ = 0;
};

struct TcpBed : Bed {
  TcpBed() {
    tcp = std::make_unique<Console>(api().daemon().context(), directory().file("state"));
    REQUIRE(tcp->start({"127.0.0.1:0"}).ok());
  }
  std::unique_ptr<Console> tcp;
};

TEST_CASE("the statistics collector's dialog goes as it always did") {
  TcpBed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  for (int round = 0; round < 2; ++round) {
    Client collector(bed.tcp->ports()[0]);
    CHECK(collector.line().starts_with("200 "));
    // Its string's end goes with it.
    collector.send(std::string_view("tunnel stats RESET\r\n\0", 21));
    CHECK(collector.line() == (round == 0 ? "201 3" : "201 2"));
    CHECK(collector.line().starts_with("total "));
    CHECK(collector.line().starts_with("uplink "));
    if (round == 0) CHECK(collector.line().starts_with("T4141 1000 700 10 5 "));
    CHECK(collector.line() == "200 OK");
    if (round == 0) continue;
    collector.send("pop get id\n");
    CHECK(collector.line() == "200 1");
  }
}

TEST_CASE("the monitoring script's dialog goes as it always did") {
  TcpBed bed;
  Client script(bed.tcp->ports()[0]);
  CHECK(script.line().substr(0, 3) == "200");
  script.send("pop show status\r\n");
  std::string line;
  do {
    line = script.line();
    REQUIRE(!line.empty());
  } while (line.substr(0, 5) != "total");
  unsigned online = 0;
  unsigned active = 0;
  unsigned configured = 0;
  CHECK(std::sscanf(line.c_str(), "total %u %u %u", &online, &active, &configured) == 3);
  CHECK(online == 1);
  CHECK(configured == 2);
}

TEST_CASE("a full PoP is pushed within seconds, and again without a revision") {
  TcpBed bed;
  std::vector<std::string> push;
  for (unsigned i = 2; i < 8192; ++i) {
    push.push_back(i % 2 == 0 ? fmt::format("tunnel set config {:x} T{} 198.{}.{}.{} up 1480\n", i,
                                            i + 10000, 18 + i % 2, i >> 8, i & 255)
                              : fmt::format("tunnel set config {:x} T{} ayiya up 1280 {:032x}\n", i,
                                            i + 10000, i));
  }
  for (unsigned i = 0; i < 256; ++i) {
    push.push_back(fmt::format("subnet set config 2001:db8:30{:02x}::/48 {:x} static\n", i, i + 2));
  }
  push.push_back("pop saveconfig\n");
  const uint64_t before = bed.revision();
  for (const bool pipelined : {false, true, false, true}) {
    Client backend(bed.tcp->ports()[0]);
    CHECK(backend.line().starts_with("200 "));
    const auto begin = Clock::now();
    if (pipelined) {
      std::thread sender([&] {
        std::string all;
        for (const std::string& line : push) all += line;
        backend.send(all);
      });
      for (std::size_t i = 0; i < push.size(); ++i) {
        const std::string answer = backend.line();
        if (!answer.starts_with("200 ")) FAIL_CHECK(push[i] << answer);
      }
      sender.join();
    } else {
      for (const std::string& line : push) {
        backend.send(line);
        const std::string answer = backend.line();
        if (!answer.starts_with("200 ")) FAIL_CHECK(line << answer);
      }
    }
    const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
    // One revision in all; on a machine that is slow beyond measure the first push may take two.
    CHECK(bed.revision() > before);
    if (took < 5) CHECK(bed.revision() == before + 1);
    CHECK(bed.api().pop_status().tunnels() == 8192);
    std::printf("push of %zu lines, %s: %.2f s\n", push.size(),
                pipelined ? "pipelined" : "lockstep", took);
    CHECK(took < 30);
  }
}

}  // namespace
}  // namespace simplon::control::sixxsd
