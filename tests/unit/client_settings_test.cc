// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <sys/stat.h>

#include <fstream>

#include "client/settings_file.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon::client {
namespace {

using testing::ContainsSubstring;

constexpr const char* kLogin = "username SX1\npassword secret\nserver tic.example.net\n";
constexpr const char* kOwnLogin = "username = SX1\npassword = secret\nserver = tic.example.net\n";

Settings aiccu(const std::string& text) {
  auto loaded = parse_settings(kLogin + text, "aiccu.conf", FileKind::kAiccu);
  INFO(std::string(loaded.status().message()));
  REQUIRE(loaded.ok());
  return loaded->settings;
}

Settings own(const std::string& text) {
  auto loaded = parse_settings(kOwnLogin + text, "own.conf", FileKind::kOwn);
  INFO(std::string(loaded.status().message()));
  REQUIRE(loaded.ok());
  return loaded->settings;
}

std::string error_of(const std::string& text, FileKind kind) {
  const auto loaded = parse_settings(text, "f", kind);
  INFO(text);
  REQUIRE_FALSE(loaded.ok());
  return {loaded.status().message().data(), loaded.status().message().size()};
}

std::string own_error(const std::string& line) {
  return error_of(kOwnLogin + line + "\n", FileKind::kOwn);
}

std::string aiccu_error(const std::string& line) {
  return error_of(kLogin + line + "\n", FileKind::kAiccu);
}

TEST_CASE("an aiccu.conf that says little means what the original did by itself") {
  const Settings settings = aiccu("");
  CHECK(settings.username == "SX1");
  CHECK(settings.password == "secret");
  CHECK(settings.server == "tic.example.net");
  CHECK(settings.tls == TlsMode::kOpportunistic);
  CHECK(settings.interface == "aiccu");
  CHECK(settings.tunnel_id.empty());
  CHECK_FALSE(settings.daemonize);
  CHECK(settings.configure);
  CHECK(settings.make_beats);
  CHECK(settings.default_route);
  CHECK_FALSE(settings.behind_nat);
  CHECK_FALSE(settings.verbose);
  CHECK(settings.pid_file == "/var/run/aiccu.pid");
  CHECK(settings.setup_script.empty());
  CHECK_FALSE(settings.local_ipv4);
}

TEST_CASE("every key of aiccu.conf is read") {
  const Settings settings = aiccu(
      "# a comment\n"
      "\t protocol   tic  \r\n"
      "ipv6_interface tun6\n"
      "tunnel_id T1234\n"
      "local_ipv4_override 192.0.2.9\n"
      "setupscript /usr/local/etc/aiccu-subnets.sh with words\n"
      "automatic true\n"
      "daemonize true\n"
      "verbose yes\n"
      "behindnat on\n"
      "requiretls 1\n"
      "noconfigure TRUE\n"
      "makebeats no\n"
      "defaultroute off\n"
      "PidFile /run/x.pid\n");
  CHECK(settings.interface == "tun6");
  CHECK(settings.tunnel_id == "T1234");
  CHECK(settings.local_ipv4 == Ipv4Address{{192, 0, 2, 9}});
  CHECK(settings.setup_script == "/usr/local/etc/aiccu-subnets.sh with words");
  CHECK(settings.daemonize);
  CHECK(settings.verbose);
  CHECK(settings.behind_nat);
  CHECK(settings.tls == TlsMode::kRequired);
  CHECK_FALSE(settings.configure);
  CHECK_FALSE(settings.make_beats);
  CHECK_FALSE(settings.default_route);
  CHECK(settings.pid_file == "/run/x.pid");
}

TEST_CASE("a password of aiccu.conf is the rest of its line") {
  const auto loaded =
      parse_settings("username u\npassword a b#c =d\nserver s\n", "f", FileKind::kAiccu);
  REQUIRE(loaded.ok());
  CHECK(loaded->settings.password == "a b#c =d");
}

TEST_CASE("our own file asks for encryption unless it says otherwise") {
  const Settings settings = own("");
  CHECK(settings.tls == TlsMode::kRequired);
  CHECK(settings.interface == "simplon");
  CHECK_FALSE(settings.daemonize);
  CHECK(settings.pid_file.empty());
  CHECK(settings.state_directory == "/run/simplon-client");
  CHECK(own("tls = opportunistic\n").tls == TlsMode::kOpportunistic);
  CHECK(own("tls = off\n").tls == TlsMode::kOff);
}

TEST_CASE("every key of our own file is read") {
  const Settings settings =
      own("tls=required\n"
          "ca_file = /etc/ssl/broker.pem\n"
          "tls_name = tic.example.org # not the server's own\n"
          "tunnel = T1\n"
          "interface = \"six\"\n"
          "path = tun\n"
          "behind_nat = true\n"
          "local_ipv4 = 192.0.2.9\n"
          "default_route = false\n"
          "mtu = 1400\n"
          "subnets = 2001:db8:8001::/48, 2001:db8:8002::/64\n"
          "make_beats = false\n"
          "configure = false\n"
          "setup_script = /bin/true\n"
          "ping_target = 2001:db8::53\n"
          "daemonize = true\n"
          "verbose = true\n"
          "pid_file = /run/p\n"
          "state_directory = /run/s\n");
  CHECK(settings.ca_file == "/etc/ssl/broker.pem");
  CHECK(settings.tls_name == "tic.example.org");
  CHECK(settings.tunnel_id == "T1");
  CHECK(settings.interface == "six");
  CHECK(settings.path == DataPath::kTun);
  CHECK(settings.behind_nat);
  CHECK(settings.local_ipv4 == Ipv4Address{{192, 0, 2, 9}});
  CHECK_FALSE(settings.default_route);
  CHECK(settings.mtu == 1400u);
  CHECK(settings.subnets == std::vector<std::string>{"2001:db8:8001::/48", "2001:db8:8002::/64"});
  CHECK_FALSE(settings.make_beats);
  CHECK_FALSE(settings.configure);
  CHECK(settings.setup_script == "/bin/true");
  CHECK(settings.ping_target == "2001:db8::53");
  CHECK(settings.daemonize);
  CHECK(settings.verbose);
  CHECK(settings.pid_file == "/run/p");
  CHECK(settings.state_directory == "/run/s");
  CHECK(own("path = sit\n").path == DataPath::kKernelSit);
  CHECK(own("path = auto\n").path == DataPath::kAutomatic);
}

TEST_CASE("values in quotes keep what would end them") {
  const auto loaded = parse_settings(
      "username = u\npassword = \"a # \\\"b\\\\\"  # remark\nserver = s\n", "f", FileKind::kOwn);
  REQUIRE(loaded.ok());
  CHECK(loaded->settings.password == "a # \"b\\");
}

TEST_CASE("errors of our own file name line, key and what is right") {
  CHECK(own_error("colour = blue").rfind("f:4: unknown key 'colour'; the keys are username", 0) ==
        0);
  CHECK_THAT(own_error("tunnel_id = T1"), ContainsSubstring("a key of aiccu.conf"));
  CHECK_THAT(own_error("tunnel T1"), ContainsSubstring("f:4: there is no '='"));
  CHECK_THAT(own_error("tunnel ="), ContainsSubstring("tunnel has no value"));
  CHECK_THAT(own_error("tunnel = \"T1"), ContainsSubstring("closing"));
  CHECK_THAT(own_error("tunnel = \"T1\" x"), ContainsSubstring("behind the closing"));
  CHECK_THAT(own_error("tunnel = \"T1\\"), ContainsSubstring("closing"));
  CHECK_THAT(own_error("tunnel = T1 T2"), ContainsSubstring("one word"));
  CHECK_THAT(own_error("tunnel = T1\ntunnel = T2"),
             ContainsSubstring("set twice, first in line 4"));
  CHECK_THAT(own_error("tls = maybe"), ContainsSubstring("required, opportunistic or off"));
  CHECK_THAT(own_error("path = gre"), ContainsSubstring("auto, sit or tun"));
  CHECK_THAT(own_error("mtu = 99999"), ContainsSubstring("1280 to 1480"));
  CHECK_THAT(own_error("mtu = 1279"), ContainsSubstring("1280 to 1480"));
  CHECK_THAT(own_error("mtu = 1400x"), ContainsSubstring("1280 to 1480"));
  CHECK_THAT(own_error("interface = averyveryverylongname"), ContainsSubstring("15"));
  CHECK_THAT(own_error("interface = ../x"), ContainsSubstring("15"));
  CHECK_THAT(own_error("interface = all"), ContainsSubstring("15"));
  CHECK_THAT(own_error("local_ipv4 = 224.0.0.1"), ContainsSubstring("IPv4 address"));
  CHECK_THAT(own_error("local_ipv4 = ::1"), ContainsSubstring("IPv4 address"));
  CHECK_THAT(own_error("default_route = perhaps"), ContainsSubstring("true or false"));
  CHECK_THAT(own_error("subnets = 2001:db8::1/48"), ContainsSubstring("prefixes"));
  CHECK_THAT(own_error("subnets = 2001:db8::/80"), ContainsSubstring("prefixes"));
  CHECK_THAT(own_error("server = a b"), ContainsSubstring("set twice"));
  CHECK_THAT(own_error("tunnel = " + std::string(600, 'x')), ContainsSubstring("512"));
  CHECK_THAT(own_error("tunnel = a\tb\x01"), ContainsSubstring("control character"));
}

TEST_CASE("errors of aiccu.conf name line, key and what is right") {
  CHECK_THAT(aiccu_error("colour blue"), ContainsSubstring("f:4: unknown key 'colour'"));
  CHECK_THAT(aiccu_error("ca_file x"), ContainsSubstring("a key of simplon-client.conf"));
  CHECK_THAT(aiccu_error("verbose"), ContainsSubstring("no value"));
  CHECK_THAT(aiccu_error("protocol l2tp"), ContainsSubstring("is tic"));
  CHECK_THAT(aiccu_error("automatic perhaps"), ContainsSubstring("true or false"));
  CHECK_THAT(aiccu_error("requiretls perhaps"), ContainsSubstring("true or false"));
  CHECK_THAT(aiccu_error("noconfigure perhaps"), ContainsSubstring("true or false"));
  CHECK_THAT(aiccu_error("local_ipv4_override host"), ContainsSubstring("IPv4 address"));
}

TEST_CASE("without login there are no settings, and no error quotes the password") {
  for (const char* missing : {"username", "password", "server"}) {
    std::string text;
    for (const auto& [key, value] :
         {std::pair{"username", "u"}, {"password", "pw-7731"}, {"server", "s"}}) {
      if (std::string(key) != missing) text += std::string(key) + " = " + value + "\n";
    }
    const std::string error = error_of(text, FileKind::kOwn);
    CHECK_THAT(error, ContainsSubstring(std::string(missing) + " is missing"));
    CHECK(error.find("pw-7731") == std::string::npos);
  }
  const std::string error = error_of("password = \"pw-7731\nusername = u\n", FileKind::kOwn);
  CHECK(error.find("pw-7731") == std::string::npos);
}

TEST_CASE("aiccu.conf may set a key twice: the last one counts, with a warning") {
  const auto loaded =
      parse_settings(std::string(kLogin) + "tunnel_id T1\ntunnel_id T2\n", "f", FileKind::kAiccu);
  REQUIRE(loaded.ok());
  CHECK(loaded->settings.tunnel_id == "T2");
  REQUIRE(loaded->warnings.size() == 2);
  CHECK_THAT(loaded->warnings[0], ContainsSubstring("f:5: tunnel_id is set twice"));
  CHECK_THAT(loaded->warnings[1], ContainsSubstring("requiretls true"));
}

TEST_CASE("a server is a host and a port") {
  CHECK(*parse_server("tic.example.net") == ServerAddress{"tic.example.net", 3874});
  CHECK(*parse_server("tic.example.net:1") == ServerAddress{"tic.example.net", 1});
  CHECK(*parse_server("192.0.2.1:65535") == ServerAddress{"192.0.2.1", 65535});
  CHECK(*parse_server("2001:db8::1") == ServerAddress{"2001:db8::1", 3874});
  CHECK(*parse_server("[2001:db8::1]") == ServerAddress{"2001:db8::1", 3874});
  CHECK(*parse_server("[2001:db8::1]:99") == ServerAddress{"2001:db8::1", 99});
  for (const char* wrong : {"", ":1", "host:", "host:0", "host:65536", "host:x", "[::1", "[::1]x",
                            "[host]:1", "a/b", "http://a", "-x", "a b", "a:1:2"}) {
    INFO(wrong);
    CHECK_FALSE(parse_server(wrong).ok());
  }
}

TEST_CASE("which kind a file is, is seen from it") {
  CHECK(guess_kind(kLogin) == FileKind::kAiccu);
  CHECK(guess_kind(kOwnLogin) == FileKind::kOwn);
  CHECK(guess_kind("# a = b\nusername=x") == FileKind::kOwn);
  CHECK(guess_kind("password a=b\n") == FileKind::kAiccu);
  CHECK(guess_kind("") == FileKind::kAiccu);
}

TEST_CASE("a file that others can read brings a warning, and one that is not there an error") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.file("simplon-client.conf");
  std::ofstream(path) << kOwnLogin;
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  auto loaded = load_settings(path);
  REQUIRE(loaded.ok());
  REQUIRE(loaded->warnings.size() == 1);
  CHECK_THAT(loaded->warnings[0], ContainsSubstring("chmod 600"));
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  loaded = load_settings(path);
  REQUIRE(loaded.ok());
  CHECK(loaded->warnings.empty());
  CHECK(loaded->kind == FileKind::kOwn);

  CHECK(load_settings(directory.file("none")).status().code() == absl::StatusCode::kNotFound);
  CHECK_FALSE(load_settings(directory.path()).ok());
  std::ofstream(path) << std::string(70000, '#');
  CHECK_THAT(std::string(load_settings(path).status().message()), ContainsSubstring("64 KiB"));
}

}  // namespace
}  // namespace simplon::client
