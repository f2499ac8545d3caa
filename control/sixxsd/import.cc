// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "control/config/outer_address.h"
#include "control/config/print.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/arguments.h"
#include "control/sixxsd/grammar.h"
#include "control/sixxsd/words.h"
#include "control/text/absl_text.h"
#include "google/protobuf/util/message_differencer.h"

namespace simplon::control::sixxsd {
namespace {

constexpr char kMadeUpPort[] = "wan";

template <typename T>
struct AtLine {
  T value;
  int line = 0;
};

bool same(const TunnelLine& a, const TunnelLine& b) {
  return a.tid == b.tid && a.id == b.id && a.endpoint == b.endpoint && a.remote == b.remote &&
         a.enabled == b.enabled && a.mtu == b.mtu && a.password == b.password;
}

// Index in "COLLECTION[index]..."; the rest of the path goes to `rest`.
std::optional<std::size_t> index_in(std::string_view field, std::string_view collection,
                                    std::string_view& rest) {
  if (!field.starts_with(collection)) return std::nullopt;
  field.remove_prefix(collection.size());
  if (!field.starts_with('[')) return std::nullopt;
  const std::size_t end = field.find(']');
  if (end == field.npos) return std::nullopt;
  const auto index = parse_decimal(field.substr(1, end - 1));
  rest = field.substr(end + 1);
  if (rest.starts_with('.')) rest.remove_prefix(1);
  return index ? std::optional<std::size_t>(*index) : std::nullopt;
}

class Importer {
 public:
  explicit Importer(const ImportOptions& options) : options_(options) {}

  Import run(std::string_view text) {
    read(text);
    make_pop();
    make_pools();
    make_tunnels();
    check();
    const auto by_line = [](const ImportNote& a, const ImportNote& b) { return a.line < b.line; };
    std::ranges::stable_sort(out_.errors, by_line);
    std::ranges::stable_sort(out_.warnings, by_line);
    return std::move(out_);
  }

 private:
  // ---- Reading.

  void note(std::vector<ImportNote>& notes, int line, std::string text) {
    if (notes.size() > Import::kMaxNotes) return;
    if (notes.size() == Import::kMaxNotes) {
      line = std::max(line, line_);
      text = fmt::format("only the first {} are listed", Import::kMaxNotes);
    }
    notes.push_back({line, std::move(text)});
  }
  void error(std::string text) { note(out_.errors, line_, std::move(text)); }
  void warning(std::string text) { note(out_.warnings, line_, std::move(text)); }
  void error(const absl::Status& status) { error(to_string(status.message())); }

  void read(std::string_view text) {
    Cursor cursor;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (is_blank(line) || is_comment(line)) continue;
      const Cursor::Parsed parsed = cursor.parse(line);
      switch (parsed.kind) {
        case Cursor::Parsed::Kind::kNothing:
        case Cursor::Parsed::Kind::kMenu:
          break;
        case Cursor::Parsed::Kind::kHelp:
          warning("'help' means nothing in a file");
          break;
        case Cursor::Parsed::Kind::kFault:
          error(parsed.lines.front());
          break;
        case Cursor::Parsed::Kind::kCommand:
          take(*parsed.command, parsed.arguments);
          break;
      }
    }
    line_ = 0;
  }

  void take(const Command& command, const std::vector<std::string>& arguments) {
    switch (command.in_file) {
      case InFile::kTaken:
        return execute(command.id, arguments);
      case InFile::kSilent:
        return;
      case InFile::kIgnored:
        return warning(fmt::format("'{}' has no effect here: left out", command.path));
      case InFile::kRefused:
        return error(fmt::format("'{}' has no place in a file{}", command.path,
                                 command.id == CommandId::kTunnelSetRemote
                                     ? ": give the address with 'tunnel set config'"
                                     : ""));
    }
  }

  void execute(CommandId id, const std::vector<std::string>& arguments) {
    switch (id) {
      case CommandId::kCliaclAdd:
        return add_console_address(arguments[0]);
      case CommandId::kCliaclRemove:
        return remove_console_address(arguments[0]);
      case CommandId::kCliaclReset:
        return console_.clear();
      case CommandId::kSetId:
        return set_number(arguments[0]);
      case CommandId::kSetDetails:
        return set_details(arguments);
      case CommandId::kTunnelprefixAdd:
        return set_tunnel_prefix(arguments[0]);
      case CommandId::kSubnetprefixAdd:
        return add_subnet_prefix(arguments[0]);
      case CommandId::kTunnelSetConfig:
        return add_tunnel(arguments);
      case CommandId::kSubnetSetConfig:
        return add_subnet(arguments);
      default:
        return error("is not understood");
    }
  }

  void add_console_address(const std::string& text) {
    const auto address = parse_ip(text);
    if (!address) return error(fmt::format("Invalid IP address {}", printable(text)));
    const auto is_it = [&](const auto& known) { return known.value == *address; };
    if (std::ranges::any_of(console_, is_it)) return;
    if (console_.size() == 64) return error("at most 64 addresses may use the console");
    console_.push_back({*address, line_});
  }

  void remove_console_address(const std::string& text) {
    const auto address = parse_ip(text);
    if (!address) return error(fmt::format("Invalid IP address {}", printable(text)));
    const auto is_it = [&](const auto& known) { return known.value == *address; };
    if (std::erase_if(console_, is_it) == 0) {
      error(fmt::format("CLI ACL {} not found", printable(text)));
    }
  }

  void set_number(const std::string& text) {
    const auto number = parse_pop_number(text);
    if (!number.ok()) return error(number.status());
    number_ = {*number, line_};
  }

  void set_details(const std::vector<std::string>& arguments) {
    auto pop = parse_pop_details(arguments);
    if (!pop.ok()) return error(pop.status());
    if (pop->name() != arguments[1]) {
      warning(fmt::format("the name becomes {}: names are lower case", pop->name()));
    }
    for (const auto& [number, other] : pops_) {
      if (number == pop->number() || other.value.name() != pop->name()) continue;
      return error(fmt::format("the name {} is that of PoP {} already, line {}", pop->name(),
                               number, other.line));
    }
    const auto known = pops_.find(pop->number());
    if (known != pops_.end() &&
        !google::protobuf::util::MessageDifferencer::Equals(known->second.value, *pop)) {
      return error(fmt::format("PoP {} has other details already, line {}", pop->number(),
                               known->second.line));
    }
    pops_[pop->number()] = {*pop, line_};
  }

  void set_tunnel_prefix(const std::string& text) {
    const auto prefix = parse_tunnel_prefix(text);
    if (!prefix.ok()) return error(prefix.status());
    if (!tunnel_prefix_) {
      tunnel_prefix_ = {*prefix, line_};
    } else if (tunnel_prefix_->value != *prefix) {
      error(fmt::format("there is a tunnel prefix already, {}, line {}",
                        tunnel_prefix_->value.to_string(), tunnel_prefix_->line));
    }
  }

  void add_subnet_prefix(const std::string& text) {
    const auto prefix = parse_subnet_prefix(text);
    if (!prefix.ok()) return error(prefix.status());
    for (const auto& known : subnet_prefixes_) {
      if (known.value == *prefix) return;
      if (known.value.contains(prefix->address) || prefix->contains(known.value.address)) {
        return error(fmt::format("{} overlaps {}, line {}", prefix->to_string(),
                                 known.value.to_string(), known.line));
      }
    }
    subnet_prefixes_.push_back({*prefix, line_});
  }

  void add_tunnel(const std::vector<std::string>& arguments) {
    auto line = parse_tunnel_line(arguments);
    if (!line.ok()) return error(line.status());
    const auto by_tid = tunnel_at_.find(line->tid);
    if (by_tid != tunnel_at_.end()) {
      const auto& known = tunnels_[by_tid->second];
      if (same(known.value, *line)) {
        return warning(fmt::format("is line {} once more", known.line));
      }
      return error(
          fmt::format("TID {:x} is taken by T{}, line {}", line->tid, known.value.id, known.line));
    }
    const auto by_id = tunnel_by_id_.find(line->id);
    if (by_id != tunnel_by_id_.end()) {
      const auto& known = tunnels_[by_id->second];
      return error(
          fmt::format("T{} has TID {:x} already, line {}", line->id, known.value.tid, known.line));
    }
    if (line->endpoint == TunnelLine::Endpoint::kStatic && line->password) {
      warning("the password of a static tunnel has no use: left out");
    }
    tunnel_at_[line->tid] = tunnel_by_id_[line->id] = tunnels_.size();
    tunnels_.push_back({*std::move(line), line_});
  }

  void add_subnet(const std::vector<std::string>& arguments) {
    const auto line = parse_subnet_line(arguments);
    if (!line.ok()) return error(line.status());
    const auto holds = [&](const auto& prefix) { return prefix.value.contains(line->address); };
    const auto master = std::ranges::find_if(subnet_prefixes_, holds);
    if (master == subnet_prefixes_.end()) {
      return error(fmt::format("{} is in no subnet prefix given so far", printable(arguments[0])));
    }
    const unsigned length = master->value.length + 8u;
    const Ipv6Prefix subnet{Ipv6Address::from_halves(line->address.hi() & prefix_mask64(length), 0),
                            static_cast<uint8_t>(length)};
    if (line->length != length || line->address != subnet.address) {
      warning(fmt::format("{} stands for {}: subnets of {} are /{}", printable(arguments[0]),
                          subnet.to_string(), master->value.to_string(), length));
    }
    if (tunnel_prefix_ && subnet.contains(tunnel_prefix_->value.address)) {
      return error(fmt::format("{} is the tunnel prefix", subnet.to_string()));
    }
    if (!tunnel_at_.contains(line->tid)) {
      return error(fmt::format("Tunnel {:x} for subnet {} not found: tunnels come before subnets",
                               line->tid, printable(arguments[0])));
    }
    const auto [known, fresh] = subnets_.try_emplace(subnet.address, line->tid, line_);
    if (!fresh && known->second.first != line->tid) {
      return error(fmt::format("{} belongs to tunnel {:x}, line {}", subnet.to_string(),
                               known->second.first, known->second.second));
    }
    if (fresh) subnets_of_[line->tid].push_back({subnet, line_});
  }

  // ---- Putting together.

  v1::Pop& pop() { return *out_.config.mutable_pop(); }

  void make_pop() {
    if (options_.base != nullptr) {
      pop() = options_.base->pop();
      *out_.config.mutable_accounts() = options_.base->accounts();
      pop().clear_etag();
      pop().clear_peer_pops();
      pop().mutable_console()->clear_allowed_addresses();
      for (v1::Account& account : *out_.config.mutable_accounts()) account.clear_etag();
    }
    pop().set_number(number_.value);
    for (const auto& [number, details] : pops_) {
      if (number != number_.value) {
        *pop().add_peer_pops() = details.value;
        peer_lines_.push_back(details.line);
      }
    }
    for (const auto& address : console_) {
      pop().mutable_console()->add_allowed_addresses(to_outer_text(address.value));
    }
    if (tunnel_prefix_) pop().set_ipv6_address(pop_address(tunnel_prefix_->value).to_string());
    const auto own = pops_.find(number_.value);
    if (own != pops_.end()) {
      own_line_ = own->second.line;
      pop().set_name(own->second.value.name());
      set_addresses(own->second.value);
    } else if (pops_.empty() || number_.line != 0) {
      line_ = number_.line;
      warning(fmt::format("there are no details of PoP {}, which this one is", number_.value));
      line_ = 0;
    }
    if (pop().interfaces().empty()) make_up_interface(nullptr);
  }

  void make_up_interface(const v1::PeerPop* own) {
    v1::Interface& interface = *pop().add_interfaces();
    interface.set_port(kMadeUpPort);
    // The file does not know how long the prefix on the link is.
    interface.set_ipv4_address((own != nullptr ? own->ipv4_address() : "192.0.2.1") + "/32");
    if (own != nullptr) interface.set_ipv6_address(own->ipv6_address() + "/128");
    out_.made_up_interface = true;
  }

  // Addresses of the PoP that clients know must stay what they are.
  void set_addresses(const v1::PeerPop& own) {
    if (pop().interfaces().empty()) return make_up_interface(&own);
    std::vector<std::string> ipv4;
    std::vector<std::string> ipv6;
    for (const v1::Interface& interface : pop().interfaces()) {
      if (const auto a = Ipv4Prefix::parse(interface.ipv4_address())) {
        ipv4.push_back(a->address.to_string());
      }
      if (const auto a = Ipv6Prefix::parse(interface.ipv6_address())) {
        ipv6.push_back(a->address.to_string());
      }
    }
    for (const std::string& text : pop().ipv4_addresses()) {
      if (const auto a = Ipv4Address::parse(text)) ipv4.push_back(a->to_string());
    }
    for (const std::string& text : pop().ipv6_addresses()) {
      if (const auto a = Ipv6Address::parse(text)) ipv6.push_back(a->to_string());
    }
    line_ = own_line_;
    if (std::ranges::find(ipv4, own.ipv4_address()) == ipv4.end()) {
      pop().add_ipv4_addresses(own.ipv4_address());
      warning(
          fmt::format("no interface has {}: it becomes one of pop.ipv4_addresses; tunnels end "
                      "on it, and must be routed here",
                      own.ipv4_address()));
    }
    if (std::ranges::find(ipv6, own.ipv6_address()) == ipv6.end()) {
      pop().add_ipv6_addresses(own.ipv6_address());
      warning(fmt::format("no interface has {}: it becomes one of pop.ipv6_addresses",
                          own.ipv6_address()));
    }
    line_ = 0;
    if (!ipv4.empty() && ipv4.front() != own.ipv4_address()) local_ = own.ipv4_address();
  }

  void make_pools() {
    PoolList& pools = *out_.config.mutable_pools();
    if (options_.base != nullptr) pools = options_.base->pools();
    for (v1::Pool& pool : pools) pool.clear_etag();
    pool_lines_.assign(std::size_t(pools.size()), 0);
    std::optional<Ipv6Prefix> hole;
    if (tunnel_prefix_) {
      hole = tunnel_prefix_->value;
      for (v1::Pool& pool : tunnel_pools(*hole)) put_pool(std::move(pool), tunnel_prefix_->line);
    }
    for (const auto& prefix : subnet_prefixes_) {
      for (v1::Pool& pool : subnet_pools(prefix.value, hole)) {
        put_pool(std::move(pool), prefix.line);
      }
    }
  }

  void put_pool(v1::Pool pool, int line) {
    PoolList& pools = *out_.config.mutable_pools();
    if (find_pool(pools, pool) != nullptr) return;
    add_pool(std::move(pool), pools);
    pool_lines_.push_back(line);
  }

  bool in_subnet_prefix(const std::string& text) const {
    const auto prefix = Ipv6Prefix::parse(text);
    return prefix && std::ranges::any_of(subnet_prefixes_, [&](const auto& known) {
             return known.value.contains(prefix->address);
           });
  }

  // What the base says of the tunnel beyond the file.
  v1::Tunnel base_tunnel(const TunnelLine& line) {
    v1::Tunnel tunnel;
    const auto found = base_tunnels_.find(line.id);
    if (found != base_tunnels_.end()) {
      const v1::Tunnel& base = *found->second;
      if (base.has_slot() && base.slot() != line.tid) {
        warning(fmt::format("T{} has slot {} in the base and {} here: it is taken for a new one",
                            line.id, base.slot(), line.tid));
      } else {
        tunnel = base;
        tunnel.clear_etag();
        std::vector<std::string> kept;
        for (const std::string& prefix : base.delegated_prefixes()) {
          if (!in_subnet_prefix(prefix)) kept.push_back(prefix);
        }
        *tunnel.mutable_delegated_prefixes() = {kept.begin(), kept.end()};
      }
      base_tunnels_.erase(found);
    }
    tunnel.set_id(line.id);
    tunnel.set_slot(line.tid);
    return tunnel;
  }

  void make_tunnels() {
    if (options_.base != nullptr) {
      for (const v1::Tunnel& tunnel : options_.base->tunnels()) {
        base_tunnels_[tunnel.id()] = &tunnel;
      }
    }
    for (const auto& [line, number] : tunnels_) {
      line_ = number;
      v1::Tunnel tunnel = base_tunnel(line);
      const bool is_new = tunnel.type() == v1::Tunnel::TYPE_UNSPECIFIED;
      apply_line(line, options_.strict, tunnel);
      if (is_new && line.endpoint == TunnelLine::Endpoint::kStatic) tunnel.set_local(local_);
      std::vector<int>& lines = prefix_lines_.emplace_back(tunnel.delegated_prefixes_size(), 0);
      const auto subnets = subnets_of_.find(line.tid);
      if (subnets != subnets_of_.end()) {
        for (const auto& subnet : subnets->second) {
          tunnel.add_delegated_prefixes(subnet.value.to_string());
          lines.push_back(subnet.line);
        }
      }
      *out_.config.add_tunnels() = std::move(tunnel);
    }
    line_ = 0;
    if (!base_tunnels_.empty()) {
      warning(fmt::format("{} tunnels of the base are not in the file: left out",
                          base_tunnels_.size()));
    }
  }

  // ---- Checking.

  // The line that a fault of the configuration comes from; 0: none, it is the base's.
  int line_of(std::string_view field, std::string& what) const {
    std::string_view rest;
    if (const auto i = index_in(field, "tunnels", rest); i && *i < tunnels_.size()) {
      what = fmt::format("T{}: {}", tunnels_[*i].value.id, rest);
      std::string_view ignored;
      const auto k = index_in(rest, "delegated_prefixes", ignored);
      const bool subnet = k && *k < prefix_lines_[*i].size() && prefix_lines_[*i][*k] != 0;
      return subnet ? prefix_lines_[*i][*k] : tunnels_[*i].line;
    }
    what = field;
    if (const auto i = index_in(field, "pools", rest); i && *i < pool_lines_.size()) {
      return pool_lines_[*i];
    }
    if (const auto i = index_in(field, "pop.peer_pops", rest); i && *i < peer_lines_.size()) {
      return peer_lines_[*i];
    }
    if (const auto i = index_in(field, "pop.console.allowed_addresses", rest);
        i && *i < console_.size()) {
      return console_[*i].line;
    }
    if (field.starts_with("pop.number")) return number_.line;
    if (field.starts_with("pop.ipv6_address") && !field.starts_with("pop.ipv6_addresses")) {
      return tunnel_prefix_ ? tunnel_prefix_->line : 0;
    }
    const bool own = field.starts_with("pop.name") || field.starts_with("pop.ipv4_addresses") ||
                     field.starts_with("pop.ipv6_addresses") ||
                     (out_.made_up_interface && field.starts_with("pop.interfaces"));
    return own ? own_line_ : 0;
  }

  void check() {
    const bool whole = out_.errors.empty();
    for (const FieldViolation& fault : validate(out_.config)) {
      // Where a prefix may have been refused, that something is in none says nothing.
      if (!whole && (fault.reason == reason::kSlotNotCovered || fault.reason == reason::kNotInPool))
        continue;
      std::string what;
      line_ = line_of(fault.field, what);
      std::string text = fmt::format("{}: {}", what, fault.description);
      if (what.ends_with("password") && fault.reason == reason::kBadPassword) {
        text += "; give the tunnel a new one, here and at the client";
      }
      error(std::move(text));
    }
    line_ = 0;
  }

  const ImportOptions& options_;
  Import out_;
  int line_ = 0;

  // What the file says.
  AtLine<uint32_t> number_{0, 0};
  std::map<uint32_t, AtLine<v1::PeerPop>> pops_;
  std::vector<AtLine<Ipv6Address>> console_;
  std::optional<AtLine<Ipv6Prefix>> tunnel_prefix_;
  std::vector<AtLine<Ipv6Prefix>> subnet_prefixes_;
  std::vector<AtLine<TunnelLine>> tunnels_;
  std::map<uint32_t, std::size_t> tunnel_at_;                // by TID, indices of tunnels_
  std::map<uint32_t, std::size_t> tunnel_by_id_;             // likewise
  std::map<Ipv6Address, std::pair<uint32_t, int>> subnets_;  // TID and line
  std::map<uint32_t, std::vector<AtLine<Ipv6Prefix>>> subnets_of_;

  // Of what is made of it.
  int own_line_ = 0;
  std::string local_;  // of static tunnels, where it is not the first one
  std::vector<int> peer_lines_;
  std::vector<int> pool_lines_;
  std::vector<std::vector<int>> prefix_lines_;  // of each tunnel
  std::map<uint32_t, const v1::Tunnel*> base_tunnels_;
};

}  // namespace

Import import_config(std::string_view text, const ImportOptions& options) {
  return Importer(options).run(text);
}

std::string print_import(const Import& import, std::string_view source) {
  const auto secrets = std::ranges::count_if(
      import.config.tunnels(), [](const v1::Tunnel& tunnel) { return !tunnel.password().empty(); });
  std::string text =
      fmt::format("# Made of {} by 'simplonctl config import sixxsd'.\n", printable(source));
  if (secrets != 0) {
    text += fmt::format("# Holds the passwords of {} tunnels in clear: keep it to yourself.\n",
                        secrets);
  }
  std::string body = print_config_text(import.config, Secrets::kShow);
  constexpr std::string_view kInterface = "  interfaces {\n";
  const std::size_t at = import.made_up_interface ? body.find(kInterface) : body.npos;
  if (at != body.npos) {
    body.insert(
        at,
        "  # COMPLETE THIS: the file does not know the link. Name the dataplane's port, give "
        "the addresses\n"
        "  # the prefix length of the link, and add ipv4_gateway and ipv6_gateway.\n");
  }
  return text + body;
}

}  // namespace simplon::control::sixxsd
