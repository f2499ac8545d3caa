// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simplon/v1/pop_service.pb.h"

// The judgement of `simplonctl check`: a plugin of Nagios, Icinga and the like. Thresholds are
// those of the original's check_sixxsd.
namespace simplon::cli {

// Nagios's exit codes.
enum class Health : uint8_t { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };

struct CheckLimits {
  // With fewer tunnels configured, how many are online or active says nothing: kOk.
  double small_pop = 50;
  // At least. Below 1: share of the configured tunnels that is online, and of the online ones that
  // is active. From 1 on: tunnels.
  double online = 0.10;
  double active = 0.50;
  double configured = 5;  // tunnels

  // What our PoP knows besides.
  Health no_dataplane = Health::kCritical;
  Health publish_failed = Health::kCritical;  // refused by the dataplane, or stalled
  Health port_down = Health::kWarning;        // some; all of them are kCritical unless this is kOk
  Health not_in_service = Health::kWarning;
};

struct CheckResult {
  Health health = Health::kOk;
  std::string summary;               // "812 of 1000 online, 455 active"
  std::string performance;           // "online=812;100:;;0;1000 active=455;..."
  std::vector<std::string> details;  // for -v, one line each
};

CheckResult judge(const v1::PopStatus& status, const CheckLimits& limits);

// "SIMPLON OK - 812 of 1000 online, 455 active | online=812;...", one line, and the details on
// further ones if wanted.
std::string check_text(const CheckResult& result, bool verbose);

}  // namespace simplon::cli
