// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <string>
#include <vector>

#include "control/sixxsd/arguments.h"
#include "control/sixxsd/grammar.h"
#include "control/sixxsd/words.h"
#include "tests/support/catch.h"

namespace simplon::control::sixxsd {
namespace {

using Kind = Cursor::Parsed::Kind;

std::vector<std::string> words(std::string_view line) {
  const Words split = split_words(line);
  REQUIRE(split.fault == nullptr);
  return split.words;
}

TEST_CASE("a line is split at blanks, quotes keep them, a backslash escapes") {
  CHECK(words("  tunnel\tset  config ") == std::vector<std::string>{"tunnel", "set", "config"});
  CHECK(words(R"(a "b c" d)") == std::vector<std::string>{"a", "b c", "d"});
  CHECK(words(R"(a "")") == std::vector<std::string>{"a", ""});
  CHECK(words(R"(a\ b \"c\" \\)") == std::vector<std::string>{"a b", "\"c\"", "\\"});
  CHECK(words(R"("tab\t" x\y)") == std::vector<std::string>{"tab\t", "xy"});
  CHECK(words("pop\r") == std::vector<std::string>{"pop"});
  CHECK(split_words("a \"b").fault != nullptr);
  CHECK(split_words("a\\").fault != nullptr);
  CHECK(split_words(std::string(kMaxLine + 1, 'a')).fault != nullptr);
  std::string many;
  for (std::size_t i = 0; i <= kMaxWords; ++i) many += "a ";
  CHECK(split_words(many).fault != nullptr);
}

TEST_CASE("menus are entered and left, and words after them are taken in them") {
  Cursor cursor;
  CHECK(cursor.parse("pop").lines.front() ==
        ">> main > pop (use '..' or 'end' to go up one level)");
  CHECK(cursor.parse("cliacl").kind == Kind::kMenu);
  CHECK(cursor.where() == "main > pop > cliacl");
  CHECK(cursor.parse(".").lines.front() == "main > pop > cliacl");
  CHECK(cursor.parse("list").command->id == CommandId::kCliaclList);
  // From within a menu only what is in it, but the way up may go before.
  CHECK(cursor.parse("pop get id").code == 404);
  CHECK(cursor.parse(".. get id").command->id == CommandId::kGetId);
  CHECK(cursor.parse("/ tunnel list all").command->id == CommandId::kTunnelList);
  CHECK(cursor.where() == "main > pop > cliacl");
  CHECK(cursor.parse("end").lines.front() == "<< main > pop");
  CHECK(cursor.parse(".. tunnel set").lines.front().starts_with(">> main > tunnel > set"));
  CHECK(cursor.parse("/").lines.front() == "<< main");
  CHECK(cursor.parse("..").lines.front() == "Unknown command: main >> ..");
}

TEST_CASE("words are case-insensitive and complete, and arguments are counted") {
  Cursor cursor;
  CHECK(cursor.parse("TuNNeL Show T1").command->id == CommandId::kTunnelShow);
  CHECK(cursor.parse("tunnel show T1").arguments == std::vector<std::string>{"T1"});
  CHECK(cursor.parse("tun show T1").code == 404);
  CHECK(cursor.parse("tunnel show").code == 404);
  CHECK(cursor.parse("tunnel show T1 T2").code == 404);
  CHECK(cursor.parse("tunnel stats").kind == Kind::kCommand);
  CHECK(cursor.parse("exit now").command->id == CommandId::kExit);
  CHECK(cursor.parse("cmd quit").command->id == CommandId::kQuit);
  CHECK(cursor.parse("").kind == Kind::kNothing);
  CHECK(cursor.parse("  # pop").kind == Kind::kNothing);
  CHECK(cursor.parse("// pop").kind == Kind::kNothing);
  // Not a comment: only a whole line is one.
  CHECK(cursor.parse("pop get id # which").code == 404);
  // What comes back is one line, whatever was sent.
  CHECK(cursor.parse("\"a\\nb\"").lines.front() == "Unknown command: main >> a?b");
}

TEST_CASE("help names every command, each in its menu") {
  Cursor cursor;
  const auto help = cursor.parse("help");
  CHECK(help.kind == Kind::kHelp);
  CHECK(help.lines.size() == 6);
  std::string full;
  for (const std::string& line : cursor.parse("fullhelp").lines) full += line + "\n";
  for (const Command& command : commands()) {
    INFO(command.path);
    CHECK(full.find("\n" + std::string(command.name()) + " ") != std::string::npos);
  }
  const auto below = cursor.parse("pop tunnelprefix help").lines;
  REQUIRE(below.size() == 3);
  CHECK(below[0].starts_with("add                     <prefix>"));
  CHECK(cursor.where() == "main");
}

TEST_CASE("arguments have types") {
  CHECK(*parse_tid("2ae") == 0x2ae);
  CHECK(*parse_tid("0x2AE") == 0x2ae);
  CHECK(*parse_tid("0") == 0);
  CHECK(*parse_tid("7ffe") == 0x7ffe);
  for (const char* bad : {"", "7fff", "8000", "ffff", "g", "-1", "1 ", "123456789"}) {
    INFO(bad);
    CHECK_FALSE(parse_tid(bad).ok());
  }
  CHECK(*parse_tunnel_id("T4294967295") == 4294967295u);
  CHECK(*parse_tunnel_id("t7") == 7);
  for (const char* bad : {"", "T", "7", "T0", "T4294967296", "T1x", "X1"}) {
    INFO(bad);
    CHECK_FALSE(parse_tunnel_id(bad));
  }
  CHECK(is_yes("On"));
  CHECK(is_yes("1"));
  CHECK_FALSE(is_yes("off"));
}

TEST_CASE("no error of a tunnel's line holds its password") {
  const std::vector<std::string> good = {"1",  "T1",   "ayiya",
                                         "up", "1280", "0123456789abcdef-secret"};
  REQUIRE(parse_tunnel_line(good).ok());
  const char* const faults[] = {"zz", "U1", "nowhere", "sideways", "1500"};
  for (std::size_t i = 0; i < 5; ++i) {
    auto bad = good;
    bad[i] = faults[i];
    const auto line = parse_tunnel_line(bad);
    REQUIRE_FALSE(line.ok());
    CHECK(std::string(line.status().message()).find("secret") == std::string::npos);
    CHECK(std::string(line.status().message()).find(faults[i]) != std::string::npos);
  }
}

v1::Tunnel applied(std::string_view text, v1::Tunnel tunnel, bool strict = false) {
  const auto line = parse_tunnel_line(words(text));
  REQUIRE(line.ok());
  apply_line(*line, strict, tunnel);
  return tunnel;
}

TEST_CASE("a line sets what it says, and leaves the rest of a tunnel alone") {
  v1::Tunnel tunnel;
  tunnel.set_id(7);
  tunnel.set_slot(1);
  tunnel.set_description("Zürich");
  tunnel.set_account("alice");
  tunnel.set_ecn_mode(v1::Tunnel::NORMAL);
  tunnel.add_delegated_prefixes("2001:db8:1::/48");
  const auto is_untouched = [](const v1::Tunnel& t) {
    return t.description() == "Zürich" && t.account() == "alice" &&
           t.ecn_mode() == v1::Tunnel::NORMAL && t.delegated_prefixes_size() == 1;
  };

  tunnel = applied("1 T7 198.51.100.7 up 1400", tunnel);
  CHECK(tunnel.type() == v1::Tunnel::PROTO41);
  CHECK(tunnel.remote() == "198.51.100.7");
  CHECK(tunnel.mtu() == 1400);
  CHECK(is_untouched(tunnel));

  tunnel = applied("1 T7 heartbeat disabled 1280 0123456789abcdef", tunnel);
  CHECK(tunnel.type() == v1::Tunnel::DYNAMIC_ENDPOINT);
  CHECK(tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT);
  CHECK(tunnel.admin_state() == v1::Tunnel::DISABLED);
  CHECK(tunnel.password() == "0123456789abcdef");
  CHECK(tunnel.remote().empty());
  CHECK(is_untouched(tunnel));

  // The three words are synonyms, but for what TIC tells.
  tunnel.set_previous_password("the-one-before-it");
  tunnel = applied("1 T7 dynamic up 1280", tunnel);
  CHECK(tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT);
  CHECK(tunnel.password() == "0123456789abcdef");
  CHECK(tunnel.previous_password() == "the-one-before-it");
  CHECK(applied("1 T7 ayiya up 1280", tunnel).tic_type() == v1::Tunnel::TIC_AYIYA);
  // Another password ends a rotation, the same does not.
  CHECK(applied("1 T7 dynamic up 1280 0123456789abcdef", tunnel).previous_password() != "");
  CHECK(applied("1 T7 dynamic up 1280 fedcba9876543210", tunnel).previous_password().empty());

  tunnel.set_beat_timeout_seconds(300);
  tunnel = applied("1 T7 198.51.100.7 up 1280 unused-password", tunnel);
  CHECK(tunnel.type() == v1::Tunnel::PROTO41);
  CHECK(tunnel.password().empty());
  CHECK(tunnel.previous_password().empty());
  CHECK(tunnel.beat_timeout_seconds() == 0);
  CHECK(is_untouched(tunnel));

  // What is static already keeps its encapsulation.
  tunnel.set_type(v1::Tunnel::GRE);
  tunnel.set_gre_key(5);
  CHECK(applied("1 T7 198.51.100.8 up 1280", tunnel).type() == v1::Tunnel::GRE);
  CHECK(applied("1 T7 198.51.100.8 up 1280", tunnel).gre_key() == 5);
  CHECK_FALSE(applied("1 T7 ayiya up 1280 0123456789abcdef", tunnel).has_gre_key());

  CHECK(applied("1 T7 ayiya up 1280 0123456789abcdef", {}, true).type() == v1::Tunnel::AYIYA);
  CHECK(applied("1 T7 heartbeat up 1280 x", {}, true).type() == v1::Tunnel::HEARTBEAT);
  CHECK(applied("1 T7 dynamic up 1280 x", {}, true).type() == v1::Tunnel::DYNAMIC_ENDPOINT);
}

}  // namespace
}  // namespace simplon::control::sixxsd
