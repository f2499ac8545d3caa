// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The other end of the port of a device under test, for bench_io: sends frames of random tunnels of
// both directions, takes back what the device makes of them, checks and counts it and times the
// round trip. It is also the gateways the device asks for. One core. Takes orders on standard
// input:
//
//   run RATE SECONDS   RATE frames per second; 0: as many as the device takes
//
// and answers each with a line of JSON. A device that returns frames unchanged (--plain) serves as
// reference.

#include <google/protobuf/text_format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sys/select.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/checksum.h"
#include "tests/bench/config.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {
namespace {

// Under way at once, at most: less than the queues of the devices hold, so that only the device can
// lose one.
constexpr uint64_t kInFlight = 256;
constexpr uint16_t kDescriptors = 1024;
constexpr unsigned kMbufs = 16383;
constexpr uint16_t kGenerated = 32;
constexpr std::size_t kTemplates = 8192;
constexpr std::size_t kTemplateStride = 128;  // two cache lines each
constexpr std::size_t kCheckEvery = 64;       // frames looked at in full
constexpr std::size_t kSamples = 1u << 20;
constexpr double kWarmUp = 0.2;  // seconds
constexpr double kLostAfter = 0.05;

constexpr uint8_t kNeighborSolicitation = 135;
constexpr uint8_t kNeighborAdvertisement = 136;
constexpr Ipv6Address kGatewayV6 = Ipv6Address::from_halves(0x2001'0db8'fffe'0000, 0xfe);

struct Options {
  uint32_t tunnels = 10'000;
  std::size_t inner = 64;
  bool plain = false;
  bool print_config = false;
  std::string capture;  // written instead of sent
  std::string device;
  MacAddress to = kOwnMac;
  std::vector<std::string> eal;
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_generator: %s\n", why.c_str());
  std::exit(1);
}

// The last 16 bytes of every frame, which no device changes.
struct Trailer {
  uint64_t sent_tsc;
  uint32_t frame;  // number of the template
  uint32_t zero;
};

// Frames ready to be copied, close together.
class Templates {
 public:
  Templates(const Plan& plan, std::size_t inner, const MacAddress& to)
      : memory_(kTemplates * kTemplateStride) {
    Traffic traffic(plan, inner);
    for (const Direction direction : {Direction::kEncap, Direction::kDecap}) {
      const std::size_t d = direction == Direction::kEncap ? 0 : 1;
      traffic.draw(direction);
      lengths_[d] = static_cast<uint16_t>(traffic.frame_length(direction));
      if (lengths_[d] > kTemplateStride) fail("frames are too long");
      for (std::size_t i = 0; i < kTemplates / 2; ++i) {
        const auto number = static_cast<uint32_t>(2 * i + d);
        uint8_t* frame = at(number);
        std::memcpy(frame, traffic.frame(i), lengths_[d]);
        std::copy(to.begin(), to.end(), frame);
        const Trailer trailer{0, number, 0};
        std::memcpy(frame + lengths_[d] - sizeof trailer, &trailer, sizeof trailer);
      }
    }
  }

  uint8_t* at(uint32_t number) { return memory_.data() + number * kTemplateStride; }
  static bool is_encap(uint32_t number) { return number % 2 == 0; }
  uint16_t length(uint32_t number) const { return lengths_[number % 2]; }

 private:
  HugeArray<uint8_t> memory_;
  std::array<uint16_t, 2> lengths_{};
};

// What the device should have made of a frame.
class Checker {
 public:
  Checker(const Plan& plan, Templates& templates, bool plain)
      : plan_(plan), templates_(templates), plain_(plain) {}

  bool is_right(const uint8_t* frame, std::size_t length) const {
    Trailer trailer;
    std::memcpy(&trailer, frame + length - sizeof trailer, sizeof trailer);
    if (trailer.frame >= kTemplates) return false;
    const uint8_t* sent = templates_.at(trailer.frame);
    const std::size_t sent_length = templates_.length(trailer.frame);
    constexpr std::size_t kLink = sizeof(EthernetHeader);
    constexpr std::size_t kOuter = sizeof(Ipv4Header);
    const auto same = [&](std::size_t at, std::size_t sent_at, std::size_t bytes) {
      return std::memcmp(frame + at, sent + sent_at, bytes) == 0;
    };
    if (plain_) return length == sent_length && same(0, 0, length - sizeof trailer);
    const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame);
    if (ethernet->destination != kGatewayMac) return false;
    if (!Templates::is_encap(trailer.frame)) {
      // All but the hop limit is as it was.
      return length + kOuter == sent_length && ethernet->type == kEtherTypeIpv6 &&
             same(kLink, kLink + kOuter, 7) &&
             same(kLink + 8, kLink + kOuter + 8, 2 * sizeof(Ipv6Address));
    }
    if (length != sent_length + kOuter || ethernet->type != kEtherTypeIpv4) return false;
    const auto* outer = reinterpret_cast<const Ipv4Header*>(frame + kLink);
    const auto* inner = reinterpret_cast<const Ipv6Header*>(frame + kLink + kOuter);
    const auto unit = static_cast<uint32_t>(inner->destination.hi() & (kUnits - 1));
    return outer->destination == plan_.remote_of(plan_.tunnel_of(unit)).ipv4() &&
           ipv4_header_checksum(*outer) == outer->checksum &&
           same(kLink + kOuter + 8, kLink + 8, 2 * sizeof(Ipv6Address));
  }

 private:
  Plan plan_;
  Templates& templates_;
  bool plain_;
};

// Turns a question for a gateway's address into the answer; false: it is none.
bool answer(rte_mbuf* mbuf) {
  auto* ethernet = rte_pktmbuf_mtod(mbuf, EthernetHeader*);
  uint8_t* body = rte_pktmbuf_mtod_offset(mbuf, uint8_t*, sizeof(EthernetHeader));
  if (ethernet->type == kEtherTypeArp) {
    auto* arp = reinterpret_cast<ArpPacket*>(body);
    if (arp->operation.value() != 1) return false;
    const Ipv4Address asked = arp->target_ip;
    arp->operation = uint16_t{2};
    arp->target_mac = arp->sender_mac;
    arp->target_ip = arp->sender_ip;
    arp->sender_mac = kGatewayMac;
    arp->sender_ip = asked;
  } else {
    auto* ip = reinterpret_cast<Ipv6Header*>(body);
    uint8_t* message = body + sizeof(Ipv6Header);
    if (ethernet->type != kEtherTypeIpv6 || ip->next_header != kProtocolIcmpv6 ||
        message[0] != kNeighborSolicitation) {
      return false;
    }
    // Type, code, checksum, flags, target; then the target's link-layer address.
    Ipv6Address target;
    std::memcpy(&target, message + 8, sizeof target);
    constexpr uint16_t kLength = 32;
    std::memset(message, 0, 8);
    message[0] = kNeighborAdvertisement;
    message[4] = 0xe0;  // router, solicited, override
    message[24] = 2;
    message[25] = 1;
    std::copy(kGatewayMac.begin(), kGatewayMac.end(), message + 26);
    ip->payload_length = kLength;
    ip->destination = ip->source;
    ip->source = target;
    const Be16 checksum = icmpv6_checksum(*ip, {message, kLength});
    std::memcpy(message + 2, &checksum, sizeof checksum);
    mbuf->data_len = sizeof(EthernetHeader) + sizeof(Ipv6Header) + kLength;
    mbuf->pkt_len = mbuf->data_len;
  }
  ethernet->destination = ethernet->source;
  ethernet->source = kGatewayMac;
  return true;
}

class Generator {
 public:
  Generator(const Options& options, uint16_t port, rte_mempool* pool)
      : plan_(options.tunnels),
        templates_(plan_, options.inner, options.to),
        checker_(plan_, templates_, options.plain),
        port_(port),
        pool_(pool) {
    samples_.reserve(kSamples);
  }

  // Answers questions until there is an order.
  void serve() {
    std::string line;
    while (read_line(line)) {
      double rate = 0;
      double seconds = 0;
      if (std::sscanf(line.c_str(), "run %lf %lf", &rate, &seconds) != 2) fail("order: " + line);
      run(rate, seconds);
    }
  }

 private:
  // False: no more orders.
  bool read_line(std::string& line) {
    line.clear();
    while (true) {
      receive();
      fd_set ready;
      FD_ZERO(&ready);
      FD_SET(0, &ready);
      timeval none{0, 100};
      if (select(1, &ready, nullptr, nullptr, &none) <= 0) continue;
      char c;
      if (read(0, &c, 1) != 1) return false;
      if (c == '\n') return true;
      line += c;
    }
  }

  void run(double rate, double seconds) {
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    sent_ = received_ = wrong_ = lost_ = idle_cycles_ = 0;
    samples_.clear();
    rate_ = rate;
    loop(static_cast<uint64_t>(hz * kWarmUp));
    const uint64_t before = received_;
    const uint64_t start = rte_rdtsc();
    idle_cycles_ = 0;
    samples_.clear();
    sample_every_ = 1 + static_cast<uint64_t>((rate != 0 ? rate : 2e7) * seconds / kSamples);
    loop(static_cast<uint64_t>(hz * seconds));
    const uint64_t cycles = rte_rdtsc() - start;
    const uint64_t received = received_ - before;
    const uint64_t end = rte_rdtsc() + static_cast<uint64_t>(hz * kLostAfter);
    while (received_ < sent_ && rte_rdtsc() < end) receive();
    lost_ += sent_ > received_ ? sent_ - received_ : 0;
    const auto of = [&](double share) { return percentile(share) / hz * 1e6; };
    std::printf("{\"pps\": %.1f, \"sent\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"wrong\": %" PRIu64
                ", \"idle\": %.4f, \"p50_us\": %.3f, \"p99_us\": %.3f}\n",
                static_cast<double>(received) * hz / static_cast<double>(cycles), sent_, lost_,
                wrong_, static_cast<double>(idle_cycles_) / static_cast<double>(cycles), of(0.5),
                of(0.99));
    std::fflush(stdout);
  }

  void loop(uint64_t cycles) {
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const uint64_t start = rte_rdtsc();
    const uint64_t first = sent_;
    uint64_t last_received = start;
    uint64_t now = start;
    while (now - start < cycles) {
      uint64_t room = 0;
      if (sent_ - received_ < kInFlight) room = kInFlight - (sent_ - received_);
      uint64_t due = room >= kGenerated ? kGenerated : 0;
      if (rate_ != 0) {
        const auto owed =
            static_cast<uint64_t>(static_cast<double>(now - start) / hz * rate_) - (sent_ - first);
        due = std::min({owed, room, uint64_t{kGenerated}});
      }
      const unsigned sent = due != 0 ? send(static_cast<uint16_t>(due), now) : 0;
      const unsigned received = receive();
      const uint64_t end = rte_rdtsc();
      if (received != 0) last_received = end;
      if (sent + received == 0) {
        idle_cycles_ += end - now;
        // What does not come back any more must not narrow the window.
        if (sent_ != received_ && static_cast<double>(end - last_received) > hz * kLostAfter) {
          lost_ += sent_ - received_;
          received_ = sent_;
        }
      }
      now = end;
    }
  }

  unsigned send(uint16_t count, uint64_t now) {
    std::array<rte_mbuf*, kGenerated> burst;
    if (rte_pktmbuf_alloc_bulk(pool_, burst.data(), count) != 0) return 0;
    for (uint16_t i = 0; i < count; ++i) {
      const uint32_t number = next_++ % kTemplates;
      const uint16_t length = templates_.length(number);
      auto* at = rte_pktmbuf_mtod(burst[i], uint8_t*);
      std::memcpy(at, templates_.at(number), kTemplateStride);  // of constant length: a few moves
      std::memcpy(at + length - sizeof(Trailer), &now, sizeof now);
      burst[i]->data_len = length;
      burst[i]->pkt_len = length;
    }
    const uint16_t sent = rte_eth_tx_burst(port_, 0, burst.data(), count);
    if (sent < count) {
      next_ -= count - sent;
      rte_pktmbuf_free_bulk(burst.data() + sent, count - sent);
    }
    sent_ += sent;
    return sent;
  }

  unsigned receive() {
    std::array<rte_mbuf*, kGenerated> burst;
    const uint16_t count = rte_eth_rx_burst(port_, 0, burst.data(), kGenerated);
    for (uint16_t i = 0; i < count; ++i) {
      rte_mbuf* mbuf = burst[i];
      const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
      const auto* next = rte_pktmbuf_mtod(mbuf, const uint8_t*) + sizeof *ethernet;
      const bool ours = (ethernet->type == kEtherTypeIpv4 && next[9] == kProtocolIpv6) ||
                        (ethernet->type == kEtherTypeIpv6 && next[6] == kProtocolUdp);
      if (!ours) [[unlikely]] {
        if (answer(mbuf) && rte_eth_tx_burst(port_, 0, &mbuf, 1) == 1) burst[i] = nullptr;
        continue;
      }
      ++received_;
      const uint8_t* frame = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      if (received_ % kCheckEvery == 0 && !checker_.is_right(frame, mbuf->data_len)) ++wrong_;
      if (received_ % sample_every_ == 0 && samples_.size() < kSamples) {
        uint64_t then;
        std::memcpy(&then, frame + mbuf->data_len - sizeof(Trailer), sizeof then);
        // When it was taken, not when its turn began.
        samples_.push_back(static_cast<uint32_t>(rte_rdtsc() - then));
      }
    }
    if (count != 0) rte_pktmbuf_free_bulk(burst.data(), count);
    return count;
  }

  double percentile(double share) {
    if (samples_.empty()) return 0;
    const auto at = samples_.begin() +
                    static_cast<std::ptrdiff_t>(share * static_cast<double>(samples_.size() - 1));
    std::nth_element(samples_.begin(), at, samples_.end());
    return *at;
  }

  Plan plan_;
  Templates templates_;
  Checker checker_;
  uint16_t port_;
  rte_mempool* pool_;
  double rate_ = 0;
  uint32_t next_ = 0;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t wrong_ = 0;
  uint64_t lost_ = 0;
  uint64_t idle_cycles_ = 0;
  uint64_t sample_every_ = 1;
  std::vector<uint32_t> samples_;  // cycles
};

// The same frames for a device that reads them from a file, over and over; the gateways' answers
// among them, as nobody hears the questions.
void write_capture(const Options& options) {
  std::FILE* file = std::fopen(options.capture.c_str(), "wb");
  if (file == nullptr) fail(options.capture + " cannot be written");
  const auto put = [&](const void* data, std::size_t size) {
    if (std::fwrite(data, 1, size, file) != size) fail(options.capture + " cannot be written");
  };
  const std::array<uint32_t, 6> header{0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  put(header.data(), sizeof header);
  const auto put_frame = [&](const void* data, std::size_t size) {
    const auto length = static_cast<uint32_t>(size);
    const std::array<uint32_t, 4> record{0, 0, length, length};
    put(record.data(), sizeof record);
    put(data, size);
  };

  struct {
    EthernetHeader ethernet;
    ArpPacket arp;
  } reply{{options.to, kGatewayMac, kEtherTypeArp},
          {uint16_t{1}, kEtherTypeIpv4, 6, 4, uint16_t{2}, kGatewayMac,
           *Ipv4Address::parse("192.0.2.254"), options.to, Ipv4Address::from_value(kLocalV4)}};
  put_frame(&reply, sizeof reply);

  struct {
    EthernetHeader ethernet;
    Ipv6Header ip;
    std::array<uint8_t, 32> message;
  } advertisement{{options.to, kGatewayMac, kEtherTypeIpv6},
                  {uint32_t{6} << 28, uint16_t{32}, kProtocolIcmpv6, 255, kGatewayV6, kLocalV6},
                  {kNeighborAdvertisement, 0, 0, 0, 0xe0}};
  uint8_t* message = advertisement.message.data();
  std::memcpy(message + 8, &kGatewayV6, sizeof kGatewayV6);
  message[24] = 2;
  message[25] = 1;
  std::copy(kGatewayMac.begin(), kGatewayMac.end(), message + 26);
  const Be16 checksum = icmpv6_checksum(advertisement.ip, advertisement.message);
  std::memcpy(message + 2, &checksum, sizeof checksum);
  put_frame(&advertisement, sizeof advertisement);

  Templates templates(Plan(options.tunnels), options.inner, options.to);
  for (uint32_t i = 0; i < kTemplates; ++i) put_frame(templates.at(i), templates.length(i));
  std::fclose(file);
}

uint16_t open_port(rte_mempool* pool) {
  constexpr uint16_t port = 0;
  const rte_eth_conf conf{};
  if (rte_eth_dev_count_avail() != 1 || rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
      rte_eth_rx_queue_setup(port, 0, kDescriptors, 0, nullptr, pool) != 0 ||
      rte_eth_tx_queue_setup(port, 0, kDescriptors, 0, nullptr) != 0 ||
      rte_eth_dev_start(port) != 0) {
    fail("the port does not start");
  }
  return port;
}

int measure(const Options& options) {
  std::vector<std::string> arguments = {"bench_generator", "--no-pci", "--no-telemetry",
                                        "--log-level",     "error",    "--vdev",
                                        options.device};
  arguments.insert(arguments.end(), options.eal.begin(), options.eal.end());
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) fail("EAL does not start");
  rte_mempool* pool =
      rte_pktmbuf_pool_create("packets", kMbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) fail("no packet buffers");
  Generator generator(options, open_port(pool), pool);
  std::printf("ready\n");
  std::fflush(stdout);
  generator.serve();
  // Without closing the port: the device is there until it is told to end, and some drivers do not
  // survive that their peer goes.
  std::_Exit(0);
}

int usage(int status) {
  std::fprintf(
      status == 0 ? stdout : stderr,
      "usage: bench_generator [--tunnels N] [--inner BYTES] --print-config\n"
      "       bench_generator [--tunnels N] [--inner BYTES] [--to MAC] --write FILE\n"
      "       bench_generator [--tunnels N] [--inner BYTES] [--to MAC] [--plain] DEVICE -- EAL...\n"
      "The traffic of bench_io: prints the configuration it is for, writes it as a capture file, "
      "or\n"
      "sends it on a DPDK device, by orders \"run RATE SECONDS\" on standard input.\n");
  return status;
}

bool parse_mac(const char* text, MacAddress& mac) {
  rte_ether_addr address;
  if (rte_ether_unformat_addr(text, &address) != 0) return false;
  std::copy_n(address.addr_bytes, mac.size(), mac.begin());
  return true;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    const bool more = i + 1 < argc;
    if (a == "--help" || a == "-h") return usage(0);
    if (a == "--") {
      options.eal.assign(argv + i + 1, argv + argc);
      break;
    }
    if (a == "--plain") {
      options.plain = true;
    } else if (a == "--print-config") {
      options.print_config = true;
    } else if (a == "--tunnels" && more) {
      options.tunnels = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    } else if (a == "--inner" && more) {
      options.inner = std::strtoul(argv[++i], nullptr, 10);
    } else if (a == "--to" && more) {
      if (!parse_mac(argv[++i], options.to)) return usage(2);
    } else if (a == "--write" && more) {
      options.capture = argv[++i];
    } else if (a.empty() || a[0] == '-') {
      return usage(2);
    } else {
      options.device = a;
    }
  }
  if (options.tunnels == 0 || options.tunnels > kUnits || options.inner < 64) return usage(2);
  if (options.print_config) {
    std::string text;
    google::protobuf::TextFormat::PrintToString(make_config(Plan(options.tunnels)), &text);
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  if (!options.capture.empty()) {
    write_capture(options);
    return 0;
  }
  if (options.device.empty()) return usage(2);
  return measure(options);
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
