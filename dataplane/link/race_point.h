// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Places where a test may stop a thread, to force an interleaving that chance would take years to
// find. Nothing, unless built with -Drace_points=true.
//
//   publish.received     a snapshot was taken from the socket
//   publish.validated    it passed, and is not active yet
//   activate.before_store, activate.after_store
//   reclaim.before_unmap every reader let go of the old table
//   worker.before_ack    a worker is done with its table

#pragma once

#ifdef SIMPLON_RACE_POINTS
#include <atomic>

namespace simplon {

using RacePointHook = void (*)(const char* name);
inline std::atomic<RacePointHook> race_point_hook{nullptr};

inline void race_point(const char* name) {
  if (const RacePointHook hook = race_point_hook.load(std::memory_order_acquire)) hook(name);
}

}  // namespace simplon

#define SIMPLON_RACE_POINT(name) ::simplon::race_point(name)
#else
#define SIMPLON_RACE_POINT(name) static_cast<void>(0)
#endif
