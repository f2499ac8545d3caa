// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From what the model holds to what clients see, and back. Thread: any.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/model/model.h"
#include "simplon/v1/common.pb.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// Resource names: `tunnels/T123`, `pools/link`, `accounts/ann`, `pop`.
std::string tunnel_name(uint32_t id);
std::string pool_name(std::string_view name);
std::string account_name(std::string_view name);
inline constexpr std::string_view kPopName = "pop";

// `tunnels/T123`, `T123` or `123`; nullopt: not a tunnel's name.
std::optional<uint32_t> parse_tunnel_name(std::string_view name);
// `pools/link` or `link`: the part behind the slash.
std::string_view parse_pool_name(std::string_view name);
// `accounts/ann` or `ann`.
std::string_view parse_account_name(std::string_view name);

// With output-only fields, and without secrets.
v1::Tunnel render(const PoolPlan& plan, const v1::Tunnel& tunnel);
v1::Tunnel render(const Model& model, const v1::Tunnel& tunnel);
// The same, serialised; `bytes` is empty before.
void render_to(const PoolPlan& plan, const v1::Tunnel& tunnel, std::string& bytes);
v1::Pool render(const v1::Pool& pool);
v1::Pop render(const v1::Pop& pop);
v1::Account render(const Model& model, const v1::Account& account);
// With etags and names; the link and routed prefixes by the model as it is now.
v1::Change render(const Model& model, v1::Change change);
// The same of a change of a tunnel.
v1::Change render_tunnels(const PoolPlan& plan, const v1::Change& change);

// Without output-only fields, as the model holds a resource: its secrets stay.
void strip_output(v1::Tunnel& tunnel);
void strip_output(v1::Pool& pool);
void strip_output(v1::Pop& pop);
void strip_output(v1::Account& account);
void strip_output(v1::Config& config);

// Of a resource without output-only fields: equal contents, equal etag. Of a tunnel or account
// with secrets also equal secrets, though nothing about them can be told from it.
std::string etag(const google::protobuf::MessageLite& resource);

}  // namespace simplon::control
