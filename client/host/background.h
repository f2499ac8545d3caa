// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <optional>
#include <string>

#include "control/table/unique_fd.h"

namespace simplon::client {

// Going into the background, with the one who started it told how it went.
class Background {
 public:
  // Forks; to be called before the first thread. In the child: nothing, and tell() is to be called
  // once. In the parent: the exit code, after the child's word has been printed.
  std::optional<int> begin();

  // Ends the parent with this word and lets go of the terminal. Without begin() nothing happens.
  void tell(const std::string& message, int exit_code);

 private:
  control::UniqueFd pipe_;
};

}  // namespace simplon::client
