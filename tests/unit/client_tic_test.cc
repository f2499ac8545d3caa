// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplon-client's TIC session with our own TIC server: real sockets, TLS, store and configuration.

#include <spdlog/spdlog.h>

#include "client/tic/session.h"
#include "control/config/parse.h"
#include "tests/support/catch.h"
#include "tests/support/control_api.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificate.h"
#include "tests/support/tic_bed.h"

namespace simplon::client {
namespace {

using testing::Api;
using testing::ContainsSubstring;
using testing::PortlessDataplane;
using testing::TemporaryDirectory;

// A PoP whose certificate is for 127.0.0.1.
struct Bed {
  Bed()
      : certificate(testing::make_test_certificate(directory.file("tls"))),
        dataplane(directory.path()),
        api(directory, spdlog::level::off, options()) {
    const auto config = control::parse_config(testing::kTicConfig, "test.txtpb", nullptr);
    REQUIRE(config.ok());
    REQUIRE(api.apply(*config).ok());
    api.wait_connected();
  }

  control::Options options() const {
    control::Options options;
    options.tic_listen = {"[::]:0"};
    options.tls_certificate = certificate.certificate_file;
    options.tls_key = certificate.key_file;
    return options;
  }
  Settings settings(const std::string& host = "127.0.0.1") {
    Settings settings;
    settings.username = "SX1-SIXXS";
    settings.password = "secret";
    settings.server = host + ":" + std::to_string(api.daemon().tic_ports().at(0));
    settings.ca_file = certificate.certificate_file;
    return settings;
  }

  TemporaryDirectory directory;
  testing::TestCertificate certificate;
  PortlessDataplane dataplane;
  Api api;
};

TunnelInfo show(const Settings& settings, const std::string& id) {
  const TicSession session = run_tic_session(settings, TicGoal::kShow, id, -1);
  INFO((session.failure ? session.failure->message() : ""));
  REQUIRE(session.ok());
  REQUIRE(session.outcome.tunnel);
  CHECK(session.outcome.encrypted);
  return *session.outcome.tunnel;
}

TEST_CASE("the client gets each kind of tunnel over verified TLS, by IPv4 and IPv6") {
  Bed bed;
  const TicSession list = run_tic_session(bed.settings(), TicGoal::kShowOnly, "", -1);
  INFO((list.failure ? list.failure->message() : ""));
  REQUIRE(list.ok());
  CHECK_FALSE(list.outcome.tunnel);
  CHECK(list.outcome.tunnels.size() == 6);
  CHECK_THAT(list.trace.tls, ContainsSubstring("verified"));

  const TunnelInfo ayiya = show(bed.settings("[::1]"), "T5072");
  CHECK(ayiya.type == TunnelType::kAyiya);
  CHECK(ayiya.client.to_string() == "2001:db8:2ff:1::2");
  CHECK(ayiya.pop.to_string() == "2001:db8:2ff:1::1");
  CHECK(ayiya.password == "f3d47c2de40fb698e1ab15d757a09bfc");
  CHECK(ayiya.pop_id == "sxpop01");
  CHECK(ayiya.user_enabled);
  CHECK(ayiya.admin_enabled);

  const TunnelInfo beats = show(bed.settings(), "T3740");
  CHECK(beats.type == TunnelType::kHeartbeat);
  CHECK(beats.heartbeat_interval_s == 200);

  const TunnelInfo fixed = show(bed.settings(), "T41");
  CHECK(fixed.type == TunnelType::kStatic);
  CHECK(fixed.client_ipv4 == Ipv4Address{{203, 0, 113, 2}});
  CHECK(fixed.pop_ipv4 == "192.0.2.9");
  CHECK(fixed.mtu == 1480);
}

TEST_CASE("a disabled tunnel, one of others and one that is not there are told apart from none") {
  Bed bed;
  const TunnelInfo disabled = show(bed.settings(), "T42");
  CHECK_FALSE((disabled.user_enabled && disabled.admin_enabled));
  for (const char* id : {"T60", "T4711"}) {
    const TicSession session = run_tic_session(bed.settings(), TicGoal::kShow, id, -1);
    REQUIRE(session.failure);
    CHECK(session.failure->step == TicStep::kShow);
    CHECK_FALSE(session.failure->permanent);
  }
}

TEST_CASE("the server's back-off after wrong logins is announced, and understood") {
  Bed bed;
  Settings wrong = bed.settings();
  wrong.password = "guess";
  std::optional<uint32_t> wait;
  bool permanent = false;
  for (int i = 0; i < 20 && !wait; ++i) {
    const TicSession session = run_tic_session(wrong, TicGoal::kList, "", -1);
    REQUIRE(session.failure);
    permanent = permanent || session.failure->permanent;
    wait = session.failure->retry_after_s;
  }
  CHECK(permanent);
  REQUIRE(wait);
  CHECK(*wait >= 1);
  CHECK(*wait <= 3600);
}

TEST_CASE("an account that must not log in in clear is told what to do") {
  Bed bed;
  Settings settings = bed.settings();
  settings.username = "careful";
  settings.tls = TlsMode::kOff;
  const TicSession session = run_tic_session(settings, TicGoal::kList, "", -1);
  REQUIRE(session.failure);
  CHECK(session.failure->step == TicStep::kLogin);
  CHECK_THAT(session.failure->reason, ContainsSubstring("starttls"));
}

}  // namespace
}  // namespace simplon::client
