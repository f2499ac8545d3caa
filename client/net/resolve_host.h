// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "dataplane/net/address.h"

namespace simplon::client {

// Address or name of one host; of several addresses the first. Those that are no host's are
// refused. Errors and `cancel_fd` as of resolve().
absl::StatusOr<Ipv6Address> resolve_ipv6(const std::string& host, int cancel_fd);
absl::StatusOr<Ipv4Address> resolve_ipv4(const std::string& host, int cancel_fd);

}  // namespace simplon::client
