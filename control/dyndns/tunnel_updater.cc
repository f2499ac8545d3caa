// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/tunnel_updater.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/dyndns/update_request.h"
#include "control/error/error.h"
#include "control/model/render.h"
#include "control/runtime/endpoint_command.h"
#include "control/text/absl_text.h"
#include "dataplane/table/endpoint_rules.h"

namespace simplon::control {
namespace {

using Answer = UpdateOutcome::Answer;

// Routers give up after some seconds, and ask again.
constexpr std::chrono::milliseconds kPatience{8000};
// Of an account, when its credentials are tried: what more there are is told badauth.
constexpr std::size_t kMaxKeysTried = 256;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest digest_of(std::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// How long it takes says nothing about the key. A tunnel without a key has none that fits.
bool fits(const std::string& update_key, const Digest& given) {
  const Digest own = digest_of(update_key);
  return CRYPTO_memcmp(own.data(), given.data(), own.size()) == 0 && !update_key.empty();
}

bool may_use_name(const Model& model, const std::string& account) {
  const v1::Account* found = account.empty() ? nullptr : model.find_account(account);
  return found != nullptr && found->state() != v1::Account::DISABLED;
}

// The credentials are good for some tunnel.
bool are_credentials(const Model& model, const UpdateAttempt& attempt, const Digest& given) {
  if (const auto id = tunnel_of_hostname(attempt.user)) {
    const v1::Tunnel* tunnel = model.find(*id);
    if (tunnel != nullptr && fits(tunnel->update_key(), given)) return true;
  }
  if (!may_use_name(model, attempt.user)) return false;
  auto ids = model.tunnels_of(attempt.user);
  ids.resize(std::min(ids.size(), kMaxKeysTried));
  return std::ranges::any_of(
      ids, [&](uint32_t id) { return fits(model.find(id)->update_key(), given); });
}

// kGood: the tunnel is the user's. Who has no key learns nothing about which tunnels there are.
Answer check_access(const Model& model, const UpdateAttempt& attempt) {
  const Digest given = digest_of(attempt.key);
  const v1::Tunnel* tunnel = attempt.tunnel == 0 ? nullptr : model.find(attempt.tunnel);
  const bool key_fits = fits(tunnel == nullptr ? "" : tunnel->update_key(), given);
  const bool theirs = tunnel != nullptr &&
                      (tunnel_of_hostname(attempt.user) == attempt.tunnel ||
                       (tunnel->account() == attempt.user && may_use_name(model, attempt.user)));
  if (theirs) return key_fits ? Answer::kGood : Answer::kBadAuth;
  return are_credentials(model, attempt, given) ? Answer::kNoHost : Answer::kBadAuth;
}

bool takes_family(const v1::Tunnel& tunnel, bool ipv4) {
  if (const auto local = parse_outer_address(tunnel.local())) {
    return local->is_ipv4_mapped() == ipv4;
  }
  switch (tunnel.type()) {
    case v1::Tunnel::PROTO41:
      return ipv4;
    case v1::Tunnel::IPV6_TUNNEL:
      return !ipv4;
    default:
      return true;
  }
}

// Routers with both families may give an address of each.
std::optional<Ipv6Address> choose(const v1::Tunnel& tunnel, const std::optional<Ipv6Address>& old,
                                  const std::vector<Ipv6Address>& given) {
  const auto possible = [&](const Ipv6Address& address) {
    return takes_family(tunnel, address.is_ipv4_mapped());
  };
  const auto as_before = [&](const Ipv6Address& address) {
    return possible(address) && old && old->is_ipv4_mapped() == address.is_ipv4_mapped();
  };
  auto found = std::ranges::find_if(given, as_before);
  if (found == given.end()) found = std::ranges::find_if(given, possible);
  return found == given.end() ? std::nullopt : std::optional(*found);
}

// Why no client can have the address (docs/protocols.md §10.3); null: one can.
const char* fault_of(const ConfigContext& context, const Ipv6Address& address) {
  const PopRecord& pop = context.pop();
  const bool ipv4 = address.is_ipv4_mapped();
  constexpr uint32_t kLinkLocal = 0xa9fe;  // 169.254/16, RFC 3927
  if (!is_usable_endpoint(address) || (ipv4 && address.ipv4().value() >> 16 == kLinkLocal)) {
    return "the address is not one of a host";
  }
  const bool is_private_address = ipv4 ? is_private(address.ipv4()) : is_private(address);
  if (is_private_address && (pop.flags & kPopAllowPrivateEndpoints) == 0) {
    return "the address is private";
  }
  if (ipv4 ? is_pops_ipv4(pop, address.ipv4()) : is_pops_ipv6(pop, address)) {
    return "the address is the PoP's, or of its link";
  }
  if (std::ranges::binary_search(context.refused_endpoints(), address)) {
    return "the address is another PoP's";
  }
  if (context.pool_of(address) != nullptr) return "the address is behind a tunnel of this PoP";
  return nullptr;
}

bool in_force(const v1::PublishStatus& status) {
  return status.state() == v1::PublishStatus::ACTIVE ||
         status.state() == v1::PublishStatus::STALLED;
}

std::string text_of(const std::optional<Ipv6Address>& address) {
  return address ? to_outer_text(*address) : "-";
}

}  // namespace

UpdateOutcome TunnelUpdater::update(const UpdateAttempt& attempt) {
  Plan plan;
  const UpdateOutcome outcome = decide(attempt, plan);
  spdlog::info("event=endpoint_update tunnel={} from={} by={} old={} new={} answer={}{}",
               attempt.tunnel == 0 ? "-" : fmt::format("T{}", attempt.tunnel),
               to_outer_text(attempt.source), attempt.tls ? "https" : "http", text_of(plan.old),
               text_of(plan.next), word_of(outcome.answer),
               plan.why.empty() ? "" : fmt::format(" reason=\"{}\"", plan.why));
  return outcome;
}

UpdateOutcome TunnelUpdater::decide(const UpdateAttempt& attempt, Plan& plan) {
  const auto now = now_();
  UpdateOutcome outcome;
  const auto too_often = [&](std::chrono::seconds wait, const char* why) {
    plan.why = why;
    outcome.answer = Answer::kAbuse;
    outcome.wait = wait;
    return outcome;
  };
  if (const auto wait = limits_.check_failures(attempt.source, attempt.tunnel, now);
      wait.count() > 0) {
    return too_often(wait, "too many wrong keys from there");
  }
  plan = context_.engine.read(
      [&](const Model& model, const Engine::Info&) { return make_plan(model, attempt); });
  outcome.answer = plan.answer;
  if (plan.answer == Answer::kLater) return outcome;
  if (plan.answer == Answer::kBadAuth || plan.answer == Answer::kNoHost) {
    limits_.count_failure(attempt.source, attempt.tunnel, now);
    return outcome;
  }
  limits_.forget_failures(attempt.source, attempt.tunnel);
  outcome.address = plan.next;
  const bool changes = plan.answer == Answer::kGood && (plan.old != plan.next || !plan.up);
  if (const auto wait = limits_.take_update(attempt.tunnel, changes,
                                            changes ? plan.most_changes : plan.most_unchanged, now);
      wait.count() > 0) {
    return too_often(wait, changes ? "too many changes" : "too many updates that change nothing");
  }
  if (plan.answer == Answer::kGood) {
    if (is_dynamic_type(plan.type)) {
      command(attempt, plan);
    } else {
      change(attempt, plan);
    }
  }
  outcome.answer = plan.answer;
  return outcome;
}

TunnelUpdater::Plan TunnelUpdater::make_plan(const Model& model,
                                             const UpdateAttempt& attempt) const {
  Plan plan;
  const auto end = [&](Answer answer, std::string why) {
    plan.answer = answer;
    plan.why = std::move(why);
    return plan;
  };
  const v1::Pop& pop = model.config().pop();
  if (pop.service_state() == v1::OUT_OF_SERVICE) {
    return end(Answer::kLater, "the PoP is out of service");
  }
  const Answer access = check_access(model, attempt);
  if (access == Answer::kBadAuth) return end(access, "wrong user or key");
  if (access == Answer::kNoHost) return end(access, "no tunnel of the user's");

  const v1::Tunnel& tunnel = *model.find(attempt.tunnel);
  plan.type = tunnel.type();
  const v1::UpdatePolicy& policy = pop.endpoint_update();
  plan.most_unchanged =
      policy.max_unchanged() != 0 ? policy.max_unchanged() : UpdateLimits::kDefaultUnchanged;
  plan.most_changes =
      policy.max_changes() != 0 ? policy.max_changes() : UpdateLimits::kDefaultChanges;
  if (tunnel.type() == v1::Tunnel::AYIYA) {
    return end(Answer::kNoHost, "AYIYA tells its endpoint, port included, by its packets alone");
  }
  if (tunnel.admin_state() == v1::Tunnel::DISABLED) {
    return end(Answer::kNoHost, "the tunnel is disabled");
  }
  if (is_dynamic_type(tunnel.type())) {
    look_at_runtime(tunnel, plan);
  } else {
    plan.old = parse_outer_address(tunnel.remote());
    plan.up = true;
  }
  plan.next = choose(tunnel, plan.old, attempt.addresses);
  if (!plan.next) {
    if (!attempt.addresses.empty()) plan.next = attempt.addresses.front();
    return end(Answer::kBadAddress, "no address of a family the tunnel can have");
  }
  if (const char* fault = fault_of(model.context(), *plan.next)) {
    return end(Answer::kBadAddress, fault);
  }
  plan.answer = Answer::kGood;
  return plan;
}

void TunnelUpdater::look_at_runtime(const v1::Tunnel& tunnel, Plan& plan) const {
  const auto runtime = context_.runtime.runtime();
  if (runtime == nullptr) return;
  const auto note = context_.runtime.note(tunnel.slot());
  const Endpoint known = runtime->learned(tunnel.slot(), note.incarnation).endpoint;
  if (!known.known()) return;
  plan.old = known.address;
  plan.up = known.up && known.transport == Transport::kProto41;
  const Ipv6Address local = context_.runtime.local_address(known.local_index);
  if (!local.is_unspecified()) plan.local = to_outer_text(local);
}

void TunnelUpdater::change(const UpdateAttempt& attempt, Plan& plan) {
  Engine::Call call;
  call.method = "UpdateEndpoint";
  call.comment =
      fmt::format("by {} from {}", attempt.tls ? "HTTPS" : "HTTP", to_outer_text(attempt.source));
  call.edit = [&](Editor& editor) -> absl::Status {
    // Since the plan was made the tunnel may have become another one, or somebody else's.
    const Model& model = editor.model();
    if (check_access(model, attempt) != Answer::kGood ||
        model.find(attempt.tunnel)->type() != plan.type) {
      return make_error(absl::StatusCode::kAborted, "TUNNEL_CHANGED", "the tunnel has changed");
    }
    v1::Tunnel next = *model.find(attempt.tunnel);
    plan.old = parse_outer_address(next.remote());
    next.set_remote(to_outer_text(*plan.next));
    return editor.put_tunnel(next, "").status();
  };
  const auto done = make_change(context_, std::move(call), kPatience);
  if (!done.ok()) {
    plan.why = to_string(done.status().message());
    plan.answer = absl::IsInvalidArgument(done.status()) ? Answer::kBadAddress : Answer::kLater;
  } else if (!in_force(done->publish)) {
    plan.why = "not in force yet: " + done->publish.message();
    plan.answer = Answer::kLater;
  } else {
    plan.answer = done->outcome.changed ? Answer::kGood : Answer::kNoChange;
  }
}

void TunnelUpdater::command(const UpdateAttempt& attempt, Plan& plan) {
  v1::Endpoint endpoint;
  endpoint.set_address(to_outer_text(*plan.next));
  endpoint.set_transport(v1::TRANSPORT_PROTO41);
  if (plan.old && plan.old->is_ipv4_mapped() == plan.next->is_ipv4_mapped()) {
    endpoint.set_local(plan.local);
  }
  const auto done = set_endpoint(context_, attempt.tunnel, endpoint);
  if (done.ok()) {
    plan.answer = plan.up && plan.old == plan.next ? Answer::kNoChange : Answer::kGood;
    return;
  }
  plan.why = to_string(done.message());
  plan.answer = absl::IsInvalidArgument(done) ? Answer::kBadAddress : Answer::kLater;
}

}  // namespace simplon::control
