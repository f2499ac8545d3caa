// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What an outside hand does to the endpoint of a dynamic tunnel (docs/protocols.md §10.3), for
// whoever offers it: the API, endpoint updates over HTTP, the console. The dataplane is asked to do
// it; nothing of it is configuration, and no revision comes of it.

#pragma once

#include <absl/status/status.h>

#include <cstdint>

#include "control/service_context.h"
#include "proto/link/link_messages.h"
#include "simplon/v1/state_service.pb.h"

namespace simplon::control {

// Return when the dataplane has done it. NOT_FOUND: no such tunnel; FAILED_PRECONDITION: it is
// static, or the dataplane refuses; UNAVAILABLE: there is no dataplane, or it did not answer in
// time. Thread: any that may wait.

// kClearEpoch or kTakeDown.
absl::Status command_tunnel(const ServiceContext& context, uint32_t id, TunnelCommandKind kind);

// As if a beat or AYIYA packet had come from there. Transport and local address may be left out:
// what suits the tunnel's type and the port; the PoP's first address of the family.
// INVALID_ARGUMENT names the field ("endpoint.port").
absl::Status set_endpoint(const ServiceContext& context, uint32_t id, const v1::Endpoint& endpoint);

}  // namespace simplon::control
