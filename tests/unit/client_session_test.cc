// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// TIC sessions over real sockets, with servers that behave and servers that do not.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <ctime>
#include <functional>
#include <thread>

#include "client/net/resolve.h"
#include "client/tic/session.h"
#include "control/table/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificate.h"

namespace simplon::client {
namespace {

using control::UniqueFd;
using testing::ContainsSubstring;
using testing::TemporaryDirectory;

// One connection, as the server sees it.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (context_ != nullptr) SSL_CTX_free(context_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // False: the client has gone.
  bool send(const std::string& text) {
    const int size = static_cast<int>(text.size());
    if (ssl_ != nullptr) return SSL_write(ssl_, text.data(), size) == size;
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == size;
  }
  // Empty: the client has gone.
  std::string line() {
    std::string text;
    char c = 0;
    while ((ssl_ != nullptr ? SSL_read(ssl_, &c, 1) : recv(fd_.get(), &c, 1, 0)) == 1) {
      if (c == '\n') return text;
      text += c;
    }
    return "";
  }
  // Whether it came as it should.
  std::string expect(const std::string& beginning, const std::string& answer) {
    const std::string got = line();
    if (got.rfind(beginning, 0) == 0) send(answer);
    return got;
  }
  bool shake_hands(const testing::TestCertificate& files, int maximum = 0) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(context_, files.certificate_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, files.key_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, maximum);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_.get());
    return SSL_accept(ssl_) == 1;
  }

 private:
  UniqueFd fd_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
};

// Listens on 127.0.0.1 and gives each connection to `serve`.
class Server {
 public:
  explicit Server(std::function<void(Peer&)> serve) : serve_(std::move(serve)) {
    fd_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_.get(), 5) == 0);
    REQUIRE(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      while (true) {
        const int fd = accept(fd_.get(), nullptr, nullptr);
        if (fd < 0) return;
        Peer peer(fd);
        serve_(peer);
      }
    });
  }
  ~Server() {
    shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Settings settings(TlsMode tls) const {
    Settings settings;
    settings.username = "SX1";
    settings.password = "secret";
    settings.server = "127.0.0.1:" + std::to_string(port_);
    settings.tls = tls;
    return settings;
  }

 private:
  std::function<void(Peer&)> serve_;
  UniqueFd fd_;
  uint16_t port_ = 0;
  std::thread thread_;
};

constexpr TicTimes kShort{.resolve = std::chrono::milliseconds(5000),
                          .connect = std::chrono::milliseconds(2000),
                          .reply = std::chrono::milliseconds(1500),
                          .session = std::chrono::milliseconds(4000)};

// Up to the answer to starttls, which is not given.
bool begin(Peer& peer) {
  peer.send("200 hello\r\n");
  peer.expect("client TIC/draft-00 ", "200 ok\n");
  peer.expect("get unixtime", "200 " + std::to_string(std::time(nullptr)) + "\n");
  return peer.line() == "starttls";
}

// From `username` to the end of `tunnel list`; returns what came first.
std::string log_in_and_list(Peer& peer) {
  const std::string first = peer.expect("username SX1", "200 choose\n");
  peer.expect("challenge md5", "200 abc\n");
  peer.expect("authenticate md5 " + md5_response("abc", "secret"), "200 in\n");
  peer.expect("tunnel list", "201 list\nT1 2001:db8::2 ayiya pop1\n202 done\n");
  peer.expect("QUIT", "200 bye\n");
  return first;
}

TicSession list(const Settings& settings, int cancel_fd = -1) {
  return run_tic_session(settings, TicGoal::kList, "", cancel_fd, kShort);
}

std::string message(const TicSession& session) {
  REQUIRE(session.failure);
  return session.failure->message();
}

TEST_CASE("a session over TLS with a certificate that verifies") {
  const TemporaryDirectory directory;
  const auto files = testing::make_test_certificate(directory.file("server"));
  Server server([&](Peer& peer) {
    begin(peer);
    peer.send("200 go\n");
    if (peer.shake_hands(files)) log_in_and_list(peer);
  });
  Settings settings = server.settings(TlsMode::kRequired);
  settings.ca_file = files.certificate_file;
  SECTION("by address") {}
  SECTION("by name") {
    settings.server.replace(0, 9, "localhost");
  }
  SECTION("by a name of its own") {
    settings.tls_name = "localhost";
  }
  const TicSession session = list(settings);
  INFO((session.failure ? session.failure->message() : ""));
  REQUIRE(session.ok());
  CHECK(session.outcome.encrypted);
  CHECK(session.outcome.tunnels.size() == 1);
  CHECK_THAT(session.trace.tls, ContainsSubstring("TLSv1.3, certificate of localhost, verified"));
  CHECK(session.trace.remarks.empty());
}

TEST_CASE("a certificate that does not verify ends it before the login, with advice") {
  const TemporaryDirectory directory;
  const auto files = testing::make_test_certificate(directory.file("server"));
  const auto others = testing::make_test_certificate(directory.file("other"));
  std::atomic<bool> shook = false;
  Server server([&](Peer& peer) {
    begin(peer);
    peer.send("200 go\n");
    if (peer.shake_hands(files)) shook = peer.line().rfind("username", 0) == 0;
  });
  Settings settings = server.settings(TlsMode::kRequired);
  SECTION("nobody has signed it") {
    CHECK_THAT(message(list(settings)), ContainsSubstring("ca_file"));
  }
  SECTION("somebody else has") {
    settings.ca_file = others.certificate_file;
    CHECK(list(settings).failure->step == TicStep::kTls);
  }
  SECTION("it has another name") {
    settings.ca_file = files.certificate_file;
    settings.tls_name = "tic.example.net";
    CHECK_THAT(message(list(settings)), ContainsSubstring("tls_name"));
  }
  SECTION("the file with the authority is not there") {
    settings.ca_file = directory.file("none");
    CHECK_THAT(message(list(settings)), ContainsSubstring("ca_file"));
  }
  CHECK_FALSE(shook);
}

TEST_CASE("opportunistic encryption takes any certificate and says so") {
  const TemporaryDirectory directory;
  const auto files = testing::make_test_certificate(directory.file("server"), "somebody");
  Server server([&](Peer& peer) {
    begin(peer);
    peer.send("200 go\n");
    if (peer.shake_hands(files)) log_in_and_list(peer);
  });
  const TicSession session = list(server.settings(TlsMode::kOpportunistic));
  REQUIRE(session.ok());
  CHECK_THAT(session.trace.tls, ContainsSubstring("NOT verified"));
}

TEST_CASE("TLS older than 1.2 is refused") {
  const TemporaryDirectory directory;
  const auto files = testing::make_test_certificate(directory.file("server"));
  Server server([&](Peer& peer) {
    begin(peer);
    peer.send("200 go\n");
    peer.shake_hands(files, TLS1_1_VERSION);
  });
  CHECK_THAT(message(list(server.settings(TlsMode::kOpportunistic))),
             ContainsSubstring("TLS 1.2 or newer"));
}

TEST_CASE("answers put in clear behind the switch to TLS are not believed") {
  const TemporaryDirectory directory;
  const auto files = testing::make_test_certificate(directory.file("server"));
  Server server([&](Peer& peer) {
    begin(peer);
    // As somebody on the way would: the whole login and a list, in one segment with the 200.
    peer.send(
        "200 go\n200 choose\n200 evil\n200 in\n201 x\nT666 2001:db8::666 ayiya evil\n202 x\n");
    if (peer.shake_hands(files)) log_in_and_list(peer);
  });
  Settings settings = server.settings(TlsMode::kRequired);
  settings.ca_file = files.certificate_file;
  const TicSession session = list(settings);
  INFO((session.failure ? session.failure->message() : ""));
  REQUIRE(session.ok());
  REQUIRE(session.outcome.tunnels.size() == 1);
  CHECK(session.outcome.tunnels[0].id == "T1");
  REQUIRE(session.trace.remarks.size() == 1);
  CHECK_THAT(session.trace.remarks[0], ContainsSubstring("meddling"));
}

TEST_CASE("a server without TLS hears no name where it is required, and one where it is not") {
  std::atomic<bool> heard_name = false;
  Server server([&](Peer& peer) {
    begin(peer);
    peer.send("400 TLS not available\n");
    heard_name = log_in_and_list(peer).rfind("username", 0) == 0;
  });
  CHECK_THAT(message(list(server.settings(TlsMode::kRequired))),
             ContainsSubstring("no encryption"));
  CHECK_FALSE(heard_name);
  const TicSession session = list(server.settings(TlsMode::kOpportunistic));
  CHECK(session.ok());
  CHECK_FALSE(session.outcome.encrypted);
}

TEST_CASE("servers that talk without end, or not at all, are left") {
  const auto with = [](std::function<void(Peer&)> serve) {
    Server server(std::move(serve));
    return list(server.settings(TlsMode::kOff));
  };
  SECTION("a line of a megabyte") {
    const TicSession s = with([](Peer& p) { p.send(std::string(1 << 20, 'x')); });
    CHECK_THAT(message(s), ContainsSubstring("more than anybody asked for"));
  }
  SECTION("a line of 2000 bytes") {
    const TicSession s = with([](Peer& p) {
      p.send("200 " + std::string(2000, 'x') + "\n");
      p.line();
    });
    CHECK_THAT(message(s), ContainsSubstring("1024"));
  }
  SECTION("silence") {
    const TicSession s = with([](Peer& p) { p.line(); });
    CHECK_THAT(message(s), ContainsSubstring("no answer in time"));
    CHECK(s.failure->step == TicStep::kGreeting);
  }
  SECTION("a byte now and then") {
    const auto before = std::chrono::steady_clock::now();
    const TicSession s = with([](Peer& p) {
      while (p.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    });
    CHECK(s.failure);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  }
  SECTION("gone at once") {
    const TicSession s = with([](Peer&) {});
    CHECK_THAT(message(s), ContainsSubstring("connection broke"));
  }
  SECTION("a list for ever") {
    const TicSession s = with([](Peer& p) {
      p.send("200 hello\n");
      p.expect("client", "200 ok\n");
      p.expect("get unixtime", "200 " + std::to_string(std::time(nullptr)) + "\n");
      p.expect("username", "200 choose\n");
      p.expect("challenge", "200 abc\n");
      p.expect("authenticate", "200 in\n201 list\n");
      while (p.send("T1 2001:db8::2 ayiya pop1\n")) {
      }
    });
    CHECK_THAT(message(s), ContainsSubstring("does not end"));
  }
}

TEST_CASE("a session ends at once when told to") {
  const UniqueFd cancel(eventfd(1, EFD_CLOEXEC));
  Server server([](Peer& peer) { peer.line(); });
  const auto before = std::chrono::steady_clock::now();
  const TicSession session = list(server.settings(TlsMode::kOff), cancel.get());
  REQUIRE(session.failure);
  CHECK(session.failure->cancelled);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(1));
}

TEST_CASE("nobody there, or no such name, is explained") {
  Settings settings;
  settings.username = "u";
  settings.password = "p";
  settings.server = "127.0.0.1:1";
  const TicSession closed = list(settings);
  CHECK(closed.failure->step == TicStep::kConnect);
  CHECK_THAT(message(closed), ContainsSubstring("refused"));
  settings.server = "no-such-host.invalid";
  const TicSession unknown = list(settings);
  CHECK(unknown.failure->step == TicStep::kResolve);
  CHECK_THAT(message(unknown), ContainsSubstring("no-such-host.invalid"));
}

}  // namespace
}  // namespace simplon::client
