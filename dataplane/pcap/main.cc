// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include "dataplane/pcap/capture_file.h"
#include "dataplane/pcap/configuration.h"
#include "dataplane/pcap/dynamic_report.h"
#include "dataplane/pcap/offline_pop.h"
#include "dataplane/pcap/options.h"
#include "dataplane/pcap/report.h"

namespace simplon::offline {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsageError = 2;

// Frames of one burst come within this time.
constexpr uint64_t kBurstNs = 1'000'000;

int fail(const std::string& reason) {
  std::fprintf(stderr, "simplon-pcap: %s\n", reason.c_str());
  return kFailed;
}

// One input file with its next frame read ahead, so that the inputs can be merged by time.
struct Input {
  uint8_t port;
  std::string path;
  CaptureReader reader;
  CapturedFrame frame;
  uint64_t skipped = 0;  // sent by the port itself
};

class Replay {
 public:
  explicit Replay(const Options& options) : options_(options) {}
  int run();

 private:
  bool open_ports(const std::vector<std::string>& names, std::string& error);
  bool open_inputs(std::string& error);
  bool open_outputs(std::string& error);
  bool add_neighbors(std::string& error);
  bool replay(std::string& error);
  bool read_ahead(std::size_t index, std::string& error);
  void advance(uint64_t now_ns);
  bool finish(std::string& error);
  int port_index(const std::string& name, const char* option, std::string& error) const;
  uint16_t vlan_of(uint8_t port) const;
  void handle(std::span<const CapturedFrame> frames, uint8_t port, uint64_t now_ns);
  void sent(const Frame& frame);

  const Options& options_;
  std::vector<OfflinePort> ports_;
  std::unique_ptr<OfflinePop> pop_;
  std::vector<Input> inputs_;
  std::vector<Input*> waiting_;
  std::map<uint8_t, CaptureWriter> outputs_;
  std::unique_ptr<Explainer> explainer_;
  std::string sent_;
  std::optional<uint64_t> step_due_ns_;  // of the PoP's clock
};

// Files may also be standard output. False: `error` says why not.
bool write_report(const std::string& path, const std::string& text, std::string& error) {
  if (path.empty()) return true;
  if (path == "-") return std::fputs(text.c_str(), stdout) >= 0;
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) error = path + ": cannot write: " + std::strerror(errno);
  return static_cast<bool>(file);
}

int Replay::port_index(const std::string& name, const char* option, std::string& error) const {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].name == name) return static_cast<int>(i);
  }
  std::string known;
  for (const OfflinePort& p : ports_) known += (known.empty() ? "" : ", ") + p.name;
  error =
      std::string(option) + ": the configuration has no port '" + name + "' (it has " + known + ")";
  return -1;
}

bool Replay::open_ports(const std::vector<std::string>& names, std::string& error) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    ports_.push_back({names[i], {2, 0, 0, 0, 0, static_cast<uint8_t>(i + 1)}});
  }
  for (const PortMac& mac : options_.macs) {
    const int port = port_index(mac.port, "--mac", error);
    if (port < 0) return false;
    ports_[port].mac = mac.mac;
  }
  return true;
}

// The VLAN frames of a port have that were captured without a link header: its first interface's.
uint16_t Replay::vlan_of(uint8_t port) const {
  for (const LinkInterface& i : pop_->table().links.interfaces()) {
    if (i.port == port) return i.vlan;
  }
  return 0;
}

bool Replay::open_inputs(std::string& error) {
  for (const PortFile& file : options_.inputs) {
    const int port = port_index(file.port, "--in", error);
    if (port < 0) return false;
    auto reader = CaptureReader::open(file.path, ports_[port].mac,
                                      vlan_of(static_cast<uint8_t>(port)), error);
    if (!reader) return false;
    inputs_.push_back({static_cast<uint8_t>(port), file.path, std::move(*reader), {}});
  }
  return true;
}

bool Replay::open_outputs(std::string& error) {
  for (const PortFile& file : options_.outputs) {
    const int port = port_index(file.port, "--out", error);
    if (port < 0) return false;
    for (const Input& input : inputs_) {
      if (input.path == file.path) {
        error = "--out " + file.path + ": is an input too, and would be overwritten";
        return false;
      }
    }
    auto writer = CaptureWriter::open(file.path, error);
    if (!writer) return false;
    outputs_.insert_or_assign(static_cast<uint8_t>(port), std::move(*writer));
  }
  return true;
}

bool Replay::add_neighbors(std::string& error) {
  for (const StaticNeighbor& n : options_.neighbors) {
    const int port = port_index(n.port, "--neighbor", error);
    if (port < 0) return false;
    if (!pop_->add_neighbor(static_cast<uint8_t>(port), n.vlan, n.address, n.mac)) {
      error = "--neighbor " + n.port + ": no interface with VLAN " + std::to_string(n.vlan) +
              " on this port, or too many neighbours";
      return false;
    }
  }
  return true;
}

void Replay::sent(const Frame& frame) {
  const auto writer = outputs_.find(frame.port);
  if (writer != outputs_.end()) writer->second.write(frame.time_ns, frame.bytes);
  if (explainer_) {
    sent_ += (sent_.empty() ? "" : ", ") + std::to_string(frame.bytes.size()) + " bytes on " +
             ports_[frame.port].name;
  }
}

// False: at the end, or an error.
bool Replay::read_ahead(std::size_t index, std::string& error) {
  Input& input = inputs_[index];
  while (input.reader.next(input.frame, error)) {
    // Both directions are in a capture made on the port; the PoP's own are output, not input.
    const std::vector<uint8_t>& bytes = input.frame.bytes;
    const MacAddress& own = ports_[input.port].mac;
    if (bytes.size() >= sizeof(EthernetHeader) &&
        std::equal(own.begin(), own.end(), bytes.begin() + own.size())) {
      ++input.skipped;
      continue;
    }
    return true;
  }
  if (input.skipped != 0) {
    std::fprintf(stderr, "simplon-pcap: %s: skipped %llu frames sent by the port itself\n",
                 input.path.c_str(), static_cast<unsigned long long>(input.skipped));
  }
  return false;
}

void Replay::handle(std::span<const CapturedFrame> frames, uint8_t port, uint64_t now_ns) {
  std::vector<Frame> burst;
  for (const CapturedFrame& f : frames) burst.push_back({port, f.time_ns, f.bytes});
  advance(now_ns);
  if (explainer_ && !sent_.empty()) {
    std::printf("timers -> %s\n", sent_.c_str());
    sent_.clear();
    explainer_->remember();
  }
  pop_->receive(burst);
  if (explainer_) {
    std::puts(explainer_->explain(burst[0], frames[0].number, sent_).c_str());
    sent_.clear();
  }
}

// The PoP's clock jumps when its time has come.
void Replay::advance(uint64_t now_ns) {
  if (step_due_ns_ && *step_due_ns_ <= now_ns) {
    pop_->advance(*step_due_ns_);
    pop_->step_clock(options_.clock_step->by_s * 1'000'000'000);
    step_due_ns_.reset();
  }
  pop_->advance(now_ns);
}

bool Replay::replay(std::string& error) {
  const unsigned limit = options_.explain ? 1 : options_.burst;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (read_ahead(i, error)) open.push_back(i);
    if (!error.empty()) return false;
  }
  uint64_t now = 0;
  std::vector<CapturedFrame> burst;
  const auto earliest = [&] {
    return std::min_element(open.begin(), open.end(), [this](std::size_t a, std::size_t b) {
      return inputs_[a].frame.time_ns < inputs_[b].frame.time_ns;
    });
  };
  while (!open.empty()) {
    const uint8_t port = inputs_[*earliest()].port;
    const uint64_t start = inputs_[*earliest()].frame.time_ns;
    // Captures of several interfaces may step back a little; the PoP's clock does not.
    if (now == 0) {
      if (options_.clock_at_s) {
        pop_->set_clock_offset(*options_.clock_at_s * 1'000'000'000 - static_cast<int64_t>(start));
      }
      if (options_.clock_step) step_due_ns_ = start + options_.clock_step->after_ns;
    }
    if (now == 0 || !options_.stand_still) now = std::max(now, start);
    burst.clear();
    while (!open.empty() && burst.size() < limit) {
      const auto next = earliest();
      Input& input = inputs_[*next];
      if (input.port != port || (!options_.stand_still && input.frame.time_ns > start + kBurstNs)) {
        break;
      }
      burst.push_back(std::move(input.frame));
      input.frame = {};
      if (!read_ahead(*next, error)) open.erase(next);
      if (!error.empty()) return false;
    }
    handle(burst, port, now);
  }
  if (options_.linger_ns != 0) advance(now + options_.linger_ns);
  return true;
}

bool Replay::finish(std::string& error) {
  if (explainer_ && !sent_.empty()) std::printf("timers -> %s\n", sent_.c_str());
  // Twice: what is held counts as held, and then under a name of its own.
  const std::string report = counters_report(*pop_);
  Conservation law = pop_->conservation();
  if (law.imbalance() == 0) {
    pop_->flush();
    law = pop_->conservation();
  }
  write_report(options_.counters, report, error);
  write_report(options_.events, events_report(*pop_), error);
  write_report(options_.endpoints, endpoints_report(*pop_), error);
  write_report(options_.errors, errors_report(*pop_), error);
  for (auto& [port, writer] : outputs_) {
    std::string reason;
    if (!writer.close(reason)) error = reason;
  }
  if (law.imbalance() != 0) {
    error = "the conservation law does not hold, " + std::to_string(law.imbalance()) +
            " packets are unaccounted for: " + format(law) +
            "\nThis is a bug: please report it with the configuration and the capture.";
  } else if (pop_->buffers_in_use() != 0) {
    error = std::to_string(pop_->buffers_in_use()) +
            " packet buffers were lost. This is a bug: please report it with the configuration "
            "and the capture.";
  }
  return error.empty();
}

int Replay::run() {
  std::string error;
  const auto configuration = options_.config.empty() ? load_snapshot(options_.snapshot, error)
                                                     : load_configuration(options_.config, error);
  if (!configuration) return fail(error);
  if (!options_.write_snapshot.empty()) {
    std::ofstream file(options_.write_snapshot, std::ios::binary);
    file.write(reinterpret_cast<const char*>(configuration->snapshot.data()),
               static_cast<std::streamsize>(configuration->snapshot.size()));
    file.close();
    if (!file) return fail(options_.write_snapshot + ": cannot write: " + std::strerror(errno));
  }
  OfflineOptions settings;
  settings.resolve_all = options_.resolve_all;
  settings.clock_offset_ns = options_.clock_offset_ns;
  if (!open_ports(configuration->ports, error)) return fail(error);
  pop_ = OfflinePop::create(
      configuration->snapshot, ports_, settings, [this](const Frame& frame) { sent(frame); },
      error);
  if (!pop_) return fail(error);
  if (options_.explain) explainer_ = std::make_unique<Explainer>(*pop_);
  if (!add_neighbors(error) || !open_inputs(error) || !open_outputs(error)) return fail(error);
  if (!replay(error)) return fail(error);
  return finish(error) ? kDone : fail(error);
}

int run(int argc, char** argv) {
  std::string error;
  const auto options = parse_options(argc, argv, error);
  if (!options) {
    if (error.empty()) {
      std::fputs(kUsage, stdout);
      return kDone;
    }
    std::fprintf(stderr, "simplon-pcap: %s\n", error.c_str());
    return kUsageError;
  }
  return Replay(*options).run();
}

}  // namespace
}  // namespace simplon::offline

int main(int argc, char** argv) {
  return simplon::offline::run(argc, argv);
}
