// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/render_csv.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <vector>

#include "control/cli/text.h"

namespace simplon::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_time(const Descriptor* type) {
  return type == google::protobuf::Timestamp::descriptor() ||
         type == google::protobuf::Duration::descriptor();
}

bool is_message(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !is_time(field.message_type());
}

// What has an etag is one thing, whatever lists it holds.
const FieldDescriptor* first_list(const Descriptor& type) {
  if (type.FindFieldByName("etag") != nullptr) return nullptr;
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->is_repeated() && is_message(*type.field(i))) return type.field(i);
  return nullptr;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string time_cell(const Message& value) {
  using google::protobuf::util::TimeUtil;
  if (value.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    google::protobuf::Timestamp time;
    time.CopyFrom(value);
    return TimeUtil::ToString(time);
  }
  google::protobuf::Duration duration;
  duration.CopyFrom(value);
  return TimeUtil::ToString(duration);
}

std::string cell(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    std::string text =
        reflection.FieldSize(message, &field) == 0 ? "" : field_text(message, field.name());
    // field_text() joins by ", ".
    for (std::size_t at = text.find(", "); at != std::string::npos; at = text.find(", ", at))
      text.replace(at, 2, " ");
    return text;
  }
  if (field.has_presence() && !reflection.HasField(message, &field)) return "";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
    return time_cell(reflection.GetMessage(message, &field));
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    std::string text = reflection.GetString(message, &field);
    if (field.type() != FieldDescriptor::TYPE_BYTES) return text;
    std::string hex;
    for (const char c : text)
      for (const int shift : {4, 0})
        hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
    return hex;
  }
  return field_text(message, field.name());
}

void add_heads(std::vector<std::string>& row, const Descriptor& type, const std::string& prefix) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!is_message(field))
      row.push_back(prefix + field.name());
    else if (!field.is_repeated())
      add_heads(row, *field.message_type(), prefix + field.name() + ".");
  }
}

void add_cells(std::vector<std::string>& row, const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!is_message(field))
      row.push_back(cell(message, field));
    else if (!field.is_repeated())
      add_cells(row, message.GetReflection()->GetMessage(message, &field));
  }
}

void add_line(std::string& out, const std::vector<std::string>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ",") + quoted(row[i]);
  out += '\n';
}

}  // namespace

std::string render_csv(const Message& message, bool heads) {
  const FieldDescriptor* const list = first_list(*message.GetDescriptor());
  std::string out;
  std::vector<std::string> row;
  if (heads) {
    add_heads(row, list == nullptr ? *message.GetDescriptor() : *list->message_type(), "");
    add_line(out, row);
  }
  const auto& reflection = *message.GetReflection();
  const int size = list == nullptr ? 1 : reflection.FieldSize(message, list);
  for (int i = 0; i < size; ++i) {
    row.clear();
    add_cells(row, list == nullptr ? message : reflection.GetRepeatedMessage(message, list, i));
    add_line(out, row);
  }
  return out;
}

}  // namespace simplon::cli
