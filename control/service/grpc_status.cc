// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/grpc_status.h"

#include <absl/strings/cord.h>

#include <string>

#include "control/error/error.h"
#include "control/text/absl_text.h"
#include "google/rpc/status.pb.h"

namespace simplon::control {

grpc::Status to_grpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  if (!status.GetPayload(ToAbsl(kErrorInfoUrl))) {
    return to_grpc(make_error(status.code(), absl::StatusCodeToString(status.code()),
                              to_string(status.message())));
  }
  google::rpc::Status details;
  details.set_code(int(status.code()));
  details.set_message(to_string(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    google::protobuf::Any* any = details.add_details();
    any->set_type_url(to_string(url));
    any->set_value(std::string(payload));
  });
  return {grpc::StatusCode(status.code()), details.message(), details.SerializeAsString()};
}

}  // namespace simplon::control
