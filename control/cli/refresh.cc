// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/refresh.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "control/cli/render_table.h"

namespace simplon::cli {
namespace {

constexpr std::chrono::milliseconds kShortest{100};

// Written by the signal handler.
volatile std::sig_atomic_t g_interrupted =
    0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

// The frame over the previous one: each line cut at the right edge, all at the lower one, so that
// the terminal never scrolls.
void draw(std::ostream& out, const std::string& frame) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) size = {24, 80, 0, 0};
  std::istringstream lines(frame);
  std::string line;
  std::string text = "\x1b[H";
  for (int row = 1; std::getline(lines, line); ++row) {
    if (row == size.ws_row - 1) {
      line = "... (the terminal is not high enough)";
      lines.setstate(std::ios::eofbit);
    }
    text += printable(line, size.ws_col) + "\x1b[K\n";
  }
  out << text << "\x1b[J";
}

}  // namespace

void add_watch_option(Command& verb, Interval& interval) {
  Argument& option = verb.option("-w,--watch", {"SECONDS"},
                                 "show it again and again, every 2 seconds where none are given",
                                 [&interval](const std::string& text) {
                                   into(interval)(text);
                                   if (*interval < kShortest)
                                     throw std::invalid_argument("at least 0.1 seconds");
                                 });
  option.implied = "2";
}

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return g_interrupted != 0;
}

bool sleep_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!interrupted()) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return true;
    // A signal between the test and the sleep is noticed after this piece.
    const auto piece = std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(100));
    const timespec span{0, static_cast<long>(piece.count())};
    nanosleep(&span, nullptr);
  }
  return false;
}

ExitCode refresh(Session& session, const Interval& interval,
                 const std::function<std::string()>& frame) {
  if (!interval) {
    session.out() << frame();
    return ExitCode::kOk;
  }
  catch_interrupt();
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  if (terminal) session.out() << "\x1b[2J";
  for (bool first = true; !interrupted(); first = false) {
    std::string text;
    try {
      text = frame();
    } catch (const Failure& failure) {
      if (interrupted()) break;
      // Control may be restarting: somebody who looks wants to see it come back.
      if (!terminal || failure.code != ExitCode::kUnavailable) throw;
      text = "simplonctl: " + failure.lines.front() + "\n";
    }
    if (terminal)
      draw(session.out(), text);
    else
      session.out() << (first ? "" : "\n") << text;
    session.out().flush();
    if (!session.out() || !sleep_for(*interval)) break;
  }
  return ExitCode::kOk;
}

}  // namespace simplon::cli
