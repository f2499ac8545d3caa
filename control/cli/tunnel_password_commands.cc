// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <memory>
#include <ostream>

#include "control/cli/grammar.h"
#include "control/cli/secrets.h"
#include "control/cli/state_text.h"
#include "control/cli/tunnel_name.h"
#include "simplon/v1/tunnel_service.pb.h"

namespace simplon::cli {
namespace {

constexpr char kTunnelHelp[] = "T-number, an address or prefix of the tunnel, or its remote";

struct Options {
  std::string key;
  SecretOptions password;
  bool force = false;
  bool remove = false;
  std::string etag;
  std::string comment;
};

void add_common_options(Command& verb, Options& options) {
  verb.option("--etag", {"ETAG"}, "only if the tunnel still has this etag (see 'tunnel show')",
              into(options.etag));
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options.comment));
}

void add_rotate(Command& noun) {
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("rotate-password", "gives a tunnel a new password beside the old one");
  verb.describe(
      "Both are valid until 'tunnel end-rotation', so that the client can change over when it "
      "likes. Where no password is given the server makes one of 128 random bits and it is "
      "printed, "
      "once: no later command shows it.");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  add_secret_options(verb, options->password, false);
  verb.flag("--force",
            "although a rotation is under way: the oldest password ceases to be valid at once",
            options->force);
  add_common_options(verb, *options);
  verb.example("simplonctl tunnel rotate-password T18574")
      .example("simplonctl tunnel rotate-password T18574 --password-file /root/T18574.secret")
      .example("simplonctl -o json tunnel rotate-password T18574 --force")
      .run([options](Session& session) {
        v1::RotateTunnelPasswordRequest request;
        request.set_password(read_secret(options->password, session.err()).value_or(""));
        request.set_name(find_tunnel_name(session, options->key));
        request.set_etag(options->etag);
        request.set_force(options->force);
        request.set_comment(options->comment);
        const auto response = session.client().call<v1::RotateTunnelPasswordResponse>(
            "TunnelService.RotateTunnelPassword", request);
        session.print(response, [&] {
          const std::string name = "T" + std::to_string(response.tunnel().id());
          std::string text = name + " has a new password" + session.revision_text() + "\n";
          if (request.password().empty()) text += "password  " + response.password() + "\n";
          return text + "the old one stays valid until 'simplonctl tunnel end-rotation " + name +
                 "'\n";
        });
        return session.publish_result();
      });
}

void add_end_rotation(Command& noun) {
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("end-rotation", "makes the password before the current one invalid");
  verb.describe(
      "'tunnel state' says whether the client still signs with it. Not yet changed over, it is "
      "shut "
      "out.");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  add_common_options(verb, *options);
  verb.example("simplonctl tunnel end-rotation T18574").run([options](Session& session) {
    v1::EndTunnelPasswordRotationRequest request;
    request.set_name(find_tunnel_name(session, options->key));
    request.set_etag(options->etag);
    request.set_comment(options->comment);
    const auto tunnel =
        session.client().call<v1::Tunnel>("TunnelService.EndTunnelPasswordRotation", request);
    session.print(tunnel, [&] {
      return "T" + std::to_string(tunnel.id()) + ": only the current password is valid" +
             session.revision_text() + "\n";
    });
    return session.publish_result();
  });
}

ExitCode remove_update_key(Session& session, const Options& options) {
  if (options.password.given())
    throw failure(ExitCode::kUsage, "--remove and a key exclude each other");
  v1::UpdateTunnelRequest request;
  request.mutable_tunnel()->set_name(find_tunnel_name(session, options.key));
  request.mutable_tunnel()->set_etag(options.etag);
  request.mutable_update_mask()->add_paths("update_key");
  request.set_comment(options.comment);
  const auto tunnel = session.client().call<v1::Tunnel>("TunnelService.UpdateTunnel", request);
  session.print(tunnel, [&] {
    return "T" + std::to_string(tunnel.id()) + " has no update key" + session.revision_text() +
           "\n";
  });
  return session.publish_result();
}

ExitCode set_update_key(Session& session, const Options& options) {
  v1::SetTunnelUpdateKeyRequest request;
  request.set_update_key(read_secret(options.password, session.err()).value_or(""));
  request.set_name(find_tunnel_name(session, options.key));
  request.set_etag(options.etag);
  request.set_comment(options.comment);
  const auto response = session.client().call<v1::SetTunnelUpdateKeyResponse>(
      "TunnelService.SetTunnelUpdateKey", request);
  session.print(response, [&] {
    std::string text = "T" + std::to_string(response.tunnel().id()) + " has a new update key" +
                       session.revision_text() + "\n";
    if (request.update_key().empty()) text += "update key  " + response.update_key() + "\n";
    return text;
  });
  return session.publish_result();
}

void add_set_update_key(Command& noun) {
  const auto options = std::make_shared<Options>();
  options->password.what = "update key";
  Command& verb =
      noun.add("set-update-key", "gives a tunnel a new key for endpoint updates over HTTP");
  verb.describe(
      "With it a router or another dyndns client tells its new address. The key it had ceases to "
      "be valid. Where none is given the server makes one of 128 random bits and it is printed, "
      "once: no later command shows it.");
  verb.positional(tunnel_value(), kTunnelHelp, into(options->key)).required = true;
  add_secret_options(verb, options->password, false);
  verb.flag("--remove", "take the key away: no updates any more", options->remove);
  add_common_options(verb, *options);
  verb.example("simplonctl tunnel set-update-key T18572")
      .example("simplonctl tunnel set-update-key T18572 --update-key-file /root/T18572.key")
      .example("simplonctl tunnel set-update-key T18572 --remove")
      .run([options](Session& session) {
        return options->remove ? remove_update_key(session, *options)
                               : set_update_key(session, *options);
      });
}

}  // namespace

void add_tunnel_password_commands(Command& noun) {
  add_rotate(noun);
  add_end_rotation(noun);
  add_set_update_key(noun);
}

}  // namespace simplon::cli
