// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The TIC server: sessions on a line server (docs/protocols.md §9).

#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/net/line_server.h"
#include "control/service_context.h"
#include "control/tic/tic_session.h"

namespace simplon::control {

class TicServer {
 public:
  // `context` and `certificate` (null: no TLS) must outlive it.
  TicServer(ServiceContext& context, std::vector<std::string> listen,
            const TlsCertificate* certificate);
  ~TicServer();
  TicServer(const TicServer&) = delete;
  TicServer& operator=(const TicServer&) = delete;

  // As LineServer's.
  absl::Status start() { return server_.start(); }
  void stop() { server_.stop(); }
  std::vector<uint16_t> ports() const { return server_.ports(); }

 private:
  const std::unique_ptr<TicHost> host_;
  TicShared shared_;
  LineServer server_;
};

}  // namespace simplon::control
