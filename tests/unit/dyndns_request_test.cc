// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Endpoint updates over HTTP as far as they touch neither sockets nor tunnels: what a request says,
// how often is too often, and which answer becomes which response.

#include <string>
#include <vector>

#include "control/dyndns/update_handler.h"
#include "control/dyndns/update_limits.h"
#include "control/dyndns/update_request.h"
#include "control/net/recent_map.h"
#include "tests/support/catch.h"

using namespace simplon;
using namespace simplon::control;
using namespace std::chrono_literals;

namespace {

using Answer = UpdateOutcome::Answer;
using Seconds = std::chrono::seconds;

Ipv6Address v4(const char* text) {
  return Ipv6Address::from_ipv4(*Ipv4Address::parse(text));
}
Ipv6Address v6(const char* text) {
  return *Ipv6Address::parse(text);
}

// Remembers what it was asked, and answers what it is told to.
struct Recorder final : EndpointUpdater {
  UpdateOutcome update(const UpdateAttempt& attempt) override {
    attempts.push_back(attempt);
    UpdateOutcome outcome = next;
    if (!attempt.addresses.empty()) outcome.address = attempt.addresses.front();
    return outcome;
  }
  std::vector<UpdateAttempt> attempts;
  UpdateOutcome next{.answer = Answer::kGood, .address = {}, .wait = {}};
};

struct Bed {
  HttpReply get(const std::string& target, std::optional<std::string> authorization = {},
                const std::string& method = "GET") {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.authorization = std::move(authorization);
    request.source = v4("203.0.113.9");
    return handler.handle(request);
  }

  Recorder updater;
  UpdateLimits limits;
  UpdateLimits::Clock::time_point now = UpdateLimits::Clock::now();
  UpdateHandler handler{updater, limits, [this] { return now; }};
};

// T123:key
constexpr const char* kBasic = "Basic VDEyMzprZXk=";

}  // namespace

TEST_CASE("a query is taken apart, decoded, and of a parameter given twice the first counts") {
  const auto query = parse_update_query(
      "/nic/update?system=dyndns&hostname=T1%2Cfoo.example,,3&myip=198.51.100.7&username=a%40b&"
      "password=p%25+%zz%4&myip=10.0.0.1&offline=NO&=&&wildcard");
  CHECK(query.hostnames == std::vector<std::string>{"T1", "foo.example", "3"});
  CHECK(query.addresses == std::vector{v4("198.51.100.7")});
  CHECK_FALSE(query.bad_address);
  REQUIRE(query.credentials);
  CHECK(query.credentials->user == "a@b");
  CHECK(query.credentials->key == "p% %zz%4");
}

TEST_CASE("addresses of both families may be given, and what is none is noticed") {
  const auto both = parse_update_query("/?myip=198.51.100.7,2001:db8::1&myipv6=2001:db8::2");
  CHECK(both.addresses == std::vector{v4("198.51.100.7"), v6("2001:db8::1"), v6("2001:db8::2")});
  CHECK(parse_update_query("/?myip=").addresses.empty());
  CHECK_FALSE(parse_update_query("/?myip=").bad_address);
  for (const char* bad : {"1.2.3", "1.2.3.4.5", "router", "::ffff:1.2.3.4", "%00", "1.2.3.4%20"}) {
    INFO(bad);
    const auto query = parse_update_query(std::string("/?myip=") + bad);
    CHECK(query.addresses.empty());
    CHECK(query.bad_address);
  }
}

TEST_CASE("a user alone is no login, a key alone is one that will fail") {
  CHECK_FALSE(parse_update_query("/nic/update?hostname=T1&user=T1").credentials);
  const auto query = parse_update_query("/nic/update?hostname=T1&pass=k");
  REQUIRE(query.credentials);
  CHECK(query.credentials->user.empty());
  CHECK_FALSE(parse_update_query("/nic/update").credentials);
  CHECK_FALSE(parse_update_query("").credentials);
}

TEST_CASE("the path is found in every form of target") {
  CHECK(path_of("/nic/update?hostname=1") == "/nic/update");
  CHECK(path_of("http://pop.example:8080/nic/update?x=/y") == "/nic/update");
  CHECK(path_of("HTTPS://pop.example") == "/");
  CHECK(path_of("http:/nic/update") == "http:/nic/update");
  CHECK(path_of("/#?") == "/");
  CHECK(path_of("*") == "*");
  CHECK(path_of("").empty());
}

TEST_CASE("a Basic login is read as RFC 7617 has it, and nothing else is one") {
  const auto login = parse_basic("Basic VDEyMzprZXk6d2l0aDpjb2xvbnM=");
  REQUIRE(login);
  CHECK(login->user == "T123");
  CHECK(login->key == "key:with:colons");
  CHECK(parse_basic("basic   VDEyMzprZXk="));
  CHECK(parse_basic("BASIC VDEyMzprZXk"));
  for (const char* bad : {"", "Basic", "Basic ", "Bearer VDEyMzprZXk=", "Basic VDEyMw==",
                          "Basic VDEy!zprZXk=", "VDEyMzprZXk="}) {
    INFO(bad);
    CHECK_FALSE(parse_basic(bad));
  }
}

TEST_CASE("a tunnel is named by its number, with a T or without, or by a name that begins so") {
  CHECK(tunnel_of_hostname("T123") == 123u);
  CHECK(tunnel_of_hostname("123") == 123u);
  CHECK(tunnel_of_hostname("t123.tunnels.example.org") == 123u);
  CHECK(tunnel_of_hostname("123.") == 123u);
  CHECK(tunnel_of_hostname("4294967295") == 4294967295u);
  for (const char* bad : {"", "T", "0", "T0", "4294967296", "T12x", "-1", "+1", " 1", "TT1",
                          "home.example", ".T1", "T1 "}) {
    INFO(bad);
    CHECK_FALSE(tunnel_of_hostname(bad));
  }
}

TEST_CASE("the map of recent things forgets what nobody asked for the longest") {
  RecentMap<int, int> map(3);
  for (int i = 1; i <= 3; ++i) map.at(i) = i;
  REQUIRE(map.find(1) != nullptr);
  map.at(4) = 4;
  CHECK(map.find(2) == nullptr);
  CHECK(*map.find(1) == 1);
  CHECK(map.size() == 3);
  map.erase(1);
  map.erase(1);
  CHECK(map.find(1) == nullptr);
  CHECK(map.at(1) == 0);
}

TEST_CASE("a source that asks without pause is told how long to wait, and others are not") {
  UpdateLimits limits;
  const auto now = UpdateLimits::Clock::now();
  for (uint32_t i = 0; i < UpdateLimits::kBurst; ++i) {
    REQUIRE(limits.take_request(v4("203.0.113.9"), now).count() == 0);
  }
  CHECK(limits.take_request(v4("203.0.113.9"), now) == 1s);
  CHECK(limits.take_request(v4("203.0.113.10"), now).count() == 0);
  CHECK(limits.take_request(v4("203.0.113.9"), now + 1s).count() == 0);
  // All addresses of a /64 are one source.
  for (uint32_t i = 0; i < UpdateLimits::kBurst; ++i) {
    REQUIRE(limits.take_request(v6("2001:db8::1"), now).count() == 0);
  }
  CHECK(limits.take_request(v6("2001:db8::2"), now).count() == 1);
}

TEST_CASE("wrong keys lock out their source from that tunnel until the window is over") {
  UpdateLimits limits;
  const auto now = UpdateLimits::Clock::now();
  const auto there = v4("203.0.113.9");
  for (uint32_t i = 0; i < UpdateLimits::kFailures; ++i) {
    CHECK(limits.check_failures(there, 1, now).count() == 0);
    limits.count_failure(there, 1, now + Seconds(i));
  }
  CHECK(limits.check_failures(there, 1, now + 60s) == 540s);
  CHECK(limits.check_failures(there, 2, now).count() == 0);
  CHECK(limits.check_failures(v4("203.0.113.10"), 1, now).count() == 0);
  CHECK(limits.check_failures(there, 1, now + UpdateLimits::kWindow).count() == 0);
  limits.forget_failures(there, 1);
  CHECK(limits.check_failures(there, 1, now + 60s).count() == 0);
}

TEST_CASE("updates are counted per tunnel, those that change something apart from the others") {
  UpdateLimits limits;
  const auto now = UpdateLimits::Clock::now();
  for (int i = 0; i < 3; ++i) CHECK(limits.take_update(1, false, 3, now).count() == 0);
  CHECK(limits.take_update(1, false, 3, now + 100s) == 500s);
  CHECK(limits.take_update(1, true, 3, now).count() == 0);
  CHECK(limits.take_update(2, false, 3, now).count() == 0);
  // Being refused prolongs nothing.
  CHECK(limits.take_update(1, false, 3, now + 600s).count() == 0);
}

TEST_CASE("each answer is one line, in the order of the hostnames") {
  Bed bed;
  const HttpReply reply =
      bed.get("/nic/update?hostname=T123,home.example,7.x&myip=198.51.100.7", kBasic);
  CHECK(reply.status == 200);
  CHECK(reply.body == "good 198.51.100.7\ngood 198.51.100.7\ngood 198.51.100.7\n");
  REQUIRE(bed.updater.attempts.size() == 3);
  CHECK(bed.updater.attempts[0].tunnel == 123);
  CHECK(bed.updater.attempts[1].tunnel == 0);
  CHECK(bed.updater.attempts[2].tunnel == 7);
  CHECK(bed.updater.attempts[0].user == "T123");
  CHECK(bed.updater.attempts[0].key == "key");

  const std::vector<std::pair<Answer, std::string>> lines{
      {Answer::kGood, "good 198.51.100.7\n"},
      {Answer::kNoChange, "nochg 198.51.100.7\n"},
      {Answer::kBadAuth, "badauth\n"},
      {Answer::kNoHost, "nohost\n"},
      {Answer::kAbuse, "abuse\n"},
      {Answer::kBadAddress, "badip 198.51.100.7\n"},
      {Answer::kLater, "911\n"}};
  for (const auto& [answer, line] : lines) {
    bed.updater.next.answer = answer;
    bed.updater.next.wait = Seconds(answer == Answer::kAbuse ? 77 : 0);
    const HttpReply one = bed.get("/nic/update?hostname=T123&myip=198.51.100.7", kBasic);
    CHECK(one.status == 200);
    CHECK(one.body == line);
    CHECK(one.retry == (answer == Answer::kAbuse ? std::optional(77s) : std::nullopt));
    CHECK_FALSE(one.authenticate);
  }
}

TEST_CASE(
    "without an address the caller's own is meant, but not where one was given that is none") {
  Bed bed;
  for (const char* target : {"/nic/update?hostname=T123", "/nic/update?hostname=T123&myip="}) {
    CHECK(bed.get(target, kBasic).body == "good 203.0.113.9\n");
  }
  bed.updater.attempts.clear();
  bed.get("/nic/update?hostname=T123&myip=my-router", kBasic);
  REQUIRE(bed.updater.attempts.size() == 1);
  CHECK(bed.updater.attempts[0].addresses.empty());
}

TEST_CASE("who gives no credentials is asked for them, by HEAD as well") {
  Bed bed;
  const HttpReply reply = bed.get("/nic/update?hostname=T123");
  CHECK(reply.status == 401);
  CHECK(reply.body == "badauth\n");
  CHECK(reply.authenticate);
  const HttpReply head = bed.get("/nic/update?hostname=T123", {}, "HEAD");
  CHECK(head.status == 401);
  CHECK(head.body.empty());
  CHECK(head.authenticate);
  CHECK(bed.updater.attempts.empty());
}

TEST_CASE("a login nobody can read is a wrong one") {
  Bed bed;
  bed.get("/nic/update?hostname=T123&username=T123&password=key", "Digest username=x");
  REQUIRE(bed.updater.attempts.size() == 1);
  CHECK(bed.updater.attempts[0].key.empty());
}

TEST_CASE("a request that names no tunnel, or too many, is told so") {
  Bed bed;
  CHECK(bed.get("/nic/update", kBasic).body == "notfqdn\n");
  CHECK(bed.get("/nic/update?hostname=,,", kBasic).body == "notfqdn\n");
  std::string many = "1";
  for (int i = 0; i < 20; ++i) many += ",1";
  CHECK(bed.get("/nic/update?hostname=" + many, kBasic).body == "numhost\n");
  CHECK(bed.updater.attempts.empty());
}

TEST_CASE("only GET changes anything, and a body is not wanted") {
  Bed bed;
  for (const char* method : {"POST", "HEAD", "PUT", "OPTIONS", "get", ""}) {
    const HttpReply reply = bed.get("/nic/update?hostname=T123", kBasic, method);
    CHECK(reply.status == 405);
    CHECK(reply.get_only);
  }
  HttpRequest request;
  request.method = "GET";
  request.target = "/nic/update?hostname=T123";
  request.authorization = kBasic;
  request.has_body = true;
  CHECK(bed.handler.handle(request).status == 413);
  CHECK(bed.get("/nic/update?hostname=T123&x=" + std::string(2048, 'x'), kBasic).status == 414);
  CHECK(bed.get("/nic/updates", kBasic).status == 404);
  CHECK(bed.updater.attempts.empty());
}

TEST_CASE("a caller is told its address") {
  Bed bed;
  CHECK(bed.get("/").body == "203.0.113.9\n");
  CHECK(bed.get("/ip").body == "203.0.113.9\n");
  HttpRequest request;
  request.method = "GET";
  request.target = "/";
  request.source = v6("2001:db8::7");
  CHECK(bed.handler.handle(request).body == "2001:db8::7\n");
}

TEST_CASE("too many requests of one source are refused whatever they ask") {
  Bed bed;
  for (uint32_t i = 0; i < UpdateLimits::kBurst; ++i) REQUIRE(bed.get("/").status == 200);
  for (const char* target : {"/", "/nic/update?hostname=T123", "/x"}) {
    const HttpReply reply = bed.get(target, kBasic);
    CHECK(reply.status == 429);
    CHECK(reply.body == "abuse\n");
    CHECK(reply.retry == 1s);
  }
  bed.now += 1s;
  CHECK(bed.get("/").status == 200);
}
