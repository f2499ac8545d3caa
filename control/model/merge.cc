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

using google::protobuf::Message;
// From the resource to the field; all but the last are messages.
using Path = std::vector<const FieldDescriptor*>;

bool is_set(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->is_repeated() ? reflection->FieldSize(message, field) > 0
                              : reflection->HasField(message, field);
}

void copy_field(const Message& source, std::span<const FieldDescriptor* const> path,
                Message& destination) {
  const FieldDescriptor* field = path.front();
  if (path.size() > 1) {
    // What neither of them has need not be made to be cleared.
    if (!is_set(source, field) && !is_set(destination, field)) return;
    copy_field(source.GetReflection()->GetMessage(source, field), path.subspan(1),
               *destination.GetReflection()->MutableMessage(&destination, field));
    return;
  }
  destination.GetReflection()->ClearField(&destination, field);
  if (!is_set(source, field)) return;
  google::protobuf::FieldMask one;
  one.add_paths(field->name());
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(source, one, {}, &destination);
}

// Empty: no such field.
Path parse_path(const google::protobuf::Descriptor* type, std::string_view text) {
  Path path;
  while (type != nullptr) {
    const std::size_t dot = text.find('.');
    const FieldDescriptor* field = type->FindFieldByName(std::string(text.substr(0, dot)));
    if (field == nullptr) return {};
    path.push_back(field);
    if (dot == text.npos) return path;
    text.remove_prefix(dot + 1);
    type = field->is_repeated() ? nullptr : field->message_type();
  }
  return {};
}

}  // namespace

absl::Status merge_fields(const google::protobuf::Message& source,
                          const google::protobuf::FieldMask* mask,
                          std::span<const std::string_view> ignored,
                          google::protobuf::Message& destination, std::string_view prefix) {
  const auto* type = source.GetDescriptor();
  const bool set_only = mask == nullptr || mask->paths().empty();
  std::vector<Path> paths;
  if (set_only) {
    for (int i = 0; i < type->field_count(); ++i) {
      if (is_set(source, type->field(i))) paths.push_back({type->field(i)});
    }
  } else {
    for (const std::string& text : mask->paths()) {
      if (text == "*") {
        for (int i = 0; i < type->field_count(); ++i) {
          // Who reads a resource and sends it back has no password to send.
          const FieldDescriptor* field = type->field(i);
          if (!is_secret_field(field->name()) || is_set(source, field)) paths.push_back({field});
        }
        continue;
      }
      Path path = parse_path(type, text);
      if (path.empty()) {
        return invalid_field(std::string(prefix) + "update_mask", "UNKNOWN_FIELD",
                             "'" + text + "' is not a field of " + type->name());
      }
      paths.push_back(std::move(path));
    }
  }
  for (const Path& path : paths) {
    if (std::ranges::find(ignored, path.front()->name()) == ignored.end()) {
      copy_field(source, path, destination);
    }
  }
  return absl::OkStatus();
}

absl::Status merge_tunnel(const v1::Tunnel& source, const google::protobuf::FieldMask* mask,
                          v1::Tunnel& destination, std::string_view prefix) {
  static constexpr std::string_view kIgnored[] = {"id",
                                                  "name",
                                                  "etag",
                                                  "link_prefix",
                                                  "routed_prefix",
                                                  "routed_ipv4_prefix",
                                                  "has_password",
                                                  "has_previous_password",
                                                  "has_update_key"};
  if (auto s = merge_fields(source, mask, kIgnored, destination, prefix); !s.ok()) return s;
  const bool dynamic = is_dynamic_type(destination.type());
  // Given ones are left to the checks.
  if (!dynamic && source.password().empty()) destination.clear_password();
  const bool obsolete = !dynamic || (destination.previous_password() == destination.password() &&
                                     !destination.password().empty());
  if (obsolete && source.previous_password().empty()) destination.clear_previous_password();
  return absl::OkStatus();
}

absl::Status merge_account(const v1::Account& source, const google::protobuf::FieldMask* mask,
                           v1::Account& destination) {
  static constexpr std::string_view kIgnored[] = {"name", "etag", "has_secret", "tunnels"};
  if (auto s = merge_fields(source, mask, kIgnored, destination); !s.ok()) return s;
  const auto names = [&](const char* path) {
    return mask != nullptr && std::ranges::find(mask->paths(), path) != mask->paths().end();
  };
  const bool named = names("secret") || names("secret_md5");
  if (source.secret_md5().empty() && (named || !destination.secret().empty())) {
    destination.clear_secret_md5();
  }
  return absl::OkStatus();
}

void keep_secrets(const Model& model, v1::Config& config) {
  for (v1::Account& account : *config.mutable_accounts()) {
    if (const v1::Account* old = model.find_account(account.name())) keep_secrets(*old, account);
  }
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    if (const v1::Tunnel* old = model.find(tunnel.id())) keep_secrets(*old, tunnel);
  }
}

}  // namespace simplon::control
