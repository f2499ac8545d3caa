// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a real driver says of received checksums, and who is asked: a tap device of the kernel's in
// a network namespace of this process's own. Without the right to make one there is nothing to see.

#include <linux/if_packet.h>
#include <net/if.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdio>
#include <string>
#include <vector>

#include "dataplane/port/dpdk_port.h"
#include "dataplane/port/mbuf_adapter.h"
#include "dataplane/state/file_descriptor.h"
#include "tests/support/catch.h"
#include "tests/support/packet_builder.h"

namespace simplon {
namespace {

using simplon::testing::ContainsSubstring;
using test::Bytes;
using test::PacketBuilder;

constexpr MacAddress kPeerMac{0x02, 0, 0, 0, 0, 0xfe};

// False: no namespaces here.
bool start_eal() {
  static const bool started = [] {
    if (unshare(CLONE_NEWNET) != 0) return false;
    std::vector<std::string> words = {"port_test",   "--no-huge", "-m",
                                      "64",          "--no-pci",  "--no-shconf",
                                      "--log-level", "error",     "--no-telemetry"};
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    REQUIRE(rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0);
    return true;
  }();
  if (!started) WARN("no network namespace can be made here: nothing was tested");
  return started;
}

class Tap {
 public:
  explicit Tap(RxChecksums rx_checksums) {
    static int taps = 0;
    const std::string n = std::to_string(taps++);
    const std::string interface = "port" + n;
    pool_ = rte_pktmbuf_pool_create(("pool" + n).c_str(), 2047, 0, kMbufPrivateSize,
                                    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    REQUIRE(pool_ != nullptr);
    DpdkPort::Config config;
    config.name = "wan0";
    config.device = "tap:" + interface;
    config.eal_name = "net_tap" + n;
    config.eal_arguments = "iface=" + interface;
    config.rx_checksums = rx_checksums;
    config.pool = pool_;
    std::string error;
    port_ = DpdkPort::open(config, error);
    INFO(error);
    REQUIRE(port_ != nullptr);

    wire_ = FileDescriptor(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    REQUIRE(bind(wire_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Tap() {
    port_.reset();
    rte_mempool_free(pool_);
  }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  const DpdkPort& port() const { return *port_; }
  PacketBuilder frame() const { return PacketBuilder().ethernet(port_->mac(), kPeerMac); }

  // Sends it to the port. Whether it comes out with a UDP checksum found right.
  bool summed(const Bytes& frame) {
    REQUIRE(send(wire_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
    while (true) {  // the kernel sends on its own, too
      rte_mbuf* mbuf = nullptr;
      if (rte_eth_rx_burst(port_->id(), 0, &mbuf, 1) == 0) continue;
      const auto* bytes = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      const bool ours = Bytes(bytes, bytes + mbuf->data_len) == frame;
      const bool summed = is_udp_summed(mbuf);
      rte_pktmbuf_free(mbuf);
      if (ours) return summed;
    }
  }

 private:
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<DpdkPort> port_;
  FileDescriptor wire_;
};

TEST_CASE("a port that is asked tells the UDP datagrams that sum up") {
  if (!start_eal()) return;
  Tap tap(RxChecksums::kDriver);
  CHECK_THAT(tap.port().report(), ContainsSubstring("rx_checksums=udp"));
  const auto ipv4 = [&] { return tap.frame().ipv4("198.51.100.1", "192.0.2.1"); };
  const auto ipv6 = [&] { return tap.frame().ipv6("2001:db8:1::1", "2001:db8::1"); };
  CHECK(tap.summed(ipv4().udp(40'000, 5072).payload(100).build()));
  CHECK(tap.summed(ipv4().udp(40'000, 5072).payload(101).build()));
  CHECK(tap.summed(ipv6().udp(40'000, 5072).payload(100).build()));
  CHECK_FALSE(tap.summed(ipv4().udp(40'000, 5072).checksum(0x1234).payload(100).build()));
  CHECK_FALSE(tap.summed(ipv6().udp(40'000, 5072).checksum(0x1234).payload(100).build()));
  CHECK_FALSE(tap.summed(ipv4().fragment(8, false).udp(40'000, 5072).payload(100).build()));
  CHECK_FALSE(tap.summed(ipv4().ipv6("2001:db8:2::1", "2001:db8:3::1").payload(8).build()));
}

TEST_CASE("a virtual device is not asked, unless that is asked for") {
  if (!start_eal()) return;
  for (const RxChecksums whose : {RxChecksums::kNic, RxChecksums::kNone}) {
    Tap tap(whose);
    CHECK_THAT(tap.port().report(), ContainsSubstring("rx_checksums=none"));
    CHECK_FALSE(tap.summed(
        tap.frame().ipv4("198.51.100.1", "192.0.2.1").udp(40'000, 5072).payload(100).build()));
  }
}

}  // namespace
}  // namespace simplon
