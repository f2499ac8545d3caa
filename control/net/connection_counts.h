// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How many connections a server has, in all and per source. Thread: the server's; places are given
// back there too, and before the counts go.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "dataplane/net/address.h"

namespace simplon::control {

class ConnectionCounts {
 public:
  // One connection's; given back when it goes. Empty: there was none.
  class Place {
   public:
    Place() = default;
    Place(ConnectionCounts& counts, const Ipv6Address& source)
        : counts_(&counts), source_(source) {}
    Place(Place&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), source_(other.source_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (counts_ != nullptr) counts_->give_back(source_);
    }
    explicit operator bool() const { return counts_ != nullptr; }

   private:
    ConnectionCounts* counts_ = nullptr;
    Ipv6Address source_{};
  };

  // `server`: its name in the log.
  ConnectionCounts(std::string server, std::size_t most, std::size_t most_per_source)
      : server_(std::move(server)), most_(most), most_per_source_(most_per_source) {}
  ConnectionCounts(const ConnectionCounts&) = delete;
  ConnectionCounts& operator=(const ConnectionCounts&) = delete;

  // Says in the log when there is none, but not often.
  Place take(const Ipv6Address& peer);

 private:
  void give_back(const Ipv6Address& source);
  void log_refusal(const Ipv6Address& source);

  const std::string server_;
  const std::size_t most_;
  const std::size_t most_per_source_;  // an IPv4 address, an IPv6 /64
  std::size_t all_ = 0;
  std::map<Ipv6Address, std::size_t> per_source_;
  std::chrono::steady_clock::time_point refusal_logged_{};
  uint64_t refused_ = 0;  // since it was logged
};

}  // namespace simplon::control
