// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/port/dpdk_port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

namespace simplon {
namespace {

// Everything that tells packets of one tunnel, or of one inner flow from the uplink, apart. What
// the port cannot do is masked out.
constexpr uint64_t kRssWanted =
    RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
    RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |
    RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |
    RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_IPV6_TCP_EX |
    RTE_ETH_RSS_IPV6_UDP_EX;

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  const std::size_t n = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), n);
}

std::string hash_types(uint64_t types) {
  std::string text;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((types >> bit & 1) == 0) continue;
    text += text.empty() ? "" : ",";
    text += std::to_string(bit);
  }
  return text.empty() ? "none" : text;
}

// How a user gets more queues out of a driver.
std::string more_queues_hint(const std::string& driver, unsigned workers) {
  const std::string n = std::to_string(workers);
  if (driver == "net_af_packet") return "add qpairs=" + n + " to the device";
  if (driver == "net_af_xdp") return "add queue_count=" + n + " to the device, if it has as many";
  if (driver == "net_vhost" || driver == "net_virtio_user") return "add queues=" + n;
  if (driver == "net_pcap") return "name " + n + " times rx_pcap= and tx_pcap=";
  return "use a port that has them";
}

}  // namespace

std::unique_ptr<DpdkPort> DpdkPort::open(const Config& config, std::string& error) {
  std::unique_ptr<DpdkPort> port(new DpdkPort(config));
  if (!port->probe(error) || !port->configure(error)) {
    error = "port '" + config.name + "' (" + config.device + "): " + error;
    return nullptr;
  }
  return port;
}

bool DpdkPort::probe(std::string& error) {
  if (!config_.pci) {
    // Hot-plugged rather than given to rte_eal_init(), which would say only that a bus failed.
    const int rc =
        rte_eal_hotplug_add("vdev", config_.eal_name.c_str(), config_.eal_arguments.c_str());
    if (rc != 0) {
      error = std::string("cannot be opened: ") + rte_strerror(-rc) +
              "; the lines above are the driver's. Is the driver's name right, does the interface "
              "exist, and may this user open it?";
      return false;
    }
  }
  if (rte_eth_dev_get_port_by_name(config_.eal_name.c_str(), &id_) != 0) {
    error = config_.pci ? "no such device, or it is not bound to a driver DPDK can use: see "
                          "`dpdk-devbind.py --status`"
                        : "the driver made no port of it";
    return false;
  }
  probed_ = true;
  return true;
}

// A virtual device knows no better than we do; and to virtio it means that its peer need not put
// the checksums in which we are to forward.
bool DpdkPort::asks_for_checksums(uint64_t capabilities) const {
  if ((capabilities & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) == 0) return false;
  switch (config_.rx_checksums) {
    case RxChecksums::kNic:
      return config_.pci && driver_ != "net_virtio";
    case RxChecksums::kDriver:
      return true;
    case RxChecksums::kNone:
      break;
  }
  return false;
}

bool DpdkPort::configure(std::string& error) {
  rte_eth_dev_info info{};
  int rc = rte_eth_dev_info_get(id_, &info);
  if (rc != 0) {
    error = std::string("says nothing about itself: ") + rte_strerror(-rc);
    return false;
  }
  driver_ = info.driver_name;
  const uint16_t queues = std::min(info.max_rx_queues, info.max_tx_queues);
  if (queues < config_.workers) {
    error = "has " + std::to_string(queues) + " queues for " + std::to_string(config_.workers) +
            " workers: use --workers " + std::to_string(queues) + ", or " +
            more_queues_hint(driver_, config_.workers);
    return false;
  }
  // Virtual devices pair their queues with a peer's: one more would have nobody at its other end.
  slow_path_queue_ = config_.pci && info.max_tx_queues > config_.workers;

  rte_eth_conf conf{};
  uint64_t rss = 0;
  if (config_.rss && config_.workers > 1) {
    rss = kRssWanted & info.flow_type_rss_offloads;
    if (rss != 0) {
      conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
      conf.rx_adv_conf.rss_conf.rss_hf = rss;
    }
  }
  // The maximum frame of a port that is not told otherwise fits no VLAN tag with some drivers.
  conf.rxmode.mtu = std::clamp(config_.mtu, std::max<uint16_t>(info.min_mtu, 68),
                               info.max_mtu != 0 ? info.max_mtu : config_.mtu);
  // All frames are of one pool, in one piece and nobody else's (queues return them as they were).
  // No other offload of sending: headers are summed as they are written, for three instructions, or
  // were summed when the tunnel was configured; and each of the others makes drivers leave their
  // vector paths.
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  // Not for IPv4 headers: of a tunnel's packet drivers report on the header inside, and five words
  // that are looked at anyway are summed up sooner than a report is looked up.
  const bool rx_checksums = asks_for_checksums(info.rx_offload_capa);
  if (rx_checksums) conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  conf.intr_conf.rxq = config_.rx_interrupts ? 1 : 0;

  const auto tx_queues = static_cast<uint16_t>(config_.workers + (slow_path_queue_ ? 1 : 0));
  rc = rte_eth_dev_configure(id_, config_.workers, tx_queues, &conf);
  if (rc != 0 && conf.intr_conf.rxq != 0) {
    conf.intr_conf.rxq = 0;  // workers then look now and then
    rc = rte_eth_dev_configure(id_, config_.workers, tx_queues, &conf);
  }
  if (rc != 0) {
    error = std::string("cannot be configured: ") + rte_strerror(-rc);
    return false;
  }
  uint16_t rx_descriptors = config_.rx_descriptors;
  uint16_t tx_descriptors = config_.tx_descriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors);
  numa_node_ = rte_eth_dev_socket_id(id_);
  const auto socket = static_cast<unsigned>(numa_node_);
  for (uint16_t q = 0; q < config_.workers; ++q) {
    rc = rte_eth_rx_queue_setup(id_, q, rx_descriptors, socket, nullptr, config_.pool);
    if (rc != 0) {
      error = "receive queue " + std::to_string(q) + ": " + rte_strerror(-rc);
      return false;
    }
  }
  for (uint16_t q = 0; q < tx_queues; ++q) {
    rc = rte_eth_tx_queue_setup(id_, q, tx_descriptors, socket, nullptr);
    if (rc != 0) {
      error = "transmit queue " + std::to_string(q) + ": " + rte_strerror(-rc);
      return false;
    }
  }
  rc = rte_eth_dev_start(id_);
  if (rc != 0) {
    error = std::string("cannot be started: ") + rte_strerror(-rc);
    return false;
  }
  started_ = true;
  listen_to_groups();

  rte_ether_addr mac{};
  rte_eth_macaddr_get(id_, &mac);
  std::copy_n(mac.addr_bytes, mac_.size(), mac_.begin());
  uint16_t mtu = 0;
  rte_eth_dev_get_mtu(id_, &mtu);
  report_ = "driver=" + driver_ + " queues=" + std::to_string(config_.workers) +
            " mtu=" + std::to_string(mtu) + " rx_descriptors=" + std::to_string(rx_descriptors) +
            " tx_descriptors=" + std::to_string(tx_descriptors) +
            " rx_checksums=" + (rx_checksums ? "udp" : "none") +
            " slow_path_queue=" + (slow_path_queue_ ? "own" : "worker-0");
  if (config_.workers > 1) {
    report_ += " rss=" + hash_types(rss) +
               " rss_refused=" + (config_.rss ? hash_types(kRssWanted & ~rss) : "not-asked");
  }
  return true;
}

// Neighbour solicitations come to groups of ours. A port that cannot filter them hears everything,
// and one that can do neither delivers all anyway (the virtual ones).
void DpdkPort::listen_to_groups() {
  if (rte_eth_allmulticast_enable(id_) != 0) rte_eth_promiscuous_enable(id_);
}

DpdkPort::~DpdkPort() {
  if (started_) rte_eth_dev_stop(id_);
  if (!probed_) return;
  rte_eth_dev_close(id_);
  if (!config_.pci) rte_eal_hotplug_remove("vdev", config_.eal_name.c_str());
}

PortStatus DpdkPort::status() const {
  PortStatus s{};
  copy_text(s.name, config_.name);
  copy_text(s.device, config_.device);
  copy_text(s.driver, driver_);
  std::copy(mac_.begin(), mac_.end(), s.mac);
  s.queues = config_.workers;
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) == 0) {
    s.link_up = link.link_status == RTE_ETH_LINK_UP;
    s.speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
  }
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) == 0) {
    s.rx_packets = stats.ipackets;
    s.rx_bytes = stats.ibytes;
    s.rx_missed = stats.imissed;
    s.rx_errors = stats.ierrors;
    s.rx_nombuf = stats.rx_nombuf;
    s.tx_packets = stats.opackets;
    s.tx_bytes = stats.obytes;
    s.tx_errors = stats.oerrors;
  }
  return s;
}

}  // namespace simplon
