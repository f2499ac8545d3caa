// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/keeper/tunnel_keeper.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <ctime>
#include <utility>

#include "client/check/nat.h"
#include "client/host/ping.h"
#include "client/host/setup_script.h"
#include "client/host/source_address.h"
#include "client/keeper/ping_target.h"
#include "client/net/resolve_host.h"
#include "control/notify.h"

namespace simplon::client {

namespace {

using std::chrono::seconds;

constexpr auto kTick = std::chrono::milliseconds(5000);  // between two looks at the last beat

constexpr int kMostRefusals = 3;  // of a login that has never worked, with waits between

int64_t unix_now() {
  return std::time(nullptr);
}

std::string text_of(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

std::string wanted_tunnel(const KeeperContext& context) {
  return context.tunnel_id.empty() ? context.settings.settings.tunnel_id : context.tunnel_id;
}

TunnelKeeper::TunnelKeeper(KeeperContext context, Signals& signals)
    : context_(std::move(context)),
      signals_(signals),
      backoff_(context_.times.first_wait, context_.times.longest_wait),
      refetch_(context_.times.silence, context_.times.longest_refetch),
      mover_done_(eventfd(0, EFD_CLOEXEC)) {}

TunnelKeeper::~TunnelKeeper() {
  take_down();
}

void TunnelKeeper::publish() {
  if (path_) state_.last_beat = path_->last_beat();
  if (const auto status = write_state(settings().state_directory, state_); !status.ok()) {
    spdlog::warn("{}", text_of(status));
  }
}

void TunnelKeeper::set_state(const std::string& state, const std::string& detail) {
  if (state_.state != state) state_.since = unix_now();
  state_.state = state;
  state_.detail = detail;
  if (state != "waiting") state_.next_try = 0;
  publish();
  control::notify_supervisor("STATUS=" + state + (detail.empty() ? "" : ": " + detail));
}

void TunnelKeeper::tell_first(const absl::Status& status) {
  if (std::exchange(told_, true)) return;
  if (context_.first_result) context_.first_result(status);
}

void TunnelKeeper::take_signals() {
  while (const auto number = signals_.next()) {
    if (*number == SIGHUP) {
      reload_ = true;
    } else {
      stop_ = true;
    }
  }
}

void TunnelKeeper::reload() {
  reload_ = false;
  spdlog::info("reading the settings and asking TIC again");
  if (!context_.reload) return;
  auto fresh = context_.reload();
  if (!fresh.ok()) {
    spdlog::error("{}; going on with the settings there were", text_of(fresh.status()));
    return;
  }
  // The lock is in the old place.
  fresh->settings.state_directory = settings().state_directory;
  context_.settings = *std::move(fresh);
  backoff_.reset();
}

void TunnelKeeper::wait(seconds duration, const std::string& why) {
  state_.next_try = unix_now() + duration.count();
  set_state("waiting", why);
  spdlog::warn("{}; next attempt in {} s", why, duration.count());
  tell_first(absl::UnavailableError(why));
  const auto until = Clock::now() + duration;
  while (!stop_ && !reload_ && Clock::now() < until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd waits{signals_.fd(), POLLIN, 0};
    poll(&waits, 1, static_cast<int>(left.count()));
    take_signals();
  }
}

int TunnelKeeper::run() {
  set_state("starting", "");
  while (!stop_ && !exit_code_) {
    if (reload_) {
      reload();
      tunnel_.reset();
    }
    if (!tunnel_ && !fetch()) continue;
    serve();
  }
  control::notify_supervisor("STOPPING=1");
  take_down();
  remove_state(settings().state_directory);
  return exit_code_.value_or(kExitOk);
}

absl::StatusOr<TunnelInfo> TunnelKeeper::usable(const TicSession& session) {
  const TunnelInfo& tunnel = *session.outcome.tunnel;
  if (!tunnel.user_enabled) {
    return absl::FailedPreconditionError(tunnel.id +
                                         " is disabled; enable it at your broker's web site");
  }
  if (!tunnel.admin_enabled) {
    return absl::FailedPreconditionError(tunnel.id +
                                         " has been disabled by the broker; ask there why");
  }
  return tunnel;
}

void TunnelKeeper::after_failed_fetch(const TicFailure& failure) {
  if (failure.cancelled) {
    take_signals();
    return;
  }
  // A password that was right this morning may be right again tomorrow, but a wrong one typed in
  // just now will not.
  if (failure.permanent && !was_up_ && (!failure.retry_after_s || ++refusals_ == kMostRefusals)) {
    spdlog::error("{}", failure.message());
    tell_first(absl::PermissionDeniedError(failure.message()));
    exit_code_ = kExitRefused;
    return;
  }
  const auto pause = backoff_.after_failure(failure.retry_after_s);
  const bool hopeless = failure.permanent && !failure.retry_after_s;
  wait(hopeless ? std::max(pause, context_.times.longest_wait) : pause, failure.message());
}

bool TunnelKeeper::refuse_choice(const std::vector<ListedTunnel>& tunnels) {
  std::string list;
  for (const ListedTunnel& t : tunnels) list += " " + t.id;
  const std::string why = "your account has " + std::to_string(tunnels.size()) +
                          " tunnels: name the one you want, as in 'simplon-client start " +
                          tunnels.front().id + "' or with 'tunnel = " + tunnels.front().id +
                          "' (aiccu.conf: tunnel_id); there are" + list;
  spdlog::error("{}", why);
  tell_first(absl::InvalidArgumentError(why));
  exit_code_ = kExitUsage;
  return false;
}

bool TunnelKeeper::fetch() {
  const std::string id = wanted_tunnel(context_);
  const TicSession session = run_tic_session(
      settings(), id.empty() ? TicGoal::kShowOnly : TicGoal::kShow, id, signals_.fd());
  for (const std::string& remark : session.trace.remarks) spdlog::warn("{}", remark);
  if (session.failure) return after_failed_fetch(*session.failure), false;
  if (!session.outcome.tunnel) return refuse_choice(session.outcome.tunnels);
  auto tunnel = usable(session);
  if (!tunnel.ok()) {
    backoff_.reset();
    wait(context_.times.longest_wait, text_of(tunnel.status()));
    return false;
  }
  spdlog::info("tunnel {} ({}) from {}{}", tunnel->id, to_string(tunnel->type),
               session.trace.connected,
               session.outcome.encrypted ? ", " + session.trace.tls : ", in CLEAR TEXT");
  tunnel_ = *std::move(tunnel);
  return true;
}

absl::Status TunnelKeeper::bring_up() {
  auto pop = resolve_ipv4(tunnel_->pop_ipv4, signals_.fd());
  if (!pop.ok()) return pop.status();
  pop_ = *pop;
  const auto local = settings().local_ipv4 ? settings().local_ipv4 : source_address(*pop_);
  const NatVerdict nat = judge_nat(*tunnel_, local, settings().behind_nat);
  if (nat.level == NatVerdict::Level::kProblem) {
    spdlog::warn("{}; {}", nat.text, nat.advice);
  } else {
    spdlog::info("{}{}", nat.text, nat.advice.empty() ? "" : "; " + nat.advice);
  }
  auto path = TunnelPath::choose(*tunnel_, settings(), *pop_);
  if (!path.ok()) return path.status();
  path_ = *std::move(path);
  if (auto status = path_->up(); !status.ok()) {
    path_.reset();
    return status;
  }
  state_.tunnel = tunnel_->id;
  state_.type = std::string(to_string(tunnel_->type));
  state_.pop_id = tunnel_->pop_id;
  state_.device = path_->device();
  state_.kind = path_->kind();
  state_.client = tunnel_->client.to_string();
  state_.pop = tunnel_->pop.to_string();
  state_.pop_ipv4 = pop_->to_string();
  state_.local_ipv4 = local ? local->to_string() : "";
  state_.ping_target =
      settings().ping_target.empty() ? usual_ping_target(*tunnel_) : settings().ping_target;
  state_.prefix_length = tunnel_->prefix_length;
  state_.mtu = settings().mtu ? std::min(*settings().mtu, tunnel_->mtu) : tunnel_->mtu;
  state_.last_answer = 0;
  return absl::OkStatus();
}

void TunnelKeeper::take_down() {
  if (!path_) return;
  path_->stop();
  if (mover_.joinable()) mover_.join();
  path_->down();
  path_.reset();
  uint64_t count = 0;
  pollfd waits{mover_done_.get(), POLLIN, 0};
  if (poll(&waits, 1, 0) > 0) {
    [[maybe_unused]] const ssize_t n = read(mover_done_.get(), &count, sizeof count);
  }
}

void TunnelKeeper::serve() {
  if (const auto status = bring_up(); !status.ok()) {
    if (absl::IsCancelled(status)) return take_signals();
    const std::string why = text_of(status);
    // What does not work at once is a matter for whoever started it; later, for patience.
    if (!was_up_ && !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
        !absl::IsNotFound(status)) {
      spdlog::error("{}", why);
      tell_first(status);
      exit_code_ = kExitFailure;
      return;
    }
    wait(backoff_.after_failure(), why);
    // The broker may have moved it in the meantime.
    tunnel_.reset();
    return;
  }
  mover_ = std::thread([this] {
    mover_status_ = path_->run();
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(mover_done_.get(), &one, sizeof one);
  });
  describe_up();
  const auto began = Clock::now();
  const Leave leave = watch();
  take_down();
  if (leave == Leave::kStop || reload_ || stop_) return;
  if (Clock::now() - began > context_.times.longest_wait) backoff_.reset();
}

void TunnelKeeper::describe_up() {
  if (!settings().setup_script.empty()) {
    const auto status = run_setup_script(settings().setup_script, state_.device, *tunnel_);
    if (!status.ok()) spdlog::error("{}", text_of(status));
  }
  was_up_ = true;
  answered_ = false;
  last_answer_ = Clock::now();
  next_ping_ = Clock::now();
  next_refetch_ = Clock::now() + context_.times.silence;
  refetch_.reset();
  set_state("up", "");
  spdlog::info("{} is up: {} ({}), {}/{}, MTU {}", tunnel_->id, state_.device, state_.kind,
               state_.client, state_.prefix_length, state_.mtu);
  control::notify_supervisor("READY=1");
  tell_first(absl::OkStatus());
}

void TunnelKeeper::check_pop() {
  next_ping_ = Clock::now() + context_.times.ping_interval;
  // Somebody else configures it: the address may not be there, and silence means nothing.
  if (!settings().configure) {
    last_answer_ = Clock::now();
    return;
  }
  const PingResult result = ping({.target = tunnel_->pop,
                                  .device = state_.device,
                                  .timeout = context_.times.ping_timeout,
                                  .attempts = answered_ ? 1 : 3,
                                  .cancel_fd = signals_.fd()});
  if (result.kind == PingResult::Kind::kCancelled) return;
  if (result.answered() || result.kind == PingResult::Kind::kNotPermitted) {
    if (!answered_ && result.answered()) {
      spdlog::info("the PoP answers through the tunnel, in {:.1f} ms", result.milliseconds);
    }
    answered_ = true;
    last_answer_ = Clock::now();
    if (result.answered()) state_.last_answer = unix_now();
    refetch_.reset();
    next_refetch_ = Clock::now() + context_.times.silence;
    if (!state_.detail.empty()) set_state("up", "");
    return;
  }
  const std::string problem = path_->health().problem;
  const std::string why =
      "the PoP does not answer through the tunnel: " + (problem.empty() ? result.detail : problem);
  if (answered_ || state_.detail.empty()) spdlog::warn("{}", why);
  answered_ = false;
  set_state("up", why);
}

bool TunnelKeeper::tunnel_has_changed() {
  next_refetch_ = Clock::now() + refetch_.after_failure();
  spdlog::info("asking TIC again, because the PoP has been silent for {} s",
               std::chrono::duration_cast<seconds>(Clock::now() - last_answer_).count());
  const TicSession session =
      run_tic_session(settings(), TicGoal::kShow, tunnel_->id, signals_.fd());
  if (session.failure) {
    if (session.failure->cancelled) return false;
    spdlog::warn("{}", session.failure->message());
    const auto announced = seconds(session.failure->retry_after_s.value_or(0));
    next_refetch_ = std::max(next_refetch_, Clock::now() + announced);
    if (session.failure->permanent) {
      next_refetch_ = Clock::now() + context_.times.longest_refetch;
    }
    return false;
  }
  auto fresh = usable(session);
  if (!fresh.ok()) {
    spdlog::warn("{}", text_of(fresh.status()));
    set_state("up", text_of(fresh.status()));
    return false;
  }
  const auto pop = resolve_ipv4(fresh->pop_ipv4, signals_.fd());
  const bool changed = *fresh != *tunnel_ || (pop.ok() && pop_ && *pop != *pop_);
  if (changed) spdlog::info("TIC describes {} differently now: bringing it up anew", fresh->id);
  tunnel_ = *std::move(fresh);
  return changed;
}

TunnelKeeper::Leave TunnelKeeper::watch() {
  while (true) {
    if (Clock::now() >= next_ping_) check_pop();
    if (!answered_ && Clock::now() - last_answer_ >= context_.times.silence &&
        Clock::now() >= next_refetch_ && tunnel_has_changed()) {
      return Leave::kAgain;
    }
    publish();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_ping_ - Clock::now());
    const auto pause = std::clamp(left, std::chrono::milliseconds(0), kTick);
    pollfd waits[] = {{signals_.fd(), POLLIN, 0}, {mover_done_.get(), POLLIN, 0}};
    poll(waits, 2, static_cast<int>(pause.count()));
    take_signals();
    if (stop_) return Leave::kStop;
    if (reload_) return Leave::kAgain;
    if (waits[1].revents == 0) continue;
    mover_.join();
    const std::string why =
        mover_status_.ok() ? "the data path ended by itself" : text_of(mover_status_);
    take_down();
    wait(backoff_.after_failure(), why);
    tunnel_.reset();
    return Leave::kAgain;
  }
}

}  // namespace simplon::client
