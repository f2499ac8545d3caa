// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "dataplane/state/errno_text.h"

namespace simplon::client {

std::optional<int> Background::begin() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return 1;
  control::UniqueFd reader(ends[0]);
  control::UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    std::fprintf(stderr, "simplon-client: cannot go into the background: %s\n",
                 errno_text(errno).c_str());
    return 1;
  }
  if (child == 0) {
    setsid();
    pipe_ = std::move(writer);
    return {};
  }
  writer.reset();
  std::string word;
  char buffer[512];
  ssize_t size = 0;
  while ((size = read(reader.get(), buffer, sizeof buffer)) > 0 || (size < 0 && errno == EINTR)) {
    if (size > 0) word.append(buffer, static_cast<std::size_t>(size));
  }
  if (word.empty()) {
    std::fprintf(stderr, "simplon-client: the process in the background has died\n");
    return 1;
  }
  const int exit_code = word.front() - '0';
  std::fprintf(exit_code == 0 ? stdout : stderr, "simplon-client: %s\n", word.c_str() + 1);
  return exit_code;
}

void Background::tell(const std::string& message, int exit_code) {
  if (!pipe_) return;
  const std::string word = static_cast<char>('0' + exit_code) + message;
  [[maybe_unused]] const ssize_t written = write(pipe_.get(), word.data(), word.size());
  pipe_.reset();
  [[maybe_unused]] const int moved = chdir("/");
  const control::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; null && fd <= 2; ++fd) dup2(null.get(), fd);
}

}  // namespace simplon::client
