// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/render_json.h"

#include <google/protobuf/util/json_util.h>

#include <stdexcept>

namespace simplon::cli {

std::string render_json(const google::protobuf::Message& message, bool defaults, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = defaults;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok())
    throw std::runtime_error("cannot print as JSON: " + std::string(status.message()));
  return text;
}

}  // namespace simplon::cli
