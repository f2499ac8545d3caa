// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/check/outer_probe.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "client/path/beat_text.h"
#include "client/path/codec.h"
#include "client/path/echo_request.h"
#include "client/path/outer_socket.h"
#include "control/table/unique_fd.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

using Clock = std::chrono::steady_clock;
using Kind = OuterProbe::Kind;

uint32_t now_s() {
  return static_cast<uint32_t>(std::time(nullptr));
}

class Prober {
 public:
  Prober(const TunnelInfo& tunnel, Ipv4Address pop, std::optional<Ipv4Address> local, int cancel_fd)
      : tunnel_(tunnel),
        pop_(pop),
        local_(local),
        cancel_fd_(cancel_fd),
        ayiya_(tunnel.type == TunnelType::kAyiya),
        socket_(ayiya_ ? OuterSocket::Kind::kAyiya : OuterSocket::Kind::kProtocol41, pop, local) {
    if (ayiya_) {
      codec_ = std::make_unique<AyiyaCodec>(tunnel);
    } else {
      codec_ = std::make_unique<SixInFourCodec>(tunnel, pop);
    }
  }

  OuterProbe run(std::chrono::milliseconds timeout, int attempts) {
    if (const auto status = socket_.open(); !status.ok()) {
      return {absl::IsPermissionDenied(status) ? Kind::kNotPermitted : Kind::kRefused, 0,
              std::string(status.message())};
    }
    OuterProbe worst;
    for (int i = 0; i < attempts; ++i) {
      OuterProbe result = once(timeout);
      if (result.kind == Kind::kAnswered || result.kind == Kind::kCancelled) return result;
      if (result.kind != Kind::kSilence) worst = std::move(result);
    }
    return worst;
  }

 private:
  OuterProbe once(std::chrono::milliseconds timeout) {
    int error = 0;
    // A NAT takes protocol 41 from the PoP for its own when it comes before ours has gone out.
    if (tunnel_.type == TunnelType::kHeartbeat && !send_echo(error)) {
      return {Kind::kRefused, 0, explain_outer_error(error, pop_, local_)};
    }
    if (!send_beat(error) || !send_echo(error)) {
      return {Kind::kRefused, 0, explain_outer_error(error, pop_, local_)};
    }
    const auto start = Clock::now();
    OuterProbe result;
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(start + timeout - Clock::now());
      pollfd waits[] = {
          {socket_.descriptor(), POLLIN, 0}, {cancel_fd_, POLLIN, 0}, {beats_.get(), POLLIN, 0}};
      const int ready = left.count() <= 0 ? 0 : poll(waits, 3, static_cast<int>(left.count()));
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return result;
      if (waits[1].revents != 0) return {Kind::kCancelled, 0, {}};
      // A port that nobody listens on says so.
      if (waits[2].revents != 0) read_beat_error(result);
      if (waits[0].revents != 0 && take(result)) {
        const std::chrono::duration<double, std::milli> took = Clock::now() - start;
        return {Kind::kAnswered, took.count(), {}};
      }
    }
  }

  bool send_beat(int& error) {
    if (ayiya_) {
      const auto beat = static_cast<const AyiyaCodec&>(*codec_).beat(now_s());
      const OuterSocket::Outgoing out{beat, 0};
      return socket_.send({&out, 1}, error) == 1;
    }
    if (tunnel_.type != TunnelType::kHeartbeat) return true;
    beats_.reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const std::string text = beat_text(tunnel_, static_cast<uint64_t>(std::time(nullptr)));
    if (!connect_socket(beats_.get(), pop_, kHeartbeatPort, local_) ||
        ::send(beats_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
      error = errno;
      return false;
    }
    return true;
  }

  bool send_echo(int& error) {
    // What nobody can answer who has not seen it.
    uint32_t id = 0;
    std::array<uint8_t, sizeof sent_.data> data{};
    if (getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id) ||
        getrandom(data.data(), data.size(), 0) != static_cast<ssize_t>(data.size())) {
      error = EIO;
      return false;
    }
    sent_ = make_echo_request(tunnel_.client, tunnel_.pop, id, data);
    std::vector<uint8_t> datagram(codec_->header_size());
    const std::span<const uint8_t> echo = bytes_of(sent_);
    datagram.insert(datagram.end(), echo.begin(), echo.end());
    codec_->seal(datagram, now_s());
    const OuterSocket::Outgoing out{datagram, 0};
    return socket_.send({&out, 1}, error) == 1;
  }

  // Whether the answer was there. What is wrong with others goes to `result`.
  bool take(OuterProbe& result) {
    int error = 0;
    for (const OuterSocket::Incoming& in : socket_.receive(error)) {
      const Opened opened = codec_->open(in.bytes, in.tos, now_s());
      if (opened.refusal != Refusal::kNone) {
        result = {Kind::kDisbelieved, 0,
                  "packets came from the PoP, but they " + std::string(explain(opened.refusal))};
      } else if (is_answer(opened.packet)) {
        return true;
      }
    }
    if (error != 0 && error != EAGAIN) {
      result = {Kind::kRefused, 0, explain_outer_error(error, pop_, local_)};
    }
    return false;
  }

  bool is_answer(std::span<const uint8_t> packet) const {
    if (packet.size() != sizeof(EchoPacket)) return false;
    EchoPacket answer;
    std::memcpy(static_cast<void*>(&answer), packet.data(), sizeof answer);
    return answer.ip.next_header == kProtocolIcmpv6 && answer.icmp.type == kIcmpv6EchoReply &&
           answer.ip.source == tunnel_.pop && answer.ip.destination == tunnel_.client &&
           answer.icmp.rest.value() == sent_.icmp.rest.value() && answer.data == sent_.data;
  }

  void read_beat_error(OuterProbe& result) {
    char byte = 0;
    if (recv(beats_.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN) {
      result = {Kind::kRefused, 0,
                "UDP port 3740 of the PoP answers that nobody listens (" + errno_text(errno) +
                    "): is its address right?"};
    }
  }

  const TunnelInfo& tunnel_;
  const Ipv4Address pop_;
  const std::optional<Ipv4Address> local_;
  const int cancel_fd_;
  const bool ayiya_;
  OuterSocket socket_;
  control::UniqueFd beats_;
  std::unique_ptr<Codec> codec_;
  EchoPacket sent_{};
};

}  // namespace

OuterProbe probe_outside(const TunnelInfo& tunnel, Ipv4Address pop,
                         std::optional<Ipv4Address> local, int cancel_fd,
                         std::chrono::milliseconds timeout, int attempts) {
  // Not on the stack: OuterSocket has its buffers within.
  return std::make_unique<Prober>(tunnel, pop, local, cancel_fd)->run(timeout, attempts);
}

}  // namespace simplon::client
