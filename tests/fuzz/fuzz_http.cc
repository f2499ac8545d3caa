// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Anything that comes in on an HTTP connection: request after request as the server reads them,
// each to its reply. Every reply is one HTTP parses again, made of the words there are; and no
// update is tried without credentials.

#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "control/dyndns/http_message.h"
#include "control/dyndns/update_handler.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace simplon;
using namespace simplon::control;
namespace http = boost::beast::http;

void require(bool holds) {
  if (!holds) std::abort();
}

// Answers by chance, so that every answer is seen.
struct AnyTunnels final : EndpointUpdater {
  UpdateOutcome update(const UpdateAttempt& attempt) override {
    ++attempts;
    require(attempt.addresses.size() <= UpdateHandler::kMaxTarget);
    for (const Ipv6Address& address : attempt.addresses) require(address != Ipv6Address{});
    UpdateOutcome outcome;
    outcome.answer =
        UpdateOutcome::Answer((attempt.tunnel + attempt.user.size() + attempt.key.size()) % 7);
    if (!attempt.addresses.empty()) outcome.address = attempt.addresses.front();
    outcome.wait = std::chrono::seconds(outcome.answer == UpdateOutcome::Answer::kAbuse ? 600 : 0);
    return outcome;
  }
  int attempts = 0;
};

constexpr std::array<std::string_view, 10> kWords = {
    "good", "nochg", "badauth", "nohost", "badip", "abuse", "911", "notfqdn", "numhost", ""};

void check_reply(const HttpReply& reply, bool update) {
  require(reply.body.empty() || reply.body.ends_with('\n'));
  require(reply.body.size() < 2048);
  for (const char c : reply.body) require(c == '\n' || (c >= ' ' && c <= '~'));
  if (reply.status != 200 || !update) return;
  std::istringstream lines(reply.body);
  for (std::string line; std::getline(lines, line);) {
    require(std::ranges::count(kWords, line.substr(0, line.find(' '))) == 1);
  }
}

void check_response(const HttpReply& reply, unsigned version, bool keep_alive) {
  const HttpResponse response = to_response(reply, version, keep_alive, 1'700'000'000);
  std::ostringstream out;
  out << response;
  http::response_parser<http::string_body> parser;
  boost::system::error_code error;
  parser.eager(true);
  parser.put(boost::asio::buffer(out.str()), error);
  require(!error && parser.is_done());
  require(parser.get().body() == reply.body && int(parser.get().result_int()) == reply.status);
  require(out.str().find("\r\n\r\n") + 4 + reply.body.size() == out.str().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  AnyTunnels tunnels;
  UpdateLimits limits;
  UpdateLimits::Clock::time_point now{};
  UpdateHandler handler(tunnels, limits, [&now] { return now += std::chrono::seconds(1); });
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (bool more = true; more && !bytes.empty();) {
    HttpRequestParser parser;
    set_limits(parser);
    boost::system::error_code error;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::need_more) break;  // the rest never comes
    if (error) {
      check_response(refusal_of(error), 11, false);
      break;
    }
    require(parser.is_header_done());
    bytes.remove_prefix(taken);
    const HttpRequest request =
        to_request(parser, *Ipv6Address::parse("2001:db8::1"), bytes.size() % 2 == 0);
    require(request.target.size() <= kMaxHttpHeader);
    const int before = tunnels.attempts;
    const HttpReply reply = handler.handle(request);
    require(tunnels.attempts - before <= int(UpdateHandler::kMaxHostnames));
    require(tunnels.attempts == before || (request.method == "GET" && reply.status == 200));
    require(!reply.authenticate || tunnels.attempts == before);
    check_reply(reply, tunnels.attempts != before);
    more = may_keep_alive(parser);
    check_response(reply, parser.get().version(), more);
  }
  return 0;
}

std::vector<std::vector<uint8_t>> simplon::fuzz::seeds() {
  const auto seed = [](std::string_view text) {
    return std::vector<uint8_t>(text.begin(), text.end());
  };
  return {
      seed("GET /nic/update?system=dyndns&hostname=T101&myip=198.51.1.7 HTTP/1.1\r\n"
           "Host: 127.0.0.1:8245\r\nAuthorization: Basic VDEwMTprZXktb2YtVDEwMQ==\r\n"
           "User-Agent: ddclient/3.10.0\r\nConnection: close\r\n\r\n"),
      seed("HEAD /nic/update?hostname=101 HTTP/1.1\r\nHost: pop.example.org\r\n\r\n"),
      seed("GET /nic/update?username=alice&password=%6bey&hostname=101,T102.x,home&"
           "myip=198.51.1.4,2001:db8::7 HTTP/1.1\r\nHost: pop.example.org\r\n\r\n"),
      seed("GET /ip HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
      seed("POST /nic/update HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  };
}
