// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <spdlog/spdlog.h>

#include "client/path/device.h"
#include "client/path/sit_path.h"
#include "client/path/tun_path.h"
#include "client/tunnel_path.h"

namespace simplon::client {
namespace {

// sit where the kernel has it, else tun.
class AutomaticPath final : public TunnelPath {
 public:
  AutomaticPath(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop)
      : sit_(tunnel, settings, pop), tun_(tunnel, settings, pop) {}

  absl::Status up() override {
    path_ = &sit_;
    absl::Status done = sit_.up();
    if (!absl::IsUnimplemented(done)) return done;
    spdlog::info("{}: this process moves the packets itself (tun)", std::string(done.message()));
    path_ = &tun_;
    return tun_.up();
  }
  absl::Status run() override { return path_->run(); }
  void stop() override {
    sit_.stop();
    tun_.stop();
  }
  void down() override { path_->down(); }
  std::string device() const override { return path_->device(); }
  std::string kind() const override { return path_->kind(); }
  int64_t last_beat() const override { return path_->last_beat(); }
  PathHealth health() const override { return path_->health(); }

 private:
  SitPath sit_;
  TunPath tun_;
  TunnelPath* path_ = &sit_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TunnelPath>> TunnelPath::choose(const TunnelInfo& tunnel,
                                                               const Settings& settings,
                                                               Ipv4Address pop) {
  absl::Status name = check_device_name(settings.interface);
  if (!name.ok()) return name;
  if (tunnel.type != TunnelType::kStatic && tunnel.password.empty()) {
    return absl::InvalidArgumentError("the tunnel " + tunnel.id +
                                      " has no password, which its type needs: ask the broker");
  }
  if (tunnel.type == TunnelType::kAyiya) {
    if (settings.path == DataPath::kKernelSit) {
      return absl::InvalidArgumentError(
          "the tunnel " + tunnel.id +
          " is AYIYA, which the kernel's sit does not speak: leave out the choice of sit");
    }
    return std::make_unique<TunPath>(tunnel, settings, pop);
  }
  // Somebody else's device, and somebody else who moves the packets.
  if (!settings.configure || settings.path == DataPath::kKernelSit) {
    return std::make_unique<SitPath>(tunnel, settings, pop);
  }
  if (settings.path == DataPath::kTun) return std::make_unique<TunPath>(tunnel, settings, pop);
  return std::make_unique<AutomaticPath>(tunnel, settings, pop);
}

}  // namespace simplon::client
