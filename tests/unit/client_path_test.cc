// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the client's paths do before and around their packets, without a privilege.

#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstring>
#include <map>
#include <memory>

#include "client/path/device.h"
#include "client/path/health.h"
#include "client/path/path_loop.h"
#include "client/tunnel_path.h"
#include "tests/support/catch.h"

namespace simplon::client {
namespace {

using simplon::testing::ContainsSubstring;

TunnelInfo tunnel(TunnelType type) {
  TunnelInfo info;
  info.id = "T7";
  info.type = type;
  info.client = *Ipv6Address::parse("2001:db8:2ff:7::2");
  info.pop = *Ipv6Address::parse("2001:db8:2ff:7::1");
  info.password = "0123456789abcdef0123456789abcdef";
  return info;
}

std::string message_of(const absl::Status& status) {
  return std::string(status.message());
}

uint32_t word(const nlattr* attribute) {
  REQUIRE(attribute != nullptr);
  REQUIRE(nla_len(attribute) == 4);
  return nla_get_u32(attribute);
}

// The request to the kernel, taken apart as the kernel does.
struct SitRequest {
  explicit SitRequest(const SitSettings& settings) : message(sit_request(settings)) {
    REQUIRE(message != nullptr);
    const nlmsghdr* header = nlmsg_hdr(message.get());
    CHECK(header->nlmsg_type == RTM_NEWLINK);
    CHECK((header->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL)) == (NLM_F_CREATE | NLM_F_EXCL));
    nlattr* link[IFLA_MAX + 1];
    REQUIRE(nlmsg_parse(const_cast<nlmsghdr*>(header), sizeof(ifinfomsg), link, IFLA_MAX,
                        nullptr) == 0);
    REQUIRE(link[IFLA_IFNAME] != nullptr);
    name = nla_get_string(link[IFLA_IFNAME]);
    nlattr* info[IFLA_INFO_MAX + 1];
    REQUIRE(link[IFLA_LINKINFO] != nullptr);
    REQUIRE(nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], nullptr) == 0);
    REQUIRE(info[IFLA_INFO_KIND] != nullptr);
    kind = nla_get_string(info[IFLA_INFO_KIND]);
    REQUIRE(info[IFLA_INFO_DATA] != nullptr);
    REQUIRE(nla_parse_nested(data, IFLA_IPTUN_MAX, info[IFLA_INFO_DATA], nullptr) == 0);
  }

  struct Free {
    void operator()(nl_msg* m) const { nlmsg_free(m); }
  };
  std::unique_ptr<nl_msg, Free> message;
  std::string name, kind;
  nlattr* data[IFLA_IPTUN_MAX + 1] = {};
};

TEST_CASE("the kernel is asked for a sit device with the PoP as its remote and DF by path MTU") {
  SitSettings settings;
  settings.name = "simplon";
  settings.tunnel_id = "T7";
  settings.remote = *Ipv4Address::parse("192.0.2.1");
  const SitRequest any(settings);
  CHECK(any.name == "simplon");
  CHECK(any.kind == "sit");
  CHECK(word(any.data[IFLA_IPTUN_REMOTE]) == settings.remote.raw());
  CHECK((any.data[IFLA_IPTUN_LOCAL] == nullptr || word(any.data[IFLA_IPTUN_LOCAL]) == 0));
  REQUIRE(any.data[IFLA_IPTUN_TTL] != nullptr);
  CHECK(nla_get_u8(any.data[IFLA_IPTUN_TTL]) == 64);
  REQUIRE(any.data[IFLA_IPTUN_PMTUDISC] != nullptr);
  CHECK(nla_get_u8(any.data[IFLA_IPTUN_PMTUDISC]) == 1);
  REQUIRE(any.data[IFLA_IPTUN_PROTO] != nullptr);
  CHECK(nla_get_u8(any.data[IFLA_IPTUN_PROTO]) == 41);

  settings.local = *Ipv4Address::parse("198.51.100.10");
  const SitRequest given(settings);
  CHECK(word(given.data[IFLA_IPTUN_LOCAL]) == settings.local->raw());
}

TEST_CASE("the link-local address is made of the tunnel's as the usual client makes it") {
  const auto made = [](const char* text) {
    return link_local_of(*Ipv6Address::parse(text)).to_string();
  };
  CHECK(made("2001:4978:f:9::2") == "fe80::4878:f:9:2");
  CHECK(made("2001:db8:2ff:7::2") == "fe80::cb8:2ff:7:2");
}

TEST_CASE("a name no device can have is refused before anything is tried") {
  for (const char* name : {"", "sixteencharacter", "a b", "a/b", "..", ".", "sit%d", "a:b"}) {
    CHECK_FALSE(check_device_name(name).ok());
  }
  for (const char* name : {"simplon", "fifteen-letters", "sixxs", "aiccu"}) {
    CHECK(check_device_name(name).ok());
  }
}

TEST_CASE("a name that another device has is refused, and the error says what to do") {
  const auto tun = make_tun("lo");
  REQUIRE(tun.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK_THAT(message_of(tun.status()), ContainsSubstring("choose another name"));
  SitSettings sit;
  sit.name = "lo";
  CHECK(make_sit(sit).code() == absl::StatusCode::kAlreadyExists);
}

TEST_CASE("no interval the broker says makes beats faster than every 5 s or slower than 3600 s") {
  TunnelInfo info = tunnel(TunnelType::kHeartbeat);
  const std::map<uint32_t, uint32_t> heartbeat{{0, 5},       {1, 5},       {5, 5},     {60, 60},
                                               {3600, 3600}, {3601, 3600}, {~0u, 3600}};
  for (const auto& [said, used] : heartbeat) {
    info.heartbeat_interval_s = said;
    CHECK(beat_interval_s(info) == used);
  }
  // A NAT forgets a mapping in a minute or two.
  info.type = TunnelType::kAyiya;
  for (const auto& [said, used] : heartbeat) {
    info.heartbeat_interval_s = said;
    CHECK(beat_interval_s(info) == std::min(used, 60u));
  }
}

TEST_CASE("what cannot work is refused before anything is changed") {
  const Ipv4Address pop = *Ipv4Address::parse("192.0.2.1");
  Settings settings;
  settings.path = DataPath::kKernelSit;
  CHECK_THAT(message_of(TunnelPath::choose(tunnel(TunnelType::kAyiya), settings, pop).status()),
             ContainsSubstring("sit does not speak"));
  settings.path = DataPath::kAutomatic;
  TunnelInfo no_password = tunnel(TunnelType::kHeartbeat);
  no_password.password.clear();
  CHECK_THAT(message_of(TunnelPath::choose(no_password, settings, pop).status()),
             ContainsSubstring("no password"));
  settings.interface = "a name with blanks";
  CHECK_FALSE(TunnelPath::choose(tunnel(TunnelType::kStatic), settings, pop).ok());
}

TEST_CASE("each type gets its path") {
  const Ipv4Address pop = *Ipv4Address::parse("192.0.2.1");
  Settings settings;
  const auto kind = [&](TunnelType type) {
    auto path = TunnelPath::choose(tunnel(type), settings, pop);
    REQUIRE(path.ok());
    CHECK((*path)->last_beat() == 0);
    CHECK((*path)->health().problem.empty());
    return (*path)->kind();
  };
  CHECK(kind(TunnelType::kAyiya) == "ayiya");
  settings.path = DataPath::kTun;
  CHECK(kind(TunnelType::kStatic) == "tun");
  CHECK(kind(TunnelType::kHeartbeat) == "tun");
  settings.path = DataPath::kKernelSit;
  CHECK(kind(TunnelType::kHeartbeat) == "sit");
  settings.configure = false;
  CHECK(kind(TunnelType::kHeartbeat) == "none");
}

TEST_CASE("stop() before run() is not forgotten") {
  Settings settings;
  settings.configure = false;
  auto path =
      TunnelPath::choose(tunnel(TunnelType::kStatic), settings, *Ipv4Address::parse("192.0.2.1"));
  REQUIRE(path.ok());
  REQUIRE((*path)->up().ok());
  (*path)->stop();
  CHECK((*path)->run().ok());
  (*path)->down();
  (*path)->down();
}

TEST_CASE("health tells what is wrong now and what to do, and forgets it once packets are taken") {
  Health health(true);
  CHECK(health.read().problem.empty());
  for (int i = 0; i < 12; ++i) health.refused({Refusal::kSignature, {}, 0});
  PathHealth now = health.read();
  CHECK(now.refused == 12);
  CHECK(now.last_refused > 0);
  CHECK_THAT(now.problem, ContainsSubstring("12 packets refused"));
  CHECK_THAT(now.problem, ContainsSubstring("password changed?"));
  health.refused({Refusal::kClock, {}, -300});
  CHECK_THAT(health.read().problem, ContainsSubstring("300 s behind ours"));
  health.received(1);
  CHECK(health.read().problem.empty());
  CHECK(health.read().received == 1);

  health.sending_failed("the PoP at 192.0.2.1 cannot be reached");
  CHECK(health.read().problem == "the PoP at 192.0.2.1 cannot be reached");
  health.received(1);
  CHECK(health.read().problem.empty());
}

}  // namespace
}  // namespace simplon::client
