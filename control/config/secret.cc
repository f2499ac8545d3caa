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

}  // namespace

Sha1Digest sha1(std::string_view text) {
  // Looking the algorithm up costs several times the hash: once, not for each of a million tunnels.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Sha1Digest digest{};
  unsigned size = 0;
  const bool good = algorithm != nullptr && context != nullptr &&
                    EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  // A library without SHA-1 is no library for this program: AYIYA is nothing without.
  if (!good || size != digest.size()) throw std::runtime_error("libcrypto has no SHA-1");
  return digest;
}

const char* fault_of_password(std::string_view password) {
  if (password.size() < kMinPasswordLength) return "at least 16 characters";
  if (password.size() > kMaxPasswordLength) return "at most 132 characters";
  const auto good = [](char c) { return c > ' ' && c <= '~'; };
  if (!std::all_of(password.begin(), password.end(), good)) {
    return "only printable ASCII, without blanks";
  }
  return nullptr;
}

void hide_secrets(v1::Tunnel& tunnel) {
  const bool has = !tunnel.password().empty();
  const bool has_previous = !tunnel.previous_password().empty();
  tunnel.clear_password();
  tunnel.clear_previous_password();
  // What another one hid stays known.
  if (has) tunnel.set_has_password(true);
  if (has_previous) tunnel.set_has_previous_password(true);
}

void hide_secrets(v1::Config& config) {
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) hide_secrets(tunnel);
}

void keep_secrets(const v1::Tunnel& old, v1::Tunnel& next) {
  if (!is_dynamic_type(next.type())) return;
  if (next.password().empty() && !old.password().empty()) next.set_password(old.password());
  if (next.previous_password().empty() && !old.previous_password().empty() &&
      old.previous_password() != next.password()) {
    next.set_previous_password(old.previous_password());
  }
}

}  // namespace simplon::control
