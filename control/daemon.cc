// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/daemon.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <limits>
#include <random>

#include "control/clock.h"

namespace simplon::control {
namespace {

// Tunnels looked at in each second: all of 20,000, and a million within a minute.
constexpr std::size_t kSavedPerSecond = 20000;

// For a predecessor that was killed to be gone altogether.
constexpr std::chrono::seconds kLockPatience{5};

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

}  // namespace

Daemon::~Daemon() {
  stop();
}

absl::Status Daemon::start(const Options& options) {
  auto store = Store::open(options.state_directory, kLockPatience);
  if (!store.ok()) return store.status();
  engine_ = std::make_unique<Engine>(*std::move(store), events_);
  if (auto status = engine_->load(); !status.ok()) return status;
  counters_ = std::make_unique<CounterBook>(engine_->loaded());
  engine_->set_hook(counters_.get());
  runtime_ = std::make_unique<RuntimeBook>(*engine_, *counters_, events_);
  engine_->set_observer(runtime_.get());
  publisher_ = std::make_unique<Publisher>(*engine_, *counters_, *runtime_, events_,
                                           options.dataplane_socket);
  engine_->set_on_commit([this] { publisher_->notify(); });
  context_.emplace(ServiceContext{*engine_, *publisher_, *counters_, *runtime_, events_,
                                  unix_now_ns(), random_id()});
  server_ = std::make_unique<ApiServer>(*context_);
  publisher_->set_on_change([this] {
    const std::lock_guard lock(mutex_);
    if (!stopping_) server_->update_health();
  });
  engine_->start();
  // The address first: who may not listen must not publish either.
  {
    const std::lock_guard lock(mutex_);
    if (auto status = server_->listen(options.listen); !status.ok()) return status;
  }
  if (auto status = start_servers(options); !status.ok()) return status;
  publisher_->start();
  runtime_->start();
  saver_ = std::thread([this] { save_counters(); });
  spdlog::info(
      "event=started version={} revision={} tunnels={}", SIMPLON_VERSION, engine_->revision(),
      engine_->read([](const Model& model, const Engine::Info&) { return model.tunnel_count(); }));
  return absl::OkStatus();
}

// What subscribers and the backend talk to.
absl::Status Daemon::start_servers(const Options& options) {
  if (!options.console_listen.empty()) {
    console_ = std::make_unique<sixxsd::Console>(*context_, options.state_directory);
    if (auto status = console_->start(options.console_listen); !status.ok()) return status;
  }
  if (!options.tls_certificate.empty()) {
    auto certificate = TlsCertificate::load(options.tls_certificate, options.tls_key);
    if (!certificate.ok()) return certificate.status();
    certificate_ = *std::move(certificate);
  }
  if (!options.tic_listen.empty()) {
    tic_ = std::make_unique<TicServer>(*context_, options.tic_listen, certificate_.get());
    if (auto status = tic_->start(); !status.ok()) return status;
  }
  return serve_updates(options);
}

std::vector<uint16_t> Daemon::tic_ports() const {
  return tic_ == nullptr ? std::vector<uint16_t>{} : tic_->ports();
}

absl::Status Daemon::serve_updates(const Options& options) {
  if (options.http_listen.empty() && options.https_listen.empty()) return absl::OkStatus();
  if (!options.https_listen.empty() && certificate_ == nullptr) {
    return absl::InvalidArgumentError(
        "--https-listen needs a certificate: give --tls-certificate and --tls-key as well");
  }
  HttpServerOptions http;
  http.http = options.http_listen;
  http.https = options.https_listen;
  http.certificate = certificate_.get();
  updates_ = std::make_unique<UpdateServer>(*context_, std::move(http));
  return updates_->start();
}

std::vector<uint16_t> Daemon::update_ports() const {
  return updates_ != nullptr ? updates_->ports() : std::vector<uint16_t>();
}

void Daemon::save_counters() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, std::chrono::seconds(1), [&] { return stopping_; })) {
    lock.unlock();
    StoreWrite write = engine_->read([&](const Model& model, const Engine::Info&) {
      return counters_->save(model, kSavedPerSecond);
    });
    if (!write.counters.empty() || !write.archive.empty()) engine_->write_later(std::move(write));
    lock.lock();
  }
}

void Daemon::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  stopped_.notify_all();
  const bool saver_started = saver_.joinable();
  if (saver_started) saver_.join();
  events_.close();
  if (console_ != nullptr) console_->stop();
  // In this order nobody waits for somebody who has gone.
  if (tic_ != nullptr) tic_->stop();
  if (publisher_ != nullptr) publisher_->stop();
  if (updates_ != nullptr) updates_->stop();
  if (server_ != nullptr) server_->shutdown();
  if (runtime_ != nullptr) runtime_->stop();
  if (engine_ != nullptr && counters_ != nullptr) {
    engine_->write_later(engine_->read([&](const Model& model, const Engine::Info&) {
      return counters_->save(model, std::numeric_limits<std::size_t>::max());
    }));
  }
  if (engine_ != nullptr) engine_->stop();
  if (saver_started) spdlog::info("event=stopped");
}

}  // namespace simplon::control
