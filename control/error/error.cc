// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/error/error.h"

#include <absl/strings/cord.h>

#include "control/text/absl_text.h"
#include "google/rpc/error_details.pb.h"

namespace simplon::control {
namespace {

// More fields than this help nobody and would not fit in HTTP/2 trailers.
constexpr std::size_t kMaxViolations = 20;

void attach(absl::Status& status, std::string_view url, const google::protobuf::Message& detail) {
  status.SetPayload(ToAbsl(url), absl::Cord(detail.SerializeAsString()));
}

}  // namespace

absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message,
                        ErrorMetadata metadata) {
  absl::Status status(code, ToAbsl(message));
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[std::string(key)] = value;
  attach(status, kErrorInfoUrl, info);
  return status;
}

absl::Status invalid_fields(const std::vector<FieldViolation>& violations,
                            std::string_view prefix) {
  const FieldViolation& first = violations.front();
  std::string message = std::string(prefix) + first.field + ": " + first.description;
  if (violations.size() > 1) {
    message += " (and " + std::to_string(violations.size() - 1) + " more)";
  }
  absl::Status status = make_error(absl::StatusCode::kInvalidArgument, first.reason, message,
                                   {{"violations", std::to_string(violations.size())}});
  google::rpc::BadRequest bad;
  for (const FieldViolation& violation : violations) {
    if (std::size_t(bad.field_violations_size()) == kMaxViolations) break;
    auto* out = bad.add_field_violations();
    out->set_field(std::string(prefix) + violation.field);
    out->set_description(violation.description);
    out->set_reason(violation.reason);
  }
  attach(status, kBadRequestUrl, bad);
  return status;
}

absl::Status invalid_field(std::string_view field, std::string_view reason,
                           std::string_view description) {
  FieldViolation violation;
  violation.field = field;
  violation.reason = reason;
  violation.description = description;
  return invalid_fields({violation});
}

absl::Status of_request(const absl::Status& status, std::string_view request) {
  const std::string message = to_string(status.message());
  if (message.starts_with(request)) return status;
  absl::Status named(status.code(), ToAbsl(std::string(request) + ": " + message));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
  return named;
}

absl::Status tunnel_not_found(std::string_view name) {
  return make_error(absl::StatusCode::kNotFound, "TUNNEL_NOT_FOUND",
                    "there is no tunnel " + std::string(name), {{"resource", std::string(name)}});
}

std::string error_reason(const absl::Status& status) {
  const auto payload = status.GetPayload(ToAbsl(kErrorInfoUrl));
  google::rpc::ErrorInfo info;
  if (!payload || !info.ParseFromString(std::string(*payload))) return {};
  return info.reason();
}

}  // namespace simplon::control
