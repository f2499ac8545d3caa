// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <memory>
#include <ostream>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_fields.h"
#include "control/cli/tunnel_list.h"
#include "control/cli/tunnel_name.h"
#include "control/config/secret.h"
#include "simplon/v1/tunnel_service.pb.h"

namespace simplon::cli {
namespace {

using google::protobuf::Empty;

constexpr char kPasswordField[] = "password";

// ---- Reading.

struct ListOptions {
  std::optional<std::string> key;
  std::string filter;
  std::string order_by;
  std::optional<uint32_t> limit;
  Interval watch;
};

v1::ListTunnelsResponse find_tunnels(Session& session, const ListOptions& options) {
  const uint32_t limit = options.limit.value_or(UINT32_MAX);
  if (!options.key) return list_tunnels(session, options.filter, options.order_by, limit);
  v1::ListTunnelsResponse all;
  v1::LookupTunnelsRequest request;
  request.set_key(*options.key);
  request.set_page_size(static_cast<int>(std::min(limit, 1000u)));
  const auto found =
      session.client().call<v1::LookupTunnelsResponse>("TunnelService.LookupTunnels", request);
  for (const auto& match : found.matches()) *all.add_tunnels() = match.tunnel();
  all.set_total_size(static_cast<uint32_t>(found.matches_size()));
  if (found.truncated())
    session.err() << "simplonctl: there are more than these " << found.matches_size() << "\n";
  return all;
}

void add_list(Command& noun) {
  const auto options = std::make_shared<ListOptions>();
  Command& verb = noun.add("list", "lists tunnels");
  verb.positional({"TUNNEL|ADDRESS|PREFIX", {}, Completion::kTunnel},
                  "only tunnels that have this number, outer address, or inner address or prefix",
                  into(options->key));
  verb.option("--filter", {"EXPRESSION"},
              "comparisons of fields (= != < <= > >= and : for 'contains') joined by AND, OR, NOT",
              into(options->filter));
  verb.option("--order-by", {"FIELD"},
              "id, slot, remote, mtu, admin_state, account or description; with ' desc' the other "
              "way round",
              into(options->order_by));
  verb.option("--limit", {"N"}, "at most this many", into(options->limit));
  add_watch_option(verb, options->watch);
  verb.example("simplonctl tunnel list")
      .example("simplonctl tunnel list 192.0.2.1")
      .example("simplonctl tunnel list 2001:db8:3000::/40")
      .example("simplonctl tunnel list --filter 'admin_state=DISABLED AND mtu<1480'")
      .example("simplonctl -o json tunnel list --order-by 'slot desc' --limit 10")
      .run([options](Session& session) {
        if (options->key && (!options->filter.empty() || !options->order_by.empty()))
          throw failure(ExitCode::kUsage, "--filter and --order-by are for lists without " +
                                              std::string("TUNNEL|ADDRESS|PREFIX"));
        return refresh(session, options->watch, [&] {
          const auto list = find_tunnels(session, *options);
          return session.render(list, [&] { return tunnel_table(list, session.headers()); });
        });
      });
}

void add_show(Command& noun) {
  struct Options {
    std::string key;
    Interval watch;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("show", "shows everything about one tunnel");
  verb.positional(tunnel_value(), "T-number, an address or prefix of the tunnel, or its remote",
                  into(options->key))
      .required = true;
  add_watch_option(verb, options->watch);
  verb.example("simplonctl tunnel show T18572")
      .example("simplonctl tunnel show 2001:db8:0:2ae::2")
      .example("simplonctl tunnel show 2001:db8:3000::/48")
      .example("simplonctl -o yaml tunnel show 192.0.2.1")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          const v1::Tunnel tunnel = find_tunnel(session, options->key);
          return session.render(tunnel, [&] {
            FieldList fields;
            add_tunnel(fields, tunnel);
            return fields.render();
          });
        });
      });
}

// ---- Changing.

// What every change takes.
struct ChangeOptions {
  std::vector<std::string> names;
  std::string etag;
  std::string comment;
  bool validate_only = false;
};

// What changes fields.
struct TunnelChange : ChangeOptions {
  std::string key;
  TunnelFields fields;
};

void add_change_options(Command& verb, ChangeOptions& options) {
  verb.option("--etag", {"ETAG"}, "only if the tunnel still has this etag (see 'tunnel show')",
              into(options.etag));
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options.comment));
  verb.flag("--validate-only", "check and answer, but change nothing", options.validate_only);
}

// The report of a change. `what`: "T1 created: slot 7".
ExitCode report(Session& session, const google::protobuf::Message& message, bool validate_only,
                const std::string& what) {
  session.print(message, [&] {
    return validate_only ? what + " (only validated: nothing changed)\n"
                         : what + session.revision_text() + "\n";
  });
  return validate_only ? ExitCode::kOk : session.publish_result();
}

// The same of one tunnel; a password that was made for it is shown now and never again.
ExitCode report(Session& session, v1::Tunnel& tunnel, const TunnelChange& options,
                const std::string& what, const std::optional<std::string>& password) {
  const bool show = options.fields.password.generate && !options.validate_only;
  if (show) tunnel.set_password(*password);
  const ExitCode code = report(session, tunnel, options.validate_only, what);
  if (show && session.table()) session.out() << "password  " << *password << "\n";
  return code;
}

std::string place_text(const v1::Tunnel& tunnel) {
  std::string text = "slot " + std::to_string(tunnel.slot());
  if (!tunnel.link_prefix().empty()) text += ", link " + tunnel.link_prefix();
  if (!tunnel.routed_prefix().empty()) text += ", routed " + tunnel.routed_prefix();
  return text;
}

void add_create(Command& noun) {
  const auto options = std::make_shared<TunnelChange>();
  Command& verb = noun.add("create", "creates a tunnel");
  verb.positional({"T-NUMBER"}, "left out: one more than the highest in use",
                  [options](const std::string& text) {
                    tunnel_id(text);
                    options->key = text;
                  });
  add_tunnel_fields(verb, options->fields, false);
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options->comment));
  verb.flag("--validate-only", "check and answer, but create nothing", options->validate_only);
  verb.example("simplonctl tunnel create T18572 --remote 192.0.2.1")
      .example(
          "simplonctl tunnel create T18573 --remote 192.0.2.2 --slot 0x2ae --mtu 1280 "
          "--delegated-prefix 2001:db8:3000::/48 --description 'Jane Doe'")
      .example("simplonctl tunnel create T18574 --type ayiya --generate-password")
      .example(
          "simplonctl tunnel create T18575 --type heartbeat --password-file /root/T18575.secret")
      .example("simplonctl tunnel create --type gre --remote 2001:db8:77::1 --gre-key 4711")
      .example("simplonctl -o json tunnel create --remote 192.0.2.3 --validate-only")
      .run([options](Session& session) {
        v1::CreateTunnelRequest request;
        v1::Tunnel& tunnel = *request.mutable_tunnel();
        if (!options->key.empty()) tunnel.set_id(tunnel_id(options->key));
        tunnel.set_type(v1::Tunnel::PROTO41);
        google::protobuf::FieldMask ignored;
        apply_tunnel_fields(options->fields, tunnel, ignored);
        if (!control::is_dynamic_type(tunnel.type()) && !options->fields.remote)
          throw failure(ExitCode::kUsage,
                        "--remote is required for the type " + type_word(tunnel.type()));
        const auto password = read_secret(options->fields.password, session.err());
        if (password) tunnel.set_password(*password);
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        auto created = session.client().call<v1::Tunnel>("TunnelService.CreateTunnel", request);
        const std::string what = t_number(created) + " created: " + place_text(created);
        return report(session, created, *options, what, password);
      });
}

void add_update(Command& noun) {
  const auto options = std::make_shared<TunnelChange>();
  Command& verb = noun.add("update", "changes fields of a tunnel");
  verb.positional(tunnel_value(), "T-number, an address or prefix of the tunnel, or its remote",
                  into(options->key))
      .required = true;
  add_tunnel_fields(verb, options->fields, true);
  add_change_options(verb, *options);
  verb.example("simplonctl tunnel update T18572 --remote 192.0.2.77")
      .example("simplonctl tunnel update 2001:db8:0:2ae::2 --mtu 1280 --ecn normal")
      .example("simplonctl tunnel update T18572 --description '' --no-delegated-prefixes")
      .example("simplonctl tunnel update T18574 --type dynamic --beat-timeout 5m")
      .run([options](Session& session) {
        const TunnelFields& fields = options->fields;
        v1::UpdateTunnelRequest request;
        v1::Tunnel& tunnel = *request.mutable_tunnel();
        apply_tunnel_fields(fields, tunnel, *request.mutable_update_mask());
        const auto exclude = [](bool value, bool none, const char* what) {
          if (value && none) throw failure(ExitCode::kUsage, what);
        };
        exclude(!fields.delegated_prefixes.empty(), fields.no_delegated_prefixes,
                "--delegated-prefix and --no-delegated-prefixes exclude each other");
        exclude(!fields.ipv4_prefixes.empty(), fields.no_ipv4_prefixes,
                "--ipv4-prefix and --no-ipv4-prefixes exclude each other");
        exclude(fields.gre_key.has_value(), fields.no_gre_key,
                "--gre-key and --no-gre-key exclude each other");
        const auto password = read_secret(fields.password, session.err());
        if (password) {
          tunnel.set_password(*password);
          request.mutable_update_mask()->add_paths(kPasswordField);
        }
        if (request.update_mask().paths().empty())
          throw failure(ExitCode::kUsage, "nothing to change: give at least one field");
        tunnel.set_id(tunnel_id(find_tunnel_name(session, options->key)));
        tunnel.set_etag(options->etag);
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        auto updated = session.client().call<v1::Tunnel>("TunnelService.UpdateTunnel", request);
        std::string what = t_number(updated) + " updated:";
        for (const std::string& path : request.update_mask().paths())
          what += " " + path + (path == kPasswordField ? "" : " " + field_text(updated, path));
        return report(session, updated, *options, what, password);
      });
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name.substr(name.find('/') + 1);
  return text;
}

std::vector<std::string> find_names(Session& session, const ChangeOptions& options) {
  if (options.names.size() > 1 && !options.etag.empty())
    throw failure(ExitCode::kUsage, "--etag is for one tunnel");
  std::vector<std::string> names;
  for (const std::string& key : options.names) names.push_back(find_tunnel_name(session, key));
  return names;
}

void add_enable_or_disable(Command& noun, bool enable) {
  const auto options = std::make_shared<ChangeOptions>();
  const std::string word = enable ? "enable" : "disable";
  Command& verb = noun.add(
      word, enable ? "lets disabled tunnels forward again" : "stops tunnels, keeping them");
  Argument& keys =
      verb.positional(tunnel_value(), "T-number, an address or prefix of the tunnel, or its remote",
                      into(options->names));
  keys.required = keys.repeatable = true;
  add_change_options(verb, *options);
  verb.example("simplonctl tunnel " + word + " T18572")
      .example("simplonctl tunnel " + word + " T18572 T18573 --comment 'ticket 4711'")
      .run([options, enable, word](Session& session) {
        const std::vector<std::string> names = find_names(session, *options);
        const std::string what = names_text(names) + " " + word + "d";
        const auto set_common = [&](auto& request) {
          request.set_validate_only(options->validate_only);
          request.set_comment(options->comment);
        };
        if (names.size() == 1) {
          const auto set_enabled = [&](auto request, const char* method) {
            request.set_name(names.front());
            request.set_etag(options->etag);
            set_common(request);
            return session.client().call<v1::Tunnel>(method, request);
          };
          const v1::Tunnel tunnel =
              enable ? set_enabled(v1::EnableTunnelRequest(), "TunnelService.EnableTunnel")
                     : set_enabled(v1::DisableTunnelRequest(), "TunnelService.DisableTunnel");
          return report(session, tunnel, options->validate_only, what);
        }
        v1::BatchUpdateTunnelsRequest request;
        set_common(request);
        for (const std::string& name : names) {
          v1::UpdateTunnelRequest& one = *request.add_requests();
          one.mutable_tunnel()->set_id(tunnel_id(name));
          one.mutable_tunnel()->set_admin_state(enable ? v1::Tunnel::ENABLED
                                                       : v1::Tunnel::DISABLED);
          one.mutable_update_mask()->add_paths("admin_state");
        }
        const auto changed = session.client().call<v1::BatchUpdateTunnelsResponse>(
            "TunnelService.BatchUpdateTunnels", request);
        return report(session, changed, options->validate_only, what);
      });
}

void add_delete(Command& noun) {
  struct Options : ChangeOptions {
    bool allow_missing = false;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("delete", "deletes tunnels, all or none of them");
  Argument& keys =
      verb.positional(tunnel_value(), "T-number, an address or prefix of the tunnel, or its remote",
                      into(options->names));
  keys.required = keys.repeatable = true;
  add_change_options(verb, *options);
  verb.flag("--allow-missing", "succeed where there is no such tunnel", options->allow_missing);
  verb.example("simplonctl tunnel delete T18572")
      .example("simplonctl tunnel delete T18572 T18573 --validate-only")
      .example("simplonctl tunnel delete T18572 --allow-missing")
      .run([options](Session& session) {
        const std::vector<std::string> names = find_names(session, *options);
        Empty empty;
        if (names.size() == 1) {
          v1::DeleteTunnelRequest request;
          request.set_name(names.front());
          request.set_etag(options->etag);
          request.set_allow_missing(options->allow_missing);
          request.set_validate_only(options->validate_only);
          request.set_comment(options->comment);
          empty = session.client().call<Empty>("TunnelService.DeleteTunnel", request);
        } else {
          v1::BatchDeleteTunnelsRequest request;
          request.set_validate_only(options->validate_only);
          request.set_comment(options->comment);
          for (const std::string& name : names) {
            v1::DeleteTunnelRequest& one = *request.add_requests();
            one.set_name(name);
            one.set_allow_missing(options->allow_missing);
          }
          empty = session.client().call<Empty>("TunnelService.BatchDeleteTunnels", request);
        }
        return report(session, empty, options->validate_only, names_text(names) + " deleted");
      });
}

}  // namespace

void add_tunnel_commands(Command& root) {
  Command& noun = root.add("tunnel", "tunnels: configuration, passwords, state, errors");
  noun.describe(
      "A TUNNEL is named by its T-number (T18572, tunnels/T18572, 18572), by any address in its "
      "link, routed or delegated prefixes, by such a prefix, or by the client's outer address.");
  add_list(noun);
  add_show(noun);
  add_create(noun);
  add_update(noun);
  add_enable_or_disable(noun, true);
  add_enable_or_disable(noun, false);
  add_delete(noun);
  add_tunnel_password_commands(noun);
  add_tunnel_client_config_command(noun);
  add_tunnel_state_commands(noun);
  add_tunnel_error_commands(noun);
}

}  // namespace simplon::cli
