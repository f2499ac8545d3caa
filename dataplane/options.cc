// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <regex>
#include <set>
#include <string_view>

#include "dataplane/pipeline/packet.h"
#include "proto/link/link_messages.h"

namespace simplon {
namespace {

constexpr int kExitUsage = 2;
constexpr std::size_t kMaxPortName = 15;

constexpr const char* kFooter = R"(
DEVICE is a PCI address (0000:3b:00.0), a DPDK virtual device (net_af_packet0,iface=eth1), or short
for one: af_packet:IFACE, af_xdp:IFACE, tap:IFACE. No device that is not named is ever touched.

Arguments after "--" go to DPDK's EAL as they are.

Examples:
  simplon-dataplane --port uplink=0000:3b:00.0 --workers 4 --lcores 2-5
  simplon-dataplane --port uplink=af_xdp:eth1 --hugepages off --state-dir /run/simplon
  simplon-dataplane --port wan4=af_packet:eth1 --port wan6=af_packet:eth2 --check)";

bool parse_number(std::string_view text, unsigned& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc{} && end == text.data() + text.size();
}

// The value of KEY=VALUE in a list "A=B,C=D"; empty: not there.
std::string argument(const std::string& list, const std::string& key) {
  const std::string wanted = key + "=";
  std::size_t at = 0;
  while (at <= list.size()) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    if (list.compare(at, wanted.size(), wanted) == 0) {
      return list.substr(at + wanted.size(), end - at - wanted.size());
    }
    at = end + 1;
  }
  return {};
}

// Short forms of virtual devices: af_xdp:eth1.
struct Shorthand {
  const char* prefix;
  const char* driver;
  const char* queues;  // argument that sets the number of queues; null: none
  bool needs_interface;
};
constexpr std::array<Shorthand, 3> kShorthands = {{
    {"af_packet:", "net_af_packet", "qpairs", true},
    {"af_xdp:", "net_af_xdp", "queue_count", true},
    {"tap:", "net_tap", nullptr, false},
}};

// Virtual devices that sit on a kernel interface named by iface=.
bool needs_interface(const std::string& eal_name) {
  return eal_name.starts_with("net_af_packet") || eal_name.starts_with("net_af_xdp") ||
         eal_name.starts_with("net_pcap");
}

std::string check(const Options& o) {
  if (o.ports.empty()) {
    return "no port given: name at least one with --port NAME=DEVICE, such as --port "
           "uplink=af_packet:eth1";
  }
  if (o.ports.size() > kMaxPorts) {
    return "at most " + std::to_string(kMaxPorts) + " ports are possible";
  }
  std::set<std::string> names;
  std::set<std::string> devices;
  for (const PortOption& port : o.ports) {
    if (!names.insert(port.name).second) return "port name '" + port.name + "' is given twice";
    if (!devices.insert(port.eal_name).second) {
      return "device '" + port.eal_name + "' is given twice: each port needs its own";
    }
  }
  if (!o.worker_cpus.empty() && o.worker_cpus.size() != o.workers) {
    return "--lcores names " + std::to_string(o.worker_cpus.size()) + " CPUs for " +
           std::to_string(o.workers) + " workers: it takes one each";
  }
  return {};
}

}  // namespace

std::vector<unsigned> parse_cpu_list(const std::string& text) {
  std::vector<unsigned> cpus;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = std::string_view(text).substr(at, end - at);
    const std::size_t dash = part.find('-');
    unsigned first = 0;
    unsigned last = 0;
    if (!parse_number(part.substr(0, dash), first)) return {};
    last = first;
    if (dash != std::string_view::npos && !parse_number(part.substr(dash + 1), last)) return {};
    if (last < first || last > 4095) return {};
    for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    at = end + 1;
  }
  return cpus;
}

bool parse_port(const std::string& text, unsigned workers, PortOption& port, std::string& error) {
  static const std::regex kName("[A-Za-z0-9][A-Za-z0-9_.-]*");
  static const std::regex kPci("([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](,.*)?");
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    error = "--port " + text + ": not of the form NAME=DEVICE";
    return false;
  }
  port.name = text.substr(0, equals);
  port.device = text.substr(equals + 1);
  if (port.name.size() > kMaxPortName || !std::regex_match(port.name, kName)) {
    error = "--port " + text + ": a name has 1 to 15 letters, digits, '_', '-' or '.'";
    return false;
  }
  if (std::regex_match(port.device, kPci)) {
    port.pci = true;
    const std::size_t comma = port.device.find(',');
    port.eal_name = port.device.substr(0, comma);
    if (port.eal_name.size() == 7) port.eal_name.insert(0, "0000:");
    if (comma != std::string::npos) port.eal_arguments = port.device.substr(comma + 1);
    return true;
  }
  for (const Shorthand& s : kShorthands) {
    const std::string_view prefix = s.prefix;
    if (!port.device.starts_with(prefix)) continue;
    const std::string interface = port.device.substr(prefix.size());
    if (interface.empty()) break;
    port.eal_name = std::string(s.driver) + "_" + port.name;
    port.eal_arguments = "iface=" + interface;
    if (s.queues != nullptr && workers > 1) {
      port.eal_arguments += "," + std::string(s.queues) + "=" + std::to_string(workers);
    }
    if (s.needs_interface) port.interface = interface.substr(0, interface.find(','));
    return true;
  }
  if (port.device.starts_with("net_") || port.device.starts_with("eth_")) {
    const std::size_t comma = port.device.find(',');
    port.eal_name = port.device.substr(0, comma);
    if (comma != std::string::npos) port.eal_arguments = port.device.substr(comma + 1);
    if (needs_interface(port.eal_name)) port.interface = argument(port.eal_arguments, "iface");
    return true;
  }
  error = "--port " + text + ": '" + port.device +
          "' is neither a PCI address (0000:3b:00.0), nor a virtual device "
          "(net_af_packet0,iface=eth1), nor short for one (af_packet:eth1, af_xdp:eth1, tap:NAME)";
  return false;
}

ParseResult parse_options(int argc, const char* const* argv) {
  Options o;
  // EAL's own arguments follow "--".
  int own = argc;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--") {
      own = i;
      break;
    }
  }
  for (int i = own + 1; i < argc; ++i) o.eal.emplace_back(argv[i]);

  CLI::App app("The forwarding process of Simplon: moves packets between ports and tunnels.",
               "simplon-dataplane");
  app.footer(kFooter);
  std::vector<std::string> ports;
  std::string worker_cpus;
  std::string rss = "outer";
  const std::map<std::string, Hugepages> hugepages = {
      {"on", Hugepages::kOn}, {"off", Hugepages::kOff}, {"auto", Hugepages::kAuto}};
  const std::map<std::string, IdleMode> idle = {{"spin", IdleMode::kSpin},
                                                {"pause", IdleMode::kPause},
                                                {"yield", IdleMode::kYield},
                                                {"sleep", IdleMode::kSleep}};
  const std::map<std::string, RxChecksums> rx_checksums = {
      {"nic", RxChecksums::kNic}, {"driver", RxChecksums::kDriver}, {"none", RxChecksums::kNone}};
  std::string rx_checksums_name = "nic";
  std::string idle_name;
  std::string hugepages_name = "auto";
  unsigned main_cpu = 0;

  app.add_option("--port", ports, "a port and the name configurations call it by; repeatable")
      ->type_name("NAME=DEVICE");
  app.add_option("--workers", o.workers, "poll-mode threads, each with a queue of every port")
      ->check(CLI::Range(std::size_t{1}, kMaxWorkers))
      ->capture_default_str();
  app.add_option("--lcores", worker_cpus,
                 "CPUs of the workers, one each: 2-5 or 2,4 (default: by "
                 "number of CPUs)")
      ->type_name("LIST");
  auto* main_option = app.add_option("--main-lcore", main_cpu,
                                     "CPU of everything else (default: what the workers "
                                     "leave)")
                          ->type_name("CPU");
  app.add_option("--state-dir", o.state_directory,
                 "counters and last configuration, kept over restarts; best on a tmpfs")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--socket", o.socket,
                 "where simplon-control connects to (default: "
                 "STATE_DIR/dataplane.sock)")
      ->type_name("PATH");
  app.add_option("--memory", o.memory_mb, "MiB for packet buffers (default: as the plan needs)")
      ->check(CLI::Range(16u, 1u << 20));
  app.add_option("--hugepages", hugepages_name, "on, off, or auto: use them when enough are free")
      ->check(CLI::IsMember(hugepages))
      ->capture_default_str();
  app.add_option("--max-slots", o.max_slots,
                 "tunnel slots there is room for; only used ones take "
                 "memory")
      ->check(CLI::Range(1u, kMaxSlots))
      ->capture_default_str();
  app.add_option("--mbufs", o.mbufs, "packet buffers (default: by ports and descriptors)")
      ->check(CLI::Range(1024u, 1u << 24));
  app.add_option("--burst", o.burst, "packets taken from a queue at once")
      ->check(CLI::Range(std::size_t{1}, kMaxBurst))
      ->capture_default_str();
  app.add_option("--mtu", o.mtu, "largest IP packet ports take and buffers hold, in bytes")
      ->check(CLI::Range(1280, 9600))
      ->capture_default_str();
  app.add_option("--rx-descriptors", o.rx_descriptors, "per receive queue")
      ->check(CLI::Range(64, 32768))
      ->capture_default_str();
  app.add_option("--tx-descriptors", o.tx_descriptors, "per transmit queue")
      ->check(CLI::Range(64, 32768))
      ->capture_default_str();
  app.add_option("--tx-delay", o.tx_delay_us,
                 "microseconds a frame may wait for a burst to be sent together; 0: none waits for "
                 "frames that have not come in yet")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--rss", rss, "how a port spreads packets over workers: by outer headers, or not")
      ->check(CLI::IsMember({"outer", "none"}))
      ->capture_default_str();
  app.add_option("--rx-checksums", rx_checksums_name,
                 "whose word is taken for UDP checksums of received packets: that of a nic, of any "
                 "driver that offers it, or none, which is to sum them up here")
      ->check(CLI::IsMember(rx_checksums))
      ->capture_default_str();
  app.add_option(
         "--idle", idle_name,
         "what a worker without packets does: spin, pause (spin, but rest the CPU), yield or "
         "sleep, by receive interrupts where ports have them (default: spin on isolated "
         "CPUs, yield on CPUs of its own, else sleep)")
      ->check(CLI::IsMember(idle));
  app.add_option("--log-level", o.log_level)
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_flag("--print-memory-plan", o.print_memory_plan, "say what memory goes where, and exit");
  app.add_flag("--check", o.check, "check options and machine, open nothing, and exit");
  app.set_version_flag("--version", "simplon-dataplane " SIMPLON_VERSION);

  const auto usage = [](const std::string& text) {
    return ParseResult{std::nullopt, kExitUsage, "simplon-dataplane: " + text + "\n"};
  };
  try {
    app.parse(own, argv);
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, 0, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return {std::nullopt, 0, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& fault) {
    return usage(std::string(fault.what()) + "; see --help");
  }

  for (const std::string& text : ports) {
    PortOption port;
    std::string error;
    if (!parse_port(text, o.workers, port, error)) return usage(error);
    o.ports.push_back(std::move(port));
  }
  if (!worker_cpus.empty()) {
    o.worker_cpus = parse_cpu_list(worker_cpus);
    if (o.worker_cpus.empty()) {
      return usage("--lcores " + worker_cpus + ": not a list of CPUs such as 2-5 or 2,4");
    }
  }
  if (main_option->count() > 0) o.main_cpu = main_cpu;
  if (!idle_name.empty()) o.idle = idle.at(idle_name);
  o.hugepages = hugepages.at(hugepages_name);
  o.rss = rss == "outer";
  o.rx_checksums = rx_checksums.at(rx_checksums_name);
  if (o.socket.empty()) o.socket = o.state_directory + "/dataplane.sock";
  if (std::string error = check(o); !error.empty()) return usage(error);
  return {std::move(o), 0, {}};
}

}  // namespace simplon
