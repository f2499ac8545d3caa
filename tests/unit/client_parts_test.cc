// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The smaller pieces of simplon-client.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "client/advertise.h"
#include "client/check/check_line.h"
#include "client/check/nat.h"
#include "client/commands/status_text.h"
#include "client/host/device_counters.h"
#include "client/host/instance_lock.h"
#include "client/host/ping.h"
#include "client/host/setup_script.h"
#include "client/host/source_address.h"
#include "client/host/state_file.h"
#include "client/keeper/backoff.h"
#include "client/keeper/ping_target.h"
#include "client/text/words.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon::client {
namespace {

using testing::ContainsSubstring;
using Level = NatVerdict::Level;

TunnelInfo tunnel_of(TunnelType type) {
  TunnelInfo tunnel;
  tunnel.id = "T1";
  tunnel.type = type;
  tunnel.client = *Ipv6Address::parse("2001:db8:2ff:1::2");
  tunnel.pop = *Ipv6Address::parse("2001:db8:2ff:1::1");
  tunnel.pop_ipv4 = "192.0.2.1";
  tunnel.pop_id = "pop1";
  if (type == TunnelType::kStatic) tunnel.client_ipv4 = Ipv4Address{{198, 51, 100, 7}};
  return tunnel;
}

Ipv4Address v4(const char* text) {
  return *Ipv4Address::parse(text);
}

TEST_CASE("private and shared addresses are told from others at the edges") {
  for (const char* text :
       {"10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"}) {
    INFO(text);
    CHECK(is_private(v4(text)));
    CHECK_FALSE(is_shared(v4(text)));
  }
  for (const char* text : {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
                           "192.167.255.255", "192.169.0.0"}) {
    INFO(text);
    CHECK_FALSE(is_private(v4(text)));
  }
  CHECK(is_shared(v4("100.64.0.0")));
  CHECK(is_shared(v4("100.127.255.255")));
  CHECK_FALSE(is_shared(v4("100.63.255.255")));
  CHECK_FALSE(is_shared(v4("100.128.0.0")));
}

TEST_CASE("a static tunnel wants the address the broker has") {
  const TunnelInfo tunnel = tunnel_of(TunnelType::kStatic);
  CHECK(judge_nat(tunnel, v4("198.51.100.7"), false).level == Level::kFine);

  const NatVerdict moved = judge_nat(tunnel, v4("198.51.100.8"), false);
  CHECK(moved.level == Level::kProblem);
  CHECK_THAT(moved.text, ContainsSubstring("198.51.100.8"));
  CHECK_THAT(moved.text, ContainsSubstring("198.51.100.7"));

  const NatVerdict natted = judge_nat(tunnel, v4("192.168.1.5"), false);
  CHECK(natted.level == Level::kProblem);
  CHECK_THAT(natted.advice,
             ContainsSubstring("forward IP protocol 41 (not a port) to 192.168.1.5"));
  CHECK_THAT(natted.advice, ContainsSubstring("AYIYA"));
  CHECK_THAT(natted.advice, ContainsSubstring("behind_nat"));
  CHECK(judge_nat(tunnel, v4("192.168.1.5"), true).level == Level::kNote);

  const NatVerdict carrier = judge_nat(tunnel, v4("100.64.3.4"), false);
  CHECK(carrier.level == Level::kProblem);
  CHECK_THAT(carrier.text, ContainsSubstring("your provider"));
  CHECK_THAT(carrier.advice, ContainsSubstring("AYIYA"));
  // A PoP of the house, with private addresses on both sides.
  TunnelInfo inside = tunnel;
  inside.client_ipv4 = v4("192.168.1.5");
  CHECK(judge_nat(inside, v4("192.168.1.5"), false).level == Level::kFine);
}

TEST_CASE("a NAT matters to heartbeat tunnels and not to AYIYA") {
  CHECK(judge_nat(tunnel_of(TunnelType::kHeartbeat), v4("10.1.2.3"), false).level ==
        Level::kProblem);
  CHECK(judge_nat(tunnel_of(TunnelType::kHeartbeat), v4("203.0.113.3"), false).level ==
        Level::kFine);
  CHECK(judge_nat(tunnel_of(TunnelType::kAyiya), v4("10.1.2.3"), false).level == Level::kFine);
  CHECK(judge_nat(tunnel_of(TunnelType::kAyiya), v4("100.64.2.3"), false).level == Level::kFine);
  CHECK(judge_nat(tunnel_of(TunnelType::kAyiya), {}, false).level == Level::kProblem);
}

TEST_CASE("waits double up to a bound, and an announced one is honoured") {
  using std::chrono::seconds;
  Backoff backoff(seconds(5), seconds(600));
  std::vector<int64_t> waits;
  for (int i = 0; i < 9; ++i) waits.push_back(backoff.after_failure().count());
  CHECK(waits == std::vector<int64_t>{5, 10, 20, 40, 80, 160, 320, 600, 600});
  backoff.reset();
  CHECK(backoff.after_failure(90) == seconds(90));
  CHECK(backoff.after_failure(1) == seconds(10));
}

TEST_CASE("the state a client writes is the state that is read") {
  const testing::TemporaryDirectory directory;
  RunState state;
  state.state = "up";
  state.detail = "a=b \x1b[31m";
  state.tunnel = "T1";
  state.device = "simplon";
  state.mtu = 1480;
  state.prefix_length = 64;
  state.since = 1795234189;
  state.last_beat = -1;
  REQUIRE(write_state(directory.path(), state).ok());
  const auto read = read_state(directory.path());
  REQUIRE(read.ok());
  CHECK(read->state == "up");
  CHECK(read->detail == "a=b ?[31m");
  CHECK(read->tunnel == "T1");
  CHECK(read->mtu == 1480);
  CHECK(read->since == 1795234189);
  CHECK(read->last_beat == -1);
  remove_state(directory.path());
  CHECK_FALSE(read_state(directory.path()).ok());
  CHECK_FALSE(write_state(directory.file("not/there"), state).ok());
  CHECK(parse_state("mtu=many\nfuture=1\nno equals sign\nstate=up").state == "up");
}

TEST_CASE("one client per state directory, and the others are told which") {
  const testing::TemporaryDirectory directory;
  const std::string place = directory.file("run/simplon");
  CHECK_FALSE(InstanceLock::holder(place)->has_value());
  auto lock = InstanceLock::take(place);
  REQUIRE(lock.ok());
  // Locks are between processes.
  const pid_t mine = getpid();
  const pid_t child = fork();
  if (child == 0) {
    const auto holder = InstanceLock::holder(place);
    const auto second = InstanceLock::take(place);
    const bool good =
        holder.ok() && *holder == mine &&
        second.status().code() == absl::StatusCode::kAlreadyExists &&
        std::string(second.status().message()).find(std::to_string(mine)) != std::string::npos;
    _exit(good ? 0 : 1);
  }
  int result = -1;
  waitpid(child, &result, 0);
  CHECK(result == 0);
}

TEST_CASE("traffic is read from the kernel's table") {
  const std::string text =
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs\n"
      "    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n"
      "simplon:18446744073709551615 22 0 0 0 0 0 0 33 44 0 0 0 0 0 0\n"
      " short: 1 2\n";
  const auto counters = parse_device_counters(text, "simplon");
  REQUIRE(counters);
  CHECK(counters->received_bytes == UINT64_MAX);
  CHECK(counters->received_packets == 22);
  CHECK(counters->sent_bytes == 33);
  CHECK(counters->sent_packets == 44);
  CHECK_FALSE(parse_device_counters(text, "simplo"));
  CHECK_FALSE(parse_device_counters(text, "short"));
  CHECK(device_counters("lo"));
}

TEST_CASE("a set-up script gets device and tunnel, no password, and its failure is told") {
  const testing::TemporaryDirectory directory;
  const std::string script = directory.file("script");
  const std::string out = directory.file("out");
  std::ofstream(script) << "#!/bin/sh\n{ echo \"$1\"; env; } > " << out << "\nexit $(cat "
                        << directory.file("code") << ")\n";
  REQUIRE(chmod(script.c_str(), 0755) == 0);
  TunnelInfo tunnel = tunnel_of(TunnelType::kAyiya);
  tunnel.password = "pw-4482";
  std::ofstream(directory.file("code")) << "0";
  CHECK(run_setup_script(script, "six0", tunnel).ok());
  std::ifstream in(out);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text.rfind("six0\n", 0) == 0);
  CHECK_THAT(text, ContainsSubstring("SIMPLON_CLIENT=2001:db8:2ff:1::2\n"));
  CHECK_THAT(text, ContainsSubstring("SIMPLON_TUNNEL=T1\n"));
  CHECK(text.find("pw-4482") == std::string::npos);
  std::ofstream(directory.file("code")) << "3";
  CHECK_THAT(std::string(run_setup_script(script, "six0", tunnel).message()),
             ContainsSubstring("exit code 3"));
  CHECK_FALSE(run_setup_script(directory.file("none"), "six0", tunnel).ok());
  std::ofstream(script) << "#!/bin/sh\nexec sleep 30\n";
  CHECK_THAT(
      std::string(run_setup_script(script, "six0", tunnel, std::chrono::seconds(0)).message()),
      ContainsSubstring("was killed"));
}

TEST_CASE("the loopback answers a ping, and silence is called so") {
  const auto loopback = *Ipv6Address::parse("::1");
  const PingResult result = ping({.target = loopback, .packet_size = 1480});
  if (result.kind == PingResult::Kind::kNotPermitted) return;
  // A machine without IPv6 has no ::1.
  if (result.kind != PingResult::Kind::kRefused) {
    CHECK(result.answered());
    CHECK(result.milliseconds >= 0);
  }
  CHECK_FALSE(ping({.target = *Ipv6Address::parse("2001:db8::1"),
                    .device = "no-such-device",
                    .timeout = std::chrono::milliseconds(50)})
                  .answered());
}

TEST_CASE("status says what is up, and what waits for what") {
  StatusReport report;
  report.pid = 17;
  report.now = 1795234189 + 7500;
  report.state.state = "up";
  report.state.tunnel = "T1";
  report.state.type = "ayiya";
  report.state.device = "simplon";
  report.state.kind = "ayiya";
  report.state.since = 1795234189;
  report.state.last_beat = report.now - 12;
  report.state.ping_target = "2001:db8::53";
  report.counters = DeviceCounters{12345, 10, 99, 2};
  report.pop = PingResult{.kind = PingResult::Kind::kAnswered, .milliseconds = 12.34};
  report.beyond = PingResult{.kind = PingResult::Kind::kSilence, .detail = "no \"answer\""};
  CHECK(is_healthy(report));
  const std::string text = status_text(report);
  CHECK_THAT(text, ContainsSubstring("T1 (ayiya) is up since"));
  CHECK_THAT(text, ContainsSubstring("2 h 5 min"));
  CHECK_THAT(text, ContainsSubstring("12 s ago"));
  CHECK_THAT(text, ContainsSubstring("12.3 kB in 10 packets"));
  CHECK_THAT(text, ContainsSubstring("PoP answers in 12.3 ms"));
  const std::string json = status_json(report);
  CHECK_THAT(json, ContainsSubstring("\"healthy\": true"));
  CHECK_THAT(json, ContainsSubstring("\"received_bytes\": 12345"));
  CHECK_THAT(json, ContainsSubstring("\"detail\": \"no \\\"answer\\\"\""));
  report.pop->kind = PingResult::Kind::kSilence;
  CHECK_FALSE(is_healthy(report));

  report.state.state = "waiting";
  report.state.detail = "TIC, login: no";
  report.state.next_try = report.now + 30;
  CHECK_FALSE(is_healthy(report));
  CHECK_THAT(status_text(report), ContainsSubstring("in 30 s"));
  CHECK_THAT(status_text(report), ContainsSubstring("TIC, login: no"));
}

TEST_CASE("the snippets give each delegated prefix's first network away") {
  const std::vector<std::string> subnets = {"2001:db8:8001::/48", "2001:db8:9::/64"};
  const std::string radvd = radvd_snippet(subnets, "eth1", 1400);
  CHECK_THAT(radvd, ContainsSubstring("interface eth1 {"));
  CHECK_THAT(radvd, ContainsSubstring("prefix 2001:db8:8001::/64 {"));
  CHECK_THAT(radvd, ContainsSubstring("prefix 2001:db8:9::/64 {"));
  CHECK_THAT(radvd, ContainsSubstring("AdvLinkMTU 1400;"));
  CHECK_THAT(radvd, ContainsSubstring("unreachable 2001:db8:8001::/48"));
  CHECK(radvd.find("unreachable 2001:db8:9::/64") == std::string::npos);
  const std::string networkd = networkd_snippet(subnets, "eth1");
  CHECK_THAT(networkd, ContainsSubstring("Name=eth1"));
  CHECK_THAT(networkd, ContainsSubstring("Address=2001:db8:8001::1/64"));
  CHECK_THAT(networkd, ContainsSubstring("[IPv6Prefix]\nPrefix=2001:db8:9::/64"));
  CHECK(radvd_snippet({"nonsense"}, "eth1", {}).find("prefix") == std::string::npos);
}

TEST_CASE("the usual host beyond is the PoP of a pool of the usual shape") {
  CHECK(usual_ping_target(tunnel_of(TunnelType::kAyiya)) == "2001:db8:2ff:ffff::1");
}

TEST_CASE("a session becomes lines, with everything behind a failure skipped") {
  Settings settings;
  settings.server = "tic.example.net";
  settings.username = "SX1";
  TicSession session;
  session.trace.addresses = {"192.0.2.1:3874"};
  session.trace.connected = "192.0.2.1:3874";
  session.trace.tls = "TLSv1.3, certificate of x, verified";
  session.outcome.clock_offset_s = -3;
  session.outcome.encrypted = true;
  const auto verdicts = [&] {
    std::string text;
    for (const CheckLine& line : lines_of(session, settings)) {
      text += line.name + (line.verdict == Verdict::kOk        ? "+ "
                           : line.verdict == Verdict::kFailed  ? "! "
                           : line.verdict == Verdict::kWarning ? "? "
                                                               : "- ");
    }
    return text;
  };
  session.outcome.tunnel = tunnel_of(TunnelType::kAyiya);
  CHECK(verdicts() == "name+ server+ TIC+ clock+ encryption+ login+ tunnel+ ");
  session.outcome.tunnel->user_enabled = false;
  CHECK(verdicts() == "name+ server+ TIC+ clock+ encryption+ login+ tunnel! ");
  session.outcome.tunnel.reset();
  session.outcome.tunnels = {{"T1", "a", "b", "c"}, {"T2", "a", "b", "c"}};
  CHECK(verdicts() == "name+ server+ TIC+ clock+ encryption+ login+ tunnel! ");
  for (const auto& [step, expected] :
       {std::pair{TicStep::kResolve, "name! server- TIC- clock- encryption- login- tunnel- "},
        {TicStep::kConnect, "name+ server! TIC- clock- encryption- login- tunnel- "},
        {TicStep::kGreeting, "name+ server+ TIC! clock- encryption- login- tunnel- "},
        {TicStep::kClock, "name+ server+ TIC+ clock! encryption- login- tunnel- "},
        {TicStep::kTls, "name+ server+ TIC+ clock+ encryption! login- tunnel- "},
        {TicStep::kLogin, "name+ server+ TIC+ clock+ encryption? login! tunnel- "},
        {TicStep::kShow, "name+ server+ TIC+ clock+ encryption? login+ tunnel! "}}) {
    session.outcome.encrypted = false;
    session.failure = TicFailure{.step = step, .reason = "because", .advice = "do so"};
    CHECK(verdicts() == expected);
  }
  session.failure->retry_after_s = 30;
  const auto lines = lines_of(session, settings);
  CHECK_THAT(format(lines.back()), ContainsSubstring("FAIL  tunnel      because (wait 30 s)\n"));
  CHECK_THAT(format(lines.back()), ContainsSubstring("-> do so\n"));
}

TEST_CASE("words, numbers and what is printed of strangers have bounds") {
  CHECK(trim(" \ta b\r ") == "a b");
  CHECK(trim(" \t").empty());
  CHECK(split_words(" a\tb  c ").size() == 3);
  CHECK(split_lines("a\n\nb").size() == 3);
  CHECK(parse_number("10", 10) == 10u);
  CHECK_FALSE(parse_number("11", 10));
  CHECK_FALSE(parse_number("", 10));
  CHECK_FALSE(parse_number("+1", 10));
  CHECK_FALSE(parse_number("1 ", 10));
  CHECK_FALSE(parse_boolean("2"));
  CHECK(printable("a\x1b\xff"
                  "b") == "a??b");
  CHECK(printable("abcdef", 3) == "abc...");
  CHECK_FALSE(is_word("", 5));
  CHECK_FALSE(is_word("abcdef", 5));
  CHECK_FALSE(is_word("a b", 5));
  CHECK(is_word("a-b", 5));
}

}  // namespace
}  // namespace simplon::client
