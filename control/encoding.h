// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Messages put together from parts that are serialised already, as protobuf's encoding allows.

#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simplon::control {

inline constexpr uint32_t kVarint = 0;
inline constexpr uint32_t kLengthDelimited = 2;

constexpr uint32_t field_tag(int field, uint32_t wire_type) {
  return uint32_t(field) << 3 | wire_type;
}

inline void append_varint(std::string& bytes, uint64_t value) {
  constexpr std::size_t kMostBytes = 10;
  uint8_t varint[kMostBytes];
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, varint);
  bytes.append(reinterpret_cast<const char*>(varint), std::size_t(end - varint));
}

// What comes before a text, bytes or message of that size.
inline void append_field_header(std::string& bytes, int field, std::size_t size) {
  append_varint(bytes, field_tag(field, kLengthDelimited));
  append_varint(bytes, size);
}

// Adds a text, bytes, or a message that is serialised already.
inline void append_field(std::string& bytes, int field, std::string_view value) {
  append_field_header(bytes, field, value.size());
  bytes += value;
}

inline void append_field(std::string& bytes, int field, uint64_t value) {
  append_varint(bytes, field_tag(field, kVarint));
  append_varint(bytes, value);
}

// Bytes append_field() adds for a value of that size, with a field number below 16.
inline std::size_t field_size(std::size_t size) {
  return 1 + google::protobuf::io::CodedOutputStream::VarintSize64(size) + size;
}

}  // namespace simplon::control
