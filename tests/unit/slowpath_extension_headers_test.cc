// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <vector>

#include "dataplane/net/headers.h"
#include "dataplane/slowpath/extension_headers.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

using Bytes = std::vector<uint8_t>;
using Verdict = DeliveredChain::Verdict;

// A fixed header that names `first`, and what follows it.
Bytes packet(uint8_t first, std::initializer_list<Bytes> headers) {
  Bytes bytes(sizeof(Ipv6Header));
  bytes[6] = first;
  for (const Bytes& h : headers) bytes.insert(bytes.end(), h.begin(), h.end());
  return bytes;
}

Bytes options(uint8_t next, std::initializer_list<uint8_t> content) {
  Bytes header((2 + content.size() + 7) / 8 * 8);
  header[0] = next;
  header[1] = static_cast<uint8_t>(header.size() / 8 - 1);
  std::copy(content.begin(), content.end(), header.begin() + 2);
  return header;
}

Bytes routing(uint8_t next, uint8_t type, uint8_t segments_left) {
  return {next, 0, type, segments_left, 0, 0, 0, 0};
}

Bytes fragment(uint8_t next, uint16_t offset_more) {
  return {next, 0, static_cast<uint8_t>(offset_more >> 8), static_cast<uint8_t>(offset_more), 0, 0,
          0,    1};
}

}  // namespace

TEST_CASE("a packet without extension headers is delivered from byte 40") {
  const Bytes p = packet(kProtocolIcmpv6, {Bytes(8)});
  const DeliveredChain chain = process_chain(p);
  CHECK(chain.verdict == Verdict::kDeliver);
  CHECK(chain.protocol == kProtocolIcmpv6);
  CHECK(chain.offset == 40);
  CHECK_FALSE(chain.had_fragment);
}

TEST_CASE("known and skippable options lead on to the upper layer") {
  // PadN, router alert (5, skipped by its upper bits), Pad1.
  const Bytes p =
      packet(kProtocolHopByHop, {options(kProtocolDestinationOptions, {5, 2, 0, 0, 1, 0}),
                                 options(kProtocolIcmpv6, {1, 4, 0, 0, 0, 0}), Bytes(8)});
  const DeliveredChain chain = process_chain(p);
  CHECK(chain.verdict == Verdict::kDeliver);
  CHECK(chain.protocol == kProtocolIcmpv6);
  CHECK(chain.offset == 56);
}

TEST_CASE("unknown options are treated by their action bits") {
  const auto with = [](uint8_t type) {
    return process_chain(
        packet(kProtocolDestinationOptions, {options(kProtocolIcmpv6, {0, type, 1, 0}), Bytes(8)}));
  };
  CHECK(with(0x1e).verdict == Verdict::kDeliver);
  CHECK(with(0x5e).verdict == Verdict::kDiscard);
  const DeliveredChain always = with(0x9e);
  CHECK(always.verdict == Verdict::kParameterProblem);
  CHECK(always.code == 2);
  CHECK(always.pointer == 43);
  CHECK(always.even_multicast);
  const DeliveredChain unicast_only = with(0xde);
  CHECK(unicast_only.verdict == Verdict::kParameterProblem);
  CHECK_FALSE(unicast_only.even_multicast);
}

TEST_CASE("an option that runs past its header is discarded") {
  CHECK(process_chain(packet(kProtocolDestinationOptions,
                             {options(kProtocolIcmpv6, {1, 5, 0, 0, 0, 0}), Bytes(8)}))
            .verdict == Verdict::kDiscard);
  CHECK(process_chain(packet(kProtocolDestinationOptions,
                             {options(kProtocolIcmpv6, {1, 3, 0, 0, 0, 1}), Bytes(8)}))
            .verdict == Verdict::kDiscard);
}

TEST_CASE("a routing header with segments left is refused at its type") {
  const DeliveredChain first =
      process_chain(packet(kProtocolRouting, {routing(kProtocolIcmpv6, 0, 1), Bytes(8)}));
  CHECK(first.verdict == Verdict::kParameterProblem);
  CHECK(first.code == 0);
  CHECK(first.pointer == 42);
  const DeliveredChain third = process_chain(packet(
      kProtocolHopByHop,
      {options(kProtocolDestinationOptions, {1, 4, 0, 0, 0, 0}),
       options(kProtocolRouting, {1, 4, 0, 0, 0, 0}), routing(kProtocolIcmpv6, 0, 2), Bytes(8)}));
  CHECK(third.verdict == Verdict::kParameterProblem);
  CHECK(third.pointer == 58);
}

TEST_CASE("a routing header without segments left is as if absent") {
  const DeliveredChain chain =
      process_chain(packet(kProtocolRouting, {routing(kProtocolIcmpv6, 0, 0), Bytes(8)}));
  CHECK(chain.verdict == Verdict::kDeliver);
  CHECK(chain.offset == 48);
}

TEST_CASE("hop-by-hop options anywhere but first are a parameter problem") {
  const DeliveredChain chain = process_chain(
      packet(kProtocolDestinationOptions, {options(kProtocolHopByHop, {1, 4, 0, 0, 0, 0}),
                                           options(kProtocolIcmpv6, {1, 4, 0, 0, 0, 0})}));
  CHECK(chain.verdict == Verdict::kParameterProblem);
  CHECK(chain.code == 1);
  CHECK(chain.pointer == 40);
}

TEST_CASE("an atomic fragment is delivered, a real one is not") {
  const DeliveredChain atomic =
      process_chain(packet(kProtocolFragment, {fragment(kProtocolIcmpv6, 0), Bytes(8)}));
  CHECK(atomic.verdict == Verdict::kDeliver);
  CHECK(atomic.had_fragment);
  CHECK(
      process_chain(packet(kProtocolFragment, {fragment(kProtocolIcmpv6, 1), Bytes(8)})).verdict ==
      Verdict::kDiscard);
  CHECK(
      process_chain(packet(kProtocolFragment, {fragment(kProtocolIcmpv6, 8), Bytes(8)})).verdict ==
      Verdict::kDiscard);
}

TEST_CASE("the authentication header counts its length in words of four bytes, plus two") {
  Bytes ah(24);
  ah[0] = kProtocolIcmpv6;
  ah[1] = 4;
  const DeliveredChain chain = process_chain(packet(kProtocolAuthentication, {ah, Bytes(8)}));
  CHECK(chain.verdict == Verdict::kDeliver);
  CHECK(chain.offset == 64);
}

TEST_CASE("chains that are too long or cut off are discarded") {
  Bytes sixty(sizeof(Ipv6Header));
  sixty[6] = kProtocolDestinationOptions;
  for (int i = 0; i < 60; ++i) {
    const Bytes h = options(kProtocolDestinationOptions, {1, 4, 0, 0, 0, 0});
    sixty.insert(sixty.end(), h.begin(), h.end());
  }
  CHECK(process_chain(sixty).verdict == Verdict::kDiscard);
  CHECK_FALSE(find_upper_layer(sixty).has_value());

  const Bytes cut = packet(kProtocolDestinationOptions, {{kProtocolIcmpv6, 1, 0, 0, 0, 0, 0, 0}});
  CHECK(process_chain(cut).verdict == Verdict::kDiscard);
  CHECK_FALSE(find_upper_layer(cut).has_value());
  const Bytes bare = packet(kProtocolDestinationOptions, {});
  CHECK(process_chain(bare).verdict == Verdict::kDiscard);
  CHECK_FALSE(find_upper_layer(bare).has_value());
}

TEST_CASE("in transit the upper layer is found behind anything that has a length") {
  const auto found = find_upper_layer(
      packet(kProtocolHopByHop, {options(kProtocolRouting, {0xde, 0, 0, 0}),
                                 routing(kProtocolFragment, 4, 3), fragment(kProtocolIcmpv6, 1)}));
  REQUIRE(found.has_value());
  CHECK(found->protocol == kProtocolIcmpv6);
  CHECK(found->offset == 64);
  CHECK_FALSE(found->later_fragment);
  const auto later =
      find_upper_layer(packet(kProtocolFragment, {fragment(kProtocolIcmpv6, 0x100), Bytes(8)}));
  REQUIRE(later.has_value());
  CHECK(later->later_fragment);
}

}  // namespace simplon
