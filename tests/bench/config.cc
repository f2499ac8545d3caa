// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/config.h"

#include <string>

namespace simplon::bench {

namespace {

v1::Tunnel::Type type_of(Kind kind) {
  switch (kind) {
    case Kind::kHeartbeat:
      return v1::Tunnel::HEARTBEAT;
    case Kind::kGre:
      return v1::Tunnel::GRE;
    case Kind::k6in6:
      return v1::Tunnel::IPV6_TUNNEL;
    case Kind::k6in4:
      break;
  }
  return v1::Tunnel::PROTO41;
}

}  // namespace

v1::Config make_config(const Plan& plan) {
  v1::Config config;
  v1::Interface* link = config.mutable_pop()->add_interfaces();
  link->set_port("wan0");
  link->set_ipv4_address("192.0.2.1/24");
  link->set_ipv4_gateway("192.0.2.254");
  link->set_ipv6_address("2001:db8:fffe::1/64");
  link->set_ipv6_gateway("2001:db8:fffe::fe");
  const auto add_pool = [&config](const char* name, v1::Pool::Kind kind, const char* prefix) {
    v1::Pool* pool = config.add_pools();
    pool->set_name(name);
    pool->set_kind(kind);
    pool->set_prefix(prefix);
    pool->set_unit_length(64);
  };
  add_pool("link", v1::Pool::LINK, "2001:db8:10::/44");
  add_pool("delegated", v1::Pool::DELEGATED, "2001:db8::/44");
  for (uint32_t i = 0; i < plan.tunnels(); ++i) {
    v1::Tunnel* tunnel = config.add_tunnels();
    tunnel->set_id(i + 1);
    tunnel->set_slot(i);
    tunnel->set_type(type_of(plan.kind()));
    if (plan.kind() == Kind::kHeartbeat) {
      tunnel->set_password("password-of-the-bench");
    } else {
      const Ipv6Address remote = plan.remote_of(i);
      tunnel->set_remote(remote.is_ipv4_mapped() ? remote.ipv4().to_string() : remote.to_string());
    }
    tunnel->add_delegated_prefixes(plan.prefix_of(i).to_string() + "/" +
                                   std::to_string(plan.prefix_length()));
  }
  return config;
}

}  // namespace simplon::bench
