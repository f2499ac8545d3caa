// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <cstring>
#include <string>

#include "control/config/names.h"
#include "control/config/outer_address.h"
#include "control/config/validate.h"
#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon::control {
namespace {

std::string short_name(uint32_t id) {
  return "T" + std::to_string(id);
}

// Families the remote of a type may have.
constexpr bool takes_ipv4_remote(TunnelKind kind) {
  return kind == TunnelKind::kProto41 || kind == TunnelKind::kGre;
}
constexpr bool takes_ipv6_remote(TunnelKind kind) {
  return kind == TunnelKind::kIpv6Tunnel || kind == TunnelKind::kGre;
}

const char* use_of_unusable(Ipv4Address a) {
  if (a.is_this_network()) return "in 0.0.0.0/8";
  if (a.is_loopback()) return "a loopback address";
  if (a.is_multicast()) return "a multicast address";
  if (a.is_reserved()) return "in the reserved range 240.0.0.0/4";
  return nullptr;
}

const char* use_of_unusable(const Ipv6Address& a) {
  if (a.is_unspecified()) return "the unspecified address";
  if (a.is_loopback()) return "the loopback address";
  if (a.is_multicast()) return "a multicast address";
  if (a.is_link_local()) return "a link-local address";
  if (!is_usable_unicast(a)) return "in the reserved range ::/8";
  return nullptr;
}

// The subnet-router anycast address of the link's prefix (RFC 4291 2.6.1). Point-to-point links of
// /127 have none (RFC 6164).
bool is_subnet_router_anycast(const Ipv6Address& a, unsigned prefix_length) {
  if (prefix_length >= 127) return false;
  const unsigned low = prefix_length > 64 ? prefix_length - 64 : 0;
  return (a.hi() & ~prefix_mask64(prefix_length)) == 0 && (a.lo() & ~prefix_mask64(low)) == 0;
}

// One tunnel, field by field. Every check adds its own violation and lets the next one run. No text
// has a password in it.
class TunnelCompiler {
 public:
  TunnelCompiler(const v1::Tunnel& in, const ConfigContext& context, Violations& violations,
                 uint32_t replaced, MissingPasswords missing)
      : in_(in),
        kind_(kind_of(in.type())),
        context_(context),
        violations_(violations),
        replaced_(replaced),
        missing_(missing) {
    out_.line.kind = static_cast<uint8_t>(kind_);
    out_.line.cold_index = kNoSlot;
  }

  CompiledTunnel compile() {
    id();
    slot();
    type();
    flags();
    gre();
    encapsulation_limit();
    const auto remote_address = remote();
    local(remote_address);
    mtu(remote_address);
    outer_header();
    passwords();
    liveness();
    delegated_prefixes();
    ipv4_prefixes();
    subscriber();
    check_description(in_.description(), violations_);
    return std::move(out_);
  }

 private:
  void add(std::string_view field, std::string_view why, std::string description) {
    violations_.add(field, why, std::move(description));
  }

  bool is_others(uint32_t owner) const { return owner != 0 && owner != replaced_; }
  bool knows_type() const { return kind_ != TunnelKind::kUnused; }
  std::string type_name() const { return v1::Tunnel::Type_Name(in_.type()); }

  void id() {
    out_.line.tunnel_id = in_.id();
    if (in_.id() == 0) {
      add("id", reason::kRequired, "a tunnel needs an id, 1..4294967295");
    } else if (in_.id() != replaced_ && context_.slot_of(in_.id())) {
      add("id", reason::kDuplicateId, short_name(in_.id()) + " exists already");
    }
  }

  void slot() {
    if (!in_.has_slot()) {
      add("slot", reason::kRequired, "a tunnel needs a slot");
      return;
    }
    const uint32_t slot = in_.slot();
    const auto name = [&] { return "slot " + std::to_string(slot); };
    out_.slot = slot;
    if (slot >= kMaxSlots) {
      add("slot", reason::kSlotOutOfRange, name() + " is beyond the last one, 1048575");
    } else if (const uint32_t owner = context_.owner_of_slot(slot); is_others(owner)) {
      add("slot", reason::kSlotTaken, name() + " belongs to " + short_name(owner));
    } else if (context_.complete() && !context_.is_covered(slot)) {
      add("slot", reason::kSlotNotCovered, "no LINK pool covers " + name());
    } else if (context_.is_reserved(slot)) {
      add("slot", reason::kSlotReserved,
          "a prefix of " + name() + " holds the PoP's own IPv6 address, pop.ipv6_address");
    }
  }

  void type() {
    constexpr const char* kTypes =
        "must be PROTO41, HEARTBEAT, AYIYA, DYNAMIC_ENDPOINT, GRE or IPV6_TUNNEL";
    if (in_.type() == v1::Tunnel::TYPE_UNSPECIFIED) {
      add("type", reason::kRequired, kTypes);
    } else if (!knows_type()) {
      add("type", reason::kUnknownValue, kTypes);
    }
  }

  // ---- The outer header.

  std::optional<Ipv6Address> remote() {
    if (!knows_type()) return std::nullopt;
    if (is_dynamic(kind_)) {
      if (!in_.remote().empty()) {
        add("remote", reason::kNotForType,
            "must be empty: the endpoint of " + type_name() + " is learned from the client");
      }
      return std::nullopt;
    }
    const char* const family = !takes_ipv6_remote(kind_)   ? "IPv4"
                               : !takes_ipv4_remote(kind_) ? "IPv6"
                                                           : "IPv4 or IPv6";
    if (in_.remote().empty()) {
      add("remote", reason::kRequired,
          "a tunnel of type " + type_name() + " needs the client's " + family + " address");
      return std::nullopt;
    }
    const auto remote = parse_outer_address(in_.remote());
    if (!remote ||
        !(remote->is_ipv4_mapped() ? takes_ipv4_remote(kind_) : takes_ipv6_remote(kind_))) {
      add("remote", reason::kBadAddress, "'" + in_.remote() + "' is not an " + family + " address");
      return std::nullopt;
    }
    if (!is_possible_remote(*remote)) return std::nullopt;
    std::memcpy(out_.line.remote, remote->bytes.data(), sizeof(out_.line.remote));
    return remote;
  }

  bool is_possible_remote(const Ipv6Address& remote) {
    const bool ipv4 = remote.is_ipv4_mapped();
    const auto refuse = [&](std::string_view why, const std::string& what) {
      add("remote", why, to_outer_text(remote) + " is " + what);
      return false;
    };
    if (const char* what = ipv4 ? use_of_unusable(remote.ipv4()) : use_of_unusable(remote)) {
      return refuse(reason::kAddressNotUsable, what);
    }
    if (is_own_address(context_.pop(), remote)) {
      return refuse(reason::kAddressIsPop, "the PoP's own address");
    }
    if (const InterfaceRecord* link = context_.on_link_interface(remote); link != nullptr) {
      if (ipv4 && is_broadcast_or_network(remote.ipv4(), link->ipv4_length)) {
        return refuse(reason::kAddressNotUsable,
                      "the network or broadcast address of an interface's prefix");
      }
      if (!ipv4 && is_subnet_router_anycast(remote, link->ipv6_length)) {
        return refuse(reason::kAddressNotUsable,
                      "the subnet-router anycast address of an interface's prefix");
      }
    }
    const auto others = context_.refused_endpoints();
    if (std::binary_search(others.begin(), others.end(), remote)) {
      return refuse(reason::kAddressNotUsable, "another PoP's, in pop.other_pop_addresses");
    }
    // A tunnel inside a tunnel of the same PoP.
    if (const CompiledPool* pool = context_.pool_of(remote); pool != nullptr) {
      return refuse(reason::kAddressNotUsable,
                    "in pool '" + pool->name + "', behind a tunnel of this PoP");
    }
    return true;
  }

  void local(const std::optional<Ipv6Address>& remote) {
    if (!knows_type()) return;
    if (is_dynamic(kind_)) {
      if (!in_.local().empty()) {
        add("local", reason::kNotForType,
            "must be empty: a client of " + type_name() + " may use any address of the PoP");
      } else if (context_.complete() && context_.pop().local_address_count == 0) {
        add("local", reason::kRequired, "the PoP has no address for tunnels to end on");
      }
      return;
    }
    // Where the remote is missing or wrong the type may still tell.
    const bool ipv6 = remote ? !remote->is_ipv4_mapped() : !takes_ipv4_remote(kind_);
    const char* const family = ipv6 ? "IPv6" : "IPv4";
    if (in_.local().empty()) {
      const auto first = context_.first_local_index(ipv6);
      if (first) {
        out_.line.local_index = *first;
      } else if (context_.complete() &&
                 (remote || takes_ipv4_remote(kind_) != takes_ipv6_remote(kind_))) {
        add("local", reason::kRequired,
            std::string("the PoP has no ") + family + " address for tunnels to end on");
      }
      return;
    }
    const auto local = parse_outer_address(in_.local());
    if (!local ||
        (local->is_ipv4_mapped() ? !takes_ipv4_remote(kind_) : !takes_ipv6_remote(kind_))) {
      add("local", reason::kBadAddress, "'" + in_.local() + "' is not an " + family + " address");
    } else if (remote && local->is_ipv4_mapped() == ipv6) {
      add("local", reason::kBadAddress,
          "'" + in_.local() + "' is not an " + family + " address, as the remote is");
    } else if (const auto index = context_.local_index(*local)) {
      out_.line.local_index = *index;
    } else if (context_.complete()) {
      add("local", reason::kAddressNotLocal,
          to_outer_text(*local) + " is neither an interface's address nor in pop." +
              (local->is_ipv4_mapped() ? "ipv4_addresses" : "ipv6_addresses"));
    }
  }

  // What the link carries less the outer header, but never below what IPv6 needs: then the outer
  // packets are fragmented. The link of a dynamic tunnel is not known yet.
  void mtu(const std::optional<Ipv6Address>& remote) {
    if (!knows_type()) return;
    const bool ipv6 = remote ? !remote->is_ipv4_mapped() : !takes_ipv4_remote(kind_);
    const uint32_t overhead = outer_overhead(out_.line, ipv6);
    const bool known = remote && context_.complete();
    const uint32_t link = known ? context_.link_mtu(*remote) : kCommonLinkMtu;
    const uint32_t by_type = kCommonLinkMtu - overhead;
    const uint32_t largest = std::clamp(link - overhead, kMinTunnelMtu, by_type);
    if (in_.mtu() != 0 && (in_.mtu() < kMinTunnelMtu || in_.mtu() > largest)) {
      std::string why = "must be 1280.." + std::to_string(largest) + ", or 0 for automatic";
      if (in_.mtu() <= by_type && in_.mtu() > largest) {
        why += "; the link to the client carries " + std::to_string(link);
      }
      add("mtu", reason::kMtuOutOfRange, std::move(why));
    }
    out_.line.mtu = static_cast<uint16_t>(in_.mtu() == 0 ? largest : std::min(in_.mtu(), largest));
  }

  void outer_header() {
    if (in_.ttl() > 255) add("ttl", reason::kOutOfRange, "must be 1..255, or 0 for 64");
    if (in_.dscp() > 63) add("dscp", reason::kOutOfRange, "must be 0..63");
    out_.line.outer_ttl = static_cast<uint8_t>(in_.ttl() == 0 ? kDefaultTtl : in_.ttl());
    out_.line.outer_dscp = static_cast<uint8_t>(in_.dscp());
  }

  void flags() {
    if (!v1::Tunnel::AdminState_IsValid(in_.admin_state())) {
      add("admin_state", reason::kUnknownValue, "must be ENABLED or DISABLED");
    }
    if (!v1::Tunnel::MtuMode_IsValid(in_.mtu_mode())) {
      add("mtu_mode", reason::kUnknownValue, "must be DYNAMIC or STATIC");
    }
    if (!v1::Tunnel::EcnMode_IsValid(in_.ecn_mode())) {
      add("ecn_mode", reason::kUnknownValue, "must be COMPATIBILITY or NORMAL");
    }
    if (!v1::Tunnel::DscpMode_IsValid(in_.dscp_mode())) {
      add("dscp_mode", reason::kUnknownValue, "must be PIPE or UNIFORM");
    }
    uint8_t& flags = out_.line.flags;
    if (in_.admin_state() != v1::Tunnel::DISABLED) flags |= kTunnelEnabled;
    if (in_.mtu_mode() == v1::Tunnel::STATIC) flags |= kTunnelStaticMtu;
    if (in_.ecn_mode() == v1::Tunnel::NORMAL) flags |= kTunnelEcnNormal;
    if (in_.dscp_mode() == v1::Tunnel::UNIFORM) flags |= kTunnelDscpUniform;
  }

  void gre() {
    if (kind_ != TunnelKind::kGre) {
      if (!knows_type()) return;
      const auto refuse = [&](const char* field) {
        add(field, reason::kNotForType, "only for GRE, and the type is " + type_name());
      };
      if (in_.has_gre_key()) refuse("gre_key");
      if (in_.gre_checksum()) refuse("gre_checksum");
      if (in_.gre_sequence()) refuse("gre_sequence");
      return;
    }
    if (in_.has_gre_key()) {
      out_.line.flags |= kTunnelGreKey;
      out_.line.gre_key = in_.gre_key();
    }
    if (in_.gre_checksum()) out_.line.flags |= kTunnelGreChecksum;
    if (in_.gre_sequence()) out_.line.flags |= kTunnelGreSequence;
  }

  void encapsulation_limit() {
    if (in_.encapsulation_limit() == 0 || !knows_type()) return;
    if (kind_ != TunnelKind::kIpv6Tunnel) {
      add("encapsulation_limit", reason::kNotForType,
          "only for IPV6_TUNNEL, and the type is " + type_name());
    } else if (in_.encapsulation_limit() > 255) {
      add("encapsulation_limit", reason::kOutOfRange, "must be 1..255, or 0 for no option");
    } else {
      out_.line.encapsulation_limit = static_cast<uint8_t>(in_.encapsulation_limit());
    }
  }

  // ---- What makes a dynamic tunnel.

  void passwords() {
    const std::string& current = in_.password();
    const std::string& previous = in_.previous_password();
    if (!knows_type()) return;
    if (!is_dynamic(kind_)) {
      const auto refuse = [&](const char* field) {
        add(field, reason::kNotForType,
            "only for HEARTBEAT, AYIYA and DYNAMIC_ENDPOINT; nothing of a tunnel of type " +
                type_name() + " is signed");
      };
      if (!current.empty()) refuse("password");
      if (!previous.empty()) refuse("previous_password");
      return;
    }
    if (current.empty()) {
      if (missing_ == MissingPasswords::kRefuse) {
        add("password", reason::kRequired,
            "a tunnel of type " + type_name() +
                " needs a password of 16 to 132 characters: without one anybody could take it "
                "over");
        if (!previous.empty()) {
          add("previous_password", reason::kBadPassword, "only beside a password");
        }
      }
      return;
    }
    if (const char* fault = fault_of_password(current)) {
      add("password", reason::kBadPassword, fault);
      return;
    }
    if (!previous.empty()) {
      if (const char* fault = fault_of_password(previous)) {
        add("previous_password", reason::kBadPassword, fault);
        return;
      }
      if (previous == current) {
        add("previous_password", reason::kBadPassword, "must differ from the password");
        return;
      }
      out_.line.options |= kTunnelOptionRotation;
    }
    if (takes_beats(kind_)) out_.passwords = {current, previous};
    if (takes_ayiya(kind_)) {
      const Sha1Digest digest = sha1(current);
      std::memcpy(out_.line.secret_sha1, digest.data(), digest.size());
      if (!previous.empty()) out_.previous_sha1 = sha1(previous);
    }
  }

  void liveness() {
    if (!v1::Tunnel::ReplayMode_IsValid(in_.replay_mode())) {
      add("replay_mode", reason::kUnknownValue, "must be ENDPOINT or STRICT");
    }
    if (!knows_type()) return;
    const uint32_t timeout = in_.beat_timeout_seconds();
    if (!is_dynamic(kind_)) {
      const std::string why =
          "only for HEARTBEAT, AYIYA and DYNAMIC_ENDPOINT, and the type is " + type_name();
      if (timeout != 0) add("beat_timeout_seconds", reason::kNotForType, why);
      if (in_.replay_mode() == v1::Tunnel::STRICT) add("replay_mode", reason::kNotForType, why);
      return;
    }
    if (timeout != 0 && (timeout < kMinBeatTimeout || timeout > kMaxBeatTimeout)) {
      add("beat_timeout_seconds", reason::kOutOfRange, "must be 10..3600, or 0 for 180");
    }
    out_.line.beat_timeout_s = static_cast<uint16_t>(timeout == 0 ? kDefaultBeatTimeout : timeout);
    if (in_.replay_mode() == v1::Tunnel::STRICT) out_.line.options |= kTunnelOptionStrictReplay;
  }

  // ---- Prefixes.

  void delegated_prefixes() {
    for (int i = 0; i < in_.delegated_prefixes_size(); ++i) {
      const std::string& text = in_.delegated_prefixes(i);
      const PrefixField field{"delegated_prefixes", i, text};
      const auto prefix = Ipv6Prefix::parse(text);
      if (!prefix) {
        refuse(field, reason::kBadPrefix, "'" + text + "' is not an IPv6 prefix, as 2001:db8::/56");
      } else if (prefix->has_host_bits()) {
        refuse(field, reason::kHostBits, text + " has bits set behind the length");
      } else if (prefix->length < 48 || prefix->length > 64) {
        refuse(field, reason::kOutOfRange, "the length must be 48..64");
      } else if (prefix->address.bytes[0] == 0) {
        refuse(field, reason::kNotInPool, "no DELEGATED pool holds " + text);
      } else {
        units(field, prefix->address.hi(), prefix->length, 64);
      }
    }
    if (in_.delegated_prefixes_size() > kMaxDelegatedPrefixes) {
      add("delegated_prefixes", reason::kTooMany, "at most 16 prefixes");
    }
  }

  void ipv4_prefixes() {
    if (in_.ipv4_prefixes().empty()) return;
    if (knows_type() && !carries_ipv4(kind_)) {
      add("ipv4_prefixes", reason::kNotForType,
          "only for AYIYA, DYNAMIC_ENDPOINT, GRE and IPV6_TUNNEL; " + type_name() +
              " carries IPv6 alone");
      return;
    }
    for (int i = 0; i < in_.ipv4_prefixes_size(); ++i) {
      const std::string& text = in_.ipv4_prefixes(i);
      const PrefixField field{"ipv4_prefixes", i, text};
      const auto prefix = Ipv4Prefix::parse(text);
      if (!prefix) {
        refuse(field, reason::kBadPrefix,
               "'" + text + "' is not an IPv4 prefix, as 198.51.100.8/29");
      } else if (prefix->has_host_bits()) {
        refuse(field, reason::kHostBits, text + " has bits set behind the length");
      } else if (prefix->length < 8) {
        refuse(field, reason::kOutOfRange, "the length must be 8..32");
      } else {
        units(field, ipv4_pool_key(prefix->address.value()), prefix->length, 32);
      }
    }
    if (in_.ipv4_prefixes_size() > kMaxDelegatedPrefixes) {
      add("ipv4_prefixes", reason::kTooMany, "at most 16 prefixes");
    }
  }

  struct PrefixField {
    const char* name;
    int index;
    const std::string& text;
  };

  void refuse(const PrefixField& field, std::string_view why, std::string description) {
    add(std::string(field.name) + "[" + std::to_string(field.index) + "]", why,
        std::move(description));
  }

  // Takes the units of a prefix, if they are whole, and nobody's. `width`: bits of an address of
  // the family that pools look at.
  void units(const PrefixField& field, uint64_t base, unsigned length, unsigned width) {
    const uint64_t mask = prefix_mask64(length + 64 - width);
    const CompiledPool* pool = context_.delegated_pool(base, mask);
    if (pool == nullptr) {
      if (context_.complete()) {
        refuse(field, reason::kNotInPool, "no DELEGATED pool holds " + field.text);
      }
      return;
    }
    const PoolRecord& record = pool->record;
    const unsigned unit_length = width - record.shift;
    if (length > unit_length) {
      return refuse(field, reason::kNotAligned,
                    field.text + " is smaller than a unit of pool '" + pool->name + "', /" +
                        std::to_string(unit_length));
    }
    const auto unit = static_cast<uint32_t>((base & ~record.mask) >> record.shift);
    const UnitRange range{record.first + unit, 1u << (unit_length - length)};
    for (uint32_t u = range.first; u < range.first + range.count; ++u) {
      if (const uint32_t owner = context_.owner_of_unit(u); is_others(owner)) {
        return refuse(field, reason::kPrefixTaken,
                      field.text + " or a part of it belongs to " + short_name(owner));
      }
      if (context_.is_reserved_unit(u)) {
        return refuse(field, reason::kPrefixReserved,
                      field.text + " holds the PoP's own IPv6 address, pop.ipv6_address");
      }
    }
    for (const UnitRange& other : out_.delegated) {
      if (range.first < other.first + other.count && other.first < range.first + range.count) {
        return refuse(field, reason::kDuplicate,
                      field.text + " overlaps another prefix of the same tunnel");
      }
    }
    out_.delegated.push_back(range);
    out_.delegated_keys.push_back({base, base | ~mask});
  }

  void subscriber() {
    if (const char* fault =
            in_.update_key().empty() ? nullptr : fault_of_password(in_.update_key())) {
      add("update_key", reason::kBadSecret, fault);
    }
    if (!v1::Tunnel::TicType_IsValid(in_.tic_type())) {
      add("tic_type", reason::kUnknownValue, "must be TIC_AYIYA or TIC_HEARTBEAT");
    } else if (in_.tic_type() == v1::Tunnel::TIC_HEARTBEAT && knows_type() &&
               kind_ != TunnelKind::kDynamic) {
      add("tic_type", reason::kNotForType,
          "only for DYNAMIC_ENDPOINT, and the type is " + type_name());
    }
  }

  const v1::Tunnel& in_;
  const TunnelKind kind_;
  const ConfigContext& context_;
  Violations& violations_;
  uint32_t replaced_;
  MissingPasswords missing_;
  CompiledTunnel out_;
};

}  // namespace

TunnelKind kind_of(v1::Tunnel::Type type) {
  switch (type) {
    case v1::Tunnel::PROTO41:
      return TunnelKind::kProto41;
    case v1::Tunnel::HEARTBEAT:
      return TunnelKind::kHeartbeat;
    case v1::Tunnel::AYIYA:
      return TunnelKind::kAyiya;
    case v1::Tunnel::DYNAMIC_ENDPOINT:
      return TunnelKind::kDynamic;
    case v1::Tunnel::GRE:
      return TunnelKind::kGre;
    case v1::Tunnel::IPV6_TUNNEL:
      return TunnelKind::kIpv6Tunnel;
    default:
      return TunnelKind::kUnused;
  }
}

std::optional<CompiledTunnel> compile_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                             Violations& violations, uint32_t replaced,
                                             MissingPasswords missing) {
  const std::size_t before = violations.size();
  const bool was_full = violations.full();
  CompiledTunnel compiled =
      TunnelCompiler(tunnel, context, violations, replaced, missing).compile();
  if (was_full || violations.size() != before) return std::nullopt;
  return compiled;
}

CompiledTunnel compile_valid_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context) {
  // Being its own predecessor, the tunnel may be in the context or not.
  Violations ignored;
  return TunnelCompiler(tunnel, context, ignored, tunnel.id(), MissingPasswords::kRefuse).compile();
}

}  // namespace simplon::control
