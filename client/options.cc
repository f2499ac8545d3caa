// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/options.h"

#include <CLI/CLI.hpp>

#include "client/text/words.h"

namespace simplon::client {

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
  CLI::App app(
      "simplon-client gives this machine IPv6 through a tunnel of your broker: 6in4, heartbeat or "
      "AYIYA. It reads /etc/simplon-client.conf or, where that is not, /etc/aiccu.conf.",
      "simplon-client");
  app.set_version_flag("--version", "simplon-client " SIMPLON_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-c,--config", options.config, "settings file, in our form or as aiccu.conf");
  app.add_option("--state-dir", options.state_directory,
                 "folder of lock and state (default: /run/simplon-client)");
  app.add_flag("-v,--verbose", options.verbose, "say more");

  const CLI::Validator word(
      [](std::string& text) { return is_word(text, 128) ? "" : "is not one word"; }, "", "word");
  const auto add = [&](Command command, const char* name, const char* help) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->callback([&options, command] { options.command = command; });
    return sub;
  };
  CLI::App* start = add(Command::kStart, "start", "bring the tunnel up and keep it up");
  start->add_option("TUNNEL", options.tunnel, "which, such as T123, if you have several")
      ->check(word);
  CLI::Option* daemon = start->add_flag("--daemon", options.daemon, "go into the background");
  start->add_flag("--foreground", options.foreground, "stay, whatever the settings say")
      ->excludes(daemon);
  add(Command::kStop, "stop", "end a client that runs, and take the tunnel down");
  CLI::App* status = add(Command::kStatus, "status", "how the tunnel does: latency and traffic");
  status->add_flag("--json", options.json, "for programs");
  status->add_flag("--no-ping", options.no_ping, "do not measure the latency");
  add(Command::kTunnels, "tunnels", "list your tunnels")
      ->add_flag("--json", options.json, "for programs");
  for (const char* name : {"autotest", "test"}) {
    CLI::App* test =
        add(Command::kAutotest, name, "check everything step by step, and explain what fails");
    test->add_option("TUNNEL", options.tunnel, "which, if you have several")->check(word);
    test->add_option("--target", options.target, "IPv6 host beyond the PoP to ping")->check(word);
  }
  CLI::App* advertise = add(Command::kAdvertise, "advertise",
                            "print what a router needs to give your subnets to a local network");
  advertise->add_option("--for", options.format, "radvd or networkd")
      ->check(CLI::IsMember({"radvd", "networkd"}))
      ->capture_default_str();
  advertise->add_option("--interface", options.lan_interface, "the local network's interface")
      ->check(word)
      ->capture_default_str();
  add(Command::kVersion, "version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  return true;
}

}  // namespace simplon::client
