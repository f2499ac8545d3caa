// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <memory>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

// Canonical form: addresses and prefixes as RFC 5952 spells them, prefixes and addresses sorted,
// enumerations that were left out set to what that means, and nothing in the fields only the server
// sets (etag, name, link_prefix, has_password...) or this release does not know. Numbers left out
// stay 0, which means "automatic" and is not the same as today's default. What does not parse stays
// as it is.
void normalize(v1::Pop& pop);
void normalize(v1::Pool& pool);
void normalize(v1::Tunnel& tunnel);
// The same. Where that has changed the spelling of a text or an order, so that faults would look
// different, returns the tunnel as it was; else null.
std::unique_ptr<v1::Tunnel> normalize_and_keep(v1::Tunnel& tunnel);
// A secret in clear text becomes its MD5, if it is a good one.
void normalize(v1::Account& account);

// Only what was left out, set to what it means: for what an older release stored.
void fill_in(v1::Pop& pop);
void fill_in(v1::Tunnel& tunnel);

// What unit_length means when it is left out; 0: it must be given.
uint32_t default_unit_length(const v1::Pool& pool);

// Also sorts pools by prefix, accounts by name and tunnels by id. An empty PoP stays empty.
void normalize(v1::Config& config);

}  // namespace simplon::control
