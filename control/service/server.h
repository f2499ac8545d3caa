// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The gRPC server with all services, reflection and health.

#pragma once

#include <absl/status/status.h>

#include <memory>
#include <string>
#include <vector>

#include "control/service/rpc.h"

namespace grpc {
class Server;
}

namespace simplon::control {

class ApiServer {
 public:
  explicit ApiServer(ServiceContext& context);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Addresses: `unix:PATH`, `/PATH` or `HOST:PORT`. A socket file nobody listens on any more is
  // replaced; one in use is an error, as is anything else in the way.
  absl::Status listen(const std::vector<std::string>& addresses);

  // Health: SERVING while the dataplane acknowledged the current revision. Thread: any, after
  // listen().
  void update_health();

  // Gives calls in progress a second, then cancels them. Idempotent.
  void shutdown();

 private:
  struct Services;

  ServiceContext& context_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> socket_files_;
};

}  // namespace simplon::control
