// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The system's clock, for times that people and other processes see. Intervals are measured with
// steady_clock.

#pragma once

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <chrono>
#include <cstdint>

namespace simplon::control {

inline int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline google::protobuf::Timestamp timestamp(int64_t unix_ns) {
  return google::protobuf::util::TimeUtil::NanosecondsToTimestamp(unix_ns);
}

// protobuf's own GetCurrentTime() knows only seconds.
inline google::protobuf::Timestamp timestamp_now() {
  return timestamp(unix_now_ns());
}

}  // namespace simplon::control
