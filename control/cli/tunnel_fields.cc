// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/tunnel_fields.h"

#include <google/protobuf/descriptor.h>

#include <stdexcept>
#include <utility>

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

Value choice(std::vector<std::string> words) {
  Value value{"", std::move(words)};
  for (const std::string& word : value.words)
    value.placeholder += (value.placeholder.empty() ? "" : "|") + word;
  return value;
}

Value choice(const google::protobuf::EnumDescriptor* type) {
  return choice(enum_words(type));
}

// DYNAMIC_ENDPOINT is the word of the protocol, `dynamic` that of people.
constexpr char kDynamic[] = "dynamic";

Value type_choice() {
  std::vector<std::string> words = enum_words(Tunnel::Type_descriptor());
  const std::string long_word = words[Tunnel::DYNAMIC_ENDPOINT - 1];
  words[Tunnel::DYNAMIC_ENDPOINT - 1] = kDynamic;
  Value value = choice(std::move(words));
  value.words.push_back(long_word);
  return value;
}

Tunnel::Type type_value(const std::string& word) {
  return word == kDynamic ? Tunnel::DYNAMIC_ENDPOINT : enum_value<Tunnel::Type>(word);
}

// TIC_AYIYA is `ayiya` here.
constexpr std::string_view kTicPrefix = "tic-";

Value tic_choice() {
  std::vector<std::string> words = enum_words(Tunnel::TicType_descriptor());
  for (std::string& word : words) word.erase(0, kTicPrefix.size());
  return choice(std::move(words));
}

// An option that says true by itself.
void add_switch(Command& verb, const char* flags, const char* help, std::optional<bool>& target) {
  verb.option(flags, {"true|false", {"true", "false"}}, help, into(target)).implied = "true";
}

void add_type_fields(Command& verb, TunnelFields& fields, bool update) {
  add_secret_options(verb, fields.password, true);
  verb.option("--beat-timeout", {"DURATION"},
              "heartbeat, ayiya, dynamic: down after so long without a sign of life, 10s to 1h; 0: "
              "180s",
              [&fields](const std::string& text) {
                into(fields.beat_timeout)(text);
                if (fields.beat_timeout->count() % 1000 != 0)
                  throw std::invalid_argument("whole seconds");
              });
  verb.option("--replay-mode", choice(Tunnel::ReplayMode_descriptor()),
              "heartbeat, ayiya, dynamic: endpoint: a recorded beat or packet cannot move the "
              "endpoint; strict: besides, nothing more than 5s older than the newest is accepted",
              into(fields.replay_mode));
  verb.option("--ipv4-prefix", {"A.B.C.D/N"},
              update
                  ? "IPv4 prefix routed to the client, instead of all it has"
                  : "ayiya, dynamic, gre, ipv6-tunnel: prefix of a DELEGATED IPv4 pool routed to "
                    "the client",
              into(fields.ipv4_prefixes))
      .repeatable = true;
  if (update)
    verb.flag("--no-ipv4-prefixes", "take all IPv4 prefixes away", fields.no_ipv4_prefixes);
  verb.option("--gre-key", {"N"}, "gre: key of RFC 2890, or 0x2a; packets without it are refused",
              into(fields.gre_key));
  if (update) verb.flag("--no-gre-key", "gre: no key", fields.no_gre_key);
  add_switch(verb, "--gre-checksum", "gre: send checksums", fields.gre_checksum);
  add_switch(verb, "--gre-sequence", "gre: send sequence numbers", fields.gre_sequence);
  verb.option(
      "--encapsulation-limit", {"N"},
      "ipv6-tunnel: send the option of RFC 2473 4.1.1 with this value, 1 to 255; 0: without "
      "it",
      into(fields.encapsulation_limit));
  verb.option("--account", {"NAME", {}, Completion::kAccount},
              "account that owns the tunnel and is told about it over TIC; empty: none",
              into(fields.account));
  verb.option("--tic-type", tic_choice(), "dynamic: what TIC tells the client to use",
              into(fields.tic_type));
}

void apply_type_fields(const TunnelFields& fields, Tunnel& tunnel,
                       google::protobuf::FieldMask& mask) {
  const auto given = [&mask](const char* path) { mask.add_paths(path); };
  if (fields.beat_timeout)
    tunnel.set_beat_timeout_seconds(static_cast<uint32_t>(fields.beat_timeout->count() / 1000)),
        given("beat_timeout_seconds");
  if (fields.replay_mode)
    tunnel.set_replay_mode(enum_value<Tunnel::ReplayMode>(*fields.replay_mode)),
        given("replay_mode");
  if (!fields.ipv4_prefixes.empty() || fields.no_ipv4_prefixes) {
    for (const std::string& prefix : fields.ipv4_prefixes) tunnel.add_ipv4_prefixes(prefix);
    given("ipv4_prefixes");
  }
  if (fields.gre_key) tunnel.set_gre_key(*fields.gre_key);
  if (fields.gre_key || fields.no_gre_key) given("gre_key");
  if (fields.gre_checksum) tunnel.set_gre_checksum(*fields.gre_checksum), given("gre_checksum");
  if (fields.gre_sequence) tunnel.set_gre_sequence(*fields.gre_sequence), given("gre_sequence");
  if (fields.encapsulation_limit)
    tunnel.set_encapsulation_limit(*fields.encapsulation_limit), given("encapsulation_limit");
  if (fields.account) tunnel.set_account(*fields.account), given("account");
  if (fields.tic_type)
    tunnel.set_tic_type(enum_value<Tunnel::TicType>(std::string(kTicPrefix) + *fields.tic_type)),
        given("tic_type");
}

}  // namespace

std::string type_word(Tunnel::Type type) {
  if (type == Tunnel::DYNAMIC_ENDPOINT) return kDynamic;
  for (const std::string& word : enum_words(Tunnel::Type_descriptor()))
    if (enum_value<Tunnel::Type>(word) == type) return word;
  return "";
}

void add_tunnel_fields(Command& verb, TunnelFields& fields, bool update) {
  verb.option("--type", type_choice(),
              update ? "what carries the packets"
                     : "what carries the packets; left out: proto41. 'dynamic' takes heartbeats or "
                       "AYIYA",
              into(fields.type));
  verb.option("--remote", {"ADDRESS"},
              "the client's outer address: IPv4 for proto41, IPv6 for ipv6-tunnel, either for gre; "
              "the other types learn it",
              into(fields.remote));
  if (!update)
    verb.option("--slot", {"N"},
                "index of the tunnel in the link prefix, 0 to 1048575, or 0x2ae; left out: the "
                "lowest free one",
                into(fields.slot));
  verb.option("--local", {"ADDRESS"},
              "our outer address, of the family of the remote; empty: the PoP's first one",
              into(fields.local));
  verb.option("--admin-state", choice(Tunnel::AdminState_descriptor()),
              "a disabled tunnel is answered 'administratively prohibited'",
              into(fields.admin_state));
  verb.option("--mtu", {"BYTES"}, "inner MTU, 1280 up to what the type leaves of 1500; 0: that",
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
  add_type_fields(verb, fields, update);
}

void apply_tunnel_fields(const TunnelFields& fields, Tunnel& tunnel,
                         google::protobuf::FieldMask& mask) {
  const auto given = [&mask](const char* path) { mask.add_paths(path); };
  if (fields.type) tunnel.set_type(type_value(*fields.type)), given("type");
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
  apply_type_fields(fields, tunnel, mask);
}

void add_tunnel(FieldList& list, const Tunnel& tunnel) {
  add_fields(list, tunnel, "", [&tunnel](const google::protobuf::FieldDescriptor& field) {
    switch (field.number()) {
      case Tunnel::kPasswordFieldNumber:
      case Tunnel::kPreviousPasswordFieldNumber:
      case Tunnel::kUpdateKeyFieldNumber:
        return false;
      default:
        return field.number() <= kLastCommonField || is_set(tunnel, field);
    }
  });
}

}  // namespace simplon::cli
