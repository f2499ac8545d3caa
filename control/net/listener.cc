// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/listener.h"

#include <boost/asio/buffer.hpp>
#include <spdlog/spdlog.h>

#include <array>

#include "control/net/listen.h"

namespace simplon::control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPause{200};
constexpr std::chrono::seconds kLogInterval{60};

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::open(asio::io_context& io,
                                                         const std::string& where,
                                                         std::string server, Take take) {
  auto acceptor = listen_on(io, where);
  if (!acceptor.ok()) return acceptor.status();
  return std::unique_ptr<Listener>(
      new Listener(*std::move(acceptor), std::move(server), std::move(take)));
}

Listener::Listener(asio::ip::tcp::acceptor acceptor, std::string server, Take take)
    : acceptor_(std::move(acceptor)),
      pause_(acceptor_.get_executor()),
      server_(std::move(server)),
      take_(std::move(take)) {
  error_code ignored;
  port_ = acceptor_.local_endpoint(ignored).port();
}

void Listener::start() {
  acceptor_.async_accept([this](error_code error, asio::ip::tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) take_(std::move(socket));
    if (!error || error == asio::error::connection_aborted) return start();
    const auto now = std::chrono::steady_clock::now();
    if (now - failure_logged_ > kLogInterval) {
      failure_logged_ = now;
      spdlog::warn("event=accept_failed server={} detail=\"{}\"", server_, error.message());
    }
    pause_.expires_after(kPause);
    pause_.async_wait([this](error_code stopped) {
      if (!stopped) start();
    });
  });
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void turn_away(asio::ip::tcp::socket socket, std::string_view text) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  if (!text.empty()) socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  // Closing with input unread would be a reset, which overtakes the words.
  std::array<char, 4096> scrap;
  socket.read_some(asio::buffer(scrap), ignored);
}

}  // namespace simplon::control
