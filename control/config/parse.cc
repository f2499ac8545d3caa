// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/parse.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <string>

#include "control/config/normalize.h"

namespace simplon::control {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

constexpr std::string_view kHidden =
    "cannot be read (the text is not shown, as it may hold a password)";

bool mentions_secret(std::string_view text) {
  // Names of fields that hold one; "secret" is in "secret_md5".
  for (const std::string_view name : {"password", "secret", "update_key"}) {
    if (text.find(name) != text.npos) return true;
  }
  return false;
}

// ---- Text format.

class SyntaxErrors final : public google::protobuf::io::ErrorCollector {
 public:
  SyntaxErrors(std::string_view text, Violations& violations)
      : text_(text), violations_(violations) {}

  void AddError(int line, int column, const std::string& message) override {
    const bool unknown = message.find("has no field named") != std::string::npos;
    FieldViolation v;
    v.description = may_quote_secret(line) ? std::string(kHidden) : message;
    v.reason = std::string(unknown ? reason::kUnknownField : reason::kSyntax);
    // The parser counts from 0.
    v.line = line + 1;
    v.column = column + 1;
    violations_.add(std::move(v));
  }

 private:
  // The parser quotes what it could not read, which may be a password whose quotes are wrong. It
  // may also have begun on an earlier line, and the parser counts from 0.
  bool may_quote_secret(int line) const {
    std::string_view rest = text_;
    for (int n = 0; n <= line && !rest.empty(); ++n) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      if (n + kLinesBefore >= line && mentions_secret(rest.substr(0, end + 1))) return true;
      rest.remove_prefix(end + 1);
    }
    return false;
  }
  static constexpr int kLinesBefore = 2;

  std::string_view text_;
  Violations& violations_;
};

// Silent, for text that parsed once already.
class NoErrors final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override {}
};

bool parse_text(std::string_view text, TextFormat::ParseInfoTree* tree,
                google::protobuf::io::ErrorCollector& errors, v1::Config& config) {
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (tree != nullptr) parser.WriteLocationsTo(tree);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  return parser.Parse(&stream, &config);
}

// A step of a path: "interfaces[0]" is {interfaces, 0}.
struct PathStep {
  std::string_view name;
  int index = -1;
};

// Takes the first step off `path`.
PathStep next_step(std::string_view& path) {
  const std::size_t dot = path.find('.');
  std::string_view step = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  const std::size_t bracket = step.find('[');
  if (bracket == std::string_view::npos) return {step};
  PathStep result{step.substr(0, bracket), 0};
  const std::string_view digits = step.substr(bracket + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), result.index);
  return result;
}

// The place of the field in the text, or of the innermost message around it that is there.
TextFormat::ParseLocation locate(const TextFormat::ParseInfoTree* tree, std::string_view path) {
  TextFormat::ParseLocation best(0, 0);
  const auto* descriptor = v1::Config::descriptor();
  while (!path.empty() && tree != nullptr && descriptor != nullptr) {
    const PathStep step = next_step(path);
    const FieldDescriptor* field = descriptor->FindFieldByName(std::string(step.name));
    if (field == nullptr) break;
    // A path to a whole list, as for "too many", means its first element.
    const int index = field->is_repeated() ? std::max(step.index, 0) : -1;
    const TextFormat::ParseLocation here = tree->GetLocation(field, index);
    if (here.line < 0) break;
    best = here;
    descriptor = field->message_type();
    tree = descriptor == nullptr ? nullptr : tree->GetTreeForNested(field, index);
  }
  return best;
}

// ---- JSON.

// The converter says "colour: Cannot find field.", "(pop) colour: Cannot find field." or
// "(tunnels[0].mtu): invalid value ...", and of broken syntax "Expected ..." with the place marked
// below.
FieldViolation json_violation(std::string_view message) {
  constexpr std::string_view kNoField = ": Cannot find field.";
  FieldViolation v;
  const bool no_field = ends_with(message, kNoField);
  std::size_t path_end = 0;
  if (message.starts_with('(')) path_end = message.find(')');
  std::size_t colon = message.npos;
  if (no_field) {
    colon = message.size() - kNoField.size();
  } else if (path_end != 0 && path_end != message.npos) {
    colon = message.find(": ", path_end);
  }
  if (path_end == message.npos || colon == message.npos) {
    v.reason = std::string(reason::kSyntax);
    v.description = std::string(message);
    return v;
  }
  if (path_end != 0) v.field = std::string(message.substr(1, path_end - 1));
  // Between path and colon stands the name that the path lacks.
  std::string_view name = message.substr(path_end, colon - path_end);
  if (path_end != 0) name.remove_prefix(1);
  if (name.starts_with(' ')) name.remove_prefix(1);
  if (!name.empty()) v.field += (v.field.empty() ? "" : ".") + std::string(name);
  v.description = no_field ? "no such field" : std::string(message.substr(colon + 2));
  v.reason = std::string(no_field ? reason::kUnknownField : reason::kSyntax);
  return v;
}

bool parse_json(std::string_view text, Violations& violations, v1::Config& config) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), &config, options);
  if (status.ok()) return true;
  FieldViolation v = json_violation({status.message().data(), status.message().size()});
  // The converter quotes some of the text around a fault, and values of a wrong type.
  if (v.reason != reason::kUnknownField && mentions_secret(text)) {
    v.description = v.field.empty() || mentions_secret(v.field)
                        ? std::string(kHidden)
                        : v.description.substr(0, v.description.find('\n'));
  }
  violations.add(std::move(v));
  return false;
}

}  // namespace

ConfigFormat detect_format(std::string_view text, std::string_view file_name) {
  if (ends_with(file_name, ".json")) return ConfigFormat::kJson;
  for (const std::string_view extension : {".txtpb", ".textproto", ".pbtxt"}) {
    if (ends_with(file_name, extension)) return ConfigFormat::kText;
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  // No field of a text-format message begins with a brace.
  return first != std::string_view::npos && text[first] == '{' ? ConfigFormat::kJson
                                                               : ConfigFormat::kText;
}

absl::StatusOr<v1::Config> parse_config(std::string_view text, std::string_view file_name,
                                        std::vector<FieldViolation>* violations,
                                        const ParseOptions& options) {
  Violations found;
  v1::Config config;
  bool parsed = false;
  if (text.size() > INT_MAX) {
    found.add("", reason::kTooLong, "larger than 2 GiB");
  } else if (detect_format(text, file_name) == ConfigFormat::kJson) {
    parsed = parse_json(text, found, config);
  } else {
    SyntaxErrors errors(text, found);
    parsed = parse_text(text, nullptr, errors, config);
  }
  std::vector<FieldViolation> list = found.take();
  if (parsed && options.check_meaning) {
    list = validate(config, options.missing_passwords);
    locate_violations(text, file_name, list);
  }
  if (!list.empty()) {
    absl::Status status = violations_to_status(list, file_name);
    if (violations != nullptr) *violations = std::move(list);
    return status;
  }
  normalize(config);
  return config;
}

void locate_violations(std::string_view text, std::string_view file_name,
                       std::vector<FieldViolation>& violations) {
  if (violations.empty() || text.size() > INT_MAX ||
      detect_format(text, file_name) == ConfigFormat::kJson) {
    return;
  }
  // The tree costs several times the message, so it is made only when it is needed.
  v1::Config config;
  TextFormat::ParseInfoTree tree;
  NoErrors errors;
  if (!parse_text(text, &tree, errors, config)) return;
  for (FieldViolation& violation : violations) {
    const TextFormat::ParseLocation place = locate(&tree, violation.field);
    violation.line = place.line + 1;
    violation.column = place.column + 1;
  }
}

}  // namespace simplon::control
