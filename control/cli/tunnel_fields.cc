// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/tunnel_fields.h"

#include <google/protobuf/descriptor.h>

#include "control/cli/text.h"

namespace simplon::cli {
namespace {

using v1::Tunnel;

// The last of the fields a tunnel of any type has; those behind it belong to some types.
constexpr int kLastCommonField = Tunnel::kNameFieldNumber;

bool is_set(const Tunnel& tunnel, const google::protobuf::FieldDescriptor& field) {
  const auto& reflection = *tunnel.GetReflection();
  return field.is_repeated() ? reflection.FieldSize(tunnel, &field) > 0
                             : reflection.HasField(tunnel, &field);
}

Value choice(const google::protobuf::EnumDescriptor* type) {
  Value value{"", enum_words(type)};
  for (const std::string& word : value.words)
    value.placeholder += (value.placeholder.empty() ? "" : "|") + word;
  return value;
}

}  // namespace

void add_tunnel_fields(Command& verb, TunnelFields& fields, bool update) {
  Argument& remote =
      verb.option("--remote", {"A.B.C.D"}, "the client's outer IPv4 address", into(fields.remote));
  remote.required = !update;
  if (!update)
    verb.option("--slot", {"N"},
                "index of the tunnel in the link prefix, 0 to 1048575, or 0x2ae; left out: the "
                "lowest free one",
                into(fields.slot));
  verb.option("--local", {"A.B.C.D"}, "our outer address; empty: the PoP's first one",
              into(fields.local));
  verb.option("--admin-state", choice(Tunnel::AdminState_descriptor()),
              "a disabled tunnel is answered 'administratively prohibited'",
              into(fields.admin_state));
  verb.option("--mtu", {"BYTES"}, "inner MTU, 1280 to 1480; 0: the largest the link can carry",
              into(fields.mtu));
  verb.option("--mtu-mode", choice(Tunnel::MtuMode_descriptor()),
              "dynamic: DF is set outside; static: never", into(fields.mtu_mode));
  verb.option("--ttl", {"N"}, "outer TTL, 1 to 255; 0: 64", into(fields.ttl));
  verb.option("--ecn", choice(Tunnel::EcnMode_descriptor()),
              "RFC 6040 mode; normal for Linux sit and other clients that pass marks on",
              into(fields.ecn_mode));
  verb.option("--dscp-mode", choice(Tunnel::DscpMode_descriptor()),
              "pipe: outer DSCP is --dscp; uniform: copied from inside", into(fields.dscp_mode));
  verb.option("--dscp", {"N"}, "outer DSCP, 0 to 63", into(fields.dscp));
  verb.option("--delegated-prefix", {"PREFIX"},
              update ? "prefix routed to the client, instead of all it has"
                     : "prefix of a DELEGATED pool routed to the client",
              into(fields.delegated_prefixes))
      .repeatable = true;
  if (update)
    verb.flag("--no-delegated-prefixes", "take all delegated prefixes away",
              fields.no_delegated_prefixes);
  verb.option("--description", {"TEXT"}, "free text, at most 256 bytes", into(fields.description));
}

void apply_tunnel_fields(const TunnelFields& fields, Tunnel& tunnel,
                         google::protobuf::FieldMask& mask) {
  const auto given = [&mask](const char* path) { mask.add_paths(path); };
  if (fields.slot) tunnel.set_slot(*fields.slot), given("slot");
  if (fields.remote) tunnel.set_remote(*fields.remote), given("remote");
  if (fields.local) tunnel.set_local(*fields.local), given("local");
  if (fields.admin_state)
    tunnel.set_admin_state(enum_value<Tunnel::AdminState>(*fields.admin_state)),
        given("admin_state");
  if (fields.mtu) tunnel.set_mtu(*fields.mtu), given("mtu");
  if (fields.mtu_mode)
    tunnel.set_mtu_mode(enum_value<Tunnel::MtuMode>(*fields.mtu_mode)), given("mtu_mode");
  if (fields.ttl) tunnel.set_ttl(*fields.ttl), given("ttl");
  if (fields.ecn_mode)
    tunnel.set_ecn_mode(enum_value<Tunnel::EcnMode>(*fields.ecn_mode)), given("ecn_mode");
  if (fields.dscp_mode)
    tunnel.set_dscp_mode(enum_value<Tunnel::DscpMode>(*fields.dscp_mode)), given("dscp_mode");
  if (fields.dscp) tunnel.set_dscp(*fields.dscp), given("dscp");
  if (!fields.delegated_prefixes.empty() || fields.no_delegated_prefixes) {
    for (const std::string& prefix : fields.delegated_prefixes)
      tunnel.add_delegated_prefixes(prefix);
    given("delegated_prefixes");
  }
  if (fields.description) tunnel.set_description(*fields.description), given("description");
}

void add_tunnel(FieldList& list, const Tunnel& tunnel) {
  add_fields(list, tunnel, "", [&tunnel](const google::protobuf::FieldDescriptor& field) {
    switch (field.number()) {
      case Tunnel::kPasswordFieldNumber:
      case Tunnel::kPreviousPasswordFieldNumber:
        return false;
      default:
        return field.number() <= kLastCommonField || is_set(tunnel, field);
    }
  });
}

}  // namespace simplon::cli
