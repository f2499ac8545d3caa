// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a TIC session asks of the rest of control; a seam for tests and the fuzzer, which need
// neither a store nor a clock.

#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "control/model/model.h"
#include "dataplane/net/address.h"

namespace simplon::control {

// Thread: the TIC server's.
class TicHost {
 public:
  TicHost() = default;
  TicHost(const TicHost&) = delete;
  TicHost& operator=(const TicHost&) = delete;
  virtual ~TicHost() = default;

  // With the configuration held still.
  virtual void read(const std::function<void(const Model& model)>& look) const = 0;
  virtual bool dataplane_connected() const = 0;
  virtual bool tls_available() const = 0;

  virtual std::chrono::steady_clock::time_point now() const = 0;
  virtual int64_t unix_time_s() const = 0;
  // 128 random bits as 32 hexadecimal digits.
  virtual std::string make_challenge() const = 0;

  // Durable when it returns. FAILED_PRECONDITION: the tunnel is no longer the account's, or none
  // whose endpoint is configured.
  virtual absl::Status set_remote(std::string_view account, uint32_t tunnel_id,
                                  Ipv4Address remote) = 0;
};

}  // namespace simplon::control
