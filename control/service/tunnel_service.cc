// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/tunnel_service.h"

#include <fmt/format.h>

#include "control/config/secret.h"
#include "control/error/error.h"
#include "control/model/merge.h"
#include "control/model/render.h"
#include "control/service/change.h"
#include "control/service/listing.h"
#include "control/store/credential.h"

namespace simplon::control {
namespace {

constexpr PageLimits kListLimits{100, 10000};
constexpr PageLimits kLookupLimits{100, 1000};

// What does not take the engine, before it comes to the request. Takes the tunnel out of it.
NewTunnel take_tunnel(v1::CreateTunnelRequest& request) {
  if (!request.has_tunnel()) return {};
  return make_ready(std::unique_ptr<v1::Tunnel>(request.release_tunnel()));
}

// A request belongs to its call alone, though gRPC hands it over as const: its parts need not be
// copied.
template <typename Request>
Request& own(const Request* request) {
  return *const_cast<Request*>(request);
}

// `at()`: where the request is, for the paths of errors.
absl::Status create(Editor& editor, NewTunnel tunnel, const std::function<std::string()>& at) {
  if (tunnel.copy == nullptr) return invalid_field(at() + "tunnel", "REQUIRED", "is missing");
  const uint32_t wanted = tunnel.copy->id();
  if (wanted != 0 && editor.model().has(wanted)) {
    return make_error(absl::StatusCode::kAlreadyExists, "TUNNEL_EXISTS",
                      fmt::format("{}tunnel {} exists already", at(), tunnel_name(wanted)),
                      {{"resource", tunnel_name(wanted)}});
  }
  const auto prefix = [&] { return at() + "tunnel."; };
  return editor.create_tunnel(std::move(tunnel), prefix);
}

// The tunnels that calls of create() have made, in their order. While they may still be undone:
template <typename Add>
void each_created(const Editor& editor, const Add& add) {
  for (const v1::Change& change : editor.changes()) {
    add(editor.model().plan(), change.new_().tunnel());
  }
}
// When they are in force, without holding up the engine:
template <typename Add>
void each_created(const Engine::Outcome& outcome, const Add& add) {
  if (outcome.record == nullptr) return;
  for (const v1::Change& change : outcome.record->changes) {
    add(*outcome.plan, change.new_().tunnel());
  }
}

// Adds to the list `field` of a reply what render() makes of a tunnel. It goes out as it would if
// it had been put there, but is serialised at once: with thousands of them the messages would cost
// more than all else.
void add_rendered(google::protobuf::Message& reply, int field, const PoolPlan& plan,
                  const v1::Tunnel& tunnel) {
  auto* fields = reply.GetReflection()->MutableUnknownFields(&reply);
  render_to(plan, tunnel, *fields->AddLengthDelimited(field));
}

// The tunnel an update is about, by name, id or both.
absl::StatusOr<uint32_t> identify(const v1::Tunnel& tunnel, const std::string& at) {
  if (tunnel.name().empty()) {
    if (tunnel.id() != 0) return tunnel.id();
    return invalid_field(at + "tunnel.name", "REQUIRED", "give the tunnel's name or id");
  }
  auto id = tunnel_id_of(at + "tunnel.name", tunnel.name());
  if (id.ok() && tunnel.id() != 0 && tunnel.id() != *id) {
    return invalid_field(at + "tunnel.id", "IMMUTABLE", "is not the id in the name");
  }
  return id;
}

absl::Status update(Editor& editor, const v1::UpdateTunnelRequest& request, const std::string& at,
                    v1::Tunnel* reply) {
  if (!request.has_tunnel()) return invalid_field(at + "tunnel", "REQUIRED", "is missing");
  const auto id = identify(request.tunnel(), at);
  if (!id.ok()) return id.status();
  const v1::Tunnel* old = editor.model().find(*id);
  v1::Tunnel next;
  if (old == nullptr) {
    if (!request.allow_missing()) return tunnel_not_found(tunnel_name(*id));
    next = request.tunnel();
    next.set_id(*id);
  } else {
    if (auto s = check_etag(request.tunnel().etag(), *old, tunnel_name(*id)); !s.ok()) return s;
    next = *old;
    const auto* mask = request.has_update_mask() ? &request.update_mask() : nullptr;
    if (auto s = merge_tunnel(request.tunnel(), mask, next, at); !s.ok()) return s;
  }
  if (auto put = editor.put_tunnel(next, at + "tunnel."); !put.ok()) return put.status();
  *reply = render(editor.model(), *editor.model().find(*id));
  return absl::OkStatus();
}

absl::Status erase(Editor& editor, const v1::DeleteTunnelRequest& request, const std::string& at) {
  const auto id = tunnel_id_of(at + "name", request.name());
  if (!id.ok()) return id.status();
  const v1::Tunnel* old = editor.model().find(*id);
  if (old == nullptr) {
    return request.allow_missing() ? absl::OkStatus() : tunnel_not_found(tunnel_name(*id));
  }
  if (auto s = check_etag(request.etag(), *old, tunnel_name(*id)); !s.ok()) return s;
  return editor.erase_tunnel(*id);
}

// The tunnel a request about a secret of it names.
absl::StatusOr<const v1::Tunnel*> find_named(const Editor& editor, const std::string& name,
                                             const std::string& etag) {
  const auto id = tunnel_id_of("name", name);
  if (!id.ok()) return id.status();
  const v1::Tunnel* tunnel = editor.model().find(*id);
  if (tunnel == nullptr) return tunnel_not_found(tunnel_name(*id));
  if (auto s = check_etag(etag, *tunnel, tunnel_name(*id)); !s.ok()) return s;
  return tunnel;
}

absl::StatusOr<const v1::Tunnel*> find_with_password(const Editor& editor, const std::string& name,
                                                     const std::string& etag) {
  auto tunnel = find_named(editor, name, etag);
  if (tunnel.ok() && !is_dynamic_type((*tunnel)->type())) {
    const std::string resource = tunnel_name((*tunnel)->id());
    return make_error(absl::StatusCode::kFailedPrecondition, "NO_PASSWORD",
                      fmt::format("{} is of type {}, which has no password", resource,
                                  v1::Tunnel::Type_Name((*tunnel)->type())),
                      {{"resource", resource}});
  }
  return tunnel;
}

// A tunnel that is there, with other secrets.
absl::Status put_secrets(Editor& editor, v1::Tunnel next, v1::Tunnel* reply) {
  const auto id = editor.put_tunnel(next, "");
  if (!id.ok()) return id.status();
  *reply = render(editor.model(), *editor.model().find(*id));
  return absl::OkStatus();
}

absl::Status rotate(Editor& editor, const v1::RotateTunnelPasswordRequest& request,
                    const std::string& password, v1::Tunnel* reply) {
  const auto old = find_with_password(editor, request.name(), request.etag());
  if (!old.ok()) return old.status();
  if (!(*old)->previous_password().empty() && !request.force()) {
    return make_error(absl::StatusCode::kFailedPrecondition, "ROTATION_UNDER_WAY",
                      fmt::format("the password before the current one of {} is still valid; end "
                                  "that rotation first, or set force",
                                  tunnel_name((*old)->id())),
                      {{"resource", tunnel_name((*old)->id())}});
  }
  if (password == (*old)->password()) {
    return invalid_field("password", "NOT_NEW", "is the one the tunnel has");
  }
  v1::Tunnel next = **old;
  set_credential(next, {password, next.password(), next.update_key()});
  return put_secrets(editor, std::move(next), reply);
}

absl::Status end_rotation(Editor& editor, const v1::EndTunnelPasswordRotationRequest& request,
                          v1::Tunnel* reply) {
  const auto old = find_with_password(editor, request.name(), request.etag());
  if (!old.ok()) return old.status();
  v1::Tunnel next = **old;
  next.clear_previous_password();
  return put_secrets(editor, std::move(next), reply);
}

absl::Status set_update_key(Editor& editor, const v1::SetTunnelUpdateKeyRequest& request,
                            const std::string& key, v1::Tunnel* reply) {
  const auto old = find_named(editor, request.name(), request.etag());
  if (!old.ok()) return old.status();
  v1::Tunnel next = **old;
  next.set_update_key(key);
  return put_secrets(editor, std::move(next), reply);
}

v1::LookupTunnelsResponse::MatchedBy matched_by(v1::Pool::Kind kind) {
  switch (kind) {
    case v1::Pool::LINK:
      return v1::LookupTunnelsResponse::LINK_PREFIX;
    case v1::Pool::ROUTED:
      return v1::LookupTunnelsResponse::ROUTED_PREFIX;
    case v1::Pool::DELEGATED:
      return v1::LookupTunnelsResponse::DELEGATED_PREFIX;
    default:
      return v1::LookupTunnelsResponse::MATCHED_BY_UNSPECIFIED;
  }
}

// Fills `reply` with at most `limit` matches; none is not an error here.
absl::Status look_up(const Model& model, const std::string& key, std::size_t limit,
                     v1::LookupTunnelsResponse* reply) {
  const auto add = [&](const v1::Tunnel* tunnel, v1::LookupTunnelsResponse::MatchedBy by) {
    if (tunnel == nullptr) return;
    if (std::size_t(reply->matches_size()) == limit) {
      reply->set_truncated(true);
      return;
    }
    auto* match = reply->add_matches();
    *match->mutable_tunnel() = render(model, *tunnel);
    match->set_matched_by(by);
  };
  if (const auto id = parse_tunnel_name(key)) {
    add(model.find(*id), v1::LookupTunnelsResponse::ID);
    return absl::OkStatus();
  }
  if (const auto remote = parse_outer_address(key)) {
    const Model::Owner owner = model.owner(remote->hi());
    if (!remote->is_ipv4_mapped()) add(owner.tunnel, matched_by(owner.kind));
    for (const v1::Tunnel* tunnel : model.with_remote(*remote, limit + 1)) {
      add(tunnel, v1::LookupTunnelsResponse::REMOTE);
    }
    return absl::OkStatus();
  }
  if (const auto prefix = Ipv6Prefix::parse(key)) {
    const HiRange range =
        hi_range(*prefix).value_or(HiRange{prefix->address.hi(), prefix->address.hi()});
    for (const Model::Owner& owner : model.owners(range, limit + 1)) {
      add(owner.tunnel, matched_by(owner.kind));
    }
    return absl::OkStatus();
  }
  return invalid_field("key", "BAD_KEY",
                       fmt::format("'{}' is no tunnel's name, address or prefix", key));
}

}  // namespace

grpc::Status TunnelService::CreateTunnel(grpc::ServerContext* rpc,
                                         const v1::CreateTunnelRequest* request,
                                         v1::Tunnel* reply) {
  NewTunnel tunnel = take_tunnel(own(request));
  const auto add = [&](const PoolPlan& plan, const v1::Tunnel& made) {
    *reply = render(plan, made);
  };
  const auto make = [&](Editor& editor) {
    absl::Status status = create(editor, std::move(tunnel), [] { return std::string(); });
    if (status.ok() && request->validate_only()) each_created(editor, add);
    return status;
  };
  Engine::Outcome outcome;
  const grpc::Status done = change(context_, *rpc, *request, "CreateTunnel", make, &outcome);
  if (done.ok()) each_created(outcome, add);
  return done;
}

grpc::Status TunnelService::UpdateTunnel(grpc::ServerContext* rpc,
                                         const v1::UpdateTunnelRequest* request,
                                         v1::Tunnel* reply) {
  return change(context_, *rpc, *request, "UpdateTunnel",
                [&](Editor& editor) { return update(editor, *request, "", reply); });
}

grpc::Status TunnelService::DeleteTunnel(grpc::ServerContext* rpc,
                                         const v1::DeleteTunnelRequest* request,
                                         google::protobuf::Empty*) {
  return change(context_, *rpc, *request, "DeleteTunnel",
                [&](Editor& editor) { return erase(editor, *request, ""); });
}

grpc::Status TunnelService::BatchCreateTunnels(grpc::ServerContext* rpc,
                                               const v1::BatchCreateTunnelsRequest* request,
                                               v1::BatchCreateTunnelsResponse* reply) {
  const int count = request->requests_size();
  std::vector<NewTunnel> tunnels;
  tunnels.reserve(std::size_t(count));
  for (v1::CreateTunnelRequest& one : *own(request).mutable_requests()) {
    tunnels.push_back(take_tunnel(one));
  }
  const auto add = [&](const PoolPlan& plan, const v1::Tunnel& made) {
    add_rendered(*reply, v1::BatchCreateTunnelsResponse::kTunnelsFieldNumber, plan, made);
  };
  const auto make = [&](Editor& editor, const v1::CreateTunnelRequest&, RequestPath at) {
    absl::Status status = create(editor, std::move(tunnels[std::size_t(at.index)]),
                                 [&]() -> std::string { return at; });
    const bool last = at.index + 1 == count;
    if (status.ok() && last && request->validate_only()) each_created(editor, add);
    return status;
  };
  Engine::Outcome outcome;
  const grpc::Status done =
      change_each(context_, *rpc, *request, "BatchCreateTunnels", make, &outcome);
  if (done.ok()) each_created(outcome, add);
  return done;
}

grpc::Status TunnelService::BatchUpdateTunnels(grpc::ServerContext* rpc,
                                               const v1::BatchUpdateTunnelsRequest* request,
                                               v1::BatchUpdateTunnelsResponse* reply) {
  return change_each(
      context_, *rpc, *request, "BatchUpdateTunnels",
      [&](Editor& editor, const v1::UpdateTunnelRequest& one, const std::string& at) {
        return update(editor, one, at, reply->add_tunnels());
      });
}

grpc::Status TunnelService::BatchDeleteTunnels(grpc::ServerContext* rpc,
                                               const v1::BatchDeleteTunnelsRequest* request,
                                               google::protobuf::Empty*) {
  return change_each(context_, *rpc, *request, "BatchDeleteTunnels", erase);
}

template <typename Request>
grpc::Status TunnelService::set_state(grpc::ServerContext* rpc, const Request& request,
                                      std::string_view method, v1::Tunnel::AdminState state,
                                      v1::Tunnel* reply) {
  const auto id = tunnel_id_of("name", request.name());
  if (!id.ok()) return to_grpc(id.status());
  return change(context_, *rpc, request, method, [&](Editor& editor) -> absl::Status {
    const v1::Tunnel* old = editor.model().find(*id);
    if (old == nullptr) return tunnel_not_found(tunnel_name(*id));
    if (auto s = check_etag(request.etag(), *old, tunnel_name(*id)); !s.ok()) return s;
    v1::Tunnel next = *old;
    next.set_admin_state(state);
    if (auto put = editor.put_tunnel(next, "tunnel."); !put.ok()) return put.status();
    *reply = render(editor.model(), *editor.model().find(*id));
    return absl::OkStatus();
  });
}

grpc::Status TunnelService::EnableTunnel(grpc::ServerContext* rpc,
                                         const v1::EnableTunnelRequest* request,
                                         v1::Tunnel* reply) {
  return set_state(rpc, *request, "EnableTunnel", v1::Tunnel::ENABLED, reply);
}

grpc::Status TunnelService::DisableTunnel(grpc::ServerContext* rpc,
                                          const v1::DisableTunnelRequest* request,
                                          v1::Tunnel* reply) {
  return set_state(rpc, *request, "DisableTunnel", v1::Tunnel::DISABLED, reply);
}

grpc::Status TunnelService::RotateTunnelPassword(grpc::ServerContext* rpc,
                                                 const v1::RotateTunnelPasswordRequest* request,
                                                 v1::RotateTunnelPasswordResponse* reply) {
  const std::string password = request->password().empty() ? make_password() : request->password();
  const grpc::Status done = change(
      context_, *rpc, *request, "RotateTunnelPassword",
      [&](Editor& editor) { return rotate(editor, *request, password, reply->mutable_tunnel()); });
  if (done.ok()) reply->set_password(password);
  return done;
}

grpc::Status TunnelService::EndTunnelPasswordRotation(
    grpc::ServerContext* rpc, const v1::EndTunnelPasswordRotationRequest* request,
    v1::Tunnel* reply) {
  return change(context_, *rpc, *request, "EndTunnelPasswordRotation",
                [&](Editor& editor) { return end_rotation(editor, *request, reply); });
}

grpc::Status TunnelService::SetTunnelUpdateKey(grpc::ServerContext* rpc,
                                               const v1::SetTunnelUpdateKeyRequest* request,
                                               v1::SetTunnelUpdateKeyResponse* reply) {
  const std::string key = request->update_key().empty() ? make_password() : request->update_key();
  const grpc::Status done =
      change(context_, *rpc, *request, "SetTunnelUpdateKey", [&](Editor& editor) {
        return set_update_key(editor, *request, key, reply->mutable_tunnel());
      });
  if (done.ok()) reply->set_update_key(key);
  return done;
}

grpc::Status TunnelService::GetTunnel(grpc::ServerContext*, const v1::GetTunnelRequest* request,
                                      v1::Tunnel* reply) {
  const auto id = tunnel_id_of("name", request->name());
  if (!id.ok()) return to_grpc(id.status());
  const bool found = context_.engine.read([&](const Model& model, const Engine::Info&) {
    const v1::Tunnel* tunnel = model.find(*id);
    if (tunnel != nullptr) *reply = render(model, *tunnel);
    return tunnel != nullptr;
  });
  return found ? grpc::Status::OK : to_grpc(tunnel_not_found(tunnel_name(*id)));
}

grpc::Status TunnelService::LookupTunnels(grpc::ServerContext*,
                                          const v1::LookupTunnelsRequest* request,
                                          v1::LookupTunnelsResponse* reply) {
  const auto limit = page_size(request->page_size(), kLookupLimits);
  if (!limit.ok()) return to_grpc(limit.status());
  const absl::Status status = context_.engine.read([&](const Model& model, const Engine::Info&) {
    return look_up(model, request->key(), *limit, reply);
  });
  if (!status.ok()) return to_grpc(status);
  if (reply->matches().empty()) return to_grpc(tunnel_not_found(request->key()));
  return grpc::Status::OK;
}

grpc::Status TunnelService::ListTunnels(grpc::ServerContext*, const v1::ListTunnelsRequest* request,
                                        v1::ListTunnelsResponse* reply) {
  const auto size = page_size(request->page_size(), kListLimits);
  if (!size.ok()) return to_grpc(size.status());
  const auto order = parse_order(request->order_by(), "id");
  if (!order.ok()) return to_grpc(order.status());
  const auto key = tunnel_sort_key(order->field);
  if (!key.ok()) return to_grpc(key.status());
  const ListQuery query{request->filter(), request->order_by(), request->page_token(), *size};
  auto page = list_tunnels(context_.engine, query, *order, *key);
  if (!page.ok()) return to_grpc(page.status());
  context_.engine.read([&](const Model& model, const Engine::Info&) {
    for (const uint32_t id : page->ids) {
      // One deleted since the scan is left out.
      const v1::Tunnel* tunnel = model.find(id);
      if (tunnel == nullptr) continue;
      add_rendered(*reply, v1::ListTunnelsResponse::kTunnelsFieldNumber, model.plan(), *tunnel);
    }
    reply->set_total_size(uint32_t(model.tunnel_count()));
  });
  reply->set_next_page_token(page->next_page_token);
  return grpc::Status::OK;
}

}  // namespace simplon::control
