// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A pipeline without AYIYA: what would be received is dropped by name, nothing is sent.

#include "dataplane/pipeline/batch.h"

namespace simplon {

void ayiya_receive(Batch& batch) {
  for (unsigned n = 0; n < batch.ayiya_count; ++n) {
    drop(batch.context, batch.table, batch.packets[batch.ayiya[n]], DropReason::kAyiyaNotAllowed);
  }
  batch.ayiya_count = 0;
}

void ayiya_encapsulate(Batch& batch, std::size_t index, const TunnelSlot&, const Endpoint&,
                       uint8_t) {
  drop(batch.context, batch.table, batch.packets[index], DropReason::kAyiyaNotAllowed);
}

void ayiya_sign(Batch&) {}

}  // namespace simplon
