// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What control hands over besides snapshots: endpoints of its journal, read as hostile input, and
// commands, which wait for the slow path.

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include "dataplane/link/command_queue.h"
#include "dataplane/link/seed.h"
#include "dataplane/state/file_descriptor.h"
#include "tests/support/catch.h"
#include "tests/support/test_snapshot.h"

namespace simplon {
namespace {

constexpr uint32_t kEpoch = 1'700'000'000;
constexpr uint32_t kBoot = 5'000;
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
constexpr uint32_t kBeats = 2;
constexpr uint32_t kAyiya = 3;
constexpr uint32_t kEither = 4;
constexpr uint32_t kDisabled = 5;

Ipv6Address address(std::string_view text) {
  return text.find(':') == std::string_view::npos
             ? Ipv6Address::from_ipv4(*Ipv4Address::parse(text))
             : *Ipv6Address::parse(text);
}

SeedRecord record(uint32_t slot, std::string_view from = "198.51.100.7", uint16_t port = 0,
                  std::string_view local = "192.0.2.2") {
  SeedRecord r{};
  r.slot = slot;
  r.highest_epoch = kEpoch;
  r.last_seen_ago_s = 30;
  r.transport = port != 0 ? 1 : 0;
  r.verified = 1;
  r.port = port;
  std::memcpy(r.address, address(from).bytes.data(), sizeof r.address);
  std::memcpy(r.local_address, address(local).bytes.data(), sizeof r.local_address);
  return r;
}

struct Bed {
  control::SealedSnapshot sealed = testing::make_snapshot(1, 1);
  SnapshotView view = open(sealed.fd.get());
  std::vector<TunnelRuntime> records = std::vector<TunnelRuntime>(view.slot_capacity());
  RuntimeTable runtime{std::span(records)};

  Bed() { spdlog::set_level(spdlog::level::off); }
  static SnapshotView open(int fd) {
    SnapshotOpenResult opened = SnapshotView::open(fd);
    REQUIRE(opened);
    return std::move(*opened.view);
  }

  SeedDone take(std::span<const SeedRecord> seeds, int seals = kSeals, uint64_t count = ~0ull) {
    const FileDescriptor fd(memfd_create("seed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const auto size = static_cast<ssize_t>(seeds.size_bytes());
    REQUIRE(write(fd.get(), seeds.data(), seeds.size_bytes()) == size);
    if (seals != 0) REQUIRE(fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
    const Seed message{{}, count == ~0ull ? seeds.size() : count};
    return take_seed(message, fd.get(), view, runtime, kBoot);
  }
  bool takes(const SeedRecord& r) {
    const SeedDone done = take({&r, 1});
    CHECK(done.accepted + done.refused == 1);
    return done.accepted == 1;
  }
};

TEST_CASE("a journal brings endpoints, epochs and times back") {
  Bed bed;
  const std::array seeds = {record(kBeats), record(kAyiya, "203.0.113.5", 4711),
                            record(kEither, "2001:db8:77::7", 0, "2001:db8:0:1::2")};
  const SeedDone done = bed.take(seeds);
  CHECK(done.accepted == 3);
  CHECK(done.refused == 0);
  const Endpoint beats = bed.runtime.load(kBeats, 0);
  CHECK(beats.address == address("198.51.100.7"));
  CHECK(beats.up);
  CHECK(beats.verified);
  CHECK(bed.runtime.highest_epoch(kBeats, 0) == kEpoch);
  CHECK(bed.runtime.last_seen_s(kBeats, 0) == kBoot - 30);
  const Endpoint ayiya = bed.runtime.load(kAyiya, 0);
  CHECK(ayiya.port == 4711);
  CHECK(ayiya.transport == Transport::kAyiya);
  const Endpoint six = bed.runtime.load(kEither, 0);
  CHECK(six.address == address("2001:db8:77::7"));
  CHECK(Ipv6Address::from_bytes(bed.view.pop().local_addresses[six.local_index]) ==
        address("2001:db8:0:1::2"));
  // Once.
  CHECK(bed.take(seeds).refused == 3);
}

TEST_CASE("a journal's endpoint that timed out meanwhile is known, and down") {
  Bed bed;
  SeedRecord r = record(kBeats);
  SECTION("by time") {
    r.last_seen_ago_s = 181;
    REQUIRE(bed.takes(r));
    CHECK(bed.runtime.load(kBeats, 0).known());
    CHECK_FALSE(bed.runtime.load(kBeats, 0).up);
  }
  SECTION("at the limit it is up, and expires a second later") {
    r.last_seen_ago_s = 180;
    REQUIRE(bed.takes(r));
    CHECK(bed.runtime.load(kBeats, 0).up);
    CHECK_FALSE(bed.runtime.expire(kBeats, 0, kBoot, 180));
    CHECK(bed.runtime.expire(kBeats, 0, kBoot + 1, 180));
  }
  SECTION("because the tunnel is disabled") {
    REQUIRE(bed.takes(record(kDisabled, "198.51.100.7", 4711)));
    CHECK(bed.runtime.load(kDisabled, 0).known());
    CHECK_FALSE(bed.runtime.load(kDisabled, 0).up);
  }
}

TEST_CASE("an endpoint that is impossible is left out, and its epoch still guards") {
  Bed bed;
  SeedRecord r = record(kEither);
  SECTION("the PoP's own address") {
    r = record(kEither, "192.0.2.2");
  }
  SECTION("loopback") {
    r = record(kEither, "127.0.0.1");
  }
  SECTION("multicast") {
    r = record(kEither, "ff0e::1", 0, "2001:db8:0:1::2");
  }
  SECTION("an address of the PoP's pools") {
    r = record(kEither, "2001:db8:1000::1", 0, "2001:db8:0:1::2");
  }
  SECTION("a local address the PoP does not have") {
    r = record(kEither, "198.51.100.7", 0, "192.0.2.9");
  }
  SECTION("two families") {
    r = record(kEither, "198.51.100.7", 0, "2001:db8:0:1::2");
  }
  SECTION("AYIYA without a port") {
    r.transport = 1;
  }
  SECTION("protocol 41 with one") {
    r.port = 5;
  }
  SECTION("AYIYA where only beats are taken") {
    r = record(kBeats, "198.51.100.7", 4711);
  }
  SECTION("beats where only AYIYA is taken") {
    r = record(kAyiya);
  }
  SECTION("longer ago than anybody waits") {
    r.last_seen_ago_s = 0xffffffff;
  }
  CHECK(bed.takes(r));
  CHECK_FALSE(bed.runtime.load(r.slot, 0).known());
  CHECK(bed.runtime.highest_epoch(r.slot, 0) == kEpoch);
}

TEST_CASE("what does not fit the table or the format is refused, one by one") {
  Bed bed;
  SeedRecord bad = record(kEither);
  SECTION("a static tunnel") {
    bad.slot = 1;
  }
  SECTION("an empty slot") {
    bad.slot = 7;
  }
  SECTION("a slot beyond the table") {
    bad.slot = bed.view.slot_capacity();
  }
  SECTION("any slot at all") {
    bad.slot = 0xffffffff;
  }
  SECTION("another incarnation") {
    bad.incarnation = 1;
  }
  SECTION("no incarnation there can be") {
    bad.incarnation = 128;
  }
  SECTION("an unknown transport") {
    bad.transport = 2;
  }
  SECTION("flags that are none") {
    bad.verified = 2;
  }
  SECTION("bytes that should be zero") {
    bad.reserved[13] = 1;
  }
  SECTION("nothing in it") {
    bad.highest_epoch = 0;
    std::memset(bad.address, 0, sizeof bad.address);
  }
  const std::array seeds = {bad, record(kBeats)};
  const SeedDone done = bed.take(seeds);
  CHECK(done.accepted == 1);
  CHECK(done.refused == 1);
  CHECK(bed.runtime.load(kBeats, 0).known());
}

TEST_CASE("a descriptor that is not what was announced is refused altogether") {
  Bed bed;
  const std::array seeds = {record(kBeats), record(kAyiya, "203.0.113.5", 4711)};
  SeedDone done{};
  SECTION("not sealed") {
    done = bed.take(seeds, 0);
  }
  SECTION("sealed against too little") {
    done = bed.take(seeds, F_SEAL_SHRINK | F_SEAL_GROW);
  }
  SECTION("more than there is") {
    done = bed.take(seeds, kSeals, 3);
  }
  SECTION("less than there is") {
    done = bed.take(seeds, kSeals, 1);
  }
  SECTION("a number that overflows") {
    done = bed.take(seeds, kSeals, (uint64_t{1} << 58) + 2);
  }
  SECTION("a pipe") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const FileDescriptor out(ends[0]);
    const FileDescriptor in(ends[1]);
    done = take_seed({{}, 2}, out.get(), bed.view, bed.runtime, kBoot);
  }
  CHECK(done.accepted == 0);
  CHECK(done.refused != 0);
  CHECK_FALSE(bed.runtime.load(kBeats, 0).known());
  CHECK(bed.runtime.highest_epoch(kBeats, 0) == 0);
}

TEST_CASE("no records are no fault") {
  Bed bed;
  const SeedDone done = bed.take({});
  CHECK(done.accepted == 0);
  CHECK(done.refused == 0);
}

TEST_CASE("commands reach the slow path one by one, and their answers come back") {
  CommandQueue queue;
  std::atomic<bool> stop{false};
  std::thread slow_path([&] {
    while (!stop) {
      queue.drain([](const TunnelCommand& command) {
        TunnelCommandDone done{};
        done.done = command.slot;
        return done;
      });
    }
  });
  TunnelCommand command{};
  for (command.slot = 1; command.slot <= 1000; ++command.slot) {
    REQUIRE(queue.run(command, std::chrono::seconds(10)).done == command.slot);
  }
  stop = true;
  slow_path.join();
}

TEST_CASE("a command nobody begins is taken back: it does not happen later") {
  CommandQueue queue;
  const TunnelCommandDone late = queue.run({}, std::chrono::milliseconds(5));
  CHECK(late.done == 0);
  CHECK(std::string_view(late.reason) == "the slow path does not answer");
  queue.drain([](const TunnelCommand&) -> TunnelCommandDone {
    FAIL("it was taken back");
    return {};
  });
}

}  // namespace
}  // namespace simplon
