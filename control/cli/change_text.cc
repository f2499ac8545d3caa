// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/change_text.h"

#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "control/config/secret.h"

namespace simplon::cli {
namespace {

const google::protobuf::Message* resource(const v1::Resource& r) {
  switch (r.kind_case()) {
    case v1::Resource::kTunnel:
      return &r.tunnel();
    case v1::Resource::kPool:
      return &r.pool();
    case v1::Resource::kPop:
      return &r.pop();
    case v1::Resource::kAccount:
      return &r.account();
    case v1::Resource::KIND_NOT_SET:
      break;
  }
  return nullptr;
}

// What tells a new resource from others.
std::string summary(const v1::Resource& r) {
  switch (r.kind_case()) {
    case v1::Resource::kTunnel:
      return ", slot " + std::to_string(r.tunnel().slot()) +
             (r.tunnel().remote().empty() ? "" : ", remote " + r.tunnel().remote());
    case v1::Resource::kPool:
      return ", " + v1::Pool::Kind_Name(r.pool().kind()) + " " + r.pool().prefix();
    default:
      return "";
  }
}

}  // namespace

std::string change_text(const v1::Change& change) {
  std::string text = change.name() + ": ";
  switch (change.action()) {
    case v1::Change::CREATED:
      return text + "created" + summary(change.new_());
    case v1::Change::DELETED:
      return text + "deleted";
    default:
      break;
  }
  const auto* const before = resource(change.old());
  const auto* const after = resource(change.new_());
  if (before == nullptr || after == nullptr || change.paths().empty()) return text + "updated";
  for (int i = 0; i < change.paths_size(); ++i) {
    const std::string& path = change.paths(i);
    text += (i == 0 ? "" : ", ") + path;
    // The server leaves them out; nothing here may depend on that.
    if (control::is_secret_field(path))
      text += " changed";
    else
      text += " " + field_text(*before, path) + " -> " + field_text(*after, path);
  }
  return text;
}

std::string counts_text(const v1::ConfigDiff& diff) {
  return std::to_string(diff.created()) + " created, " + std::to_string(diff.updated()) +
         " updated, " + std::to_string(diff.deleted()) + " deleted";
}

std::string diff_text(const v1::ConfigDiff& diff) {
  std::string text;
  for (const v1::Change& change : diff.changes()) {
    const char* mark = "~ ";
    if (change.action() == v1::Change::CREATED) mark = "+ ";
    if (change.action() == v1::Change::DELETED) mark = "- ";
    text += mark + printable(change_text(change)) + "\n";
  }
  if (diff.truncated()) text += "... (--max-changes shows more)\n";
  return text + counts_text(diff) + "\n";
}

}  // namespace simplon::cli
