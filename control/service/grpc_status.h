// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace simplon::control {

// Canonical code, message, and google.rpc.Status with all details in `grpc-status-details-bin`. An
// error without an ErrorInfo of its own gets one that repeats the code.
grpc::Status to_grpc(const absl::Status& status);

}  // namespace simplon::control
