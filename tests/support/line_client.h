// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The client's end of a line protocol: a blocking socket with a time limit, which can switch to
// TLS. Trusts any certificate, as the usual client does.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace simplon::testing {

class LineClient {
 public:
  // What read_line() says at the end.
  static constexpr const char* kClosed = "<closed>";
  static constexpr const char* kReset = "<reset>";
  static constexpr const char* kNothing = "<nothing came>";

  // `receive_buffer`: of the kernel, 0: as usual.
  explicit LineClient(uint16_t port, const std::string& host = "127.0.0.1",
                      int receive_buffer = 0) {
    const bool v6 = host.find(':') != std::string::npos;
    socket_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer > 0) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in6 to6{};
    sockaddr_in to4{};
    to6.sin6_family = AF_INET6;
    to6.sin6_port = htons(port);
    to4.sin_family = AF_INET;
    to4.sin_port = htons(port);
    inet_pton(v6 ? AF_INET6 : AF_INET, host.c_str(),
              v6 ? static_cast<void*>(&to6.sin6_addr) : static_cast<void*>(&to4.sin_addr));
    connected_ = ::connect(socket_,
                           v6 ? reinterpret_cast<const sockaddr*>(&to6)
                              : reinterpret_cast<const sockaddr*>(&to4),
                           v6 ? sizeof to6 : sizeof to4) == 0;
  }
  LineClient(const LineClient&) = delete;
  LineClient& operator=(const LineClient&) = delete;
  ~LineClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    if (socket_ >= 0) ::close(socket_);
  }

  bool connected() const { return connected_; }
  int socket() const { return socket_; }
  SSL* tls() const { return ssl_; }

  // False: it would not go.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ssl_ != nullptr
                            ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                            : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Without its line end.
  std::string read_line() {
    std::string line;
    for (std::size_t looked = 0;;) {
      if (const std::size_t end = buffer_.find('\n', looked); end != std::string::npos) {
        line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        if (line.ends_with('\r')) line.pop_back();
        return line;
      }
      looked = buffer_.size();
      std::array<char, 4096> more;
      const auto got = ssl_ != nullptr ? SSL_read(ssl_, more.data(), more.size())
                                       : ::recv(socket_, more.data(), more.size(), 0);
      if (got == 0) return kClosed;
      if (got < 0 && ssl_ != nullptr) return closed_by_tls(static_cast<int>(got));
      if (got < 0) return errno == EAGAIN ? kNothing : kReset;
      buffer_.append(more.data(), static_cast<std::size_t>(got));
    }
  }

  std::string ask(const std::string& line) {
    if (!send(line + "\n")) return kReset;
    return read_line();
  }

  // Whether the handshake succeeded. `max_version`: 0 or e.g. TLS1_2_VERSION.
  bool start_tls(int max_version = 0) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context_, max_version);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_);
    return SSL_connect(ssl_) == 1;
  }

  // Says that nothing more comes.
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }

 private:
  std::string closed_by_tls(int result) const {
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_ZERO_RETURN:
        return kClosed;
      case SSL_ERROR_WANT_READ:
        return kNothing;
      default:
        return kReset;
    }
  }

  int socket_ = -1;
  bool connected_ = false;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string buffer_;
};

}  // namespace simplon::testing
