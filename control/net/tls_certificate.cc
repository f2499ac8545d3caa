// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/tls_certificate.h"

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <system_error>
#include <utility>  // Asio 1.74 lacks it

namespace simplon::control {
namespace {

using Context = boost::asio::ssl::context;

constexpr std::chrono::seconds kLookInterval{1};

// Tells one version of a file from the next.
struct FileStamp {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  int64_t size = -1;  // no such file
  uint64_t inode = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp stamp_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

// Why the last call into OpenSSL failed: the oldest entry is the cause.
std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

// Never asks on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

std::string expiry_of(SSL_CTX* context) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  std::tm time{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) {
    return "?";
  }
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &time);
  return text.data();
}

absl::StatusOr<std::shared_ptr<Context>> make_context(const std::string& certificate_file,
                                                      const std::string& key_file) {
  ERR_clear_error();
  auto context = std::make_shared<Context>(Context::tls_server);
  SSL_CTX* ssl = context->native_handle();
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  // A ticket is what the usual client of old takes for a broken connection.
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(ssl, certificate_file.c_str()) != 1) {
    return absl::InvalidArgumentError(
        fmt::format("cannot use the TLS certificate in '{}': {}; it must be a PEM file with the "
                    "server's certificate first",
                    certificate_file, openssl_error()));
  }
  if (SSL_CTX_use_PrivateKey_file(ssl, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return absl::InvalidArgumentError(
        fmt::format("cannot use the TLS key in '{}': {}; it must be a PEM file with the "
                    "certificate's private key, without a passphrase",
                    key_file, openssl_error()));
  }
  if (SSL_CTX_check_private_key(ssl) != 1) {
    return absl::InvalidArgumentError(fmt::format("the TLS key in '{}' is not that of '{}': {}",
                                                  key_file, certificate_file, openssl_error()));
  }
  spdlog::info("event=tls-certificate file={} expires={}", certificate_file, expiry_of(ssl));
  return context;
}

}  // namespace

struct TlsCertificate::Impl {
  using Clock = std::chrono::steady_clock;
  using Stamps = std::array<FileStamp, 2>;

  Impl(std::string certificate, std::string key)
      : certificate_file(std::move(certificate)), key_file(std::move(key)) {}

  Stamps look() const { return {stamp_of(certificate_file), stamp_of(key_file)}; }

  const std::string certificate_file;
  const std::string key_file;
  std::mutex mutex;
  std::shared_ptr<Context> context;
  Stamps seen;  // what `context` is of, or what was found no good
  Clock::time_point looked{};
};

absl::StatusOr<std::unique_ptr<TlsCertificate>> TlsCertificate::load(std::string certificate_file,
                                                                     std::string key_file) {
  auto impl = std::make_unique<Impl>(std::move(certificate_file), std::move(key_file));
  // Before reading: what is written meanwhile is seen as a change.
  impl->seen = impl->look();
  auto context = make_context(impl->certificate_file, impl->key_file);
  if (!context.ok()) return context.status();
  impl->context = *std::move(context);
  impl->looked = Impl::Clock::now();
  return std::unique_ptr<TlsCertificate>(new TlsCertificate(std::move(impl)));
}

TlsCertificate::TlsCertificate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TlsCertificate::~TlsCertificate() = default;

std::shared_ptr<Context> TlsCertificate::context() const {
  const std::lock_guard lock(impl_->mutex);
  const auto now = Impl::Clock::now();
  if (now - impl_->looked < kLookInterval) return impl_->context;
  impl_->looked = now;
  const Impl::Stamps stamps = impl_->look();
  if (stamps == impl_->seen) return impl_->context;
  impl_->seen = stamps;
  auto context = make_context(impl_->certificate_file, impl_->key_file);
  if (context.ok()) {
    impl_->context = *std::move(context);
  } else {
    spdlog::warn("event=tls-certificate-refused in_use=previous detail=\"{}\"",
                 std::string(context.status().message()));
  }
  return impl_->context;
}

}  // namespace simplon::control
