// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The certificate and key this process shows to TLS clients (TIC, HTTPS), from PEM files. When the
// files change they are read again; if the new ones are no good, the old ones stay in use and the
// log says why. TLS 1.2 and 1.3, no session tickets: the usual TIC client takes a ticket for an
// error (docs/protocols.md §9.3).

#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace simplon::control {

class TlsCertificate {
 public:
  // `certificate_file` holds the chain, the server's own first. The error names the file.
  static absl::StatusOr<std::unique_ptr<TlsCertificate>> load(std::string certificate_file,
                                                              std::string key_file);
  ~TlsCertificate();
  TlsCertificate(const TlsCertificate&) = delete;
  TlsCertificate& operator=(const TlsCertificate&) = delete;

  // For one new connection: the newest. Looks at the files at most once a second. Thread: any.
  std::shared_ptr<boost::asio::ssl::context> context() const;

 private:
  struct Impl;
  explicit TlsCertificate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace simplon::control
