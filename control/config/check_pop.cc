// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/check_pop.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <string>

#include "control/config/names.h"
#include "control/config/outer_address.h"

namespace simplon::control {
namespace {

constexpr std::size_t kMaxDetail = 100;
constexpr std::size_t kMaxMessage = 200;
constexpr uint32_t kMaxPopNumber = 63;
constexpr int kMaxPeers = 64;
constexpr int kMaxConsoleAddresses = 64;

// One line for people and for old clients.
void check_line(const std::string& field, const std::string& text, std::size_t longest,
                Violations& violations) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (text.size() > longest) {
    violations.add(field, reason::kTooLong, "at most " + std::to_string(longest) + " characters");
  } else if (!std::all_of(text.begin(), text.end(), printable)) {
    violations.add(field, reason::kBadText, "only printable ASCII");
  }
}

void check_details(const std::string& at, const v1::PopDetails& details, Violations& violations) {
  const auto check = [&](const char* field, const std::string& text) {
    check_line(at + field, text, kMaxDetail, violations);
  };
  check("city", details.city());
  check("isp_short_name", details.isp_short_name());
  check("isp_name", details.isp_name());
  check("isp_website", details.isp_website());
  check("isp_lir", details.isp_lir());
  check("info_url", details.info_url());
  const std::string& country = details.country();
  const auto letter = [](char c) { return is_letter_or_digit(c) && (c < '0' || c > '9'); };
  if (!country.empty() &&
      (country.size() != 2 || !std::all_of(country.begin(), country.end(), letter))) {
    violations.add(at + "country", reason::kBadName,
                   "must be the two letters of ISO 3166-1, as nl");
  }
}

void check_number(const std::string& field, uint32_t number, Violations& violations) {
  if (number > kMaxPopNumber) violations.add(field, reason::kOutOfRange, "must be 0..63");
}

template <typename Address>
void check_peer_address(const std::string& field, const std::string& text, const char* family,
                        Violations& violations) {
  if (text.empty()) return;
  const auto address = Address::parse(text);
  if (!address) {
    violations.add(field, reason::kBadAddress, "'" + text + "' is not an " + family + " address");
  } else if (!is_usable_unicast(*address)) {
    violations.add(field, reason::kAddressNotUsable, text + " is no address a host can have");
  }
}

void check_peers(const v1::Pop& pop, Violations& violations) {
  if (pop.peer_pops_size() > kMaxPeers) {
    violations.add("peer_pops", reason::kTooMany, "at most 64 PoPs");
    return;
  }
  std::set<std::string_view> names;
  std::bitset<kMaxPopNumber + 1> numbers;
  for (int i = 0; i < pop.peer_pops_size(); ++i) {
    const v1::PeerPop& peer = pop.peer_pops(i);
    const std::string at = "peer_pops[" + std::to_string(i) + "].";
    check_number(at + "number", peer.number(), violations);
    if (peer.number() == pop.number()) {
      violations.add(at + "number", reason::kDuplicate, "is this PoP's own, pop.number");
    } else if (peer.number() <= kMaxPopNumber) {
      if (numbers.test(peer.number())) {
        violations.add(at + "number", reason::kDuplicate, "is another peer's");
      }
      numbers.set(peer.number());
    }
    if (peer.name().empty()) {
      violations.add(at + "name", reason::kRequired, "a PoP needs a name");
    } else {
      check_pop_name(at + "name", peer.name(), violations);
      if (peer.name() == pop.name()) {
        violations.add(at + "name", reason::kDuplicate, "is this PoP's own, pop.name");
      } else if (!names.insert(peer.name()).second) {
        violations.add(at + "name", reason::kDuplicate, "is another peer's");
      }
    }
    check_peer_address<Ipv4Address>(at + "ipv4_address", peer.ipv4_address(), "IPv4", violations);
    check_peer_address<Ipv6Address>(at + "ipv6_address", peer.ipv6_address(), "IPv6", violations);
    check_details(at + "details.", peer.details(), violations);
  }
}

void check_tic(const v1::TicPolicy& tic, Violations& violations) {
  if (!v1::TicPolicy::ClearText_IsValid(tic.clear_text())) {
    violations.add("tic.clear_text", reason::kUnknownValue,
                   "must be CLEAR_TEXT_ALLOWED or CLEAR_TEXT_REFUSED");
  }
  constexpr const char* kChallenges =
      "must be CHALLENGE_ALLOWED, CHALLENGE_WITH_TLS or CHALLENGE_REFUSED";
  if (!v1::TicPolicy::Challenge_IsValid(tic.clear_challenge())) {
    violations.add("tic.clear_challenge", reason::kUnknownValue, kChallenges);
  }
  if (!v1::TicPolicy::Challenge_IsValid(tic.md5_challenge())) {
    violations.add("tic.md5_challenge", reason::kUnknownValue, kChallenges);
  }
}

void check_console(const v1::ConsolePolicy& console, Violations& violations) {
  if (console.allowed_addresses_size() > kMaxConsoleAddresses) {
    violations.add("console.allowed_addresses", reason::kTooMany, "at most 64 addresses");
    return;
  }
  std::set<Ipv6Address> known;
  for (int i = 0; i < console.allowed_addresses_size(); ++i) {
    const std::string& text = console.allowed_addresses(i);
    const std::string field = "console.allowed_addresses[" + std::to_string(i) + "]";
    const auto address = parse_outer_address(text);
    if (!address) {
      violations.add(field, reason::kBadAddress,
                     "'" + text + "' is neither an IPv4 nor an IPv6 address");
    } else if (!known.insert(*address).second) {
      violations.add(field, reason::kDuplicate, text + " is given twice");
    }
  }
}

}  // namespace

void check_pop_policy(const v1::Pop& pop, Violations& violations) {
  check_details("details.", pop.details(), violations);
  check_number("number", pop.number(), violations);
  check_peers(pop, violations);
  if (!v1::ServiceState_IsValid(pop.service_state())) {
    violations.add("service_state", reason::kUnknownValue,
                   "must be IN_SERVICE, DRAINING or OUT_OF_SERVICE");
  }
  check_line("service_message", pop.service_message(), kMaxMessage, violations);
  check_tic(pop.tic(), violations);
  check_console(pop.console(), violations);
}

}  // namespace simplon::control
