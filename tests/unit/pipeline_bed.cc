// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/unit/pipeline_bed.h"

#include <stdexcept>
#include <string>

#include "control/table/build_snapshot.h"
#include "tests/support/sample_config.h"

namespace simplon::test {
namespace {

constexpr std::string_view kConfig = R"(
pop {
  name: "bed"
  interfaces {
    port: "wan0"
    ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
    ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff"
  }
  ipv4_addresses: "192.0.2.77"
  ipv6_addresses: "2001:db8:77::77"
  ipv6_address: "2001:db8:ff:ffff::1"
  other_pop_addresses: "203.0.113.99"
}
pools { name: "link" kind: LINK prefix: "2001:db8:ff::/49" }
pools { name: "delegated" kind: DELEGATED prefix: "2001:db8:1000::/44" unit_length: 48 }
pools { name: "legacy" kind: DELEGATED prefix: "198.18.0.0/24" unit_length: 32 }
tunnels { id: 1 slot: 1 type: PROTO41 remote: "198.51.100.10"
  delegated_prefixes: "2001:db8:1001::/48" }
tunnels { id: 2 slot: 2 type: HEARTBEAT password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:1002::/48" }
tunnels { id: 3 slot: 3 type: AYIYA password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:1003::/48" ipv4_prefixes: "198.18.0.3/32" }
tunnels { id: 4 slot: 4 type: DYNAMIC_ENDPOINT password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:1004::/48" ipv4_prefixes: "198.18.0.4/32" }
tunnels { id: 5 slot: 5 type: GRE remote: "198.51.100.50" gre_key: 168496141 gre_checksum: true
  gre_sequence: true delegated_prefixes: "2001:db8:1005::/48" ipv4_prefixes: "198.18.0.5/32" }
tunnels { id: 6 slot: 6 type: GRE remote: "2001:db8:6::6"
  delegated_prefixes: "2001:db8:1006::/48" ipv4_prefixes: "198.18.0.6/32" }
tunnels { id: 7 slot: 7 type: IPV6_TUNNEL remote: "2001:db8:6::7" encapsulation_limit: 4
  delegated_prefixes: "2001:db8:1007::/48" ipv4_prefixes: "198.18.0.7/32" ecn_mode: NORMAL }
tunnels { id: 8 slot: 8 type: IPV6_TUNNEL remote: "2001:db8:6::8"
  delegated_prefixes: "2001:db8:1008::/48" ipv4_prefixes: "198.18.0.8/32" }
tunnels { id: 9 slot: 9 type: GRE remote: "198.51.100.90" admin_state: DISABLED
  delegated_prefixes: "2001:db8:1009::/48" ipv4_prefixes: "198.18.0.9/32" }
)";

constexpr std::size_t kHeadroom = 128;
constexpr std::size_t kLedgerSets = 64;

}  // namespace

PipelineBed::PipelineBed() : PipelineBed(kConfig) {}

PipelineBed::PipelineBed(std::string_view config)
    : column_(kWorkerCounterCapacity), ledger_(kLedgerSets * kLedgerWays) {
  const auto sealed = control::build_snapshot(testing::config_from(config), 1, 1);
  if (!sealed.ok()) throw std::runtime_error(sealed.status().ToString());
  auto opened = SnapshotView::open(sealed->fd.get(), {.copy = true});
  if (!opened) throw std::runtime_error(opened.error.reason);
  const std::array ports{PortInfo{"wan0", kPopMac}, PortInfo{"wan1", kPopMac1}};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), ports, error);
  if (!links) throw std::runtime_error(error.reason);
  table_ = std::make_unique<ForwardingTable>(ForwardingTable{std::move(*opened.view), *links});

  const uint32_t slots = table_->snapshot.slot_capacity();
  tunnels_.resize(slots);
  runtime_.resize(slots);
  context.emplace(column_.data(), tunnels_.data(), neighbors_, uint16_t{0}, uint16_t{1});
  context->runtime = RuntimeTable(runtime_);
  context->ledger = ErrorLedger(ledger_);
  std::string why;
  ayiya_ = AyiyaWorker::create(1, why);
  if (ayiya_ == nullptr) throw std::runtime_error(why);
  context->ayiya = ayiya_.get();
  neighbors_.set(0, any("192.0.2.254"), kRouterMac);
  neighbors_.set(0, any("2001:db8:a::ffff"), kRouterMac);
  time_ = {.now_ns = 1000 * kSecond,
           .unix_ns = kUnixNow * kSecond,
           .boot_s = 1000,
           .unix_before_step_s = 0};
  context->set_time(time_);
}

const Packet& PipelineBed::receive(const Bytes& frame) {
  buffer_.assign(kHeadroom + frame.size(), 0);
  std::copy(frame.begin(), frame.end(), buffer_.begin() + kHeadroom);
  packet = {};
  packet.data = buffer_.data() + kHeadroom;
  packet.length = static_cast<uint16_t>(frame.size());
  packet.headroom = kHeadroom;
  process_burst(*context, *table_, {&packet, 1});
  return packet;
}

Bytes PipelineBed::ip_packet() const {
  const bool ipv4 = *packet.at<uint8_t>(packet.network) >> 4 == 4;
  const std::size_t length =
      ipv4 ? packet.at<Ipv4Header>(packet.network)->total_length.value()
           : sizeof(Ipv6Header) + packet.at<Ipv6Header>(packet.network)->payload_length.value();
  if (packet.network + length > packet.length) throw std::logic_error("packet is cut off");
  return {packet.data + packet.network, packet.data + packet.network + length};
}

void PipelineBed::bring_up(uint32_t slot, std::string_view address, uint16_t port, bool verified,
                           std::string_view local) {
  Endpoint e;
  e.address = any(address);
  e.port = port;
  e.local_index = table_->links.local_index(any(local));
  e.transport = port != 0 ? Transport::kAyiya : Transport::kProto41;
  e.up = true;
  e.verified = verified;
  const uint8_t incarnation = table_->snapshot.slot(slot).incarnation;
  if (!context->runtime.set(slot, incarnation, e, time_.boot_s)) {
    throw std::logic_error("the endpoint was not taken");
  }
}

uint64_t PipelineBed::booked(uint32_t slot, DropReason reason) const {
  uint64_t count = 0;
  for (const LedgerRecord& r : ledger_) {
    if (r.slot == slot && r.reason == static_cast<uint8_t>(reason)) count += r.count;
  }
  return count;
}

LedgerRecord PipelineBed::record(uint32_t slot, DropReason reason) const {
  for (const LedgerRecord& r : ledger_) {
    if (r.count != 0 && r.slot == slot && r.reason == static_cast<uint8_t>(reason)) return r;
  }
  throw std::logic_error("nothing is booked");
}

void PipelineBed::advance(uint64_t ns) {
  time_.now_ns += ns;
  time_.unix_ns += ns;
  time_.boot_s = static_cast<uint32_t>(time_.now_ns / kSecond);
  context->set_time(time_);
}

Ipv6Address v6(std::string_view text) {
  const auto a = Ipv6Address::parse(text);
  if (!a) throw std::logic_error("not an IPv6 address: " + std::string(text));
  return *a;
}

Ipv4Address v4(std::string_view text) {
  const auto a = Ipv4Address::parse(text);
  if (!a) throw std::logic_error("not an IPv4 address: " + std::string(text));
  return *a;
}

Ipv6Address any(std::string_view text) {
  const auto a = Ipv4Address::parse(text);
  return a ? Ipv6Address::from_ipv4(*a) : v6(text);
}

}  // namespace simplon::test
