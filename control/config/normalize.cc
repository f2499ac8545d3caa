// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/normalize.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "dataplane/net/address.h"

namespace simplon::control {
namespace {

constexpr auto kNothing = [] {};

// Rewrites the text as what it parses to, if it parses. `before`: called first if that changes it.
template <typename T, typename Before = decltype(kNothing)>
void respell(std::string& text, const Before& before = kNothing) {
  const auto value = T::parse(text);
  if (!value) return;
  std::string spelled = value->to_string();
  if (spelled == text) return;
  before();
  text = std::move(spelled);
}

template <typename Before = decltype(kNothing)>
void respell_outer(std::string& text, const Before& before = kNothing) {
  const auto address = parse_outer_address(text);
  if (!address) return;
  std::string spelled = to_outer_text(*address);
  if (spelled == text) return;
  before();
  text = std::move(spelled);
}

// For a field that may be left out: asking for it mutably would allocate it.
#define SIMPLON_RESPELL(Type, message, field) \
  if (!(message).field().empty()) respell<Type>(*(message).mutable_##field())

// Orders texts by the value they stand for; what does not parse comes first, as text.
template <typename T>
auto sort_key(const std::string& text) {
  const auto value = T::parse(text);
  const auto bytes = value ? value->address.bytes : decltype(value->address.bytes){};
  return std::tuple(value.has_value(), bytes, value ? value->length : uint8_t{0}, text);
}

// `before`: called first if that changes the order.
template <typename Message, typename Key, typename Before = decltype(kNothing)>
void sort_by(google::protobuf::RepeatedPtrField<Message>& list, const Key& key,
             const Before& before = kNothing) {
  if (list.size() < 2) return;
  using KeyType = decltype(key(list[0]));
  std::vector<std::pair<KeyType, Message*>> order;
  order.reserve(static_cast<std::size_t>(list.size()));
  for (Message& message : list) order.emplace_back(key(message), &message);
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (std::is_sorted(order.begin(), order.end(), by_key)) return;
  before();
  std::stable_sort(order.begin(), order.end(), by_key);
  google::protobuf::RepeatedPtrField<Message> sorted;
  sorted.Reserve(list.size());
  for (auto& [unused, message] : order) sorted.Add(std::move(*message));
  list.Swap(&sorted);
}

bool is_empty(const google::protobuf::MessageLite& message) {
  return message.ByteSizeLong() == 0;
}

// What only a later release understands was never checked: it must not be stored, to come into
// force with the next upgrade. For messages without others inside; asking comes before doing
// because that allocates.
void forget_unknown(google::protobuf::Message& message) {
  if (message.GetReflection()->GetUnknownFields(message).empty()) return;
  message.DiscardUnknownFields();
}

}  // namespace

uint32_t default_unit_length(const v1::Pool& pool) {
  if (Ipv4Prefix::parse(pool.prefix())) return 32;
  return pool.kind() == v1::Pool::DELEGATED ? 0 : 64;
}

void fill_in(v1::Pop& pop) {
  if (pop.service_state() == v1::SERVICE_STATE_UNSPECIFIED) pop.set_service_state(v1::IN_SERVICE);
  v1::TicPolicy& tic = *pop.mutable_tic();
  if (tic.clear_text() == v1::TicPolicy::CLEAR_TEXT_UNSPECIFIED) {
    tic.set_clear_text(v1::TicPolicy::CLEAR_TEXT_ALLOWED);
  }
  if (tic.clear_challenge() == v1::TicPolicy::CHALLENGE_UNSPECIFIED) {
    tic.set_clear_challenge(v1::TicPolicy::CHALLENGE_WITH_TLS);
  }
  if (tic.md5_challenge() == v1::TicPolicy::CHALLENGE_UNSPECIFIED) {
    tic.set_md5_challenge(v1::TicPolicy::CHALLENGE_ALLOWED);
  }
}

void fill_in(v1::Tunnel& tunnel) {
  if (tunnel.type() == v1::Tunnel::DYNAMIC_ENDPOINT &&
      tunnel.tic_type() == v1::Tunnel::TIC_TYPE_UNSPECIFIED) {
    tunnel.set_tic_type(v1::Tunnel::TIC_AYIYA);
  }
}

void normalize(v1::Pop& pop) {
  pop.DiscardUnknownFields();
  for (v1::Interface& interface : *pop.mutable_interfaces()) {
    SIMPLON_RESPELL(Ipv4Prefix, interface, ipv4_address);
    SIMPLON_RESPELL(Ipv6Prefix, interface, ipv6_address);
    SIMPLON_RESPELL(Ipv4Address, interface, ipv4_gateway);
    SIMPLON_RESPELL(Ipv6Address, interface, ipv6_gateway);
  }
  for (std::string& address : *pop.mutable_ipv4_addresses()) respell<Ipv4Address>(address);
  for (std::string& address : *pop.mutable_ipv6_addresses()) respell<Ipv6Address>(address);
  for (std::string& address : *pop.mutable_other_pop_addresses()) respell_outer(address);
  SIMPLON_RESPELL(Ipv6Address, pop, ipv6_address);
  for (v1::PeerPop& peer : *pop.mutable_peer_pops()) {
    SIMPLON_RESPELL(Ipv4Address, peer, ipv4_address);
    SIMPLON_RESPELL(Ipv6Address, peer, ipv6_address);
    if (is_empty(peer.details())) peer.clear_details();
  }
  sort_by(*pop.mutable_peer_pops(), [](const v1::PeerPop& peer) { return peer.number(); });
  if (is_empty(pop.details())) pop.clear_details();
  if (is_empty(pop.endpoint_update())) pop.clear_endpoint_update();
  if (is_empty(pop.console())) {
    pop.clear_console();
  } else {
    for (std::string& address : *pop.mutable_console()->mutable_allowed_addresses()) {
      respell_outer(address);
    }
  }
  fill_in(pop);
}

void normalize(v1::Pool& pool) {
  forget_unknown(pool);
  SIMPLON_RESPELL(Ipv6Prefix, pool, prefix);
  SIMPLON_RESPELL(Ipv4Prefix, pool, prefix);
  if (pool.unit_length() == 0) pool.set_unit_length(default_unit_length(pool));
  pool.clear_etag();
}

namespace {

// `before`: called before the first text is spelled differently or changes its place.
template <typename Before>
void normalize_texts(v1::Tunnel& tunnel, const Before& before) {
  if (!tunnel.remote().empty()) respell_outer(*tunnel.mutable_remote(), before);
  if (!tunnel.local().empty()) respell_outer(*tunnel.mutable_local(), before);
  for (std::string& prefix : *tunnel.mutable_delegated_prefixes()) {
    respell<Ipv6Prefix>(prefix, before);
  }
  sort_by(*tunnel.mutable_delegated_prefixes(), sort_key<Ipv6Prefix>, before);
  for (std::string& prefix : *tunnel.mutable_ipv4_prefixes()) respell<Ipv4Prefix>(prefix, before);
  sort_by(*tunnel.mutable_ipv4_prefixes(), sort_key<Ipv4Prefix>, before);
}

void normalize_choices(v1::Tunnel& tunnel) {
  forget_unknown(tunnel);
  if (tunnel.admin_state() == v1::Tunnel::ADMIN_STATE_UNSPECIFIED) {
    tunnel.set_admin_state(v1::Tunnel::ENABLED);
  }
  if (tunnel.mtu_mode() == v1::Tunnel::MTU_MODE_UNSPECIFIED) {
    tunnel.set_mtu_mode(v1::Tunnel::DYNAMIC);
  }
  if (tunnel.ecn_mode() == v1::Tunnel::ECN_MODE_UNSPECIFIED) {
    tunnel.set_ecn_mode(v1::Tunnel::COMPATIBILITY);
  }
  if (tunnel.dscp_mode() == v1::Tunnel::DSCP_MODE_UNSPECIFIED) {
    tunnel.set_dscp_mode(v1::Tunnel::PIPE);
  }
  // What a static tunnel does not have must not stand in the way when its type changes.
  if (is_dynamic_type(tunnel.type())) {
    if (tunnel.replay_mode() == v1::Tunnel::REPLAY_MODE_UNSPECIFIED) {
      tunnel.set_replay_mode(v1::Tunnel::ENDPOINT);
    }
  } else if (tunnel.replay_mode() == v1::Tunnel::ENDPOINT) {
    tunnel.clear_replay_mode();
  }
  if (tunnel.type() != v1::Tunnel::DYNAMIC_ENDPOINT && tunnel.tic_type() == v1::Tunnel::TIC_AYIYA) {
    tunnel.clear_tic_type();
  }
  fill_in(tunnel);
  tunnel.clear_etag();
  tunnel.clear_name();
  tunnel.clear_link_prefix();
  tunnel.clear_routed_prefix();
  tunnel.clear_routed_ipv4_prefix();
  tunnel.clear_has_password();
  tunnel.clear_has_previous_password();
  tunnel.clear_has_update_key();
}

}  // namespace

void normalize(v1::Tunnel& tunnel) {
  normalize_texts(tunnel, kNothing);
  normalize_choices(tunnel);
}

std::unique_ptr<v1::Tunnel> normalize_and_keep(v1::Tunnel& tunnel) {
  std::unique_ptr<v1::Tunnel> given;
  normalize_texts(tunnel, [&] {
    if (given == nullptr) given = std::make_unique<v1::Tunnel>(tunnel);
  });
  normalize_choices(tunnel);
  return given;
}

void normalize(v1::Account& account) {
  forget_unknown(account);
  if (account.state() == v1::Account::STATE_UNSPECIFIED) account.set_state(v1::Account::ENABLED);
  const std::string& secret = account.secret();
  if (!secret.empty() && account.secret_md5().empty() &&
      fault_of_account_secret(secret) == nullptr) {
    account.set_secret_md5(md5_hex(secret));
    account.clear_secret();
  }
  if (!account.secret_md5().empty()) {
    for (char& c : *account.mutable_secret_md5()) {
      if (c >= 'A' && c <= 'F') c = char(c - 'A' + 'a');
    }
  }
  account.clear_etag();
  account.clear_has_secret();
  account.clear_tunnels();
}

void normalize(v1::Config& config) {
  if (!is_empty(*config.mutable_pop())) normalize(*config.mutable_pop());
  for (v1::Pool& pool : *config.mutable_pools()) normalize(pool);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) normalize(tunnel);
  for (v1::Account& account : *config.mutable_accounts()) normalize(account);
  sort_by(*config.mutable_pools(), [](const v1::Pool& pool) {
    return std::tuple(sort_key<Ipv6Prefix>(pool.prefix()), sort_key<Ipv4Prefix>(pool.prefix()),
                      pool.name());
  });
  sort_by(*config.mutable_accounts(), [](const v1::Account& account) { return account.name(); });
  sort_by(*config.mutable_tunnels(), [](const v1::Tunnel& tunnel) { return tunnel.id(); });
}

}  // namespace simplon::control
