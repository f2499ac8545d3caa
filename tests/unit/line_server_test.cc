// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/line_server.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

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

// Says what it was told.
class EchoSession : public LineSession {
 public:
  explicit EchoSession(const LinePeer& peer) : peer_(peer) { ++open; }
  ~EchoSession() override { --open; }

  Reply greet() override { return {"hello " + peer_.address.to_string() + "\n"}; }
  Reply take_line(std::string_view line) override {
    if (line == "starttls") return {"tls now\n", Then::kStartTls};
    if (line == "quit") return {"bye\n", Then::kClose};
    if (line == "silence") return {};
    if (line == "flood") return {std::string(std::size_t{64} << 20, 'x') + "\n"};
    if (line == "tls?") return {tls_ ? "yes\n" : "no\n"};
    return {std::string(line) + "\n"};
  }
  std::string too_long() override { return "too long\n"; }
  std::string timed_out() override { return "timed out\n"; }
  void tls_started() override { tls_ = true; }

  static inline std::atomic<int> open = 0;

 private:
  LinePeer peer_;
  bool tls_ = false;
};

LineServerOptions some_options() {
  spdlog::set_level(spdlog::level::off);
  LineServerOptions options;
  options.name = "test";
  options.listen = {"[::]:0"};
  options.max_line = 100;
  options.busy_text = "busy\n";
  options.idle_timeout = 20s;
  return options;
}

struct Server {
  explicit Server(LineServerOptions options)
      : server(std::move(options),
               [](const LinePeer& peer) { return std::make_unique<EchoSession>(peer); }) {
    const absl::Status status = server.start();
    INFO(std::string(status.message()));
    REQUIRE(status.ok());
  }
  uint16_t port() const { return server.ports().front(); }

  LineServer server;
};

void wait_for_sessions(int count) {
  for (int i = 0; i < 500 && EchoSession::open != count; ++i) std::this_thread::sleep_for(10ms);
  CHECK(EchoSession::open == count);
}

struct TlsServer {
  explicit TlsServer(LineServerOptions options = some_options())
      : files(make_test_certificate(directory.file("first"))),
        certificate(TlsCertificate::load(files.certificate_file, files.key_file).value()) {
    options.certificate = certificate.get();
    server.emplace(std::move(options));
  }
  uint16_t port() const { return server->port(); }

  TemporaryDirectory directory;
  TestCertificate files;
  std::unique_ptr<TlsCertificate> certificate;
  std::optional<Server> server;
};

std::string common_name(SSL* tls) {
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(tls)), NID_commonName,
                            name.data(), name.size());
  return name.data();
}

}  // namespace

TEST_CASE("one socket takes IPv4 and IPv6 clients and tells their addresses") {
  const Server server(some_options());
  LineClient v4(server.port());
  CHECK(v4.read_line() == "hello ::ffff:127.0.0.1");
  LineClient v6(server.port(), "::1");
  CHECK(v6.read_line() == "hello ::1");
  CHECK(v4.ask("a") == "a");
  CHECK(v6.ask("b") == "b");
}

TEST_CASE("lines end in LF or CR LF and those that come together are answered in order") {
  const Server server(some_options());
  LineClient client(server.port());
  client.read_line();
  REQUIRE(client.send("one\ntwo\r\n\nsilence\nfo"));
  CHECK(client.read_line() == "one");
  CHECK(client.read_line() == "two");
  CHECK(client.read_line().empty());
  REQUIRE(client.send("ur\nquit\nnever\n"));
  CHECK(client.read_line() == "four");
  CHECK(client.read_line() == "bye");
  CHECK(client.read_line() == LineClient::kClosed);
}

TEST_CASE("a client that has closed its side gets all its answers") {
  const Server server(some_options());
  LineClient client(server.port());
  REQUIRE(client.send("one\ntwo\ncut off"));
  client.finish_sending();
  client.read_line();
  CHECK(client.read_line() == "one");
  CHECK(client.read_line() == "two");
  CHECK(client.read_line() == LineClient::kClosed);
  wait_for_sessions(0);
}

TEST_CASE("ten thousand lines at once are answered one by one") {
  const Server server(some_options());
  LineClient client(server.port());
  client.read_line();
  std::thread sender([&] {
    for (int i = 0; i < 10000; ++i) client.send(std::to_string(i) + "\n");
  });
  int right = 0;
  for (int i = 0; i < 10000; ++i) right += client.read_line() == std::to_string(i) ? 1 : 0;
  sender.join();
  CHECK(right == 10000);
}

TEST_CASE("a line of the greatest length is taken and one byte more is not") {
  const Server server(some_options());
  const std::string longest(100, 'a');
  LineClient client(server.port());
  client.read_line();
  CHECK(client.ask(longest) == longest);
  REQUIRE(client.send(longest + "\r\n"));
  CHECK(client.read_line() == longest);
  CHECK(client.ask(longest + "a") == "too long");
  CHECK(client.read_line() == LineClient::kClosed);
}

TEST_CASE("a line without end is cut off early, and the reason arrives though more was sent") {
  const Server server(some_options());
  LineClient client(server.port());
  client.read_line();
  client.send(std::string(50000, 'a'));
  CHECK(client.read_line() == "too long");
  wait_for_sessions(0);
}

TEST_CASE("connections over the limits are told so and closed; others come in again") {
  auto options = some_options();
  options.max_connections = 3;
  options.max_connections_per_source = 2;
  const Server server(options);
  auto first = std::make_unique<LineClient>(server.port());
  CHECK(first->read_line() == "hello ::ffff:127.0.0.1");
  LineClient second(server.port());
  CHECK(second.read_line() == "hello ::ffff:127.0.0.1");
  {
    LineClient third(server.port());
    CHECK(third.read_line() == "busy");
    CHECK(third.read_line() == LineClient::kClosed);
  }
  LineClient other(server.port(), "::1");
  CHECK(other.read_line() == "hello ::1");
  LineClient fourth(server.port(), "::1");  // the limit in all
  CHECK(fourth.read_line() == "busy");
  first.reset();
  wait_for_sessions(2);
  LineClient again(server.port());
  CHECK(again.read_line() == "hello ::ffff:127.0.0.1");
}

TEST_CASE("a silent client is told and closed after the idle time-out") {
  auto options = some_options();
  options.idle_timeout = 200ms;
  const Server server(options);
  LineClient client(server.port());
  client.read_line();
  CHECK(client.read_line() == "timed out");
  CHECK(client.read_line() == LineClient::kClosed);
  wait_for_sessions(0);
}

TEST_CASE("bytes without a line end do not keep a connection open") {
  auto options = some_options();
  options.idle_timeout = 300ms;
  const Server server(options);
  LineClient client(server.port());
  client.read_line();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i) {
    client.send("a");
    std::this_thread::sleep_for(60ms);
  }
  CHECK(client.read_line() == "timed out");
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
}

TEST_CASE("a session ends after its greatest length however busy it is") {
  auto options = some_options();
  options.max_session = 300ms;
  const Server server(options);
  LineClient client(server.port());
  client.read_line();
  std::string answer;
  for (int i = 0; i < 1000 && answer != "timed out"; ++i) {
    answer = client.ask("a");
    std::this_thread::sleep_for(10ms);
  }
  CHECK(answer == "timed out");
}

TEST_CASE("a client that does not read is closed, and the others are served meanwhile") {
  auto options = some_options();
  options.idle_timeout = 500ms;
  const Server server(options);
  LineClient slow(server.port(), "127.0.0.1", 4096);
  slow.read_line();
  REQUIRE(slow.send("flood\nquit\n"));
  for (int i = 0; i < 5; ++i) {
    LineClient other(server.port());
    other.read_line();
    CHECK(other.ask("a") == "a");
  }
  wait_for_sessions(0);
}

TEST_CASE("a slow client that reads on gets all of a long answer") {
  auto options = some_options();
  options.idle_timeout = 500ms;
  const Server server(options);
  LineClient client(server.port());
  client.read_line();
  REQUIRE(client.send("flood\nquit\n"));
  std::this_thread::sleep_for(300ms);
  CHECK(client.read_line().size() == std::size_t{64} << 20);
  CHECK(client.read_line() == "bye");
}

TEST_CASE("three hundred clients are served at the same time") {
  auto options = some_options();
  options.max_connections_per_source = 1000;
  const Server server(options);
  std::vector<std::unique_ptr<LineClient>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<LineClient>(server.port()));
  int right = 0;
  for (auto& client : clients) client->send("a\n");
  for (auto& client : clients) {
    right += client->read_line() == "hello ::ffff:127.0.0.1" && client->read_line() == "a" ? 1 : 0;
  }
  CHECK(right == 300);
  wait_for_sessions(300);
  clients.clear();
  wait_for_sessions(0);
}

TEST_CASE("stopping closes connections at any stage") {
  auto server = std::make_unique<TlsServer>();
  LineClient idle(server->port());
  idle.read_line();
  LineClient shaking(server->port());
  shaking.read_line();
  CHECK(shaking.ask("starttls") == "tls now");
  LineClient slow(server->port(), "127.0.0.1", 4096);
  slow.send("flood\n");
  LineClient tls(server->port());
  tls.read_line();
  tls.ask("starttls");
  REQUIRE(tls.start_tls());
  CHECK(tls.ask("a") == "a");
  server->server.reset();
  CHECK(EchoSession::open == 0);
  const std::string end = idle.read_line();
  CHECK((end == LineClient::kClosed || end == LineClient::kReset));
}

TEST_CASE("an address that cannot be listened on is named with what to do") {
  const Server taken(some_options());
  const auto error = [](const std::string& where) {
    auto options = some_options();
    options.listen = {where};
    LineServer server(options, [](const LinePeer& p) { return std::make_unique<EchoSession>(p); });
    return std::string(server.start().message());
  };
  const std::string port = std::to_string(taken.port());
  CHECK(error("[::]:" + port) ==
        "cannot listen on [::]:" + port +
            ": Address already in use; another program listens there: stop it or choose another "
            "address");
  CHECK_THAT(error("192.0.2.77:0"), ContainsSubstring("is it an address of this machine?"));
  for (const char* bad : {"", "3874", "::1:3874", "[::1]", "[1.2.3.4]:1", "name:1", "1.2.3.4:65536",
                          "1.2.3.4:", "1.2.3.4:1x"}) {
    CHECK_THAT(error(bad), ContainsSubstring("it must be an IPv4 address and a port"));
  }
}

TEST_CASE("starttls: the reply comes in the clear, then everything is protected") {
  const TlsServer server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    LineClient client(server.port());
    client.read_line();
    CHECK(client.ask("tls?") == "no");
    CHECK(client.ask("starttls") == "tls now");
    REQUIRE(client.start_tls(version));
    CHECK(SSL_version(client.tls()) == version);
    CHECK(client.ask("tls?") == "yes");
    CHECK(client.ask("quit") == "bye");
    CHECK(client.read_line() == LineClient::kClosed);  // with close_notify
  }
}

TEST_CASE("older versions of TLS are refused") {
  const TlsServer server;
  LineClient client(server.port());
  client.read_line();
  client.ask("starttls");
  CHECK_FALSE(client.start_tls(TLS1_1_VERSION));
  wait_for_sessions(0);
}

TEST_CASE("lines in the same segment behind starttls are discarded") {
  const TlsServer server;
  LineClient client(server.port());
  client.read_line();
  REQUIRE(client.send("starttls\ninjected\nquit\n"));
  CHECK(client.read_line() == "tls now");
  REQUIRE(client.start_tls());
  CHECK(client.ask("mine") == "mine");
}

TEST_CASE("the server sends no session tickets") {
  const TlsServer server;
  LineClient client(server.port());
  client.read_line();
  client.ask("starttls");
  static int tickets;
  tickets = 0;
  REQUIRE(client.start_tls());
  SSL_CTX_set_session_cache_mode(SSL_get_SSL_CTX(client.tls()),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(SSL_get_SSL_CTX(client.tls()), [](SSL*, SSL_SESSION*) {
    ++tickets;
    return 0;
  });
  CHECK(client.ask("a") == "a");  // would have come before this
  CHECK(tickets == 0);
  CHECK(SSL_SESSION_has_ticket(SSL_get0_session(client.tls())) == 0);
  CHECK(SSL_CTX_get_num_tickets(SSL_get_SSL_CTX(client.tls())) ==
        2);  // a default it could have had

  LineClient older(server.port());
  older.read_line();
  older.ask("starttls");
  REQUIRE(older.start_tls(TLS1_2_VERSION));
  CHECK(older.ask("a") == "a");
  CHECK(SSL_SESSION_has_ticket(SSL_get0_session(older.tls())) == 0);
}

TEST_CASE("a client cannot renegotiate") {
  const TlsServer server;
  LineClient client(server.port());
  client.read_line();
  client.ask("starttls");
  REQUIRE(client.start_tls(TLS1_2_VERSION));
  SSL_renegotiate(client.tls());
  CHECK(SSL_do_handshake(client.tls()) != 1);
}

TEST_CASE("a client that never begins the handshake is closed") {
  auto options = some_options();
  options.handshake_timeout = 200ms;
  const TlsServer server(options);
  LineClient client(server.port());
  client.read_line();
  CHECK(client.ask("starttls") == "tls now");
  CHECK(client.read_line() == LineClient::kReset);
  wait_for_sessions(0);
}

TEST_CASE("idle time-outs and limits hold inside TLS") {
  auto options = some_options();
  options.idle_timeout = 300ms;
  const TlsServer server(options);
  LineClient idle(server.port());
  idle.read_line();
  idle.ask("starttls");
  REQUIRE(idle.start_tls());
  CHECK(idle.read_line() == "timed out");
  CHECK(idle.read_line() == LineClient::kClosed);

  LineClient slow(server.port(), "127.0.0.1", 4096);
  slow.read_line();
  slow.ask("starttls");
  REQUIRE(slow.start_tls());
  REQUIRE(slow.send("flood\n"));
  wait_for_sessions(0);

  LineClient talker(server.port());
  talker.read_line();
  talker.ask("starttls");
  REQUIRE(talker.start_tls());
  CHECK(talker.ask(std::string(101, 'a')) == "too long");
}

TEST_CASE("starttls without a certificate, or twice, ends the connection") {
  const Server plain(some_options());
  LineClient client(plain.port());
  client.read_line();
  CHECK(client.ask("starttls") == "tls now");
  CHECK(client.read_line() == LineClient::kClosed);

  const TlsServer server;
  LineClient twice(server.port());
  twice.read_line();
  twice.ask("starttls");
  REQUIRE(twice.start_tls());
  CHECK(twice.ask("starttls") == "tls now");
  CHECK(twice.read_line() != "a");
  wait_for_sessions(0);
}

TEST_CASE("a new certificate is taken within two seconds, a bad one never") {
  const TlsServer server;
  const auto name = [&] {
    LineClient client(server.port());
    client.read_line();
    client.ask("starttls");
    REQUIRE(client.start_tls());
    return common_name(client.tls());
  };
  CHECK(name() == "localhost");

  // What the log says, and how often.
  std::ostringstream log;
  const auto previous = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  spdlog::set_level(spdlog::level::warn);
  std::ofstream(server.files.certificate_file) << "no certificate\n";
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(1100ms);
    CHECK(name() == "localhost");
  }
  spdlog::set_default_logger(previous);
  const std::string text = log.str();
  CHECK_THAT(text, ContainsSubstring("event=tls-certificate-refused in_use=previous"));
  CHECK_THAT(text, ContainsSubstring(server.files.certificate_file));
  CHECK(text.find("refused") == text.rfind("refused"));

  make_test_certificate(server.directory.file("first"), "renewed.example");
  std::this_thread::sleep_for(1100ms);
  CHECK(name() == "renewed.example");
}

TEST_CASE("a certificate that cannot be used is refused with its file and the reason") {
  const TemporaryDirectory directory;
  const TestCertificate one = make_test_certificate(directory.file("one"));
  const TestCertificate two = make_test_certificate(directory.file("two"));
  const auto error = [](const std::string& certificate, const std::string& key) {
    return std::string(TlsCertificate::load(certificate, key).status().message());
  };
  CHECK(error(one.certificate_file, one.key_file).empty());
  const std::string absent = directory.file("absent");
  CHECK_THAT(error(absent, one.key_file),
             ContainsSubstring("cannot use the TLS certificate in '" + absent + "': No such file"));
  CHECK_THAT(error(one.certificate_file, absent),
             ContainsSubstring("cannot use the TLS key in '" + absent + "': No such file"));
  CHECK_THAT(error(one.certificate_file, one.certificate_file),
             ContainsSubstring("cannot use the TLS key in"));
  CHECK_THAT(error(one.certificate_file, two.key_file), ContainsSubstring("key values mismatch"));
}
