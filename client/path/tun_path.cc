// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/tun_path.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/path/device.h"
#include "dataplane/net/headers.h"

namespace simplon::client {
namespace {

constexpr std::size_t kMaxMtu = 1480;

std::unique_ptr<Codec> make_codec(const TunnelInfo& tunnel, Ipv4Address pop) {
  if (tunnel.type == TunnelType::kAyiya) return std::make_unique<AyiyaCodec>(tunnel);
  return std::make_unique<SixInFourCodec>(tunnel, pop);
}

bool may_be_another_way(int error) {
  switch (error) {
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case EINVAL:  // the address we are connected from is gone
    case ENETDOWN:
    case ENETUNREACH:
    case ENODEV:
      return true;
    default:
      return false;
  }
}

}  // namespace

TunPath::TunPath(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop)
    : PathLoop(tunnel, settings, pop, true),
      is_ayiya_(tunnel.type == TunnelType::kAyiya),
      codec_(make_codec(tunnel, pop)),
      ayiya_(is_ayiya_ ? static_cast<AyiyaCodec*>(codec_.get()) : nullptr),
      outer_(is_ayiya_ ? OuterSocket::Kind::kAyiya : OuterSocket::Kind::kProtocol41, pop,
             settings.local_ipv4) {}

std::string TunPath::kind() const {
  return is_ayiya_ ? "ayiya" : "tun";
}

uint32_t TunPath::mtu() const {
  const auto overhead = static_cast<uint32_t>(codec_->overhead());
  uint32_t most = std::min<uint32_t>(kMaxMtu, 1500 - overhead);
  most = std::min({most, tunnel_.mtu, settings_.mtu.value_or(most)});
  const uint32_t path = outer_.path_mtu();
  if (path > overhead && path - overhead < most) {
    spdlog::warn(
        "the way to the PoP takes packets of {} bytes only: the tunnel's MTU is {} instead of {}; "
        "tell the broker, or the PoP goes on sending larger ones",
        path, std::max<uint32_t>(kIpv6MinimumMtu, path - overhead), most);
    most = path - overhead;
  }
  return std::max<uint32_t>(kIpv6MinimumMtu, most);
}

absl::Status TunPath::up() {
  absl::Status done = outer_.open();
  if (done.ok()) done = make_device();
  if (!done.ok()) down();
  return done;
}

absl::Status TunPath::make_device() {
  auto tun = make_tun(settings_.interface);
  if (!tun.ok()) return tun.status();
  tun_ = *std::move(tun);
  device_mtu_ = mtu();
  if (!settings_.configure) return set_mtu(settings_.interface, device_mtu_);
  DeviceSettings device;
  device.name = settings_.interface;
  device.mtu = device_mtu_;
  device.address = tunnel_.client;
  device.prefix_length = tunnel_.prefix_length;
  device.link_local = link_local_of(tunnel_.client);
  if (settings_.default_route) device.gateway = tunnel_.pop;
  return set_up_device(device);
}

void TunPath::down() {
  // Addresses and routes go with the device, and the device with its descriptor.
  tun_.reset();
}

bool TunPath::send_beat() {
  if (!is_ayiya_) return PathLoop::send_beat();
  const auto datagram = ayiya_->beat(static_cast<uint32_t>(unix_now()));
  const OuterSocket::Outgoing beat{datagram, 0};
  int error = 0;
  if (outer_.send({&beat, 1}, error) == 1) return true;
  // An ICMP error about an earlier one was waiting; this one deserves its chance.
  if (outer_.send({&beat, 1}, error) == 1) return true;
  sending_failed(error);
  return false;
}

void TunPath::adjust_mtu() {
  const uint32_t wanted = mtu();
  if (!settings_.configure || wanted == device_mtu_) return;
  const absl::Status done = set_mtu(settings_.interface, wanted);
  if (!done.ok()) {
    spdlog::warn("{}", std::string(done.message()));
    return;
  }
  device_mtu_ = wanted;
}

void TunPath::address_changed() {
  const absl::Status opened = outer_.open();
  if (!opened.ok()) {
    health_.sending_failed(std::string(opened.message()));
    find_another_way();
    return;
  }
  spdlog::info("the tunnel's outer address on this host is {} now", outer_.source().to_string());
  adjust_mtu();
}

void TunPath::sending_failed(int error) {
  if (error == EMSGSIZE) {
    // The path has become narrower. The kernel fragments from now on; who sends larger packets
    // through the tunnel should rather hear of it.
    adjust_mtu();
    return;
  }
  health_.sending_failed(explain_outer_error(error, pop_, settings_.local_ipv4));
  if (may_be_another_way(error)) find_another_way();
}

void TunPath::on_packets_out() {
  const std::size_t header = codec_->header_size();
  const auto now = static_cast<uint32_t>(unix_now());
  std::array<OuterSocket::Outgoing, OuterSocket::kBatch> batch;
  std::size_t count = 0;
  for (auto& buffer : buffers_) {
    const ssize_t length = read(tun_.get(), &buffer[header], buffer.size() - header);
    if (length <= 0) break;
    const std::span packet = std::span(buffer).subspan(header, static_cast<std::size_t>(length));
    if (!is_for_the_tunnel(packet)) continue;
    const std::span datagram = std::span(buffer).first(header + packet.size());
    batch[count].tos = outer_tos_for(packet);
    codec_->seal(datagram, now);
    batch[count++].bytes = datagram;
  }
  if (count == 0) return;
  int error = 0;
  const std::size_t sent = outer_.send(std::span(batch).first(count), error);
  health_.sent(sent);
  if (sent == count) return;
  health_.lost(count - sent);
  // A full queue is nothing to tell anybody.
  if (error != EAGAIN && error != ENOBUFS) sending_failed(error);
}

void TunPath::on_packets_in() {
  int error = 0;
  const auto datagrams = outer_.receive(error);
  if (error != 0 && error != EAGAIN && error != EINTR) {
    sending_failed(error);
    return;
  }
  const auto now = static_cast<uint32_t>(unix_now());
  uint64_t taken = 0;
  for (const OuterSocket::Incoming& datagram : datagrams) {
    const Opened opened = codec_->open(datagram.bytes, datagram.tos, now);
    if (opened.refusal != Refusal::kNone) {
      health_.refused(opened);
      continue;
    }
    ++taken;
    if (opened.packet.empty()) continue;
    if (write(tun_.get(), opened.packet.data(), opened.packet.size()) < 0) health_.lost(1);
  }
  if (taken > 0) health_.received(taken);
}

}  // namespace simplon::client
