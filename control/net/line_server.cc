// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/line_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <thread>
#include <utility>  // Asio 1.74 lacks it

#include "control/net/connection_counts.h"
#include "control/net/listen.h"
#include "control/net/listener.h"
#include "control/net/tls_certificate.h"

namespace simplon::control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadSize = 4096;
// Replies put together before they are sent, and what is thrown away of a client that goes on
// sending after its end.
constexpr std::size_t kOutputSize = std::size_t{64} << 10;
constexpr std::size_t kDiscardSize = std::size_t{64} << 10;
// For a client to read the last words and close its side.
constexpr std::chrono::seconds kCloseTimeout{2};

}  // namespace

struct LineServer::Impl {
  class Connection;

  Impl(LineServerOptions o, Open session_for)
      : options(std::move(o)),
        open(std::move(session_for)),
        counts(options.name, options.max_connections, options.max_connections_per_source) {}

  void take(tcp::socket socket);

  LineServerOptions options;
  Open open;
  ConnectionCounts counts;
  std::unique_ptr<asio::io_context> io;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  std::thread thread;
};

// One thing is under way at any time: reading, writing, the handshake or closing; and beside it the
// timer. Reads only when all lines are answered and the answers are sent, so that nothing piles up.
class LineServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, tcp::socket socket, ConnectionCounts::Place place)
      : server_(server), place_(std::move(place)), socket_(std::move(socket)), timer_(*server.io) {}

  void start(std::unique_ptr<LineSession> session) {
    session_ = std::move(session);
    const auto max = server_.options.max_session;
    if (max.count() > 0) session_end_ = Clock::now() + max;
    set_deadline(server_.options.idle_timeout);
    take_reply(session_->greet());
    write();
  }

  // The server stops.
  void abandon() {
    session_.reset();
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  using Then = LineSession::Then;
  enum class Phase : uint8_t { kReading, kWriting, kHandshake, kClosing, kDone };

  // ---- Lines and replies

  void take_reply(LineSession::Reply reply) {
    out_ += reply.text;
    then_ = reply.then;
  }

  // Answers the lines that are there, as far as the replies fit.
  void answer() {
    while (then_ == Then::kGoOn && out_.size() < kOutputSize) {
      const std::size_t end = in_.find('\n', taken_);
      if (end == std::string::npos) {
        // One more for a CR whose LF has not come yet.
        if (in_.size() - taken_ > server_.options.max_line + 1) refuse_line();
        break;
      }
      std::string_view line(in_.data() + taken_, end - taken_);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > server_.options.max_line) {
        refuse_line();
        break;
      }
      set_deadline(server_.options.idle_timeout);
      take_reply(session_->take_line(line));
      taken_ = end + 1;
    }
    in_.erase(0, taken_);
    taken_ = 0;
    if (then_ == Then::kStartTls) discard_input();
    if (!out_.empty()) {
      write();
    } else {
      written();
    }
  }

  void refuse_line() {
    out_ += session_->too_long();
    then_ = Then::kClose;
  }

  // What somebody in the middle may have put behind `starttls` must not be taken for what comes
  // through TLS. A client sends nothing more before it has the reply.
  void discard_input() {
    in_.clear();
    discard_received();
  }

  void discard_received() {
    std::array<char, kReadSize> scrap;
    error_code error;
    socket_.non_blocking(true, error);
    for (std::size_t got = 0; !error && got < kDiscardSize;) {
      got += socket_.read_some(asio::buffer(scrap), error);
    }
  }

  // ---- Reading and writing

  void read() {
    phase_ = Phase::kReading;
    const std::size_t size = in_.size();
    in_.resize(size + kReadSize);
    auto done = [self = shared_from_this(), size](error_code error, std::size_t got) {
      self->in_.resize(size + got);
      self->on_read(error);
    };
    const auto buffer = asio::buffer(in_.data() + size, kReadSize);
    if (tls_) {
      tls_->async_read_some(buffer, std::move(done));
    } else {
      socket_.async_read_some(buffer, std::move(done));
    }
  }

  void on_read(error_code error) {
    if (phase_ == Phase::kDone) return;
    if (timed_out_) return say_timed_out();
    // The client's end of input: all its lines have their answers by now. One without its line end
    // may have been cut off, and is not obeyed.
    if (error) {
      if (error == asio::error::eof) session_->client_left();
      return close();
    }
    answer();
  }

  void write() {
    phase_ = Phase::kWriting;
    set_deadline(server_.options.idle_timeout);
    auto done = [self = shared_from_this()](error_code error, std::size_t sent) {
      self->on_write(error, sent);
    };
    const auto buffer = asio::buffer(out_.data() + sent_, out_.size() - sent_);
    if (tls_) {
      tls_->async_write_some(buffer, std::move(done));
    } else {
      socket_.async_write_some(buffer, std::move(done));
    }
  }

  void on_write(error_code error, std::size_t sent) {
    if (phase_ == Phase::kDone) return;
    if (error) return finish();
    sent_ += sent;
    if (sent_ < out_.size()) return write();
    sent_ = 0;
    out_.clear();
    if (out_.capacity() > kOutputSize) out_.shrink_to_fit();
    session_->all_sent();
    written();
  }

  // Everything said so far has gone out.
  void written() {
    switch (then_) {
      case Then::kClose:
        return close();
      case Then::kStartTls:
        return start_tls();
      case Then::kGoOn:
        break;
    }
    if (timed_out_) return say_timed_out();
    if (in_.find('\n') != std::string::npos) return answer();
    read();
  }

  void say_timed_out() {
    out_ = session_->timed_out();
    then_ = Then::kClose;
    write();
  }

  // ---- TLS

  void start_tls() {
    then_ = Then::kGoOn;
    if (tls_ || server_.options.certificate == nullptr) return finish();
    phase_ = Phase::kHandshake;
    set_deadline(server_.options.handshake_timeout);
    context_ = server_.options.certificate->context();
    tls_.emplace(socket_, *context_);
    tls_->async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](error_code error) {
                            if (self->phase_ == Phase::kDone) return;
                            if (error) return self->finish();
                            self->set_deadline(self->server_.options.idle_timeout);
                            self->session_->tls_started();
                            self->read();
                          });
  }

  // ---- The end

  // Lets the client read everything: closing with input unread would be a reset, which overtakes
  // the last words.
  void close() {
    phase_ = Phase::kClosing;
    session_end_.reset();
    set_deadline(kCloseTimeout);
    if (!tls_) return shut_down();
    tls_->async_shutdown([self = shared_from_this()](error_code) { self->shut_down(); });
  }

  void shut_down() {
    if (phase_ == Phase::kDone) return;
    error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    if (error) return finish();
    discard();
  }

  void discard() {
    in_.resize(kReadSize);
    socket_.async_read_some(asio::buffer(in_.data(), in_.size()),
                            [self = shared_from_this()](error_code error, std::size_t got) {
                              if (self->phase_ == Phase::kDone) return;
                              self->discarded_ += got;
                              if (error || self->discarded_ > kDiscardSize) return self->finish();
                              self->discard();
                            });
  }

  // Unsent data goes too: who does not read cannot keep it in the kernel.
  void reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    finish();
  }

  void finish() {
    if (phase_ == Phase::kDone) return;
    phase_ = Phase::kDone;
    session_.reset();
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
    server_.connections.erase(shared_from_this());
  }

  // ---- Time

  // The timer is moved only where it would come too late; coming too early it looks again.
  void set_deadline(std::chrono::milliseconds from_now) {
    deadline_ = Clock::now() + from_now;
    if (!waiting_ || timer_.expiry() > next_deadline()) wait();
  }

  Clock::time_point next_deadline() const {
    return session_end_ ? std::min(deadline_, *session_end_) : deadline_;
  }

  void wait() {
    waiting_ = true;
    timer_.expires_at(next_deadline());
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->phase_ == Phase::kDone) return;
      self->waiting_ = false;
      self->on_timer();
    });
  }

  void on_timer() {
    const auto now = Clock::now();
    if (now < next_deadline()) return wait();
    const bool idle = now >= deadline_;
    if (phase_ == Phase::kReading) {
      // The read ends, and its end says goodbye.
      timed_out_ = true;
      error_code ignored;
      socket_.cancel(ignored);
    } else if (phase_ == Phase::kWriting && !idle) {
      // The session is over; what is being said may still go out.
      timed_out_ = true;
    } else {
      return reset();
    }
    session_end_.reset();
    if (!idle) wait();
  }

  Impl& server_;
  const ConnectionCounts::Place place_;
  tcp::socket socket_;
  std::shared_ptr<asio::ssl::context> context_;  // outlives tls_
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  asio::steady_timer timer_;
  std::unique_ptr<LineSession> session_;

  Phase phase_ = Phase::kWriting;
  Then then_ = Then::kGoOn;
  bool waiting_ = false;
  bool timed_out_ = false;
  Clock::time_point deadline_{};
  std::optional<Clock::time_point> session_end_;
  std::string in_;
  std::size_t taken_ = 0;  // of in_: lines already answered
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  std::size_t discarded_ = 0;
};

void LineServer::Impl::take(tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const LinePeer peer{address_of(remote.address()), remote.port()};
  auto place = counts.take(peer.address);
  if (!place) return turn_away(std::move(socket), options.busy_text);
  socket.set_option(tcp::no_delay(true), error);
  auto session = open(peer);
  if (session == nullptr) return;
  auto connection = std::make_shared<Connection>(*this, std::move(socket), std::move(place));
  connections.insert(connection);
  connection->start(std::move(session));
}

LineServer::LineServer(LineServerOptions options, Open open)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(open))) {}

LineServer::~LineServer() {
  stop();
}

absl::Status LineServer::start() {
  Impl& impl = *impl_;
  impl.io = std::make_unique<asio::io_context>(1);
  for (const std::string& where : impl.options.listen) {
    auto listener = Listener::open(*impl.io, where, impl.options.name,
                                   [&impl](tcp::socket socket) { impl.take(std::move(socket)); });
    if (!listener.ok()) {
      impl.listeners.clear();
      impl.io.reset();
      return listener.status();
    }
    impl.listeners.push_back(*std::move(listener));
  }
  for (const auto& listener : impl.listeners) listener->start();
  impl.thread = std::thread([&impl] {
    pthread_setname_np(pthread_self(), impl.options.name.substr(0, 15).c_str());
    impl.io->run();
  });
  return absl::OkStatus();
}

void LineServer::stop() {
  Impl& impl = *impl_;
  if (!impl.io) return;
  impl.io->stop();
  if (impl.thread.joinable()) impl.thread.join();
  for (const auto& connection : impl.connections) connection->abandon();
  impl.connections.clear();
  impl.listeners.clear();
  // With it go the handlers, and with them the last of the connections.
  impl.io.reset();
}

std::vector<uint16_t> LineServer::ports() const {
  std::vector<uint16_t> ports;
  for (const auto& listener : impl_->listeners) ports.push_back(listener->port());
  return ports;
}

}  // namespace simplon::control
