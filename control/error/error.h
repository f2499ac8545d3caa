// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Errors that carry what google.rpc wants: a status code, a constant reason for programs, and the
// fields at fault. They travel as absl::Status with payloads and become `grpc-status-details-bin`
// in service/grpc_status.h. Thread: any.

#pragma once

#include <absl/status/status.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/violation.h"

namespace simplon::control {

inline constexpr std::string_view kErrorDomain = "simplon";
inline constexpr std::string_view kErrorInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";
inline constexpr std::string_view kBadRequestUrl = "type.googleapis.com/google.rpc.BadRequest";

using ErrorMetadata = std::initializer_list<std::pair<std::string_view, std::string>>;

// `reason` is UPPER_SNAKE_CASE and never changes; `message` says what is wrong and what to do.
absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message,
                        ErrorMetadata metadata = {});

// INVALID_ARGUMENT with each field; `prefix` is put in front of the fields ("tunnel." for a Tunnel
// in a request). The reason is the first violation's. `violations` must not be empty.
absl::Status invalid_fields(const std::vector<FieldViolation>& violations,
                            std::string_view prefix = {});
absl::Status invalid_field(std::string_view field, std::string_view reason,
                           std::string_view description);

// The same error, said of one of several requests: `requests[17]`, unless it names it already.
absl::Status of_request(const absl::Status& status, std::string_view request);
absl::Status tunnel_not_found(std::string_view name);

// Reason of an error made here; empty for any other status.
std::string error_reason(const absl::Status& status);

}  // namespace simplon::control
