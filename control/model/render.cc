// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/render.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "control/config/secret.h"
#include "control/encoding.h"
#include "control/store/credential.h"

namespace simplon::control {

std::string tunnel_name(uint32_t id) {
  char text[20] = "tunnels/T";
  return {text, std::to_chars(text + 9, std::end(text), id).ptr};
}

std::string pool_name(std::string_view name) {
  return fmt::format("pools/{}", name);
}

std::string account_name(std::string_view name) {
  return fmt::format("accounts/{}", name);
}

std::optional<uint32_t> parse_tunnel_name(std::string_view name) {
  constexpr std::string_view kCollection = "tunnels/";
  if (name.starts_with(kCollection)) name.remove_prefix(kCollection.size());
  if (name.starts_with('T') || name.starts_with('t')) name.remove_prefix(1);
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size() || id == 0) return std::nullopt;
  return id;
}

namespace {

std::string_view without(std::string_view collection, std::string_view name) {
  if (name.starts_with(collection)) name.remove_prefix(collection.size());
  return name;
}

}  // namespace

std::string_view parse_pool_name(std::string_view name) {
  return without("pools/", name);
}

std::string_view parse_account_name(std::string_view name) {
  return without("accounts/", name);
}

namespace {

// Without maps and unknown fields equal messages have equal bytes.
std::string etag_of_bytes(std::string_view bytes) {
  // FNV-1a: the etag guards against accidents, not against forgery.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ uint8_t(byte)) * 0x100000001b3;
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4) {
    *digit = "0123456789abcdef"[hash & 15];
  }
  return text;
}

std::string etag_of(const google::protobuf::MessageLite& resource) {
  thread_local std::string bytes;
  resource.SerializeToString(&bytes);
  return etag_of_bytes(bytes);
}

// Secrets count, but must not be guessed from what everybody may read: under a key of this process.
// So the etag of such a resource changes when control starts anew.
template <typename T>
std::string etag_with_secrets(T resource, std::initializer_list<std::string_view> secrets) {
  static const std::string key = [] {
    std::string bytes(32, '\0');
    if (getrandom(bytes.data(), bytes.size(), 0) != ssize_t(bytes.size())) std::abort();
    return bytes;
  }();
  std::string keyed = key;
  for (const std::string_view secret : secrets) {
    keyed += secret;
    keyed += '\0';  // none of them has one in it
  }
  const Sha1Digest digest = sha1(keyed + key);
  hide_secrets(resource);
  uint64_t half;
  std::memcpy(&half, digest.data(), sizeof(half));
  resource.set_etag(fmt::format("{:016x}", half));
  return etag_of(resource);
}

}  // namespace

std::string etag(const google::protobuf::MessageLite& resource) {
  if (const auto* tunnel = dynamic_cast<const v1::Tunnel*>(&resource);
      tunnel != nullptr && has_credential(*tunnel)) {
    return etag_with_secrets(
        *tunnel, {tunnel->password(), tunnel->previous_password(), tunnel->update_key()});
  }
  if (const auto* account = dynamic_cast<const v1::Account*>(&resource);
      account != nullptr && !account->secret_md5().empty()) {
    return etag_with_secrets(*account, {account->secret_md5()});
  }
  return etag_of(resource);
}

namespace {

// Calls `set` with the number and the value of each text the server alone sets, except the etag.
template <typename Set>
void each_output(const PoolPlan& plan, const v1::Tunnel& tunnel, const Set& set) {
  set(v1::Tunnel::kNameFieldNumber, tunnel_name(tunnel.id()));
  const auto set_prefix = [&](int field, v1::Pool::Kind kind, bool ipv4) {
    const PoolRange* pool = plan.covering(kind, tunnel.slot(), ipv4);
    if (pool != nullptr) set(field, pool->prefix_of_slot(tunnel.slot()));
  };
  set_prefix(v1::Tunnel::kLinkPrefixFieldNumber, v1::Pool::LINK, false);
  set_prefix(v1::Tunnel::kRoutedPrefixFieldNumber, v1::Pool::ROUTED, false);
  if (carries_ipv4(kind_of(tunnel.type()))) {
    set_prefix(v1::Tunnel::kRoutedIpv4PrefixFieldNumber, v1::Pool::ROUTED, true);
  }
}

}  // namespace

v1::Tunnel render(const PoolPlan& plan, const v1::Tunnel& tunnel) {
  v1::Tunnel out = tunnel;
  hide_secrets(out);
  out.set_etag(etag(tunnel));
  each_output(plan, tunnel, [&](int field, std::string text) {
    std::string* to = field == v1::Tunnel::kNameFieldNumber         ? out.mutable_name()
                      : field == v1::Tunnel::kLinkPrefixFieldNumber ? out.mutable_link_prefix()
                      : field == v1::Tunnel::kRoutedPrefixFieldNumber
                          ? out.mutable_routed_prefix()
                          : out.mutable_routed_ipv4_prefix();
    *to = std::move(text);
  });
  return out;
}

void render_to(const PoolPlan& plan, const v1::Tunnel& tunnel, std::string& bytes) {
  if (has_credential(tunnel)) {
    render(plan, tunnel).SerializeToString(&bytes);
    return;
  }
  // What the fields add that only the server sets. Their order means nothing.
  constexpr std::size_t kOutput = 160;
  bytes.reserve(tunnel.ByteSizeLong() + kOutput);
  tunnel.AppendToString(&bytes);
  append_field(bytes, v1::Tunnel::kEtagFieldNumber, etag_of_bytes(bytes));
  each_output(plan, tunnel, [&](int field, const std::string& text) {
    append_field(bytes, field, std::string_view(text));
  });
}

v1::Tunnel render(const Model& model, const v1::Tunnel& tunnel) {
  return render(model.plan(), tunnel);
}

v1::Pool render(const v1::Pool& pool) {
  v1::Pool out = pool;
  out.set_etag(etag(pool));
  return out;
}

v1::Pop render(const v1::Pop& pop) {
  v1::Pop out = pop;
  out.set_etag(etag(pop));
  return out;
}

v1::Account render(const Model& model, const v1::Account& account) {
  v1::Account out = account;
  hide_secrets(out);
  out.set_etag(etag(account));
  out.set_tunnels(uint32_t(model.tunnel_count_of(account.name())));
  return out;
}

v1::Change render(const Model& model, v1::Change change) {
  const auto add = [&](v1::Resource& resource) {
    if (resource.has_tunnel()) *resource.mutable_tunnel() = render(model, resource.tunnel());
    if (resource.has_account()) *resource.mutable_account() = render(model, resource.account());
    if (resource.has_pool()) *resource.mutable_pool() = render(resource.pool());
    if (resource.has_pop()) *resource.mutable_pop() = render(resource.pop());
  };
  if (change.has_old()) add(*change.mutable_old());
  if (change.has_new_()) add(*change.mutable_new_());
  return change;
}

v1::Change render_tunnels(const PoolPlan& plan, const v1::Change& change) {
  v1::Change out;
  out.set_name(change.name());
  out.set_action(change.action());
  *out.mutable_paths() = change.paths();
  if (change.has_old()) {
    *out.mutable_old()->mutable_tunnel() = render(plan, change.old().tunnel());
  }
  if (change.has_new_()) {
    *out.mutable_new_()->mutable_tunnel() = render(plan, change.new_().tunnel());
  }
  return out;
}

void strip_output(v1::Tunnel& tunnel) {
  tunnel.clear_etag();
  tunnel.clear_name();
  tunnel.clear_link_prefix();
  tunnel.clear_routed_prefix();
  tunnel.clear_routed_ipv4_prefix();
  tunnel.clear_has_password();
  tunnel.clear_has_previous_password();
  tunnel.clear_has_update_key();
}

void strip_output(v1::Pool& pool) {
  pool.clear_etag();
}

void strip_output(v1::Pop& pop) {
  pop.clear_etag();
}

void strip_output(v1::Account& account) {
  account.clear_etag();
  account.clear_has_secret();
  account.clear_tunnels();
}

void strip_output(v1::Config& config) {
  if (config.has_pop()) strip_output(*config.mutable_pop());
  for (v1::Pool& pool : *config.mutable_pools()) strip_output(pool);
  for (v1::Account& account : *config.mutable_accounts()) strip_output(account);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) strip_output(tunnel);
}

}  // namespace simplon::control
