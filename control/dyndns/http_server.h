// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The HTTP and HTTPS server of endpoint updates: one thread for the sockets, a few for requests,
// which may wait for the engine. Everything a stranger could pile up is bounded: connections in all
// and per source, headers, requests per connection, and the time each step may take.

#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/dyndns/update_handler.h"

namespace simplon::control {

class TlsCertificate;

struct HttpServerOptions {
  std::vector<std::string> http;  // HOST:PORT, [::]:PORT (both families), PORT 0: any
  std::vector<std::string> https;
  const TlsCertificate* certificate = nullptr;  // for https; must outlive the server
  std::size_t max_connections = 512;
  std::size_t max_connections_per_source = 16;  // an IPv4 address, an IPv6 /64
  std::size_t max_requests = 20;                // of one connection
  int threads = 4;
  // For a whole header to come, the pause between requests included; for a reply to be taken; for a
  // handshake.
  std::chrono::milliseconds read_timeout{std::chrono::seconds(10)};
  std::chrono::milliseconds write_timeout{std::chrono::seconds(10)};
  std::chrono::milliseconds handshake_timeout{std::chrono::seconds(10)};
};

class HttpServer {
 public:
  // Thread: any of the server's, several at a time; may wait.
  using Handle = std::function<HttpReply(const HttpRequest&)>;

  HttpServer(HttpServerOptions options, Handle handle);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens and starts its threads. The error names the address and says what to do.
  absl::Status start();
  // Requests being handled get their replies; everything else is closed. Idempotent.
  void stop();
  // Ports listened on: those of `http`, then those of `https`, in their order.
  std::vector<uint16_t> ports() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace simplon::control
