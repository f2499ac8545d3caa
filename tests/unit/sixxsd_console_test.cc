// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console with all of control behind it: what its sessions answer and do.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "control/sixxsd/error_names.h"
#include "tests/unit/sixxsd_console_bed.h"

namespace simplon::control::sixxsd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFaults = 21;

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

}  // namespace
}  // namespace simplon::control::sixxsd
