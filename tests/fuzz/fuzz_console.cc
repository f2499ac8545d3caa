// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The original's command language: as a configuration file, and as the lines of a console session.
// What imports must be a good configuration and read back as itself; answers must be framed right
// whatever the line; and what the console takes line by line it must be able to commit.

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "control/config/normalize.h"
#include "control/config/parse.h"
#include "control/config/validate.h"
#include "control/engine/editor.h"
#include "control/sixxsd/address_plan.h"
#include "control/sixxsd/answer.h"
#include "control/sixxsd/changes.h"
#include "control/sixxsd/grammar.h"
#include "control/sixxsd/import.h"
#include "control/sixxsd/words.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace simplon;
using namespace simplon::control;
using namespace simplon::control::sixxsd;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_line(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

constexpr char kBase[] =
    "pop { name: 'pop1' interfaces { port: 'uplink' ipv4_address: '192.0.2.42/24' "
    "ipv6_address: '2001:db8:ffff::42/64' } }";

v1::Config base() {
  ParseOptions options;
  options.check_meaning = false;
  return *parse_config(kBase, "base.txtpb", nullptr, options);
}

void import_file(std::string_view text, bool strict) {
  static const v1::Config kConfig = base();
  const Import import = import_config(text, {&kConfig, strict});
  require(import.errors.size() <= Import::kMaxNotes + 1);
  for (const ImportNote& note : import.errors) require(note.line >= 0 && is_line(note.text));
  for (const ImportNote& note : import.warnings) require(note.line >= 0 && is_line(note.text));
  if (!import.errors.empty()) return;
  require(validate(import.config).empty());
  v1::Config normal = import.config;
  normalize(normal);
  const auto again = parse_config(print_import(import, "a file"), "a.txtpb", nullptr);
  require(again.ok() && google::protobuf::util::MessageDifferencer::Equals(normal, *again));
}

// ---- The console, without its sockets: grammar, checks and commit.

v1::Config pop_config() {
  v1::Config config = base();
  const Ipv6Prefix tunnels = *Ipv6Prefix::parse("2001:db8:2ff::/48");
  config.mutable_pop()->set_ipv6_address(pop_address(tunnels).to_string());
  for (v1::Pool& pool : tunnel_pools(tunnels)) add_pool(pool, *config.mutable_pools());
  for (v1::Pool& pool : subnet_pools(*Ipv6Prefix::parse("2001:db8:3000::/40"), tunnels)) {
    add_pool(pool, *config.mutable_pools());
  }
  normalize(config);
  return config;
}

absl::Status change(const Cursor::Parsed& parsed, const Model& model, Changes& changes) {
  switch (parsed.command->id) {
    case CommandId::kTunnelSetConfig: {
      const auto line = parse_tunnel_line(parsed.arguments);
      return line.ok() ? changes.set_tunnel(model, *line) : line.status();
    }
    case CommandId::kSubnetSetConfig: {
      const auto line = parse_subnet_line(parsed.arguments);
      return line.ok() ? changes.set_subnet(model, *line) : line.status();
    }
    case CommandId::kTunnelSetRemote: {
      const auto id = parse_tunnel_id(parsed.arguments[0]);
      const auto remote = parse_ip(parsed.arguments[1]);
      if (!id || !remote) return bad_argument("no");
      return changes.set_remote(model, *id, *remote);
    }
    default:
      return absl::OkStatus();
  }
}

void session(std::string_view text) {
  Model model;
  model.load(pop_config());
  Changes changes;
  Cursor cursor;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Cursor::Parsed parsed = cursor.parse(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (parsed.kind == Cursor::Parsed::Kind::kCommand) {
      require(parsed.command != nullptr);
      require(parsed.arguments.size() >= parsed.command->min_arguments &&
              parsed.arguments.size() <= parsed.command->max_arguments);
      const absl::Status status = change(parsed, model, changes);
      require(is_line({status.message().data(), status.message().size()}));
      if (!status.ok()) require(!status.message().empty());
    } else {
      Answer answer(parsed.code);
      for (const std::string& line : parsed.lines) {
        require(is_line(line));
        answer.add(line);
      }
      const std::string frame = answer.frame();
      require(answer.lines() > 0 && frame.ends_with('\n'));
      require(frame.starts_with(answer.lines() == 1
                                    ? fmt::format("{} ", parsed.code)
                                    : fmt::format("{}01 {}\n", parsed.code / 100, answer.lines())));
    }
  }
  // Nobody else was there: what was taken is good.
  Editor editor(model, 1, std::nullopt);
  std::vector<Changes::Rejected> rejected;
  changes.edit(editor, rejected);
  require(rejected.empty());
  require(validate(model.config()).empty());
  editor.undo();
  v1::Config after = model.config();
  v1::Config before = pop_config();
  normalize(after);
  require(google::protobuf::util::MessageDifferencer::Equals(before, after));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0:
      import_file(text, false);
      break;
    case 1:
      import_file(text, true);
      break;
    default:
      session(text);
  }
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz::seeds() {
  constexpr std::string_view kSeeds[] = {
      "0pop\n\tset\n\t\tdetails 1 pop1 192.0.2.42 2001:db8:ffff::42\n\t\tid 1\n\tend\n"
      "\ttunnelprefix add 2001:db8:2ff::/48\n\tsubnetprefix add 2001:db8:3000::/40\n"
      "\tcliacl\n\t\treset\n\t\tadd ::1\n\tend\nend\n",
      "0tunnel set config 0 T1 198.51.100.1 up 1480\n"
      "tunnel set config 1 T2 ayiya up 1428 f3d47c2de40fb698e1ab15d757a09bfc\n"
      "subnet set config 2001:db8:3001::/48 1 static\n",
      "1tunnel\nset\nconfig 2ae T3 heartbeat disabled 1280 91915d757a09bfc94d5028832d85cc0d\n",
      "0pop tunnelprefix add 2001:db8:3042::/48\npop subnetprefix add 2001:db8:3000::/40\n",
      "0pproxy set config 1 2 3 4\npop saveconfig\ntunnel list \"err=Clock Off\"\n",
      "2tunnel set config 1 T1 198.51.100.1 up 1480\ntunnel set config 2 T2 198.51.100.2 up 1480\n",
      "2tunnel set config 1 T3 dynamic up 1280 f3d47c2de40fb698e1ab15d757a09bfc\n",
      "2tunnel set config 2 T1 198.51.100.3 disabled 1280\n",
      "2subnet set config 2001:db8:3001::/48 1 static\nsubnet set config 2001:db8:3001::/48 2 "
      "bgp\n",
      "2tunnel set remote T1 198.51.100.7\ntunnel set remote T2 2001:db8::1\n",
      "2pop\ncliacl\n.. get id\n/ tunnel set\nconfig 3 T9 \"ayiya\" up 1280 "
      "\"a\\\\b\\\"cdefghijklmnop\"\n",
      "2help\nfullhelp\npop help\n.\nend\n..\nexit\n",
  };
  std::vector<std::vector<uint8_t>> seeds;
  for (const std::string_view seed : kSeeds) seeds.emplace_back(seed.begin(), seed.end());
  return seeds;
}
