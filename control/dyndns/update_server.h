// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Endpoint updates over HTTP, all of it: server, protocol, limits, tunnels (docs/protocols.md §13).

#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

#include "control/dyndns/http_server.h"
#include "control/dyndns/tunnel_updater.h"
#include "control/dyndns/update_handler.h"
#include "control/dyndns/update_limits.h"
#include "control/service_context.h"

namespace simplon::control {

class UpdateServer {
 public:
  // The context, and the certificate of the options, must outlive it.
  UpdateServer(ServiceContext& context, HttpServerOptions options,
               UpdateHandler::Now now = UpdateLimits::Clock::now)
      : updater_(context, limits_, now),
        handler_(updater_, limits_, now),
        server_(std::move(options),
                [this](const HttpRequest& request) { return handler_.handle(request); }) {}

  // The error names the address and says what to do.
  absl::Status start() { return server_.start(); }
  // Updates under way are answered. Idempotent.
  void stop() { server_.stop(); }
  std::vector<uint16_t> ports() const { return server_.ports(); }

 private:
  UpdateLimits limits_;
  TunnelUpdater updater_;
  UpdateHandler handler_;
  HttpServer server_;
};

}  // namespace simplon::control
