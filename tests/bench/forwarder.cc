// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/forwarder.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "control/table/build_snapshot.h"
#include "tests/bench/config.h"

namespace simplon::bench {
namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

ForwardingTable make_table(const Plan& plan) {
  auto snapshot = control::build_snapshot(make_config(plan), 1, 1);
  if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
  // Copied into huge pages, as the dataplane does.
  auto opened = SnapshotView::open(snapshot->fd.get(), {.copy = true});
  if (!opened) fail(opened.error.reason);
  const std::array ports{PortInfo{"wan0", kOwnMac}};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), ports, error);
  if (!links) fail(error.reason);
  return {std::move(*opened.view), *links};
}

}  // namespace

Forwarder::Forwarder(const Plan& plan)
    : table_(make_table(plan)),
      counters_(plan.tunnels()),
      runtime_(plan.tunnels()),
      neighbors_(std::make_unique<NeighborTable>()),
      context_(column_.data(), counters_.data(), *neighbors_, 0, 1) {
  for (const char* gateway : {"192.0.2.254", "2001:db8:fffe::fe"}) {
    const auto v4 = Ipv4Address::parse(gateway);
    neighbors_->set(0, v4 ? Ipv6Address::from_ipv4(*v4) : *Ipv6Address::parse(gateway),
                    kGatewayMac);
  }
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
