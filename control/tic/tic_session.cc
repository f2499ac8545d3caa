// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/tic/tic_session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "control/config/account.h"
#include "control/config/outer_address.h"
#include "control/tic/tic_text.h"
#include "dataplane/crypto/constant_time.h"
#include "dataplane/crypto/md5.h"

namespace simplon::control {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr uint32_t kLogLinesPerSecond = 20;
constexpr uint32_t kDefaultMaxChanges = 30;
constexpr std::chrono::minutes kChangesWindow{10};

// ---- Words

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim_front(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

std::string_view trim(std::string_view text) {
  text = trim_front(text);
  while (!text.empty() && kBlanks.find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  return text;
}

// Takes the first word, and the blanks behind it, off the text.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text = trim_front(text.substr(word.size()));
  return word;
}

// Takes `words` off the front of the text, in any case and with any blanks.
bool take_words(std::string_view& text, std::string_view words) {
  std::string_view rest = text;
  while (!words.empty()) {
    if (!same_word(take_word(rest), take_word(words))) return false;
  }
  text = rest;
  return true;
}

bool is_text(std::string_view line) {
  return std::ranges::none_of(
      line, [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f; });
}

// `T123` or `123`.
std::optional<uint32_t> parse_id(std::string_view text) {
  if (!text.empty() && lower(text.front()) == 't') text.remove_prefix(1);
  uint32_t id = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (fault != std::errc() || end != text.data() + text.size() || id == 0) return std::nullopt;
  return id;
}

// ---- Digests

std::string hex(const Md5Digest& digest) {
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

// Of 32 hexadecimal digits.
std::optional<Md5Digest> parse_digest(std::string_view text) {
  Md5Digest digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    const auto [end, fault] = std::from_chars(begin, begin + 2, digest[i], 16);
    if (fault != std::errc() || end != begin + 2) return std::nullopt;
  }
  return digest;
}

// ---- Replies

LineSession::Reply say(std::string_view code, std::string_view text,
                       LineSession::Then then = LineSession::Then::kGoOn) {
  return {fmt::format("{} {}\n", code, text), then};
}
LineSession::Reply good(std::string_view text) {
  return say("200", text);
}
LineSession::Reply bad(std::string_view text) {
  return say("400", text);
}
LineSession::Reply list(std::string_view title, std::string_view lines, std::string_view end) {
  return {fmt::format("201 {}\n{}202 {}\n", title, lines, end)};
}

constexpr std::string_view kLogInFirst =
    "Log in first: \"username\", \"challenge\", \"authenticate\"";
constexpr std::string_view kNoSuchTunnel = "No such tunnel";

}  // namespace

// ---- What connections have in common

bool TicShared::may_change_endpoint(uint32_t tunnel_id, uint32_t limit, Clock::time_point now) {
  Changes& changes = changes_.at(tunnel_id);
  if (changes.count == 0 || now - changes.since >= kChangesWindow) changes = {0, now};
  if (changes.count >= (limit == 0 ? kDefaultMaxChanges : limit)) return false;
  ++changes.count;
  return true;
}

std::optional<uint64_t> TicShared::may_log(Clock::time_point now) {
  if (now - log_second_ >= std::chrono::seconds(1)) {
    log_second_ = now;
    log_budget_ = kLogLinesPerSecond;
  }
  if (log_budget_ == 0) {
    ++unlogged_;
    return std::nullopt;
  }
  --log_budget_;
  return std::exchange(unlogged_, 0);
}

// ---- Commands

struct TicSession::Command {
  std::string_view words;
  Reply (TicSession::*run)(std::string_view rest);
  std::string_view arguments;  // for help; with `about` empty the command is not mentioned
  std::string_view about;
};

const TicSession::Command TicSession::kCommands[] = {
    {"client", &TicSession::client, "<name/version system>", "who is asking"},
    {"get unixtime", &TicSession::get_unixtime, "", "the time here, seconds since 1970"},
    {"starttls", &TicSession::starttls, "", "protect what follows with TLS"},
    {"username", &TicSession::username, "<name>", "who wants to log in"},
    {"challenge", &TicSession::challenge, "md5|clear", "how"},
    {"authenticate", &TicSession::authenticate, "md5|clear <response>",
     "md5: md5hex(challenge md5hex(secret)); clear: the secret"},
    {"tunnel list", &TicSession::tunnel_list, "", "your tunnels"},
    {"tunnel show", &TicSession::tunnel_show, "<id>", "one of them"},
    {"tunnel set", &TicSession::tunnel_set, "<id> endpoint <ipv4>|current",
     "where a static tunnel ends"},
    {"tunnel put", &TicSession::tunnel_key, "", ""},
    {"tunnel get", &TicSession::tunnel_key, "", ""},
    {"pop list", &TicSession::pop_list, "", "the PoPs"},
    {"pop show", &TicSession::pop_show, "<name>", "one of them"},
    {"route list", &TicSession::routes, "", ""},
    {"route show", &TicSession::routes, "", ""},
    {"set prompt", &TicSession::set_prompt, "enabled|disabled", "for people"},
    {"help", &TicSession::help, "", "this"},
    {"quit", &TicSession::quit, "[reason]", "goodbye"},
    {"exit", &TicSession::quit, "", ""},
};

TicSession::TicSession(TicHost& host, TicShared& shared, const LinePeer& peer)
    : host_(host), shared_(shared), peer_(peer) {}

LineSession::Reply TicSession::greet() {
  return good("Simplon TIC ready");
}

std::string TicSession::busy() {
  return "500 Too many connections, try again in a minute\n";
}

std::string TicSession::too_long() {
  return fmt::format("400 A line has at most {} characters\n", kMaxLine);
}

std::string TicSession::timed_out() {
  return "400 Connection timed out\n";
}

void TicSession::tls_started() {
  tls_ = true;
}

LineSession::Reply TicSession::take_line(std::string_view line) {
  Reply reply = bad("Unknown command, try \"help\"");
  std::string_view rest = trim(line);
  if (!is_text(rest)) {
    reply = bad("A line is printable text");
  } else {
    for (const Command& command : kCommands) {
      if (!take_words(rest, command.words)) continue;
      reply = (this->*command.run)(rest);
      break;
    }
  }
  if (prompt_ && reply.then == Then::kGoOn) reply.text += "tic> ";
  return reply;
}

LineSession::Reply TicSession::client(std::string_view rest) {
  if (rest.empty()) return bad("Say \"client <name/version system>\"");
  return good("Client Identity accepted");
}

LineSession::Reply TicSession::get_unixtime(std::string_view) {
  return good(std::to_string(host_.unix_time_s()));
}

LineSession::Reply TicSession::starttls(std::string_view) {
  if (tls_) return bad("TLS is on already");
  if (!host_.tls_available()) return bad("TLS not available");
  // Nothing said in the clear counts any more.
  forget_dialog();
  prompt_ = false;
  return say("200", "Go ahead, make your day", Then::kStartTls);
}

LineSession::Reply TicSession::username(std::string_view rest) {
  if (logged_in_) return bad("You are logged in already");
  forget_dialog();
  if (!is_account_name(rest)) return bad("Say \"username <name>\", the name of your account");
  username_ = rest;
  std::optional<std::string> refusal;
  host_.read([&](const Model& model) { refusal = refuse_clear_text(model); });
  if (refusal) {
    forget_dialog();
    return bad(*refusal);
  }
  return good(fmt::format("{} choose your authentication challenge please", username_));
}

LineSession::Reply TicSession::challenge(std::string_view rest) {
  if (logged_in_) return bad("You are logged in already");
  if (username_.empty()) return bad("Say \"username <name>\" first");
  method_ = Method::kNone;
  challenge_.clear();
  if (same_word(rest, "cookie")) return bad("No cookies here, use \"challenge md5\"");
  const Method method = same_word(rest, "md5")     ? Method::kMd5
                        : same_word(rest, "clear") ? Method::kClear
                                                   : Method::kNone;
  if (method == Method::kNone) return bad("Say \"challenge md5\" or \"challenge clear\"");
  std::optional<std::string> refusal;
  host_.read([&](const Model& model) {
    refusal = refuse_clear_text(model);
    if (!refusal) refusal = refuse_method(model, method);
  });
  if (refusal) return bad(*refusal);
  method_ = method;
  challenge_until_ = host_.now() + kChallengeLifetime;
  if (method == Method::kClear) return good("Send your secret: authenticate clear <secret>");
  challenge_ = host_.make_challenge();
  return good(challenge_);
}

LineSession::Reply TicSession::authenticate(std::string_view rest) {
  if (logged_in_) return bad("You are logged in already");
  if (username_.empty()) return bad("Say \"username <name>\" first");
  if (method_ == Method::kNone) return bad("Say \"challenge md5\" first");
  const std::string_view how = take_word(rest);
  const std::string_view expected = method_ == Method::kMd5 ? "md5" : "clear";
  if (!same_word(how, expected) || rest.empty()) {
    return bad(fmt::format("Say \"authenticate {} <response>\", as you asked for that challenge",
                           expected));
  }
  if (method_ == Method::kMd5 && !parse_digest(rest)) {
    return bad("The response to an md5 challenge is 32 hexadecimal digits");
  }
  return check_response(rest);
}

// Unknown and disabled accounts and those without a secret go the same way as a wrong secret.
LineSession::Reply TicSession::check_response(std::string_view response) {
  const auto now = host_.now();
  const Method method = std::exchange(method_, Method::kNone);
  const std::string challenge = std::exchange(challenge_, {});
  if (now >= challenge_until_) return bad("The challenge is too old, ask for another");

  if (const auto wait = shared_.logins.wait(username_, peer_.address, now); wait.count() > 0) {
    log_login("waiting");
    return bad(
        fmt::format("Too many failed logins: wait {} seconds, then try again", wait.count()));
  }

  std::string secret_md5;
  bool may = false;
  std::optional<std::string> refusal;
  uint32_t max_failures = 0;
  bool leaving = false;
  std::string message;
  host_.read([&](const Model& model) {
    refusal = refuse_clear_text(model);
    if (!refusal) refusal = refuse_method(model, method);
    const v1::Pop& pop = model.config().pop();
    max_failures = pop.tic().max_failures();
    leaving = pop.service_state() == v1::DRAINING || pop.service_state() == v1::OUT_OF_SERVICE;
    message = pop.service_message();
    if (const v1::Account* account = model.find_account(username_)) {
      secret_md5 = account->secret_md5();
      may = account->state() != v1::Account::DISABLED && !secret_md5.empty();
    }
  });
  if (refusal) return bad(*refusal);

  // Something to compare with in any case, so that it takes as long.
  if (!may) secret_md5 = host_.make_challenge();
  const std::optional<Md5Digest> secret = parse_digest(secret_md5);
  std::optional<Md5Digest> given;
  std::optional<Md5Digest> wanted;
  if (method == Method::kMd5) {
    given = parse_digest(response);
    if (secret) wanted = md5(challenge, hex(*secret));
  } else {
    given = md5(response);
    wanted = secret;
  }
  const bool right = given && wanted && equal_in_constant_time(*given, *wanted);
  if (!right || !may) {
    const auto wait = shared_.logins.failed(username_, peer_.address, max_failures, now);
    log_login("failed");
    std::string text = "Login failed: no such account, or not its secret";
    if (wait.count() > 0) {
      text += fmt::format("; wait {} seconds before you try again", wait.count());
    }
    return bad(text);
  }
  shared_.logins.succeeded(username_, peer_.address);
  logged_in_ = true;
  log_login("ok");
  std::string text = "Successfully logged in";
  if (leaving) {
    text += ", but this PoP is out of service";
    if (!message.empty()) text += ": " + message;
  }
  return good(text);
}

std::optional<std::string> TicSession::refuse_clear_text(const Model& model) const {
  if (tls_) return std::nullopt;
  v1::TicPolicy::ClearText policy = model.config().pop().tic().clear_text();
  const v1::Account* account = model.find_account(username_);
  if (account != nullptr && account->clear_text() != v1::TicPolicy::CLEAR_TEXT_UNSPECIFIED) {
    policy = account->clear_text();
  }
  if (policy != v1::TicPolicy::CLEAR_TEXT_REFUSED) return std::nullopt;
  if (!host_.tls_available()) {
    return "TLS is required here, but this server has no certificate: tell your provider";
  }
  return "TLS is required here: say \"starttls\" first, or set \"requiretls true\" in your client";
}

std::optional<std::string> TicSession::refuse_method(const Model& model, Method method) const {
  const v1::TicPolicy& tic = model.config().pop().tic();
  v1::TicPolicy::Challenge policy = tic.md5_challenge();
  if (method == Method::kClear) {
    policy = tic.clear_challenge() == v1::TicPolicy::CHALLENGE_UNSPECIFIED
                 ? v1::TicPolicy::CHALLENGE_WITH_TLS
                 : tic.clear_challenge();
  }
  const std::string_view name = method == Method::kClear ? "clear" : "md5";
  const std::string_view other = method == Method::kClear ? "md5" : "clear";
  if (policy == v1::TicPolicy::CHALLENGE_REFUSED) {
    return fmt::format("This challenge is not allowed here, try \"challenge {}\"", other);
  }
  if (policy == v1::TicPolicy::CHALLENGE_WITH_TLS && !tls_) {
    return fmt::format("\"challenge {}\" needs TLS: say \"starttls\" first", name);
  }
  return std::nullopt;
}

void TicSession::log_login(std::string_view result) const {
  const auto unlogged = shared_.may_log(host_.now());
  if (!unlogged) return;
  spdlog::info("event=tic-login account={} peer={} tls={} result={} unlogged={}", username_,
               to_outer_text(peer_.address), tls_ ? "yes" : "no", result, *unlogged);
}

void TicSession::forget_dialog() {
  username_.clear();
  method_ = Method::kNone;
  challenge_.clear();
  logged_in_ = false;
}

// ---- Tunnels

bool TicSession::still_logged_in(const Model& model) {
  if (!logged_in_) return false;
  const v1::Account* account = model.find_account(username_);
  if (account == nullptr || account->state() == v1::Account::DISABLED) forget_dialog();
  return logged_in_;
}

const v1::Tunnel* TicSession::own_tunnel(const Model& model, uint32_t id) const {
  const v1::Tunnel* tunnel = model.find(id);
  return tunnel != nullptr && tunnel->account() == username_ ? tunnel : nullptr;
}

LineSession::Reply TicSession::tunnel_list(std::string_view) {
  Reply reply = bad(kLogInFirst);
  host_.read([&](const Model& model) {
    if (!still_logged_in(model)) return;
    std::string lines;
    std::size_t listed = 0;
    for (const uint32_t id : model.tunnels_of(username_)) {
      const v1::Tunnel* tunnel = model.find(id);
      if (tunnel == nullptr || !is_offered_over_tic(*tunnel)) continue;
      if (listed == kMaxListed) break;
      lines += tic_list_line(model, *tunnel);
      ++listed;
    }
    reply = list("Listing tunnels", lines, fmt::format("{} tunnels", listed));
  });
  return reply;
}

LineSession::Reply TicSession::tunnel_show(std::string_view rest) {
  const bool connected = host_.dataplane_connected();
  Reply reply = bad(kLogInFirst);
  host_.read([&](const Model& model) {
    if (!still_logged_in(model)) return;
    const auto id = parse_id(rest);
    if (!id) {
      reply = bad("Say \"tunnel show <id>\", as T123");
      return;
    }
    const v1::Tunnel* tunnel = own_tunnel(model, *id);
    if (tunnel == nullptr) {
      reply = bad(kNoSuchTunnel);
    } else if (!is_offered_over_tic(*tunnel)) {
      reply =
          bad("This tunnel is GRE or in IPv6, which TIC has no words for: ask your provider "
              "for its settings");
    } else if (const auto down = tic_out_of_service(model, connected)) {
      reply = say("500", *down);
    } else {
      reply = list(fmt::format("Showing tunnel information for T{}", *id),
                   tic_tunnel_fields(model, *tunnel), "Done");
    }
  });
  return reply;
}

LineSession::Reply TicSession::tunnel_set(std::string_view rest) {
  const std::string_view id_word = take_word(rest);
  const std::string_view what = take_word(rest);
  const auto id = parse_id(id_word);
  std::optional<Reply> refusal = bad(kLogInFirst);
  host_.read([&](const Model& model) {
    if (!still_logged_in(model)) return;
    if (!id || rest.empty()) {
      refusal = bad("Say \"tunnel set <id> endpoint <ipv4>\" or \"... endpoint current\"");
    } else if (own_tunnel(model, *id) == nullptr) {
      refusal = bad(kNoSuchTunnel);
    } else if (same_word(what, "state")) {
      // There is one state, and it is the operator's as well: what he has disabled stays so.
      refusal = bad("The state of a tunnel is not set here: ask your provider");
    } else if (!same_word(what, "endpoint")) {
      refusal = bad("Of a tunnel only the endpoint can be set");
    } else {
      refusal.reset();
    }
  });
  if (refusal) return *refusal;
  return set_endpoint(*id, rest);
}

LineSession::Reply TicSession::set_endpoint(uint32_t id, std::string_view address) {
  std::optional<Ipv4Address> remote;
  if (!same_word(address, "current")) {
    remote = Ipv4Address::parse(address);
    if (!remote) return bad("An endpoint is an IPv4 address, or the word \"current\"");
  } else if (peer_.address.is_ipv4_mapped()) {
    remote = peer_.address.ipv4();
  } else {
    return bad("You come from an IPv6 address: give the IPv4 address of your end");
  }
  std::optional<Reply> reply;
  uint32_t limit = 0;
  host_.read([&](const Model& model) {
    const v1::Tunnel* tunnel = own_tunnel(model, id);
    const v1::Pop& pop = model.config().pop();
    limit = pop.endpoint_update().max_changes();
    if (tunnel == nullptr) {
      reply = bad(kNoSuchTunnel);
    } else if (tunnel->type() != v1::Tunnel::PROTO41) {
      reply =
          bad("Only the endpoint of a static 6in4 tunnel is set; others tell theirs themselves");
    } else if (pop.service_state() == v1::OUT_OF_SERVICE) {
      reply = say("500", *tic_out_of_service(model, true));
    } else if (tunnel->remote() == remote->to_string()) {
      reply = good(fmt::format("The endpoint of T{} is {} already", id, remote->to_string()));
    }
  });
  if (reply) return *reply;
  if (!shared_.may_change_endpoint(id, limit, host_.now())) {
    return bad("The endpoint was changed too often, wait ten minutes");
  }
  const absl::Status status = host_.set_remote(username_, id, *remote);
  if (absl::IsInvalidArgument(status)) {
    return bad(fmt::format("{} cannot be the endpoint of a tunnel", remote->to_string()));
  }
  if (absl::IsFailedPrecondition(status)) return bad(kNoSuchTunnel);
  if (!status.ok()) return say("500", "The change cannot be made now, try again later");
  return good(fmt::format("The endpoint of T{} is {}", id, remote->to_string()));
}

LineSession::Reply TicSession::tunnel_key(std::string_view) {
  return bad("There are no public keys here");
}

// ---- PoPs and the rest

LineSession::Reply TicSession::pop_list(std::string_view) {
  std::string names;
  host_.read([&](const Model& model) { names = tic_pop_names(model); });
  return list("Listing PoPs", names, "Done");
}

LineSession::Reply TicSession::pop_show(std::string_view rest) {
  std::optional<std::string> fields;
  host_.read([&](const Model& model) { fields = tic_pop_fields(model, rest); });
  if (!fields) return bad("No such PoP, try \"pop list\"");
  return list(fmt::format("Showing PoP information for {}", rest), *fields, "Done");
}

LineSession::Reply TicSession::routes(std::string_view) {
  return bad("Routes are not implemented");
}

LineSession::Reply TicSession::set_prompt(std::string_view rest) {
  const bool enabled = same_word(rest, "enabled");
  if (!enabled && !same_word(rest, "disabled")) {
    return bad("Say \"set prompt enabled\" or \"set prompt disabled\"");
  }
  prompt_ = enabled;
  return good(enabled ? "Prompt enabled" : "Prompt disabled");
}

LineSession::Reply TicSession::help(std::string_view) {
  std::string lines;
  for (const Command& command : kCommands) {
    if (command.about.empty()) continue;
    lines += command.words;
    if (!command.arguments.empty()) lines += fmt::format(" {}", command.arguments);
    lines += fmt::format(" - {}\n", command.about);
  }
  return list("Commands", lines, "Done");
}

LineSession::Reply TicSession::quit(std::string_view) {
  return say("200", "Bye", Then::kClose);
}

}  // namespace simplon::control
