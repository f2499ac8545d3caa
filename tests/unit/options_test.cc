// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Command line, and what it makes of a machine.

#include "dataplane/options.h"

#include <algorithm>

#include "dataplane/worker/machine_plan.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

using testing::ContainsSubstring;

ParseResult parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "simplon-dataplane");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options parsed(std::vector<const char*> arguments) {
  ParseResult result = parse(std::move(arguments));
  INFO(result.text);
  REQUIRE(result.options);
  return *result.options;
}

Machine machine(std::vector<unsigned> cpus, std::vector<unsigned> isolated = {}) {
  Machine m;
  m.online_cpus = cpus;
  for (const unsigned cpu : isolated) std::erase(cpus, cpu);
  m.allowed_cpus = std::move(cpus);
  m.isolated_cpus = std::move(isolated);
  return m;
}

bool contains(const std::vector<std::string>& arguments, const std::string& argument) {
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

TEST_CASE("ports are PCI addresses, virtual devices, or short for one") {
  const struct {
    const char* text;
    bool pci;
    const char* name;
    const char* arguments;
    const char* interface;
  } cases[] = {
      {"up=0000:3b:00.0", true, "0000:3b:00.0", "", ""},
      {"up=3b:00.1", true, "0000:3b:00.1", "", ""},
      {"up=0000:3b:00.0,rx_vec_en=1", true, "0000:3b:00.0", "rx_vec_en=1", ""},
      {"up=net_null0", false, "net_null0", "", ""},
      {"up=net_af_packet0,iface=eth1,qpairs=2", false, "net_af_packet0", "iface=eth1,qpairs=2",
       "eth1"},
      {"up=net_af_xdp3,iface=eth1", false, "net_af_xdp3", "iface=eth1", "eth1"},
      {"up=net_tap0,iface=new0", false, "net_tap0", "iface=new0", ""},
      {"up=net_pcap0,rx_pcap=a.pcap,tx_pcap=b.pcap", false, "net_pcap0",
       "rx_pcap=a.pcap,tx_pcap=b.pcap", ""},
      {"up=af_packet:eth1", false, "net_af_packet_up", "iface=eth1", "eth1"},
      {"up=af_xdp:eth1", false, "net_af_xdp_up", "iface=eth1", "eth1"},
      {"up=tap:new0", false, "net_tap_up", "iface=new0", ""},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    PortOption port;
    std::string error;
    REQUIRE(parse_port(c.text, 1, port, error));
    CHECK(port.name == "up");
    CHECK(port.pci == c.pci);
    CHECK(port.eal_name == c.name);
    CHECK(port.eal_arguments == c.arguments);
    CHECK(port.interface == c.interface);
  }
  PortOption port;
  std::string error;
  REQUIRE(parse_port("up=af_packet:eth1", 4, port, error));
  CHECK(port.eal_arguments == "iface=eth1,qpairs=4");
}

TEST_CASE("what cannot work is refused with status 2 and a sentence") {
  const struct {
    std::vector<const char*> arguments;
    const char* says;
  } cases[] = {
      {{}, "no port given"},
      {{"--port", "eth1"}, "NAME=DEVICE"},
      {{"--port", "=net_null0"}, "NAME=DEVICE"},
      {{"--port", "up="}, "NAME=DEVICE"},
      {{"--port", "up=eth1"}, "neither a PCI address"},
      {{"--port", "up=af_packet:"}, "neither a PCI address"},
      {{"--port", "sixteen-letters-=net_null0"}, "1 to 15"},
      {{"--port", "a b=net_null0"}, "1 to 15"},
      {{"--port", "up=net_null0", "--port", "up=net_null1"}, "given twice"},
      {{"--port", "a=net_null0", "--port", "b=net_null0"}, "given twice"},
      {{"--port", "up=net_null0", "--workers", "0"}, "--workers"},
      {{"--port", "up=net_null0", "--workers", "33"}, "--workers"},
      {{"--port", "up=net_null0", "--workers", "2", "--lcores", "3"}, "one each"},
      {{"--port", "up=net_null0", "--lcores", "3-"}, "list of CPUs"},
      {{"--port", "up=net_null0", "--max-slots", "1048577"}, "--max-slots"},
      {{"--port", "up=net_null0", "--hugepages", "maybe"}, "--hugepages"},
      {{"--port", "up=net_null0", "--burst", "65"}, "--burst"},
      {{"--port", "up=net_null0", "--no-such-option"}, "--no-such-option"},
  };
  for (const auto& c : cases) {
    const ParseResult result = parse(c.arguments);
    INFO(c.says);
    CHECK_FALSE(result.options);
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.text, ContainsSubstring(c.says));
  }
}

TEST_CASE("help and version are no errors") {
  CHECK(parse({"--help"}).exit_code == 0);
  CHECK_THAT(parse({"--help"}).text, ContainsSubstring("Examples:"));
  CHECK(parse({"--version"}).exit_code == 0);
  CHECK_THAT(parse({"--version"}).text, ContainsSubstring(SIMPLON_VERSION));
}

TEST_CASE("the socket is in the state directory unless it is told otherwise") {
  CHECK(parsed({"--port", "up=net_null0"}).socket == "/run/simplon/dataplane.sock");
  CHECK(parsed({"--port", "up=net_null0", "--state-dir", "/x"}).socket == "/x/dataplane.sock");
  CHECK(parsed({"--port", "up=net_null0", "--state-dir", "/x", "--socket", "/y"}).socket == "/y");
}

TEST_CASE("CPU lists") {
  CHECK(parse_cpu_list("0") == std::vector<unsigned>{0});
  CHECK(parse_cpu_list("2-4,7") == std::vector<unsigned>{2, 3, 4, 7});
  for (const char* bad : {"", "a", "1,", "-1", "3-2", "1-", "1--2", "5000"}) {
    CHECK(parse_cpu_list(bad).empty());
  }
}

TEST_CASE("workers get CPUs of their own where there are enough, isolated ones first") {
  Options o = parsed({"--port", "up=net_null0", "--workers", "2"});
  std::string error;
  auto plan = plan_cpus(o, machine({0, 1, 2, 3}), error);
  REQUIRE(plan);
  CHECK(plan->lcores() == "0@(0,1),1@3,2@2");
  CHECK(plan->idle == IdleMode::kYield);
  CHECK_FALSE(plan->shared);

  plan = plan_cpus(o, machine({0, 1, 2, 3}, {1, 2}), error);
  CHECK(plan->lcores() == "0@(0,3),1@1,2@2");
  CHECK(plan->idle == IdleMode::kSpin);

  // Two threads that poll, and the rest of the machine: nobody may take a CPU whole.
  plan = plan_cpus(o, machine({0, 1}), error);
  CHECK(plan->lcores() == "0@(0,1),1@1,2@0");
  CHECK(plan->idle == IdleMode::kSleep);
  CHECK(plan->shared);

  o = parsed({"--port", "up=net_null0"});
  plan = plan_cpus(o, machine({0, 1}), error);
  CHECK(plan->lcores() == "0@(0),1@1");
  CHECK(plan->idle == IdleMode::kSleep);
  plan = plan_cpus(o, machine({0}), error);
  CHECK(plan->lcores() == "0@(0),1@0");
  CHECK(plan->shared);
}

TEST_CASE("frames wait for others only where that is asked for, and not for long") {
  CHECK(parsed({"--port", "up=net_null0"}).tx_delay_us == 0);
  CHECK(parsed({"--port", "up=net_null0", "--tx-delay", "20"}).tx_delay_us == 20);
  const ParseResult refused = parse({"--port", "up=net_null0", "--tx-delay", "2000"});
  CHECK_FALSE(refused.options);
  CHECK_THAT(refused.text, ContainsSubstring("--tx-delay") && ContainsSubstring("1000"));
}

TEST_CASE("a NIC's word is taken for UDP checksums, unless another's is asked for or nobody's") {
  const auto whose = [](const std::string& name) {
    return parsed({"--port", "up=net_null0", "--rx-checksums", name.c_str()}).rx_checksums;
  };
  CHECK(parsed({"--port", "up=net_null0"}).rx_checksums == RxChecksums::kNic);
  CHECK(whose("nic") == RxChecksums::kNic);
  CHECK(whose("driver") == RxChecksums::kDriver);
  CHECK(whose("none") == RxChecksums::kNone);
  const ParseResult refused = parse({"--port", "up=net_null0", "--rx-checksums", "yes"});
  CHECK_FALSE(refused.options);
  CHECK_THAT(refused.text, ContainsSubstring("--rx-checksums"));
}

TEST_CASE("CPUs and idling can be said, and CPUs that are not there are refused") {
  std::string error;
  Options o = parsed({"--port", "up=net_null0", "--workers", "2", "--lcores", "2,5", "--main-lcore",
                      "0", "--idle", "spin"});
  const auto plan = plan_cpus(o, machine({0, 1, 2, 3, 4, 5}), error);
  REQUIRE(plan);
  CHECK(plan->lcores() == "0@(0),1@2,2@5");
  CHECK(plan->idle == IdleMode::kSpin);
  CHECK(parsed({"--port", "up=net_null0", "--idle", "pause"}).idle == IdleMode::kPause);
  CHECK_FALSE(plan_cpus(o, machine({0, 1, 2, 3}), error));
  CHECK_THAT(error, ContainsSubstring("CPU 5 is not online"));
}

TEST_CASE("hugepages are used when enough are free, and demanded only when asked") {
  std::string error;
  Machine m = machine({0, 1});
  Options o = parsed({"--port", "up=net_null0"});
  auto plan = plan_memory(o, m, error);
  REQUIRE(plan);
  CHECK_FALSE(plan->hugepages);
  CHECK_THAT(plan->hugepages_reason, ContainsSubstring("0 MiB of hugepages are free"));
  CHECK_THAT(plan->describe(o), ContainsSubstring("packet buffers"));

  m.free_hugepage_bytes = uint64_t{1} << 30;
  CHECK(plan_memory(o, m, error)->hugepages);
  o.hugepages = Hugepages::kOff;
  CHECK_FALSE(plan_memory(o, m, error)->hugepages);
  CHECK(plan_memory(o, m, error)->hugepages_reason.empty());

  m.free_hugepage_bytes = uint64_t{2} << 20;
  o.hugepages = Hugepages::kOn;
  CHECK_FALSE(plan_memory(o, m, error));
  CHECK_THAT(error, ContainsSubstring("sysctl vm.nr_hugepages="));
}

TEST_CASE("memory that is too little for the buffers asked for is refused with what would do") {
  std::string error;
  const Machine m = machine({0, 1});
  Options o = parsed({"--port", "up=net_null0", "--memory", "64", "--mbufs", "100000"});
  CHECK_FALSE(plan_memory(o, m, error));
  CHECK_THAT(error, ContainsSubstring("--memory 64"));
  // Buffers nobody asked for by number are as many as fit.
  o = parsed({"--port", "up=net_null0", "--memory", "64"});
  const auto plan = plan_memory(o, m, error);
  REQUIRE(plan);
  CHECK(plan->memory_mb == 64);
  CHECK(plan->mbuf_bytes < uint64_t{64} << 20);
}

TEST_CASE("without hugepages every buffer has pages of its own, and the plan knows") {
  std::string error;
  Machine m = machine({0, 1, 2});
  const Options o = parsed({"--port", "a=net_null0", "--port", "b=net_null1", "--workers", "2"});
  const auto paged = plan_memory(o, m, error);
  REQUIRE(paged);
  CHECK(paged->mbuf_bytes == uint64_t{paged->mbufs} * 4096);
  m.free_hugepage_bytes = uint64_t{1} << 30;
  const auto packed = plan_memory(o, m, error);
  REQUIRE(packed);
  CHECK(packed->mbufs == paged->mbufs);
  CHECK(packed->mbuf_bytes < paged->mbuf_bytes);
  // A jumbo buffer takes several pages.
  const Options jumbo = parsed({"--port", "a=net_null0", "--mtu", "9000", "--hugepages", "off"});
  const auto large = plan_memory(jumbo, m, error);
  CHECK(large->mbuf_bytes == uint64_t{large->mbufs} * 3 * 4096);
}

TEST_CASE("EAL never probes a device nobody named") {
  std::string error;
  const Machine m = machine({0, 1});
  const auto arguments = [&](const Options& o) {
    return eal_arguments(o, *plan_cpus(o, m, error), *plan_memory(o, m, error));
  };
  auto list = arguments(parsed({"--port", "up=net_null0"}));
  CHECK(contains(list, "--no-pci"));
  CHECK(contains(list, "--no-huge"));
  CHECK(contains(list, "--no-telemetry"));
  list = arguments(parsed({"--port", "up=3b:00.0", "--port", "b=0000:3b:00.1"}));
  CHECK_FALSE(contains(list, "--no-pci"));
  CHECK(std::count(list.begin(), list.end(), "-a") == 2);
  CHECK(contains(list, "0000:3b:00.0"));
  // What the user says to EAL replaces what we would.
  list = arguments(parsed({"--port", "up=net_null0", "--", "-m", "256", "--no-huge"}));
  CHECK(std::count(list.begin(), list.end(), "-m") == 1);
  CHECK(std::count(list.begin(), list.end(), "--no-huge") == 1);
  CHECK(contains(list, "256"));
}

}  // namespace
}  // namespace simplon
