// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Line protocols over TCP (TIC, the console): a server that listens, reads lines, switches to TLS
// and bounds everything a stranger could pile up; and sessions, which only turn lines into replies
// and can be tested and fuzzed without a socket.

#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/address.h"

namespace simplon::control {

class TlsCertificate;

// Who is at the other end.
struct LinePeer {
  Ipv6Address address;  // IPv4 as ::ffff:a.b.c.d
  uint16_t port = 0;
};

// One connection. Thread: the server's, one call at a time; calls may wait for the engine.
class LineSession {
 public:
  enum class Then : uint8_t {
    kGoOn,
    // The text is sent in the clear, what was received but not yet read is discarded, and the TLS
    // handshake begins.
    kStartTls,
    kClose,
  };
  struct Reply {
    std::string text;  // as sent, line ends included; may be empty
    Then then = Then::kGoOn;
  };

  LineSession() = default;
  LineSession(const LineSession&) = delete;
  LineSession& operator=(const LineSession&) = delete;
  virtual ~LineSession() = default;

  virtual Reply greet() = 0;
  // Without its line end (LF or CR LF); any bytes but LF. Lines that came together are answered in
  // their order.
  virtual Reply take_line(std::string_view line) = 0;
  // Said before closing.
  virtual std::string too_long() = 0;   // a line longer than max_line
  virtual std::string timed_out() = 0;  // no whole line for idle_timeout, or max_session is over
  // The handshake is done; nothing is sent.
  virtual void tls_started() {}
  // The kernel has taken all that was said so far.
  virtual void all_sent() {}
  // The client has ended its side, in good order.
  virtual void client_left() {}
};

struct LineServerOptions {
  std::string name;                 // in the log: "tic"
  std::vector<std::string> listen;  // HOST:PORT, [::]:PORT (both families), PORT 0: any
  std::size_t max_line = 1024;      // bytes without the line end
  std::size_t max_connections = 1024;
  std::size_t max_connections_per_source = 16;  // an IPv4 address, an IPv6 /64
  // Said to a connection over these limits, which is then closed.
  std::string busy_text;
  // Without a whole line from the client, or without it taking anything of a reply.
  std::chrono::milliseconds idle_timeout{std::chrono::minutes(1)};
  std::chrono::milliseconds handshake_timeout{std::chrono::seconds(15)};
  std::chrono::milliseconds max_session{0};     // 0: none
  const TlsCertificate* certificate = nullptr;  // for kStartTls; must outlive the server
};

class LineServer {
 public:
  // On the server's thread. Null: the connection is closed at once.
  using Open = std::function<std::unique_ptr<LineSession>(const LinePeer& peer)>;

  LineServer(LineServerOptions options, Open open);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  // Listens and starts its thread. The error names the address and says what to do.
  absl::Status start();
  // Closes everything, sessions included; waits for a session that is in a call. Idempotent.
  void stop();
  // Ports listened on, in the order of LineServerOptions::listen.
  std::vector<uint16_t> ports() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace simplon::control
