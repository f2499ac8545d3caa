// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplonctl check: which PoP is well, and how it is said.

#include <string>

#include "control/cli/check.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

using simplon::testing::ContainsSubstring;

v1::PopStatus pop(uint32_t configured, uint32_t online, uint32_t active) {
  v1::PopStatus status;
  status.set_name("test");
  status.set_tunnels(configured);
  status.set_tunnels_enabled(configured);
  status.set_tunnels_online(online);
  status.set_tunnels_active(active);
  status.set_dataplane_connected(true);
  status.set_dataplane_version("1");
  status.set_ports(2);
  status.set_ports_up(2);
  status.mutable_publish()->set_state(v1::PublishStatus::ACTIVE);
  return status;
}

std::string line(const v1::PopStatus& status, const CheckLimits& limits = {}) {
  const std::string text = check_text(judge(status, limits), false);
  return text.substr(0, text.find(" | "));
}

TEST_CASE("the original's thresholds decide") {
  struct Row {
    uint32_t configured, online, active;
    Health health;
  };
  const Row rows[] = {
      {0, 0, 0, Health::kCritical},  // nobody is served at all
      {1, 0, 0, Health::kOk},        // small
      {49, 0, 0, Health::kOk},
      {50, 5, 3, Health::kOk},  // a tenth online, more than half of them active
      {50, 4, 4, Health::kWarning},
      {1000, 812, 455, Health::kOk},
      {1000, 100, 50, Health::kOk},  // exactly at the limits
      {1000, 99, 99, Health::kWarning},
      {1000, 100, 49, Health::kWarning},
      {1000, 0, 0, Health::kWarning},  // nothing is divided by
      {1000, 100, 700, Health::kOk},   // all went down within the last minutes
      {1000000, 99999, 99999, Health::kWarning},
  };
  for (const Row& row : rows) {
    INFO(row.configured << " " << row.online << " " << row.active);
    CHECK(judge(pop(row.configured, row.online, row.active), {}).health == row.health);
  }
}

TEST_CASE("from 1 on a threshold is a number of tunnels, and 0 asks for nothing") {
  CheckLimits limits;
  limits.online = 200;
  limits.active = 20;
  CHECK(judge(pop(1000, 200, 20), limits).health == Health::kOk);
  CHECK(judge(pop(1000, 199, 199), limits).health == Health::kWarning);
  CHECK(judge(pop(1000, 200, 19), limits).health == Health::kWarning);
  limits.online = limits.active = 0;
  CHECK(judge(pop(1000, 0, 0), limits).health == Health::kOk);
  limits.configured = 1001;
  CHECK(judge(pop(1000, 0, 0), limits).health == Health::kWarning);
  limits.small_pop = 1001;
  CHECK(judge(pop(1000, 0, 0), limits).health == Health::kOk);
  limits.small_pop = 0;
  limits.configured = 5;
  CHECK(judge(pop(4, 4, 4), limits).health == Health::kWarning);
  CHECK(judge(pop(0, 0, 0), limits).health == Health::kCritical);
}

TEST_CASE("what else goes wrong has the weight one gives it") {
  const CheckLimits limits;
  v1::PopStatus status = pop(1000, 812, 455);
  status.set_dataplane_connected(false);
  status.set_dataplane_error("connect: No such file or directory");
  status.set_ports_up(0);
  CHECK(judge(status, limits).health == Health::kCritical);
  CHECK(line(status) ==
        "SIMPLON CRITICAL - no dataplane is connected: connect: No such file or directory; 812 of "
        "1000 online, 455 active");

  status = pop(1000, 812, 455);
  status.set_ports_up(1);
  CHECK(line(status) == "SIMPLON WARNING - 1 of 2 ports up; 812 of 1000 online, 455 active");
  status.set_ports_up(0);
  CHECK(judge(status, limits).health == Health::kCritical);
  CheckLimits lenient;
  lenient.port_down = Health::kOk;
  CHECK(judge(status, lenient).health == Health::kOk);

  status = pop(1000, 812, 455);
  status.mutable_publish()->set_state(v1::PublishStatus::REJECTED);
  status.mutable_publish()->set_message("too\nlarge | really");
  CHECK(line(status) ==
        "SIMPLON CRITICAL - the dataplane refused the configuration: too large / really; 812 of "
        "1000 online, 455 active");
  status.mutable_publish()->set_state(v1::PublishStatus::STALLED);
  CHECK(judge(status, limits).health == Health::kCritical);
  lenient.publish_failed = Health::kWarning;
  CHECK(judge(status, lenient).health == Health::kWarning);
  status.mutable_publish()->set_state(v1::PublishStatus::PUBLISHING);
  CHECK(judge(status, limits).health == Health::kOk);

  status = pop(1000, 812, 455);
  status.set_service_state(v1::DRAINING);
  status.set_service_message("moving to Zurich");
  CHECK(line(status) ==
        "SIMPLON WARNING - draining: moving to Zurich; 812 of 1000 online, 455 active");
  status.set_service_state(v1::IN_SERVICE);
  CHECK(judge(status, limits).health == Health::kOk);
}

TEST_CASE("the worst is said first, and a small PoP with a fault is no small fault") {
  v1::PopStatus status = pop(3, 1, 0);
  CHECK(line(status) == "SIMPLON OK - small PoP: 1 of 3 online, 0 active");
  status.set_service_state(v1::OUT_OF_SERVICE);
  status.mutable_publish()->set_state(v1::PublishStatus::REJECTED);
  status.set_ports_up(1);
  CHECK(line(status) ==
        "SIMPLON CRITICAL - the dataplane refused the configuration; 1 of 2 ports up; out of "
        "service; small PoP: 1 of 3 online, 0 active");
}

TEST_CASE("performance data follow the guidelines of Nagios") {
  v1::PopStatus status = pop(1000, 812, 455);
  status.set_in_packets(7);
  status.set_in_bytes(700);
  status.set_out_packets(8);
  status.set_out_bytes(800);
  status.set_drops(1);
  CHECK(check_text(judge(status, {}), false) ==
        "SIMPLON OK - 812 of 1000 online, 455 active | online=812;100:;;0;1000 active=455;406:;;0;"
        "1000 configured=1000;5:;1:;0 in_packets=7c in_bytes=700c out_packets=8c out_bytes=800c "
        "drops=1c\n");
  // What is not judged has no threshold.
  CHECK_THAT(judge(pop(3, 1, 0), {}).performance,
             ContainsSubstring("online=1;;;0;3 active=0;;;0;3 configured=3;;1:;0 "));
  const std::string verbose = check_text(judge(status, {}), true);
  CHECK_THAT(verbose, ContainsSubstring("\nports 2 of 2 up, workers 0\n"));
}

}  // namespace
}  // namespace simplon::cli
