// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/options.h"

#include <CLI/CLI.hpp>

namespace simplon::control {

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
  CLI::App app(
      "simplon-control keeps the configuration of a Simplon PoP, publishes it to simplon-dataplane "
      "and serves the gRPC API.",
      "simplon-control");
  app.set_version_flag("--version", "simplon-control " SIMPLON_VERSION);
  app.add_option("--state-dir", options.state_directory, "folder of the store (simplon.db)")
      ->capture_default_str();
  app.add_option("--dataplane-socket", options.dataplane_socket, "where simplon-dataplane listens")
      ->capture_default_str();
  app.add_option("--listen", options.listen,
                 "address of the API: unix:PATH or HOST:PORT; may be given several times "
                 "(default: unix:/run/simplon/admin.sock)")
      ->allow_extra_args(false);
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  const auto add_listen = [&app](const char* name, std::vector<std::string>& target,
                                 const char* help) {
    app.add_option(name, target, help)->allow_extra_args(false);
  };
  add_listen("--tic-listen", options.tic_listen,
             "HOST:PORT to serve TIC on, usually [::]:3874; may be given several times (default: "
             "not served)");
  add_listen(
      "--http-listen", options.http_listen,
      "HOST:PORT to take endpoint updates on over HTTP; may be given several times (default: "
      "not served)");
  add_listen("--https-listen", options.https_listen,
             "the same over HTTPS, with the certificate; may be given several times");
  add_listen("--console-listen", options.console_listen,
             "HOST:PORT of the management console of the original daemon, usually 127.0.0.1:42003; "
             "may be given several times (default: not served)");
  CLI::Option* certificate =
      app.add_option("--tls-certificate", options.tls_certificate,
                     "PEM file with the certificate chain for TIC's starttls and for HTTPS");
  CLI::Option* key = app.add_option("--tls-key", options.tls_key, "PEM file with its private key");
  certificate->needs(key);
  key->needs(certificate);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  if (options.listen.empty()) options.listen = {"unix:/run/simplon/admin.sock"};
  return true;
}

}  // namespace simplon::control
