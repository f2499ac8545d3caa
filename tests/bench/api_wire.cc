// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/api_wire.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "tests/bench/api_bed.h"

namespace simplon::bench {
namespace {

constexpr uint8_t kRouterMac[6] = {0x02, 0, 0, 0, 0, 0xfe};
constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4 = 20;
constexpr std::chrono::microseconds kInterval{200};

}  // namespace

bool Wire::isolate() {
  return unshare(CLONE_NEWNET) == 0;
}

Wire::Wire() {
  fd_ = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  std::strcpy(request.ifr_name, kDevice);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd_ < 0 || ioctl(fd_, TUNSETIFF, &request) != 0) fail("cannot make a tap device");
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (ioctl(control, SIOCGIFHWADDR, &request) != 0) fail("the tap device has no address");
  std::memcpy(mac_, request.ifr_hwaddr.sa_data, sizeof mac_);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) fail("cannot bring the tap device up");
  close(control);
  sender_ = std::thread([this] { send(); });
  receiver_ = std::thread([this] { receive(); });
}

Wire::~Wire() {
  stop_ = true;
  sender_.join();
  receiver_.join();
  close(fd_);
}

void Wire::send_to(std::optional<Ipv6Address> destination) {
  const std::lock_guard lock(mutex_);
  destination_ = destination;
  arrival_.reset();
}

std::optional<Wire::Clock::time_point> Wire::first_arrival(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, patience, [&] { return arrival_.has_value(); });
  return arrival_;
}

void Wire::send() {
  std::array<uint8_t, kEthernet + 40 + 8> frame{};
  std::memcpy(&frame[0], mac_, 6);
  std::memcpy(&frame[6], kRouterMac, 6);
  frame[12] = 0x86;
  frame[13] = 0xdd;
  uint8_t* const packet = &frame[kEthernet];
  packet[0] = 0x60;
  packet[5] = 8;   // payload
  packet[6] = 17;  // UDP; nobody looks at the checksum
  packet[7] = 64;
  const Ipv6Address source = *Ipv6Address::parse("2001:db8:eeee::1");
  std::memcpy(packet + 8, source.bytes.data(), 16);
  packet[41] = 9;
  packet[43] = 9;
  packet[45] = 8;
  while (!stop_) {
    std::this_thread::sleep_for(kInterval);
    {
      const std::lock_guard lock(mutex_);
      if (!destination_ || arrival_) continue;
      std::memcpy(packet + 24, destination_->bytes.data(), 16);
    }
    [[maybe_unused]] const ssize_t sent = write(fd_, frame.data(), frame.size());
  }
}

void Wire::receive() {
  std::vector<uint8_t> frame(2048);
  while (!stop_) {
    pollfd readable{fd_, POLLIN, 0};
    if (poll(&readable, 1, 50) <= 0) continue;
    const ssize_t size = read(fd_, frame.data(), frame.size());
    const Clock::time_point now = Clock::now();
    if (size < ssize_t(kEthernet + kIpv4)) continue;
    if (frame[12] == 0x08 && frame[13] == 0x06) answer_arp(frame.data());
    const uint8_t* const outer = &frame[kEthernet];
    if (frame[12] != 0x08 || frame[13] != 0x00 || outer[9] != 41) continue;
    if (size < ssize_t(kEthernet + kIpv4 + 40)) continue;
    const std::lock_guard lock(mutex_);
    if (arrival_ || !destination_ ||
        std::memcmp(outer + kIpv4 + 24, destination_->bytes.data(), 16) != 0) {
      continue;
    }
    arrival_ = now;
    arrived_.notify_all();
  }
}

// Whatever it asks for is here.
void Wire::answer_arp(const uint8_t* frame) {
  const uint8_t* const arp = frame + kEthernet;
  if (arp[7] != 1) return;
  std::array<uint8_t, kEthernet + 28> reply{};
  std::memcpy(&reply[0], frame + 6, 6);
  std::memcpy(&reply[6], kRouterMac, 6);
  reply[12] = 0x08;
  reply[13] = 0x06;
  uint8_t* const answer = &reply[kEthernet];
  std::memcpy(answer, arp, 8);
  answer[7] = 2;
  std::memcpy(answer + 8, kRouterMac, 6);
  std::memcpy(answer + 14, arp + 24, 4);
  std::memcpy(answer + 18, arp + 8, 10);
  [[maybe_unused]] const ssize_t sent = write(fd_, reply.data(), reply.size());
}

}  // namespace simplon::bench
