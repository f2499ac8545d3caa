// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace simplon::cli {

// The message as RFC 4180 has it, lines ending in LF: a row for each element of its first list of
// messages, or one row for itself where it has none or is itself a resource. Columns are the fields
// by their names in the protocol, nested ones as "endpoint.address"; the values of a list stand in
// one cell, separated by spaces. Times are as in JSON.
std::string render_csv(const google::protobuf::Message& message, bool heads);

}  // namespace simplon::cli
