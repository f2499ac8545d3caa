// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/http_server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <pthread.h>

#include <array>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>  // Asio 1.74 lacks it

#include "control/dyndns/http_message.h"
#include "control/net/connection_counts.h"
#include "control/net/listen.h"
#include "control/net/listener.h"
#include "control/net/tls_certificate.h"

namespace simplon::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

// A header and what may come behind it in the same read.
constexpr std::size_t kBufferSize = kMaxHttpHeader + 4096;
// For a client to read the last reply and close its side, and what is thrown away meanwhile.
constexpr std::chrono::seconds kCloseTimeout{2};
constexpr std::size_t kDiscardSize = std::size_t{64} << 10;
// For replies under way when the server stops.
constexpr std::chrono::seconds kStopPatience{3};
constexpr const char* kName = "http";
constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 30\r\n"
    "Connection: close\r\n\r\n";

}  // namespace

struct HttpServer::Impl {
  class Connection;

  Impl(HttpServerOptions o, Handle h)
      : options(std::move(o)),
        handle(std::move(h)),
        counts(kName, options.max_connections, options.max_connections_per_source) {}

  absl::Status listen(const std::vector<std::string>& where, bool tls);
  void take(tcp::socket socket, bool tls);

  const HttpServerOptions options;
  const Handle handle;
  // Everything below is the socket thread's.
  ConnectionCounts counts;
  std::set<Connection*> connections;
  bool stopping = false;
  // With it go the last of the connections.
  asio::io_context io{1};
  std::vector<std::unique_ptr<Listener>> listeners;

  std::unique_ptr<asio::thread_pool> pool;
  std::thread thread;
  std::promise<void> ended;
};

// One thing is under way at any time: the handshake, reading, handling, writing or closing. It
// keeps the connection alive; when nothing is, the connection goes.
class HttpServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, tcp::socket socket, const Ipv6Address& peer,
             ConnectionCounts::Place place)
      : server_(server), place_(std::move(place)), peer_(peer), stream_(std::move(socket)) {
    server_.connections.insert(this);
  }
  ~Connection() { server_.connections.erase(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start(bool tls) {
    if (!tls) return read();
    context_ = server_.options.certificate->context();
    tls_.emplace(stream_, *context_);
    stream_.expires_after(server_.options.handshake_timeout);
    tls_->async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](error_code error) {
                            if (!error) self->read();
                          });
  }

  // The server stops: only a reply is waited for.
  void stop() {
    if (!replying_) stream_.close();
  }

 private:
  template <typename Do>
  void with_stream(Do&& act) {
    if (tls_) {
      act(*tls_);
    } else {
      act(stream_);
    }
  }

  void read() {
    replying_ = false;
    if (server_.stopping) return stream_.close();
    parser_.emplace();
    set_limits(*parser_);
    stream_.expires_after(server_.options.read_timeout);
    with_stream([&](auto& stream) {
      http::async_read_header(
          stream, buffer_, *parser_,
          [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
    });
  }

  void on_read(error_code error) {
    if (error == http::error::end_of_stream) return close();
    // Only what was read and makes no sense deserves an answer; a connection that is gone, or too
    // slow, cannot hear one.
    if (error && error.category() != http::make_error_code(http::error::bad_method).category()) {
      return;
    }
    if (error == http::error::partial_message || server_.stopping) return;
    replying_ = true;
    ++requests_;
    if (error) return write(refusal_of(error), 11, false);
    auto request = to_request(*parser_, peer_, tls_.has_value());
    // The replies still have to be sent when the server has nothing else to do.
    asio::post(*server_.pool, [self = shared_from_this(), request = std::move(request),
                               work = asio::make_work_guard(server_.io)]() mutable {
      HttpReply reply = self->server_.handle(request);
      // The connection may only die on the socket thread.
      asio::post(work.get_executor(), [self = std::move(self), reply = std::move(reply)] {
        self->write(reply, self->parser_->get().version(), true);
      });
    });
  }

  void write(const HttpReply& reply, unsigned version, bool keep_alive) {
    keep_alive = keep_alive && may_keep_alive(*parser_) && !server_.stopping &&
                 requests_ < server_.options.max_requests;
    response_ = to_response(reply, version, keep_alive, std::time(nullptr));
    stream_.expires_after(server_.options.write_timeout);
    with_stream([&](auto& stream) {
      http::async_write(stream, response_,
                        [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                          if (error) return;
                          if (keep_alive) return self->read();
                          self->close();
                        });
    });
  }

  // Lets the client read everything: closing with input unread would be a reset, which overtakes
  // the last words.
  void close() {
    replying_ = false;
    stream_.expires_after(kCloseTimeout);
    if (!tls_) return shut_down();
    tls_->async_shutdown([self = shared_from_this()](error_code) { self->shut_down(); });
  }

  void shut_down() {
    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    if (!error && !server_.stopping) discard();
  }

  void discard() {
    stream_.async_read_some(asio::buffer(scrap_),
                            [self = shared_from_this()](error_code error, std::size_t got) {
                              self->discarded_ += got;
                              if (!error && self->discarded_ < kDiscardSize) self->discard();
                            });
  }

  Impl& server_;
  const ConnectionCounts::Place place_;
  const Ipv6Address peer_;
  std::shared_ptr<asio::ssl::context> context_;  // outlives tls_
  beast::tcp_stream stream_;
  std::optional<beast::ssl_stream<beast::tcp_stream&>> tls_;
  beast::flat_buffer buffer_{kBufferSize};
  std::optional<HttpRequestParser> parser_;
  HttpResponse response_;
  bool replying_ = false;
  std::size_t requests_ = 0;
  std::array<char, 4096> scrap_{};
  std::size_t discarded_ = 0;
};

absl::Status HttpServer::Impl::listen(const std::vector<std::string>& where, bool tls) {
  for (const std::string& address : where) {
    auto listener = Listener::open(
        io, address, kName, [this, tls](tcp::socket socket) { take(std::move(socket), tls); });
    if (!listener.ok()) return listener.status();
    listeners.push_back(*std::move(listener));
  }
  return absl::OkStatus();
}

void HttpServer::Impl::take(tcp::socket socket, bool tls) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const Ipv6Address peer = address_of(remote.address());
  auto place = counts.take(peer);
  if (!place) return turn_away(std::move(socket), tls ? "" : kBusy);
  socket.set_option(tcp::no_delay(true), error);
  std::make_shared<Connection>(*this, std::move(socket), peer, std::move(place))->start(tls);
}

HttpServer::HttpServer(HttpServerOptions options, Handle handle)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handle))) {}

HttpServer::~HttpServer() {
  stop();
}

absl::Status HttpServer::start() {
  Impl& impl = *impl_;
  auto status = impl.listen(impl.options.http, false);
  if (status.ok()) status = impl.listen(impl.options.https, true);
  if (!status.ok()) {
    impl.listeners.clear();
    return status;
  }
  for (const auto& listener : impl.listeners) listener->start();
  impl.pool = std::make_unique<asio::thread_pool>(std::size_t(impl.options.threads));
  impl.thread = std::thread([&impl] {
    pthread_setname_np(pthread_self(), kName);
    impl.io.run();
    impl.ended.set_value();
  });
  return absl::OkStatus();
}

void HttpServer::stop() {
  Impl& impl = *impl_;
  if (!impl.thread.joinable()) return;
  std::promise<void> told;
  asio::post(impl.io, [&] {
    impl.stopping = true;
    for (const auto& listener : impl.listeners) listener->close();
    const std::set<Impl::Connection*> all = impl.connections;
    for (Impl::Connection* connection : all) connection->stop();
    told.set_value();
  });
  // From here on nothing is given to the handlers.
  told.get_future().wait();
  // Handlers first: then all that is left is to send what they said.
  impl.pool->join();
  if (impl.ended.get_future().wait_for(kStopPatience) != std::future_status::ready) impl.io.stop();
  impl.thread.join();
}

std::vector<uint16_t> HttpServer::ports() const {
  std::vector<uint16_t> ports;
  for (const auto& listener : impl_->listeners) ports.push_back(listener->port());
  return ports;
}

}  // namespace simplon::control
