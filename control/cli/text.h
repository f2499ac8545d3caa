// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/render_table.h"

// Values of messages as people read them.
namespace simplon::cli {

// "2026-11-21 06:13:59" in UTC; "never" for a time that is not set (zero).
std::string time_text(const google::protobuf::Timestamp& time);
// "45s", "2m05s", "3h12m", "5d03h".
std::string age_text(int64_t seconds);
// Age of `then` at `now`; "never" where `then` is not set.
std::string age_text(const google::protobuf::Timestamp& then,
                     const google::protobuf::Timestamp& now);
// "850 ns", "12.3 us", "45.6 ms", "1.23 s".
std::string duration_text(const google::protobuf::Duration& duration);
// With `decimals` digits behind the point.
std::string decimal_text(double value, int decimals);

// The field `path` ("mtu", "build_duration") of a message; "-" where it is not set or empty.
std::string field_text(const google::protobuf::Message& message, std::string_view path);
// Each field of the message, by its name in the protocol; nested ones as "publish.state".
// `wanted`: asked about each field of the message itself; null: all.
using FieldFilter = std::function<bool(const google::protobuf::FieldDescriptor&)>;
void add_fields(FieldList& list, const google::protobuf::Message& message,
                const std::string& prefix = "", const FieldFilter& wanted = nullptr);

// The words of an enum for the command line: lower case, dashes, without the value 0.
std::vector<std::string> enum_words(const google::protobuf::EnumDescriptor* type);
// The number of such a word.
int enum_number(const google::protobuf::EnumDescriptor* type, const std::string& word);
template <class Enum>
Enum enum_value(const std::string& word) {
  return static_cast<Enum>(enum_number(google::protobuf::GetEnumDescriptor<Enum>(), word));
}

}  // namespace simplon::cli
