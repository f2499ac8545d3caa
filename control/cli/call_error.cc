// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/call_error.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace simplon::cli {
namespace {

// Canonical codes (google/rpc/code.proto).
enum Code {
  kOk = 0,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kUnavailable = 14,
};

// gRPC's own text buries the cause: ask the socket again.
int connect_errno(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = result == 0 ? 0 : errno;
  close(fd);
  return error;
}

std::string unreachable(const CallError& error, const std::string& server) {
  std::string why = error.message;
  std::string what_to_do = "is simplon-control running? (--server or SIMPLON_SERVER names another)";
  if (server.starts_with("unix:")) {
    const int code = connect_errno(server.substr(5));
    if (code != 0) why = std::generic_category().message(code);
    if (code == EACCES) what_to_do = "you need to be root or in the group of the socket";
  } else if (const std::size_t last = why.find("last error: "); last != std::string::npos) {
    why.erase(0, last + 12);
  }
  return "cannot reach simplon-control at " + server + ": " + why + "; " + what_to_do;
}

std::string with_reason(std::string text, const std::string& reason) {
  if (!reason.empty()) text += " [" + reason + "]";
  return text;
}

}  // namespace

ErrorDetails decode_details(const std::string& serialized) {
  ErrorDetails details;
  google::rpc::Status status;
  if (!status.ParseFromString(serialized)) return details;
  for (const auto& any : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info)) details.reason = info.reason();
    if (any.Is<google::rpc::BadRequest>() && any.UnpackTo(&bad))
      for (const auto& v : bad.field_violations())
        details.fields.push_back({v.field(), v.description(), v.reason()});
  }
  return details;
}

ExitCode exit_code(int grpc_code) {
  switch (grpc_code) {
    case kOk:
      return ExitCode::kOk;
    case kNotFound:
      return ExitCode::kNotFound;
    case kAlreadyExists:
    case kFailedPrecondition:
    case kAborted:
      return ExitCode::kConflict;
    case kDeadlineExceeded:
    case kUnavailable:
      return ExitCode::kUnavailable;
    default:
      return ExitCode::kError;
  }
}

Failure to_failure(const CallError& error, const std::string& server) {
  Failure failure{exit_code(error.code), {}, false};
  const ErrorDetails details = decode_details(error.details);
  // OUT_OF_RANGE is also said of page tokens and the like; the reason tells.
  if (error.code == kOutOfRange && details.reason.ends_with("_NOT_FOUND"))
    failure.code = ExitCode::kNotFound;
  for (const FieldProblem& problem : details.fields) {
    const std::string text = problem.description.empty() ? error.message : problem.description;
    failure.lines.push_back(
        with_reason(problem.field.empty() ? text : problem.field + ": " + text, problem.reason));
  }
  if (!failure.lines.empty()) return failure;
  if (error.code == kUnavailable && details.reason.empty()) {
    failure.lines.push_back(unreachable(error, server));
  } else if (error.code == kDeadlineExceeded) {
    failure.lines.push_back("simplon-control at " + server +
                            " did not answer in time; --timeout allows more");
  } else if (error.code == kUnimplemented && details.reason.empty()) {
    failure.lines.push_back("simplon-control at " + server +
                            " does not know this call: is it of the same version?");
  } else {
    failure.lines.push_back(with_reason(error.message, details.reason));
  }
  return failure;
}

}  // namespace simplon::cli
