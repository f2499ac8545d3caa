// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The HTTP server of endpoint updates on real sockets, with clients of every kind of ill will.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/dyndns/http_server.h"
#include "control/net/tls_certificate.h"
#include "tests/support/catch.h"
#include "tests/support/line_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificate.h"

using namespace simplon;
using namespace simplon::control;
using namespace simplon::testing;
using namespace std::chrono_literals;

namespace {

HttpServerOptions some_options() {
  spdlog::set_level(spdlog::level::off);
  HttpServerOptions options;
  options.http = {"[::]:0"};
  return options;
}

// Says what it was asked; /slow takes a while.
HttpReply echo(const HttpRequest& request) {
  if (request.target == "/slow") std::this_thread::sleep_for(300ms);
  HttpReply reply;
  reply.body = request.method + " " + request.target + " " + request.authorization.value_or("-") +
               (request.has_body ? " body" : "") + (request.tls ? " tls" : "") + "\n";
  return reply;
}

struct Server {
  explicit Server(HttpServerOptions options = some_options(), HttpServer::Handle handle = echo)
      : server(std::move(options), std::move(handle)) {
    const absl::Status status = server.start();
    INFO(std::string(status.message()));
    REQUIRE(status.ok());
  }
  uint16_t port() const { return server.ports().front(); }

  HttpServer server;
};

struct Response {
  std::string status;  // the first line
  std::vector<std::string> fields;
  std::string line;  // the first of the body

  bool has(const std::string& field) const {
    return std::ranges::find(fields, field) != fields.end();
  }
};

Response read_response(LineClient& client) {
  Response response;
  response.status = client.read_line();
  if (!response.status.starts_with("HTTP/")) return response;
  for (;;) {
    const std::string field = client.read_line();
    if (field.empty() || field.starts_with("<")) break;
    response.fields.push_back(field);
  }
  if (!response.has("Content-Length: 0")) response.line = client.read_line();
  return response;
}

Response ask(LineClient& client, const std::string& request) {
  REQUIRE(client.send(request));
  return read_response(client);
}

}  // namespace

TEST_CASE("a request is answered, and the connection serves the next one") {
  Server server;
  LineClient client(server.port());
  const Response first =
      ask(client, "GET /a?b=c HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\n\r\n");
  CHECK(first.status == "HTTP/1.1 200 OK");
  CHECK(first.line == "GET /a?b=c yes");
  CHECK(first.has("Cache-Control: no-store"));
  CHECK(first.has("Server: Simplon"));
  CHECK(first.has("Content-Type: text/plain; charset=us-ascii"));
  CHECK_FALSE(first.has("Connection: close"));
  // Two at once.
  REQUIRE(client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"));
  CHECK(read_response(client).line == "GET /1 -");
  CHECK(read_response(client).line == "GET /2 -");
  CHECK(client.read_line() == LineClient::kClosed);
}

TEST_CASE("IPv4 and IPv6 clients are both served, HTTP/1.0 with one request") {
  Server server;
  LineClient v6(server.port(), "::1");
  const Response response = ask(v6, "GET / HTTP/1.0\r\n\r\n");
  CHECK(response.status == "HTTP/1.0 200 OK");
  CHECK(v6.read_line() == LineClient::kClosed);
}

TEST_CASE("a body is not read, and ends the connection") {
  Server server;
  LineClient client(server.port());
  const Response response =
      ask(client, "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nthe beginning");
  CHECK(response.line == "POST / - body");
  CHECK(response.has("Connection: close"));
  CHECK(client.read_line() == LineClient::kClosed);
  LineClient chunked(server.port());
  CHECK(ask(chunked, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").line ==
        "POST / - body");
  CHECK(chunked.read_line() == LineClient::kClosed);
}

TEST_CASE("what is no request, and one with a header too long, are refused") {
  Server server;
  LineClient client(server.port());
  CHECK(ask(client, "hello\r\n\r\n").status == "HTTP/1.1 400 Bad Request");
  CHECK(client.read_line() == LineClient::kClosed);
  LineClient tls(server.port());
  CHECK(ask(tls, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15)).status ==
        "HTTP/1.1 400 Bad Request");
  LineClient two(server.port());
  CHECK(ask(two, "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").status ==
        "HTTP/1.1 400 Bad Request");
  for (const std::string& start : {std::string("GET / HTTP/1.1\r\nX: "), std::string("GET /")}) {
    LineClient large(server.port());
    CHECK(ask(large, start + std::string(20000, 'x')).status ==
          "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(large.read_line() == LineClient::kClosed);
  }
}

TEST_CASE("who sends slowly, or nothing, is cut off as a whole and not byte by byte") {
  HttpServerOptions options = some_options();
  options.read_timeout = 400ms;
  Server server(std::move(options));
  LineClient silent(server.port());
  LineClient slow(server.port());
  const auto start = std::chrono::steady_clock::now();
  std::thread trickle([&] {
    for (int i = 0; i < 40 && slow.send("G"); ++i) std::this_thread::sleep_for(50ms);
  });
  const std::string end = slow.read_line();
  CHECK((end == LineClient::kClosed || end == LineClient::kReset));
  CHECK(std::chrono::steady_clock::now() - start < 1500ms);
  CHECK(silent.read_line() == LineClient::kClosed);
  trickle.join();
}

TEST_CASE("so many connections of one source, and so many in all, and then no more") {
  HttpServerOptions options = some_options();
  options.max_connections = 5;
  options.max_connections_per_source = 3;
  Server server(std::move(options));
  std::vector<std::unique_ptr<LineClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<LineClient>(server.port()));
    CHECK(ask(*clients.back(), "GET / HTTP/1.1\r\n\r\n").line == "GET / -");
  }
  LineClient fourth(server.port());
  CHECK(fourth.read_line() == "HTTP/1.1 503 Service Unavailable");
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<LineClient>(server.port(), "::1"));
    CHECK(ask(*clients.back(), "GET / HTTP/1.1\r\n\r\n").line == "GET / -");
  }
  LineClient sixth(server.port(), "::1");
  CHECK(sixth.read_line() == "HTTP/1.1 503 Service Unavailable");
  // A place that is given back is had again.
  clients.clear();
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    LineClient again(server.port());
    again.send("GET / HTTP/1.1\r\n\r\n");
    served = again.read_line() == "HTTP/1.1 200 OK";
    std::this_thread::sleep_for(10ms);
  }
  CHECK(served);
}

TEST_CASE("a connection serves so many requests and is then closed") {
  HttpServerOptions options = some_options();
  options.max_requests = 3;
  Server server(std::move(options));
  LineClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    const Response response = ask(client, "GET / HTTP/1.1\r\n\r\n");
    CHECK(response.has("Connection: close") == (i == 2));
  }
  CHECK(client.read_line() == LineClient::kClosed);
}

TEST_CASE("a slow request holds up nobody else") {
  Server server;
  LineClient slow(server.port());
  REQUIRE(slow.send("GET /slow HTTP/1.1\r\n\r\n"));
  LineClient quick(server.port());
  const auto start = std::chrono::steady_clock::now();
  CHECK(ask(quick, "GET /quick HTTP/1.1\r\n\r\n").line == "GET /quick -");
  CHECK(std::chrono::steady_clock::now() - start < 250ms);
  CHECK(read_response(slow).line == "GET /slow -");
}

TEST_CASE("stopping answers the request under way, and lets no idle connection hold it up") {
  auto server = std::make_unique<Server>();
  LineClient idle(server->port());
  REQUIRE(ask(idle, "GET / HTTP/1.1\r\n\r\n").line == "GET / -");
  LineClient busy(server->port());
  REQUIRE(busy.send("GET /slow HTTP/1.1\r\n\r\n"));
  std::this_thread::sleep_for(100ms);
  const auto start = std::chrono::steady_clock::now();
  server->server.stop();
  server->server.stop();
  CHECK(std::chrono::steady_clock::now() - start < 1500ms);
  const Response last = read_response(busy);
  CHECK(last.line == "GET /slow -");
  CHECK(last.has("Connection: close"));
  CHECK(idle.read_line() == LineClient::kClosed);
}

TEST_CASE("over TLS the same, with the certificate of the moment") {
  TemporaryDirectory directory;
  const TestCertificate files = make_test_certificate(directory.file("pop"));
  auto certificate = TlsCertificate::load(files.certificate_file, files.key_file);
  REQUIRE(certificate.ok());
  HttpServerOptions options = some_options();
  options.https = {"127.0.0.1:0"};
  options.certificate = certificate->get();
  options.handshake_timeout = 400ms;
  Server server(std::move(options));
  const uint16_t port = server.server.ports().back();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    LineClient client(port);
    REQUIRE(client.start_tls(version));
    CHECK(ask(client, "GET /1 HTTP/1.1\r\n\r\n").line == "GET /1 - tls");
    CHECK(ask(client, "GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n").line == "GET /2 - tls");
    CHECK(client.read_line() == LineClient::kClosed);
  }
  // Clear text where TLS is spoken, and nobody who speaks at all.
  LineClient clear(port);
  REQUIRE(clear.send("GET / HTTP/1.1\r\n\r\n"));
  CHECK_FALSE(clear.read_line().starts_with("HTTP/"));
  LineClient silent(port);
  CHECK(silent.read_line() == LineClient::kClosed);
}
