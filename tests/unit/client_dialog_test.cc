// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tic/dialog.h"
#include "client/tic/line_buffer.h"
#include "tests/support/catch.h"

namespace simplon::client {
namespace {

using testing::ContainsSubstring;
using Next = TicDialog::Next;

constexpr int64_t kNow = 1795234189;

TicRequest request(TlsMode tls = TlsMode::kOpportunistic, TicGoal goal = TicGoal::kShowOnly,
                   const std::string& id = "") {
  return {.username = "SX1-SIXXS", .password = "secret", .tls = tls, .goal = goal, .tunnel_id = id};
}

// Speaks with a dialog as a server would.
struct Talk {
  explicit Talk(const TicRequest& r, int64_t now = kNow) : dialog(r, [now] { return now; }) {}

  // Brings a line and returns what the client answers.
  std::string line(const std::string& text) {
    next = dialog.on_line(text);
    return dialog.take_output();
  }
  // All of them; what the client says to the last.
  std::string lines(std::initializer_list<const char*> texts) {
    std::string answer;
    for (const char* text : texts) {
      REQUIRE(next == Next::kRead);
      answer = line(text);
    }
    return answer;
  }
  std::string log_in() {
    return lines({"200 hello", "200 ok", "200 1795234189", "400 no TLS", "200 choose",
                  "200 88b3b6fb9d35d11abb06c59524f90b5b", "200 welcome"});
  }
  const TicFailure& failure() {
    REQUIRE(next == Next::kEnd);
    REQUIRE(dialog.failure());
    return *dialog.failure();
  }

  TicDialog dialog;
  Next next = Next::kRead;
};

constexpr const char* kAyiya[] = {"TunnelId: T5072",
                                  "Type: ayiya",
                                  "IPv6 Endpoint: 2001:db8:2ff:1::2",
                                  "IPv6 POP: 2001:db8:2ff:1::1",
                                  "IPv6 PrefixLength: 64",
                                  "Tunnel MTU: 1428",
                                  "Tunnel Name: lab",
                                  "POP Id: sxpop01",
                                  "IPv4 Endpoint: ayiya",
                                  "IPv4 POP: 198.51.100.1",
                                  "UserState: enabled",
                                  "AdminState: enabled",
                                  "Password: f3d47c2de40fb698e1ab15d757a09bfc",
                                  "Heartbeat_Interval: 60"};

// kAyiya with other values; an empty one leaves the field out.
std::vector<std::string> tunnel_with(
    std::initializer_list<std::pair<const char*, const char*>> changes) {
  std::vector<std::string> lines(std::begin(kAyiya), std::end(kAyiya));
  for (const auto& [field, value] : changes) {
    const std::string begin = std::string(field) + ": ";
    for (auto line = lines.begin(); line != lines.end(); ++line) {
      if (line->rfind(begin, 0) != 0) continue;
      if (*value == '\0') {
        lines.erase(line);
      } else {
        *line = begin + value;
      }
      break;
    }
  }
  return lines;
}

TunnelInfo good(std::initializer_list<std::pair<const char*, const char*>> changes) {
  const auto tunnel = parse_tunnel(tunnel_with(changes));
  INFO(std::string(tunnel.status().message()));
  REQUIRE(tunnel.ok());
  return *tunnel;
}

std::string bad(std::initializer_list<std::pair<const char*, const char*>> changes) {
  const auto tunnel = parse_tunnel(tunnel_with(changes));
  REQUIRE_FALSE(tunnel.ok());
  return {tunnel.status().message().data(), tunnel.status().message().size()};
}

TEST_CASE("the answer to a challenge is the published one") {
  CHECK(md5_response("88b3b6fb9d35d11abb06c59524f90b5b", "secret") ==
        "3fed83ac27802592af0fb01966a0e248");
}

TEST_CASE("a session with an old server goes as it always did") {
  Talk talk(request(TlsMode::kOpportunistic, TicGoal::kShow, "T5072"));
  CHECK(talk.line("200 SixXS-compatible lab TIC ready")
            .rfind("client TIC/draft-00 simplon-client/", 0) == 0);
  CHECK(talk.line("200 Client Identity accepted") == "get unixtime\n");
  CHECK(talk.line("200 1795234189") == "starttls\n");
  CHECK(talk.line("400 TLS not available") == "username SX1-SIXXS\n");
  CHECK(talk.line("200 SX1-SIXXS choose your authentication challenge please") ==
        "challenge md5\n");
  CHECK(talk.line("200 88b3b6fb9d35d11abb06c59524f90b5b") ==
        "authenticate md5 3fed83ac27802592af0fb01966a0e248\n");
  CHECK(talk.line("200 Succesfully logged in") == "tunnel show T5072\n");
  CHECK(talk.line("201 Showing tunnel information for T5072").empty());
  for (const char* field : kAyiya) CHECK(talk.line(field).empty());
  CHECK(talk.line("202 Done") == "QUIT Thank you\n");
  CHECK(talk.next == Next::kEnd);
  CHECK_FALSE(talk.dialog.failure());
  const TicOutcome& outcome = talk.dialog.outcome();
  CHECK(outcome.logged_in);
  CHECK_FALSE(outcome.encrypted);
  CHECK(outcome.clock_offset_s == 0);
  REQUIRE(outcome.tunnel);
  CHECK(outcome.tunnel->id == "T5072");
  CHECK(outcome.tunnel->type == TunnelType::kAyiya);
  CHECK(outcome.tunnel->client.to_string() == "2001:db8:2ff:1::2");
  CHECK(outcome.tunnel->pop.to_string() == "2001:db8:2ff:1::1");
  CHECK(outcome.tunnel->pop_id == "sxpop01");
  CHECK(outcome.tunnel->pop_ipv4 == "198.51.100.1");
  CHECK(outcome.tunnel->password == "f3d47c2de40fb698e1ab15d757a09bfc");
  CHECK(outcome.tunnel->heartbeat_interval_s == 60);
  CHECK(outcome.tunnel->mtu == 1428);
  CHECK(outcome.tunnel->user_enabled);
  CHECK(outcome.tunnel->admin_enabled);
}

TEST_CASE("the only tunnel is found by its list, several are listed") {
  Talk one(request());
  CHECK(one.log_in() == "tunnel list\n");
  CHECK(one.lines({"201 list", "T5072 2001:db8:2ff:1::2 ayiya sxpop01", "202 done"}) ==
        "tunnel show T5072\n");

  Talk two(request());
  two.log_in();
  two.lines({"201 list", "T1 2001:db8::2 192.0.2.1 a", "T2 2001:db8:1::2 heartbeat b", "202 done"});
  CHECK(two.next == Next::kEnd);
  CHECK_FALSE(two.dialog.failure());
  CHECK_FALSE(two.dialog.outcome().tunnel);
  REQUIRE(two.dialog.outcome().tunnels.size() == 2);
  CHECK(two.dialog.outcome().tunnels[1] == ListedTunnel{"T2", "2001:db8:1::2", "heartbeat", "b"});

  Talk none(request());
  none.log_in();
  none.lines({"201 list", "202 done"});
  CHECK_THAT(none.failure().reason, ContainsSubstring("no tunnel"));
}

TEST_CASE("nothing of the login goes in clear where encryption is required") {
  Talk talk(request(TlsMode::kRequired));
  CHECK(talk.lines({"200 hi", "200 ok", "200 1795234189"}) == "starttls\n");
  SECTION("and the server has none") {
    const std::string last = talk.line("400 TLS not available");
    CHECK(last.find("username") == std::string::npos);
    CHECK(talk.failure().step == TicStep::kTls);
    CHECK_THAT(talk.failure().advice, ContainsSubstring("tls = opportunistic"));
    CHECK_FALSE(talk.failure().permanent);
  }
  SECTION("and the server says something else") {
    CHECK(talk.line("hello").find("username") == std::string::npos);
    CHECK(talk.failure().step == TicStep::kTls);
  }
  SECTION("and the server has it") {
    CHECK(talk.line("200 go on").empty());
    CHECK(talk.next == Next::kStartTls);
    // Clear lines that come now were put there by somebody else.
    CHECK(talk.dialog.on_tls() == Next::kRead);
    CHECK(talk.dialog.take_output() == "username SX1-SIXXS\n");
    CHECK(talk.dialog.outcome().encrypted);
  }
}

TEST_CASE("a line between starttls and the handshake ends the session") {
  Talk talk(request(TlsMode::kRequired));
  talk.lines({"200 hi", "200 ok", "200 1795234189", "200 go on"});
  REQUIRE(talk.next == Next::kStartTls);
  CHECK(talk.line("200 choose").find("challenge") == std::string::npos);
  CHECK_THAT(talk.failure().reason, ContainsSubstring("nobody asked for"));
}

TEST_CASE("encryption that is off is not asked for") {
  Talk talk(request(TlsMode::kOff));
  CHECK(talk.lines({"200 hi", "200 ok", "200 1795234189"}) == "username SX1-SIXXS\n");
}

TEST_CASE("a clock that is off is told, in either direction") {
  Talk behind(request(), kNow - 121);
  CHECK(behind.lines({"200 hi", "200 ok", "200 1795234189"}) ==
        "QUIT Aborting: Clock is off by 121 seconds\n");
  CHECK_THAT(behind.failure().reason, ContainsSubstring("121 seconds behind"));
  CHECK_THAT(behind.failure().advice, ContainsSubstring("NTP"));
  Talk ahead(request(), kNow + 4000);
  ahead.lines({"200 hi", "200 ok", "200 1795234189"});
  CHECK_THAT(ahead.failure().reason, ContainsSubstring("4000 seconds ahead of"));
  Talk near(request(), kNow - 120);
  CHECK(near.lines({"200 hi", "200 ok", "200 1795234189"}) == "starttls\n");
  CHECK(near.dialog.outcome().clock_offset_s == 120);
  for (const char* line : {"200 soon", "200 ", "200 -1", "200 99999999999999999999"}) {
    Talk odd(request());
    odd.lines({"200 hi", "200 ok", line});
    CHECK(odd.failure().step == TicStep::kClock);
  }
}

TEST_CASE("a wrong login is for good, a wait is honoured, a fault of the server is not ours") {
  const auto refuse_login = [](const char* line) {
    Talk talk(request());
    talk.lines({"200 hi", "200 ok", "200 1795234189", "400 no", "200 choose", "200 abc", line});
    return talk.failure();
  };
  const TicFailure wrong = refuse_login("400 Login failed, login/password mismatch");
  CHECK(wrong.permanent);
  CHECK_THAT(wrong.message(), ContainsSubstring("Login failed, login/password mismatch"));
  CHECK_THAT(wrong.advice, ContainsSubstring("username and password"));
  const TicFailure later = refuse_login("400 Too many attempts, try again in 30 seconds");
  CHECK(later.permanent);
  CHECK(later.retry_after_s == 30u);
  const TicFailure theirs = refuse_login("500 database is away");
  CHECK_FALSE(theirs.permanent);
  CHECK_THAT(theirs.advice, ContainsSubstring("broker's side"));
  const TicFailure nonsense = refuse_login("HTTP/1.1 400 Bad Request");
  CHECK_FALSE(nonsense.permanent);
  CHECK_THAT(nonsense.advice, ContainsSubstring("no answer of a TIC server"));
}

TEST_CASE("an announced wait is found in words, and has a bound") {
  CHECK(announced_wait("400 try again in 30 seconds") == 30u);
  CHECK(announced_wait("400 Try Again In 30 s.") == 30u);
  CHECK(announced_wait("400 please wait 5 minutes") == 300u);
  CHECK(announced_wait("500 retry after 2 hours") == 3600u);
  CHECK(announced_wait("500 Too many connections, try again in a minute") == 60u);
  CHECK(announced_wait("400 Login failed; wait 4 seconds before you try again") == 4u);
  CHECK_FALSE(announced_wait("400 try again in a short while"));
  CHECK(announced_wait("400 try again in 0 seconds") == 1u);
  CHECK(announced_wait("400 try again in 999999 seconds") == 3600u);
  CHECK_FALSE(announced_wait("400 try again in a while"));
  CHECK_FALSE(announced_wait("400 you have 30 tunnels"));
  CHECK_FALSE(announced_wait("400 in 99999999999999999999 seconds"));
  CHECK_FALSE(announced_wait(""));
}

TEST_CASE("a PoP that is down is explained") {
  Talk talk(request(TlsMode::kOpportunistic, TicGoal::kShow, "T1"));
  talk.log_in();
  talk.line("500 This PoP is unfortunately currently down, see URL for more information.");
  CHECK_THAT(talk.failure().message(), ContainsSubstring("currently down"));
  CHECK_THAT(talk.failure().advice, ContainsSubstring("status page"));
  CHECK_FALSE(talk.failure().permanent);
}

TEST_CASE("lists that do not end are cut off") {
  Talk tunnels(request());
  tunnels.log_in();
  tunnels.line("201 list");
  for (int i = 0; i < 1000; ++i) {
    tunnels.line("T1 2001:db8::2 ayiya a");
    REQUIRE(tunnels.next == Next::kRead);
  }
  tunnels.line("T1 2001:db8::2 ayiya a");
  CHECK_THAT(tunnels.failure().reason, ContainsSubstring("does not end"));

  Talk fields(request(TlsMode::kOpportunistic, TicGoal::kShow, "T1"));
  fields.log_in();
  fields.line("201 here");
  for (int i = 0; i < 64; ++i) fields.line("Field: value");
  REQUIRE(fields.next == Next::kRead);
  fields.line("Field: value");
  CHECK_THAT(fields.failure().reason, ContainsSubstring("does not end"));
}

TEST_CASE("lines of a list have four words, and an error in their midst is one") {
  Talk talk(request());
  talk.log_in();
  talk.lines({"201 list", "T1 2001:db8::2 ayiya"});
  CHECK_THAT(talk.failure().reason, ContainsSubstring("ID IPV6 IPV4 POP"));
  Talk error(request());
  error.log_in();
  error.lines({"201 list", "500 the database is away"});
  CHECK_THAT(error.failure().reason, ContainsSubstring("database is away"));
}

TEST_CASE("what a server sends does not reach the terminal as it is") {
  Talk talk(request());
  talk.line("500 \x1b[2J\x07 gone" + std::string(500, 'x'));
  CHECK(talk.failure().reason.find('\x1b') == std::string::npos);
  CHECK(talk.failure().reason.size() < 300);
}

TEST_CASE("challenges have bounds") {
  for (const std::string& challenge : {std::string(), std::string(513, 'a')}) {
    Talk talk(request());
    talk.lines({"200 hi", "200 ok", "200 1795234189", "400 no", "200 choose"});
    talk.line("200 " + challenge);
    CHECK(talk.failure().step == TicStep::kLogin);
  }
}

TEST_CASE("another tunnel than the one asked for is refused") {
  Talk talk(request(TlsMode::kOpportunistic, TicGoal::kShow, "T1"));
  talk.log_in();
  talk.line("201 here");
  for (const char* field : kAyiya) talk.line(field);
  talk.line("202 done");
  CHECK_THAT(talk.failure().reason, ContainsSubstring("asked for T1"));
}

TEST_CASE("interval and MTU are kept in bounds, whatever the server says") {
  CHECK(good({{"Heartbeat_Interval", "0"}}).heartbeat_interval_s == 5);
  CHECK(good({{"Heartbeat_Interval", "-1"}}).heartbeat_interval_s == 60);
  CHECK(good({{"Heartbeat_Interval", "1"}}).heartbeat_interval_s == 5);
  CHECK(good({{"Heartbeat_Interval", ""}}).heartbeat_interval_s == 60);
  CHECK(good({{"Heartbeat_Interval", "soon"}}).heartbeat_interval_s == 60);
  CHECK(good({{"Heartbeat_Interval", "99999"}}).heartbeat_interval_s == 3600);
  CHECK(good({{"Heartbeat_Interval", "99999999999999999999999"}}).heartbeat_interval_s == 3600);
  CHECK(good({{"Tunnel MTU", "99999"}}).mtu == 1480);
  CHECK(good({{"Tunnel MTU", "0"}}).mtu == 1280);
  CHECK(good({{"Tunnel MTU", ""}}).mtu == 1280);
}

TEST_CASE("fields that a tunnel cannot do without, or that cannot be, are refused by name") {
  for (const char* field : {"TunnelId", "Type", "IPv6 Endpoint", "IPv6 POP", "IPv4 POP"}) {
    CHECK_THAT(bad({{field, ""}}), ContainsSubstring(std::string(field) + " is missing"));
  }
  CHECK_THAT(bad({{"Type", "l2tp"}}), ContainsSubstring("'l2tp'"));
  CHECK_THAT(bad({{"IPv6 Endpoint", "fe80::1"}}), ContainsSubstring("IPv6 Endpoint"));
  CHECK_THAT(bad({{"IPv6 Endpoint", "::1"}}), ContainsSubstring("IPv6 Endpoint"));
  CHECK_THAT(bad({{"IPv6 POP", "ff02::1"}}), ContainsSubstring("IPv6 POP"));
  CHECK_THAT(bad({{"IPv6 POP", "2001:db8:2ff:1::2"}}), ContainsSubstring("same"));
  CHECK_THAT(bad({{"IPv6 PrefixLength", "0"}}), ContainsSubstring("PrefixLength"));
  CHECK_THAT(bad({{"IPv6 PrefixLength", "128"}}), ContainsSubstring("PrefixLength"));
  CHECK_THAT(bad({{"IPv4 POP", "127.0.0.1"}}), ContainsSubstring("IPv4 POP"));
  CHECK_THAT(bad({{"IPv4 POP", "-rf"}}), ContainsSubstring("IPv4 POP"));
  CHECK_THAT(bad({{"IPv4 POP", "a b"}}), ContainsSubstring("IPv4 POP"));
  CHECK_THAT(bad({{"TunnelId", "T1 T2"}}), ContainsSubstring("TunnelId"));
  CHECK(good({{"IPv4 POP", "pop.example.net"}}).pop_ipv4 == "pop.example.net");
  CHECK(good({{"IPv6 PrefixLength", ""}}).prefix_length == 64);
}

TEST_CASE("a password is needed where beats are, and no error quotes it") {
  CHECK_THAT(bad({{"Password", ""}}), ContainsSubstring("ayiya tunnels need one"));
  CHECK_THAT(bad({{"Password", ""}, {"Type", "6in4-heartbeat"}}), ContainsSubstring("need one"));
  const std::string error = bad({{"Password", "two words-9931"}});
  CHECK(error.find("9931") == std::string::npos);
  const TunnelInfo plain =
      good({{"Password", ""}, {"Type", "6in4-static"}, {"IPv4 Endpoint", "192.0.2.7"}});
  CHECK(plain.client_ipv4 == Ipv4Address{{192, 0, 2, 7}});
  CHECK_THAT(bad({{"Type", "6in4-static"}}), ContainsSubstring("IPv4 Endpoint"));
  CHECK_THAT(bad({{"Type", "6in4-static"}, {"IPv4 Endpoint", "0.0.0.0"}}),
             ContainsSubstring("IPv4 Endpoint"));
}

TEST_CASE("a tunnel is enabled where both say so") {
  CHECK_FALSE(good({{"UserState", "disabled"}}).user_enabled);
  CHECK_FALSE(good({{"AdminState", "requested"}}).admin_enabled);
  CHECK_FALSE(good({{"AdminState", ""}}).admin_enabled);
}

TEST_CASE("lines come out of bytes however they are cut, within bounds") {
  LineBuffer buffer;
  CHECK(buffer.append("200 a\r\n20"));
  CHECK(buffer.next() == "200 a");
  CHECK_FALSE(buffer.next());
  CHECK(buffer.append("0 b\n\n200 rest"));
  CHECK(buffer.next() == "200 b");
  CHECK(buffer.next() == "");
  CHECK(buffer.discard() == 8);
  CHECK_FALSE(buffer.next());
  CHECK_FALSE(buffer.append(std::string(2000, 'x')));

  LineBuffer flood;
  const std::string line = std::string(1000, 'x') + "\n";
  int taken = 0;
  while (flood.append(line)) {
    REQUIRE(flood.next());
    REQUIRE(++taken < 1000);
  }
  CHECK(taken == 261);
}

}  // namespace
}  // namespace simplon::client
