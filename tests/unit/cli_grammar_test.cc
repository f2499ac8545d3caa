// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The grammar of simplonctl: what parses, what is refused, and what is made of it.

#include <functional>
#include <string>
#include <vector>

#include "control/cli/completion.h"
#include "control/cli/grammar.h"
#include "control/cli/man_page.h"
#include "control/cli/parser.h"
#include "control/cli/tunnel_name.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

// Words as a shell makes them of a line: blanks separate, quotes hold together.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && c == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = 0;
    else
      words.back() += c;
  }
  return words;
}

// A grammar parses once, so each line gets its own.
struct Line {
  explicit Line(const std::string& text) : root(make_grammar(options)) {
    std::vector<std::string> words = shell_words(text);
    CHECK(words.front() == "simplonctl");
    words.erase(words.begin());
    invocation = parse(*root, words);
  }
  std::string command() const { return invocation.command->path(); }

  GlobalOptions options;
  std::unique_ptr<Command> root;
  Invocation invocation;
};

std::string usage_error(const std::string& line) {
  try {
    const Line parsed(line);
  } catch (const Failure& failure) {
    CHECK(failure.code == ExitCode::kUsage);
    return failure.lines.front();
  }
  FAIL("parses, but should not: " << line);
  return "";
}

void for_each_command(const Command& command, const std::function<void(const Command&)>& action) {
  action(command);
  for (const auto& child : command.children()) for_each_command(*child, action);
}

// The examples as a reader finds them in the help.
std::vector<std::string> examples_in(const std::string& help) {
  std::vector<std::string> lines;
  const std::size_t start = help.find("\nExamples:\n");
  if (start == std::string::npos) return lines;
  std::string rest = help.substr(start + 11);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines.push_back(rest.substr(2, end - 2));
    rest.erase(0, end + 1);
  }
  return lines;
}

}  // namespace

TEST_CASE("every example in the help parses, and runs the command it stands under") {
  GlobalOptions options;
  const auto root = make_grammar(options);
  int count = 0;
  for_each_command(*root, [&](const Command& command) {
    for (const std::string& example : examples_in(command.help())) {
      INFO(example);
      const Line line(example);
      CHECK(line.invocation.wanted == Invocation::Wanted::kRun);
      if (command.parent() != nullptr) CHECK(line.command() == command.path());
      ++count;
    }
  });
  CHECK(count >= 60);
}

TEST_CASE("every command that does something has a summary and an example") {
  GlobalOptions options;
  const auto root = make_grammar(options);
  for_each_command(*root, [](const Command& command) {
    INFO(command.path());
    CHECK_FALSE(command.summary().empty());
    if (command.action()) CHECK_FALSE(command.examples().empty());
    for (const auto& argument : command.arguments()) CHECK_FALSE(argument->help.empty());
  });
}

TEST_CASE("help is wanted wherever it is asked for") {
  for (const char* const text :
       {"simplonctl --help", "simplonctl tunnel --help", "simplonctl tunnel create -h",
        "simplonctl drops explain --help", "simplonctl counters --help"}) {
    INFO(text);
    CHECK(Line(text).invocation.wanted == Invocation::Wanted::kHelp);
  }
  CHECK(Line("simplonctl tunnel create -h").command() == "simplonctl tunnel create");
  CHECK(Line("simplonctl --version").invocation.wanted == Invocation::Wanted::kVersion);
}

TEST_CASE("the options of every command may stand before and behind it") {
  for (const char* const text :
       {"simplonctl -o json -s unix:/x --timeout 5s --no-headers tunnel list",
        "simplonctl tunnel list -o json --server unix:/x --timeout=5s --no-headers",
        "simplonctl tunnel -o JSON list -s unix:/x --timeout 5000ms --no-headers"}) {
    INFO(text);
    const Line line(text);
    CHECK(line.options.output == "json");
    CHECK(line.options.server == "unix:/x");
    CHECK(line.options.timeout == std::chrono::seconds(5));
    CHECK(line.options.no_headers);
  }
}

TEST_CASE("the value of --watch may be left out, also before another argument") {
  for (const char* const text :
       {"simplonctl counters --watch T1", "simplonctl counters T1 --watch",
        "simplonctl counters --watch 1 T1", "simplonctl counters --watch=0.5 T1",
        "simplonctl counters -w T1", "simplonctl counters --watch --rate T1"}) {
    INFO(text);
    CHECK(Line(text).command() == "simplonctl counters");
  }
}

TEST_CASE("a setting that is true or false may be said by its name alone") {
  for (const char* const text :
       {"simplonctl tunnel create T1 --gre-checksum --remote 192.0.2.1",
        "simplonctl tunnel create --gre-checksum T1 --remote 192.0.2.1",
        "simplonctl tunnel create T1 --gre-checksum true --gre-sequence=false",
        "simplonctl tunnel update T1 --gre-checksum False"}) {
    INFO(text);
    CHECK(Line(text).command().starts_with("simplonctl tunnel "));
  }
}

TEST_CASE("a command line that is wrong is refused with what is wrong") {
  const auto says = [](const char* line, const char* text) {
    const std::string reason = usage_error(line);
    INFO(line << ": " << reason);
    CHECK(reason.find(text) != std::string::npos);
  };
  says("simplonctl", "which command?");
  says("simplonctl tunnel", "what to do with 'tunnel'?");
  says("simplonctl turnip", "turnip");
  says("simplonctl tunnel grow", "grow");
  says("simplonctl tunnel list --colour red", "--colour");
  says("simplonctl tunnel show", "TUNNEL");
  says("simplonctl tunnel show T1 T2", "T2");
  says("simplonctl tunnel create 12x --remote 192.0.2.1", "'12x' is not a T-number");
  says("simplonctl tunnel create T0 --remote 192.0.2.1", "T-number");
  says("simplonctl tunnel create T4294967296 --remote 192.0.2.1", "T-number");
  says("simplonctl tunnel create --remote 192.0.2.1 --mtu large", "'large' is not a number");
  says("simplonctl tunnel create --remote 192.0.2.1 --mtu -5", "--mtu");
  says("simplonctl tunnel create --remote 192.0.2.1 --slot 4294967296", "more than 4294967295");
  says("simplonctl tunnel create --remote 192.0.2.1 --ecn new", "none of compatibility, normal");
  says("simplonctl tunnel create --remote 192.0.2.1 --remote 192.0.2.2", "--remote");
  says("simplonctl -o xml tunnel list", "none of table, json, yaml");
  says("simplonctl --timeout soon pop status", "'soon' is not a duration");
  says("simplonctl counters --watch 0", "at least 0.1 seconds");
  says("simplonctl config apply", "FILE");
  says("simplonctl config rollback yesterday", "'yesterday' is not a number");
  says("simplonctl pop update --ignore-icmpv4-echo maybe", "none of true, false");
  says("simplonctl pop update --interface port", "is not FIELD=VALUE");
  says("simplonctl pop update --interface vlan=x", "'x' is not a number");
  says("simplonctl completion tcsh", "none of bash, zsh, fish");
  says("simplonctl watch --kind cat", "none of tunnel, pool");
}

TEST_CASE("a name may be that of a command") {
  CHECK(Line("simplonctl pool show pop").command() == "simplonctl pool show");
  CHECK(Line("simplonctl pool delete pool").command() == "simplonctl pool delete");
}

TEST_CASE("T-numbers are read in each of their forms") {
  for (const char* const text : {"T18572", "t18572", "18572", "tunnels/T18572", "tunnels/18572"}) {
    INFO(text);
    CHECK(resource_name(text) == "tunnels/T18572");
    CHECK(tunnel_id(text) == 18572);
  }
  for (const char* const text : {"", "T", "Tx", "192.0.2.1", "2001:db8::1", "T1/48", "x1", "-1"}) {
    INFO(text);
    CHECK(resource_name(text).empty());
  }
}

TEST_CASE("numbers are decimal or hexadecimal, durations have units") {
  std::optional<uint32_t> number;
  into(number)("0x2ae");
  CHECK(number == 686u);
  into(number)("010");
  CHECK(number == 10u);
  std::optional<std::chrono::milliseconds> duration;
  const std::pair<const char*, int> cases[] = {{"60", 60000},  {"60s", 60000}, {"500ms", 500},
                                               {"1.5s", 1500}, {"2m", 120000}, {"1h", 3600000}};
  for (const auto& [text, milliseconds] : cases) {
    into(duration)(text);
    CHECK(duration->count() == milliseconds);
  }
  for (const char* const text : {"", "s", "-1s", "1d", "1 s", "inf", "nan", "1e9h", "9999999h"}) {
    INFO(text);
    CHECK_THROWS_AS(into(duration)(text), std::invalid_argument);
  }
}

TEST_CASE("help fits 100 columns, except where one word or example is longer") {
  GlobalOptions options;
  const auto root = make_grammar(options);
  for_each_command(*root, [](const Command& command) {
    const std::string help = command.help();
    const std::string text = help.substr(0, help.find("\nExamples:\n"));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      INFO(text.substr(at, end - at));
      CHECK(end - at <= 100);
      at = end + 1;
    }
  });
}

TEST_CASE("the manual page names every command and every option") {
  GlobalOptions options;
  const auto root = make_grammar(options);
  const std::string page = man_page(*root);
  const auto escaped = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2)
      text.insert(at, "\\");
    return text;
  };
  for_each_command(*root, [&](const Command& command) {
    INFO(command.path());
    if (command.action()) CHECK(page.find(".SS " + escaped(command.path())) != std::string::npos);
    for (const auto& argument : command.arguments())
      CHECK(page.find(escaped(argument->long_flag())) != std::string::npos);
  });
}

TEST_CASE("completion offers commands, options, words and names where they can stand") {
  GlobalOptions options;
  const auto root = make_grammar(options);
  std::string asked_server;
  const FetchNames fetch = [&](Completion what, const std::string& server) {
    asked_server = server;
    if (what == Completion::kTunnel) return std::vector<std::string>{"T1", "T22"};
    if (what == Completion::kPool) return std::vector<std::string>{"link"};
    return std::vector<std::string>{"no-route", "no-snapshot"};
  };
  const auto offered = [&](const std::string& line) {
    std::vector<std::string> words = shell_words(line);
    if (line.ends_with(' ')) words.emplace_back();
    words.erase(words.begin());
    std::string list;
    const Completions completions = complete(*root, words, fetch);
    for (const Candidate& candidate : completions.candidates)
      list += (list.empty() ? "" : " ") + candidate.word;
    if (completions.files) list += list.empty() ? ":files" : " :files";
    return list;
  };
  CHECK(offered("simplonctl tun") == "tunnel");
  CHECK(offered("simplonctl tunnel ") ==
        "list show create update enable disable delete rotate-password end-rotation "
        "set-update-key client-config state states take-down set-endpoint clear-epoch errors "
        "error-packet reset-errors");
  CHECK(offered("simplonctl -o json tunnel d") == "disable delete");
  CHECK(offered("simplonctl tunnel list -o ") == "table json yaml csv");
  CHECK(offered("simplonctl tunnel show ") == "T1 T22");
  CHECK(offered("simplonctl tunnel show T2") == "T22");
  CHECK(offered("simplonctl tunnel show T1 ").empty());
  CHECK(offered("simplonctl tunnel delete T1 ") == "T1 T22");
  CHECK(offered("simplonctl tunnel update T1 --mtu-mode ") == "dynamic static");
  CHECK(offered("simplonctl tunnel create --mtu-") == "--mtu-mode");
  CHECK(offered("simplonctl tunnel show --serv") == "--server");
  CHECK(offered("simplonctl -s unix:/x pool show ") == "link");
  CHECK(asked_server == "unix:/x");
  CHECK(offered("simplonctl drops ") == "explain no-route no-snapshot");
  CHECK(offered("simplonctl drops explain no-s") == "no-snapshot");
  CHECK(offered("simplonctl config apply ") == ":files");
  CHECK(offered("simplonctl config apply --confirm-within ").empty());
  CHECK(offered("simplonctl counters --watch T") == "T1 T22");
  CHECK(offered("simplonctl completion ") == "bash zsh fish");
  CHECK(offered("simplonctl nonsense x ").empty());
}

}  // namespace simplon::cli
