// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/filter.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/config/secret.h"
#include "control/error/error.h"
#include "dataplane/net/address.h"

namespace simplon::control {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

enum class Operator { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kHas };

struct Comparison {
  const FieldDescriptor* field = nullptr;
  Operator op = Operator::kEqual;
  std::string text;                    // as given, addresses and prefixes in canonical form
  uint64_t number = 0;                 // for numbers and enumerations
  std::optional<Ipv6Address> address;  // for `:` on prefixes
};

// An address or prefix as the configuration spells it; any other text unchanged.
std::string canonical(const std::string& text) {
  if (const auto address = Ipv4Address::parse(text)) return address->to_string();
  if (const auto address = Ipv6Address::parse(text)) return address->to_string();
  if (const auto prefix = Ipv6Prefix::parse(text)) return prefix->to_string();
  if (const auto prefix = Ipv4Prefix::parse(text)) return prefix->to_string();
  return text;
}

template <typename T>
bool compare(const T& value, Operator op, const T& wanted) {
  switch (op) {
    case Operator::kEqual:
    case Operator::kHas:
      return value == wanted;
    case Operator::kNotEqual:
      return value != wanted;
    case Operator::kLess:
      return value < wanted;
    case Operator::kLessEqual:
      return value <= wanted;
    case Operator::kGreater:
      return value > wanted;
    case Operator::kGreaterEqual:
      return value >= wanted;
  }
  return false;
}

bool compare_text(const std::string& value, const Comparison& comparison) {
  if (comparison.op != Operator::kHas) return compare(value, comparison.op, comparison.text);
  if (comparison.address) {
    const auto prefix = Ipv6Prefix::parse(value);
    if (prefix) return prefix->contains(*comparison.address);
  }
  return value.find(comparison.text) != std::string::npos;
}

bool evaluate(const Comparison& comparison, const Message& message) {
  const auto* reflection = message.GetReflection();
  const FieldDescriptor* field = comparison.field;
  if (field->is_repeated()) {
    // Lists of text: does one element match? != : does none?
    Comparison element = comparison;
    const bool negated = comparison.op == Operator::kNotEqual;
    if (negated) element.op = Operator::kEqual;
    std::string scratch;
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (compare_text(reflection->GetRepeatedStringReference(message, field, i, &scratch),
                       element)) {
        return !negated;
      }
    }
    return negated;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      return compare_text(reflection->GetStringReference(message, field, &scratch), comparison);
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return compare(uint64_t(reflection->GetEnumValue(message, field)), comparison.op,
                     comparison.number);
    case FieldDescriptor::CPPTYPE_UINT32:
      return compare(uint64_t{reflection->GetUInt32(message, field)}, comparison.op,
                     comparison.number);
    case FieldDescriptor::CPPTYPE_UINT64:
      return compare(reflection->GetUInt64(message, field), comparison.op, comparison.number);
    case FieldDescriptor::CPPTYPE_BOOL:
      return compare(uint64_t{reflection->GetBool(message, field)}, comparison.op,
                     comparison.number);
    default:
      return false;
  }
}

}  // namespace

struct Filter::Node {
  enum class Kind { kAnd, kOr, kNot, kComparison };
  Kind kind = Kind::kComparison;
  std::vector<std::unique_ptr<Node>> children;
  Comparison comparison;

  bool matches(const Message& message) const {
    const auto child = [&](const std::unique_ptr<Node>& node) { return node->matches(message); };
    switch (kind) {
      case Kind::kAnd:
        return std::ranges::all_of(children, child);
      case Kind::kOr:
        return std::ranges::any_of(children, child);
      case Kind::kNot:
        return !children.front()->matches(message);
      case Kind::kComparison:
        return evaluate(comparison, message);
    }
    return false;
  }

  bool uses(std::string_view field) const {
    if (kind == Kind::kComparison) return comparison.field->name() == field;
    return std::ranges::any_of(children, [&](const auto& node) { return node->uses(field); });
  }
};

namespace {

using Node = Filter::Node;
using NodeOr = absl::StatusOr<std::unique_ptr<Node>>;

constexpr int kMaxDepth = 50;

class Parser {
 public:
  Parser(std::string_view text, const google::protobuf::Descriptor* type)
      : text_(text), type_(type) {}

  NodeOr parse() {
    auto node = conjunction(0);
    if (!node.ok()) return node;
    skip_blanks();
    if (at_ != text_.size()) return fault("AND, OR or the end was expected here");
    return node;
  }

 private:
  absl::Status fault(std::string_view what) const {
    return invalid_field("filter", "BAD_FILTER",
                         "column " + std::to_string(at_ + 1) + ": " + std::string(what));
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  static bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_.-:/").find(c) != std::string_view::npos;
  }

  bool take(std::string_view token) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  bool take_keyword(std::string_view word) {
    skip_blanks();
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word)) return false;
    if (rest.size() > word.size() && is_word(rest[word.size()])) return false;
    at_ += word.size();
    return true;
  }

  NodeOr list(Node::Kind kind, std::string_view keyword, NodeOr (Parser::*element)(int),
              int depth) {
    auto first = (this->*element)(depth);
    if (!first.ok()) return first;
    if (!take_keyword(keyword)) return first;
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->children.push_back(*std::move(first));
    do {
      auto next = (this->*element)(depth);
      if (!next.ok()) return next;
      node->children.push_back(*std::move(next));
    } while (take_keyword(keyword));
    return node;
  }

  NodeOr conjunction(int depth) {
    return list(Node::Kind::kAnd, "AND", &Parser::disjunction, depth);
  }
  NodeOr disjunction(int depth) { return list(Node::Kind::kOr, "OR", &Parser::term, depth); }

  NodeOr term(int depth) {
    if (depth > kMaxDepth) return fault("nested too deeply");
    if (take_keyword("NOT") || take("-")) {
      auto inner = term(depth + 1);
      if (!inner.ok()) return inner;
      auto node = std::make_unique<Node>();
      node->kind = Node::Kind::kNot;
      node->children.push_back(*std::move(inner));
      return node;
    }
    if (take("(")) {
      auto inner = conjunction(depth + 1);
      if (!inner.ok()) return inner;
      if (!take(")")) return fault("')' is missing");
      return inner;
    }
    return comparison();
  }

  NodeOr comparison() {
    skip_blanks();
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      ++at_;
    }
    const std::string name(text_.substr(start, at_ - start));
    if (name.empty()) return fault("a field name was expected here");
    auto node = std::make_unique<Node>();
    Comparison& c = node->comparison;
    c.field = type_->FindFieldByName(name);
    // An answer to "does it begin with a" is the password in the end.
    if (c.field != nullptr && is_secret_field(name)) {
      return fault("'" + name + "' cannot be asked for; has_" + name + " can");
    }
    if (c.field == nullptr || c.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      at_ = start;
      return fault("'" + name + "' is not a field of " + type_->name());
    }
    if (take("!="))
      c.op = Operator::kNotEqual;
    else if (take("<="))
      c.op = Operator::kLessEqual;
    else if (take(">="))
      c.op = Operator::kGreaterEqual;
    else if (take("<"))
      c.op = Operator::kLess;
    else if (take(">"))
      c.op = Operator::kGreater;
    else if (take("="))
      c.op = Operator::kEqual;
    else if (take(":"))
      c.op = Operator::kHas;
    else
      return fault("one of = != < <= > >= : was expected here");
    const std::size_t value_at = at_;
    if (absl::Status status = value(c.text); !status.ok()) return status;
    if (absl::Status status = interpret(c); !status.ok()) {
      at_ = value_at;
      return fault(std::string(status.message()));
    }
    return node;
  }

  absl::Status value(std::string& out) {
    skip_blanks();
    if (at_ == text_.size()) return fault("a value was expected here");
    const char quote = text_[at_];
    if (quote != '"' && quote != '\'') {
      const std::size_t start = at_;
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      if (at_ == start) return fault("a value was expected here");
      out = text_.substr(start, at_ - start);
      return absl::OkStatus();
    }
    const std::size_t start = at_++;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (at_ == text_.size()) {
      at_ = start;
      return fault("the quote is not closed");
    }
    ++at_;
    return absl::OkStatus();
  }

  static absl::Status interpret(Comparison& c) {
    switch (c.field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        if (c.op == Operator::kHas) c.address = Ipv6Address::parse(c.text);
        const bool free = c.field->name() == "description" || c.field->name() == "account";
        if (!free) c.text = canonical(c.text);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        std::string upper = c.text;
        std::ranges::transform(upper, upper.begin(),
                               [](unsigned char ch) { return char(std::toupper(ch)); });
        const auto* value = c.field->enum_type()->FindValueByName(upper);
        if (value == nullptr) {
          std::string known;
          for (int i = 0; i < c.field->enum_type()->value_count(); ++i) {
            if (c.field->enum_type()->value(i)->number() == 0) continue;
            known += (known.empty() ? "" : ", ") + c.field->enum_type()->value(i)->name();
          }
          return absl::InvalidArgumentError("'" + c.text + "' is none of " + known);
        }
        c.number = uint64_t(value->number());
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (c.text != "true" && c.text != "false") {
          return absl::InvalidArgumentError("'" + c.text + "' is neither true nor false");
        }
        c.number = c.text == "true";
        return absl::OkStatus();
      default:
        break;
    }
    std::string_view digits = c.text;
    // A tunnel's id may be spelled as operators do.
    if (c.field->name() == "id" && digits.starts_with('T')) digits.remove_prefix(1);
    const bool hex = digits.starts_with("0x");
    if (hex) digits.remove_prefix(2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), c.number, hex ? 16 : 10);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      return absl::InvalidArgumentError("'" + c.text + "' is not a number");
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  const google::protobuf::Descriptor* type_;
  std::size_t at_ = 0;
};

}  // namespace

Filter::Filter() = default;
Filter::Filter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

absl::StatusOr<Filter> Filter::parse(std::string_view text,
                                     const google::protobuf::Descriptor* type) {
  if (text.find_first_not_of(" \t\n") == std::string_view::npos) return Filter();
  if (text.size() > 4096) return invalid_field("filter", "BAD_FILTER", "longer than 4096 bytes");
  auto root = Parser(text, type).parse();
  if (!root.ok()) return root.status();
  return Filter(*std::move(root));
}

bool Filter::matches(const Message& message) const {
  return root_ == nullptr || root_->matches(message);
}

bool Filter::uses(std::string_view field) const {
  return root_ != nullptr && root_->uses(field);
}

}  // namespace simplon::control
