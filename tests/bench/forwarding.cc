// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/forwarding.h"

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

#include "control/table/build_snapshot.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

ForwardingTable make_table(const v1::Config& config) {
  auto snapshot = control::build_snapshot(config, 1, 1);
  if (!snapshot.ok()) throw std::runtime_error(std::string(snapshot.status().message()));
  // Copied into huge pages, as the dataplane does.
  auto opened = SnapshotView::open(snapshot->fd.get(), {.copy = true});
  if (!opened) throw std::runtime_error(opened.error.reason);
  const std::array ports{PortInfo{"wan0", kOwnMac}};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), ports, error);
  if (!links) throw std::runtime_error(error.reason);
  return {std::move(*opened.view), *links};
}

void set_gateways(NeighborTable& neighbors) {
  neighbors.set(0, Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")), kGatewayMac);
  neighbors.set(0, *Ipv6Address::parse("2001:db8:fffe::fe"), kGatewayMac);
}

}  // namespace simplon::bench
