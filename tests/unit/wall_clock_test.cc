// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/wall_clock.h"

#include <chrono>

#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kUnix = 1'700'000'000 * kSecond;
constexpr int64_t kBoot = 5'000 * kSecond;

// A machine whose clocks the test moves; sampled every 100 ms.
struct Machine {
  WallClock clock;
  int64_t now = kSecond;
  int64_t unix_ns = kUnix;
  int64_t boot = kBoot;

  Machine() { clock.sample({uint64_t(now), unix_ns, boot}); }
  // One interval of 100 ms of the workers' clock; the system clocks run by `rate` of it.
  int64_t tick(double rate = 1.0, int64_t step = 0) {
    constexpr int64_t kInterval = kSecond / 10;
    now += kInterval;
    unix_ns += int64_t(double(kInterval) * rate) + step;
    boot += int64_t(double(kInterval) * rate);
    return clock.sample({uint64_t(now), unix_ns, boot});
  }
  BurstTime time() const { return clock.at(uint64_t(now)); }
};

TEST_CASE("the time of a burst is that of the system clock, between samples, too") {
  Machine m;
  CHECK(m.time().unix_ns == uint64_t(kUnix));
  CHECK(m.time().unix_s() == 1'700'000'000);
  CHECK(m.time().boot_s == 5'000);
  CHECK(m.time().unix_before_step_s == 0);
  const BurstTime later = m.clock.at(uint64_t(m.now + 1'500'000'000));
  CHECK(later.now_ns == uint64_t(m.now + 1'500'000'000));
  CHECK(later.unix_ns == uint64_t(kUnix + 1'500'000'000));
  CHECK(later.boot_s == 5'001);
}

TEST_CASE("slewing is no jump, however far it goes") {
  const auto rate = GENERATE(1.0005, 0.9995, 1.1, 0.9);
  Machine m;
  for (int i = 0; i < 10'000; ++i) REQUIRE(m.tick(rate) == 0);
  CHECK(std::abs(m.unix_ns - kUnix - (m.now - kSecond)) > kSecond / 3);
  CHECK(m.clock.step_s() == 0);
  CHECK(m.time().unix_ns == uint64_t(m.unix_ns));
  CHECK(m.time().unix_before_step_s == 0);
}

TEST_CASE("a second is a leap second, more is a jump") {
  Machine m;
  CHECK(m.tick(1.0, kSecond) == 0);
  CHECK(m.tick(1.0, -kSecond) == 0);
  CHECK(m.clock.step_s() == 0);
  CHECK(m.tick(1.0, kSecond + 1) == kSecond + 1);
  CHECK(m.clock.step_s() == 1);
  CHECK(m.clock.step_unix_ns() == uint64_t(m.unix_ns));
}

TEST_CASE("for ten minutes after a jump the clock before it ticks on") {
  const auto step = GENERATE(3'600 * kSecond, -3'600 * kSecond);
  Machine m;
  REQUIRE(m.tick(1.0, step) == step);
  CHECK(m.clock.step_s() == step / kSecond);
  const int64_t at_step = m.now;
  while (m.now < at_step + 599 * kSecond) {
    REQUIRE(m.tick() == 0);
    const BurstTime t = m.time();
    REQUIRE(t.unix_ns == uint64_t(m.unix_ns));
    REQUIRE(t.unix_before_step_s == uint32_t((m.unix_ns - step) / kSecond));
  }
  while (m.now < at_step + 601 * kSecond) m.tick();
  CHECK(m.time().unix_before_step_s == 0);
  CHECK(m.clock.step_s() == step / kSecond);  // still told
}

TEST_CASE("a clock set right in two jumps leaves the time before the first") {
  Machine m;
  m.tick(1.0, -7'200 * kSecond);
  for (int i = 0; i < 10; ++i) m.tick();
  m.tick(1.0, 5 * kSecond);
  CHECK(m.time().unix_before_step_s == uint32_t((m.unix_ns + 7'195 * kSecond) / kSecond));
}

TEST_CASE("a clock that jumps and comes back leaves the time it has just left") {
  Machine m;
  m.tick(1.0, 7'200 * kSecond);
  m.tick(1.0, -7'200 * kSecond);
  CHECK(m.time().unix_s() == uint32_t(m.unix_ns / kSecond));
  CHECK(m.time().unix_before_step_s == uint32_t(m.unix_ns / kSecond + 7'200));
}

TEST_CASE("the clocks of this machine are read together") {
  ClockSample sample;
  const auto now = [] { return uint64_t{42}; };
  REQUIRE(ClockSample::take(now, sample));
  CHECK(sample.now_ns == 42);
  const auto unix_ns =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  CHECK(std::abs(unix_ns - sample.unix_ns) < kSecond);
  CHECK(sample.boot_ns > 0);
}

}  // namespace
}  // namespace simplon
