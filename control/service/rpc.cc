// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/rpc.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/error/error.h"
#include "control/model/render.h"

namespace simplon::control {
namespace {

constexpr std::chrono::milliseconds kReplyMargin{50};

std::chrono::milliseconds wait_time(const grpc::ServerContext& rpc) {
  const auto left = rpc.deadline() - std::chrono::system_clock::now();
  if (left > kPublishWait) return kPublishWait;  // also: no deadline
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(left) - kReplyMargin;
  return std::clamp(most, std::chrono::milliseconds(0), kPublishWait);
}

// Metadata values are printable ASCII.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace

absl::StatusOr<Committed> commit(ServiceContext& context, grpc::ServerContext& rpc,
                                 Engine::Call call) {
  auto committed = make_change(context, std::move(call), wait_time(rpc));
  if (!committed.ok()) return committed;
  const v1::PublishStatus& publish = committed->publish;
  rpc.AddTrailingMetadata("simplon-revision", std::to_string(committed->outcome.revision));
  rpc.AddTrailingMetadata("simplon-publish-state", v1::PublishStatus::State_Name(publish.state()));
  if (!publish.message().empty()) {
    rpc.AddTrailingMetadata("simplon-publish-message", printable(publish.message()));
  }
  return committed;
}

absl::StatusOr<uint32_t> tunnel_id_of(std::string_view field, std::string_view name) {
  const auto id = parse_tunnel_name(name);
  if (id) return *id;
  return invalid_field(field, "BAD_NAME",
                       fmt::format("'{}' is not a tunnel's name, such as tunnels/T123", name));
}

absl::Status check_etag(std::string_view given, const google::protobuf::MessageLite& resource,
                        std::string_view name) {
  if (given.empty() || given == etag(resource)) return absl::OkStatus();
  return make_error(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                    fmt::format("{} has changed since you read it; read it again", name),
                    {{"resource", std::string(name)}});
}

}  // namespace simplon::control
