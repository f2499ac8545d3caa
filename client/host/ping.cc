// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/ping.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

#include "control/table/unique_fd.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

using Clock = std::chrono::steady_clock;

// An ICMPv6 error as words.
std::string describe(uint8_t type, uint8_t code) {
  if (type == ICMP6_TIME_EXCEEDED) return "hop limit exceeded on the way (a routing loop?)";
  if (type == ICMP6_PARAM_PROB) return "parameter problem";
  switch (code) {
    case ICMP6_DST_UNREACH_NOROUTE:
      return "no route to the destination";
    case ICMP6_DST_UNREACH_ADMIN:
      return "administratively prohibited";
    case ICMP6_DST_UNREACH_ADDR:
      return "address unreachable";
    case ICMP6_DST_UNREACH_NOPORT:
      return "port unreachable";
    case 5:
      return "refused: wrong source address";
    default:
      return "unreachable";
  }
}

class Pinger {
 public:
  explicit Pinger(const PingRequest& request) : request_(request) {
    packet_.resize(std::max<std::size_t>(request.packet_size, 40 + sizeof(icmp6_hdr) + 8) - 40);
    std::random_device random;
    id_ = static_cast<uint16_t>(random());
    for (std::size_t i = sizeof(icmp6_hdr); i < packet_.size(); ++i) {
      packet_[i] = static_cast<uint8_t>(random_byte(random));
    }
  }

  PingResult run() {
    if (auto failed = open()) return *failed;
    PingResult result;
    for (int attempt = 0; attempt < request_.attempts; ++attempt) {
      result = once(static_cast<uint16_t>(attempt + 1));
      if (result.kind != PingResult::Kind::kSilence && result.kind != PingResult::Kind::kRefused) {
        break;
      }
    }
    return result;
  }

 private:
  // Enough of them random that nobody off the path can forge the answer.
  unsigned random_byte(std::random_device& random) {
    if (random_left_ == 0) return 0x5a;
    --random_left_;
    return random();
  }

  std::optional<PingResult> open() {
    fd_.reset(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    raw_ = bool(fd_);
    // Which anybody may where net.ipv4.ping_group_range says so.
    if (!fd_) fd_.reset(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    if (!fd_) {
      return PingResult{.kind = PingResult::Kind::kNotPermitted,
                        .detail = std::string("cannot ping: ") + errno_text(errno)};
    }
    if (raw_) {
      icmp6_filter filter;
      ICMP6_FILTER_SETBLOCKALL(&filter);
      ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
      setsockopt(fd_.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
    const int on = 1;
    const int probe = IPV6_PMTUDISC_PROBE;
    setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof on);
    setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
    if (!request_.device.empty() &&
        setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, request_.device.c_str(),
                   static_cast<socklen_t>(request_.device.size())) != 0 &&
        errno == ENODEV) {
      return PingResult{.kind = PingResult::Kind::kRefused,
                        .detail = "there is no device " + request_.device};
    }
    return {};
  }

  PingResult once(uint16_t sequence) {
    auto* header = reinterpret_cast<icmp6_hdr*>(packet_.data());
    std::memset(header, 0, sizeof *header);
    header->icmp6_type = ICMP6_ECHO_REQUEST;
    header->icmp6_id = htons(id_);
    header->icmp6_seq = htons(sequence);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, request_.target.bytes.data(), 16);
    const auto start = Clock::now();
    // An error that came for the one before is told by the next call, once.
    for (int i = 0; i < 2; ++i) {
      if (sendto(fd_.get(), packet_.data(), packet_.size(), 0,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0) {
        return wait(sequence, start);
      }
      if (errno == EMSGSIZE) {
        return {.kind = PingResult::Kind::kTooBig, .detail = "larger than the device takes"};
      }
    }
    return {.kind = PingResult::Kind::kRefused, .detail = errno_text(errno)};
  }

  PingResult wait(uint16_t sequence, Clock::time_point start) {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          start + request_.timeout - Clock::now());
      pollfd waits[] = {{fd_.get(), POLLIN, 0}, {request_.cancel_fd, POLLIN, 0}};
      const int ready = left.count() <= 0 ? 0 : poll(waits, 2, static_cast<int>(left.count()));
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return {.kind = PingResult::Kind::kSilence, .detail = "no answer"};
      if (waits[1].revents != 0) return {.kind = PingResult::Kind::kCancelled};
      if ((waits[0].revents & POLLERR) != 0) {
        if (auto failed = read_error()) return *failed;
      } else if (is_answer(sequence)) {
        const std::chrono::duration<double, std::milli> took = Clock::now() - start;
        return {.kind = PingResult::Kind::kAnswered, .milliseconds = took.count()};
      }
    }
  }

  bool is_answer(uint16_t sequence) {
    std::vector<uint8_t> answer(packet_.size() + 1);
    sockaddr_in6 from{};
    socklen_t size = sizeof from;
    const ssize_t n = recvfrom(fd_.get(), answer.data(), answer.size(), MSG_DONTWAIT,
                               reinterpret_cast<sockaddr*>(&from), &size);
    if (n != static_cast<ssize_t>(packet_.size())) return false;
    icmp6_hdr header;
    std::memcpy(&header, answer.data(), sizeof header);
    return header.icmp6_type == ICMP6_ECHO_REPLY && header.icmp6_seq == htons(sequence) &&
           (!raw_ || header.icmp6_id == htons(id_)) &&
           std::memcmp(&from.sin6_addr, request_.target.bytes.data(), 16) == 0 &&
           std::memcmp(answer.data() + sizeof header, packet_.data() + sizeof header,
                       packet_.size() - sizeof header) == 0;
  }

  std::optional<PingResult> read_error() {
    std::array<uint8_t, 512> control{};
    std::array<uint8_t, 64> data{};
    iovec vector{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
      // A pending error without a queue entry.
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error == 0) return {};
      return PingResult{
          .kind = error == EMSGSIZE ? PingResult::Kind::kTooBig : PingResult::Kind::kRefused,
          .detail = errno_text(error)};
    }
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR) continue;
      sock_extended_err error;
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_errno == EMSGSIZE) {
        return PingResult{.kind = PingResult::Kind::kTooBig,
                          .mtu = error.ee_info,
                          .detail = "too big: the MTU is " + std::to_string(error.ee_info)};
      }
      if (error.ee_origin == SO_EE_ORIGIN_ICMP6) {
        return PingResult{.kind = PingResult::Kind::kRefused,
                          .detail = describe(error.ee_type, error.ee_code)};
      }
      return PingResult{.kind = PingResult::Kind::kRefused,
                        .detail = errno_text(static_cast<int>(error.ee_errno))};
    }
    return {};
  }

  const PingRequest& request_;
  control::UniqueFd fd_;
  bool raw_ = false;
  uint16_t id_ = 0;
  int random_left_ = 16;
  std::vector<uint8_t> packet_;
};

}  // namespace

PingResult ping(const PingRequest& request) {
  return Pinger(request).run();
}

}  // namespace simplon::client
