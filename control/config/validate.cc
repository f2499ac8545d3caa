// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/validate.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "control/config/names.h"
#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"

namespace simplon::control {
namespace {

constexpr std::size_t kMaxDescription = 256;

std::string tunnel_name(uint32_t id) {
  return "T" + std::to_string(id);
}

// One tunnel, field by field. Every check adds its own violation and lets the next one run.
class TunnelCompiler {
 public:
  TunnelCompiler(const v1::Tunnel& in, const ConfigContext& context, Violations& violations,
                 uint32_t replaced)
      : in_(in), context_(context), violations_(violations), replaced_(replaced) {}

  CompiledTunnel compile() {
    id();
    slot();
    type();
    const auto remote_address = remote();
    local();
    mtu(remote_address);
    outer_header();
    flags();
    for (int i = 0; i < in_.delegated_prefixes_size(); ++i) delegated_prefix(i);
    if (in_.delegated_prefixes_size() > kMaxDelegatedPrefixes) {
      add("delegated_prefixes", reason::kTooMany, "at most 16 prefixes");
    }
    if (in_.description().size() > kMaxDescription) {
      add("description", reason::kTooLong, "at most 256 bytes");
    } else if (!is_utf8(in_.description())) {
      add("description", reason::kBadText, "not UTF-8");
    }
    out_.line.cold_index = kNoSlot;
    return std::move(out_);
  }

 private:
  void add(std::string_view field, std::string_view why, std::string description) {
    violations_.add(field, why, std::move(description));
  }

  bool is_others(uint32_t owner) const { return owner != 0 && owner != replaced_; }

  void id() {
    out_.line.tunnel_id = in_.id();
    if (in_.id() == 0) {
      add("id", reason::kRequired, "a tunnel needs an id, 1..4294967295");
    } else if (in_.id() != replaced_ && context_.slot_of(in_.id())) {
      add("id", reason::kDuplicateId, tunnel_name(in_.id()) + " exists already");
    }
  }

  void slot() {
    if (!in_.has_slot()) {
      add("slot", reason::kRequired, "a tunnel needs a slot");
      return;
    }
    const uint32_t slot = in_.slot();
    const std::string name = "slot " + std::to_string(slot);
    out_.slot = slot;
    if (slot >= kMaxSlots) {
      add("slot", reason::kSlotOutOfRange, name + " is beyond the last one, 1048575");
    } else if (const uint32_t owner = context_.owner_of_slot(slot); is_others(owner)) {
      add("slot", reason::kSlotTaken, name + " belongs to " + tunnel_name(owner));
    } else if (context_.complete() && !context_.is_covered(slot)) {
      add("slot", reason::kSlotNotCovered, "no LINK pool covers " + name);
    } else if (context_.is_reserved(slot)) {
      add("slot", reason::kSlotReserved,
          "a prefix of " + name + " holds the PoP's own IPv6 address, pop.ipv6_address");
    }
  }

  void type() {
    if (in_.type() == v1::Tunnel::TYPE_UNSPECIFIED) {
      add("type", reason::kRequired, "must be PROTO41");
    } else if (in_.type() != v1::Tunnel::PROTO41) {
      add("type", reason::kUnknownValue, "must be PROTO41");
    }
    out_.line.kind = static_cast<uint8_t>(TunnelKind::kProto41);
  }

  std::optional<Ipv4Address> remote() {
    if (in_.remote().empty()) {
      add("remote", reason::kRequired, "a PROTO41 tunnel needs the client's IPv4 address");
      return std::nullopt;
    }
    const auto remote = Ipv4Address::parse(in_.remote());
    if (!remote) {
      add("remote", reason::kBadAddress, "'" + in_.remote() + "' is not an IPv4 address");
      return std::nullopt;
    }
    if (const char* what = use_of_unusable(*remote)) {
      add("remote", reason::kAddressNotUsable, remote->to_string() + " is " + what);
      return std::nullopt;
    }
    if (context_.local_index(*remote)) {
      add("remote", reason::kAddressIsPop, remote->to_string() + " is the PoP's own address");
      return std::nullopt;
    }
    if (const InterfaceRecord* link = context_.on_link_interface(*remote);
        link != nullptr && is_broadcast_or_network(*remote, link->ipv4_length)) {
      add("remote", reason::kAddressNotUsable,
          remote->to_string() + " is the network or broadcast address of an interface's prefix");
      return std::nullopt;
    }
    const auto mapped = Ipv6Address::from_ipv4(*remote);
    std::memcpy(out_.line.remote, mapped.bytes.data(), sizeof(out_.line.remote));
    return remote;
  }

  static const char* use_of_unusable(Ipv4Address a) {
    if (a.is_this_network()) return "in 0.0.0.0/8";
    if (a.is_loopback()) return "a loopback address";
    if (a.is_multicast()) return "a multicast address";
    if (a.is_reserved()) return "in the reserved range 240.0.0.0/4";
    return nullptr;
  }

  void local() {
    if (in_.local().empty()) {
      if (context_.complete() && context_.pop().local_address_count == 0) {
        add("local", reason::kRequired, "the PoP has no IPv4 address for tunnels to end on");
      }
      return;
    }
    const auto local = Ipv4Address::parse(in_.local());
    if (!local) {
      add("local", reason::kBadAddress, "'" + in_.local() + "' is not an IPv4 address");
    } else if (const auto index = context_.local_index(*local)) {
      out_.line.local_index = *index;
    } else if (context_.complete()) {
      add("local", reason::kAddressNotLocal,
          local->to_string() + " is neither an interface's address nor in pop.ipv4_addresses");
    }
  }

  // What the link carries less the outer header, but never below what IPv6 needs: then the outer
  // packets are fragmented.
  void mtu(std::optional<Ipv4Address> remote) {
    const bool known = remote && context_.complete();
    const uint32_t link = known ? context_.link_mtu(*remote) : kDefaultLinkMtu;
    const uint32_t largest = std::clamp(link - kProto41Overhead, kMinMtu, kMaxProto41Mtu);
    if (in_.mtu() != 0 && (in_.mtu() < kMinMtu || in_.mtu() > largest)) {
      std::string why = "must be 1280.." + std::to_string(largest) + ", or 0 for automatic";
      if (in_.mtu() <= kMaxProto41Mtu && in_.mtu() > largest) {
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

  void delegated_prefix(int index) {
    const std::string& text = in_.delegated_prefixes(index);
    const auto refuse = [&](std::string_view why, const std::string& description) {
      add("delegated_prefixes[" + std::to_string(index) + "]", why, description);
    };
    const auto prefix = Ipv6Prefix::parse(text);
    if (!prefix) {
      return refuse(reason::kBadPrefix, "'" + text + "' is not an IPv6 prefix, as 2001:db8::/56");
    }
    if (prefix->has_host_bits()) {
      return refuse(reason::kHostBits, text + " has bits set behind the length");
    }
    if (prefix->length < 48 || prefix->length > 64) {
      return refuse(reason::kOutOfRange, "the length must be 48..64");
    }
    const CompiledPool* pool = context_.delegated_pool(*prefix);
    if (pool == nullptr) {
      if (context_.complete()) refuse(reason::kNotInPool, "no DELEGATED pool holds " + text);
      return;
    }
    const PoolRecord& record = pool->record;
    const unsigned unit_length = 64u - record.shift;
    if (prefix->length > unit_length) {
      return refuse(reason::kNotAligned, text + " is smaller than a unit of pool '" + pool->name +
                                             "', /" + std::to_string(unit_length));
    }
    const auto unit = static_cast<uint32_t>((prefix->address.hi() & ~record.mask) >> record.shift);
    const UnitRange range{record.first + unit, 1u << (unit_length - prefix->length)};
    for (uint32_t u = range.first; u < range.first + range.count; ++u) {
      if (const uint32_t owner = context_.owner_of_unit(u); is_others(owner)) {
        return refuse(reason::kPrefixTaken,
                      text + " or a part of it belongs to " + tunnel_name(owner));
      }
      if (context_.is_reserved_unit(u)) {
        return refuse(reason::kPrefixReserved,
                      text + " holds the PoP's own IPv6 address, pop.ipv6_address");
      }
    }
    for (const UnitRange& other : out_.delegated) {
      if (range.first < other.first + other.count && other.first < range.first + range.count) {
        return refuse(reason::kDuplicate, text + " overlaps another prefix of the same tunnel");
      }
    }
    out_.delegated.push_back(range);
  }

  const v1::Tunnel& in_;
  const ConfigContext& context_;
  Violations& violations_;
  uint32_t replaced_;
  CompiledTunnel out_;
};

}  // namespace

std::optional<CompiledTunnel> compile_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                             Violations& violations, uint32_t replaced) {
  const std::size_t before = violations.size();
  const bool was_full = violations.full();
  CompiledTunnel compiled = TunnelCompiler(tunnel, context, violations, replaced).compile();
  if (was_full || violations.size() != before) return std::nullopt;
  return compiled;
}

CompiledTunnel compile_valid_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context) {
  // Being its own predecessor, the tunnel may be in the context or not.
  Violations ignored;
  return TunnelCompiler(tunnel, context, ignored, tunnel.id()).compile();
}

std::vector<FieldViolation> validate_tunnel(const v1::Tunnel& tunnel, const ConfigContext& context,
                                            uint32_t replaced) {
  Violations violations;
  compile_tunnel(tunnel, context, violations, replaced);
  return violations.take();
}

std::vector<FieldViolation> validate_settings(const v1::Pop& pop, const PoolList& pools) {
  Violations violations;
  const ConfigContext context(pop, pools, violations);
  return violations.take();
}

std::vector<FieldViolation> validate(const v1::Config& config) {
  Violations violations;
  compile_config(config, violations);
  return violations.take();
}

CompiledConfig compile_config(const v1::Config& config, Violations& violations) {
  CompiledConfig compiled{ConfigContext(config.pop(), config.pools(), violations), {}};
  compiled.tunnels.reserve(static_cast<std::size_t>(config.tunnels_size()));
  for (int i = 0; i < config.tunnels_size() && !violations.full(); ++i) {
    violations.set_scope("tunnels", i);
    auto tunnel = compile_tunnel(config.tunnels(i), compiled.context, violations);
    if (!tunnel) continue;
    compiled.context.add(*tunnel);
    compiled.tunnels.push_back(std::move(*tunnel));
  }
  return compiled;
}

}  // namespace simplon::control
