// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "control/cli/render_json.h"

namespace simplon::cli {
namespace {

// JSON is YAML in flow style: the parser's events go straight to an emitter, which writes block
// style. No tree in between: a document can hold a million tunnels.
class BlockStyle : public YAML::EventHandler {
 public:
  explicit BlockStyle(YAML::Emitter& emitter) : emitter_(emitter) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}  // not in JSON

  void OnNull(const YAML::Mark&, YAML::anchor_t) override {
    begin_node();
    emitter_ << YAML::Null;
  }
  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    begin_node();
    // "!" is what the parser gives to quoted text.
    if (tag == "!" && reads_as_another_type(value)) emitter_ << YAML::DoubleQuoted;
    emitter_ << value;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    begin_node();
    next_.push_back(Next::kElement);
    opened_ = true;
  }
  void OnSequenceEnd() override {
    if (opened_) emitter_ << YAML::Flow << YAML::BeginSeq;
    opened_ = false;
    emitter_ << YAML::EndSeq;
    next_.pop_back();
  }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    begin_node();
    next_.push_back(Next::kKey);
    opened_ = true;
  }
  void OnMapEnd() override {
    if (opened_) emitter_ << YAML::Flow << YAML::BeginMap;
    opened_ = false;
    emitter_ << YAML::EndMap;
    next_.pop_back();
  }

 private:
  enum class Next { kElement, kKey, kValue };

  void begin_node() {
    if (opened_)
      emitter_ << YAML::Block << (next_.back() == Next::kElement ? YAML::BeginSeq : YAML::BeginMap);
    opened_ = false;
    if (next_.empty() || next_.back() == Next::kElement) return;
    const bool key = next_.back() == Next::kKey;
    emitter_ << (key ? YAML::Key : YAML::Value);
    next_.back() = key ? Next::kValue : Next::kKey;
  }

  // Numbers of every YAML version begin like this; the words are those of YAML 1.1 and 1.2.
  static bool reads_as_another_type(const std::string& value) {
    if (value.empty() || value.find_first_of("0123456789") == 0) return true;
    if (value.find_first_of("+-.~=<") == 0) return true;
    std::string word = value;
    for (char& c : word)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const char* const taken : {"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
      if (word == taken) return true;
    return false;
  }

  YAML::Emitter& emitter_;
  std::vector<Next> next_;  // one for each collection that is open
  bool opened_ = false;     // the last one is not emitted yet: an empty one is best as [] or {}
};

}  // namespace

std::string render_yaml(const google::protobuf::Message& message, bool defaults) {
  std::istringstream json(render_json(message, defaults));
  YAML::Emitter emitter;
  BlockStyle handler(emitter);
  YAML::Parser parser(json);
  parser.HandleNextDocument(handler);
  if (!emitter.good()) throw std::runtime_error("cannot print as YAML: " + emitter.GetLastError());
  return std::string(emitter.c_str(), emitter.size()) + "\n";
}

}  // namespace simplon::cli
