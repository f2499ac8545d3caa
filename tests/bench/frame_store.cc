// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/frame_store.h"

namespace simplon::bench {

std::unique_ptr<FrameStore> make_frames(const Plan& plan, std::size_t inner_length) {
  auto frames = std::make_unique<FrameStore>(2 * kPackets);
  Traffic traffic(plan, inner_length);
  for (const Direction direction : {Direction::kEncap, Direction::kDecap}) {
    traffic.draw(direction);
    for (std::size_t i = 0; i < kPackets; ++i) {
      frames->set(2 * i + (direction == Direction::kDecap ? 1 : 0), traffic.frame(i),
                  traffic.frame_length(direction));
    }
  }
  return frames;
}

}  // namespace simplon::bench
