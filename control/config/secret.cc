// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/secret.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "proto/link/snapshot_format.h"

namespace simplon::control {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

template <std::size_t kSize>
std::array<uint8_t, kSize> digest(const EVP_MD* algorithm, std::string_view text) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::array<uint8_t, kSize> digest{};
  unsigned size = 0;
  const bool good = algorithm != nullptr && context != nullptr &&
                    EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  // A library without them is no library for this program: AYIYA is nothing without SHA-1, and TIC
  // nothing without MD5.
  if (!good || size != digest.size()) throw std::runtime_error("libcrypto has no SHA-1 or no MD5");
  return digest;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

constexpr const char* kNotPrintable = "only printable ASCII, without blanks";
constexpr const char* kTooLong = "at most 132 characters";

}  // namespace

// Looking an algorithm up costs several times the hash: once, not for each of a million tunnels.

Sha1Digest sha1(std::string_view text) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return digest<20>(algorithm, text);
}

std::string md5_hex(std::string_view text) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : digest<16>(algorithm, text)) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

const char* fault_of_password(std::string_view password) {
  if (password.size() < kMinPasswordLength) return "at least 16 characters";
  if (password.size() > kMaxPasswordLength) return kTooLong;
  return is_printable(password) ? nullptr : kNotPrintable;
}

const char* fault_of_account_secret(std::string_view secret) {
  if (secret.size() < kMinAccountSecretLength) return "at least 8 characters";
  if (secret.size() > kMaxPasswordLength) return kTooLong;
  return is_printable(secret) ? nullptr : kNotPrintable;
}

void hide_secrets(v1::Tunnel& tunnel) {
  const bool has = !tunnel.password().empty();
  const bool has_previous = !tunnel.previous_password().empty();
  const bool has_key = !tunnel.update_key().empty();
  tunnel.clear_password();
  tunnel.clear_previous_password();
  tunnel.clear_update_key();
  // What another one hid stays known.
  if (has) tunnel.set_has_password(true);
  if (has_previous) tunnel.set_has_previous_password(true);
  if (has_key) tunnel.set_has_update_key(true);
}

void hide_secrets(v1::Account& account) {
  const bool has = !account.secret().empty() || !account.secret_md5().empty();
  account.clear_secret();
  account.clear_secret_md5();
  if (has) account.set_has_secret(true);
}

void hide_secrets(v1::Config& config) {
  for (v1::Account& account : *config.mutable_accounts()) hide_secrets(account);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) hide_secrets(tunnel);
}

void drop_secrets(v1::Config& config) {
  for (v1::Account& account : *config.mutable_accounts()) {
    account.clear_secret();
    account.clear_secret_md5();
  }
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    tunnel.clear_password();
    tunnel.clear_previous_password();
    tunnel.clear_update_key();
  }
}

void keep_secrets(const v1::Tunnel& old, v1::Tunnel& next) {
  if (next.update_key().empty() && !old.update_key().empty()) {
    next.set_update_key(old.update_key());
  }
  if (!is_dynamic_type(next.type()) || !next.password().empty() || old.password().empty()) return;
  next.set_password(old.password());
  if (next.previous_password().empty() && !old.previous_password().empty()) {
    next.set_previous_password(old.previous_password());
  }
}

void keep_secrets(const v1::Account& old, v1::Account& next) {
  if (!next.secret().empty() || !next.secret_md5().empty() || old.secret_md5().empty()) return;
  next.set_secret_md5(old.secret_md5());
}

}  // namespace simplon::control
