// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/merge.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <string>
#include <vector>

#include "control/config/secret.h"
#include "control/error/error.h"

namespace simplon::control {
namespace {

using google::protobuf::FieldDescriptor;

bool is_set(const google::protobuf::Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->is_repeated() ? reflection->FieldSize(message, field) > 0
                              : reflection->HasField(message, field);
}

void copy_field(const google::protobuf::Message& source, const FieldDescriptor* field,
                google::protobuf::Message& destination) {
  destination.GetReflection()->ClearField(&destination, field);
  if (!is_set(source, field)) return;
  google::protobuf::FieldMask one;
  one.add_paths(field->name());
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(source, one, {}, &destination);
}

}  // namespace

absl::Status merge_fields(const google::protobuf::Message& source,
                          const google::protobuf::FieldMask* mask,
                          std::span<const std::string_view> ignored,
                          google::protobuf::Message& destination) {
  const auto* type = source.GetDescriptor();
  const bool set_only = mask == nullptr || mask->paths().empty();
  std::vector<const FieldDescriptor*> fields;
  if (set_only) {
    for (int i = 0; i < type->field_count(); ++i) {
      if (is_set(source, type->field(i))) fields.push_back(type->field(i));
    }
  } else {
    for (const std::string& path : mask->paths()) {
      if (path == "*") {
        for (int i = 0; i < type->field_count(); ++i) {
          // Who reads a resource and sends it back has no password to send.
          const FieldDescriptor* field = type->field(i);
          if (!is_secret_field(field->name()) || is_set(source, field)) fields.push_back(field);
        }
        continue;
      }
      const FieldDescriptor* field = type->FindFieldByName(path);
      if (field == nullptr) {
        return invalid_field("update_mask", "UNKNOWN_FIELD",
                             "'" + path + "' is not a field of " + type->name());
      }
      fields.push_back(field);
    }
  }
  for (const FieldDescriptor* field : fields) {
    if (std::ranges::find(ignored, field->name()) == ignored.end()) {
      copy_field(source, field, destination);
    }
  }
  return absl::OkStatus();
}

absl::Status merge_tunnel(const v1::Tunnel& source, const google::protobuf::FieldMask* mask,
                          v1::Tunnel& destination) {
  static constexpr std::string_view kIgnored[] = {"id",
                                                  "name",
                                                  "etag",
                                                  "link_prefix",
                                                  "routed_prefix",
                                                  "routed_ipv4_prefix",
                                                  "has_password",
                                                  "has_previous_password"};
  if (auto s = merge_fields(source, mask, kIgnored, destination); !s.ok()) return s;
  const bool dynamic = is_dynamic_type(destination.type());
  // Given ones are left to the checks.
  if (!dynamic && source.password().empty()) destination.clear_password();
  const bool obsolete = !dynamic || (destination.previous_password() == destination.password() &&
                                     !destination.password().empty());
  if (obsolete && source.previous_password().empty()) destination.clear_previous_password();
  return absl::OkStatus();
}

void keep_secrets(const Model& model, v1::Config& config) {
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    if (const v1::Tunnel* old = model.find(tunnel.id())) keep_secrets(*old, tunnel);
  }
}

}  // namespace simplon::control
