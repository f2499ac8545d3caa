// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Fuzz target: AYIYA datagrams from a handful of places to a PoP with a handful of tunnels.
// Whatever comes, who cannot sign changes nothing and gets no answer, endpoints are only where
// signed packets came from, everything sent as AYIYA is signed, no packet is lost count of.
//
// Input: steps. A byte says what to do:
//   bits 1..0  0 time passes by the next byte, in seconds / 1, 2 a datagram / 3 the burst ends
//   bits 4..2  the place it comes from; 7 over IPv6
//   bit 5      signed with the password of the tunnel it names
//   bit 6      with the one before, where there is one
//   bit 7      with the epoch of now added to its own
// and of a datagram: two bytes of length, big endian, and the UDP payload.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <span>

#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/ayiya_bed.h"

namespace simplon::test {
namespace {

constexpr unsigned kTime = 0;
constexpr unsigned kEnd = 3;
constexpr uint8_t kSigned = 0x20;
constexpr uint8_t kPrevious = 0x40;
constexpr uint8_t kNow = 0x80;
constexpr std::size_t kMaxDatagram = 1600;
constexpr uint32_t kSlots = 9;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

AyiyaClient place(unsigned n) {
  AyiyaClient client;
  switch (n & 7) {
    case 1:
      client.port = 40'001;
      break;
    case 2:
      client.address = "203.0.113.66";
      break;
    case 3:
      client.local = "192.0.2.77";
      break;
    case 4:
      client.address = "203.0.113.99";  // another PoP
      break;
    case 5:
      client.address = "10.1.2.3";  // private
      break;
    case 6:
      client.port = 0;
      break;
    case 7:
      client.address = "2001:db8:cafe::10";
      client.local = "2001:db8:ffff::1";
      break;
    default:
      break;
  }
  return client;
}

uint32_t slot_named(std::span<const uint8_t> datagram) {
  if (datagram.size() < sizeof(AyiyaHeader)) return kNoSlot;
  const auto* header = reinterpret_cast<const AyiyaHeader*>(datagram.data());
  const uint64_t hi = header->tunnel.hi();
  return hi >> 16 == 0x2001'0db8'02ff ? static_cast<uint32_t>(hi & 0xffff) : kNoSlot;
}

std::string_view password_of(uint32_t slot) {
  return slot == 1 ? kVectorPassword : kOtherPassword;
}

void sign(Bytes& datagram, std::string_view password) {
  auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
  header->signature =
      reference_sha1({reinterpret_cast<const uint8_t*>(password.data()), password.size()});
  header->signature = reference_sha1(datagram);
}

class Run {
 public:
  void steps(std::span<const uint8_t> input) {
    while (!input.empty()) {
      const uint8_t step = input[0];
      input = input.subspan(1);
      if ((step & 3) == kEnd) {
        burst();
      } else if ((step & 3) == kTime) {
        burst();
        const uint32_t seconds = input.empty() ? 0 : input[0];
        if (!input.empty()) input = input.subspan(1);
        bed_.advance_s(seconds);
        now_ += seconds;
        check_sent();
      } else if (input.size() < 2) {
        break;
      } else {
        const std::size_t wanted = (std::size_t{input[0]} << 8 | input[1]) % kMaxDatagram;
        input = input.subspan(2);
        const auto bytes = input.first(std::min(wanted, input.size()));
        input = input.subspan(bytes.size());
        add(step, {bytes.begin(), bytes.end()});
      }
    }
    burst();
  }

 private:
  void add(uint8_t step, Bytes datagram) {
    const AyiyaClient client = place(step >> 2);
    const uint32_t slot = slot_named(datagram);
    if ((step & kNow) != 0 && slot != kNoSlot) {
      auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
      header->epoch = header->epoch.value() + now_;
    }
    if ((step & kSigned) != 0 && slot != kNoSlot) {
      sign(datagram, (step & kPrevious) != 0 ? kPreviousPassword : password_of(slot));
      signed_ = true;
      places_.insert(*Ipv6Address::parse(client.address.find(':') == std::string::npos
                                             ? "::ffff:" + client.address
                                             : client.address));
    }
    frames_.push_back(client.frame(datagram));
    if (frames_.size() == kMaxBurst) burst();
  }

  void burst() {
    if (frames_.empty()) return;
    const uint64_t accepted = bed_.counter(WorkerCounter::kAyiyaAccepted);
    Endpoint before[kSlots];
    for (uint32_t slot = 0; slot < kSlots; ++slot) before[slot] = bed_.endpoint(slot);
    for (const offline::Fate& fate : bed_.receive(frames_)) {
      must(fate.verdict != Verdict::kPending, "a packet has no verdict");
    }
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const Endpoint now = bed_.endpoint(slot);
      if (now.known()) must(places_.contains(now.address), "an endpoint nobody signed from");
      if (signed_) continue;
      must(now.known() == before[slot].known() && now.same_place(before[slot]) &&
               now.up == before[slot].up,
           "an endpoint changed without a signature");
    }
    if (!signed_) {
      must(bed_.sent.empty(), "somebody was answered who cannot sign");
      must(bed_.counter(WorkerCounter::kAyiyaAccepted) == accepted, "took what nobody signed");
    }
    for (const char* address : {"::ffff:203.0.113.99", "::ffff:10.1.2.3"}) {
      for (uint32_t slot = 0; slot < kSlots; ++slot) {
        must(bed_.endpoint(slot).address != *Ipv6Address::parse(address),
             "an endpoint is where none can be");
      }
    }
    check_sent();
    frames_.clear();
    signed_ = false;
  }

  void check_sent() {
    for (const Bytes& frame : bed_.sent) {
      const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame.data());
      const bool ipv4 = ethernet->type.value() == kEtherTypeIpv4;
      if (ethernet->type.value() != kEtherTypeIpv6 && !ipv4) continue;
      const uint8_t protocol = frame.at(sizeof(EthernetHeader) + (ipv4 ? 9 : 6));
      // What clients send out is theirs.
      const Ipv6Address source = ipv4 ? Ipv6Address::from_ipv4(Ipv4Address::from_bytes(&frame[26]))
                                      : Ipv6Address::from_bytes(&frame[22]);
      const auto& pop = bed_.pop().table().snapshot.pop();
      bool ours = false;
      for (uint32_t i = 0; i < pop.local_address_count; ++i) {
        ours |= Ipv6Address::from_bytes(pop.local_addresses[i]) == source;
      }
      if (protocol != kProtocolUdp || !ours) continue;
      const AyiyaReply reply = parse_reply(frame);
      const uint32_t slot = slot_named(reply.datagram);
      must(slot < kSlots && reply.header().tunnel.lo() == 1, "AYIYA in the name of no tunnel");
      must(reply.is_signed_with(password_of(slot)) || reply.is_signed_with(kPreviousPassword),
           "AYIYA without a signature");
      const uint8_t operation = reply.header().operation;
      must(operation == 0x11 || operation == 0x14, "an operation no client takes");
    }
    bed_.sent.clear();
  }

  AyiyaBed bed_;
  uint32_t now_ = kVectorEpoch;
  bool signed_ = false;
  std::set<Ipv6Address> places_;
  std::vector<Bytes> frames_;
};

}  // namespace
}  // namespace simplon::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  simplon::test::Run().steps({data, size});
  return 0;
}

namespace simplon::fuzz {

std::vector<std::vector<uint8_t>> seeds() {
  using namespace test;
  using Op = AyiyaOperation;
  std::vector<std::vector<uint8_t>> all;
  const auto seed = [&all](uint8_t step, const AyiyaClient& client, Op op, uint8_t next_header,
                           const Bytes& payload) {
    const Bytes datagram = client.datagram(op, next_header, payload);
    std::vector<uint8_t> input{static_cast<uint8_t>(step | 1),
                               static_cast<uint8_t>(datagram.size() >> 8),
                               static_cast<uint8_t>(datagram.size())};
    input.insert(input.end(), datagram.begin(), datagram.end());
    all.push_back(std::move(input));
  };
  AyiyaClient client;
  client.epoch = 0;
  for (uint8_t from = 0; from < 8; ++from) {
    const auto step = static_cast<uint8_t>(kSigned | kNow | from << 2);
    for (const char* slot : {"1", "2", "3", "4", "5", "6", "7", "99"}) {
      client.identity = std::string("2001:db8:2ff:") + slot + "::2";
      seed(step, client, Op::kNoOperation, 59, {});
      seed(step, client, Op::kForward, 41,
           inner_packet(60, "2001:db8:2ff:" + std::string(slot) + "::2", "2001:db8:2ff:1::2"));
    }
    client.identity = "2001:db8:2ff:6::2";
    seed(step | kPrevious, client, Op::kNoOperation, 59, {});
    client.identity = "2001:db8:2ff:1::2";
    seed(step, client, Op::kForward, 4, inner_ipv4_packet(60));
    seed(step, client, Op::kForward, 4, inner_ipv4_packet(60, "198.18.0.1", "198.18.0.1"));
    seed(step, client, Op::kForward, 41, inner_packet(1400));
    for (const Op op : {Op::kEchoRequest, Op::kEchoRequestForward, Op::kEchoResponse,
                        Op::kMessageOfTheDay, Op::kQueryRequest, Op::kQueryResponse}) {
      seed(step, client, op, 59, {});
      seed(step, client, op, 41, inner_packet(100));
      seed(step, client, op, 4, inner_ipv4_packet(100));
    }
    // Not signed.
    seed(static_cast<uint8_t>(from << 2 | kNow), client, Op::kNoOperation, 59, {});
  }
  all.push_back({kEnd});
  all.push_back({kTime, 1});
  all.push_back({kTime, 100});
  all.push_back({kTime, 250});
  return all;
}

}  // namespace simplon::fuzz
