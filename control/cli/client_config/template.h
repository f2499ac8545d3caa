// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Templates of configuration text. Facts stand in @NAME@ (capitals, digits, underscores):
//
//   text @MTU@ text      the value; a line that names an absent fact is left out
//   text @PREFIX@        a fact with several values makes a line of each
//   @?LOCAL@text         the line is there only if the fact is
//   @!LOCAL@text         and this one only if it is not
//   text@/@text          a line break inside one such line
//
// An empty value is a value.
namespace simplon::cli {

class Facts {
 public:
  void set(std::string name, std::string value) { facts_[std::move(name)] = {std::move(value)}; }
  // Absent if there are none.
  void set(std::string name, std::vector<std::string> values) {
    if (!values.empty()) facts_[std::move(name)] = std::move(values);
  }
  // Null: absent.
  const std::vector<std::string>* find(std::string_view name) const {
    const auto found = facts_.find(name);
    return found == facts_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> facts_;
};

std::string fill(std::string_view text, const Facts& facts);

}  // namespace simplon::cli
