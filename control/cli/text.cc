// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/text.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace simplon::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  std::array<char, 64> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), pattern, arguments...);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

bool is_unset(const Timestamp& time) {
  return time.seconds() == 0 && time.nanos() == 0;
}

std::string element_text(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return (many ? r.GetRepeatedEnum(message, &field, index) : r.GetEnum(message, &field))
          ->name();
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? r.GetRepeatedBool(message, &field, index) : r.GetBool(message, &field))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(many ? r.GetRepeatedUInt32(message, &field, index)
                                 : r.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(many ? r.GetRepeatedUInt64(message, &field, index)
                                 : r.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(many ? r.GetRepeatedInt32(message, &field, index)
                                 : r.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(many ? r.GetRepeatedInt64(message, &field, index)
                                 : r.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return decimal_text(
          many ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field), 3);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return decimal_text(
          many ? r.GetRepeatedFloat(message, &field, index) : r.GetFloat(message, &field), 3);
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& value =
          many ? r.GetRepeatedMessage(message, &field, index) : r.GetMessage(message, &field);
      if (value.GetDescriptor() == Timestamp::descriptor()) {
        Timestamp time;
        time.CopyFrom(value);
        return time_text(time);
      }
      if (value.GetDescriptor() == Duration::descriptor()) {
        if (!many && !r.HasField(message, &field)) return "-";
        Duration duration;
        duration.CopyFrom(value);
        return duration_text(duration);
      }
      return value.ShortDebugString();
    }
  }
  return "?";
}

bool is_nested(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated() &&
         field.message_type() != Timestamp::descriptor() &&
         field.message_type() != Duration::descriptor();
}

}  // namespace

std::string time_text(const Timestamp& time) {
  if (is_unset(time)) return "never";
  const std::time_t seconds = time.seconds();
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "?";
  std::array<char, 64> buffer;
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string age_text(int64_t seconds) {
  if (seconds < 0) seconds = 0;
  const auto n = [](int64_t value) { return static_cast<long long>(value); };
  if (seconds < 60) return format("%llds", n(seconds));
  if (seconds < 3600) return format("%lldm%02llds", n(seconds / 60), n(seconds % 60));
  if (seconds < 86400) return format("%lldh%02lldm", n(seconds / 3600), n(seconds / 60 % 60));
  return format("%lldd%02lldh", n(seconds / 86400), n(seconds / 3600 % 24));
}

std::string age_text(const Timestamp& then, const Timestamp& now) {
  return is_unset(then) ? "never" : age_text(now.seconds() - then.seconds());
}

std::string duration_text(const Duration& duration) {
  const double ns =
      static_cast<double>(duration.seconds()) * 1e9 + static_cast<double>(duration.nanos());
  if (ns < 1e3) return format("%.0f ns", ns);
  if (ns < 1e6) return format("%.1f us", ns / 1e3);
  if (ns < 1e9) return format("%.1f ms", ns / 1e6);
  return format("%.2f s", ns / 1e9);
}

std::string decimal_text(double value, int decimals) {
  return format("%.*f", decimals, value);
}

std::string field_text(const Message& message, std::string_view path) {
  const std::size_t dot = path.find('.');
  const FieldDescriptor* const field =
      message.GetDescriptor()->FindFieldByName(std::string(path.substr(0, dot)));
  if (field == nullptr) return "?";
  const Reflection& reflection = *message.GetReflection();
  if (dot != std::string_view::npos && is_nested(*field))
    return field_text(reflection.GetMessage(message, field), path.substr(dot + 1));
  std::string text;
  if (field->is_repeated()) {
    for (int i = 0; i < reflection.FieldSize(message, field); ++i)
      text += (i > 0 ? ", " : "") + element_text(message, *field, i);
  } else if (!field->has_presence() || reflection.HasField(message, field) ||
             field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    text = element_text(message, *field, 0);
  }
  return text.empty() ? "-" : text;
}

void add_fields(FieldList& list, const Message& message, const std::string& prefix,
                const FieldFilter& wanted) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (wanted && !wanted(field)) continue;
    const std::string name = prefix + field.name();
    if (is_nested(field)) {
      if (reflection.HasField(message, &field))
        add_fields(list, reflection.GetMessage(message, &field), name + ".");
    } else if (field.is_repeated()) {
      const int size = reflection.FieldSize(message, &field);
      std::vector<std::string> values;
      values.reserve(static_cast<std::size_t>(size));
      for (int at = 0; at < size; ++at) values.push_back(element_text(message, field, at));
      list.add(name, std::move(values));
    } else {
      list.add(name, field_text(message, field.name()));
    }
  }
}

std::vector<std::string> enum_words(const google::protobuf::EnumDescriptor* type) {
  std::vector<std::string> words;
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() == 0) continue;
    std::string word = type->value(i)->name();
    for (char& c : word)
      c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    words.push_back(std::move(word));
  }
  return words;
}

int enum_number(const google::protobuf::EnumDescriptor* type, const std::string& word) {
  std::string name = word;
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto* const value = type->FindValueByName(name);
  if (value == nullptr) throw std::invalid_argument("'" + word + "' is no " + type->name());
  return value->number();
}

}  // namespace simplon::cli
