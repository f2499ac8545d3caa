// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the plain path has worked out of a table, against the table itself: for any configuration
// and any address it is told the same tunnel, and nothing near the PoP is taken for far away.

#include "dataplane/pipeline/plain_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/pipeline/plain_burst.h"
#include "tests/support/catch.h"
#include "tests/support/random_config.h"
#include "tests/support/seed.h"

namespace simplon {
namespace {

using testing::pick;
using testing::Random;

ForwardingTable make_table(const v1::Config& config) {
  const auto sealed = control::build_snapshot(config, 1, 1);
  INFO(sealed.status().message());
  REQUIRE(sealed.ok());
  auto opened = SnapshotView::open(sealed->fd.get());
  INFO(opened.error.reason);
  REQUIRE(opened);
  const std::array ports{PortInfo{"port0", {2, 0, 0, 0, 0, 0}},
                         PortInfo{"port1", {2, 0, 0, 0, 0, 1}},
                         PortInfo{"port2", {2, 0, 0, 0, 0, 2}}};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), ports, error);
  INFO(error.reason);
  REQUIRE(links);
  return {std::move(*opened.view), *links};
}

// Both sides of every border there is, and some anywhere.
std::vector<Ipv6Address> addresses_near(const ForwardingTable& table, Random& random) {
  std::vector<Ipv6Address> all;
  const auto add = [&](uint64_t hi) {
    constexpr uint64_t kHosts[] = {0, 1, 2, 3};
    all.push_back(Ipv6Address::from_halves(
        hi, pick(random, 0, 1) != 0 ? kHosts[pick(random, 0, 3)] : random()));
  };
  const auto add_prefix = [&](uint64_t first, uint64_t mask) {
    const uint64_t last = first | ~mask;
    for (const uint64_t hi :
         {first - 1, first, first + 1, last - 1, last, last + 1,
          first + pick(random, 0, last - first), first ^ (uint64_t{1} << pick(random, 0, 63))}) {
      add(hi);
    }
  };
  for (const PoolRecord& pool : table.snapshot.pools()) {
    add_prefix(pool.base, pool.mask);
    // Where what has a slot or a map entry ends.
    const uint64_t limit = unit_limit(pool, table.snapshot.slot_capacity());
    for (uint64_t unit = limit - std::min<uint64_t>(limit, 2); unit < limit + 2; ++unit) {
      add(pool.base + (unit << pool.shift));
    }
  }
  for (const LinkInterface& link : table.links.interfaces()) {
    if (!link.has_ipv6) continue;
    const uint64_t mask = prefix_mask64(link.ipv6_length);
    add_prefix(link.ipv6.hi() & mask, mask);
    all.push_back(link.ipv6);
  }
  const PopRecord& pop = table.snapshot.pop();
  for (uint32_t n = 0; n < pop.local_address_count; ++n) {
    all.push_back(Ipv6Address::from_bytes(pop.local_addresses[n]));
    add_prefix(all.back().hi(), ~uint64_t{0});
  }
  all.push_back(Ipv6Address::from_bytes(pop.ipv6_address));
  for (int i = 0; i < 100; ++i) add(random());
  return all;
}

bool agrees(const ForwardingTable& table, const Ipv6Address& address) {
  const uint64_t hi = address.hi();
  const PlainTable::Place* place = table.plain.find(hi);
  const PoolLookup found = table.snapshot.lookup(hi);
  if (!table.plain.is_near(hi) && place != nullptr) return false;
  if (found.hit()) {
    if (place == nullptr || place->kind != found.kind) return false;
    PlainPacket work;
    const bool there = find_unit(table.snapshot.unit_to_slot().data(), *place, address, hi, work);
    // Of a link only the client's end.
    const bool asked = found.kind != PoolKind::kLink || address.lo() == 2;
    return (there ? *work.unit : kNoSlot) == (asked ? table.snapshot.resolve(found) : kNoSlot);
  }
  if (place != nullptr) return place->kind == PoolKind::kNone;
  // Far away: by the gateway, and none of our own.
  const NextHop next_hop = table.links.route_ipv6(address);
  return !table.links.is_local_ipv6(address) &&
         (next_hop.gateway || next_hop.interface == kNoInterfaceIndex);
}

}  // namespace

TEST_CASE("the plain path is told what the table says, of any address in any configuration") {
  unsigned usable = 0;
  for (const uint64_t seed : testing::property_seeds(60)) {
    INFO("SIMPLON_SEED=" << seed);
    Random random(seed);
    const ForwardingTable table = make_table(testing::random_config(random));
    if (!table.plain.usable()) continue;
    ++usable;
    unsigned wrong = 0;
    for (const Ipv6Address& address : addresses_near(table, random)) {
      // The plain path asks for no others.
      if (!is_ordinary(address.hi()) || agrees(table, address)) continue;
      ++wrong;
      UNSCOPED_INFO(address.to_string());
    }
    CHECK(wrong == 0);

    const PopRecord& pop = table.snapshot.pop();
    for (uint8_t n = 0; n < kMaxLocalAddresses; ++n) {
      const auto local = Ipv6Address::from_bytes(pop.local_addresses[n]);
      CHECK(table.plain.local_end(n).address ==
            (local.is_ipv4_mapped() ? local.ipv4().raw() : uint32_t{0}));
    }
    for (const LinkInterface& link : table.links.interfaces()) {
      for (int n = 0; n < 40; ++n) {
        const auto a = Ipv4Address::from_value(link.ipv4.value() ^ (1u << pick(random, 0, 31)));
        CHECK(table.plain.is_on_link(a.raw()) == !table.links.route_ipv4(a).gateway);
      }
    }
  }
  CHECK(usable > 30);
}

}  // namespace simplon
