// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What must hold for any configuration, tried with many.

#include <google/protobuf/util/message_differencer.h>

#include <cstring>
#include <set>
#include <vector>

#include "control/config/normalize.h"
#include "control/config/outer_address.h"
#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/config/secret.h"
#include "control/table/build_snapshot.h"
#include "dataplane/table/snapshot_view.h"
#include "tests/support/catch.h"
#include "tests/support/naive_table.h"
#include "tests/support/random_config.h"
#include "tests/support/sample_config.h"
#include "tests/support/seed.h"
#include "tests/support/snapshot_image.h"

namespace simplon {
namespace {

using testing::NaiveTable;
using testing::pick;
using testing::property_seeds;
using testing::Random;
using testing::SnapshotImage;

constexpr unsigned kSeeds = 60;

// Addresses where tables go wrong: both sides of every border of every prefix, and some anywhere.
std::vector<Ipv6Address> interesting_addresses(const v1::Config& config, Random& random) {
  std::vector<Ipv6Address> addresses;
  const auto around = [&](const std::string& text) {
    if (const auto v4 = Ipv4Prefix::parse(text)) {
      const uint32_t first = v4->address.value();
      const uint32_t last = first | ~prefix_mask32(v4->length);
      for (const uint32_t value : {first - 1, first, first + 1, last - 1, last, last + 1,
                                   first + static_cast<uint32_t>(pick(random, 0, last - first)),
                                   first ^ (1u << pick(random, 0, 31))}) {
        addresses.push_back(Ipv6Address::from_ipv4(Ipv4Address::from_value(value)));
        // The IPv6 address that looks like it to the table.
        addresses.push_back(Ipv6Address::from_halves(ipv4_pool_key(value), random()));
      }
      return;
    }
    const Ipv6Prefix prefix = Ipv6Prefix::parse(text).value();
    const uint64_t first = prefix.address.hi();
    const uint64_t last = first | ~prefix_mask64(prefix.length);
    for (const uint64_t hi :
         {first - 1, first, first + 1, last - 1, last, last + 1,
          first + pick(random, 0, last - first), first ^ (uint64_t{1} << pick(random, 0, 63))}) {
      addresses.push_back(Ipv6Address::from_halves(hi, random()));
    }
  };
  for (const v1::Pool& pool : config.pools()) around(pool.prefix());
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    for (const std::string& prefix : tunnel.delegated_prefixes()) around(prefix);
    for (const std::string& prefix : tunnel.ipv4_prefixes()) around(prefix);
  }
  for (int i = 0; i < 20; ++i) addresses.push_back(Ipv6Address::from_halves(random(), random()));
  return addresses;
}

// Clear text for those that take beats, and for nobody else.
void check_secrets(const SnapshotView& view, const v1::Tunnel& tunnel) {
  const auto kind = static_cast<TunnelKind>(view.slot(tunnel.slot()).kind);
  const TunnelCold* cold = view.cold(tunnel.slot());
  CHECK((cold != nullptr) == (takes_beats(kind) || !tunnel.previous_password().empty()));
  if (cold == nullptr) return;
  const bool clear = takes_beats(kind);
  CHECK(view.password(*cold, 0) == (clear ? tunnel.password() : ""));
  CHECK(view.password(*cold, 1) == (clear ? tunnel.previous_password() : ""));
}

TEST_CASE("any snapshot the builder writes validates and agrees with the naive table") {
  for (const uint64_t seed : property_seeds(kSeeds)) {
    INFO("SIMPLON_SEED=" << seed);
    Random random(seed);
    const v1::Config config = testing::random_config(random);
    const auto sealed = control::build_snapshot(config, seed + 1, seed);
    INFO(sealed.status().message());
    REQUIRE(sealed.ok());
    const SnapshotOpenResult opened = SnapshotView::open(sealed->fd.get());
    INFO(opened.error.reason);
    REQUIRE(opened);
    const SnapshotView& view = *opened.view;
    CHECK(view.tunnel_count() == static_cast<uint32_t>(config.tunnels_size()));
    const NaiveTable naive(config);

    unsigned wrong = 0;
    for (const Ipv6Address& address : interesting_addresses(config, random)) {
      const PoolLookup found =
          address.is_ipv4_mapped() ? view.lookup(address.ipv4()) : view.lookup(address.hi());
      const auto kind = naive.pool_of(address);
      const auto slot = naive.slot_of(address);
      const uint32_t resolved = view.resolve(found);
      // An identity pool also names slots that nobody has.
      const bool used = resolved != kNoSlot && view.slot(resolved).kind != 0;
      const bool right =
          found.hit() == kind.has_value() &&
          (!kind || static_cast<uint32_t>(found.kind) == static_cast<uint32_t>(*kind)) &&
          used == slot.has_value() && (!slot || resolved == *slot) &&
          (resolved == kNoSlot || resolved < view.slot_capacity());
      if (!right) {
        ++wrong;
        UNSCOPED_INFO(address.to_string());
      }
    }
    CHECK(wrong == 0);

    for (const v1::Tunnel& tunnel : config.tunnels()) {
      const TunnelSlot& slot = view.slot(tunnel.slot());
      CHECK(slot.tunnel_id == tunnel.id());
      const auto link = view.link_hi(tunnel.slot());
      REQUIRE(link);
      CHECK(view.find_slot(*link) == tunnel.slot());
      if (const auto routed = view.routed_hi(tunnel.slot())) {
        CHECK(view.find_slot(*routed) == tunnel.slot());
      }
      if (const auto routed = view.routed_ipv4(tunnel.slot())) {
        CHECK(view.find_slot(routed->address) == tunnel.slot());
      }
      check_secrets(view, tunnel);
      if (tunnel.remote().empty()) continue;
      const Ipv6Address remote = control::parse_outer_address(tunnel.remote()).value();
      std::set<uint32_t> expected;
      const auto [first, last] = naive.by_remote().equal_range(tunnel.remote());
      for (auto it = first; it != last; ++it) expected.insert(it->second);
      const auto all = view.outer_index_find(remote);
      CHECK(std::set<uint32_t>(all.begin(), all.end()) == expected);
      bool itself = false;
      for (const uint32_t s : view.outer_index_find(remote, slot.local_index)) {
        CHECK(view.slot(s).local_index == slot.local_index);
        itself = itself || s == tunnel.slot();
      }
      CHECK(itself);
    }
  }
}

TEST_CASE("what is printed parses to the same configuration") {
  using google::protobuf::util::MessageDifferencer;
  for (const uint64_t seed : property_seeds(kSeeds)) {
    INFO("SIMPLON_SEED=" << seed);
    Random random(seed);
    const v1::Config config = testing::random_config(random);
    using control::Secrets;
    const auto text = control::parse_config(control::print_config_text(config, Secrets::kShow),
                                            "a.txtpb", nullptr);
    REQUIRE(text.ok());
    CHECK(MessageDifferencer::Equals(config, *text));
    const auto json = control::parse_config(control::print_config_json(config, Secrets::kShow),
                                            "a.json", nullptr);
    REQUIRE(json.ok());
    CHECK(MessageDifferencer::Equals(config, *json));
  }
}

TEST_CASE("what is printed without secrets has none, and is otherwise the same") {
  using google::protobuf::util::MessageDifferencer;
  constexpr control::ParseOptions kOptions{.missing_passwords = control::MissingPasswords::kAllow};
  for (const uint64_t seed : property_seeds(kSeeds)) {
    INFO("SIMPLON_SEED=" << seed);
    Random random(seed);
    const v1::Config config = testing::random_config(random);
    v1::Config expected = config;
    control::hide_secrets(expected);
    control::normalize(expected);
    for (const auto& [text, name] : {std::pair{control::print_config_text(config), "a.txtpb"},
                                     std::pair{control::print_config_json(config), "a.json"}}) {
      const auto again = control::parse_config(text, name, nullptr, kOptions);
      REQUIRE(again.ok());
      CHECK(MessageDifferencer::Equals(expected, *again));
      for (const v1::Tunnel& tunnel : config.tunnels()) {
        const bool shown =
            !tunnel.password().empty() && text.find(tunnel.password()) != std::string::npos;
        CHECK_FALSE(shown);
      }
    }
  }
}

// Does what workers do, so that a sanitizer sees what a bad snapshot would make them touch.
uint64_t use(const SnapshotView& view, Random& random) {
  uint64_t sum = view.pop().icmp_errors_per_second;
  for (int i = 0; i < 50; ++i) {
    uint64_t hi = random();
    if (!view.pools().empty() && i % 5 != 0) {
      const PoolRecord& pool = view.pools()[random() % view.pools().size()];
      hi = pool.base | (hi & ~pool.mask);
    }
    const uint32_t slot = hi >> 32 == 0xffff
                              ? view.find_slot(Ipv4Address::from_value(static_cast<uint32_t>(hi)))
                              : view.find_slot(hi);
    if (slot == kNoSlot) continue;
    REQUIRE(slot < view.slot_capacity());
    const TunnelSlot& tunnel = view.slot(slot);
    sum += tunnel.mtu;
    if (tunnel.kind == 0) continue;
    sum += view.pop().local_addresses[tunnel.local_index][15];
    sum += view.outer_index_find(Ipv6Address::from_bytes(tunnel.remote), tunnel.local_index).size();
    sum += view.link_hi(slot).value_or(0);
    if (const TunnelCold* cold = view.cold(slot)) {
      for (const std::size_t which : {0, 1}) {
        for (const char c : view.password(*cold, which)) sum += static_cast<uint8_t>(c);
      }
    }
  }
  return sum;
}

TEST_CASE("any changed byte of a snapshot is refused") {
  Random random(1);
  // With fewer units than the sample, so that the image is small enough to try most of it.
  v1::Config config = testing::sample_config();
  config.mutable_pools(2)->set_prefix("2001:db8:1000::/46");
  SnapshotImage image = SnapshotImage::of(config);
  unsigned accepted = 0;
  // All bytes of the header and the small sections, a sample of the long ones.
  for (std::size_t at = 0; at < image.size();
       at += at < std::size_t{16384} ? 1 : pick(random, 1, 61)) {
    const auto change = static_cast<std::byte>(pick(random, 1, 255));
    image.bytes()[at] ^= change;
    if (image.open()) ++accepted;
    image.bytes()[at] ^= change;
  }
  CHECK(accepted == 0);
  CHECK(image.open());
}

TEST_CASE("a changed byte under fitting checksums is refused or harmless") {
  for (const uint64_t seed : property_seeds(20)) {
    INFO("SIMPLON_SEED=" << seed);
    Random random(seed);
    const v1::Config config = testing::random_config(random, 20);
    SnapshotImage image = SnapshotImage::of(config);
    uint64_t sum = 0;
    for (int i = 0; i < 400; ++i) {
      // Mostly where there is something: the header, and the beginnings of the sections.
      std::size_t at = pick(random, 0, image.size() - 1);
      if (pick(random, 0, 3) != 0) {
        const SnapshotSection& s =
            image.header().sections[pick(random, 0, image.header().section_count - 1)];
        at = pick(random, 0, 4) == 0 ? pick(random, 0, 591)
                                     : s.offset + pick(random, 0, std::min<uint64_t>(s.size, 2000));
      }
      if (at >= image.size()) continue;
      const std::byte before = image.bytes()[at];
      const SnapshotHeader header = image.header();
      image.bytes()[at] ^= static_cast<std::byte>(1u << pick(random, 0, 7));
      image.fix_checksums();
      if (const SnapshotOpenResult opened = image.open()) sum += use(*opened.view, random);
      image.bytes()[at] = before;
      if (at < sizeof(header)) image.header() = header;
    }
    image.fix_checksums();
    CHECK(image.open());
    CHECK(sum > 0);
  }
}

// What a snapshot says, in one order: that of cold records and passwords follows from what came and
// went before.
struct Canonical {
  std::vector<std::string> sections;
  std::vector<std::string> secrets;  // by slot

  friend bool operator==(const Canonical&, const Canonical&) = default;
};

Canonical canonical(const control::SealedSnapshot& sealed) {
  using Section = SnapshotSectionType;
  SnapshotImage image(sealed);
  Canonical out;
  for (TunnelSlot& slot : image.slots()) {
    if (slot.kind == 0 || slot.cold_index == kNoSlot) continue;
    TunnelCold& cold = image.elements<TunnelCold>(Section::kCold)[slot.cold_index];
    std::string secret = std::to_string(cold.slot);
    const auto text = image.elements<char>(Section::kPasswords);
    for (std::size_t i = 0; i < 2; ++i) {
      secret += ' ' + std::string(text.data() + cold.password_offset[i], cold.password_length[i]);
    }
    out.secrets.push_back(secret + std::string(reinterpret_cast<const char*>(cold.previous_sha1),
                                               sizeof cold.previous_sha1));
    slot.cold_index = 0;
  }
  for (const Section type : {Section::kPop, Section::kPools, Section::kSlots, Section::kUnitToSlot,
                             Section::kOuterIndex, Section::kRefusedEndpoints}) {
    const auto bytes = image.elements<char>(type);
    out.sections.emplace_back(bytes.data(), bytes.size());
  }
  return out;
}

TEST_CASE("a table that was changed bit by bit is the one that is built at once") {
  for (const uint64_t seed : property_seeds(20)) {
    CAPTURE(seed);
    Random random(seed);
    control::Violations violations;
    control::CompiledConfig config =
        control::compile_config(testing::random_config(random, 60), violations);
    REQUIRE(violations.empty());
    std::vector<control::CompiledTunnel>& tunnels = config.tunnels;
    if (tunnels.empty()) continue;
    std::vector<bool> there(tunnels.size());
    std::vector<uint8_t> incarnations(tunnels.size());
    control::SnapshotBuilder builder(config.context);
    for (uint64_t generation = 1; generation <= 12; ++generation) {
      const uint64_t changes = pick(random, 0, 1) == 0 ? pick(random, 0, 2) : pick(random, 0, 200);
      for (uint64_t change = 0; change < changes; ++change) {
        const std::size_t i = pick(random, 0, tunnels.size() - 1);
        if (there[i]) {
          builder.remove(tunnels[i]);
          // Comes back with the endpoint of another of its kind, which may be there.
          const control::CompiledTunnel& other = tunnels[pick(random, 0, tunnels.size() - 1)];
          const auto is_ipv4 = [](const TunnelSlot& line) {
            return Ipv6Address::from_bytes(line.remote).is_ipv4_mapped();
          };
          if (other.line.kind == tunnels[i].line.kind &&
              is_ipv4(other.line) == is_ipv4(tunnels[i].line)) {
            std::memcpy(tunnels[i].line.remote, other.line.remote, sizeof other.line.remote);
            tunnels[i].line.local_index = other.line.local_index;
          }
        }
        there[i] = !there[i] || pick(random, 0, 1) == 0;
        incarnations[i] = static_cast<uint8_t>(pick(random, 0, 127));
        if (there[i]) builder.add(tunnels[i], incarnations[i]);
      }
      control::SnapshotBuilder reference(config.context);
      for (std::size_t i = 0; i < tunnels.size(); ++i) {
        if (there[i]) reference.add(tunnels[i], incarnations[i]);
      }
      const auto patched = builder.seal({.generation = generation});
      const auto whole = reference.seal({.generation = generation});
      CAPTURE(generation);
      REQUIRE(patched.ok());
      REQUIRE(whole.ok());
      REQUIRE(patched->tunnel_count == whole->tunnel_count);
      REQUIRE((canonical(*patched) == canonical(*whole)));
    }
  }
}

}  // namespace
}  // namespace simplon
