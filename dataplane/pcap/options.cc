// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/options.h"

#include <charconv>
#include <cstdio>
#include <functional>
#include <string_view>

#include "dataplane/pipeline/packet.h"

namespace simplon::offline {
namespace {

constexpr uint64_t kMaxLingerSeconds = 86400;
constexpr int64_t kMaxClockSeconds = int64_t{1} << 33;  // beyond the wrap of 32 bits
constexpr int64_t kSecondNs = 1'000'000'000;

template <typename T>
bool parse_number(std::string_view text, T low, T high, T& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() && value >= low && value <= high;
}

bool parse_mac(std::string_view text, MacAddress& mac) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* part = text.data() + 3 * i;
    const auto [end, fault] = std::from_chars(part, part + 2, mac[i], 16);
    if (fault != std::errc() || end != part + 2) return false;
    if (i + 1 < mac.size() && *end != ':') return false;
  }
  return true;
}

// NAME=VALUE.
bool split(std::string_view text, char at, std::string& name, std::string_view& value) {
  const std::size_t position = text.find(at);
  if (position == std::string_view::npos || position == 0 || position + 1 == text.size()) {
    return false;
  }
  name = text.substr(0, position);
  value = text.substr(position + 1);
  return true;
}

bool parse_port_file(std::string_view text, PortFile& file) {
  std::string_view path;
  if (!split(text, '=', file.port, path)) return false;
  file.path = path;
  return true;
}

// PORT[.VLAN]:ADDRESS=MAC; an IPv6 address has colons of its own.
bool parse_neighbor(std::string_view text, StaticNeighbor& neighbor) {
  std::string_view rest;
  if (!split(text, ':', neighbor.port, rest)) return false;
  if (const std::size_t dot = neighbor.port.rfind('.'); dot != std::string::npos) {
    const std::string_view vlan = std::string_view(neighbor.port).substr(dot + 1);
    if (!parse_number<uint16_t>(vlan, 1, 4094, neighbor.vlan)) return false;
    neighbor.port.resize(dot);
  }
  std::string address;
  std::string_view mac;
  if (!split(rest, '=', address, mac) || !parse_mac(mac, neighbor.mac)) return false;
  if (const auto v4 = Ipv4Address::parse(address)) {
    neighbor.address = Ipv6Address::from_ipv4(*v4);
    return true;
  }
  const auto v6 = Ipv6Address::parse(address);
  if (v6) neighbor.address = *v6;
  return v6.has_value();
}

// SECONDS@AFTER.
bool parse_clock_step(std::string_view text, std::optional<ClockStep>& step) {
  std::string by;
  std::string_view after;
  uint64_t seconds = 0;
  step.emplace();
  if (!split(text, '@', by, after) ||
      !parse_number<int64_t>(by, -kMaxClockSeconds, kMaxClockSeconds, step->by_s) ||
      !parse_number<uint64_t>(after, 0, kMaxLingerSeconds, seconds)) {
    return false;
  }
  step->after_ns = seconds * kSecondNs;
  return true;
}

}  // namespace

const char kUsage[] = R"(simplon-pcap: what would this PoP do with these packets?

  simplon-pcap --config FILE.txtpb --in PORT=IN.pcap --out PORT=OUT.pcap [--explain]

Reads captures, runs them through the forwarding code of simplon-dataplane, and
writes what the PoP would send. Time is that of the captures, so the same input
always gives the same output.

  --config FILE         configuration (text format or JSON), checked as control does
  --snapshot FILE       a snapshot instead, as the dataplane keeps one in its state directory
  --in PORT=FILE        frames received on a port of the configuration; may be repeated.
                        pcap or pcapng; Ethernet, raw IP or Linux cooked. What the port
                        itself has sent (by its MAC address) is skipped
  --out PORT=FILE       where to write what is sent on a port; ports without it are discarded
  --counters FILE       write the counters that are not zero; - is standard output
  --events FILE         write what happened to dynamic tunnels, a line each
  --endpoints FILE      write where dynamic tunnels ended at last, a line each
  --errors FILE         write what was booked on tunnels: a line for each reason, with the first
                        bytes of the last packet
  --clock-at UNIX       the PoP's clock at the first frame, seconds since 1970: for captures
                        with beats or AYIYA that were edited. Otherwise it is the captures'
  --clock-offset SECONDS
                        the PoP's clock is that much ahead of the captures' time
  --clock-step SECONDS@AFTER
                        the PoP's clock jumps that far, AFTER seconds after the first frame
  --explain             one line per received frame: what became of it and why
  --mac PORT=MAC        address of a port (default: 02:00:00:00:00:01, :02, ...)
  --neighbor PORT[.VLAN]:ADDRESS=MAC
                        a neighbour that needs no asking, such as a gateway
  --resolve-neighbors auto|none
                        auto: every ARP request and neighbour solicitation of the PoP is
                        answered, with a made-up address; none (default): only the
                        captures answer
  --linger SECONDS      let that much time pass after the last frame: for timers
  --burst N             frames handled together, 1 to 64 (default 1)
  --speed as-recorded|0 0: all frames at the instant of the first
  --check-conservation  accepted for clarity: the law is always checked
  --write-snapshot FILE the snapshot that was built, for simplon-dataplane or bug reports

Exit status: 0 done; 1 a file or the configuration is at fault, or the conservation
law does not hold; 2 wrong arguments.
)";

std::optional<Options> parse_options(int argc, char** argv, std::string& error) {
  Options options;
  struct Option {
    std::string_view name;
    std::function<bool(std::string_view)> set;  // false: not a good value
    const char* wants = nullptr;                // null: a flag
  };
  const auto text = [](std::string& field) {
    return [&field](std::string_view value) {
      field = value;
      return !value.empty();
    };
  };
  const Option known[] = {
      {"--config", text(options.config), "a file"},
      {"--snapshot", text(options.snapshot), "a file"},
      {"--write-snapshot", text(options.write_snapshot), "a file"},
      {"--counters", text(options.counters), "a file or -"},
      {"--events", text(options.events), "a file or -"},
      {"--endpoints", text(options.endpoints), "a file or -"},
      {"--errors", text(options.errors), "a file or -"},
      {"--clock-at",
       [&](std::string_view v) {
         return parse_number<int64_t>(v, 0, kMaxClockSeconds, options.clock_at_s.emplace());
       },
       "seconds since 1970"},
      {"--clock-offset",
       [&](std::string_view v) {
         int64_t seconds = 0;
         const bool fine = parse_number<int64_t>(v, -kMaxClockSeconds, kMaxClockSeconds, seconds);
         options.clock_offset_ns = seconds * kSecondNs;
         return fine;
       },
       "whole seconds"},
      {"--clock-step", [&](std::string_view v) { return parse_clock_step(v, options.clock_step); },
       "SECONDS@AFTER, as in 3600@60 or -3600@60"},
      {"--in",
       [&](std::string_view v) { return parse_port_file(v, options.inputs.emplace_back()); },
       "PORT=FILE"},
      {"--out",
       [&](std::string_view v) { return parse_port_file(v, options.outputs.emplace_back()); },
       "PORT=FILE"},
      {"--mac",
       [&](std::string_view v) {
         PortMac& mac = options.macs.emplace_back();
         std::string_view value;
         return split(v, '=', mac.port, value) && parse_mac(value, mac.mac) && !(mac.mac[0] & 1);
       },
       "PORT=MAC, as in wan0=02:00:00:00:00:01; not a group address"},
      {"--neighbor",
       [&](std::string_view v) { return parse_neighbor(v, options.neighbors.emplace_back()); },
       "PORT[.VLAN]:ADDRESS=MAC, as in wan0:192.0.2.254=02:00:00:00:00:fe"},
      {"--resolve-neighbors",
       [&](std::string_view v) {
         options.resolve_all = v == "auto";
         return v == "auto" || v == "none";
       },
       "auto or none"},
      {"--speed",
       [&](std::string_view v) {
         options.stand_still = v == "0";
         return v == "0" || v == "as-recorded";
       },
       "as-recorded or 0"},
      {"--burst",
       [&](std::string_view v) {
         return parse_number<unsigned>(v, 1, static_cast<unsigned>(kMaxBurst), options.burst);
       },
       "1 to 64"},
      {"--linger",
       [&](std::string_view v) {
         uint64_t seconds = 0;
         const bool fine = parse_number<uint64_t>(v, 0, kMaxLingerSeconds, seconds);
         options.linger_ns = seconds * uint64_t{kSecondNs};
         return fine;
       },
       "whole seconds, at most 86400"},
      {"--explain", [&](std::string_view) { return options.explain = true; }, nullptr},
      {"--check-conservation", [](std::string_view) { return true; }, nullptr},
  };
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return std::nullopt;
    std::optional<std::string_view> value;
    if (const std::size_t equals = argument.find('=');
        argument.starts_with("--") && equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
      argument = argument.substr(0, equals);
    }
    const Option* option = nullptr;
    for (const Option& candidate : known) {
      if (candidate.name == argument) option = &candidate;
    }
    if (option == nullptr) {
      error = "unknown argument '" + std::string(argument) + "'; see --help";
      return std::nullopt;
    }
    if (option->wants == nullptr) {
      if (value) {
        error = std::string(argument) + " takes no value";
        return std::nullopt;
      }
      option->set({});
      continue;
    }
    if (!value && i + 1 < argc) value = argv[++i];
    if (!value || !option->set(*value)) {
      error = std::string(argument) + " wants " + option->wants +
              (value ? ", not '" + std::string(*value) + "'" : std::string());
      return std::nullopt;
    }
  }
  if (options.config.empty() == options.snapshot.empty()) {
    error = "give either --config or --snapshot; see --help";
    return std::nullopt;
  }
  return options;
}

}  // namespace simplon::offline
