// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One address a server listens on. Includes Asio: for few sources. Thread: that of the io_context.

#pragma once

#include <absl/status/statusor.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>  // Asio 1.74 lacks it

namespace simplon::control {

class Listener {
 public:
  using Take = std::function<void(boost::asio::ip::tcp::socket)>;

  // Listens on `where`, as listen_on(). `server`: its name in the log.
  static absl::StatusOr<std::unique_ptr<Listener>> open(boost::asio::io_context& io,
                                                        const std::string& where,
                                                        std::string server, Take take);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts from now on. Where that fails (out of descriptors or memory) it pauses and says so, but
  // not often.
  void start();
  void close();
  uint16_t port() const { return port_; }

 private:
  Listener(boost::asio::ip::tcp::acceptor acceptor, std::string server, Take take);

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  const std::string server_;
  const Take take_;
  uint16_t port_ = 0;
  std::chrono::steady_clock::time_point failure_logged_{};
};

// Ends a connection there is no place for, with a few words: costs nothing that lasts. What does
// not fit the socket's buffer, which is empty, is not sent.
void turn_away(boost::asio::ip::tcp::socket socket, std::string_view text);

}  // namespace simplon::control
