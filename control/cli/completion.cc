// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/completion.h"

#include <algorithm>
#include <map>

namespace simplon::cli {
namespace {

bool has_flag(const Argument& argument, const std::string& word) {
  if (argument.positional()) return false;
  const std::size_t comma = argument.flags.find(',');
  return word == argument.long_flag() ||
         (comma != std::string::npos && word == argument.flags.substr(0, comma));
}

// The option `word` of the command or of all commands; null: none.
const Argument* find_option(const Command& root, const Command& command, const std::string& word) {
  for (const Command* where : {&command, &root})
    for (const auto& argument : where->arguments())
      if (has_flag(*argument, word)) return argument.get();
  return nullptr;
}

const Command* find_child(const Command& command, const std::string& name) {
  for (const auto& child : command.children())
    if (child->name() == name) return child.get();
  return nullptr;
}

// The positional argument number `index`; null: none.
const Argument* find_positional(const Command& command, std::size_t index) {
  for (const auto& argument : command.arguments()) {
    if (!argument->positional()) continue;
    if (index == 0 || argument->repeatable) return argument.get();
    --index;
  }
  return nullptr;
}

class Completer {
 public:
  Completer(const Command& root, const FetchNames& fetch)
      : root_(root), command_(&root), fetch_(fetch) {}

  void pass(const std::string& word) {
    if (value_of_ != nullptr) {
      if (value_of_->long_flag() == "--server") server_ = word;
      value_of_ = nullptr;
    } else if (word.starts_with('-')) {
      const Argument* const option = find_option(root_, *command_, word);
      if (option != nullptr && !option->value.placeholder.empty() && option->implied.empty())
        value_of_ = option;
    } else if (const Command* const child = find_child(*command_, word)) {
      command_ = child;
      positionals_ = 0;
    } else if (find_positional(*command_, positionals_) != nullptr) {
      ++positionals_;
    } else {
      lost_ = true;
    }
  }

  Completions finish(const std::string& begun) {
    begun_ = begun;
    if (lost_) return {};
    if (value_of_ != nullptr) {
      add_values(*value_of_);
    } else if (begun.starts_with('-')) {
      add_options(*command_);
      if (command_ != &root_) add_options(root_);
      add("--help", "what this command does");
    } else {
      for (const auto& child : command_->children()) add(child->name(), child->summary());
      if (const Argument* const argument = find_positional(*command_, positionals_))
        add_values(*argument);
    }
    return std::move(result_);
  }

 private:
  void add(const std::string& word, const std::string& description) {
    if (word.starts_with(begun_)) result_.candidates.push_back({word, description});
  }

  void add_options(const Command& command) {
    for (const auto& argument : command.arguments())
      if (!argument->positional()) add(argument->long_flag(), argument->help);
  }

  void add_values(const Argument& argument) {
    for (const std::string& word : argument.value.words) add(word, "");
    switch (argument.value.completion) {
      case Completion::kNone:
        break;
      case Completion::kFile:
        result_.files = true;
        break;
      default:
        for (const std::string& name : fetch_(argument.value.completion, server_)) add(name, "");
    }
  }

  const Command& root_;
  const Command* command_;
  const FetchNames& fetch_;
  const Argument* value_of_ = nullptr;
  std::size_t positionals_ = 0;
  bool lost_ = false;  // a word that cannot stand there
  std::string server_;
  std::string begun_;
  Completions result_;
};

constexpr char kBash[] = R"(# bash completion of simplonctl; made by 'simplonctl completion bash'.
_simplonctl() {
  # bash takes ':' and '=' for the ends of words: put the pieces together again.
  local words=() glue= piece candidate i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && ( $glue || $piece == [:=]* ) ]]; then
      words[${#words[@]}-1]+=$piece
    else
      words+=("$piece")
    fi
    glue=
    if [[ $piece == *[:=] ]]; then glue=1; fi
  done
  # A secret is not for the list of processes.
  for ((i = 0; i < ${#words[@]}; i++)); do
    if [[ ${words[i]} == --@(password|secret|update-key)=* ]]; then words[i]=${words[i]%%=*}=x; fi
    if [[ $i -gt 0 && ${words[i-1]} == --@(password|secret|update-key) ]]; then words[i]=x; fi
  done
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    if [[ $candidate == :files ]]; then
      compopt -o default
    else
      COMPREPLY+=("$candidate")
    fi
  done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _simplonctl simplonctl
)";

constexpr char kZsh[] = R"(#compdef simplonctl
# zsh completion of simplonctl; made by 'simplonctl completion zsh'.
_simplonctl() {
  local line i
  local -a candidates typed
  local files=
  typed=("${(@)words[2,CURRENT]}")
  # A secret is not for the list of processes.
  for ((i = 1; i <= ${#typed}; i++)); do
    if [[ ${typed[i]} == --(password|secret|update-key)=* ]]; then typed[i]=${typed[i]%%=*}=x; fi
    if [[ $i -gt 1 && ${typed[i-1]} == --(password|secret|update-key) ]]; then typed[i]=x; fi
  done
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=1
    else
      line=${line//:/\\:}
      candidates+=("${line/$'\t'/:}")
    fi
  done < <("${words[1]}" __complete "${typed[@]}" 2>/dev/null)
  if (( ${#candidates} )); then _describe simplonctl candidates; fi
  if [[ $files ]]; then _files; fi
}
if [[ $funcstack[1] == _simplonctl ]]; then
  _simplonctl "$@"
else
  compdef _simplonctl simplonctl
fi
)";

constexpr char kFish[] = R"(# fish completion of simplonctl; made by 'simplonctl completion fish'.
function __simplonctl_complete
  # A secret is not for the list of processes.
  set -l words
  set -l last
  for word in (commandline -opc) (commandline -ct)
    contains -- "$last" --password --secret --update-key; and set word x
    set word (string replace -r -- '^(--(?:password|secret|update-key))=.*' '$1=x' "$word")
    set words $words "$word"
    set last "$word"
  end
  for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      printf '%s\n' $line
    end
  end
end
complete -c simplonctl -f -a '(__simplonctl_complete)'
)";

}  // namespace

Completions complete(const Command& root, const std::vector<std::string>& words,
                     const FetchNames& fetch) {
  Completer completer(root, fetch);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) completer.pass(words[i]);
  return completer.finish(words.empty() ? "" : words.back());
}

std::string completion_script(const std::string& shell) {
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return kBash;
}

}  // namespace simplon::cli
