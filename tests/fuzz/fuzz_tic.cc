// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// TIC sessions of any lines: each is answered, in the form clients read, and no password is told
// before the login. An odd first byte is a server with TLS.

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/tic_bed.h"

namespace {

using namespace simplon;

// Of the tunnels that the account owns.
constexpr std::string_view kPasswords[] = {"f3d47c2de40fb698e1ab15d757a09bfc",
                                           "91915d757a09bfc94d5028832d85cc0d", "0123456789abcdef"};
constexpr std::string_view kSecretMd5 = "5ebe2294ecd0e0f08eab7690d2a6ee69";

void require(bool holds) {
  if (!holds) std::abort();
}

bool has_code(std::string_view line, std::string_view code) {
  return line.size() > 4 && line.starts_with(code) && line[3] == ' ';
}

// One line of 200, 400 or 500; or a list from 201 to 202 with no empty line and no line in between
// that could be its end.
void check_form(std::string_view text) {
  require(text.ends_with('\n'));
  bool in_list = false;
  bool ended = false;
  while (!text.empty()) {
    require(!ended);
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    for (const char c : line) require(c >= ' ' || c == '\t' || static_cast<signed char>(c) < 0);
    if (in_list) {
      require(!line.empty());
      ended = line.starts_with("202");
      require(!ended || has_code(line, "202"));
    } else if (has_code(line, "201")) {
      in_list = true;
    } else {
      require(has_code(line, "200") || has_code(line, "400") || has_code(line, "500"));
      ended = true;
    }
  }
  require(ended);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static testing::TestTicHost host;
  spdlog::set_level(spdlog::level::off);
  host.fixed_challenge = "88b3b6fb9d35d11abb06c59524f90b5b";
  host.tls = size > 0 && data[0] % 2 == 1;
  control::TicShared shared;
  control::TicSession session(host, shared, testing::tic_peer("198.51.100.2"));
  check_form(session.greet().text);

  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (!input.empty()) input.remove_prefix(1);
  bool prompt = false;
  bool logged_in = false;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    auto reply = session.take_line(line.substr(0, control::TicSession::kMaxLine));
    host.time += std::chrono::seconds(1);
    std::string_view text = reply.text;
    prompt = prompt || text.ends_with("\ntic> ");
    if (prompt && text.ends_with("tic> ")) text.remove_suffix(5);
    check_form(text);
    logged_in = logged_in || text.starts_with("200 Successfully logged in");
    require(text.find(kSecretMd5) == std::string_view::npos);
    if (!logged_in) {
      for (const std::string_view password : kPasswords) {
        require(text.find(password) == std::string_view::npos);
      }
    }
    if (reply.then == control::LineSession::Then::kClose) break;
    if (reply.then == control::LineSession::Then::kStartTls) {
      require(host.tls);
      logged_in = false;
      session.tls_started();
    }
  }
  return 0;
}

std::vector<std::vector<uint8_t>> simplon::fuzz::seeds() {
  const std::string start = "client TIC/draft-00 AICCU/2007.01.15-console-linux Linux/6.18\n";
  const std::string login =
      "username SX1-SIXXS\nchallenge md5\nauthenticate md5 3fed83ac27802592af0fb01966a0e248\n";
  std::vector<std::vector<uint8_t>> seeds;
  for (const std::string& text : {
           "0" + start + "get unixtime\nstarttls\n" + login +
               "tunnel show T5072\nQUIT Every Time We Live Together\n",
           "1" + start + "get unixtime\nstarttls\n" + login + "tunnel list\ntunnel show 41\nquit\n",
           "0" + login + "tunnel show T47\ntunnel show T3740\ntunnel show T60\ntunnel list\n",
           "0" + login +
               "tunnel set T41 endpoint 192.0.2.1\ntunnel set T41 endpoint current\n"
               "tunnel set T42 state disabled\ntunnel put T41 publickey x\n",
           std::string("1starttls\nusername careful\nchallenge clear\nauthenticate clear secret\n"),
           std::string("0set prompt enabled\nhelp\npop list\npop show sxpop01\npop show sxpop00\n"
                       "route list\nset prompt disabled\nexit\n"),
           std::string("0username nobody\nchallenge cookie\nchallenge md5\n"
                       "authenticate md5 00000000000000000000000000000000\n"),
       }) {
    seeds.emplace_back(text.begin(), text.end());
  }
  return seeds;
}
