// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplonctl tunnel client-config: each system and type of tunnel against a golden file, what is
// refused included. With SIMPLON_REFRESH_GOLDENS set the files are written instead.

#include <google/protobuf/text_format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "control/cli/client_config/client_config.h"
#include "control/cli/client_config/template.h"
#include "control/cli/failure.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

using simplon::testing::ContainsSubstring;

constexpr const char* kPop = R"(
  name: "zurich"
  interfaces {
    port: "uplink" ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
    ipv6_address: "2001:db8:ffff::1/64" ipv6_gateway: "fe80::1"
  }
)";

struct Case {
  const char* name;
  const char* tunnel;  // as the server renders it
};

constexpr Case kCases[] = {
    {"proto41", R"(id: 101 type: PROTO41 remote: "198.51.100.7" link_prefix: "2001:db8:10:1::/64"
                   routed_prefix: "2001:db8:11:1::/64" delegated_prefixes: "2001:db8:3001::/48"
                   account: "ann" has_update_key: true)"},
    {"heartbeat", R"(id: 102 type: HEARTBEAT link_prefix: "2001:db8:10:2::/64" account: "ann"
                     routed_prefix: "2001:db8:11:2::/64" has_password: true mtu: 1400 ttl: 255
                     beat_timeout_seconds: 60)"},
    {"ayiya", R"(id: 103 type: AYIYA link_prefix: "2001:db8:10:3::/64" has_password: true
                 delegated_prefixes: "2001:db8:3003::/48" account: "bob")"},
    {"dynamic", R"(id: 104 type: DYNAMIC_ENDPOINT link_prefix: "2001:db8:10:4::/64"
                   has_password: true admin_state: DISABLED)"},
    {"gre", R"(id: 105 type: GRE remote: "198.51.100.20" gre_key: 4711
               link_prefix: "2001:db8:10:5::/64" delegated_prefixes: "2001:db8:3005::/48"
               ipv4_prefixes: "203.0.113.16/29" ipv4_prefixes: "203.0.113.64/28")"},
    {"gre-plain", R"(id: 106 type: GRE remote: "198.51.100.21" has_update_key: true
                     link_prefix: "2001:db8:10:6::/64" routed_prefix: "2001:db8:11:6::/64"
                     ipv4_prefixes: "203.0.113.24/29")"},
    {"gre-options", R"(id: 107 type: GRE remote: "198.51.100.22" gre_key: 1 gre_checksum: true
                       gre_sequence: true link_prefix: "2001:db8:10:7::/64")"},
    {"gre-ipv6", R"(id: 108 type: GRE remote: "2001:db8:77::8" link_prefix: "2001:db8:10:8::/64"
                    routed_prefix: "2001:db8:11:8::/64")"},
    {"ipv6-tunnel", R"(id: 109 type: IPV6_TUNNEL remote: "2001:db8:77::9" encapsulation_limit: 4
                       link_prefix: "2001:db8:10:9::/64" delegated_prefixes: "2001:db8:3009::/48"
                       ipv4_prefixes: "203.0.113.32/29")"},
};

template <class Message>
Message parsed(const char* text) {
  Message message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

ClientConfigRequest request_for(const std::string& platform, const char* tunnel) {
  return {platform, parsed<v1::Tunnel>(tunnel), parsed<v1::Pop>(kPop), "pop1.example.net"};
}

// What simplonctl prints, on either stream.
std::string printed(const ClientConfigRequest& request) {
  try {
    return client_config(request);
  } catch (const Failure& failure) {
    CHECK(failure.code == ExitCode::kError);
    std::string text;
    for (const std::string& line : failure.lines) text += "simplonctl: " + line + "\n";
    return text;
  }
}

std::string content(const std::string& path) {
  const std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("every system is told every type of tunnel as the golden files say") {
  const bool refresh = std::getenv("SIMPLON_REFRESH_GOLDENS") != nullptr;
  for (const std::string& platform : client_platforms()) {
    for (const Case& one : kCases) {
      const std::string path =
          std::string(SIMPLON_GOLDEN_DIR) + "/" + platform + "-" + one.name + ".txt";
      INFO(path);
      const std::string text = printed(request_for(platform, one.tunnel));
      if (refresh)
        std::ofstream(path) << text;
      else
        CHECK(text == content(path));
    }
  }
}

TEST_CASE("no configuration has a fact left open, or a secret the server did not give") {
  for (const std::string& platform : client_platforms()) {
    for (const Case& one : kCases) {
      ClientConfigRequest request = request_for(platform, one.tunnel);
      const std::string text = printed(request);
      INFO(platform << " " << one.name << "\n" << text);
      for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1))
        CHECK_FALSE((text[at + 1] >= 'A' && text[at + 1] <= 'Z'));
      CHECK(text.find("\n\n\n") == std::string::npos);
      if (text.find("PASSWORD-OF-T1") == std::string::npos &&
          text.find("UPDATE-KEY-OF-T1") == std::string::npos)
        continue;
      CHECK_THAT(text, ContainsSubstring("Put in what stands for secrets: "));
      request.tunnel.set_password("a \"strange\" $password [it] 'is'");
      request.tunnel.set_update_key("k\"e$y 'and' ?more\\");
      const std::string secret = printed(request);
      CHECK(secret.find("PASSWORD-OF") == std::string::npos);
      CHECK(secret.find("UPDATE-KEY-OF") == std::string::npos);
    }
  }
}

TEST_CASE("secrets are quoted as each system quotes") {
  ClientConfigRequest request = request_for("linux", kCases[1].tunnel);
  request.tunnel.set_password("it's $5");
  CHECK_THAT(printed(request), ContainsSubstring(R"(printf '%s\n' 'it'\''s $5' >/etc)"));
  request.platform = "ios";
  request.tunnel.set_password(R"(a"b$c[d]\e)");
  CHECK_THAT(printed(request), ContainsSubstring(R"("$text a\"b\$c\[d\]\\e")"));
  request = request_for("mikrotik", kCases[0].tunnel);
  request.tunnel.set_update_key(R"(a"b$c)");
  CHECK_THAT(printed(request), ContainsSubstring(R"(password="a\"b\$c")"));
  request.platform = "ios";
  request.tunnel.set_update_key("a/b@c d");
  CHECK_THAT(printed(request), ContainsSubstring("http://T101:a%2Fb%40c%20d@pop1.example.net/nic"));
}

TEST_CASE("without a name for the PoP its address stands in") {
  ClientConfigRequest request = request_for("linux", kCases[0].tunnel);
  request.host.clear();
  CHECK_THAT(printed(request), ContainsSubstring("'http://192.0.2.1/nic/update?hostname=T101'"));
  request.platform = "simplon-client";
  CHECK_THAT(printed(request), ContainsSubstring("\nserver = 192.0.2.1\n"));
}

TEST_CASE("the MTU is what the tunnel and the PoP's links leave") {
  ClientConfigRequest request = request_for("linux", kCases[0].tunnel);
  CHECK_THAT(printed(request), ContainsSubstring("mtu 1480\n"));
  request.pop.mutable_interfaces(0)->set_mtu(1492);
  CHECK_THAT(printed(request), ContainsSubstring("mtu 1472\n"));
  request.pop.mutable_interfaces(0)->set_mtu(9000);
  CHECK_THAT(printed(request), ContainsSubstring("mtu 1480\n"));
}

TEST_CASE("templates leave out what is not known and repeat what is known several times") {
  Facts facts;
  facts.set("ONE", "1");
  facts.set("EMPTY", "");
  facts.set("MANY", std::vector<std::string>{"a", "b"});
  facts.set("NONE", std::vector<std::string>{});
  CHECK(fill("x @ONE@ y@EMPTY@\n", facts) == "x 1 y\n");
  CHECK(fill("gone @NONE@ @ONE@\nkept\n", facts) == "kept\n");
  CHECK(fill("@MANY@-@ONE@\n", facts) == "a-1\nb-1\n");
  CHECK(fill("@?ONE@yes\n@!ONE@no\n@?NONE@no\n@!NONE@yes\n@?ONE@@!NONE@both\n", facts) ==
        "yes\nyes\nboth\n");
  CHECK(fill("a@/@b\n", facts) == "a\nb\n");
  CHECK(fill("ann@example.net zone[@simplon]@\n", facts) == "ann@example.net zone[@simplon]@\n");
}

}  // namespace
}  // namespace simplon::cli
