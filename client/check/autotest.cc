// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/check/autotest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "client/check/nat.h"
#include "client/check/outer_probe.h"
#include "client/host/instance_lock.h"
#include "client/host/ping.h"
#include "client/host/source_address.h"
#include "client/host/state_file.h"
#include "client/keeper/ping_target.h"
#include "client/net/resolve_host.h"
#include "client/tunnel_path.h"

namespace simplon::client {

namespace {

using std::chrono::milliseconds;

constexpr uint32_t kIpv6Minimum = 1280;

std::string text_of(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// The tunnel for the time of a test.
class TemporaryTunnel {
 public:
  TemporaryTunnel() = default;
  TemporaryTunnel(const TemporaryTunnel&) = delete;
  TemporaryTunnel& operator=(const TemporaryTunnel&) = delete;
  ~TemporaryTunnel() {
    if (!path_) return;
    path_->stop();
    if (mover_.joinable()) mover_.join();
    path_->down();
  }

  absl::Status up(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop) {
    auto path = TunnelPath::choose(tunnel, settings, pop);
    if (!path.ok()) return path.status();
    if (auto status = (*path)->up(); !status.ok()) return status;
    path_ = *std::move(path);
    // Its end shows in what follows.
    mover_ = std::thread([this] { path_->run().IgnoreError(); });
    return absl::OkStatus();
  }
  std::string device() const { return path_->device(); }
  std::string kind() const { return path_->kind(); }
  std::string problem() const { return path_ ? path_->health().problem : ""; }

 private:
  std::unique_ptr<TunnelPath> path_;
  std::thread mover_;
};

class Autotest {
 public:
  Autotest(const LoadedSettings& loaded, Signals& signals,
           const std::function<void(const CheckLine&)>& print)
      : settings_(loaded.settings), signals_(signals), print_(print) {
    add(Verdict::kOk, "settings", loaded.path);
    for (const std::string& warning : loaded.warnings) add(Verdict::kWarning, "settings", warning);
  }

  bool run() {
    if (!ask_tic()) return skip({"address", "outside", "device", "PoP", "beyond", "MTU"});
    if (!check_address()) return skip({"outside", "device", "PoP", "beyond", "MTU"});
    look_for_client();
    check_outside();
    if (!find_device()) return skip({"PoP", "beyond", "MTU"});
    if (!ping_pop()) return skip({"beyond", "MTU"});
    ping_beyond();
    check_mtu();
    return passed();
  }

 private:
  bool passed() const { return failures_ == 0 && !cancelled_; }

  void add(Verdict verdict, const std::string& name, const std::string& text,
           const std::string& advice = {}) {
    if (verdict == Verdict::kFailed) ++failures_;
    print_({verdict, name, text, advice});
  }
  bool fail(const std::string& name, const std::string& text, const std::string& advice) {
    add(Verdict::kFailed, name, text, advice);
    return false;
  }
  bool skip(std::initializer_list<const char*> names) {
    for (const char* name : names) add(Verdict::kSkipped, name, "not reached");
    return passed();
  }

  bool ask_tic() {
    const std::string& id = settings_.tunnel_id;
    const TicSession session = run_tic_session(
        settings_, id.empty() ? TicGoal::kShowOnly : TicGoal::kShow, id, signals_.fd());
    bool good = true;
    for (const CheckLine& line : lines_of(session, settings_)) {
      add(line.verdict, line.name, line.text, line.advice);
      good = good && line.verdict != Verdict::kFailed;
    }
    if (session.outcome.tunnel) tunnel_ = *session.outcome.tunnel;
    return good;
  }

  bool check_address() {
    const auto pop = resolve_ipv4(tunnel_.pop_ipv4, signals_.fd());
    if (!pop.ok()) return fail("address", text_of(pop.status()), "tell your broker");
    pop_ = *pop;
    const auto local = settings_.local_ipv4 ? settings_.local_ipv4 : source_address(pop_);
    const NatVerdict nat = judge_nat(tunnel_, local, settings_.behind_nat);
    // A NAT may be set up well all the same: whether it is, the probe tells.
    add(nat.level == NatVerdict::Level::kFine ? Verdict::kOk
        : local                               ? Verdict::kWarning
                                              : Verdict::kFailed,
        "address", nat.text, nat.advice);
    behind_nat_ = nat.level != NatVerdict::Level::kFine;
    return local.has_value();
  }

  void look_for_client() {
    const auto holder = InstanceLock::holder(settings_.state_directory);
    if (!holder.ok() || !holder->has_value()) return;
    running_ = **holder;
    const auto state = read_state(settings_.state_directory);
    if (state.ok()) state_ = *state;
  }

  std::string outside_advice() const {
    switch (tunnel_.type) {
      case TunnelType::kAyiya:
        return "UDP to port 5072 of " + pop_.to_string() +
               ", or its answers, do not get through: look at the firewalls of this machine and "
               "of your router, and whether your provider blocks UDP";
      case TunnelType::kHeartbeat:
        return "UDP to port 3740 or IP protocol 41 to and from " + pop_.to_string() +
               " does not get through: let both pass this machine's firewall" +
               (behind_nat_ ? ", and have your router forward protocol 41 here; if it cannot, ask "
                              "your broker for an AYIYA tunnel"
                            : " and your router's");
      case TunnelType::kStatic:
        break;
    }
    return "IP protocol 41 (not a port) to and from " + pop_.to_string() +
           " does not get through: let it pass this machine's firewall and your router's" +
           (behind_nat_ ? ", which must forward it here; and check the address the broker has of "
                          "you. If this cannot be, ask for an AYIYA tunnel"
                        : "; and check the address the broker has of you");
  }

  void check_outside() {
    const std::string what = tunnel_.type == TunnelType::kAyiya ? "AYIYA (UDP port 5072)"
                             : tunnel_.type == TunnelType::kHeartbeat
                                 ? "a beat (UDP port 3740) and 6in4 (protocol 41)"
                                 : "6in4 (protocol 41)";
    if (running_) {
      return add(
          Verdict::kSkipped, "outside",
          fmt::format("process {} has the tunnel up; what follows goes through it", *running_));
    }
    const OuterProbe probe = probe_outside(tunnel_, pop_, settings_.local_ipv4, signals_.fd());
    switch (probe.kind) {
      case OuterProbe::Kind::kAnswered:
        return add(Verdict::kOk, "outside",
                   fmt::format("the PoP answers to {} in {:.1f} ms", what, probe.milliseconds));
      case OuterProbe::Kind::kNotPermitted:
        return add(Verdict::kSkipped, "outside", probe.detail);
      case OuterProbe::Kind::kCancelled:
        cancelled_ = true;
        return add(Verdict::kSkipped, "outside", "interrupted");
      case OuterProbe::Kind::kSilence:
        outside_failed_ = !fail("outside", "the PoP does not answer to " + what, outside_advice());
        return;
      default:
        outside_failed_ = !fail("outside", probe.detail, outside_advice());
    }
  }

  bool find_device() {
    if (!settings_.configure) {
      add(Verdict::kSkipped, "device",
          "the settings (configure, aiccu.conf: noconfigure) leave it to somebody else");
      return false;
    }
    if (running_) {
      if (state_.state == "up") {
        device_ = state_.device;
        add(Verdict::kOk, "device", device_ + " (" + state_.kind + ") of the running client");
        return true;
      }
      return fail("device", "the running client has none: " + state_.detail,
                  "wait, or stop it and run this again");
    }
    if (cancelled_) return false;
    if (geteuid() != 0) {
      add(Verdict::kSkipped, "device", "run this as root to check the rest");
      return false;
    }
    auto lock = InstanceLock::take(settings_.state_directory);
    if (!lock.ok()) return fail("device", text_of(lock.status()), "");
    lock_ = std::make_unique<InstanceLock>(*std::move(lock));
    if (const auto status = temporary_.up(tunnel_, settings_, pop_); !status.ok()) {
      return fail("device", text_of(status), "");
    }
    device_ = temporary_.device();
    add(Verdict::kOk, "device", device_ + " (" + temporary_.kind() + ") made for this test");
    return true;
  }

  PingResult try_ping(const Ipv6Address& target, uint32_t size, int attempts) {
    PingResult result = ping({.target = target,
                              .device = device_,
                              .packet_size = size,
                              .timeout = milliseconds(1500),
                              .attempts = attempts,
                              .cancel_fd = signals_.fd()});
    cancelled_ = cancelled_ || result.kind == PingResult::Kind::kCancelled;
    return result;
  }

  bool ping_pop() {
    const PingResult result = try_ping(tunnel_.pop, 104, 5);
    if (result.answered()) {
      add(Verdict::kOk, "PoP",
          fmt::format("{} answers in {:.1f} ms", tunnel_.pop.to_string(), result.milliseconds));
      return true;
    }
    if (result.kind == PingResult::Kind::kNotPermitted) {
      add(Verdict::kSkipped, "PoP", "run this as root: " + result.detail);
      return false;
    }
    const std::string problem = temporary_.problem();
    return fail("PoP", tunnel_.pop.to_string() + ": " + result.detail,
                !problem.empty()  ? problem
                : outside_failed_ ? "first see to what is said above at 'outside'"
                                  : outside_advice());
  }

  void ping_beyond() {
    const bool chosen = !settings_.ping_target.empty();
    const std::string name = chosen ? settings_.ping_target : usual_ping_target(tunnel_);
    const auto target = resolve_ipv6(name, signals_.fd());
    if (!target.ok()) {
      fail("beyond", text_of(target.status()), "name another host with --target");
      return;
    }
    const PingResult result = try_ping(*target, 104, 3);
    if (result.answered()) {
      return add(Verdict::kOk, "beyond",
                 fmt::format("{} answers in {:.1f} ms", name, result.milliseconds));
    }
    if (!settings_.default_route && result.kind == PingResult::Kind::kRefused) {
      return add(Verdict::kSkipped, "beyond",
                 "no default route through the tunnel, as the settings say");
    }
    if (!chosen) {
      return add(Verdict::kWarning, "beyond", name + ": " + result.detail,
                 "not every PoP has an address there: name a host of the IPv6 Internet with "
                 "--target (or ping_target in the settings)");
    }
    fail("beyond", name + ": " + result.detail,
         "the PoP answers, but not what lies behind it: see your broker's status page; if only "
         "this host is silent, try another with --target");
  }

  // The largest packet up to `limit` that comes back; 0: not even the smallest.
  uint32_t largest(uint32_t limit) {
    uint32_t good = 0;
    uint32_t low = 256;
    uint32_t high = limit;
    while (low <= high && !cancelled_) {
      const uint32_t size = (low + high) / 2;
      if (try_ping(tunnel_.pop, size, 2).answered()) {
        good = size;
        low = size + 1;
      } else {
        high = size - 1;
      }
    }
    return good;
  }

  void check_mtu() {
    const uint32_t mtu = settings_.mtu ? std::min(*settings_.mtu, tunnel_.mtu) : tunnel_.mtu;
    const PingResult whole = try_ping(tunnel_.pop, mtu, 3);
    if (whole.answered()) {
      return add(Verdict::kOk, "MTU", fmt::format("packets of {} bytes get through", mtu));
    }
    if (cancelled_) return add(Verdict::kSkipped, "MTU", "interrupted");
    const uint32_t good = largest(mtu - 1);
    if (good >= kIpv6Minimum) {
      fail(
          "MTU",
          fmt::format("packets of {} bytes do not get through, the largest that do have {}", mtu,
                      good),
          fmt::format("the way to the PoP takes less than the broker thinks (DSL with PPPoE?): set "
                      "mtu = {} and tell the broker, so that the PoP does the same",
                      good));
      return;
    }
    fail("MTU",
         fmt::format("packets of {} bytes, which IPv6 cannot do without, do not get through; the "
                     "largest that do have {}",
                     kIpv6Minimum, good),
         "something on the way throws fragments or large packets away: a firewall that drops "
         "fragments or ICMP 'fragmentation needed' is the usual cause");
  }

  const Settings& settings_;
  Signals& signals_;
  const std::function<void(const CheckLine&)>& print_;
  TunnelInfo tunnel_;
  Ipv4Address pop_;
  std::optional<pid_t> running_;
  RunState state_;
  std::unique_ptr<InstanceLock> lock_;
  TemporaryTunnel temporary_;
  std::string device_;
  int failures_ = 0;
  bool behind_nat_ = false;
  bool outside_failed_ = false;
  bool cancelled_ = false;
};

}  // namespace

bool run_autotest(const LoadedSettings& loaded, Signals& signals,
                  const std::function<void(const CheckLine&)>& print) {
  return Autotest(loaded, signals, print).run();
}

}  // namespace simplon::client
