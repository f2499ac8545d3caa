// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The one table with passwords in clear text. It keeps what was valid at every revision that a
// rollback can reach, and nothing longer. Thread: the store's writer.

#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>

#include "control/store/credential.h"
#include "control/store/sqlite.h"

namespace simplon::control {

class CredentialTable {
 public:
  absl::Status prepare(Database& database);

  // From `revision` on the tunnel has `credential`; empty: none any more.
  absl::Status put(uint64_t revision, uint32_t tunnel_id, const Credential& credential);

  // Deletes what ceased to be valid at `oldest` or before. True: there was something.
  absl::StatusOr<bool> forget(uint64_t oldest);

 private:
  std::optional<Statement> end_, erase_, insert_, forget_;
};

}  // namespace simplon::control
