// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "simplon/v1/config.pb.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

// The configuration under which the frames of Traffic are forwarded: one port "wan0", gateways
// 192.0.2.254 and 2001:db8:fffe::fe.
v1::Config make_config(const Plan& plan);

}  // namespace simplon::bench
