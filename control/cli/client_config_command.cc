// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <memory>
#include <ostream>

#include "control/cli/client_config/client_config.h"
#include "control/cli/grammar.h"
#include "control/cli/tunnel_name.h"
#include "simplon/v1/config_service.pb.h"
#include "simplon/v1/pop_service.pb.h"

namespace simplon::cli {
namespace {

struct Options {
  std::string key;
  std::string platform;
  std::string host;
  bool secrets = false;
};

// The tunnel with its secrets: only the whole configuration is exported with them.
v1::Tunnel with_secrets(Session& session, uint32_t id) {
  v1::GetConfigRequest request;
  request.set_with_secrets(true);
  const auto response =
      session.patient_client().call<v1::GetConfigResponse>("ConfigService.GetConfig", request);
  const auto& tunnels = response.config().tunnels();
  const auto found = std::find_if(tunnels.begin(), tunnels.end(),
                                  [id](const v1::Tunnel& tunnel) { return tunnel.id() == id; });
  if (found == tunnels.end())
    throw failure(ExitCode::kNotFound, "T" + std::to_string(id) + " has gone meanwhile");
  return *found;
}

std::string choice(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

ExitCode run(Session& session, const Options& options) {
  ClientConfigRequest request;
  request.platform = options.platform;
  request.host = options.host;
  request.tunnel = find_tunnel(session, options.key);
  request.pop = session.client().call<v1::Pop>("PopService.GetPop", v1::GetPopRequest());
  if (options.secrets) {
    client_config(request);  // what cannot be needs no secrets
    const v1::Tunnel secret = with_secrets(session, request.tunnel.id());
    request.tunnel.set_password(secret.password());
    request.tunnel.set_update_key(secret.update_key());
  }
  const std::string text = client_config(request);
  session.out() << text;
  const bool names_server = text.find("/nic/update?") != std::string::npos ||
                            text.find("\ntunnel_id ") != std::string::npos ||
                            text.find("\ntunnel = ") != std::string::npos;
  if (names_server && options.host.empty())
    session.err() << "simplonctl: without --host the PoP's tunnel address stands for TIC and HTTP: "
                     "right only if simplon-control listens there\n";
  return ExitCode::kOk;
}

}  // namespace

void add_tunnel_client_config_command(Command& noun) {
  const auto options = std::make_shared<Options>();
  Command& verb =
      noun.add("client-config", "prints what to configure at the other end of a tunnel");
  verb.describe(
      "Complete and ready to paste, for exactly this tunnel: addresses, MTU, routes, the prefixes "
      "routed to it on a LAN, firewall, and beats or endpoint updates where it has them. What the "
      "system cannot do is refused, with what can. Secrets are left to be filled in, unless "
      "--with-secrets puts in the password and update key; that of an account nobody can read.");
  verb.positional(tunnel_value(), "T-number, an address or prefix of the tunnel, or its remote",
                  into(options->key))
      .required = true;
  const std::vector<std::string> words = client_platforms();
  verb.option("--for", {"SYSTEM", words}, "the system at the other end: " + choice(words),
              into(options->platform))
      .required = true;
  verb.option("--host", {"NAME"},
              "name the PoP has for TIC and HTTP; left out: its address, and HTTP without TLS",
              into(options->host));
  verb.flag("--with-secrets", "with the password and update key of the tunnel, in clear",
            options->secrets);
  verb.example("simplonctl tunnel client-config T101 --for linux")
      .example("simplonctl tunnel client-config T101 --for openwrt --host pop1.example.net")
      .example("simplonctl tunnel client-config 2001:db8:0:2ae::2 --for ios --with-secrets")
      .run([options](Session& session) { return run(session, *options); });
}

}  // namespace simplon::cli
