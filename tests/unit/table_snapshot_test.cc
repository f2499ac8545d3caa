// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Snapshots: what the builder writes, what the view reads, and what it refuses.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "control/table/build_snapshot.h"
#include "dataplane/table/snapshot_view.h"
#include "tests/support/catch.h"
#include "tests/support/sample_config.h"
#include "tests/support/snapshot_image.h"
#include "tests/support/temporary_directory.h"

namespace simplon {
namespace {

using control::SealedSnapshot;
using control::UniqueFd;
using testing::ContainsSubstring;
using testing::SnapshotImage;
using Section = SnapshotSectionType;

uint64_t hi(const char* address) {
  return Ipv6Address::parse(address).value().hi();
}

Ipv6Address mapped(const char* ipv4) {
  return Ipv6Address::from_ipv4(Ipv4Address::parse(ipv4).value());
}

SealedSnapshot build(const v1::Config& config) {
  auto sealed = control::build_snapshot(config, 5, 17);
  REQUIRE(sealed.ok());
  return *std::move(sealed);
}

control::CompiledConfig compile(const v1::Config& config) {
  control::Violations violations;
  control::CompiledConfig compiled = control::compile_config(config, violations);
  REQUIRE(violations.empty());
  return compiled;
}

SnapshotView open(const SealedSnapshot& sealed, const SnapshotOpenOptions& options = {}) {
  SnapshotOpenResult result = SnapshotView::open(sealed.fd.get(), options);
  INFO(result.error.reason);
  REQUIRE(result);
  return std::move(*result.view);
}

TEST_CASE("a snapshot reads back as the configuration it was built from") {
  const SealedSnapshot sealed = build(testing::sample_config());
  const SnapshotView view = open(sealed);
  CHECK(view.generation() == 5);
  CHECK(view.revision() == 17);
  CHECK(view.tunnel_count() == 3);
  CHECK(view.slot_capacity() == 1024);
  CHECK(view.size() == sealed.size);
  CHECK(view.created_unix_ns() > 1'700'000'000'000'000'000);
  CHECK(view.pools().size() == 3);

  const TunnelSlot& second = view.slot(686);
  CHECK(second.tunnel_id == 18572);
  CHECK(second.kind == static_cast<uint8_t>(TunnelKind::kProto41));
  CHECK(second.flags ==
        (kTunnelEnabled | kTunnelStaticMtu | kTunnelEcnNormal | kTunnelDscpUniform));
  CHECK(second.mtu == 1400);
  CHECK(Ipv6Address::from_bytes(second.remote) == mapped("203.0.113.2"));
  CHECK(Ipv6Address::from_bytes(view.pop().local_addresses[second.local_index]) ==
        mapped("198.51.100.1"));
  CHECK(second.outer_ttl == 255);
  CHECK(second.outer_dscp == 46);
  CHECK(second.cold_index == kNoSlot);

  const TunnelSlot& first = view.slot(0);
  CHECK(first.tunnel_id == 1);
  CHECK(first.flags == kTunnelEnabled);
  CHECK(first.mtu == 1480);
  CHECK(first.outer_ttl == 64);
  CHECK(Ipv6Address::from_bytes(view.pop().local_addresses[first.local_index]) ==
        mapped("192.0.2.1"));

  CHECK(view.slot(1023).flags == 0);
  CHECK(view.slot(1).kind == static_cast<uint8_t>(TunnelKind::kUnused));
}

TEST_CASE("every address of a tunnel resolves to its slot, in one step and in two") {
  const SealedSnapshot sealed = build(testing::sample_config());
  const SnapshotView view = open(sealed);
  for (const char* address :
       {"2001:db8:10:2ae::1", "2001:db8:10:2ae::2", "2001:db8:10:82ae::77", "2001:db8:1001::1",
        "2001:db8:1001:ffff::1", "2001:db8:1002:3ff::1"}) {
    INFO(address);
    CHECK(view.find_slot(hi(address)) == 686);
    const PoolLookup found = view.lookup(hi(address));
    view.prefetch(found);
    CHECK(view.resolve(found) == 686);
  }
  for (const char* address :
       {"2001:db8:1002:200::1", "2001:db8:10ff::1", "2001:db8:10:400::1", "2a00::1"}) {
    INFO(address);
    CHECK(view.find_slot(hi(address)) == kNoSlot);
  }
  CHECK(view.lookup(hi("2001:db8:1002:200::1")).hit());
  CHECK_FALSE(view.lookup(hi("2a00::1")).hit());
}

TEST_CASE("a slot knows its own prefixes") {
  const SealedSnapshot sealed = build(testing::sample_config());
  const SnapshotView view = open(sealed);
  CHECK(view.link_hi(686) == hi("2001:db8:10:2ae::"));
  CHECK(view.routed_hi(686) == hi("2001:db8:10:82ae::"));
  CHECK(view.link_hi(0x7fff) == hi("2001:db8:10:7fff::"));
  CHECK_FALSE(view.link_hi(0x8000));
}

TEST_CASE("the outer index finds all tunnels behind one address") {
  const SealedSnapshot sealed = build(testing::sample_config());
  const SnapshotView view = open(sealed);
  const auto both = view.outer_index_find(mapped("203.0.113.1"));
  REQUIRE(both.size() == 2);
  CHECK(both[0] == 0);
  CHECK(both[1] == 1023);
  CHECK(view.outer_index_find(mapped("203.0.113.1"), 0).size() == 2);
  CHECK(view.outer_index_find(mapped("203.0.113.1"), 1).empty());
  REQUIRE(view.outer_index_find(mapped("203.0.113.2"), 1).size() == 1);
  CHECK(view.outer_index_find(mapped("203.0.113.2"), 1)[0] == 686);
  CHECK(view.outer_index_find(mapped("203.0.113.3")).empty());
  CHECK(view.outer_index_find(mapped("203.0.113.0")).empty());
}

uint32_t slot_of_kind(const SnapshotView& view, TunnelKind kind) {
  for (uint32_t i = 0; i < view.slot_capacity(); ++i) {
    if (view.slot(i).kind == static_cast<uint8_t>(kind)) return i;
  }
  FAIL("no tunnel of the kind");
  return 0;
}

std::string hex_of(const uint8_t (&bytes)[20]) {
  std::string text;
  for (const uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TEST_CASE("a tunnel of each type has what its type needs, and nothing else") {
  const SealedSnapshot sealed = build(testing::every_type_config());
  const SnapshotView view = open(sealed);
  CHECK(view.tunnel_count() == 8);
  const std::string no_secret(40, '0');

  const TunnelSlot& fixed = view.slot(slot_of_kind(view, TunnelKind::kProto41));
  CHECK(fixed.mtu == 1480);
  CHECK(fixed.beat_timeout_s == 0);
  CHECK(fixed.cold_index == kNoSlot);

  const TunnelSlot& heartbeat = view.slot(2);
  CHECK(heartbeat.kind == static_cast<uint8_t>(TunnelKind::kHeartbeat));
  CHECK(heartbeat.mtu == 1480);
  CHECK(heartbeat.beat_timeout_s == 60);
  CHECK(heartbeat.options == kTunnelOptionRotation);
  CHECK(hex_of(heartbeat.secret_sha1) == no_secret);
  CHECK(Ipv6Address::from_bytes(heartbeat.remote).is_unspecified());
  REQUIRE(view.cold(2) != nullptr);
  CHECK(view.password(*view.cold(2), 0) == "heartbeat-password");
  CHECK(view.password(*view.cold(2), 1) == "heartbeat-password-before");
  CHECK(hex_of(view.cold(2)->previous_sha1) == no_secret);

  const TunnelSlot& ayiya = view.slot(3);
  CHECK(ayiya.kind == static_cast<uint8_t>(TunnelKind::kAyiya));
  CHECK(ayiya.mtu == 1428);
  CHECK(ayiya.beat_timeout_s == 180);
  CHECK(ayiya.options == (kTunnelOptionRotation | kTunnelOptionStrictReplay));
  // printf ayiya-password-of-T103 | sha1sum
  CHECK(hex_of(ayiya.secret_sha1) == "635c9c5dbe87b2387b3e1ddfc9685e1d4b6d310c");
  REQUIRE(view.cold(3) != nullptr);
  CHECK(view.password(*view.cold(3), 0).empty());
  CHECK(view.password(*view.cold(3), 1).empty());
  CHECK(hex_of(view.cold(3)->previous_sha1) == "259bbf8ade81463842fb0b8131bbd9f8fafbf09e");
  CHECK(view.cold(8) == nullptr);  // AYIYA without a rotation

  const TunnelSlot& dynamic = view.slot(4);
  CHECK(dynamic.kind == static_cast<uint8_t>(TunnelKind::kDynamic));
  CHECK(dynamic.mtu == 1480);
  CHECK(hex_of(dynamic.secret_sha1) != no_secret);
  REQUIRE(view.cold(4) != nullptr);
  CHECK(view.password(*view.cold(4), 0) == "dynamic-password");
  CHECK(view.password(*view.cold(4), 1) == "dynamic-password-before");
  CHECK(hex_of(view.cold(4)->previous_sha1) != no_secret);

  const TunnelSlot& gre = view.slot(5);
  CHECK(gre.kind == static_cast<uint8_t>(TunnelKind::kGre));
  CHECK(gre.mtu == 1464);
  CHECK(gre.gre_key == 0xcafebabe);
  CHECK(gre.flags == (kTunnelEnabled | kTunnelGreKey | kTunnelGreChecksum | kTunnelGreSequence));
  CHECK(Ipv6Address::from_bytes(view.pop().local_addresses[gre.local_index]) ==
        mapped("192.0.2.9"));
  const TunnelSlot& gre6 = view.slot(6);
  CHECK(gre6.mtu == 1456);
  CHECK(Ipv6Address::from_bytes(view.pop().local_addresses[gre6.local_index]) ==
        Ipv6Address::parse("2001:db8:fffe::9"));

  const TunnelSlot& ipv6 = view.slot(7);
  CHECK(ipv6.kind == static_cast<uint8_t>(TunnelKind::kIpv6Tunnel));
  CHECK(ipv6.mtu == 1452);
  CHECK(ipv6.encapsulation_limit == 4);
  CHECK(Ipv6Address::from_bytes(view.pop().local_addresses[ipv6.local_index]) ==
        Ipv6Address::parse("2001:db8:ffff::1"));
}

TEST_CASE("local addresses are those of IPv4, then those of IPv6") {
  const SealedSnapshot sealed = build(testing::every_type_config());
  const SnapshotView view = open(sealed);
  const PopRecord& pop = view.pop();
  REQUIRE(pop.local_address_count == 4);
  CHECK(pop.local_ipv4_index == 0);
  CHECK(pop.flags == kPopAyiyaUdpChecksum);
  CHECK(Ipv6Address::from_bytes(pop.local_addresses[0]) == mapped("192.0.2.1"));
  CHECK(Ipv6Address::from_bytes(pop.local_addresses[1]) == mapped("192.0.2.9"));
  CHECK(Ipv6Address::from_bytes(pop.local_addresses[2]) == Ipv6Address::parse("2001:db8:ffff::1"));
  CHECK(Ipv6Address::from_bytes(pop.local_addresses[3]) == Ipv6Address::parse("2001:db8:fffe::9"));
  CHECK(view.is_refused_endpoint(mapped("203.0.113.250")));
  CHECK(view.is_refused_endpoint(Ipv6Address::parse("2001:db8:dddd::1").value()));
  CHECK_FALSE(view.is_refused_endpoint(mapped("203.0.113.251")));
}

TEST_CASE("IPv4 addresses resolve by the same lookup as IPv6 ones") {
  const SealedSnapshot sealed = build(testing::every_type_config());
  const SnapshotView view = open(sealed);
  const auto slot = [&](const char* text) { return view.find_slot(*Ipv4Address::parse(text)); };
  // Delegated.
  CHECK(slot("198.51.100.7") == kNoSlot);
  CHECK(slot("198.51.100.8") == 3);
  CHECK(slot("198.51.100.15") == 3);
  CHECK(slot("198.51.100.16") == 4);
  CHECK(slot("198.51.100.31") == 4);
  CHECK(slot("198.51.100.32") == 5);
  CHECK(slot("198.51.100.47") == 7);
  CHECK(slot("198.51.100.48") == kNoSlot);
  CHECK(slot("198.51.101.8") == kNoSlot);
  // Routed: units of /30 from slot 1 on.
  CHECK(slot("198.18.0.0") == 1);
  CHECK(slot("198.18.0.3") == 1);
  CHECK(slot("198.18.0.4") == 2);
  CHECK(slot("198.18.15.255") == kNoSlot);  // beyond the table
  CHECK(slot("198.18.16.0") == kNoSlot);
  CHECK(view.routed_ipv4(7) == Ipv4Prefix::parse("198.18.0.24/30"));
  CHECK_FALSE(view.routed_ipv4(0));
  CHECK(view.routed_hi(7) == hi("2001:db8:10:8007::"));

  // An IPv6 address that looks like the key of an IPv4 pool is in no pool.
  CHECK(view.pool_index().lookup(ipv4_pool_key(0xc6336408)).hit());
  CHECK(hi("0:ffff:c633:6408::1") == ipv4_pool_key(0xc6336408));
  CHECK_FALSE(view.lookup(hi("0:ffff:c633:6408::1")).hit());
  CHECK(view.find_slot(hi("0:ffff:c633:6408::1")) == kNoSlot);
}

TEST_CASE("the outer index has the tunnels with a configured remote, of both families") {
  const SealedSnapshot sealed = build(testing::every_type_config());
  const SnapshotView view = open(sealed);
  const std::vector<uint32_t> index(view.outer_index().begin(), view.outer_index().end());
  CHECK(index == std::vector<uint32_t>{1, 5, 6, 7});
  const auto found = view.outer_index_find(Ipv6Address::parse("2001:db8:5::7").value(), 2);
  REQUIRE(found.size() == 1);
  CHECK(found[0] == 7);
  CHECK(view.outer_index_find(Ipv6Address{}).empty());
}

TEST_CASE("what is secret is out of reach for a wrong question") {
  const SealedSnapshot sealed = build(testing::every_type_config());
  const SnapshotView view = open(sealed);
  CHECK(view.cold(0) == nullptr);
  CHECK(view.cold(view.slot_capacity()) == nullptr);
  CHECK(view.cold(kNoSlot) == nullptr);
  TunnelCold forged = *view.cold(2);
  CHECK(view.password(forged, 2).empty());
  forged.password_offset[0] = 0xffffffff;
  CHECK(view.password(forged, 0).empty());
  forged.password_offset[0] = 0;
  forged.password_length[0] = 255;
  CHECK(view.password(forged, 0).empty());
}

TEST_CASE("passwords come and go with their tunnels and leave nothing behind") {
  const control::CompiledConfig compiled = compile(testing::every_type_config());
  control::SnapshotBuilder builder(compiled.context);
  for (const auto& tunnel : compiled.tunnels) builder.add(tunnel);
  const auto& heartbeat = compiled.tunnels[1];
  const auto& dynamic = compiled.tunnels[3];
  REQUIRE(heartbeat.slot == 2);
  REQUIRE(dynamic.slot == 4);
  for (uint64_t generation = 1; generation < 6; ++generation) {
    builder.remove(heartbeat);
    const auto without = builder.seal({.generation = generation});
    REQUIRE(without.ok());
    SnapshotImage image(*without);
    const auto text = image.elements<char>(Section::kPasswords);
    CHECK(std::string_view(text.data(), text.size()).find("heartbeat") == std::string_view::npos);
    CHECK(image.elements<TunnelCold>(Section::kCold).size() == 2);
    builder.remove(dynamic);
    builder.add(heartbeat);
    builder.add(dynamic);
  }
  const auto sealed = builder.seal({.generation = 6});
  REQUIRE(sealed.ok());
  const SnapshotView view = open(*sealed);
  CHECK(view.password(*view.cold(2), 1) == "heartbeat-password-before");
  CHECK(view.password(*view.cold(4), 0) == "dynamic-password");
  SnapshotImage image(*sealed);
  // No more room than the four need: what was free was used again.
  CHECK(image.elements<char>(Section::kPasswords).size() == 18 + 25 + 16 + 23);
}

TEST_CASE("a configuration without pools or tunnels makes a snapshot too") {
  const SealedSnapshot sealed = build(
      testing::config_from(R"(pop { interfaces { port: "p" ipv4_address: "192.0.2.1/24" } })"));
  const SnapshotView view = open(sealed);
  CHECK(view.tunnel_count() == 0);
  CHECK_FALSE(view.lookup(hi("2001:db8::")).hit());
  CHECK(view.outer_index_find(mapped("203.0.113.1")).empty());
}

TEST_CASE("a copied snapshot is the same and does not need the descriptor") {
  SealedSnapshot sealed = build(testing::sample_config());
  const SnapshotView view = open(sealed, {.copy = true});
  sealed.fd.reset();
  CHECK(view.find_slot(hi("2001:db8:1001::1")) == 686);
}

TEST_CASE("the memory of a snapshot that is gone serves the next one") {
  SnapshotMemory memory;
  const SnapshotOpenOptions options{.copy = true, .memory = &memory};
  const SealedSnapshot small = build(testing::sample_config());
  const SealedSnapshot large = build(testing::every_type_config());
  CHECK(memory.spare_bytes() == 0);
  std::optional<SnapshotView> first = open(small, options);
  CHECK(memory.spare_bytes() == 0);
  const TunnelSlot* const place = first->slots();
  // While it is in use the next one gets memory of its own.
  std::optional<SnapshotView> second = open(large, options);
  CHECK(second->slots() != place);
  first.reset();
  CHECK(memory.spare_bytes() > 0);
  first = open(small, options);
  CHECK(memory.spare_bytes() == 0);
  CHECK(first->slots() == place);
  CHECK(first->find_slot(hi("2001:db8:1001::1")) == 686);
  CHECK(second->tunnel_count() != first->tunnel_count());
  // One is kept, whatever comes back.
  first.reset();
  const std::size_t one = memory.spare_bytes();
  second.reset();
  CHECK(memory.spare_bytes() == one);
}

TEST_CASE("a snapshot that is refused gives its memory back") {
  SnapshotMemory memory;
  SnapshotImage image(build(testing::sample_config()));
  image.slots()[686].kind = 7;
  image.fix_checksums();
  const testing::TemporaryDirectory directory;
  const UniqueFd file(::open(directory.file("snapshot").c_str(), O_RDWR | O_CREAT, 0600));
  REQUIRE(pwrite(file.get(), image.bytes().data(), image.size(), 0) == ssize_t(image.size()));
  CHECK_FALSE(
      SnapshotView::open(file.get(), {.require_seals = false, .copy = true, .memory = &memory}));
  CHECK(memory.spare_bytes() > 0);
}

TEST_CASE("a view can be moved and still unmaps once") {
  const SealedSnapshot sealed = build(testing::sample_config());
  SnapshotView first = open(sealed);
  SnapshotView second = std::move(first);
  CHECK(second.slot(686).tunnel_id == 18572);
  first = std::move(second);
  CHECK(first.slot(686).tunnel_id == 18572);
}

TEST_CASE("incarnations come from the caller and those not given are zero") {
  std::vector<uint8_t> incarnations(687);
  incarnations[686] = 9;
  auto sealed = control::build_snapshot(testing::sample_config(), {.generation = 1}, incarnations);
  REQUIRE(sealed.ok());
  const SnapshotView view = open(*sealed);
  CHECK(view.slot(686).incarnation == 9);
  CHECK(view.slot(1023).incarnation == 0);
}

TEST_CASE("a builder goes on from tunnel to tunnel") {
  const control::CompiledConfig compiled = compile(testing::sample_config());
  control::SnapshotBuilder builder(compiled.context);
  for (const auto& tunnel : compiled.tunnels) builder.add(tunnel);
  const auto& gone = compiled.tunnels.back();
  builder.remove(gone);
  const auto sealed = builder.seal({.generation = 2});
  REQUIRE(sealed.ok());
  const SnapshotView view = open(*sealed);
  CHECK(view.tunnel_count() == 2);
  CHECK(view.slot(gone.slot).kind == 0);
  builder.add(gone, 1);
  const auto again = builder.seal({.generation = 3});
  REQUIRE(again.ok());
  CHECK(open(*again).slot(gone.slot).incarnation == 1);
}

TEST_CASE("a snapshot maps a pool's units up to the last that is in use") {
  const control::CompiledConfig compiled = compile(testing::sample_config());
  control::SnapshotBuilder builder(compiled.context);
  for (const auto& tunnel : compiled.tunnels) builder.add(tunnel);
  const auto mapped = [&builder] {
    const auto sealed = builder.seal({.generation = 2});
    REQUIRE(sealed.ok());
    const SnapshotView view = open(*sealed);
    CHECK(view.find_slot(hi("2001:db8:10fe::")) == kNoSlot);
    CHECK(view.lookup(hi("2001:db8:10fe::")).hit());
    return view.unit_to_slot().size();
  };
  // Of 65,536 the last is the 516th.
  CHECK(mapped() == 1024);
  const auto owner = std::ranges::find_if(
      compiled.tunnels, [](const control::CompiledTunnel& t) { return t.slot == 686; });
  builder.remove(*owner);
  CHECK(mapped() == 0);
  builder.add(*owner);
  CHECK(mapped() == 1024);
}

TEST_CASE("a configuration that is not valid makes no snapshot") {
  v1::Config config = testing::sample_config();
  config.mutable_tunnels(0)->clear_remote();
  const auto sealed = control::build_snapshot(config, 1, 1);
  REQUIRE_FALSE(sealed.ok());
  CHECK_THAT(std::string(sealed.status().message()), ContainsSubstring("tunnels[0].remote"));
  CHECK_FALSE(control::build_snapshot(testing::sample_config(), 0, 1).ok());
}

TEST_CASE("a sealed snapshot cannot be changed any more") {
  const SealedSnapshot sealed = build(testing::sample_config());
  CHECK(mmap(nullptr, sealed.size, PROT_READ | PROT_WRITE, MAP_SHARED, sealed.fd.get(), 0) ==
        MAP_FAILED);
  CHECK(ftruncate(sealed.fd.get(), 0) == -1);
  CHECK(pwrite(sealed.fd.get(), "x", 1, 0) == -1);
  CHECK(fcntl(sealed.fd.get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
}

// ---- Refusals by the kind of file.

std::string reason_of(int fd, const SnapshotOpenOptions& options = {}) {
  const SnapshotOpenResult result = SnapshotView::open(fd, options);
  REQUIRE_FALSE(result);
  CHECK(result.error.section == Section::kNone);
  return result.error.reason;
}

TEST_CASE("a memfd without all seals is refused, with unsealed files allowed it is copied") {
  SnapshotImage image = SnapshotImage::of(testing::sample_config());
  const UniqueFd fd(memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  REQUIRE(write(fd.get(), image.bytes().data(), image.size()) ==
          static_cast<ssize_t>(image.size()));
  CHECK_THAT(reason_of(fd.get()), ContainsSubstring("not sealed"));
  REQUIRE(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  CHECK_THAT(reason_of(fd.get()), ContainsSubstring("not sealed"));

  SnapshotOpenResult copied = SnapshotView::open(fd.get(), {.require_seals = false});
  REQUIRE(copied);
  // What happens to the file afterwards is of no concern.
  REQUIRE(pwrite(fd.get(), std::string(8192, 'x').data(), 8192, 0) == 8192);
  CHECK(copied.view->slot(686).tunnel_id == 18572);
}

TEST_CASE("a regular file is refused where seals are required and read where they are not") {
  SnapshotImage image = SnapshotImage::of(testing::sample_config());
  const testing::TemporaryDirectory directory;
  const UniqueFd fd(::open(directory.file("s").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(write(fd.get(), image.bytes().data(), image.size()) ==
          static_cast<ssize_t>(image.size()));
  CHECK_THAT(reason_of(fd.get()), ContainsSubstring("not a memfd"));
  CHECK(SnapshotView::open(fd.get(), {.require_seals = false}));
  REQUIRE(ftruncate(fd.get(), static_cast<off_t>(image.size() - 4096)) == 0);
  CHECK_THAT(reason_of(fd.get(), {.require_seals = false}), ContainsSubstring("total_size"));
  REQUIRE(ftruncate(fd.get(), 100) == 0);
  CHECK_THAT(reason_of(fd.get(), {.require_seals = false}),
             ContainsSubstring("shorter than one page"));
}

TEST_CASE("what is no file at all is refused") {
  int pipe_fds[2];
  REQUIRE(pipe(pipe_fds) == 0);
  const UniqueFd in(pipe_fds[0]);
  const UniqueFd out(pipe_fds[1]);
  CHECK_THAT(reason_of(in.get()), ContainsSubstring("not a regular file"));
  CHECK_THAT(reason_of(-1), ContainsSubstring("cannot stat"));
}

TEST_CASE("limits of the reader are kept") {
  const SealedSnapshot sealed = build(testing::sample_config());
  CHECK_THAT(reason_of(sealed.fd.get(), {.max_size = 4096}), ContainsSubstring("larger than"));
  CHECK_THAT(reason_of(sealed.fd.get(), {.max_slot_capacity = 1023}),
             ContainsSubstring("slot_capacity"));
}

// ---- Refusals by content. Each case spoils one thing of a good snapshot and makes the checksums
// fit again.

struct Spoilt {
  const char* what;
  Section section;
  uint64_t index;
  const char* reason;
  std::function<void(SnapshotImage&)> spoil;
};

const Spoilt kSpoilt[] = {
    {"magic", Section::kNone, 0, "magic", [](auto& i) { i.header().magic[7] = 'T'; }},
    {"byte order", Section::kNone, 0, "byte order", [](auto& i) { i.header().endian_tag = 0x04030201; }},
    {"major version", Section::kNone, 0, "format version 4", [](auto& i) { i.header().abi_major = 4; }},
    {"header size", Section::kNone, 0, "header_size", [](auto& i) { i.header().header_size += 8; }},
    {"required flag", Section::kNone, 0, "feature", [](auto& i) { i.header().required_flags = 1; }},
    {"total size", Section::kNone, 0, "total_size", [](auto& i) { i.header().total_size += 4096; }},
    {"generation 0", Section::kNone, 0, "generation", [](auto& i) { i.header().generation = 0; }},
    {"reserved header field", Section::kNone, 0, "reserved", [](auto& i) { i.header().reserved = 1; }},
    {"padding field", Section::kNone, 0, "reserved", [](auto& i) { i.header().padding = 1; }},
    {"huge capacity", Section::kNone, 0, "slot_capacity",
     [](auto& i) { i.header().slot_capacity = kMaxSlots + 1; }},
    {"more tunnels than slots", Section::kNone, 0, "tunnel_count",
     [](auto& i) { i.header().tunnel_count = i.header().slot_capacity + 1; }},
    {"section count", Section::kNone, 0, "section_count", [](auto& i) { i.header().section_count = 17; }},
    {"unused section entry", Section::kNone, 0, "unused section",
     [](auto& i) { i.header().sections[15].size = 1; }},
    {"bytes behind the header", Section::kNone, 0, "padding",
     [](auto& i) { i.bytes()[sizeof(SnapshotHeader)] = std::byte{1}; }},
    {"section without type", Section::kNone, 0, "no type", [](auto& i) { i.header().sections[0].type = 0; }},
    {"section offset in the header", Section::kPop, 0, "page",
     [](auto& i) { i.section(Section::kPop).offset = 0; }},
    {"unaligned section", Section::kPop, 0, "page", [](auto& i) { i.section(Section::kPop).offset += 64; }},
    {"section behind the file", Section::kPools, 1, "behind the file",
     [](auto& i) { i.section(Section::kPools).offset = uint64_t{1} << 40; }},
    {"offset and size that overflow", Section::kPools, 1, "behind the file",
     [](auto& i) {
       i.section(Section::kPools).offset = ~uint64_t{0} << 12;
       i.section(Section::kPools).size = 8192;
     }},
    {"size that reaches behind the file", Section::kPools, 1, "behind the file",
     [](auto& i) { i.section(Section::kPools).size = ~uint64_t{0} - 31; }},
    {"element size 0", Section::kPools, 1, "element_size",
     [](auto& i) { i.section(Section::kPools).element_size = 0; }},
    {"broken element", Section::kPools, 1, "element_size",
     [](auto& i) { i.section(Section::kPools).size -= 1; }},
    {"other element size", Section::kPools, 0, "element_size",
     [](auto& i) { i.section(Section::kPools).element_size = 8; }},
    {"section twice", Section::kPop, 1, "twice",
     [](auto& i) { i.section(Section::kPools).type = static_cast<uint32_t>(Section::kPop); }},
    {"overlapping sections", Section::kPop, 0, "overlaps",
     [](auto& i) { i.section(Section::kPools).offset = i.section(Section::kPop).offset; }},
    {"missing section", Section::kPools, 0, "missing",
     [](auto& i) { i.section(Section::kPools).type = 99; }},
    {"bytes between sections", Section::kPools, 1, "padding",
     [](auto& i) { i.bytes()[i.section(Section::kPools).offset - 1] = std::byte{1}; }},
    {"fewer slots than the capacity", Section::kSlots, 1024, "slot_capacity",
     [](auto& i) { i.header().slot_capacity = 1025; }},

    {"PoP flag", Section::kPop, 0, "flag", [](auto& i) { i.pop().flags = 32; }},
    {"PoP reserved", Section::kPop, 0, "reserved", [](auto& i) { i.pop().reserved[1] = 1; }},
    {"PoP address", Section::kPop, 0, "ipv6_address", [](auto& i) { i.pop().ipv6_address[0] = 0xff; }},
    {"too many local addresses", Section::kPop, 0, "local_address_count",
     [](auto& i) { i.pop().local_address_count = 17; }},
    {"local address that is none", Section::kPop, 3, "not a usable",
     [](auto& i) { i.pop().local_address_count = 4; }},
    {"local address twice", Section::kPop, 1, "twice",
     [](auto& i) { std::memcpy(i.pop().local_addresses[1], i.pop().local_addresses[0], 16); }},
    {"unused local address", Section::kPop, 15, "unused",
     [](auto& i) { i.pop().local_addresses[15][0] = 1; }},
    {"no interface", Section::kPop, 0, "interface_count", [](auto& i) { i.pop().interface_count = 0; }},
    {"too many interfaces", Section::kPop, 0, "interface_count",
     [](auto& i) { i.pop().interface_count = 9; }},
    {"unused interface", Section::kPop, 7, "unused", [](auto& i) { i.pop().interfaces[7].mtu = 1500; }},
    {"port name without end", Section::kPop, 0, "port name",
     [](auto& i) { std::memset(i.pop().interfaces[0].port, 'x', 16); }},
    {"port name with a slash", Section::kPop, 0, "port name",
     [](auto& i) { i.pop().interfaces[0].port[1] = '/'; }},
    {"bytes behind the port name", Section::kPop, 0, "port name",
     [](auto& i) { i.pop().interfaces[0].port[15] = 'x', i.pop().interfaces[0].port[14] = 0; }},
    {"VLAN", Section::kPop, 0, "VLAN", [](auto& i) { i.pop().interfaces[0].vlan = 4095; }},
    {"small link MTU", Section::kPop, 0, "MTU", [](auto& i) { i.pop().interfaces[0].mtu = 1279; }},
    {"large link MTU", Section::kPop, 0, "MTU", [](auto& i) { i.pop().interfaces[0].mtu = 9001; }},
    {"interface flag", Section::kPop, 0, "flag", [](auto& i) { i.pop().interfaces[0].flags |= 16; }},
    {"interface reserved", Section::kPop, 0, "reserved", [](auto& i) { i.pop().interfaces[0].reserved = 1; }},
    {"IPv4 length", Section::kPop, 0, "IPv4 prefix length", [](auto& i) { i.pop().interfaces[0].ipv4_length = 33; }},
    {"IPv4 broadcast address", Section::kPop, 0, "IPv4 address",
     [](auto& i) { i.pop().interfaces[0].ipv4_address[3] = 255; }},
    {"IPv4 gateway off-link", Section::kPop, 0, "not on-link",
     [](auto& i) { i.pop().interfaces[0].ipv4_gateway[2] ^= 1; }},
    {"IPv4 gateway that is the interface", Section::kPop, 0, "another host",
     [](auto& i) { i.pop().interfaces[0].ipv4_gateway[3] = 1; }},
    {"IPv4 gateway without flag", Section::kPop, 0, "without its flag",
     [](auto& i) { i.pop().interfaces[0].flags &= ~kInterfaceHasIpv4Gateway; }},
    {"IPv4 gateway without address", Section::kPop, 0, "without an IPv4 address",
     [](auto& i) { i.pop().interfaces[0].flags &= ~kInterfaceHasIpv4; }},
    {"IPv6 length", Section::kPop, 0, "IPv6 prefix length",
     [](auto& i) { i.pop().interfaces[0].ipv6_length = 129; }},
    {"IPv6 address", Section::kPop, 0, "IPv6 address",
     [](auto& i) { i.pop().interfaces[0].ipv6_address[0] = 0xff; }},
    {"IPv6 gateway off-link", Section::kPop, 0, "not on-link",
     [](auto& i) { i.pop().interfaces[0].ipv6_gateway[0] = 0x20; i.pop().interfaces[0].ipv6_gateway[1] = 1; }},
    {"IPv6 multicast gateway", Section::kPop, 0, "another host",
     [](auto& i) { i.pop().interfaces[0].ipv6_gateway[0] = 0xff; }},
    {"IPv6 gateway without address", Section::kPop, 0, "without an IPv6 address",
     [](auto& i) { i.pop().interfaces[0].flags &= ~kInterfaceHasIpv6; }},
    {"interface twice", Section::kPop, 1, "twice",
     [](auto& i) {
       i.pop().interface_count = 2;
       i.pop().interfaces[1] = i.pop().interfaces[0];
     }},
    {"second gateway", Section::kPop, 1, "second default gateway",
     [](auto& i) {
       i.pop().interface_count = 2;
       i.pop().interfaces[1] = i.pop().interfaces[0];
       i.pop().interfaces[1].vlan = 5;
     }},

    {"pool reserved", Section::kPools, 0, "reserved", [](auto& i) { i.pools()[0].reserved[0] = 1; }},
    {"pool shift", Section::kPools, 2, "shift", [](auto& i) { i.pools()[2].shift = 17; }},
    {"pool unit count 0", Section::kPools, 0, "unit_count", [](auto& i) { i.pools()[0].unit_count = 0; }},
    {"pool unit count not a power of two", Section::kPools, 0, "unit_count",
     [](auto& i) { i.pools()[0].unit_count = 3; }},
    {"pool unit count too large", Section::kPools, 0, "unit_count",
     [](auto& i) { i.pools()[0].unit_count = kMaxPoolUnits * 2; }},
    {"pool mask", Section::kPools, 0, "mask", [](auto& i) { i.pools()[0].mask <<= 1; }},
    {"pool mask with a hole", Section::kPools, 0, "mask", [](auto& i) { i.pools()[0].mask ^= 1ull << 40; }},
    {"pool base", Section::kPools, 0, "base", [](auto& i) { i.pools()[0].base |= 1; }},
    {"pool of multicast", Section::kPools, 2, "unicast",
     [](auto& i) { i.pools()[2].base |= uint64_t{0xff} << 56; }},
    {"pool kind", Section::kPools, 0, "kind", [](auto& i) { i.pools()[0].kind = 4; }},
    {"pool kind 0", Section::kPools, 0, "kind", [](auto& i) { i.pools()[0].kind = 0; }},
    {"link pool with a shift", Section::kPools, 0, "/64",
     [](auto& i) {
       i.pools()[0].shift = 1;
       i.pools()[0].unit_count /= 2;
     }},
    {"link pool behind the last slot", Section::kPools, 0, "last slot",
     [](auto& i) { i.pools()[0].first = kMaxSlots - 1; }},
    {"link pool whose end overflows", Section::kPools, 0, "last slot",
     [](auto& i) { i.pools()[0].first = 0xffffffff; }},
    {"delegated pool behind its map", Section::kPools, 2, "unit_to_slot",
     [](auto& i) { i.pools()[2].first = 1; }},
    {"delegated pool whose end overflows", Section::kPools, 2, "unit_to_slot",
     [](auto& i) { i.pools()[2].first = 0xffffff00; }},
    {"pool that maps more units than it has", Section::kPools, 2, "mapped_units",
     [](auto& i) { i.pools()[2].mapped_units = i.pools()[2].unit_count + 1; }},
    {"link pool with mapped units", Section::kPools, 0, "mapped_units",
     [](auto& i) { i.pools()[0].mapped_units = 1; }},
    {"pool reserved at the end", Section::kPools, 0, "reserved", [](auto& i) { i.pools()[0].reserved1 = 1; }},
    {"pools in the wrong order", Section::kPools, 1, "sorted",
     [](auto& i) { std::swap(i.pools()[0], i.pools()[1]); }},
    {"overlapping pools", Section::kPools, 1, "overlaps",
     [](auto& i) { i.pools()[1].base = i.pools()[0].base; }},
    {"two pools for the same slots", Section::kPools, 1, "same slots",
     [](auto& i) { i.pools()[1].kind = i.pools()[0].kind; }},
    {"pool over the link's prefix", Section::kPools, 2, "on-link",
     [](auto& i) { i.pools()[2].base = hi("2001:db8:ff00::"); }},

    {"unused slot with an id", Section::kSlots, 5, "all zero", [](auto& i) { i.slots()[5].tunnel_id = 1; }},
    {"unused slot with its last byte set", Section::kSlots, 5, "all zero",
     [](auto& i) { i.slots()[5].reserved[3] = 1; }},
    {"tunnel kind", Section::kSlots, 686, "kind", [](auto& i) { i.slots()[686].kind = 7; }},
    {"tunnel id 0", Section::kSlots, 686, "tunnel_id", [](auto& i) { i.slots()[686].tunnel_id = 0; }},
    {"tunnel flag", Section::kSlots, 686, "flag", [](auto& i) { i.slots()[686].flags = 128; }},
    {"tunnel MTU too small", Section::kSlots, 686, "MTU", [](auto& i) { i.slots()[686].mtu = 1279; }},
    {"tunnel MTU too large", Section::kSlots, 686, "MTU", [](auto& i) { i.slots()[686].mtu = 1481; }},
    {"local index", Section::kSlots, 686, "local_index", [](auto& i) { i.slots()[686].local_index = 3; }},
    {"TTL 0", Section::kSlots, 686, "ttl", [](auto& i) { i.slots()[686].outer_ttl = 0; }},
    {"DSCP", Section::kSlots, 686, "dscp", [](auto& i) { i.slots()[686].outer_dscp = 64; }},
    {"cold index", Section::kSlots, 686, "cold", [](auto& i) { i.slots()[686].cold_index = 0; }},
    {"remote that is IPv6", Section::kSlots, 686, "remote", [](auto& i) { i.slots()[686].remote[0] = 0x20; }},
    {"remote that is loopback", Section::kSlots, 686, "remote", [](auto& i) { i.slots()[686].remote[12] = 127; }},
    {"remote that is multicast", Section::kSlots, 686, "remote", [](auto& i) { i.slots()[686].remote[12] = 224; }},
    {"remote that is the PoP", Section::kSlots, 686, "PoP itself",
     [](auto& i) { std::memcpy(i.slots()[686].remote, i.pop().local_addresses[0], 16); }},
    {"secret", Section::kSlots, 686, "secret", [](auto& i) { i.slots()[686].secret_sha1[19] = 1; }},
    {"tunnel reserved", Section::kSlots, 686, "reserved", [](auto& i) { i.slots()[686].reserved[0] = 1; }},
    {"one tunnel too many", Section::kSlots, 4, "tunnel_count",
     [](auto& i) { i.slots()[5] = i.slots()[686]; }},
    {"tunnel around the PoP's address", Section::kSlots, 686, "PoP's own",
     [](auto& i) {
       i.pop().ipv6_address[6] = 0x82;
       i.pop().ipv6_address[7] = 0xae;
     }},

    {"unit of an unused slot", Section::kUnitToSlot, 3, "not used", [](auto& i) { i.units()[3] = 5; }},
    {"unit of a slot behind the table", Section::kUnitToSlot, 3, "not used",
     [](auto& i) { i.units()[3] = 1024; }},
    {"unit of a slot far away", Section::kUnitToSlot, 3, "not used",
     [](auto& i) { i.units()[3] = 0xfffffffe; }},
    {"outer index out of order", Section::kOuterIndex, 1, "sorted",
     [](auto& i) { std::swap(i.outer()[0], i.outer()[1]); }},
    {"outer index with a double", Section::kOuterIndex, 1, "sorted",
     [](auto& i) { i.outer()[1] = i.outer()[0]; }},
    {"outer index to an unused slot", Section::kOuterIndex, 2, "not used", [](auto& i) { i.outer()[2] = 9; }},
    {"outer index out of range", Section::kOuterIndex, 2, "not used",
     [](auto& i) { i.outer()[2] = 0x80000000; }},
};

// The same of a snapshot with a tunnel of each type, in slots 1 to 8.
constexpr uint32_t kProto41 = 1, kHeartbeat = 2, kAyiya = 3, kDynamic = 4, kGre = 5, kGre6 = 6,
                   kIpv6 = 7, kPlainAyiya = 8;
// Pools in the order of the snapshot: subnets4 and routed4 by their keys, then those of IPv6.
constexpr std::size_t kRouted4 = 0, kSubnets4 = 1;

std::span<TunnelCold> cold_of(SnapshotImage& i) {
  return i.elements<TunnelCold>(Section::kCold);
}
TunnelCold& cold_of(SnapshotImage& i, uint32_t slot) {
  return cold_of(i)[i.slots()[slot].cold_index];
}
std::span<Ipv6Address> refused_of(SnapshotImage& i) {
  return i.elements<Ipv6Address>(Section::kRefusedEndpoints);
}
void set(uint8_t (&field)[16], const char* address) {
  std::memcpy(field, Ipv6Address::parse(address).value().bytes.data(), 16);
}

const Spoilt
    kSpoiltKinds[] =
        {
            {"local_ipv4_index of an IPv6 address", Section::kPop, 2, "local_ipv4_index",
             [](auto& i) { i.pop().local_ipv4_index = 2; }},
            {"local_ipv4_index out of range", Section::kPop, 16, "local_ipv4_index",
             [](auto& i) { i.pop().local_ipv4_index = 16; }},
            {"PoP reserved byte", Section::kPop, 0, "reserved",
             [](auto& i) { i.pop().reserved0[2] = 1; }},
            {"IPv6 local address that is link-local", Section::kPop, 3, "not a usable",
             [](auto& i) { set(i.pop().local_addresses[3], "fe80::1"); }},
            {"IPv6 local address in ::/8", Section::kPop, 3, "not a usable",
             [](auto& i) { set(i.pop().local_addresses[3], "::1"); }},
            {"IPv6 local address in a pool", Section::kPools, 4, "local address",
             [](auto& i) { set(i.pop().local_addresses[3], "2001:db8:1000::9"); }},
            {"IPv4 local address in a pool", Section::kPools, kSubnets4, "local address",
             [](auto& i) { set(i.pop().local_addresses[1], "::ffff:198.51.100.1"); }},
            {"IPv4 pool over a link's prefix", Section::kPools, kRouted4, "on-link",
             [](auto& i) { i.pools()[kRouted4].base = ipv4_pool_key(0xc0000000); }},
            {"IPv4 pool without a source for errors", Section::kPools, kRouted4,
             "without an IPv4 address",
             [](auto& i) {
               set(i.pop().local_addresses[0], "2001:db8:fffe::1");
               set(i.pop().local_addresses[1], "2001:db8:fffe::2");
               auto& link = i.pop().interfaces[0];
               link.flags = kInterfaceHasIpv6 | kInterfaceHasIpv6Gateway;
               std::memset(link.ipv4_address, 0, 4);
               std::memset(link.ipv4_gateway, 0, 4);
               link.ipv4_length = 0;
             }},
            {"IPv4 pool of loopback addresses", Section::kPools, kRouted4, "no host",
             [](auto& i) { i.pools()[kRouted4].base = ipv4_pool_key(0x7f000000); }},
            {"IPv4 pool of multicast", Section::kPools, kRouted4, "no host",
             [](auto& i) { i.pools()[kRouted4].base = ipv4_pool_key(0xe0000000); }},
            {"pool between the keys of IPv4 and the addresses of IPv6", Section::kPools, kRouted4,
             "unicast", [](auto& i) { i.pools()[kRouted4].base = uint64_t{0xfffe} << 32; }},
            {"IPv4 pool that reaches beyond the key's range", Section::kPools, kRouted4, "bits set",
             [](auto& i) {
               i.pools()[kRouted4].shift = 16;
               i.pools()[kRouted4].unit_count = 1u << 20;
               i.pools()[kRouted4].mask = ~uint64_t{0} << 36;
             }},
            {"IPv4 pool of links", Section::kPools, kRouted4, "LINK",
             [](auto& i) { i.pools()[kRouted4].kind = static_cast<uint32_t>(PoolKind::kLink); }},
            {"IPv4 pool behind the last slot", Section::kPools, kRouted4, "last slot",
             [](auto& i) { i.pools()[kRouted4].first = kMaxSlots - 1023; }},
            {"IPv4 shift", Section::kPools, kRouted4, "shift",
             [](auto& i) { i.pools()[kRouted4].shift = 17; }},
            {"IPv4 pool with the units of an IPv6 pool", Section::kPools, 4, "same slots",
             [](auto& i) { i.pools()[kSubnets4].first = i.pools()[4].first; }},
            {"two IPv4 pools for the same slots", Section::kPools, kSubnets4, "same slots",
             [](auto& i) {
               i.pools()[kSubnets4].kind = i.pools()[kRouted4].kind;
               i.pools()[kSubnets4].mapped_units = 0;
               i.pools()[kSubnets4].first = 4;
             }},
            {"IPv4 unit of a tunnel that carries none", Section::kUnitToSlot, 1, "no IPv4",
             [](auto& i) { i.units()[i.pools()[kSubnets4].first + 1] = kProto41; }},
            {"IPv4 unit of a heartbeat tunnel", Section::kUnitToSlot, 0, "no IPv4",
             [](auto& i) { i.units()[i.pools()[kSubnets4].first] = kHeartbeat; }},

            {"kind 7", Section::kSlots, kGre, "kind", [](auto& i) { i.slots()[kGre].kind = 7; }},
            {"kind 255", Section::kSlots, kGre, "kind",
             [](auto& i) { i.slots()[kGre].kind = 255; }},
            {"incarnation", Section::kSlots, kGre, "incarnation",
             [](auto& i) { i.slots()[kGre].incarnation = 128; }},
            {"remote of a heartbeat tunnel", Section::kSlots, kHeartbeat, "learned",
             [](auto& i) { set(i.slots()[kHeartbeat].remote, "::ffff:203.0.113.1"); }},
            {"remote of an AYIYA tunnel", Section::kSlots, kAyiya, "learned",
             [](auto& i) { i.slots()[kAyiya].remote[15] = 1; }},
            {"local index of a dynamic tunnel", Section::kSlots, kDynamic, "learned",
             [](auto& i) { i.slots()[kDynamic].local_index = 1; }},
            {"no remote of a GRE tunnel", Section::kSlots, kGre, "not a usable",
             [](auto& i) { std::memset(i.slots()[kGre].remote, 0, 16); }},
            {"IPv4 remote of an IPv6 tunnel", Section::kSlots, kIpv6, "family",
             [](auto& i) { set(i.slots()[kIpv6].remote, "::ffff:203.0.113.1"); }},
            {"IPv6 remote of a 6in4 tunnel", Section::kSlots, kProto41, "family",
             [](auto& i) { set(i.slots()[kProto41].remote, "2001:db8:5::1"); }},
            {"link-local remote", Section::kSlots, kGre6, "not a usable",
             [](auto& i) { set(i.slots()[kGre6].remote, "fe80::1"); }},
            {"multicast remote", Section::kSlots, kGre6, "not a usable",
             [](auto& i) { set(i.slots()[kGre6].remote, "ff02::1"); }},
            {"IPv6 remote that is the PoP", Section::kSlots, kGre6, "PoP itself",
             [](auto& i) { set(i.slots()[kGre6].remote, "2001:db8:fffe::9"); }},
            {"IPv6 remote that is the interface", Section::kSlots, kGre6, "PoP itself",
             [](auto& i) { set(i.slots()[kGre6].remote, "2001:db8:ffff::1"); }},
            {"IPv6 remote that is the source of errors", Section::kSlots, kGre6, "PoP itself",
             [](auto& i) { set(i.slots()[kGre6].remote, "2001:db8:10:ffff::1"); }},
            {"IPv4 local of an IPv6 remote", Section::kSlots, kGre6, "remote's family",
             [](auto& i) { i.slots()[kGre6].local_index = 0; }},
            {"IPv6 local of an IPv4 remote", Section::kSlots, kGre, "remote's family",
             [](auto& i) { i.slots()[kGre].local_index = 3; }},
            {"local index of the last kind", Section::kSlots, kIpv6, "local_index",
             [](auto& i) { i.slots()[kIpv6].local_index = 4; }},

            {"MTU of AYIYA", Section::kSlots, kAyiya, "MTU",
             [](auto& i) { i.slots()[kAyiya].mtu = 1429; }},
            {"MTU of a heartbeat tunnel", Section::kSlots, kHeartbeat, "MTU",
             [](auto& i) { i.slots()[kHeartbeat].mtu = 1481; }},
            {"MTU of GRE with all options", Section::kSlots, kGre, "MTU",
             [](auto& i) { i.slots()[kGre].mtu = 1465; }},
            {"MTU of GRE over IPv6", Section::kSlots, kGre6, "MTU",
             [](auto& i) { i.slots()[kGre6].mtu = 1457; }},
            {"MTU of 6in6 with the limit", Section::kSlots, kIpv6, "MTU",
             [](auto& i) { i.slots()[kIpv6].mtu = 1453; }},
            {"MTU below 1280", Section::kSlots, kDynamic, "MTU",
             [](auto& i) { i.slots()[kDynamic].mtu = 1279; }},

            {"no secret", Section::kSlots, kAyiya, "no secret",
             [](auto& i) { std::memset(i.slots()[kAyiya].secret_sha1, 0, 20); }},
            {"no secret of a dynamic tunnel", Section::kSlots, kDynamic, "no secret",
             [](auto& i) { std::memset(i.slots()[kDynamic].secret_sha1, 0, 20); }},
            {"secret of a heartbeat tunnel", Section::kSlots, kHeartbeat, "secret",
             [](auto& i) { i.slots()[kHeartbeat].secret_sha1[0] = 1; }},
            {"secret of GRE", Section::kSlots, kGre, "secret",
             [](auto& i) { i.slots()[kGre].secret_sha1[0] = 1; }},
            {"GRE flag of a 6in4 tunnel", Section::kSlots, kProto41, "GRE flag",
             [](auto& i) { i.slots()[kProto41].flags |= kTunnelGreSequence; }},
            {"GRE key without its flag", Section::kSlots, kGre6, "GRE key",
             [](auto& i) { i.slots()[kGre6].gre_key = 1; }},
            {"GRE key of AYIYA", Section::kSlots, kAyiya, "GRE key",
             [](auto& i) { i.slots()[kAyiya].gre_key = 1; }},
            {"encapsulation limit of GRE", Section::kSlots, kGre6, "encapsulation limit",
             [](auto& i) { i.slots()[kGre6].encapsulation_limit = 4; }},
            {"option", Section::kSlots, kDynamic, "unknown tunnel option",
             [](auto& i) { i.slots()[kDynamic].options |= 4; }},
            {"strict replay of a static tunnel", Section::kSlots, kGre, "option",
             [](auto& i) { i.slots()[kGre].options = kTunnelOptionStrictReplay; }},
            {"rotation of a static tunnel", Section::kSlots, kIpv6, "option",
             [](auto& i) { i.slots()[kIpv6].options = kTunnelOptionRotation; }},
            {"beat timeout of a static tunnel", Section::kSlots, kIpv6, "beat timeout",
             [](auto& i) { i.slots()[kIpv6].beat_timeout_s = 180; }},
            {"no beat timeout", Section::kSlots, kAyiya, "beat timeout",
             [](auto& i) { i.slots()[kAyiya].beat_timeout_s = 0; }},
            {"short beat timeout", Section::kSlots, kAyiya, "beat timeout",
             [](auto& i) { i.slots()[kAyiya].beat_timeout_s = 9; }},
            {"long beat timeout", Section::kSlots, kAyiya, "beat timeout",
             [](auto& i) { i.slots()[kAyiya].beat_timeout_s = 3601; }},
            {"reserved byte", Section::kSlots, kDynamic, "reserved",
             [](auto& i) { i.slots()[kDynamic].reserved[3] = 1; }},

            {"heartbeat without cold", Section::kSlots, kHeartbeat, "no cold_index",
             [](auto& i) { i.slots()[kHeartbeat].cold_index = kNoSlot; }},
            {"rotation without cold", Section::kSlots, kPlainAyiya, "no cold_index",
             [](auto& i) { i.slots()[kPlainAyiya].options = kTunnelOptionRotation; }},
            {"cold of a static tunnel", Section::kSlots, kGre, "nothing to find",
             [](auto& i) { i.slots()[kGre].cold_index = 0; }},
            {"cold of AYIYA without a rotation", Section::kSlots, kPlainAyiya, "nothing to find",
             [](auto& i) { i.slots()[kPlainAyiya].cold_index = 0; }},
            {"cold index behind the section", Section::kSlots, kHeartbeat,
             "beyond the cold section", [](auto& i) { i.slots()[kHeartbeat].cold_index = 3; }},
            {"cold index far away", Section::kSlots, kHeartbeat, "beyond the cold section",
             [](auto& i) { i.slots()[kHeartbeat].cold_index = 0xfffffffe; }},
            {"another tunnel's cold", Section::kCold, 1, "another slot",
             [](auto& i) { i.slots()[kHeartbeat].cold_index = i.slots()[kAyiya].cold_index; }},
            {"cold that names another slot", Section::kCold, 0, "another slot",
             [](auto& i) { cold_of(i)[0].slot = kDynamic; }},
            {"cold of nobody", Section::kCold, 2, "more records",
             [](auto& i) {
               i.slots()[kAyiya].options &= static_cast<uint8_t>(~kTunnelOptionRotation);
               i.slots()[kAyiya].cold_index = kNoSlot;
             }},
            {"no password", Section::kCold, 0, "length",
             [](auto& i) { cold_of(i, kHeartbeat).password_length[0] = 0; }},
            {"password too long", Section::kCold, 0, "length",
             [](auto& i) { cold_of(i, kHeartbeat).password_length[0] = 133; }},
            {"password behind the section", Section::kCold, 0, "beyond",
             [](auto& i) { cold_of(i, kHeartbeat).password_offset[0] = 1u << 30; }},
            {"password that ends behind the section", Section::kCold, 2, "beyond",
             [](auto& i) { cold_of(i, kDynamic).password_length[1] = 24; }},
            {"password whose end overflows", Section::kCold, 2, "beyond",
             [](auto& i) { cold_of(i, kDynamic).password_offset[1] = 0xffffffff; }},
            {"no previous password in a rotation", Section::kCold, 0, "length",
             [](auto& i) { cold_of(i, kHeartbeat).password_length[1] = 0; }},
            {"previous password without a rotation", Section::kCold, 0, "does not have",
             [](auto& i) { i.slots()[kHeartbeat].options = 0; }},
            {"clear text for AYIYA", Section::kCold, 1, "does not have",
             [](auto& i) { cold_of(i, kAyiya).password_length[0] = 16; }},
            {"offset without a password", Section::kCold, 1, "does not have",
             [](auto& i) { cold_of(i, kAyiya).password_offset[1] = 1; }},
            {"no previous secret", Section::kCold, 1, "no previous secret",
             [](auto& i) { std::memset(cold_of(i, kAyiya).previous_sha1, 0, 20); }},
            {"previous secret of a heartbeat tunnel", Section::kCold, 0, "previous secret",
             [](auto& i) { cold_of(i, kHeartbeat).previous_sha1[19] = 1; }},
            {"cold reserved bytes", Section::kCold, 0, "reserved",
             [](auto& i) { cold_of(i)[0].reserved0[0] = 1; }},
            {"cold reserved end", Section::kCold, 2, "reserved",
             [](auto& i) { cold_of(i)[2].reserved[27] = 1; }},

            {"outer index that names a dynamic tunnel", Section::kOuterIndex, 0,
             "no configured remote", [](auto& i) { i.outer()[0] = kHeartbeat; }},
            {"outer index without IPv6 order", Section::kOuterIndex, 3, "sorted",
             [](auto& i) { std::swap(i.outer()[2], i.outer()[3]); }},
            {"outer index that lacks a tunnel", Section::kOuterIndex, 3, "not as many",
             [](auto& i) {
               i.outer()[3] = 0;
               i.section(Section::kOuterIndex).size -= 4;
             }},
            {"refused endpoints in the wrong order", Section::kRefusedEndpoints, 1, "sorted",
             [](auto& i) { std::swap(refused_of(i)[0], refused_of(i)[1]); }},
            {"refused endpoint twice", Section::kRefusedEndpoints, 1, "sorted",
             [](auto& i) { refused_of(i)[1] = refused_of(i)[0]; }},
            {"refused endpoint that is none", Section::kRefusedEndpoints, 0, "a host can have",
             [](auto& i) { refused_of(i)[0] = Ipv6Address{}; }},
};

void check_refused(const Spoilt& spoilt, const v1::Config& config) {
  INFO(spoilt.what);
  SnapshotImage image = SnapshotImage::of(config);
  spoilt.spoil(image);
  image.fix_checksums();
  const SnapshotOpenResult result = image.open();
  CHECK_FALSE(result);
  INFO(result.error.reason);
  CHECK(result.error.section == spoilt.section);
  CHECK(result.error.index == spoilt.index);
  CHECK_THAT(result.error.reason, ContainsSubstring(spoilt.reason));
}

TEST_CASE("each spoilt field is refused with its section and element") {
  for (const Spoilt& spoilt : kSpoilt) check_refused(spoilt, testing::sample_config());
}

TEST_CASE("each spoilt field of a tunnel of each type is refused") {
  for (const Spoilt& spoilt : kSpoiltKinds) check_refused(spoilt, testing::every_type_config());
}

TEST_CASE("more refused endpoints than allowed are refused themselves") {
  v1::Config config = testing::every_type_config();
  config.mutable_pop()->clear_other_pop_addresses();
  for (int i = 0; i < 256; ++i) {
    config.mutable_pop()->add_other_pop_addresses("10.0.0." + std::to_string(i));
  }
  SnapshotImage image = SnapshotImage::of(config);
  REQUIRE(image.open());
  // Whatever is in the last page: its size alone is too much.
  SnapshotImage longer(image.size() + 4096);
  std::memcpy(longer.bytes().data(), image.bytes().data(), image.size());
  longer.header().total_size = longer.size();
  longer.section(Section::kRefusedEndpoints).size += 16;
  longer.fix_checksums();
  const SnapshotOpenResult result = longer.open();
  CHECK_FALSE(result);
  CHECK(result.error.section == Section::kRefusedEndpoints);
  CHECK(result.error.index == 257);
}

TEST_CASE("a wrong checksum is refused, of the header and of each section") {
  SnapshotImage header = SnapshotImage::of(testing::sample_config());
  header.header().created_unix_ns ^= 1;
  CHECK_THAT(header.open().error.reason, ContainsSubstring("header checksum"));
  for (const auto type :
       {Section::kPop, Section::kPools, Section::kSlots, Section::kUnitToSlot, Section::kOuterIndex,
        Section::kCold, Section::kPasswords, Section::kRefusedEndpoints}) {
    SnapshotImage image = SnapshotImage::of(testing::every_type_config());
    image.bytes()[image.section(type).offset] ^= std::byte{1};
    const SnapshotOpenResult result = image.open();
    CHECK_FALSE(result);
    CHECK(result.error.section == type);
    CHECK_THAT(result.error.reason, ContainsSubstring("checksum"));
  }
}

TEST_CASE("sections of a later version are skipped") {
  SnapshotImage image = SnapshotImage::of(testing::sample_config());
  SnapshotImage longer(image.size() + 4096);
  std::memcpy(longer.bytes().data(), image.bytes().data(), image.size());
  longer.header().abi_minor = 7;
  longer.header().total_size = longer.size();
  SnapshotSection& extra = longer.header().sections[longer.header().section_count++];
  extra = {.type = 77,
           .element_size = 3,
           .offset = image.size(),
           .size = 300,
           .crc32c = 0,
           .reserved = 0};
  longer.bytes()[image.size()] = std::byte{42};
  longer.fix_checksums();
  const SnapshotOpenResult result = longer.open();
  INFO(result.error.reason);
  CHECK(result);
}

TEST_CASE("no prefix of a snapshot is taken for one") {
  SnapshotImage image = SnapshotImage::of(testing::sample_config());
  for (std::size_t size = 0; size < image.size(); size += size < 8192 ? 64 : 4096) {
    const auto result = SnapshotView::over(image.bytes().first(size));
    CHECK_FALSE(result);
  }
}

}  // namespace
}  // namespace simplon
