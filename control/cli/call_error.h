// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <vector>

#include "control/cli/failure.h"

namespace simplon::cli {

// How a call ended, in terms of neither gRPC nor this program (see docs of gRPC for the codes).
struct CallError {
  int code = 0;         // canonical gRPC code
  std::string message;  // the server's, or the transport's
  std::string details;  // google.rpc.Status, as it came in the trailer
};

// One refused field of a request.
struct FieldProblem {
  std::string field;  // path in the request: "config.tunnels[3].mtu"
  std::string description;
  std::string reason;  // UPPER_SNAKE_CASE, may be empty
};

// The parts of google.rpc.Status a person or script can use.
struct ErrorDetails {
  std::string reason;  // of ErrorInfo; empty where the error is not the server's own
  std::vector<FieldProblem> fields;
};

ErrorDetails decode_details(const std::string& serialized);
ExitCode exit_code(int grpc_code);

// Field and reason, one per line. `server` is named where it cannot be reached.
Failure to_failure(const CallError& error, const std::string& server);

}  // namespace simplon::cli
