// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

namespace simplon {

// Fetches a line to be written to, for this core alone: a line that another one has read (control
// does, collecting counters) is otherwise fetched now, and asked for once more by the write.
// Compilers make a plain prefetch of __builtin_prefetch(at, 1) for processors as old as the one our
// build is for; those that do not know the instruction do nothing.
[[gnu::always_inline]] inline void prefetch_for_write(const void* at) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

}  // namespace simplon
