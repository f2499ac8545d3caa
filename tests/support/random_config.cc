// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/support/random_config.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "control/config/normalize.h"
#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "dataplane/net/address.h"

namespace simplon::testing {
namespace {

std::string prefix_text(uint64_t hi, unsigned length) {
  const uint64_t mask = prefix_mask64(length);
  return Ipv6Prefix{Ipv6Address::from_halves(hi & mask, 0), static_cast<uint8_t>(length)}
      .to_string();
}

std::string ipv4_text(uint32_t value) {
  return Ipv4Address::from_value(value).to_string();
}

std::string random_text(Random& random, uint64_t longest, char first, char last) {
  std::string text;
  for (uint64_t i = pick(random, 0, longest); i > 0; --i) {
    text +=
        static_cast<char>(pick(random, static_cast<unsigned>(first), static_cast<unsigned>(last)));
  }
  return text;
}

void set_details(v1::PopDetails& details, Random& random) {
  details.set_city(random_text(random, 100, ' ', '~'));
  details.set_country(pick(random, 0, 1) != 0 ? "nl" : "");
  details.set_isp_name(random_text(random, 20, ' ', '~'));
  details.set_isp_asn(static_cast<uint32_t>(pick(random, 0, 0xffffffff)));
  details.set_info_url(random_text(random, 40, '!', '~'));
}

// What no packet meets.
void set_policy(v1::Pop& pop, Random& random) {
  pop.set_number(static_cast<uint32_t>(pick(random, 0, 63)));
  if (pick(random, 0, 1) != 0) set_details(*pop.mutable_details(), random);
  for (uint32_t i = static_cast<uint32_t>(pick(random, 0, 5)); i > 0; --i) {
    v1::PeerPop& peer = *pop.add_peer_pops();
    peer.set_number((pop.number() + i) % 64);
    peer.set_name("peer-" + std::to_string(i));
    if (pick(random, 0, 1) != 0) peer.set_ipv4_address("198.51.100." + std::to_string(200 + i));
    if (pick(random, 0, 1) != 0) peer.set_ipv6_address("2001:DB9:0::" + std::to_string(i));
    if (pick(random, 0, 1) != 0) set_details(*peer.mutable_details(), random);
  }
  pop.set_service_state(static_cast<v1::ServiceState>(pick(random, 0, 3)));
  pop.set_service_message(random_text(random, 200, ' ', '~'));
  if (pick(random, 0, 1) != 0) {
    v1::TicPolicy& tic = *pop.mutable_tic();
    tic.set_clear_text(static_cast<v1::TicPolicy::ClearText>(pick(random, 0, 2)));
    tic.set_clear_challenge(static_cast<v1::TicPolicy::Challenge>(pick(random, 0, 3)));
    tic.set_md5_challenge(static_cast<v1::TicPolicy::Challenge>(pick(random, 0, 3)));
    tic.set_max_failures(static_cast<uint32_t>(pick(random, 0, 9)));
  }
  if (pick(random, 0, 1) != 0) {
    pop.mutable_endpoint_update()->set_max_unchanged(static_cast<uint32_t>(pick(random, 0, 99)));
    pop.mutable_endpoint_update()->set_max_changes(static_cast<uint32_t>(pick(random, 0, 99)));
  }
  for (uint64_t i = pick(random, 0, 3); i > 0; --i) {
    pop.mutable_console()->add_allowed_addresses("127.0.0." + std::to_string(i));
    pop.mutable_console()->add_allowed_addresses("2001:DB8::" + std::to_string(i));
  }
}

void set_pop(v1::Config& config, Random& random) {
  v1::Pop& pop = *config.mutable_pop();
  pop.set_name("pop-" + std::to_string(pick(random, 0, 999)));
  const auto interfaces = static_cast<int>(pick(random, 1, 3));
  for (int i = 0; i < interfaces; ++i) {
    v1::Interface& interface = *pop.add_interfaces();
    interface.set_port("port" + std::to_string(i));
    interface.set_vlan(static_cast<uint32_t>(pick(random, 0, 4094)));
    interface.set_mtu(static_cast<uint32_t>(pick(random, 0, 1) * pick(random, 1280, 9000)));
    interface.set_ipv4_address("192.0." + std::to_string(i) + ".1/24");
    interface.set_ipv6_address("2001:db8:" + std::to_string(i) + "::1/64");
    if (i == 0) interface.set_ipv4_gateway("192.0.0.254");
    if (i == interfaces - 1) interface.set_ipv6_gateway("fe80::1");
  }
  for (uint64_t i = pick(random, 0, 4); i > 0; --i) {
    pop.add_ipv4_addresses("198.51.100." + std::to_string(i));
  }
  for (uint64_t i = pick(random, 0, 3); i > 0; --i) {
    pop.add_ipv6_addresses("2001:db9:ff::" + std::to_string(i));
  }
  for (uint64_t i = pick(random, 0, 3); i > 0; --i) {
    pop.add_other_pop_addresses("198.51.101." + std::to_string(i));
    pop.add_other_pop_addresses("2001:db9:fe::" + std::to_string(i));
  }
  pop.set_allow_private_endpoints(pick(random, 0, 1) != 0);
  pop.set_ayiya_udp_checksum(pick(random, 0, 1) != 0);
  if (pick(random, 0, 1) != 0) pop.set_ipv6_address("2001:db8:0:ffff::1");
  pop.set_icmp_errors_per_second(static_cast<uint32_t>(pick(random, 0, 5000)));
  pop.set_icmpv4_protocol_unreachable(pick(random, 0, 1) != 0);
  pop.set_icmpv6_source_policy(pick(random, 0, 1) != 0);
  pop.set_ignore_icmpv4_echo(pick(random, 0, 1) != 0);
  set_policy(pop, random);
}

// Pools that turn out to overlap are simply not kept.
void keep_if_valid(v1::Config& config, const v1::Pool& pool) {
  *config.add_pools() = pool;
  if (!control::validate_settings(config.pop(), config.pools()).empty()) {
    config.mutable_pools()->RemoveLast();
  }
}

void make_ipv4(v1::Pool& pool, uint32_t& next_slot, Random& random) {
  constexpr uint32_t kRanges[] = {0x0a000000, 0x64400000, 0xc6120000};
  const auto unit_length = static_cast<unsigned>(pick(random, 16, 32));
  const auto unit_bits = static_cast<unsigned>(pick(random, 0, 8));
  const unsigned length = std::max(11u, unit_length - unit_bits);
  const auto address =
      static_cast<uint32_t>(kRanges[pick(random, 0, 2)] | pick(random, 0, 0x1ffff));
  pool.set_prefix(Ipv4Prefix{Ipv4Address::from_value(address & prefix_mask32(length)),
                             static_cast<uint8_t>(length)}
                      .to_string());
  if (unit_length != 32 || pick(random, 0, 1) != 0) pool.set_unit_length(unit_length);
  if (pool.kind() == v1::Pool::DELEGATED) return;
  pool.set_first_slot(next_slot + static_cast<uint32_t>(pick(random, 0, 1) * pick(random, 0, 300)));
  next_slot = pool.first_slot() + (1u << (unit_length - length));
}

void add_pools(v1::Config& config, Random& random) {
  constexpr uint64_t kRanges[] = {0x20010db8ull << 32, 0x2a001234ull << 32, 0x3fffull << 48,
                                  0xfd00ull << 48 | 0x1234ull << 32};
  const auto wanted = static_cast<int>(pick(random, 0, 3) == 0 ? 64 : pick(random, 1, 8));
  uint32_t next_link = 0;
  uint32_t next_routed = 0;
  uint32_t next_routed4 = 0;
  for (int tries = 0; tries < 400 && config.pools_size() < wanted; ++tries) {
    v1::Pool pool;
    pool.set_name("p" + std::to_string(tries));
    // A LINK pool first, so that tunnels have a place.
    const uint64_t kind = config.pools_size() == 0 ? 1 : pick(random, 1, 3);
    pool.set_kind(static_cast<v1::Pool::Kind>(kind));
    if (pool.kind() != v1::Pool::LINK && pick(random, 0, 2) == 0) {
      make_ipv4(pool, next_routed4, random);
      keep_if_valid(config, pool);
      continue;
    }
    const uint64_t hi = kRanges[pick(random, 0, 3)] | pick(random, 0, 0xffffffff);
    unsigned unit_length = 64;
    if (pool.kind() == v1::Pool::DELEGATED) {
      unit_length = static_cast<unsigned>(pick(random, 48, 64));
      pool.set_unit_length(unit_length);
    }
    const auto unit_bits = static_cast<unsigned>(pick(random, 0, 9));
    pool.set_prefix(prefix_text(hi, unit_length - unit_bits));
    if (pool.kind() != v1::Pool::DELEGATED) {
      uint32_t& next = pool.kind() == v1::Pool::LINK ? next_link : next_routed;
      pool.set_first_slot(next + static_cast<uint32_t>(pick(random, 0, 1) * pick(random, 0, 300)));
      next = pool.first_slot() + (1u << unit_bits);
    }
    keep_if_valid(config, pool);
  }
}

void add_delegated(v1::Tunnel& tunnel, const control::ConfigContext& context, Random& random) {
  for (uint64_t i = pick(random, 0, 3); i > 0; --i) {
    const auto& pool = context.pools()[pick(random, 0, context.pools().size() - 1)];
    if (pool.record.kind != static_cast<uint32_t>(PoolKind::kDelegated)) continue;
    const uint64_t unit = pick(random, 0, pool.record.unit_count - 1);
    if (is_ipv4_pool(pool.record)) {
      const unsigned whole = 32u - pool.record.shift;
      const unsigned length =
          std::max<unsigned>(8, whole - static_cast<unsigned>(pick(random, 0, 3)));
      const auto address = static_cast<uint32_t>(pool.record.base | unit << pool.record.shift) &
                           prefix_mask32(length);
      tunnel.add_ipv4_prefixes(
          Ipv4Prefix{Ipv4Address::from_value(address), static_cast<uint8_t>(length)}.to_string());
      if (!control::validate_tunnel(tunnel, context).empty()) {
        tunnel.mutable_ipv4_prefixes()->RemoveLast();
      }
      continue;
    }
    const unsigned unit_length = 64u - pool.record.shift;
    const unsigned length =
        std::max<unsigned>(48, unit_length - static_cast<unsigned>(pick(random, 0, 3)));
    tunnel.add_delegated_prefixes(
        prefix_text(pool.record.base | unit << pool.record.shift, length));
    if (!control::validate_tunnel(tunnel, context).empty()) {
      tunnel.mutable_delegated_prefixes()->RemoveLast();
    }
  }
}

std::string random_password(Random& random, uint64_t shortest = 16) {
  std::string text;
  for (uint64_t i = pick(random, shortest, pick(random, 0, 3) == 0 ? 132 : 24); i > 0; --i) {
    text += static_cast<char>(pick(random, 0x21, 0x7e));
  }
  return text;
}

void add_accounts(v1::Config& config, Random& random) {
  constexpr std::string_view kCharacters = "abcXYZ019._@+-";
  for (uint64_t i = pick(random, 0, 9); i > 0; --i) {
    v1::Account& account = *config.add_accounts();
    account.set_name(std::to_string(i));  // no two alike
    for (uint64_t more = pick(random, 0, pick(random, 0, 3) == 0 ? 62 : 6); more > 0; --more) {
      account.mutable_name()->push_back(kCharacters[pick(random, 0, kCharacters.size() - 1)]);
    }
    account.set_state(static_cast<v1::Account::State>(pick(random, 0, 2)));
    account.set_clear_text(static_cast<v1::TicPolicy::ClearText>(pick(random, 0, 2)));
    if (pick(random, 0, 1) != 0) account.set_description("of gr\xc3\xbc\xc3\x9f");
    switch (pick(random, 0, 2)) {
      case 0:
        account.set_secret(random_password(random, 8));
        break;
      case 1:
        account.set_secret_md5(std::string(32, static_cast<char>(pick(random, 'A', 'F'))));
        break;
      default:
        break;
    }
  }
}

// What its owner has to do with.
void set_subscriber(v1::Tunnel& tunnel, const v1::Config& config, Random& random) {
  if (!config.accounts().empty() && pick(random, 0, 1) != 0) {
    const auto last = static_cast<uint64_t>(config.accounts_size() - 1);
    tunnel.set_account(config.accounts(static_cast<int>(pick(random, 0, last))).name());
  }
  if (pick(random, 0, 2) == 0) tunnel.set_update_key(random_password(random));
  if (tunnel.type() == v1::Tunnel::DYNAMIC_ENDPOINT) {
    tunnel.set_tic_type(static_cast<v1::Tunnel::TicType>(pick(random, 0, 2)));
  }
}

// The type, and with it what only it has.
void set_type(v1::Tunnel& tunnel, v1::Tunnel::Type type, const control::ConfigContext& context,
              Random& random) {
  tunnel.set_type(type);
  if (control::is_dynamic_type(type)) {
    tunnel.set_password(random_password(random));
    if (pick(random, 0, 2) == 0) tunnel.set_previous_password(random_password(random));
    tunnel.set_beat_timeout_seconds(
        static_cast<uint32_t>(pick(random, 0, 1) * pick(random, 10, 3600)));
    tunnel.set_replay_mode(static_cast<v1::Tunnel::ReplayMode>(pick(random, 0, 2)));
    return;
  }
  if (type == v1::Tunnel::GRE) {
    if (pick(random, 0, 1) != 0) tunnel.set_gre_key(static_cast<uint32_t>(random()));
    tunnel.set_gre_checksum(pick(random, 0, 1) != 0);
    tunnel.set_gre_sequence(pick(random, 0, 1) != 0);
  }
  if (type == v1::Tunnel::IPV6_TUNNEL) {
    tunnel.set_encapsulation_limit(
        static_cast<uint32_t>(pick(random, 0, 1) * pick(random, 1, 255)));
  }
  const bool ipv6 =
      type == v1::Tunnel::IPV6_TUNNEL || (type == v1::Tunnel::GRE && pick(random, 0, 1) != 0);
  // Few addresses, so that several tunnels share one.
  const std::string last = std::to_string(pick(random, 1, 30));
  tunnel.set_remote(ipv6 ? "2001:db9::" + last : "203.0.113." + last);
  const uint64_t local = pick(random, 0, context.pop().local_address_count);
  if (local == 0) return;
  const auto address = Ipv6Address::from_bytes(context.pop().local_addresses[local - 1]);
  if (address.is_ipv4_mapped() != ipv6) tunnel.set_local(control::to_outer_text(address));
}

v1::Tunnel random_tunnel(uint32_t slot, const control::ConfigContext& context, Random& random) {
  v1::Tunnel tunnel;
  tunnel.set_id(static_cast<uint32_t>(pick(random, 1, 0xffffffff)));
  tunnel.set_slot(slot);
  set_type(tunnel, static_cast<v1::Tunnel::Type>(pick(random, 1, 6)), context, random);
  tunnel.set_admin_state(static_cast<v1::Tunnel::AdminState>(pick(random, 0, 2)));
  tunnel.set_mtu(static_cast<uint32_t>(pick(random, 0, 1) * 1280));
  tunnel.set_mtu_mode(static_cast<v1::Tunnel::MtuMode>(pick(random, 0, 2)));
  tunnel.set_ttl(static_cast<uint32_t>(pick(random, 0, 255)));
  tunnel.set_ecn_mode(static_cast<v1::Tunnel::EcnMode>(pick(random, 0, 2)));
  tunnel.set_dscp_mode(static_cast<v1::Tunnel::DscpMode>(pick(random, 0, 2)));
  tunnel.set_dscp(static_cast<uint32_t>(pick(random, 0, 63)));
  if (pick(random, 0, 2) == 0) {
    tunnel.set_description("say \"hello\" \\ \n gr\xc3\xbc\xc3\x9f" + std::to_string(slot));
  }
  add_delegated(tunnel, context, random);
  return tunnel;
}

}  // namespace

v1::Config random_config(Random& random, unsigned max_tunnels) {
  v1::Config config;
  set_pop(config, random);
  add_pools(config, random);
  add_accounts(config, random);
  control::Violations violations;
  control::ConfigContext context(config.pop(), config.pools(), violations);
  for (uint64_t i = pick(random, 0, max_tunnels); i > 0; --i) {
    const auto& pools = context.pools();
    const auto& pool = pools[pick(random, 0, pools.size() - 1)];
    if (pool.record.kind != static_cast<uint32_t>(PoolKind::kLink)) continue;
    const auto slot =
        pool.record.first + static_cast<uint32_t>(pick(random, 0, pool.record.unit_count - 1));
    if (context.owner_of_slot(slot) != 0 || context.is_reserved(slot)) continue;
    v1::Tunnel tunnel = random_tunnel(slot, context, random);
    set_subscriber(tunnel, config, random);
    control::Violations faults;
    const auto compiled = control::compile_tunnel(tunnel, context, faults);
    if (!compiled) continue;  // an id that occurred before
    context.add(*compiled);
    *config.add_tunnels() = tunnel;
  }
  control::normalize(config);
  const auto faults = control::validate(config);
  if (!faults.empty()) throw std::logic_error(control::format_violation(faults[0]));
  return config;
}

v1::Config uniform_config(uint32_t tunnels, v1::Tunnel::Type type) {
  v1::Config config;
  v1::Interface& uplink = *config.mutable_pop()->add_interfaces();
  uplink.set_port("uplink");
  uplink.set_ipv4_address("192.0.2.1/24");
  uplink.set_ipv4_gateway("192.0.2.254");
  uplink.set_ipv6_address("2001:db8:ffff::1/64");
  uplink.set_ipv6_gateway("2001:db8:ffff::fe");
  const auto add_pool = [&](const char* name, v1::Pool::Kind kind, const char* prefix) {
    v1::Pool& pool = *config.add_pools();
    pool.set_name(name);
    pool.set_kind(kind);
    pool.set_prefix(prefix);
    pool.set_unit_length(kind == v1::Pool::DELEGATED ? 56 : 64);
  };
  add_pool("link", v1::Pool::LINK, "2001:db8:10::/44");
  add_pool("routed", v1::Pool::ROUTED, "2001:db8:20::/44");
  add_pool("subnets", v1::Pool::DELEGATED, "2a00::/36");
  config.mutable_tunnels()->Reserve(static_cast<int>(tunnels));
  for (uint32_t slot = 0; slot < tunnels; ++slot) {
    v1::Tunnel& tunnel = *config.add_tunnels();
    tunnel.set_id(slot + 1);
    tunnel.set_slot(slot);
    tunnel.set_type(type);
    // Spread over 16.0.0.0/4 by an odd factor, which keeps them distinct and out of order.
    const uint32_t spread = slot * 0x9e3779b1u & 0x0fffffff;
    if (control::is_dynamic_type(type)) {
      tunnel.set_password("password-" + std::to_string(0x10000000 + spread));
    } else if (type == v1::Tunnel::IPV6_TUNNEL) {
      tunnel.set_remote(Ipv6Address::from_halves(0x2001'0db9'0000'0000 | spread, 2).to_string());
    } else {
      tunnel.set_remote(ipv4_text(0x10000000 | spread));
    }
    tunnel.add_delegated_prefixes(prefix_text(0x2a00ull << 48 | uint64_t{slot} << 8, 56));
  }
  return config;
}

}  // namespace simplon::testing
