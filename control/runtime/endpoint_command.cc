// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/endpoint_command.h"

#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/error/error.h"
#include "control/model/render.h"

namespace simplon::control {
namespace {

constexpr std::chrono::milliseconds kTimeout{2000};

// What a command needs to know of the tunnel, which must be dynamic.
struct Target {
  v1::Tunnel::Type type;
  TunnelCommand command{};
  std::vector<Ipv6Address> locals;
};

absl::StatusOr<Target> find_target(const ServiceContext& context, uint32_t id) {
  return context.engine.read(
      [&](const Model& model, const Engine::Info&) -> absl::StatusOr<Target> {
        const v1::Tunnel* tunnel = model.find(id);
        if (tunnel == nullptr) return tunnel_not_found(tunnel_name(id));
        if (!is_dynamic_type(tunnel->type())) {
          return make_error(absl::StatusCode::kFailedPrecondition, "NOT_DYNAMIC",
                            fmt::format("{} is of type {}: its endpoint is configuration",
                                        tunnel_name(id), v1::Tunnel::Type_Name(tunnel->type())),
                            {{"resource", tunnel_name(id)}});
        }
        Target target;
        target.type = tunnel->type();
        target.command.slot = tunnel->slot();
        target.command.incarnation = context.runtime.note(tunnel->slot()).incarnation;
        const PopRecord& pop = model.context().pop();
        for (uint32_t i = 0; i < pop.local_address_count; ++i) {
          target.locals.push_back(Ipv6Address::from_bytes(pop.local_addresses[i]));
        }
        return target;
      });
}

absl::Status set_place(const v1::Endpoint& endpoint, Target& target) {
  const auto address = parse_outer_address(endpoint.address());
  if (!address) {
    return invalid_field("endpoint.address", "BAD_ADDRESS",
                         fmt::format("'{}' is not an IPv4 or IPv6 address", endpoint.address()));
  }
  v1::Transport transport = endpoint.transport();
  if (transport == v1::TRANSPORT_UNSPECIFIED) {
    transport = target.type == v1::Tunnel::AYIYA || endpoint.port() != 0 ? v1::TRANSPORT_AYIYA
                                                                         : v1::TRANSPORT_PROTO41;
  }
  const bool ayiya = transport == v1::TRANSPORT_AYIYA;
  const bool possible =
      ayiya ? target.type != v1::Tunnel::HEARTBEAT
            : transport == v1::TRANSPORT_PROTO41 && target.type != v1::Tunnel::AYIYA;
  if (!possible) {
    return invalid_field(
        "endpoint.transport", "BAD_TRANSPORT",
        fmt::format("a tunnel of type {} cannot have {}", v1::Tunnel::Type_Name(target.type),
                    v1::Transport_Name(transport)));
  }
  if (ayiya ? endpoint.port() == 0 || endpoint.port() > std::numeric_limits<uint16_t>::max()
            : endpoint.port() != 0) {
    return invalid_field("endpoint.port", "OUT_OF_RANGE",
                         ayiya ? "AYIYA needs one from 1 to 65535" : "protocol 41 has none");
  }
  const auto same_family = [&](const Ipv6Address& local) {
    return local.is_ipv4_mapped() == address->is_ipv4_mapped();
  };
  auto local = std::ranges::find_if(target.locals, same_family);
  if (!endpoint.local().empty()) {
    const auto wanted = parse_outer_address(endpoint.local());
    local = wanted && same_family(*wanted) ? std::ranges::find(target.locals, *wanted)
                                           : target.locals.end();
  }
  if (local == target.locals.end()) {
    return invalid_field("endpoint.local", "NOT_LOCAL",
                         "must be an address of the PoP of the endpoint's family");
  }
  TunnelCommand& command = target.command;
  command.transport = uint8_t(ayiya ? Transport::kAyiya : Transport::kProto41);
  command.port = uint16_t(endpoint.port());
  std::ranges::copy(address->bytes, command.address);
  std::ranges::copy(local->bytes, command.local_address);
  return absl::OkStatus();
}

absl::Status send(const ServiceContext& context, const TunnelCommand& command) {
  if (auto status = check_dataplane(context); !status.ok()) return status;
  return context.publisher.command(command, kTimeout);
}

}  // namespace

absl::Status command_tunnel(const ServiceContext& context, uint32_t id, TunnelCommandKind kind) {
  auto target = find_target(context, id);
  if (!target.ok()) return target.status();
  target->command.kind = uint32_t(kind);
  return send(context, target->command);
}

absl::Status set_endpoint(const ServiceContext& context, uint32_t id,
                          const v1::Endpoint& endpoint) {
  auto target = find_target(context, id);
  if (!target.ok()) return target.status();
  if (auto status = set_place(endpoint, *target); !status.ok()) return status;
  target->command.kind = uint32_t(TunnelCommandKind::kSetEndpoint);
  return send(context, target->command);
}

}  // namespace simplon::control
