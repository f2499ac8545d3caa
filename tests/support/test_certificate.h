// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Self-signed certificates, made when a test runs.

#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace simplon::testing {

struct TestCertificate {
  std::string certificate_file;
  std::string key_file;
};

// Writes `<path>.crt` and `<path>.key` over what is there: P-256, for `name`, localhost, 127.0.0.1
// and ::1, valid for a day.
inline TestCertificate make_test_certificate(const std::string& path,
                                             const std::string& name = "localhost") {
  const auto check = [](bool done) {
    if (!done) throw std::runtime_error("cannot make a test certificate");
  };
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  check(key != nullptr && certificate != nullptr);
  X509* x = certificate.get();
  check(X509_set_version(x, 2) == 1);
  check(ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
  check(X509_gmtime_adj(X509_getm_notBefore(x), -3600) != nullptr);
  check(X509_gmtime_adj(X509_getm_notAfter(x), 86400) != nullptr);
  check(X509_set_pubkey(x, key.get()) == 1);
  X509_NAME* subject = X509_get_subject_name(x);
  check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                   0) == 1);
  check(X509_set_issuer_name(x, subject) == 1);
  const std::string names = "DNS:" + name + ",DNS:localhost,IP:127.0.0.1,IP:::1";
  const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()),
      X509_EXTENSION_free);
  check(extension != nullptr && X509_add_ext(x, extension.get(), -1) == 1);
  check(X509_sign(x, key.get(), EVP_sha256()) > 0);

  const TestCertificate files{path + ".crt", path + ".key"};
  std::FILE* out = std::fopen(files.certificate_file.c_str(), "w");
  check(out != nullptr);
  bool written = PEM_write_X509(out, x) == 1;
  check(std::fclose(out) == 0 && written);
  out = std::fopen(files.key_file.c_str(), "w");
  check(out != nullptr);
  written = PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  check(std::fclose(out) == 0 && written);
  return files;
}

}  // namespace simplon::testing
