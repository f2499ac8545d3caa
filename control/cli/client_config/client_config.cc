// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/client_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "control/cli/client_config/platform.h"
#include "control/cli/client_config/template.h"
#include "control/cli/failure.h"
#include "control/cli/tunnel_fields.h"
#include "control/config/compile.h"
#include "control/config/outer_address.h"
#include "dataplane/net/address.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon::cli {
namespace {

using control::parse_outer_address;

constexpr uint32_t kMostBeatSeconds = 60;
constexpr uint32_t kLeastBeatSeconds = 5;
constexpr uint32_t kIpv6AndTcp = 60;  // bytes of headers

const std::vector<const Platform*>& platforms() {
  static const std::vector<const Platform*> all = {
      &linux_platform(), &networkd_platform(),      &openwrt_platform(), &mikrotik_platform(),
      &ios_platform(),   &junos_platform(),         &vyos_platform(),    &freebsd_platform(),
      &aiccu_platform(), &simplon_client_platform()};
  return all;
}

std::string join(const std::vector<std::string>& words, const std::string& last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : ", ";
    text += words[i];
  }
  return text;
}

// ---- Which recipe.

bool over_ipv6(const v1::Tunnel& tunnel) {
  const auto remote = parse_outer_address(tunnel.remote());
  return remote && !remote->is_ipv4_mapped();
}

// What may carry the tunnel, best first.
std::vector<Carry> carries_of(const v1::Tunnel& tunnel) {
  switch (tunnel.type()) {
    case v1::Tunnel::HEARTBEAT:
      return {Carry::kHeartbeat};
    case v1::Tunnel::AYIYA:
      return {Carry::kAyiya};
    case v1::Tunnel::DYNAMIC_ENDPOINT:
      if (tunnel.tic_type() == v1::Tunnel::TIC_HEARTBEAT) return {Carry::kHeartbeat, Carry::kAyiya};
      return {Carry::kAyiya, Carry::kHeartbeat};
    case v1::Tunnel::GRE:
      return {over_ipv6(tunnel) ? Carry::kGreOverIpv6 : Carry::kGre};
    case v1::Tunnel::IPV6_TUNNEL:
      return {Carry::kIpv6Tunnel};
    default:
      return {Carry::kProto41};
  }
}

const Recipe* recipe_of(const Platform& platform, const v1::Tunnel& tunnel) {
  for (const Carry carry : carries_of(tunnel))
    for (const Recipe& recipe : platform.recipes)
      if (recipe.carry == carry) return &recipe;
  return nullptr;
}

// Why it cannot be; empty: it can.
std::string obstacle(const Platform& platform, const v1::Tunnel& tunnel) {
  if (recipe_of(platform, tunnel) == nullptr) return std::string(platform.limits);
  if (tunnel.type() != v1::Tunnel::GRE) return "";
  if (tunnel.has_gre_key() && !platform.gre_key) return "it has no GRE keys";
  if (tunnel.gre_checksum() && !platform.gre_checksum) return "it has no GRE checksums";
  if (tunnel.gre_sequence() && !platform.gre_sequence) return "it has no GRE sequence numbers";
  return "";
}

std::vector<std::string> types_of(const Platform& platform) {
  std::vector<std::string> words;
  bool learns = false;
  const auto add = [&words](const char* word) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.emplace_back(word);
  };
  for (const Recipe& recipe : platform.recipes) {
    if (recipe.carry == Carry::kProto41) add("proto41");
    if (recipe.carry == Carry::kHeartbeat) add("heartbeat");
    if (recipe.carry == Carry::kAyiya) add("ayiya");
    learns |= recipe.carry == Carry::kHeartbeat || recipe.carry == Carry::kAyiya;
    if (recipe.carry == Carry::kGre || recipe.carry == Carry::kGreOverIpv6) add("gre");
    if (recipe.carry == Carry::kIpv6Tunnel) add("ipv6-tunnel");
  }
  if (learns) add("dynamic");
  return words;
}

[[noreturn]] void refuse(const Platform& platform, const v1::Tunnel& tunnel,
                         const std::string& why) {
  std::vector<std::string> able;
  for (const Platform* other : platforms())
    if (obstacle(*other, tunnel).empty()) able.emplace_back(other->name);
  const std::string name = "T" + std::to_string(tunnel.id());
  std::vector<std::string> lines = {name + " is of type " + type_word(tunnel.type()) + ", which " +
                                    std::string(platform.name) + " cannot do: " + why};
  if (!able.empty()) lines.push_back("what can do it: " + join(able, " and "));
  lines.push_back(std::string(platform.name) +
                  " can do tunnels of type: " + join(types_of(platform), " and "));
  throw Failure{ExitCode::kError, lines, false};
}

// ---- Text in the quotes of the systems.

std::string escape(std::string_view text, std::string_view specials, std::string_view before) {
  std::string out;
  for (const char c : text) {
    if (specials.find(c) != std::string_view::npos) out += before;
    out += c;
  }
  return out;
}

// Inside single quotes of a shell.
std::string shell_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out;
}

std::string url_text(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

// ---- Facts.

std::optional<Ipv6Address> pop_address(const v1::Tunnel& tunnel, const v1::Pop& pop) {
  if (const auto local = parse_outer_address(tunnel.local())) return local;
  const bool ipv6 = tunnel.type() == v1::Tunnel::IPV6_TUNNEL || over_ipv6(tunnel);
  control::Violations ignored;
  const PopRecord record = control::compile_pop(pop, ignored);
  for (uint32_t i = 0; i < record.local_address_count; ++i) {
    const Ipv6Address address = Ipv6Address::from_bytes(record.local_addresses[i]);
    if (address.is_ipv4_mapped() != ipv6) return address;
  }
  return std::nullopt;
}

uint32_t mtu_of(const v1::Tunnel& tunnel, const v1::Pop& pop) {
  TunnelSlot line{};
  line.kind = static_cast<uint8_t>(control::kind_of(tunnel.type()));
  if (tunnel.has_gre_key()) line.flags |= kTunnelGreKey;
  if (tunnel.gre_checksum()) line.flags |= kTunnelGreChecksum;
  if (tunnel.gre_sequence()) line.flags |= kTunnelGreSequence;
  line.encapsulation_limit = static_cast<uint8_t>(tunnel.encapsulation_limit());
  uint32_t link = kCommonLinkMtu;
  for (const v1::Interface& interface : pop.interfaces())
    if (interface.mtu() != 0) link = std::min(link, interface.mtu());
  const uint32_t fits = std::max(kMinTunnelMtu, link - outer_overhead(line, over_ipv6(tunnel)));
  return tunnel.mtu() == 0 ? fits : std::min(tunnel.mtu(), fits);
}

class FactsOf {
 public:
  FactsOf(const Platform& platform, Carry carry, const ClientConfigRequest& request)
      : platform_(platform), carry_(carry), request_(request), tunnel_(request.tunnel) {}

  Facts make() {
    set_names();
    set_outer();
    set_inner();
    set_ipv4();
    set_gre();
    set_secrets();
    set_tic();
    return std::move(facts_);
  }

 private:
  bool is(Carry carry) const { return carry_ == carry; }
  bool over_ipv6() const { return is(Carry::kGreOverIpv6) || is(Carry::kIpv6Tunnel); }
  void set(std::string name, std::string value) { facts_.set(std::move(name), std::move(value)); }

  void set_names() {
    t_ = "T" + std::to_string(tunnel_.id());
    set("T", t_);
    set("ID", std::to_string(tunnel_.id()));
    set("POPNAME", request_.pop.name());
  }

  void set_outer() {
    const auto address = pop_address(tunnel_, request_.pop);
    if (!address)
      throw failure(ExitCode::kError, "the PoP has no address that " + t_ + " could end on");
    pop_ = control::to_outer_text(*address);
    set("POP", pop_);
    set("TTL", std::to_string(tunnel_.ttl() == 0 ? control::kDefaultTtl : tunnel_.ttl()));
    if (over_ipv6()) set("OUTER6", "1");
    set("FAMILY", over_ipv6() ? "ip6" : "ip");
    host_ = request_.host.empty() ? pop_ : request_.host;
    if (request_.host.empty() && !address->is_ipv4_mapped()) host_ = "[" + pop_ + "]";
    updates_ = tunnel_.has_update_key() && (is(Carry::kProto41) || is(Carry::kGre));
    const bool follows = updates_ && platform_.local_optional;
    if (!tunnel_.remote().empty() && !follows) set("LOCAL", tunnel_.remote());
    set("LOCAL_BSD", tunnel_.remote().empty()
                         ? "$(ifconfig em0 inet | awk '/inet /{print $2; exit}')"
                         : tunnel_.remote());
    const uint32_t timeout = tunnel_.beat_timeout_seconds() == 0 ? control::kDefaultBeatTimeout
                                                                 : tunnel_.beat_timeout_seconds();
    set("BEAT", std::to_string(std::clamp(timeout / 3, kLeastBeatSeconds, kMostBeatSeconds)));
    set("AT", "@");
  }

  void set_inner() {
    const auto link = Ipv6Prefix::parse(tunnel_.link_prefix());
    if (!link) throw failure(ExitCode::kError, t_ + " has no link prefix");
    set("PEER", Ipv6Address::from_halves(link->address.hi(), 1).to_string());
    set("ME", Ipv6Address::from_halves(link->address.hi(), 2).to_string());
    const uint32_t mtu = mtu_of(tunnel_, request_.pop);
    set("MTU", std::to_string(mtu));
    set("MSS", std::to_string(mtu - kIpv6AndTcp));
    std::vector<std::string> prefixes(tunnel_.delegated_prefixes().begin(),
                                      tunnel_.delegated_prefixes().end());
    if (!tunnel_.routed_prefix().empty()) prefixes.push_back(tunnel_.routed_prefix());
    if (prefixes.empty()) return;
    const auto first = Ipv6Prefix::parse(prefixes.front());
    if (first) {
      set("LANNET", Ipv6Address::from_halves(first->address.hi(), 0).to_string() + "/64");
      set("LANADDR", Ipv6Address::from_halves(first->address.hi(), 1).to_string() + "/64");
    }
    set("SUBNETS", join(prefixes, ", "));
    std::string names;
    std::vector<std::string> routes;
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      const std::string name = "simplon" + std::to_string(i);
      names += (names.empty() ? "" : " ") + name;
      routes.push_back("ipv6_route_" + name + "=\"" + prefixes[i] + " ::1 -reject\"");
    }
    set("V6ROUTES_BSD", names);
    facts_.set("V6ROUTE_BSD", routes);
    facts_.set("V6PREFIX", prefixes);
  }

  void set_ipv4() {
    if (!is(Carry::kGre) && !is(Carry::kGreOverIpv6) && !is(Carry::kIpv6Tunnel)) return;
    std::vector<std::string> prefixes(tunnel_.ipv4_prefixes().begin(),
                                      tunnel_.ipv4_prefixes().end());
    if (!tunnel_.routed_ipv4_prefix().empty()) prefixes.push_back(tunnel_.routed_ipv4_prefix());
    if (prefixes.empty()) return;
    if (is(Carry::kIpv6Tunnel) && platform_.name == "vyos") {
      facts_.set("V4LOST", prefixes);
      return;
    }
    std::vector<std::string> nets, wilds;
    for (const std::string& text : prefixes) {
      const auto prefix = Ipv4Prefix::parse(text);
      if (!prefix) continue;
      const uint32_t mask =
          prefix->length == 0 ? 0 : ~uint32_t{0} << (32 - unsigned{prefix->length});
      nets.push_back(prefix->address.to_string());
      wilds.push_back(Ipv4Address::from_value(~mask).to_string());
      if (nets.size() > 1) continue;
      const uint32_t host = prefix->length < 31 ? 1 : 0;
      const std::string ip = Ipv4Address::from_value(prefix->address.value() + host).to_string();
      set("V4IP", ip);
      set("V4ADDR", ip + "/" + std::to_string(prefix->length));
      set("V4MASK", Ipv4Address::from_value(mask).to_string());
    }
    facts_.set("V4NET", nets);
    facts_.set("V4WILD", wilds);
    facts_.set("V4PREFIX", prefixes);
  }

  void set_gre() {
    const bool ipv4_inside = facts_.find("V4PREFIX") != nullptr;
    const bool gre = is(Carry::kGre) || is(Carry::kGreOverIpv6);
    const std::string ip = ipv4_inside && !gre ? "{ 4, 41 }" : "41";
    set("PROTO", gre ? "47" : ip);
    set("PROTO_BSD", gre ? "gre" : ip == "41" ? "ipv6" : ip);
    if (gre)
      set("PROTO_IOS", is(Carry::kGre) ? "gre" : "47");
    else if (ip == "41")
      set("PROTO_IOS", "41");
    else
      facts_.set("PROTO_IOS", std::vector<std::string>{"41", "4"});
    std::string on_linux, on_bsd;
    if (tunnel_.has_gre_key()) {
      const std::string key = std::to_string(tunnel_.gre_key());
      set("KEY", key);
      on_linux += " key " + key;
      on_bsd += " grekey " + key;
    }
    if (tunnel_.gre_checksum()) {
      set("CSUM", "1");
      on_linux += " csum";
      on_bsd += " enable_csum";
    }
    if (tunnel_.gre_sequence()) {
      set("SEQ", "1");
      on_linux += " seq";
      on_bsd += " enable_seq";
    }
    set("GRE_LINUX", on_linux);
    set("GRE_BSD", on_bsd);
    const std::string limit =
        tunnel_.encapsulation_limit() == 0 ? "none" : std::to_string(tunnel_.encapsulation_limit());
    set("ENCAP", limit);
    if (over_ipv6()) {
      set("NETDEV_ENCAP", gre ? "none" : limit);
      set("VYOS_ENCAPLIMIT", gre ? "none" : limit);
    }
    constexpr std::array<const char*, 6> kNetdev = {"sit", "sit", "", "gre", "ip6gre", "ip6tnl"};
    constexpr std::array<const char*, 6> kVyos = {"sit", "sit", "", "gre", "ip6gre", "ip6ip6"};
    set("NETDEV_KIND", kNetdev[static_cast<std::size_t>(carry_)]);
    set("VYOS_ENCAP", kVyos[static_cast<std::size_t>(carry_)]);
    if (is(Carry::kIpv6Tunnel)) set("NETDEV_MODE", "any");
    set("JUNOS_IFACE", gre ? "gr-0/0/0" : "ip-0/0/0");
    set("BSD_IFACE", gre ? "gre0" : "gif0");
    set("ROS_MENU", gre ? "gre" : "6to4");
  }

  void set_secrets() {
    const std::string password =
        tunnel_.password().empty() ? "PASSWORD-OF-" + t_ : tunnel_.password();
    set("PASSWORD", password);
    set("PASSWORD_SH", shell_text(password));
    set("PASSWORD_TCL", escape(password, "\\\"$[]{}", "\\"));
    if (!updates_) return;
    const std::string key =
        tunnel_.update_key().empty() ? "UPDATE-KEY-OF-" + t_ : tunnel_.update_key();
    // A certificate is for a name.
    const bool tls = !request_.host.empty();
    set("UPDATE", "1");
    set("HOST", host_);
    set("URL", (tls ? "https://" : "http://") + host_ + "/nic/update?hostname=" + t_);
    set("ROS_TLS", tls ? " check-certificate=yes" : "");
    set("UPDATEKEY_SH", shell_text(key));
    set("UPDATEKEY_URL", url_text(key));
    set("UPDATEKEY_ROS", escape(key, "\\\"$?", "\\"));
  }

  void set_tic() {
    set("ACCOUNT", tunnel_.account().empty() ? "ACCOUNT-OF-" + t_ : tunnel_.account());
    set("TICSECRET", "TIC-SECRET-OF-" + (tunnel_.account().empty() ? t_ : tunnel_.account()));
    set("SERVER", host_);
    set("BEATS", is(Carry::kProto41) ? "false" : "true");
    set("NAT", is(Carry::kAyiya) ? "true" : "false");
    std::string open = "TCP 3874 to " + host_ + " goes out";
    if (is(Carry::kAyiya)) open += ", UDP 5072 to " + pop_ + " as well";
    if (is(Carry::kHeartbeat)) open += ", UDP 3740 to " + pop_ + " as well";
    if (!is(Carry::kAyiya)) open += ", and protocol 41 from " + pop_ + " comes in";
    set("TIC_FIREWALL", open);
  }

  const Platform& platform_;
  const Carry carry_;
  const ClientConfigRequest& request_;
  const v1::Tunnel& tunnel_;
  Facts facts_;
  std::string t_;
  std::string pop_;   // its outer address
  std::string host_;  // of TIC and HTTP
  bool updates_ = false;
};

// ---- The head.

std::string what(Carry carry) {
  switch (carry) {
    case Carry::kProto41:
      return "6in4 (protocol 41)";
    case Carry::kHeartbeat:
      return "6in4 with heartbeats";
    case Carry::kAyiya:
      return "AYIYA";
    case Carry::kGre:
      return "GRE";
    case Carry::kGreOverIpv6:
      return "GRE over IPv6";
    default:
      return "tunnel in IPv6 (RFC 2473)";
  }
}

// Words of the text that stand for a secret or an account, each once.
std::vector<std::string> placeholders(const std::string& text, const v1::Tunnel& tunnel) {
  const std::string t = "T" + std::to_string(tunnel.id());
  std::vector<std::string> found;
  const std::string owner = tunnel.account().empty() ? t : tunnel.account();
  for (const std::string& word :
       {"ACCOUNT-OF-" + t, "TIC-SECRET-OF-" + owner, "PASSWORD-OF-" + t, "UPDATE-KEY-OF-" + t}) {
    if (text.find(word) != std::string::npos) found.push_back(word);
  }
  return found;
}

std::string head(const Platform& platform, Carry carry, const ClientConfigRequest& request,
                 const std::string& text) {
  const std::string comment = std::string(platform.comment) + " ";
  const v1::Tunnel& tunnel = request.tunnel;
  std::string out = comment + "T" + std::to_string(tunnel.id()) + " of PoP " + request.pop.name() +
                    ", " + what(carry) + ": " + std::string(platform.title) + ".\n";
  if (tunnel.admin_state() == v1::Tunnel::DISABLED)
    out += comment + "The tunnel is disabled at present.\n";
  if (const auto words = placeholders(text, tunnel); !words.empty())
    out += comment + "Put in what stands for secrets: " + join(words, " and ") + ".\n";
  std::vector<std::string> names;
  const auto has = [&text](std::string_view name) {
    return !name.empty() && text.find(name) != std::string::npos;
  };
  if (has(platform.outside)) names.push_back(std::string(platform.outside) + " outside");
  if (has(platform.inside)) names.push_back(std::string(platform.inside) + " inside");
  if (!names.empty())
    out += comment + "Interfaces are examples, put in yours: " + join(names, ", ") + ".\n";
  return out;
}

}  // namespace

std::vector<std::string> client_platforms() {
  std::vector<std::string> names;
  for (const Platform* platform : platforms()) names.emplace_back(platform->name);
  return names;
}

std::string client_config(const ClientConfigRequest& request) {
  const auto& all = platforms();
  const auto found = std::find_if(all.begin(), all.end(), [&request](const Platform* platform) {
    return platform->name == request.platform;
  });
  if (found == all.end())
    throw failure(ExitCode::kUsage, "'" + request.platform + "' is no system simplonctl knows");
  const Platform& platform = **found;
  if (const std::string why = obstacle(platform, request.tunnel); !why.empty())
    refuse(platform, request.tunnel, why);
  const Recipe& recipe = *recipe_of(platform, request.tunnel);
  const Facts facts = FactsOf(platform, recipe.carry, request).make();
  std::string text;
  for (const std::string_view part : recipe.parts) text += fill(part, facts);
  return head(platform, recipe.carry, request, text) + text;
}

}  // namespace simplon::cli
