// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/tic/tic_session.h"

#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "dataplane/crypto/md5.h"
#include "tests/support/catch.h"
#include "tests/support/tic_bed.h"

using namespace simplon;
using namespace simplon::control;
using namespace simplon::testing;
using namespace std::chrono_literals;
using Then = LineSession::Then;

namespace {

constexpr const char* kPeer = "192.0.2.100";

std::string hex_md5(std::string_view text) {
  return fmt::format("{:02x}", fmt::join(md5(text), ""));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string code_of(const std::string& reply) {
  return reply.substr(0, 3);
}

// One connection.
class Client {
 public:
  Client(TestTicHost& host, TicShared& shared, std::string_view peer = kPeer)
      : session(std::make_unique<TicSession>(host, shared, tic_peer(peer))) {}

  std::string say(const std::string& line) {
    const auto reply = session->take_line(line);
    then = reply.then;
    if (then == Then::kStartTls) session->tls_started();
    return reply.text;
  }
  std::string log_in(const std::string& name, const std::string& secret) {
    say("username " + name);
    const std::string challenge = say("challenge md5").substr(4, 32);
    return say("authenticate md5 " + hex_md5(challenge + hex_md5(secret)));
  }

  std::unique_ptr<TicSession> session;
  Then then = Then::kGoOn;
};

struct Bed {
  Bed() { spdlog::set_level(spdlog::level::off); }

  Client client(std::string_view peer = kPeer) { return {host, shared, peer}; }
  // With the account of the capture.
  Client logged_in(std::string_view peer = kPeer) {
    Client client(host, shared, peer);
    REQUIRE(code_of(client.log_in("SX1-SIXXS", "secret")) == "200");
    return client;
  }
  v1::TicPolicy& policy() { return *host.config.mutable_pop()->mutable_tic(); }

  TestTicHost host;
  TicShared shared;
};

// Name: the part before ": ".
std::string field_name(const std::string& line) {
  return line.substr(0, line.find(": "));
}

}  // namespace

TEST_CASE("the session of the capture, line for line") {
  const std::string directory = SIMPLON_SOURCE_ROOT;
  std::ifstream capture_file(directory + "/pcap-fixtures/captures/ayiya-outer.pcap",
                             std::ios::binary);
  const std::string capture{std::istreambuf_iterator<char>(capture_file), {}};
  std::ifstream transcript(directory + "/tests/unit/tic_session.transcript");
  Bed bed;
  bed.host.fixed_challenge = "88b3b6fb9d35d11abb06c59524f90b5b";
  Client client = bed.client("198.51.100.2");

  std::vector<std::string> said = lines_of(client.session->greet().text);
  std::size_t next = 0;
  int count = 0;
  for (std::string line; std::getline(transcript, line);) {
    if (line.starts_with("#")) continue;
    ++count;
    const std::string text = line.substr(3);
    INFO(line);
    CHECK(capture.find(text + "\n") != std::string::npos);
    if (line.starts_with("C: ")) {
      CHECK(next == said.size());
      said = lines_of(client.say(text));
      next = 0;
      continue;
    }
    REQUIRE(next < said.size());
    const std::string& ours = said[next++];
    INFO(ours);
    if (text.find(": ") == std::string::npos) {
      CHECK(code_of(ours) == code_of(text));
      CHECK(ours[3] == ' ');
    } else if (field_name(text) == "Tunnel Name") {
      CHECK(field_name(ours) == "Tunnel Name");
    } else {
      CHECK(ours == text);
    }
    // What the client makes use of.
    if (text.starts_with("200 1795234189") || text.starts_with("200 88b3")) CHECK(ours == text);
  }
  CHECK(count == 32);
  CHECK(next == said.size());
  CHECK(client.then == Then::kClose);
}

TEST_CASE("the published vector of an md5 login") {
  CHECK(hex_md5("secret") == "5ebe2294ecd0e0f08eab7690d2a6ee69");
  CHECK(hex_md5("88b3b6fb9d35d11abb06c59524f90b5b5ebe2294ecd0e0f08eab7690d2a6ee69") ==
        "3fed83ac27802592af0fb01966a0e248");
}

TEST_CASE("tunnel list has four fields a line and leaves out what TIC has no words for") {
  Bed bed;
  Client client = bed.logged_in();
  CHECK(client.say("tunnel list") ==
        "201 Listing tunnels\n"
        "T41 2001:db8:2ff:3::2 203.0.113.2 sxpop01\n"
        "T42 2001:db8:2ff:8::2 203.0.113.4 sxpop01\n"
        "T50 2001:db8:2ff:4::2 ayiya sxpop01\n"
        "T51 2001:db8:2ff:5::2 heartbeat sxpop01\n"
        "T3740 2001:db8:2ff:2::2 heartbeat sxpop01\n"
        "T5072 2001:db8:2ff:1::2 ayiya sxpop01\n"
        "202 6 tunnels\n");
}

TEST_CASE("tunnel show tells each type its own") {
  Bed bed;
  Client client = bed.logged_in();
  CHECK(client.say("tunnel show T41") ==
        "201 Showing tunnel information for T41\n"
        "TunnelId: T41\n"
        "Type: 6in4-static\n"
        "IPv6 Endpoint: 2001:db8:2ff:3::2\n"
        "IPv6 POP: 2001:db8:2ff:3::1\n"
        "IPv6 PrefixLength: 64\n"
        "Tunnel MTU: 1480\n"
        "Tunnel Name: T41\n"
        "POP Id: sxpop01\n"
        "IPv4 Endpoint: 203.0.113.2\n"
        "IPv4 POP: 192.0.2.9\n"
        "UserState: enabled\n"
        "AdminState: enabled\n"
        "Heartbeat_Interval: 60\n"
        "202 Done\n");
  const auto shows = [&](const std::string& id, const std::string& line) {
    INFO(id << " " << line);
    CHECK_THAT(client.say("tunnel show " + id), ContainsSubstring("\n" + line + "\n"));
  };
  shows("3740", "TunnelId: T3740");  // without the T
  shows("T3740", "Type: 6in4-heartbeat");
  shows("T3740", "IPv4 Endpoint: heartbeat");
  shows("T3740", "Password: 91915d757a09bfc94d5028832d85cc0d");
  shows("T3740", "Heartbeat_Interval: 200");
  shows("T50", "Type: ayiya");
  shows("T50", "Tunnel MTU: 1428");
  shows("T50", "Heartbeat_Interval: 5");  // not 3
  shows("T51", "Type: 6in4-heartbeat");
  shows("T51", "Tunnel MTU: 1400");
  shows("t51", "TunnelId: T51");
  shows("T42", "UserState: disabled");
  shows("T42", "AdminState: disabled");
}

TEST_CASE("tunnel show tells the present password while clients change over") {
  Bed bed;
  for (v1::Tunnel& tunnel : *bed.host.config.mutable_tunnels()) {
    if (tunnel.id() == 5072) {
      tunnel.set_previous_password(tunnel.password());
      tunnel.set_password("a-new-password-of-it");
    }
  }
  bed.host.reload();
  Client client = bed.logged_in();
  CHECK_THAT(client.say("tunnel show T5072"),
             ContainsSubstring("\nPassword: a-new-password-of-it\n"));
}

TEST_CASE("tunnels of others look as if there were none") {
  Bed bed;
  Client client = bed.logged_in();
  const std::string none = client.say("tunnel show T999");
  CHECK(none == "400 No such tunnel\n");
  for (const char* id : {"T60", "T61"}) {
    CHECK(client.say(std::string("tunnel show ") + id) == none);
    CHECK(client.say(std::string("tunnel set ") + id + " endpoint 192.0.2.1") == none);
    CHECK(client.say(std::string("tunnel set ") + id + " state enabled") == none);
  }
  CHECK(bed.host.remotes_set.empty());
}

TEST_CASE("a GRE tunnel is said to be nothing for TIC") {
  Bed bed;
  Client client = bed.logged_in();
  for (const char* id : {"T47", "T48"}) {
    CHECK_THAT(client.say(std::string("tunnel show ") + id),
               ContainsSubstring("400 This tunnel is GRE or in IPv6"));
  }
}

TEST_CASE("a PoP that is down says so where a tunnel is asked for") {
  Bed bed;
  Client client = bed.logged_in();
  const std::string down =
      "500 This PoP is unfortunately currently down, see URL for more information.\n";
  bed.host.connected = false;
  CHECK(client.say("tunnel show T5072") == down);
  CHECK(code_of(client.say("tunnel show T999")) == "400");
  bed.host.connected = true;
  v1::Pop& pop = *bed.host.config.mutable_pop();
  for (const auto state : {v1::DRAINING, v1::OUT_OF_SERVICE}) {
    pop.set_service_state(state);
    pop.clear_service_message();
    pop.mutable_details()->clear_info_url();
    bed.host.reload();
    CHECK(client.say("tunnel show T5072") == down);
    CHECK(code_of(client.say("tunnel list")) == "201");
    pop.mutable_details()->set_info_url("https://status.example.net/");
    pop.set_service_message("Moving to a new home until Monday.");
    bed.host.reload();
    CHECK(client.say("tunnel show T5072") ==
          "500 This PoP is unfortunately currently down, see https://status.example.net/ for more "
          "information. Moving to a new home until Monday.\n");
    Client again = bed.client();
    CHECK(again.log_in("SX1-SIXXS", "secret") ==
          "200 Successfully logged in, but this PoP is out of service: Moving to a new home until "
          "Monday.\n");
  }
  pop.set_service_state(v1::IN_SERVICE);
  bed.host.reload();
  CHECK(code_of(client.say("tunnel show T5072")) == "201");
}

TEST_CASE("commands out of order are answered 400 with what to do") {
  Bed bed;
  Client client = bed.client();
  for (const char* line : {"tunnel list", "tunnel show T5072", "tunnel show",
                           "tunnel set T41 endpoint current", "tunnel set"}) {
    CHECK(client.say(line) == "400 Log in first: \"username\", \"challenge\", \"authenticate\"\n");
  }
  CHECK(client.say("challenge md5") == "400 Say \"username <name>\" first\n");
  CHECK(client.say("authenticate md5 x") == "400 Say \"username <name>\" first\n");
  client.say("username SX1-SIXXS");
  CHECK(client.say("authenticate md5 " + std::string(32, '0')) ==
        "400 Say \"challenge md5\" first\n");
  client.say("challenge md5");
  CHECK_THAT(client.say("authenticate clear secret"),
             ContainsSubstring("400 Say \"authenticate md5 <response>\""));
  CHECK_THAT(client.say("authenticate md5"), ContainsSubstring("400 Say \"authenticate md5"));
  CHECK_THAT(client.say("authenticate md5 zz"), ContainsSubstring("400 The response to an md5"));
  CHECK(code_of(client.log_in("SX1-SIXXS", "secret")) == "200");
  for (const char* line : {"username other", "challenge md5", "authenticate md5 x"}) {
    CHECK(client.say(line) == "400 You are logged in already\n");
  }
}

TEST_CASE("command words may be in any case and with any blanks") {
  Bed bed;
  Client client = bed.client();
  CHECK(client.say("  GET\t unixtime  ") == "200 1795234189\n");
  CHECK(code_of(client.say("Client x")) == "200");
  CHECK(code_of(client.say("USERNAME   SX1-SIXXS ")) == "200");
  CHECK(client.say("").starts_with("400 Unknown command"));
  CHECK(client.say("get").starts_with("400 Unknown command"));
  CHECK(client.say("getunixtime").starts_with("400 Unknown command"));
  CHECK(client.say("\x01\x02").starts_with("400 A line is printable text"));
  CHECK(client.say(std::string("quit\0", 5)).starts_with("400 A line is printable text"));
}

TEST_CASE("what else old clients may say is answered") {
  Bed bed;
  Client client = bed.client();
  CHECK(client.say("client").starts_with("400 "));
  CHECK(client.say("route list") == "400 Routes are not implemented\n");
  CHECK(client.say("route show R1") == "400 Routes are not implemented\n");
  CHECK(client.say("tunnel put T1 publickey x") == "400 There are no public keys here\n");
  CHECK(client.say("tunnel get T1 publickey") == "400 There are no public keys here\n");
  CHECK(client.say("set prompt").starts_with("400 "));
  CHECK(client.say("set prompt enabled") == "200 Prompt enabled\ntic> ");
  CHECK(client.say("get unixtime") == "200 1795234189\ntic> ");
  CHECK(client.say("set prompt disabled") == "200 Prompt disabled\n");
  const auto help = lines_of(client.say("help"));
  CHECK(help.front() == "201 Commands");
  CHECK(help.back() == "202 Done");
  CHECK(client.say("username \"x\"").starts_with("400 "));
  CHECK(client.say("username " + std::string(65, 'a')).starts_with("400 "));
  client.say("username SX1-SIXXS");
  CHECK(client.say("challenge cookie") == "400 No cookies here, use \"challenge md5\"\n");
  CHECK(client.say("challenge").starts_with("400 Say \"challenge md5\""));
  CHECK(client.say("exit") == "200 Bye\n");
  CHECK(client.then == Then::kClose);
  CHECK(client.session->too_long().starts_with("400 "));
  CHECK(client.session->timed_out().starts_with("400 "));
  CHECK(TicSession::busy().starts_with("500 "));
}

TEST_CASE("PoPs are listed by number, and shown without fields that have no value") {
  Bed bed;
  Client client = bed.client();
  CHECK(client.say("pop list") == "201 Listing PoPs\nsxpop00\nsxpop01\n202 Done\n");
  CHECK(client.say("pop show sxpop01") ==
        "201 Showing PoP information for sxpop01\n"
        "POPId: sxpop01\nCity: Zuerich\nCountry: ch\nIPv4: 198.51.100.1\n"
        "IPv6: 2001:db8:2ff:ffff::1\nISP Short: EX\nISP Name: Example\n"
        "ISP Website: https://www.example.net/\nISP ASN: AS64496\nISP LIR: ch.example\n"
        "202 Done\n");
  CHECK(client.say("pop show sxpop00") ==
        "201 Showing PoP information for sxpop00\n"
        "POPId: sxpop00\nIPv4: 203.0.113.1\nIPv6: 2001:db8:dddd::1\n202 Done\n");
  CHECK(client.say("pop show nowhere") == "400 No such PoP, try \"pop list\"\n");
  CHECK(client.say("pop show") == "400 No such PoP, try \"pop list\"\n");
}

// ---- Login.

TEST_CASE("whatever is wrong with a login is answered in the same way") {
  const auto attempt = [](const std::string& name, const std::string& secret) {
    Bed bed;
    Client client = bed.client();
    std::string said = client.say("username " + name);
    CHECK(said.starts_with("200 " + name));
    const std::string challenge = client.say("challenge md5");
    CHECK(challenge.size() == 37);
    return client.say("authenticate md5 " + hex_md5(challenge.substr(4, 32) + hex_md5(secret)));
  };
  CHECK(attempt("SX1-SIXXS", "secret").starts_with("200 "));
  const std::string wrong = attempt("SX1-SIXXS", "Secret");
  CHECK(wrong == "400 Login failed: no such account, or not its secret\n");
  CHECK(attempt("nobody", "secret") == wrong);
  CHECK(attempt("disabled", "secret") == wrong);
  CHECK(attempt("secretless", "secret") == wrong);
  CHECK(attempt("secretless", "") == wrong);
  CHECK(attempt("sx1-sixxs", "secret") == wrong);  // compared exactly
}

TEST_CASE("a challenge is good for one answer, one connection and one minute") {
  Bed bed;
  Client client = bed.client();
  client.say("username SX1-SIXXS");
  const auto respond = [&](Client& to, const std::string& challenge) {
    return to.say("authenticate md5 " +
                  hex_md5(challenge.substr(4, 32) + "5ebe2294ecd0e0f08eab7690d2a6ee69"));
  };
  const std::string first = client.say("challenge md5");
  CHECK(respond(client, "200 " + std::string(32, '0')).starts_with("400 Login failed"));
  CHECK(respond(client, first) == "400 Say \"challenge md5\" first\n");
  const std::string second = client.say("challenge md5");
  CHECK(second != first);
  Client other = bed.client();
  other.say("username SX1-SIXXS");
  other.say("challenge md5");
  CHECK(respond(other, second).starts_with("400 Login failed"));
  bed.host.time += 60s;
  CHECK(respond(client, second) == "400 The challenge is too old, ask for another\n");
  const std::string third = client.say("challenge md5");
  bed.host.time += 59s;
  CHECK(respond(client, third).starts_with("200 "));
}

TEST_CASE("another user name forgets the challenge of the first") {
  Bed bed;
  Client client = bed.client();
  client.say("username SX1-SIXXS");
  client.say("challenge md5");
  client.say("username other");
  CHECK(client.say("authenticate md5 " + std::string(32, '0')) ==
        "400 Say \"challenge md5\" first\n");
}

TEST_CASE("the secret in clear text is taken inside TLS only, unless the operator says otherwise") {
  Bed bed;
  bed.host.tls = true;
  Client client = bed.client();
  client.say("username SX1-SIXXS");
  CHECK(client.say("challenge clear") ==
        "400 \"challenge clear\" needs TLS: say \"starttls\" first\n");
  CHECK(code_of(client.say("starttls")) == "200");
  client.say("username SX1-SIXXS");
  CHECK(code_of(client.say("challenge clear")) == "200");
  CHECK(client.say("authenticate clear wrong").starts_with("400 Login failed"));
  client.say("challenge clear");
  CHECK(code_of(client.say("authenticate clear secret")) == "200");

  bed.policy().set_clear_challenge(v1::TicPolicy::CHALLENGE_ALLOWED);
  bed.host.reload();
  Client plain = bed.client();
  plain.say("username SX1-SIXXS");
  plain.say("challenge clear");
  CHECK(code_of(plain.say("authenticate clear secret")) == "200");

  bed.policy().set_clear_challenge(v1::TicPolicy::CHALLENGE_REFUSED);
  bed.policy().set_md5_challenge(v1::TicPolicy::CHALLENGE_WITH_TLS);
  bed.host.reload();
  Client refused = bed.client();
  refused.say("username SX1-SIXXS");
  CHECK(refused.say("challenge clear") ==
        "400 This challenge is not allowed here, try \"challenge md5\"\n");
  CHECK(refused.say("challenge md5") ==
        "400 \"challenge md5\" needs TLS: say \"starttls\" first\n");
}

TEST_CASE("a policy that changes between challenge and response holds") {
  Bed bed;
  Client client = bed.client();
  client.say("username SX1-SIXXS");
  const std::string challenge = client.say("challenge md5").substr(4, 32);
  bed.policy().set_clear_text(v1::TicPolicy::CLEAR_TEXT_REFUSED);
  bed.host.tls = true;
  bed.host.reload();
  CHECK(client.say("authenticate md5 " + hex_md5(challenge + hex_md5("secret")))
            .starts_with("400 TLS is required here"));
}

TEST_CASE("clear text is refused where the PoP or the account says so") {
  Bed bed;
  bed.host.tls = true;
  const std::string hint =
      "400 TLS is required here: say \"starttls\" first, or set \"requiretls true\" in your "
      "client\n";
  Client client = bed.client();
  CHECK(client.say("username careful") == hint);
  CHECK(client.say("challenge md5") == "400 Say \"username <name>\" first\n");
  client.say("starttls");
  CHECK(code_of(client.log_in("careful", "secret")) == "200");

  bed.policy().set_clear_text(v1::TicPolicy::CLEAR_TEXT_REFUSED);
  bed.host.reload();
  Client strict = bed.client();
  CHECK(strict.say("username SX1-SIXXS") == hint);
  CHECK(strict.say("username nobody") == hint);
  CHECK(code_of(strict.log_in("old", "secret")) == "200");
}

TEST_CASE("TLS that is required but not there is the provider's fault, and the answer says so") {
  Bed bed;
  CHECK(bed.client().say("username careful") ==
        "400 TLS is required here, but this server has no certificate: tell your provider\n");
}

TEST_CASE("starttls forgets what was said in the clear, and comes once") {
  Bed bed;
  bed.host.tls = true;
  Client client = bed.logged_in();
  CHECK(code_of(client.say("tunnel list")) == "201");
  CHECK(code_of(client.say("starttls")) == "200");
  CHECK(client.then == Then::kStartTls);
  CHECK(client.say("tunnel list").starts_with("400 Log in first"));
  CHECK(client.say("challenge md5") == "400 Say \"username <name>\" first\n");
  CHECK(client.say("starttls") == "400 TLS is on already\n");
  CHECK(code_of(client.log_in("SX1-SIXXS", "secret")) == "200");
}

TEST_CASE("an account that is disabled or deleted is out at once") {
  Bed bed;
  Client client = bed.logged_in();
  bed.host.config.mutable_accounts(0)->set_state(v1::Account::DISABLED);
  bed.host.reload();
  CHECK(client.say("tunnel show T5072").starts_with("400 Log in first"));
  CHECK(client.say("tunnel list").starts_with("400 Log in first"));
  bed.host.config.mutable_accounts(0)->set_state(v1::Account::ENABLED);
  bed.host.reload();
  CHECK(client.say("tunnel list").starts_with("400 Log in first"));
  CHECK(code_of(client.log_in("SX1-SIXXS", "secret")) == "200");
  bed.host.config.mutable_accounts()->DeleteSubrange(0, 1);
  bed.host.reload();
  CHECK(client.say("tunnel set T41 endpoint current").starts_with("400 Log in first"));
}

// ---- Waiting.

TEST_CASE("after five failures a login waits, and longer each time; the answers say how long") {
  Bed bed;
  const std::string failed = "400 Login failed: no such account, or not its secret";
  for (int i = 0; i < 4; ++i) CHECK(bed.client().log_in("SX1-SIXXS", "no") == failed + "\n");
  for (const int wait : {10, 20, 40, 80, 160, 320, 640, 900, 900}) {
    INFO(wait);
    const std::string text = std::to_string(wait);
    CHECK(bed.client().log_in("SX1-SIXXS", "no") ==
          failed + "; wait " + text + " seconds before you try again\n");
    CHECK(bed.client().log_in("SX1-SIXXS", "secret") ==
          "400 Too many failed logins: wait " + text + " seconds, then try again\n");
    bed.host.time += std::chrono::seconds(wait);
  }
  CHECK(code_of(bed.client().log_in("SX1-SIXXS", "secret")) == "200");
  CHECK(bed.client().log_in("SX1-SIXXS", "no") == failed + "\n");  // all over again
}

TEST_CASE("ten quiet minutes make up for failures") {
  Bed bed;
  for (int i = 0; i < 4; ++i) bed.client().log_in("SX1-SIXXS", "no");
  bed.host.time += 600s;
  CHECK(bed.client().log_in("SX1-SIXXS", "no").find("wait") == std::string::npos);
}

TEST_CASE("the operator sets how many failures are free") {
  Bed bed;
  bed.policy().set_max_failures(1);
  bed.host.reload();
  CHECK_THAT(bed.client().log_in("nobody", "x"), ContainsSubstring("wait 10 seconds"));
}

TEST_CASE("a stranger's failures keep nobody out who comes from elsewhere") {
  Bed bed;
  // From a thousand addresses, each as often as it may.
  for (int i = 0; i < 1000; ++i) {
    Client stranger = bed.client(fmt::format("203.0.{}.{}", i / 250, 1 + i % 250));
    for (int n = 0; n < 6; ++n) stranger.log_in("SX1-SIXXS", "no");
  }
  CHECK(code_of(bed.client().log_in("SX1-SIXXS", "secret")) == "200");
  // But each further stranger has one attempt instead of five.
  CHECK_THAT(bed.client("198.18.0.1").log_in("SX1-SIXXS", "no"),
             ContainsSubstring("wait 10 seconds"));
  // Other accounts are as before.
  CHECK(bed.client("198.18.0.2").log_in("other", "no").find("wait") == std::string::npos);
}

TEST_CASE("a source that tries many names waits, except for accounts that logged in from there") {
  Bed bed;
  CHECK(code_of(bed.client("2001:db8:1:2::3").log_in("SX1-SIXXS", "secret")) == "200");
  for (int i = 0; i < 20; ++i) {
    // Addresses of one /64 are one source.
    bed.client(fmt::format("2001:db8:1:2::{}", i + 1)).log_in("name" + std::to_string(i), "no");
  }
  CHECK_THAT(bed.client("2001:db8:1:2::99").log_in("other", "secret"),
             ContainsSubstring("400 Too many failed logins: wait 10 seconds"));
  CHECK(code_of(bed.client("2001:db8:1:2::99").log_in("SX1-SIXXS", "secret")) == "200");
  CHECK(code_of(bed.client("2001:db8:1:3::1").log_in("other", "secret")) == "200");
  // All of a /48 have four times as many.
  for (int i = 0; i < 60; ++i) {
    bed.client(fmt::format("2001:db8:1:{:x}::1", i + 16)).log_in("more" + std::to_string(i), "no");
  }
  CHECK_THAT(bed.client("2001:db8:1:ffff::1").log_in("other", "secret"),
             ContainsSubstring("400 Too many failed logins"));
  CHECK(code_of(bed.client("2001:db8:2::1").log_in("other", "secret")) == "200");
}

TEST_CASE("what is remembered of failures is bounded") {
  LoginLimiter limiter(100);
  const LoginLimiter::Clock::time_point now{1h};
  const auto peer = tic_peer("192.0.2.1").address;
  for (int i = 0; i < 5; ++i) limiter.failed("first", peer, 0, now);
  CHECK(limiter.wait("first", peer, now) == 10s);
  for (uint32_t i = 0; i < 1000; ++i) {
    limiter.failed("x" + std::to_string(i), Ipv6Address::from_halves(uint64_t{i} << 32, 1), 0, now);
  }
  CHECK(limiter.wait("first", peer, now) == 0s);
}

TEST_CASE("a login is one line of the log, without secrets, and a flood of them is not") {
  Bed bed;
  bed.host.tls = true;
  std::ostringstream log;
  const auto previous = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  spdlog::set_level(spdlog::level::info);
  spdlog::default_logger()->set_pattern("%v");
  Client client = bed.client();
  client.say("starttls");
  client.say("username SX1-SIXXS");
  client.say("challenge clear");
  client.say("authenticate clear secret");
  client.say("tunnel show T5072");
  bed.client().log_in("nobody", "hush-hush");
  CHECK(log.str() ==
        "event=tic-login account=SX1-SIXXS peer=192.0.2.100 tls=yes result=ok unlogged=0\n"
        "event=tic-login account=nobody peer=192.0.2.100 tls=no result=failed unlogged=0\n");
  log.str("");
  for (int i = 0; i < 100; ++i) bed.client().log_in("nobody", "no");
  CHECK(lines_of(log.str()).size() == 18);
  bed.host.time += 1s;
  log.str("");
  bed.client().log_in("nobody", "no");
  CHECK_THAT(log.str(), ContainsSubstring("result=waiting unlogged=82"));
  spdlog::set_default_logger(previous);
}

// ---- Setting the endpoint.

TEST_CASE("the endpoint of a static tunnel is set to an address, or to where the client is") {
  Bed bed;
  Client client = bed.logged_in("198.51.100.77");
  CHECK(client.say("tunnel set T41 endpoint 192.0.2.200") ==
        "200 The endpoint of T41 is 192.0.2.200\n");
  CHECK(client.say("TUNNEL SET 41 ENDPOINT CURRENT") ==
        "200 The endpoint of T41 is 198.51.100.77\n");
  CHECK(bed.host.remotes_set == decltype(bed.host.remotes_set){{"SX1-SIXXS", 41, "192.0.2.200"},
                                                               {"SX1-SIXXS", 41, "198.51.100.77"}});
  CHECK(client.say("tunnel set T41 endpoint 203.0.113.2") ==
        "200 The endpoint of T41 is 203.0.113.2 already\n");
  CHECK(bed.host.remotes_set.size() == 2);
}

TEST_CASE("an endpoint that cannot be set is refused with the reason") {
  Bed bed;
  Client client = bed.logged_in("2001:db8::1");
  const auto refused = [&](const std::string& command, const std::string& text) {
    CHECK(client.say("tunnel set " + command) == text + "\n");
  };
  refused("T41", "400 Say \"tunnel set <id> endpoint <ipv4>\" or \"... endpoint current\"");
  refused("x endpoint current",
          "400 Say \"tunnel set <id> endpoint <ipv4>\" or \"... endpoint current\"");
  refused("T41 endpoint here", "400 An endpoint is an IPv4 address, or the word \"current\"");
  refused("T41 endpoint current",
          "400 You come from an IPv6 address: give the IPv4 address of your end");
  refused("T5072 endpoint 192.0.2.1",
          "400 Only the endpoint of a static 6in4 tunnel is set; others tell theirs themselves");
  refused("T41 mtu 1400", "400 Of a tunnel only the endpoint can be set");
  refused("T42 state enabled", "400 The state of a tunnel is not set here: ask your provider");
  CHECK(bed.host.remotes_set.empty());
  bed.host.set_remote_status = absl::InvalidArgumentError("no");
  refused("T41 endpoint 127.0.0.1", "400 127.0.0.1 cannot be the endpoint of a tunnel");
  bed.host.set_remote_status = absl::FailedPreconditionError("no");
  refused("T41 endpoint 192.0.2.1", "400 No such tunnel");
  bed.host.set_remote_status = absl::UnavailableError("no");
  refused("T41 endpoint 192.0.2.1", "500 The change cannot be made now, try again later");
  bed.host.config.mutable_pop()->set_service_state(v1::OUT_OF_SERVICE);
  bed.host.reload();
  refused("T41 endpoint 192.0.2.1",
          "500 This PoP is unfortunately currently down, see URL for more information.");
}

TEST_CASE("an endpoint is not changed more often than the policy says") {
  Bed bed;
  bed.host.config.mutable_pop()->mutable_endpoint_update()->set_max_changes(2);
  bed.host.reload();
  Client client = bed.logged_in();
  const auto change = [&](int host) {
    return client.say("tunnel set T41 endpoint 192.0.2." + std::to_string(host));
  };
  CHECK(code_of(change(1)) == "200");
  CHECK(code_of(change(2)) == "200");
  CHECK(change(3) == "400 The endpoint was changed too often, wait ten minutes\n");
  bed.host.time += 600s;
  CHECK(code_of(change(3)) == "200");
  CHECK(bed.host.remotes_set.size() == 3);
}
