// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/forwarder.h"

#include "tests/bench/config.h"
#include "tests/bench/forwarding.h"

namespace simplon::bench {
Forwarder::Forwarder(const Plan& plan)
    : table_(make_table(make_config(plan))),
      counters_(plan.tunnels()),
      runtime_(plan.tunnels()),
      neighbors_(std::make_unique<NeighborTable>()),
      context_(column_.data(), counters_.data(), *neighbors_, 0, 1) {
  set_gateways(*neighbors_);
  context_.runtime = RuntimeTable({runtime_.data(), plan.tunnels()});
  if (plan.kind() == Kind::kHeartbeat) bring_up(plan);
}

void Forwarder::bring_up(const Plan& plan) {
  Endpoint endpoint;
  endpoint.local_index =
      table_.links.local_index(Ipv6Address::from_ipv4(Ipv4Address::from_value(kLocalV4)));
  endpoint.up = true;
  endpoint.verified = true;
  for (uint32_t i = 0; i < plan.tunnels(); ++i) {
    endpoint.address = plan.remote_of(i);
    context_.runtime.set(i, table_.snapshot.slot(i).incarnation, endpoint, 1);
  }
}

}  // namespace simplon::bench
