// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/pipeline/packet.h"

namespace simplon::testing {

// What the pipeline has found out and decided, all but where the frame lies.
inline bool same_view(const Packet& a, const Packet& b) {
  return a.length == b.length && a.headroom == b.headroom && a.tailroom == b.tailroom &&
         a.network == b.network && a.inner == b.inner && a.inner_length == b.inner_length &&
         a.in_slot == b.in_slot && a.out_slot == b.out_slot && a.port == b.port &&
         a.interface == b.interface && a.verdict == b.verdict && a.reason == b.reason &&
         a.punt_class == b.punt_class && a.originated == b.originated &&
         a.encapsulation == b.encapsulation && a.outer_ipv6 == b.outer_ipv6 &&
         a.inner_ipv4 == b.inner_ipv4 && a.transport == b.transport && a.blame == b.blame &&
         a.detail == b.detail;
}

}  // namespace simplon::testing
