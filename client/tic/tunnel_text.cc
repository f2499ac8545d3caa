// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tic/tunnel_text.h"

#include <algorithm>
#include <map>
#include <optional>

#include "client/text/words.h"

namespace simplon::client {

namespace {

constexpr std::size_t kMaximumWord = 128;
constexpr std::size_t kMaximumPassword = 132;  // what a PoP takes

using Fields = std::map<std::string_view, std::string_view>;

absl::Status error(std::string_view field, const std::string& reason) {
  return absl::InvalidArgumentError("the broker's answer: " + std::string(field) + " " + reason);
}

std::string in_quotes(std::string_view text) {
  return "'" + printable(text, 60) + "'";
}

bool is_possible_inside(const Ipv6Address& address) {
  return !address.is_multicast() && !address.is_link_local() && !address.is_ipv4_compatible() &&
         !address.is_ipv4_mapped();
}

bool is_possible_outside(Ipv4Address address) {
  return !address.is_this_network() && !address.is_loopback() && !address.is_multicast() &&
         !address.is_reserved();
}

// Reads the fields into one tunnel; the first error stays.
class TunnelReader {
 public:
  explicit TunnelReader(const Fields& fields) : fields_(fields) {}

  absl::StatusOr<TunnelInfo> read() {
    tunnel_.id = word("TunnelId");
    read_type();
    tunnel_.client = address("IPv6 Endpoint");
    tunnel_.pop = address("IPv6 POP");
    read_prefix_length();
    tunnel_.pop_id = printable(optional("POP Id"), kMaximumWord);
    read_endpoint();
    tunnel_.pop_ipv4 = word("IPv4 POP");
    read_pop_ipv4();
    tunnel_.user_enabled = optional("UserState") == "enabled";
    tunnel_.admin_enabled = optional("AdminState") == "enabled";
    read_password();
    tunnel_.heartbeat_interval_s =
        number("Heartbeat_Interval", kUsualInterval, kShortestInterval, kLongestInterval);
    tunnel_.mtu = number("Tunnel MTU", kSmallestMtu, kSmallestMtu, kLargestMtu);
    if (tunnel_.client == tunnel_.pop) fail("IPv6 POP", "is the same as IPv6 Endpoint");
    if (!status_.ok()) return status_;
    return tunnel_;
  }

 private:
  void fail(std::string_view field, const std::string& reason) {
    if (status_.ok()) status_ = error(field, reason);
  }

  std::string_view optional(std::string_view field) const {
    const auto found = fields_.find(field);
    return found == fields_.end() ? std::string_view() : found->second;
  }

  std::string_view required(std::string_view field) {
    const std::string_view value = optional(field);
    if (value.empty()) fail(field, "is missing");
    return value;
  }

  std::string word(std::string_view field) {
    const std::string_view value = required(field);
    if (!value.empty() && !is_word(value, kMaximumWord)) {
      fail(field, "is not one word: " + in_quotes(value));
      return {};
    }
    return std::string(value);
  }

  Ipv6Address address(std::string_view field) {
    const std::string_view value = required(field);
    const auto parsed = Ipv6Address::parse(value);
    if (!value.empty() && (!parsed || !is_possible_inside(*parsed))) {
      fail(field, "is no address a tunnel can have: " + in_quotes(value));
    }
    return parsed.value_or(Ipv6Address{});
  }

  // A server that names a silly number, or none, gets what is nearest to it.
  uint32_t number(std::string_view field, uint32_t missing, uint32_t least, uint32_t most) const {
    const std::string_view value = optional(field);
    if (value.empty()) return missing;
    const auto parsed = parse_number(value, UINT64_MAX);
    if (parsed) return static_cast<uint32_t>(std::clamp<uint64_t>(*parsed, least, most));
    const bool huge = value.find_first_not_of("0123456789") == std::string_view::npos;
    return huge ? most : missing;
  }

  void read_type() {
    const std::string_view value = required("Type");
    if (value == "6in4-static") {
      tunnel_.type = TunnelType::kStatic;
    } else if (value == "6in4-heartbeat") {
      tunnel_.type = TunnelType::kHeartbeat;
    } else if (value == "ayiya") {
      tunnel_.type = TunnelType::kAyiya;
    } else {
      fail("Type", "is " + in_quotes(value) +
                       "; this program knows 6in4-static, 6in4-heartbeat and ayiya: ask your "
                       "broker for one of these");
    }
  }

  void read_prefix_length() {
    const std::string_view value = optional("IPv6 PrefixLength");
    if (value.empty()) return;
    const auto length = parse_number(value, 127);
    if (!length || *length < 48) {
      fail("IPv6 PrefixLength", "is " + in_quotes(value) + ", not 48 to 127");
      return;
    }
    tunnel_.prefix_length = static_cast<uint8_t>(*length);
  }

  void read_endpoint() {
    if (tunnel_.type != TunnelType::kStatic) return;  // a word
    const std::string_view value = required("IPv4 Endpoint");
    tunnel_.client_ipv4 = Ipv4Address::parse(value);
    if (!value.empty() && (!tunnel_.client_ipv4 || !is_possible_outside(*tunnel_.client_ipv4))) {
      fail("IPv4 Endpoint", "of a static tunnel is no address of a host: " + in_quotes(value));
    }
  }

  void read_pop_ipv4() {
    const auto parsed = Ipv4Address::parse(tunnel_.pop_ipv4);
    if (parsed && !is_possible_outside(*parsed)) {
      fail("IPv4 POP", "is no address of a host: " + in_quotes(tunnel_.pop_ipv4));
    }
    if (!parsed && !tunnel_.pop_ipv4.empty() &&
        (tunnel_.pop_ipv4.front() == '-' ||
         tunnel_.pop_ipv4.find_first_of("/:@[]") != std::string::npos)) {
      fail("IPv4 POP", "is neither an IPv4 address nor a name: " + in_quotes(tunnel_.pop_ipv4));
    }
  }

  void read_password() {
    const std::string_view value = optional("Password");
    if (value.empty()) {
      if (tunnel_.type != TunnelType::kStatic) {
        fail("Password", "is missing, and " + std::string(to_string(tunnel_.type)) +
                             " tunnels need one: ask your broker");
      }
      return;
    }
    if (!is_word(value, kMaximumPassword)) {
      fail("Password", "is not one word of at most 132 ASCII characters");
      return;
    }
    tunnel_.password = std::string(value);
  }

  const Fields& fields_;
  TunnelInfo tunnel_;
  absl::Status status_;
};

}  // namespace

std::string_view to_string(TunnelType type) {
  switch (type) {
    case TunnelType::kStatic:
      return "6in4-static";
    case TunnelType::kHeartbeat:
      return "6in4-heartbeat";
    case TunnelType::kAyiya:
      break;
  }
  return "ayiya";
}

absl::StatusOr<ListedTunnel> parse_listed_tunnel(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() != 4 ||
      !std::all_of(words.begin(), words.end(), [](auto w) { return is_word(w, kMaximumWord); })) {
    return absl::InvalidArgumentError(
        "the broker's list of tunnels: a line is not 'ID IPV6 IPV4 POP': " + in_quotes(line));
  }
  return ListedTunnel{std::string(words[0]), std::string(words[1]), std::string(words[2]),
                      std::string(words[3])};
}

absl::StatusOr<TunnelInfo> parse_tunnel(std::span<const std::string> lines) {
  Fields fields;
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string_view text = line;
    fields.emplace(text.substr(0, colon), trim(text.substr(colon + 2)));
  }
  return TunnelReader(fields).read();
}

}  // namespace simplon::client
