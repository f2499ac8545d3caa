// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console with all of control behind it, for tests of it.

#pragma once

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/console.h"
#include "control/sixxsd/console_session.h"
#include "control/sixxsd/import.h"
#include "tests/support/control_api.h"

namespace simplon::control::sixxsd {

using simplon::testing::Api;
using simplon::testing::PortlessDataplane;
using simplon::testing::TemporaryDirectory;

inline constexpr char kPassword[] = "f3d47c2de40fb698e1ab15d757a09bfc";

inline Ipv6Address ip(const char* text) {
  return *parse_ip(text);
}

// A PoP of the original's shape, with two tunnels.
inline v1::Config pop_config() {
  v1::Config config;
  v1::Pop& pop = *config.mutable_pop();
  pop.set_name("pop1");
  pop.set_number(1);
  auto& interface = *pop.add_interfaces();
  interface.set_port("uplink");
  interface.set_ipv4_address("192.0.2.42/24");
  interface.set_ipv4_gateway("192.0.2.1");
  interface.set_ipv6_address("2001:db8:ffff::42/64");
  pop.mutable_console()->add_allowed_addresses("127.0.0.1");
  pop.mutable_console()->add_allowed_addresses("192.0.2.100");
  pop.mutable_console()->add_allowed_addresses("2001:db8:ffff::100");
  const Ipv6Prefix tunnels = *Ipv6Prefix::parse("2001:db8:2ff::/48");
  pop.set_ipv6_address(pop_address(tunnels).to_string());
  PoolList& pools = *config.mutable_pools();
  for (v1::Pool& pool : tunnel_pools(tunnels)) add_pool(pool, pools);
  for (v1::Pool& pool : subnet_pools(*Ipv6Prefix::parse("2001:db8:3000::/40"), tunnels)) {
    add_pool(pool, pools);
  }
  v1::Tunnel& one = *config.add_tunnels();
  one.set_id(4141);
  one.set_slot(0);
  one.set_type(v1::Tunnel::PROTO41);
  one.set_remote("198.51.100.1");
  one.set_mtu(1480);
  one.set_description("kept by whoever knows no better");
  v1::Tunnel& two = *config.add_tunnels();
  two.set_id(5072);
  two.set_slot(1);
  two.set_type(v1::Tunnel::DYNAMIC_ENDPOINT);
  two.set_password(kPassword);
  two.set_mtu(1428);
  return config;
}

class Bed {
 public:
  explicit Bed(bool connect = true) : api_(directory_) {
    REQUIRE(api_.apply(pop_config()).ok());
    if (connect) {
      dataplane_.emplace(directory_.path());
      api_.wait_connected();
    }
    console_ = std::make_unique<Console>(api_.daemon().context(), directory_.file("state"));
    REQUIRE(console_->start({}).ok());
  }

  std::unique_ptr<LineSession> open(const char* peer = "192.0.2.100") {
    auto session = console_->open(LinePeer{ip(peer), 4711});
    greeting = session->greet().text;
    return session;
  }
  // As a client that reads the answer to its end.
  std::string ask(LineSession& session, std::string_view line) {
    const std::string text = session.take_line(line).text;
    session.all_sent();
    return text;
  }
  std::string ask(std::string_view line) {
    const auto session = open();
    const std::string text = ask(*session, line);
    session->client_left();
    return text;
  }

  uint64_t revision() { return api_.daemon().context().engine.revision(); }
  v1::Revision newest() {
    v1::GetRevisionRequest request;
    request.set_name("revisions/" + std::to_string(revision()));
    v1::GetRevisionResponse reply;
    REQUIRE(Api::call([&](auto* c) { return api_.config->GetRevision(c, request, &reply); }).ok());
    return reply.revision();
  }
  uint8_t incarnation(uint32_t slot) {
    return api_.daemon().context().engine.read(
        [&](const Model& model, const Engine::Info&) { return model.incarnation(slot); });
  }
  std::string password(uint32_t id) {
    return api_.daemon().context().engine.read(
        [&](const Model& model, const Engine::Info&) { return model.find(id)->password(); });
  }
  void wait_for_revision(uint64_t wanted) {
    for (int i = 0; i < 300 && revision() < wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(revision() == wanted);
  }

  Api& api() { return api_; }
  PortlessDataplane& dataplane() { return *dataplane_; }
  Console& console() { return *console_; }
  void restart_console() {
    console_.reset();
    console_ = std::make_unique<Console>(api_.daemon().context(), directory_.file("state"));
    REQUIRE(console_->start({}).ok());
  }
  const TemporaryDirectory& directory() const { return directory_; }

  std::string greeting;

 private:
  TemporaryDirectory directory_;
  Api api_;
  std::optional<PortlessDataplane> dataplane_;
  std::unique_ptr<Console> console_;
};

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != text.npos);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The lines of an answer of several, after its frame has been checked.
inline std::vector<std::string> listed(const std::string& text) {
  auto lines = lines_of(text);
  REQUIRE(lines.size() > 2);
  CHECK(lines.front() == fmt::format("201 {}", lines.size() - 2));
  CHECK(lines.back() == "200 OK");
  return {lines.begin() + 1, lines.end() - 1};
}

inline std::string line_of(const std::string& text, const std::string& begin) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(begin)) return line;
  }
  return "";
}

}  // namespace simplon::control::sixxsd
