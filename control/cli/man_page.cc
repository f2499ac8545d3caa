// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/man_page.h"

namespace simplon::cli {
namespace {

// Text as roff shows it unchanged: also at the start of a line.
std::string roff(const std::string& text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '\n':
        out += "\n.br\n";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void add_arguments(std::string& out, const Command& command) {
  for (const auto& argument : command.arguments()) {
    out += ".TP\n";
    if (!argument->positional()) {
      std::string flags = argument->flags;
      if (const std::size_t comma = flags.find(','); comma != std::string::npos)
        flags.replace(comma, 1, ", ");
      out += "\\fB" + roff(flags) + "\\fR";
      if (!argument->value.placeholder.empty()) out += " ";
    }
    const std::string value = "\\fI" + roff(argument->value.placeholder) + "\\fR";
    if (!argument->value.placeholder.empty())
      out += argument->implied.empty() ? value : "[" + value + "]";
    out += "\n" + roff(argument->help);
    if (argument->repeatable) out += "; may be given several times";
    out += ".\n";
    if (!argument->environment.empty())
      out += "Environment: \\fB" + argument->environment + "\\fR.\n";
  }
}

void add_examples(std::string& out, const Command& command) {
  for (const std::string& line : command.examples())
    out += ".PP\n.nf\n.RS\n" + roff(line) + "\n.RE\n.fi\n";
}

void add_command(std::string& out, const Command& command) {
  if (command.action()) {
    std::string usage = command.usage();
    usage.resize(std::min(usage.size(), usage.find('\n')));
    out += ".SS " + roff(usage) + "\n" + roff(command.summary()) + ".\n";
    if (!command.description().empty()) out += ".PP\n" + roff(command.description()) + "\n";
    add_arguments(out, command);
    add_examples(out, command);
  } else if (command.parent() != nullptr && !command.description().empty()) {
    out += ".SS " + roff(command.path()) + "\n" + roff(command.description()) + "\n";
  }
  for (const auto& child : command.children()) add_command(out, *child);
}

}  // namespace

std::string man_page(const Command& root) {
  std::string out =
      ".\\\" Made by 'simplonctl man' from the grammar of the program.\n"
      ".TH SIMPLONCTL 1 \"\" \"Simplon " SIMPLON_VERSION
      "\" \"Simplon\"\n"
      ".SH NAME\nsimplonctl \\- " +
      roff(root.summary()) +
      "\n.SH SYNOPSIS\n\\fBsimplonctl\\fR [\\fIoptions\\fR] \\fInoun\\fR \\fIverb\\fR "
      "[\\fIarguments\\fR]\n.SH DESCRIPTION\n"
      "\\fBsimplonctl\\fR is a client of the API of simplon\\-control.\n" +
      roff(root.description()) + "\n.SH OPTIONS\nThese may stand anywhere on the command line.\n";
  add_arguments(out, root);
  out += ".SH COMMANDS\n";
  for (const auto& child : root.children()) add_command(out, *child);
  out +=
      ".SH EXIT STATUS\n"
      ".TP\n0\ndone\n"
      ".TP\n1\nrefused or failed\n"
      ".TP\n2\nthe command line is wrong\n"
      ".TP\n3\nno such tunnel, pool, revision or reason\n"
      ".TP\n4\nconflict: exists already, changed in between, in use, waits for confirmation\n"
      ".TP\n5\nsimplon\\-control or its dataplane cannot be reached in time\n"
      ".SH FILES\n"
      ".TP\n\\fI/run/simplon/admin.sock\\fR\nwhere simplon\\-control listens\n"
      ".SH EXAMPLES\n";
  add_examples(out, root);
  return out;
}

}  // namespace simplon::cli
