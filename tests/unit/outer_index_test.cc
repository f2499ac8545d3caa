// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/table/outer_index.h"

#include <cstring>
#include <random>
#include <set>
#include <tuple>

#include "tests/support/catch.h"

namespace simplon::control {
namespace {

TunnelSlot line(const Ipv6Address& remote, uint8_t local_index = 0) {
  TunnelSlot line{};
  line.kind = static_cast<uint8_t>(TunnelKind::kGre);
  line.local_index = local_index;
  std::memcpy(line.remote, remote.bytes.data(), sizeof(line.remote));
  return line;
}

Ipv6Address ipv4(uint32_t value) {
  return Ipv6Address::from_halves(0, uint64_t{0xffff} << 32 | value);
}

TEST_CASE("slots are in the order of their lines, whatever came and went in between") {
  std::mt19937_64 random(24);
  const auto pick = [&](uint64_t last) {
    return std::uniform_int_distribution<uint64_t>(0, last)(random);
  };
  OuterIndex index;
  std::set<std::tuple<Ipv6Address, uint8_t, uint32_t>> naive;
  for (int i = 0; i < 300'000; ++i) {
    // IPv4-mapped, and beyond them.
    const Ipv6Address remote =
        pick(1) == 0 ? ipv4(uint32_t(pick(30))) : Ipv6Address::from_halves(pick(30) + 1, 0);
    const auto local = uint8_t(pick(2));
    const auto slot = uint32_t(pick(50));
    if (naive.emplace(remote, local, slot).second) {
      index.add(slot, line(remote, local));
    } else {
      naive.erase({remote, local, slot});
      index.remove(slot, line(remote, local));
    }
    if (pick(50'000) != 0) continue;
    std::vector<uint32_t> expected;
    for (const auto& entry : naive) expected.push_back(std::get<2>(entry));
    REQUIRE(index.slots() == expected);
    REQUIRE(index.noted() == 0);
  }
}

TEST_CASE("what nobody asks for does not pile up") {
  OuterIndex index;
  index.add(1, line(ipv4(1)));
  for (uint32_t i = 0; i < 500'000; ++i) {
    index.add(2, line(ipv4(i)));
    index.remove(2, line(ipv4(i)));
    REQUIRE(index.noted() <= OuterIndex::kFewNotes);
  }
  CHECK(index.slots() == std::vector<uint32_t>{1});
}

}  // namespace
}  // namespace simplon::control
