// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/path_loop.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <limits>

#include "client/path/beat_text.h"
#include "client/path/echo_request.h"
#include "client/path/outer_socket.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr uint32_t kShortestInterval = 5;
constexpr uint32_t kLongestInterval = 3600;
// Home routers keep a UDP mapping for a minute at least, as a rule.
constexpr uint32_t kLongestAyiyaInterval = 60;
// At start and from a new address. One may be lost; and to move the tunnel a beat must be of a
// later second than the newest packet from where we were (docs/protocols.md §10.4).
constexpr unsigned kBeatsInARow = 3;
constexpr int64_t kBetweenThose = kSecond;
// A beat that could not be sent is tried again after this.
constexpr int64_t kRetry = 5 * kSecond;
// Addresses come and go in bursts; and packets that cannot be sent come fast.
constexpr int64_t kBetweenChecks = kSecond;

int64_t boot_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

FileDescriptor open_address_events() {
  FileDescriptor events(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE;
  if (!events ||
      bind(events.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
    return {};
  }
  return events;
}

}  // namespace

uint32_t beat_interval_s(const TunnelInfo& tunnel) {
  const uint32_t longest =
      tunnel.type == TunnelType::kAyiya ? kLongestAyiyaInterval : kLongestInterval;
  return std::clamp(tunnel.heartbeat_interval_s, kShortestInterval, longest);
}

PathLoop::PathLoop(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop,
                   bool expects_packets)
    : tunnel_(tunnel),
      settings_(settings),
      pop_(pop),
      health_(expects_packets),
      beats_(tunnel.type != TunnelType::kStatic && settings.make_beats),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void PathLoop::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  // Full or not there: stopping_ is seen at the next beat.
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof one);
}

absl::Status PathLoop::open() {
  poller_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  timer_ = FileDescriptor(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  // Without it addresses are looked at with every beat.
  address_events_ = open_address_events();
  if (!poller_ || !timer_ || !stop_) {
    return absl::ResourceExhaustedError("cannot make a timer to wait for: " + errno_text());
  }
  for (const int descriptor :
       {stop_.get(), timer_.get(), address_events_.get(), packets_in(), packets_out()}) {
    if (descriptor >= 0 && !watch(descriptor)) {
      return absl::ResourceExhaustedError("cannot wait for packets: " + errno_text());
    }
  }
  return absl::OkStatus();
}

bool PathLoop::watch(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  return epoll_ctl(poller_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 || errno == EEXIST;
}

absl::Status PathLoop::run() {
  absl::Status opened = open();
  if (!opened.ok()) return opened;
  if (const auto source = source_address_for(pop_, settings_.local_ipv4); source.ok()) {
    source_ = *source;
  }
  beats_in_a_row_ = kBeatsInARow;
  next_beat_ = beats_ ? boot_now() : kNever;
  next_check_ = kNever;
  set_timer();
  std::array<epoll_event, 8> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int count = epoll_wait(poller_.get(), events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) {
      return absl::InternalError("waiting for packets: " + errno_text());
    }
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == packets_in()) {
        on_packets_in();
      } else if (descriptor == packets_out()) {
        if ((events[static_cast<std::size_t>(i)].events & (EPOLLERR | EPOLLHUP)) != 0 &&
            (events[static_cast<std::size_t>(i)].events & EPOLLIN) == 0) {
          return absl::AbortedError("the device " + device() + " was taken away");
        }
        on_packets_out();
      } else if (descriptor == timer_.get()) {
        on_timer();
      } else if (descriptor == address_events_.get()) {
        drain_address_events();
      }
    }
  }
  return absl::OkStatus();
}

void PathLoop::drain_address_events() {
  std::array<char, 8192> buffer;
  // What they say does not matter: the kernel is asked anew. Overflow is news too.
  ssize_t size = 0;
  do {
    size = recv(address_events_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (size > 0 || (size < 0 && errno == ENOBUFS));
  check_address_soon();
}

void PathLoop::find_another_way() {
  source_.reset();
  check_address_soon();
}

void PathLoop::check_address_soon() {
  if (next_check_ != kNever) return;
  next_check_ = std::max(boot_now(), last_check_ + kBetweenChecks);
  set_timer();
}

void PathLoop::set_timer() {
  const int64_t next = std::min(next_beat_, next_check_);
  itimerspec when{};
  if (next != kNever) {
    // 0 would switch it off.
    when.it_value.tv_sec = next / kSecond;
    when.it_value.tv_nsec = std::max<int64_t>(next % kSecond, 1);
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void PathLoop::on_timer() {
  uint64_t expirations = 0;
  if (read(timer_.get(), &expirations, sizeof expirations) < 0) return;
  const int64_t now = boot_now();
  if (now >= next_check_) check_address();
  if (now >= next_beat_) {
    // Where the kernel does not tell of changes, this does; after a sleep it may have missed some.
    check_address();
    beat();
  }
  set_timer();
}

void PathLoop::check_address() {
  last_check_ = boot_now();
  next_check_ = kNever;
  const auto source = source_address_for(pop_, settings_.local_ipv4);
  if (!source.ok()) {
    source_.reset();
    health_.sending_failed(std::string(source.status().message()));
    // With beats, the next one looks again.
    if (!beats_) next_check_ = last_check_ + kRetry;
    return;
  }
  if (source_ == *source) return;
  source_ = *source;
  health_.sending_failed({});
  address_changed();
  // What was closed is not waited for any more.
  if (packets_in() >= 0) watch(packets_in());
  // The PoP hears of the new address at once.
  beats_in_a_row_ = kBeatsInARow;
  if (beats_) next_beat_ = std::min(next_beat_, last_check_);
}

void PathLoop::beat() {
  const bool sent = send_beat();
  const int64_t now = boot_now();
  if (sent) {
    health_.beat_sent();
    health_.sending_failed({});
    if (beats_in_a_row_ > 0) --beats_in_a_row_;
    next_beat_ = now + (beats_in_a_row_ > 0 ? kBetweenThose : beat_interval_s(tunnel_) * kSecond);
  } else {
    next_beat_ = now + std::min<int64_t>(kRetry, beat_interval_s(tunnel_) * kSecond);
  }
}

// A new socket each time: it takes the address that is right now, as the usual client's does.
int PathLoop::send_once(int type, int protocol, uint16_t port, std::span<const uint8_t> bytes) {
  const FileDescriptor out(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!out || !connect_socket(out.get(), pop_, port, settings_.local_ipv4)) return errno;
  const ssize_t sent = send(out.get(), bytes.data(), bytes.size(), 0);
  return sent < 0 ? errno : 0;
}

void PathLoop::open_nat() {
  const EchoPacket echo = make_echo_request(tunnel_.client, tunnel_.pop, 0, {});
  send_once(SOCK_RAW, IPPROTO_IPV6, 0, bytes_of(echo));
}

bool PathLoop::send_beat() {
  open_nat();
  const std::string text = beat_text(tunnel_, static_cast<uint64_t>(unix_now()));
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const int error = send_once(SOCK_DGRAM, IPPROTO_UDP, kHeartbeatPort, {bytes, text.size()});
  if (error == 0) return true;
  health_.sending_failed(explain_outer_error(error, pop_, settings_.local_ipv4));
  return false;
}

}  // namespace simplon::client
