// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/tunnel_path.h"

namespace simplon::client {

absl::StatusOr<std::unique_ptr<TunnelPath>> TunnelPath::choose(const TunnelInfo&, const Settings&,
                                                               Ipv4Address) {
  return absl::UnimplementedError("this build has no data path");
}

}  // namespace simplon::client
