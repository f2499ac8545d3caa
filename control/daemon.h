// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// All of control put together: store, engine, counters, publisher, API.

#pragma once

#include <absl/status/status.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "control/dyndns/update_server.h"
#include "control/net/tls_certificate.h"
#include "control/options.h"
#include "control/service/rpc.h"
#include "control/service/server.h"
#include "control/sixxsd/console.h"
#include "control/tic/tic_server.h"

namespace simplon::control {

class Daemon {
 public:
  Daemon() = default;
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Returns when the API can be called. The error says what to do.
  absl::Status start(const Options& options);
  // Idempotent. What was answered is on disk with or without it.
  void stop();

  // Ports TIC is served on, in the order of Options::tic_listen.
  std::vector<uint16_t> tic_ports() const;

  // What its servers work with; once started.
  const ServiceContext& context() const { return *context_; }
  // Ports of --console-listen.
  std::vector<uint16_t> console_ports() const {
    return console_ == nullptr ? std::vector<uint16_t>() : console_->ports();
  }

  // Ports of --http-listen, then of --https-listen.
  std::vector<uint16_t> update_ports() const;

 private:
  absl::Status start_servers(const Options& options);
  absl::Status serve_updates(const Options& options);
  void save_counters();

  EventLog events_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<CounterBook> counters_;
  std::unique_ptr<RuntimeBook> runtime_;
  std::unique_ptr<Publisher> publisher_;
  std::optional<ServiceContext> context_;
  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<TlsCertificate> certificate_;  // null: no TLS
  std::unique_ptr<TicServer> tic_;
  std::unique_ptr<UpdateServer> updates_;  // null: not served
  std::unique_ptr<sixxsd::Console> console_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread saver_;
};

}  // namespace simplon::control
