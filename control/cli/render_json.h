// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace simplon::cli {

// The message as protobuf JSON with the field names of the protocol. `defaults`: also fields that
// are zero or empty. `one_line`: for streams, without a newline.
std::string render_json(const google::protobuf::Message& message, bool defaults,
                        bool one_line = false);

// The same content as YAML, in block style, strings quoted where they would read as another type.
std::string render_yaml(const google::protobuf::Message& message, bool defaults);

}  // namespace simplon::cli
