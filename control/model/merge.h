// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Partial updates by field mask (AIP-134). Thread: any.

#pragma once

#include <absl/status/status.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <span>
#include <string_view>

#include "control/model/model.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// Copies fields of `source` to `destination` (same type). `mask` null or empty: those that are set;
// "*": all. Paths are field names, with dots into messages; a path of a field that is not set
// clears it; lists are replaced. Fields named in `ignored` (output only, identity) are never
// copied, and a path may name them without effect. INVALID_ARGUMENT for an unknown path, with
// `prefix` in front of the mask's.
absl::Status merge_fields(const google::protobuf::Message& source,
                          const google::protobuf::FieldMask* mask,
                          std::span<const std::string_view> ignored,
                          google::protobuf::Message& destination, std::string_view prefix = {});

// The same for tunnels: identity and output-only fields are never copied. A password that is not
// given stays as it is, unless the mask names its field; a tunnel that becomes static loses it.
absl::Status merge_tunnel(const v1::Tunnel& source, const google::protobuf::FieldMask* mask,
                          v1::Tunnel& destination, std::string_view prefix = {});

// The same for accounts. A secret and its MD5 are one field under two names: giving or naming
// either replaces or clears it.
absl::Status merge_account(const v1::Account& source, const google::protobuf::FieldMask* mask,
                           v1::Account& destination);

// The same for a whole configuration that replaces the one of `model`: tunnels that are there
// already keep the passwords and update keys, accounts the secrets that `config` does not give.
void keep_secrets(const Model& model, v1::Config& config);

}  // namespace simplon::control
