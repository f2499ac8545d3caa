// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Bursts of frames through the pipeline and what stands behind it, in the PoPs of the golden cases.
// What must hold: every packet gets a verdict, the law of conservation after every burst, no buffer
// is lost, nothing is read beyond a frame (buffers have not one byte behind it; sanitizer), totals
// and tunnels agree, and what is sent into a tunnel is a packet its client would take.
//
// An input is one byte that chooses the PoP, and steps: a byte that says what, and what belongs to
// it.
//   bits 0..1  0..2 a frame: two bytes length, the frame; 3 time: one byte, tenths of a second
//   bit 2      of a frame: the port
//   bits 3..5  of a frame: address it to us, put its IPv4 checksum right, those of ICMPv6, UDP, GRE
//   bit 6      of a frame with AYIYA: now, and signed with the password of the tunnel it names
//   bit 7      the burst ends here

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/net/checksum.h"
#include "dataplane/pcap/configuration.h"
#include "dataplane/pcap/offline_pop.h"
#include "tests/fuzz/fuzz_target.h"

namespace simplon::offline {
namespace {

constexpr uint8_t kTime = 3;
constexpr uint8_t kPort = 4;
constexpr uint8_t kToUs = 8;
constexpr uint8_t kFixIpv4 = 16;
constexpr uint8_t kFixUpper = 32;
constexpr uint8_t kSign = 64;
constexpr uint8_t kEndOfBurst = 128;
constexpr std::size_t kMaxFrame = 4096;
constexpr uint64_t kStart = 1'700'000'000'000'000'000;
constexpr MacAddress kMacs[] = {{2, 0, 0x5e, 0, 0, 1}, {2, 0, 0x5e, 0, 0, 2}};
constexpr MacAddress kGatewayMac = {2, 0, 0x5e, 0, 4, 0xfe};

const char* const kConfigs[] = {"one-port",  "vlans", "two-ports", "narrow",
                                "talkative", "jumbo", "dynamic",   "dynamic-two-ports"};

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

const Configuration& configuration(std::size_t n) {
  static const auto all = [] {
    std::array<Configuration, std::size(kConfigs)> loaded;
    for (std::size_t i = 0; i < std::size(kConfigs); ++i) {
      std::string error;
      const auto one = load_configuration(
          std::string(SIMPLON_FIXTURES "/configs/") + kConfigs[i] + ".txtpb", error);
      must(one.has_value(), error.c_str());
      loaded[i] = *one;
    }
    return loaded;
  }();
  return all[n % std::size(kConfigs)];
}

// A mutation that leaves a checksum wrong gets no further than the check of it.
void fix_icmpv6(std::span<uint8_t> packet) {
  if (packet.size() < sizeof(Ipv6Header) + sizeof(IcmpHeader)) return;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
  const std::size_t length =
      std::min<std::size_t>(ip->payload_length.value(), packet.size() - sizeof(Ipv6Header));
  if (ip->next_header != kProtocolIcmpv6 || length < sizeof(IcmpHeader)) return;
  auto* icmp = reinterpret_cast<IcmpHeader*>(packet.data() + sizeof(Ipv6Header));
  icmp->checksum = uint16_t{0};
  icmp->checksum = icmpv6_checksum(*ip, packet.subspan(sizeof(Ipv6Header), length));
}

std::size_t link_header(std::span<const uint8_t> frame, uint16_t& type) {
  std::size_t at = sizeof(EthernetHeader);
  type = reinterpret_cast<const EthernetHeader*>(frame.data())->type.value();
  if (type == kEtherTypeVlan && frame.size() >= at + sizeof(VlanTag)) {
    type = reinterpret_cast<const VlanTag*>(frame.data() + at)->type.value();
    at += sizeof(VlanTag);
  }
  return at;
}

// UDP or GRE at `at` of the IP packet, which ends where `packet` does at the latest.
void fix_carrier(std::span<uint8_t> packet, std::size_t at, uint8_t protocol) {
  if (at >= packet.size()) return;
  const auto payload = packet.subspan(at);
  if (protocol == kProtocolGre && payload.size() >= sizeof(GreHeader) + kGreFieldSize &&
      (payload[0] & kGreChecksum >> 8) != 0) {
    auto* field = reinterpret_cast<Be16*>(&payload[sizeof(GreHeader)]);
    *field = uint16_t{0};
    *field = checksum_finish(checksum_add(0, payload));
  }
  if (protocol != kProtocolUdp || payload.size() < sizeof(UdpHeader)) return;
  auto* udp = reinterpret_cast<UdpHeader*>(payload.data());
  const std::size_t length = std::min<std::size_t>(udp->length.value(), payload.size());
  uint64_t sum = 0;
  if (packet[0] >> 4 == 4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
    sum = ipv4_pseudo_sum(ip->source, ip->destination, static_cast<uint16_t>(length), kProtocolUdp);
  } else {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
    sum = ipv6_pseudo_sum(ip->source, ip->destination, static_cast<uint32_t>(length), kProtocolUdp);
  }
  udp->checksum = uint16_t{0};
  udp->checksum = checksum_finish(checksum_add(sum, payload.first(length)));
}

void sign(const SnapshotView& view, std::span<uint8_t> payload, uint8_t protocol, uint64_t now_ns) {
  constexpr std::size_t kHeaders = sizeof(UdpHeader) + sizeof(AyiyaHeader);
  if (protocol != kProtocolUdp || payload.size() < kHeaders) return;
  const auto* udp = reinterpret_cast<const UdpHeader*>(payload.data());
  const std::size_t length = std::min<std::size_t>(udp->length.value(), payload.size());
  if (udp->destination_port.value() != kPortAyiya || length < kHeaders) return;
  auto* header = reinterpret_cast<AyiyaHeader*>(&payload[sizeof(UdpHeader)]);
  const uint32_t slot = view.find_slot(header->tunnel.hi());
  if (slot == kNoSlot) return;
  header->epoch = static_cast<uint32_t>(now_ns / 1'000'000'000);
  std::memcpy(header->signature.data(), view.slot(slot).secret_sha1, kSha1Size);
  header->signature = sha1(payload.subspan(sizeof(UdpHeader), length - sizeof(UdpHeader)));
}

// Where the payload of the IP packet begins; 0: it is not all there.
std::size_t payload_of(std::span<const uint8_t> packet, uint8_t& protocol) {
  if (packet.size() < sizeof(Ipv4Header)) return 0;
  if (packet[0] >> 4 == 4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
    protocol = ip->protocol;
    return std::max<std::size_t>(ip->header_length(), sizeof(Ipv4Header));
  }
  if (packet.size() < sizeof(Ipv6Header)) return 0;
  protocol = reinterpret_cast<const Ipv6Header*>(packet.data())->next_header;
  return sizeof(Ipv6Header);
}

void repair(std::span<uint8_t> frame, uint8_t step, const MacAddress& mac, const SnapshotView& view,
            uint64_t now_ns) {
  if (frame.size() < sizeof(EthernetHeader)) return;
  if ((step & kToUs) != 0) std::copy(mac.begin(), mac.end(), frame.begin());
  uint16_t type = 0;
  const std::size_t link = link_header(frame, type);
  auto packet = frame.subspan(link);
  uint8_t protocol = 0;
  const std::size_t at = payload_of(packet, protocol);
  if (at == 0 || at > packet.size()) return;
  const bool ipv4 = type == kEtherTypeIpv4 && packet[0] >> 4 == 4;
  if (ipv4) {
    // Padding is no part of what UDP and GRE sum up.
    const std::size_t total = reinterpret_cast<Ipv4Header*>(packet.data())->total_length.value();
    packet = packet.first(std::clamp(total, at, packet.size()));
  }
  if ((step & kSign) != 0) sign(view, packet.subspan(at), protocol, now_ns);
  if ((step & kFixUpper) != 0) {
    if (type == kEtherTypeIpv6) fix_icmpv6(packet);
    if (protocol == kProtocolIpv6) fix_icmpv6(packet.subspan(at));
    fix_carrier(packet, at, protocol);
  }
  if (ipv4 && (step & kFixIpv4) != 0) {
    auto* ip = reinterpret_cast<Ipv4Header*>(packet.data());
    ip->checksum = uint16_t{0};
    ip->checksum = checksum_finish(checksum_add(0, packet.first(at)));
  }
}

// What left for a client: outer header complete and of a tunnel, inner packet as it says.
void check_proto41(const SnapshotView& view, std::span<const uint8_t> packet) {
  const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
  if (ip->protocol != kProtocolIpv6) return;
  bool known = false;
  for (const uint32_t slot : view.outer_index_find(Ipv6Address::from_ipv4(ip->destination))) {
    const TunnelSlot& tunnel = view.slot(slot);
    const auto local = Ipv6Address::from_bytes(view.pop().local_addresses[tunnel.local_index]);
    known |= tunnel.kind == static_cast<uint8_t>(TunnelKind::kProto41) &&
             local.ipv4() == ip->source && ip->ttl == tunnel.outer_ttl &&
             (tunnel.flags & kTunnelEnabled) != 0 &&
             ip->total_length.value() <= tunnel.mtu + k6in4Overhead;
  }
  // Those of dynamic tunnels may have moved since.
  const bool dynamic = view.outer_index().size() != view.tunnel_count();
  must(known || dynamic, "sent an outer header that is no enabled tunnel's");
  if (ip->is_fragment()) return;
  const auto* inner = reinterpret_cast<const Ipv6Header*>(packet.data() + sizeof(Ipv4Header));
  must(packet.size() >= sizeof(Ipv4Header) + sizeof(Ipv6Header) && inner->version() == 6 &&
           ip->total_length.value() ==
               sizeof(Ipv4Header) + sizeof(Ipv6Header) + inner->payload_length.value(),
       "sent outer and inner lengths that differ");
}

// 6in6, 4in6 and GRE over IPv6, with an encapsulation limit or without: the inner packet is whole
// and nothing is behind it.
void check_inner(std::span<const uint8_t> inner, bool ipv4) {
  if (ipv4) {
    must(inner.size() >= sizeof(Ipv4Header), "sent an inner packet that is cut off");
    const auto* ip = reinterpret_cast<const Ipv4Header*>(inner.data());
    must(ip->version() == 4 && ip->total_length.value() == inner.size() &&
             ip->header_length() <= inner.size() &&
             ipv4_header_valid(inner.first(ip->header_length())),
         "sent an inner IPv4 packet that is wrong");
  } else {
    must(inner.size() >= sizeof(Ipv6Header), "sent an inner packet that is cut off");
    const auto* ip = reinterpret_cast<const Ipv6Header*>(inner.data());
    must(ip->version() == 6 && sizeof(Ipv6Header) + ip->payload_length.value() == inner.size(),
         "sent an inner IPv6 packet that is wrong");
  }
}

void check_ipv6_carrier(const SnapshotView& view, std::span<const uint8_t> packet) {
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
  const auto& ends = view.pop().local_addresses;
  const bool ours = std::any_of(std::begin(ends), std::end(ends), [ip](const auto& end) {
    return Ipv6Address::from_bytes(end) == ip->source;
  });
  if (!ours) return;
  auto payload = packet.subspan(sizeof(Ipv6Header), ip->payload_length.value());
  uint8_t protocol = ip->next_header;
  if (protocol == kProtocolDestinationOptions) {
    must(payload.size() > kIpv6OptionsUnit && payload[1] == 0, "sent strange options");
    protocol = payload[0];
    payload = payload.subspan(kIpv6OptionsUnit);
  }
  if (protocol == kProtocolIpv6 || protocol == kProtocolIpv4) {
    check_inner(payload, protocol == kProtocolIpv4);
  }
}

void check_sent(const OfflinePop& pop, const Frame& frame) {
  must(frame.bytes.size() >= sizeof(EthernetHeader) + 20, "sent less than a packet");
  must(frame.port < pop.ports().size(), "sent on no port");
  must(reinterpret_cast<const EthernetHeader*>(frame.bytes.data())->source ==
           pop.ports()[frame.port].mac,
       "sent from an address that is not the port's");
  uint16_t type = 0;
  const auto packet = frame.bytes.subspan(link_header(frame.bytes, type));
  if (type == kEtherTypeIpv4) {
    must(packet.size() >= sizeof(Ipv4Header), "sent a packet that is cut off");
    const auto* ip = reinterpret_cast<const Ipv4Header*>(packet.data());
    // Transit may have options.
    const std::size_t header = ip->header_length();
    const bool ours = pop.table().links.is_local_ipv4(ip->source);
    must(ip->version() == 4 && header >= sizeof(Ipv4Header) && header <= packet.size(),
         "sent a strange IPv4 header");
    must(!ours || header == sizeof(Ipv4Header), "sent IPv4 options");
    must(ipv4_header_valid(packet.first(header)), "sent a wrong checksum");
    must(ip->total_length.value() <= packet.size(), "sent a packet that is cut off");
    must(ip->ttl != 0, "sent TTL 0");
    if (!ours) return;
    check_proto41(pop.table().snapshot, packet);
  } else if (type == kEtherTypeIpv6) {
    must(packet.size() >= sizeof(Ipv6Header), "sent a packet that is cut off");
    const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
    must(ip->version() == 6 && sizeof(Ipv6Header) + ip->payload_length.value() <= packet.size(),
         "sent a packet that is cut off");
    must(ip->hop_limit != 0, "sent hop limit 0");
    check_ipv6_carrier(pop.table().snapshot, packet);
  } else {
    must(type == kEtherTypeArp && packet.size() >= sizeof(ArpPacket), "sent something strange");
  }
}

class Run {
 public:
  explicit Run(const Configuration& configuration) {
    std::vector<OfflinePort> ports;
    for (std::size_t i = 0; i < configuration.ports.size(); ++i) {
      ports.push_back({configuration.ports[i], kMacs[i]});
    }
    OfflineOptions options;
    options.exact_buffers = true;
    options.max_frame = kMaxFrame;
    options.max_buffers = 400;
    std::string error;
    pop_ = OfflinePop::create(
        configuration.snapshot, std::move(ports), options,
        [this](const Frame& frame) { check_sent(*pop_, frame); }, error);
    must(pop_ != nullptr, error.c_str());
    for (const LinkInterface& i : pop_->table().links.interfaces()) {
      if (i.has_ipv4_gateway) {
        pop_->add_neighbor(i.port, i.vlan, Ipv6Address::from_ipv4(i.ipv4_gateway), kGatewayMac);
      }
      if (i.has_ipv6_gateway) pop_->add_neighbor(i.port, i.vlan, i.ipv6_gateway, kGatewayMac);
    }
    pop_->advance(now_);
  }

  void steps(std::span<const uint8_t> input) {
    while (!input.empty()) {
      const uint8_t step = input[0];
      input = input.subspan(1);
      if ((step & 3) == kTime) {
        burst();
        now_ += (input.empty() ? 0 : input[0]) * uint64_t{100'000'000};
        if (!input.empty()) input = input.subspan(1);
        pop_->advance(now_);
        check();
        continue;
      }
      if (input.size() < 2) break;
      const std::size_t wanted = (std::size_t{input[0]} << 8 | input[1]) % (kMaxFrame + 2);
      input = input.subspan(2);
      const auto bytes = input.first(std::min(wanted, input.size()));
      input = input.subspan(bytes.size());
      const auto port = static_cast<uint8_t>((step & kPort) != 0 ? pop_->ports().size() - 1 : 0);
      if (port != port_) burst();
      port_ = port;
      frames_.emplace_back(bytes.begin(), bytes.end());
      repair(frames_.back(), step, pop_->ports()[port].mac, pop_->table().snapshot, now_);
      if ((step & kEndOfBurst) != 0 || frames_.size() == kMaxBurst) burst();
    }
    burst();
    pop_->flush();
    check();
    must(pop_->conservation().held == 0, "something is held after a flush");
    must(pop_->buffers_in_use() == 0, "a buffer was lost");
  }

 private:
  void burst() {
    if (frames_.empty()) return;
    std::vector<Frame> burst;
    for (const auto& bytes : frames_) burst.push_back({port_, now_, bytes});
    pop_->receive(burst);
    for (const Fate& fate : pop_->fates()) {
      must(fate.verdict != Verdict::kPending, "a packet has no verdict");
    }
    frames_.clear();
    check();
  }

  void check() {
    must(pop_->conservation().imbalance() == 0, "the law of conservation does not hold");
    uint64_t in = 0;
    uint64_t out = 0;
    for (uint32_t slot = 0; slot < pop_->table().snapshot.slot_capacity(); ++slot) {
      in += pop_->tunnel(slot).in_packets;
      out += pop_->tunnel(slot).out_packets;
    }
    must(in == pop_->counter(WorkerCounter::kDecapsulated), "tunnels and decapsulated differ");
    must(out == pop_->counter(WorkerCounter::kEncapsulated), "tunnels and encapsulated differ");
  }

  std::unique_ptr<OfflinePop> pop_;
  uint64_t now_ = kStart;
  uint8_t port_ = 0;
  std::vector<std::vector<uint8_t>> frames_;
};

// Frames of a classic pcap file of the golden cases: microseconds, little endian.
void add_capture(const std::filesystem::path& path, uint8_t port, std::vector<uint8_t>& input) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> data{std::istreambuf_iterator<char>(in), {}};
  constexpr std::size_t kFileHeader = 24;
  constexpr std::size_t kRecordHeader = 16;
  constexpr std::size_t kMostFrames = 40;  // beyond, more of the same
  std::size_t frames = 0;
  for (std::size_t at = kFileHeader; at + kRecordHeader <= data.size() && frames < kMostFrames;
       ++frames) {
    uint32_t length = 0;
    std::memcpy(&length, &data[at + 8], sizeof(length));
    at += kRecordHeader;
    if (length > kMaxFrame || at + length > data.size()) return;
    input.insert(input.end(), {static_cast<uint8_t>(port | kSign | kFixUpper |
                                                    (frames % 5 == 4 ? kEndOfBurst : 0)),
                               static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)});
    input.insert(input.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                 data.begin() + static_cast<std::ptrdiff_t>(at + length));
    at += length;
  }
}

}  // namespace
}  // namespace simplon::offline

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon::offline;
  if (size == 0) return 0;
  Run(configuration(data[0])).steps({data + 1, size - 1});
  return 0;
}

namespace simplon::fuzz {

// Each golden case with its configuration.
std::vector<std::vector<uint8_t>> seeds() {
  namespace fs = std::filesystem;
  std::vector<fs::path> cases;
  for (const auto& entry : fs::recursive_directory_iterator(SIMPLON_FIXTURES)) {
    if (entry.path().filename() == "case.txt") cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  std::vector<std::vector<uint8_t>> all;
  for (const fs::path& description : cases) {
    std::ifstream in(description);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    uint8_t config = 0;
    for (std::size_t i = 0; i < std::size(offline::kConfigs); ++i) {
      if (text.find(std::string("/") + offline::kConfigs[i] + ".txtpb") != std::string::npos) {
        config = static_cast<uint8_t>(i);
      }
    }
    std::vector<uint8_t> input{config};
    for (const char* port : {"wan0", "wan4", "wan6"}) {
      const fs::path capture = description.parent_path() / (std::string("in-") + port + ".pcap");
      if (!fs::exists(capture)) continue;
      offline::add_capture(capture, std::string(port) == "wan6" ? offline::kPort : 0, input);
    }
    all.push_back(std::move(input));
  }
  offline::must(!all.empty(), "there are no golden cases in " SIMPLON_FIXTURES);
  return all;
}

}  // namespace simplon::fuzz
