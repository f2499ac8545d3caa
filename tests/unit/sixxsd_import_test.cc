// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "control/config/normalize.h"
#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/config/validate.h"
#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/arguments.h"
#include "control/sixxsd/import.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/support/catch.h"

namespace simplon::control::sixxsd {
namespace {

constexpr char kBase[] = R"(
pop {
  interfaces { port: "uplink" ipv4_address: "192.0.2.42/24" ipv4_gateway: "192.0.2.1"
               ipv6_address: "2001:db8::42/64" ipv6_gateway: "2001:db8::1" }
  icmp_errors_per_second: 500
}
)";

constexpr char kExample[] = R"(# A file as the original had them.
pop
	set
		details 1 chtst01 192.0.2.42 2001:db8::42
		details 2 chtst02 192.0.2.66 2001:db8::66
		id 1
	end

	tunnelprefix add 2001:db8:2ff::/48
	subnetprefix add 2001:db8:3000::/40
	subnetprefix add 2001:db8:4000::/48

	cliacl
		reset
		add ::1
		add 127.0.0.1
	end
end

tunnel
	set
		config 0 T4141 198.51.100.1 up 1480
		config 1 T5072 ayiya up 1428 f3d47c2de40fb698e1ab15d757a09bfc
		config 2 T3740 heartbeat up 1280 91915d757a09bfc94d5028832d85cc0d
		config 2ae T18572 dynamic up 1280 8fd1ca39af3d47c2de40fb698e1abc9a
		config 666 T84822 198.18.1.1 disabled 1280
	end
end

subnet
	set
		config 2001:db8:3001::/48 2ae static
		config 2001:db8:3003::/48 0 static
		config 2001:db8:4000:1200::/56 1 bgp
	end
end
pop saveconfig
)";

v1::Config base() {
  ParseOptions options;
  options.check_meaning = false;
  const auto config = parse_config(kBase, "base.txtpb", nullptr, options);
  REQUIRE(config.ok());
  return *config;
}

Import import_with_base(std::string_view text, bool strict = false) {
  const v1::Config config = base();
  return import_config(text, {&config, strict});
}

std::string all(const std::vector<ImportNote>& notes) {
  std::string text;
  for (const ImportNote& note : notes) text += fmt::format("{}: {}\n", note.line, note.text);
  return text;
}

const v1::Tunnel& tunnel(const v1::Config& config, uint32_t id) {
  for (const v1::Tunnel& t : config.tunnels()) {
    if (t.id() == id) return t;
  }
  FAIL("no T" << id);
  return config.tunnels(0);
}

// As the original's `pop saveconfig` wrote the file.
std::string saved(const v1::Config& config) {
  std::string out = "# SixXS PoP dump stored by SixXSd\n\npop\n\tset\n";
  out += fmt::format("\t\tdetails {} {} 192.0.2.42 2001:db8::42\n", config.pop().number(),
                     config.pop().name());
  for (const v1::PeerPop& peer : config.pop().peer_pops()) {
    out += fmt::format("\t\tdetails {} {} {} {}\n", peer.number(), peer.name(), peer.ipv4_address(),
                       peer.ipv6_address());
  }
  out += fmt::format("\t\tid {}\n\tend\n\n", config.pop().number());
  out += fmt::format("\ttunnelprefix add {}\n\n\tsubnetprefix\n",
                     tunnel_prefix_of(config.pools())->to_string());
  for (const Ipv6Prefix& prefix : subnet_prefixes_of(config.pools())) {
    out += fmt::format("\t\tadd {}\n", prefix.to_string());
  }
  out += "\tend\n\n\tcliacl\n";
  for (const std::string& address : config.pop().console().allowed_addresses()) {
    out += fmt::format("\t\tadd {}\n", address);
  }
  out += "\tend\nend\n\ntunnel\n\tset\n";
  std::vector<const v1::Tunnel*> by_slot;
  for (const v1::Tunnel& t : config.tunnels()) by_slot.push_back(&t);
  std::ranges::sort(by_slot, {}, [](const v1::Tunnel* t) { return t->slot(); });
  for (const v1::Tunnel* t : by_slot) {
    const bool dynamic = !t->password().empty();
    out += fmt::format("\t\tconfig {:x} T{} {} {} {}{}{}\n", t->slot(), t->id(),
                       dynamic ? "dynamic" : t->remote(),
                       t->admin_state() == v1::Tunnel::DISABLED ? "disabled" : "up", t->mtu(),
                       dynamic ? " " : "", t->password());
  }
  out += "\tend\nend\n\nsubnet\n\tset\n";
  for (const v1::Tunnel* t : by_slot) {
    for (const std::string& prefix : t->delegated_prefixes()) {
      out += fmt::format("\t\tconfig {} {:x} static\n", prefix, t->slot());
    }
  }
  return out + "\tend\nend\n";
}

TEST_CASE("the documented example imports whole") {
  const Import import = import_with_base(kExample);
  INFO(all(import.errors) << all(import.warnings));
  REQUIRE(import.errors.empty());
  CHECK(import.warnings.empty());
  CHECK_FALSE(import.made_up_interface);
  const v1::Config& config = import.config;
  CHECK(validate(config).empty());

  CHECK(config.pop().name() == "chtst01");
  CHECK(config.pop().number() == 1);
  CHECK(config.pop().ipv6_address() == "2001:db8:2ff:ffff::1");
  CHECK(config.pop().icmp_errors_per_second() == 500);
  CHECK(config.pop().ipv4_addresses().empty());
  REQUIRE(config.pop().peer_pops_size() == 1);
  CHECK(config.pop().peer_pops(0).name() == "chtst02");
  REQUIRE(config.pop().console().allowed_addresses_size() == 2);
  CHECK(config.pop().console().allowed_addresses(0) == "::1");

  REQUIRE(config.pools_size() == 4);
  CHECK(config.pools(0).prefix() == "2001:db8:2ff::/49");
  CHECK(config.pools(0).kind() == v1::Pool::LINK);
  CHECK(config.pools(1).prefix() == "2001:db8:2ff:8000::/49");
  CHECK(config.pools(1).kind() == v1::Pool::ROUTED);
  CHECK(config.pools(2).unit_length() == 48);
  CHECK(config.pools(3).unit_length() == 56);

  REQUIRE(config.tunnels_size() == 5);
  CHECK(tunnel(config, 4141).type() == v1::Tunnel::PROTO41);
  CHECK(tunnel(config, 4141).slot() == 0);
  CHECK(tunnel(config, 4141).delegated_prefixes(0) == "2001:db8:3003::/48");
  CHECK(tunnel(config, 5072).type() == v1::Tunnel::DYNAMIC_ENDPOINT);
  CHECK(tunnel(config, 5072).tic_type() != v1::Tunnel::TIC_HEARTBEAT);
  CHECK(tunnel(config, 5072).password() == "f3d47c2de40fb698e1ab15d757a09bfc");
  CHECK(tunnel(config, 5072).delegated_prefixes(0) == "2001:db8:4000:1200::/56");
  CHECK(tunnel(config, 3740).tic_type() == v1::Tunnel::TIC_HEARTBEAT);
  CHECK(tunnel(config, 18572).slot() == 0x2ae);
  CHECK(tunnel(config, 84822).admin_state() == v1::Tunnel::DISABLED);

  const Import strict = import_with_base(kExample, true);
  REQUIRE(strict.errors.empty());
  CHECK(tunnel(strict.config, 5072).type() == v1::Tunnel::AYIYA);
  CHECK(tunnel(strict.config, 3740).type() == v1::Tunnel::HEARTBEAT);
  CHECK(tunnel(strict.config, 18572).type() == v1::Tunnel::DYNAMIC_ENDPOINT);
}

TEST_CASE("without a base the interface is made up and marked") {
  const Import import = import_config(kExample, {});
  INFO(all(import.errors));
  REQUIRE(import.errors.empty());
  CHECK(import.made_up_interface);
  CHECK(import.config.pop().interfaces(0).port() == "wan");
  const std::string text = print_import(import, "sixxsd.conf");
  CHECK(text.find("# COMPLETE THIS") != std::string::npos);
  CHECK(text.find("passwords of 3 tunnels in clear") != std::string::npos);
  const auto again = parse_config(text, "out.txtpb", nullptr);
  REQUIRE(again.ok());
  v1::Config expected = import.config;
  normalize(expected);
  CHECK(google::protobuf::util::MessageDifferencer::Equals(*again, expected));
}

TEST_CASE("importing what saveconfig writes changes nothing") {
  v1::Config first = import_with_base(kExample).config;
  // The original forgets which kind a dynamic tunnel was given as.
  for (v1::Tunnel& t : *first.mutable_tunnels()) t.clear_tic_type();
  const Import second = import_with_base(saved(first));
  INFO(all(second.errors) << all(second.warnings) << saved(first));
  REQUIRE(second.errors.empty());
  CHECK(second.warnings.empty());
  v1::Config again = second.config;
  normalize(first);
  normalize(again);
  CHECK(google::protobuf::util::MessageDifferencer::Equals(first, again));

  // And with the result as the base, what the file does not know stays.
  v1::Config rich = first;
  rich.mutable_tunnels(0)->set_description("kept");
  rich.mutable_pools(0)->set_name("mine");
  rich.add_accounts()->set_name("alice");
  Import third = import_config(saved(first), {&rich, false});
  REQUIRE(third.errors.empty());
  normalize(third.config);
  normalize(rich);
  CHECK(google::protobuf::util::MessageDifferencer::Equals(rich, third.config));
}

TEST_CASE("a tunnel prefix may be taken out of a subnet prefix") {
  const Import import = import_with_base(R"(
pop tunnelprefix add 2001:db8:3042::/48
pop subnetprefix add 2001:db8:3000::/40
tunnel set config 1 T1 198.51.100.1 up 1280
subnet set config 2001:db8:3041::/48 1 static
subnet set config 2001:db8:30ff::/48 1 static
)");
  INFO(all(import.errors));
  REQUIRE(import.errors.empty());
  CHECK(import.config.pools_size() == 2 + 8);
  const auto prefixes = subnet_prefixes_of(import.config.pools());
  REQUIRE(prefixes.size() == 1);
  CHECK(prefixes[0].to_string() == "2001:db8:3000::/40");
  CHECK(all(import_with_base("pop tunnelprefix add 2001:db8:3042::/48\n"
                             "pop subnetprefix add 2001:db8:3000::/40\n"
                             "tunnel set config 1 T1 198.51.100.1 up 1280\n"
                             "subnet set config 2001:db8:3042::/48 1 static\n")
                .errors) == "4: 2001:db8:3042::/48 is the tunnel prefix\n");
}

TEST_CASE("every fault is an error with its line, several at once") {
  const Import import = import_with_base(R"(pop tunnelprefix add 2001:db8:2ff::/48
pop tunnelprefix add 2001:db8:300::/48
pop tunnelprefix add 2001:db8:2ff::/64
pop subnetprefix add 2001:db8:3000::/40
pop subnetprefix add 2001:db8:3000::/48
pop subnetprefix add 2001:db8:5000::/44
subnet set config 2001:db8:3001::/48 1 static
tunnel set config 1 T1 198.51.100.1 up 1280
tunnel set config 1 T2 198.51.100.1 up 1280
tunnel set config 2 T1 198.51.100.1 up 1280
tunnel set config 7fff T3 198.51.100.1 up 1280
tunnel set config 8000 T3 198.51.100.1 up 1280
tunnel set config 3 T3 198.51.100.1 up 1279
tunnel set config 3 T3 198.51.100.1 down 1280
tunnel set config 3 T3 nowhere up 1280
subnet set config 2001:db8:9001::/48 1 static
subnet set config 2001:db8:3001::/48 1 static
subnet set config 2001:db8:3001::/48 0 static
tunnel set config 4 T4 ayiya up 1280
tunnel set config 5 T5 ayiya up 1280 short-secret
tunnel set config 6 T6 2001:db8::1 up 1280
tunnel set config 7 T7 127.0.0.1 up 1280
pop set id 64
pop set details 2 a_b 192.0.2.2 2001:db8::2
pop set details 2 ab 2001:db8::2 192.0.2.2
pop set nothing 1
pop cliacl add nobody
pop cliacl remove 192.0.2.3
end
tunnel set remote T1 198.51.100.2
pop shutdown
exit
tunnel set config 8 "T8
)");
  const std::string errors = all(import.errors);
  INFO(errors);
  const int wrong[] = {2,  3,  5,  6,  7,  9,  10, 11, 12, 13, 14, 15, 16, 18, 19,
                       20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33};
  CHECK(import.errors.size() == std::size(wrong));
  for (const int line : wrong) {
    INFO("line " << line);
    CHECK(std::ranges::count(import.errors, line, &ImportNote::line) == 1);
  }
  CHECK(errors.find("short-secret") == std::string::npos);
  CHECK(errors.find("TID 1 is taken by T1, line 8") != std::string::npos);
  CHECK(errors.find("T1 has TID 1 already, line 8") != std::string::npos);
}

TEST_CASE("what has no effect is a warning, and nothing is dropped in silence") {
  const Import import = import_with_base(R"(pop tunnelprefix add 2001:db8:2ff::/48
pop subnetprefix add 2001:db8:3000::/40
pop set debug sixxsd on
pop set verbosity 5
pproxy set config 1 2 3 4
pop show status
tunnel stats RESET
help
tunnel set config 1 T1 198.51.100.1 up 1280 a-password-of-no-use
tunnel set config 1 T1 198.51.100.1 up 1280 a-password-of-no-use
subnet set config 2001:db8:3001:5::/64 1 static
subnet set config 2001:db8:3001::/48 1 static
pop set details 3 Upper 192.0.2.3 2001:db8::3
pop saveconfig
)");
  INFO(all(import.errors) << all(import.warnings));
  CHECK(import.errors.empty());
  const int lines[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13};
  for (const int line : lines) {
    INFO("line " << line);
    CHECK(std::ranges::count(import.warnings, line, &ImportNote::line) == 1);
  }
  CHECK(import.warnings.size() == std::size(lines));
  CHECK(import.config.tunnels(0).delegated_prefixes_size() == 1);
  CHECK(import.config.pop().peer_pops(0).name() == "upper");
}

TEST_CASE("an address of the PoP that the base lacks is kept for the tunnels that end on it") {
  v1::Config other = base();
  other.mutable_pop()->mutable_interfaces(0)->set_ipv4_address("192.0.2.43/24");
  const Import import = import_config(kExample, {&other, false});
  INFO(all(import.errors));
  REQUIRE(import.errors.empty());
  CHECK(import.config.pop().ipv4_addresses(0) == "192.0.2.42");
  CHECK(tunnel(import.config, 4141).local() == "192.0.2.42");
  CHECK(tunnel(import.config, 5072).local().empty());
  CHECK(import.warnings.size() == 1);
}

TEST_CASE("a full PoP of the original imports within seconds") {
  std::string text =
      "pop tunnelprefix add 2001:db8:2ff::/48\npop subnetprefix add 2001:db8:3000::/40\n"
      "tunnel\nset\n";
  for (unsigned i = 0; i < 8192; ++i) {
    text += i % 2 == 0 ? fmt::format("config {:x} T{} 198.51.{}.{} up 1480\n", i, i + 1000,
                                     100 + i / 250 % 50, 1 + i % 250)
                       : fmt::format("config {:x} T{} ayiya up 1280 {:032x}\n", i, i + 1000, i);
  }
  text += "/ subnet set\n";
  for (unsigned i = 0; i < 256; ++i)
    text += fmt::format("config 2001:db8:30{:02x}::/48 {:x} static\n", i, i);
  const Import import = import_with_base(text);
  INFO(all(import.errors));
  CHECK(import.errors.empty());
  CHECK(import.config.tunnels_size() == 8192);
}

TEST_CASE("the number of errors is bounded") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "nothing\n";
  const Import import = import_config(text, {});
  CHECK(import.errors.size() == Import::kMaxNotes + 1);
  CHECK(import.errors.back().text.find("only the first 100") != std::string::npos);
}

}  // namespace
}  // namespace simplon::control::sixxsd
