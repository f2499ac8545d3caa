// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tic/session.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>

#include "client/net/resolve.h"
#include "client/settings_file.h"
#include "client/text/words.h"
#include "client/tic/line_buffer.h"
#include "control/table/unique_fd.h"
#include "dataplane/net/address.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

using Clock = std::chrono::steady_clock;
using control::UniqueFd;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// What OpenSSL has to say, its queue emptied.
std::string openssl_error() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    char buffer[200];
    ERR_error_string_n(code, buffer, sizeof buffer);
    if (text.empty()) text = buffer;
  }
  return text.empty() ? "the server closed the connection" : text;
}

// Why a certificate was not believed, and what to do.
std::string certificate_advice(long verdict) {
  switch (verdict) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "check the clock of this machine; if it is right, tell your broker to renew the "
             "certificate";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is another server's: check 'server', or set tls_name to the name "
             "your broker tells you";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "nobody this machine trusts has signed it: install the package ca-certificates, or, "
             "if the broker has a certificate authority of its own, get its certificate from the "
             "broker in a way you trust and name the file in ca_file";
    default:
      return "tell your broker";
  }
}

std::string subject_of(X509* certificate) {
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name[0] == '\0' ? "unnamed" : printable(name, 100);
}

class Session {
 public:
  Session(const Settings& settings, const TicTimes& times, int cancel_fd, TicDialog& dialog,
          TicTrace& trace)
      : settings_(settings), times_(times), cancel_fd_(cancel_fd), dialog_(dialog), trace_(trace) {}

  void run() {
    if (!open()) return;
    deadline_ = Clock::now() + times_.session;
    auto next = TicDialog::Next::kRead;
    while (true) {
      if (!send(dialog_.take_output())) return;
      if (next == TicDialog::Next::kEnd) break;
      if (next == TicDialog::Next::kStartTls) {
        next = shake_hands() ? dialog_.on_tls() : TicDialog::Next::kEnd;
        if (dialog_.failure()) return;
        continue;
      }
      const auto line = read_line();
      if (!line) return;
      next = dialog_.on_line(*line);
    }
    if (ssl_) SSL_shutdown(ssl_.get());
  }

 private:
  void fail(TicStep step, std::string reason, std::string advice = {}) {
    dialog_.fail({.step = step, .reason = std::move(reason), .advice = std::move(advice)});
  }
  void cancel(TicStep step) {
    dialog_.fail({.step = step, .reason = "interrupted", .advice = {}, .cancelled = true});
  }

  bool open() {
    const auto server = parse_server(settings_.server);
    if (!server.ok()) {
      fail(TicStep::kResolve, "'server' " + std::string(server.status().message()));
      return false;
    }
    host_ = server->host;
    const auto addresses =
        resolve(server->host, server->port, AF_UNSPEC, times_.resolve, cancel_fd_);
    if (!addresses.ok()) {
      if (absl::IsCancelled(addresses.status())) {
        cancel(TicStep::kResolve);
      } else {
        fail(TicStep::kResolve, std::string(addresses.status().message()));
      }
      return false;
    }
    for (const SocketAddress& address : *addresses) trace_.addresses.push_back(address.to_string());
    for (const SocketAddress& address : *addresses) {
      if (connect_to(address)) return true;
      if (dialog_.failure()) return false;
    }
    std::string tried;
    for (const std::string& text : trace_.unreachable) tried += (tried.empty() ? "" : "; ") + text;
    fail(TicStep::kConnect, "the server cannot be reached (" + tried + ")",
         "is the network up, does a firewall let TCP port " + std::to_string(server->port) +
             " out, and is 'server' right? If others reach it, tell your broker");
    return false;
  }

  bool connect_to(const SocketAddress& address) {
    UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto give_up = [&](int error) {
      trace_.unreachable.push_back(address.to_string() + ": " +
                                   (error == ETIMEDOUT ? "no answer" : errno_text(error)));
      return false;
    };
    if (!fd) return give_up(errno);
    if (connect(fd.get(), address.get(), address.size) != 0) {
      if (errno != EINPROGRESS) return give_up(errno);
      pollfd waits[] = {{fd.get(), POLLOUT, 0}, {cancel_fd_, POLLIN, 0}};
      const int ready = poll(waits, 2, static_cast<int>(times_.connect.count()));
      if (ready > 0 && waits[1].revents != 0) {
        cancel(TicStep::kConnect);
        return false;
      }
      if (ready <= 0) return give_up(ETIMEDOUT);
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return give_up(error);
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    trace_.connected = address.to_string();
    SocketAddress local;
    local.size = sizeof local.storage;
    if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local.storage), &local.size) == 0) {
      trace_.local = local.to_string();
    }
    fd_ = std::move(fd);
    return true;
  }

  // Waits for `events`, within the time of a reply and of the session.
  bool wait(short events) {
    const auto now = Clock::now();
    const auto left = std::min(
        times_.reply, std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - now));
    pollfd waits[] = {{fd_.get(), events, 0}, {cancel_fd_, POLLIN, 0}};
    const int ready = left.count() <= 0 ? 0 : poll(waits, 2, static_cast<int>(left.count()));
    if (ready > 0 && waits[1].revents != 0) {
      cancel(dialog_.step());
      return false;
    }
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) return wait(events);
    fail(dialog_.step(), "no answer in time", "the server is busy or broken; try again later");
    return false;
  }

  bool lost(const std::string& why) {
    fail(dialog_.step(), "the connection broke: " + why,
         "if this happens every time, the server may refuse your address: ask your broker");
    return false;
  }

  // After an SSL call that returned `result`: whether to try it again.
  bool wait_for_tls(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return wait(POLLIN);
      case SSL_ERROR_WANT_WRITE:
        return wait(POLLOUT);
      default:
        return lost(openssl_error());
    }
  }

  bool send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const std::size_t left = text.size() - sent;
      if (ssl_) {
        ERR_clear_error();
        const int n = SSL_write(ssl_.get(), text.data() + sent, static_cast<int>(left));
        if (n > 0) {
          sent += static_cast<std::size_t>(n);
        } else if (!wait_for_tls(n)) {
          return false;
        }
        continue;
      }
      const ssize_t n = ::send(fd_.get(), text.data() + sent, left, MSG_NOSIGNAL);
      if (n >= 0) {
        sent += static_cast<std::size_t>(n);
      } else if (errno == EAGAIN) {
        if (!wait(POLLOUT)) return false;
      } else if (errno != EINTR) {
        return lost(errno_text(errno));
      }
    }
    return true;
  }

  // Bytes read, 0 after a failure.
  std::size_t receive(char* buffer, std::size_t size) {
    while (true) {
      if (ssl_) {
        ERR_clear_error();
        const int n = SSL_read(ssl_.get(), buffer, static_cast<int>(size));
        if (n > 0) return static_cast<std::size_t>(n);
        if (!wait_for_tls(n)) return 0;
        continue;
      }
      const ssize_t n = recv(fd_.get(), buffer, size, 0);
      if (n > 0) return static_cast<std::size_t>(n);
      if (n == 0) return lost("the server closed it"), 0;
      if (errno == EAGAIN) {
        if (!wait(POLLIN)) return 0;
      } else if (errno != EINTR) {
        return lost(errno_text(errno)), 0;
      }
    }
  }

  std::optional<std::string> read_line() {
    while (true) {
      if (auto line = lines_.next()) {
        if (line->size() <= LineBuffer::kLongestLine) return line;
        fail(dialog_.step(), "the server sends a line of more than 1024 bytes",
             "this is no TIC server: check 'server' in your settings");
        return {};
      }
      char buffer[4096];
      const std::size_t size = receive(buffer, sizeof buffer);
      if (size == 0) return {};
      if (!lines_.append({buffer, size})) {
        fail(dialog_.step(), "the server sends more than anybody asked for",
             "this is no TIC server: check 'server' in your settings");
        return {};
      }
    }
  }

  bool shake_hands() {
    // Whoever is on the way could have put answers here, to be read as if they were protected.
    if (const std::size_t size = lines_.discard(); size > 0) {
      trace_.remarks.push_back(std::to_string(size) +
                               " bytes stood in clear behind the switch to encryption and were "
                               "thrown away: somebody may be meddling with the connection");
    }
    ERR_clear_error();
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return tls_failed("no TLS: " + openssl_error(), "");
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    const bool verify = settings_.tls == TlsMode::kRequired;
    if (verify && !trust()) return false;
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd_.get()) != 1 || !set_name(verify)) {
      return tls_failed("no TLS: " + openssl_error(), "");
    }
    int result = 0;
    while ((result = SSL_connect(ssl_.get())) != 1) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        if (!wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) return false;
        ERR_clear_error();
        continue;
      }
      const long verdict = SSL_get_verify_result(ssl_.get());
      if (verify && verdict != X509_V_OK) {
        ERR_clear_error();
        return tls_failed("the server's certificate is not good: " +
                              std::string(X509_verify_cert_error_string(verdict)),
                          certificate_advice(verdict));
      }
      return tls_failed("encryption failed: " + openssl_error(),
                        "the server must speak TLS 1.2 or newer; tell your broker");
    }
    const std::unique_ptr<X509, FreeSsl> certificate(SSL_get1_peer_certificate(ssl_.get()));
    trace_.tls = std::string(SSL_get_version(ssl_.get())) + ", certificate of " +
                 (certificate ? subject_of(certificate.get()) : "nobody") +
                 (verify ? ", verified" : ", NOT verified");
    return true;
  }

  bool tls_failed(const std::string& reason, const std::string& advice) {
    ssl_.reset();
    fail(TicStep::kTls, reason, advice);
    return false;
  }

  bool trust() {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (settings_.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context_.get());
      return true;
    }
    if (SSL_CTX_load_verify_locations(context_.get(), settings_.ca_file.c_str(), nullptr) == 1) {
      return true;
    }
    return tls_failed("ca_file " + settings_.ca_file + " cannot be used: " + openssl_error(),
                      "it must be a readable file with certificates in PEM");
  }

  bool set_name(bool verify) {
    const std::string& name = settings_.tls_name.empty() ? host_ : settings_.tls_name;
    const bool is_address = Ipv4Address::parse(name) || Ipv6Address::parse(name);
    if (!is_address && SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) != 1) return false;
    if (!verify) return true;
    if (is_address) {
      return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1;
    }
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl_.get(), name.c_str()) == 1;
  }

  const Settings& settings_;
  const TicTimes& times_;
  const int cancel_fd_;
  TicDialog& dialog_;
  TicTrace& trace_;
  std::string host_;
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  LineBuffer lines_;
  Clock::time_point deadline_;
};

}  // namespace

TicSession run_tic_session(const Settings& settings, TicGoal goal, const std::string& tunnel_id,
                           int cancel_fd, const TicTimes& times) {
  TicDialog dialog({.username = settings.username,
                    .password = settings.password,
                    .tls = settings.tls,
                    .goal = goal,
                    .tunnel_id = tunnel_id},
                   [] { return static_cast<int64_t>(std::time(nullptr)); });
  TicSession result;
  Session(settings, times, cancel_fd, dialog, result.trace).run();
  result.outcome = dialog.outcome();
  result.failure = dialog.failure();
  return result;
}

}  // namespace simplon::client
