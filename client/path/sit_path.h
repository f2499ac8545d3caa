// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A tunnel whose packets the kernel moves (sit), or nobody we know (`noconfigure`): what is left to
// do is to beat.

#pragma once

#include <string>

#include "client/path/path_loop.h"

namespace simplon::client {

class SitPath final : public PathLoop {
 public:
  SitPath(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop)
      : PathLoop(tunnel, settings, pop, false) {}

  // UNIMPLEMENTED: the kernel has no sit.
  absl::Status up() override;
  void down() override;
  std::string kind() const override { return settings_.configure ? "sit" : "none"; }

 private:
  bool made_ = false;
};

}  // namespace simplon::client
