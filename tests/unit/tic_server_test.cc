// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// TIC as subscribers meet it: the whole of control with a real store and a real dataplane link,
// sockets and TLS.

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <fstream>

#include "dataplane/crypto/md5.h"
#include "tests/support/catch.h"
#include "tests/support/control_api.h"
#include "tests/support/line_client.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificate.h"
#include "tests/support/tic_bed.h"

namespace simplon::control {
namespace {

using testing::Api;
using testing::ContainsSubstring;
using testing::LineClient;
using testing::make_test_certificate;
using testing::PortlessDataplane;
using testing::TemporaryDirectory;

std::string hex_md5(std::string_view text) {
  return fmt::format("{:02x}", fmt::join(md5(text), ""));
}

Options tic_options(const TemporaryDirectory& directory, bool tls) {
  Options options;
  options.tic_listen = {"[::]:0"};
  if (!tls) return options;
  const auto certificate = make_test_certificate(directory.file("tls"));
  options.tls_certificate = certificate.certificate_file;
  options.tls_key = certificate.key_file;
  return options;
}

struct Bed {
  explicit Bed(bool tls = false)
      : dataplane(directory.path()),
        api(directory, spdlog::level::off, tic_options(directory, tls)) {
    const auto config = parse_config(testing::kTicConfig, "test.txtpb", nullptr);
    REQUIRE(config.ok());
    REQUIRE(api.apply(*config).ok());
    api.wait_connected();
  }
  uint16_t port() { return api.daemon().tic_ports().at(0); }

  TemporaryDirectory directory;
  PortlessDataplane dataplane;
  Api api;
};

// From a 201 line to a 202 line.
std::vector<std::string> read_list(LineClient& client) {
  std::vector<std::string> lines;
  do {
    lines.push_back(client.read_line());
  } while (!lines.back().starts_with("202") && !lines.back().starts_with("<"));
  return lines;
}

std::string log_in(LineClient& client) {
  client.ask("username SX1-SIXXS");
  const std::string challenge = client.ask("challenge md5").substr(4);
  return client.ask("authenticate md5 " + hex_md5(challenge + hex_md5("secret")));
}

TEST_CASE("a client of the old dialect gets its tunnel") {
  Bed bed;
  LineClient client(bed.port());
  CHECK(client.read_line().starts_with("200 "));
  CHECK(client.ask("client TIC/draft-00 AICCU/2007.01.15-console-linux Linux/6.18")
            .starts_with("200 "));
  const auto time = std::stoll(client.ask("get unixtime").substr(4));
  CHECK(std::abs(time - std::time(nullptr)) <= 2);
  CHECK(client.ask("starttls") == "400 TLS not available");
  CHECK(log_in(client).starts_with("200 "));
  REQUIRE(client.send("tunnel list\n"));
  const auto list = read_list(client);
  REQUIRE(list.size() == 8);
  CHECK(list.front().starts_with("201 "));
  CHECK(list[6] == "T5072 2001:db8:2ff:1::2 ayiya sxpop01");
  REQUIRE(client.send("tunnel show T5072\n"));
  const auto show = read_list(client);
  REQUIRE(show.size() == 16);
  CHECK(show[13] == "Password: f3d47c2de40fb698e1ab15d757a09bfc");
  CHECK(show.back() == "202 Done");
  CHECK(client.ask("QUIT Every Time We Live Together") == "200 Bye");
  CHECK(client.read_line() == LineClient::kClosed);
}

TEST_CASE("a login inside TLS, with the secret itself") {
  Bed bed(true);
  LineClient client(bed.port(), "::1");
  client.read_line();
  CHECK(client.ask("starttls").starts_with("200 "));
  REQUIRE(client.start_tls());
  client.ask("username SX1-SIXXS");
  CHECK(client.ask("challenge clear").starts_with("200 "));
  CHECK(client.ask("authenticate clear secret").starts_with("200 "));
  REQUIRE(client.send("tunnel show 3740\n"));
  CHECK(read_list(client).size() == 16);
  CHECK(client.ask("quit") == "200 Bye");
}

TEST_CASE("without a dataplane the PoP is down, and logins work") {
  const TemporaryDirectory directory;
  Api api(directory, spdlog::level::off, tic_options(directory, false));
  REQUIRE(api.apply(*parse_config(testing::kTicConfig, "test.txtpb", nullptr)).ok());
  LineClient client(api.daemon().tic_ports().at(0));
  client.read_line();
  CHECK(log_in(client).starts_with("200 "));
  CHECK(client.ask("tunnel show T5072") ==
        "500 This PoP is unfortunately currently down, see URL for more information.");
}

TEST_CASE("a subscriber moves a static tunnel with one revision") {
  Bed bed;
  LineClient client(bed.port());
  client.read_line();
  log_in(client);
  const uint64_t before = bed.api.daemon().context().engine.revision();
  CHECK(client.ask("tunnel set T41 endpoint 203.0.113.99") ==
        "200 The endpoint of T41 is 203.0.113.99");
  CHECK(bed.api.get("tunnels/T41").remote() == "203.0.113.99");
  CHECK(bed.api.get("tunnels/T41").local() == "192.0.2.9");
  CHECK(client.ask("tunnel set T41 endpoint 203.0.113.99").ends_with("already"));
  CHECK(client.ask("tunnel set T41 endpoint current") ==
        "400 127.0.0.1 cannot be the endpoint of a tunnel");
  CHECK(bed.api.daemon().context().engine.revision() == before + 1);
}

TEST_CASE("a bad certificate or a taken address stops the start, and says what to do") {
  Bed bed;
  const auto start = [](const TemporaryDirectory& directory, Options options) {
    options.state_directory = directory.file("state");
    options.dataplane_socket = PortlessDataplane::socket_path(directory.path());
    options.listen = {"unix:" + directory.file("admin.sock")};
    Daemon daemon;
    return std::string(daemon.start(options).message());
  };
  const TemporaryDirectory directory;
  Options options = tic_options(directory, true);
  options.tic_listen = {fmt::format("127.0.0.1:{}", bed.port())};
  CHECK_THAT(start(directory, options),
             ContainsSubstring("cannot listen on 127.0.0.1:" + std::to_string(bed.port()) +
                               ": Address already in use; another program listens there"));
  options.tic_listen = {"[::]:0"};
  std::ofstream(options.tls_key) << "no key\n";
  CHECK_THAT(start(directory, options),
             ContainsSubstring("cannot use the TLS key in '" + options.tls_key + "'"));
}

}  // namespace
}  // namespace simplon::control
