// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <google/protobuf/empty.pb.h>

#include <memory>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "simplon/v1/pool_service.pb.h"

namespace simplon::cli {
namespace {

Value pool_value() {
  return {"POOL", {}, Completion::kPool};
}

uint32_t default_unit(const v1::Pool& pool) {
  return pool.prefix().find(':') == std::string::npos ? 32 : 64;
}

std::string pool_table(const v1::ListPoolsResponse& list, bool heads) {
  Table table({left("POOL"), left("KIND"), left("PREFIX"), right("UNIT-LENGTH"),
               right("FIRST-SLOT"), right("UNITS"), right("USED"), right("USED-%")});
  for (const v1::PoolInfo& info : list.pools()) {
    const v1::Pool& pool = info.pool();
    const bool delegated = pool.kind() == v1::Pool::DELEGATED;
    table.add({pool.name(), v1::Pool::Kind_Name(pool.kind()), pool.prefix(),
               std::to_string(pool.unit_length() == 0 ? default_unit(pool) : pool.unit_length()),
               delegated ? "" : std::to_string(pool.first_slot()), std::to_string(info.units()),
               std::to_string(info.units_used()),
               info.units() == 0 ? "" : decimal_text(100.0 * info.units_used() / info.units(), 1)});
  }
  return table.render(heads);
}

void add_list(Command& noun) {
  struct Options {
    std::string filter;
    Interval watch;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("list", "lists pools and how full they are");
  verb.option("--filter", {"EXPRESSION"},
              "comparisons of name, kind, prefix, unit_length, first_slot, as for 'tunnel list'",
              into(options->filter));
  add_watch_option(verb, options->watch);
  verb.example("simplonctl pool list")
      .example("simplonctl pool list --filter 'kind=DELEGATED'")
      .run([options](Session& session) {
        return refresh(session, options->watch, [&] {
          v1::ListPoolsRequest request;
          request.set_filter(options->filter);
          const auto list =
              session.client().call<v1::ListPoolsResponse>("PoolService.ListPools", request);
          return session.render(list, [&] { return pool_table(list, session.headers()); });
        });
      });
}

void add_show(Command& noun) {
  const auto name = std::make_shared<std::string>();
  Command& verb = noun.add("show", "shows everything about one pool");
  verb.positional(pool_value(), "name of the pool", into(*name)).required = true;
  verb.example("simplonctl pool show link").run([name](Session& session) {
    v1::GetPoolRequest request;
    request.set_name(*name);
    const auto info = session.client().call<v1::PoolInfo>("PoolService.GetPool", request);
    return session.print(info, [&] {
      FieldList fields;
      add_fields(fields, info.pool());
      fields.add("units", std::to_string(info.units()));
      fields.add("units_used", std::to_string(info.units_used()));
      return fields.render();
    });
  });
}

struct PoolOptions {
  std::string name;
  std::string kind;
  std::optional<std::string> prefix;
  std::optional<uint32_t> unit_length;
  std::optional<uint32_t> first_slot;
  std::string etag;
  std::string comment;
  bool validate_only = false;
  bool allow_missing = false;
};

ExitCode report(Session& session, const PoolOptions& options,
                const google::protobuf::Message& message, const char* what) {
  session.print(message, [&] {
    std::string text = "pool " + options.name + " " + what;
    return options.validate_only ? text + " (only validated: nothing changed)\n"
                                 : text + session.revision_text() + "\n";
  });
  return options.validate_only ? ExitCode::kOk : session.publish_result();
}

void add_prefix_options(Command& verb, PoolOptions& options, bool create) {
  verb.option("--prefix", {"PREFIX"},
              "the addresses of the pool: IPv6, or for routed and delegated also IPv4",
              into(options.prefix))
      .required = create;
  verb.option(
      "--unit-length", {"N"},
      "length of one unit: 64 for link and routed, 48 to 64 for delegated; of IPv4 16 to 32",
      into(options.unit_length));
  verb.option("--first-slot", {"N"}, "slot of the first unit, for link and routed",
              into(options.first_slot));
}

void add_common_options(Command& verb, PoolOptions& options) {
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options.comment));
  verb.flag("--validate-only", "check and answer, but change nothing", options.validate_only);
}

void add_create(Command& noun) {
  const auto options = std::make_shared<PoolOptions>();
  Command& verb = noun.add("create", "creates a pool");
  verb.positional({"NAME"}, "name of the pool: a-z, 0-9 and -", into(options->name)).required =
      true;
  verb.option("--kind", {"link|routed|delegated", enum_words(v1::Pool::Kind_descriptor())},
              "link prefixes, one routed prefix for each slot, or prefixes to delegate",
              into(options->kind))
      .required = true;
  add_prefix_options(verb, *options, true);
  add_common_options(verb, *options);
  verb.example("simplonctl pool create link --kind link --prefix 2001:db8::/48")
      .example(
          "simplonctl pool create homes --kind delegated --prefix 2001:db8:3000::/40 "
          "--unit-length 48")
      .example("simplonctl pool create v4 --kind delegated --prefix 198.18.0.0/20 --unit-length 29")
      .run([options](Session& session) {
        v1::CreatePoolRequest request;
        v1::Pool& pool = *request.mutable_pool();
        pool.set_name(options->name);
        pool.set_kind(enum_value<v1::Pool::Kind>(options->kind));
        pool.set_prefix(*options->prefix);
        pool.set_unit_length(options->unit_length.value_or(0));
        pool.set_first_slot(options->first_slot.value_or(0));
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        const auto created = session.client().call<v1::Pool>("PoolService.CreatePool", request);
        return report(session, *options, created, "created");
      });
}

void add_update(Command& noun) {
  const auto options = std::make_shared<PoolOptions>();
  Command& verb = noun.add("update", "changes a pool; tunnels must keep their prefixes");
  verb.positional(pool_value(), "name of the pool", into(options->name)).required = true;
  add_prefix_options(verb, *options, false);
  verb.option("--etag", {"ETAG"}, "only if the pool still has this etag", into(options->etag));
  add_common_options(verb, *options);
  verb.example("simplonctl pool update homes --prefix 2001:db8:3000::/36")
      .run([options](Session& session) {
        v1::UpdatePoolRequest request;
        v1::Pool& pool = *request.mutable_pool();
        auto& mask = *request.mutable_update_mask();
        pool.set_name(options->name);
        pool.set_etag(options->etag);
        if (options->prefix) pool.set_prefix(*options->prefix), mask.add_paths("prefix");
        if (options->unit_length)
          pool.set_unit_length(*options->unit_length), mask.add_paths("unit_length");
        if (options->first_slot)
          pool.set_first_slot(*options->first_slot), mask.add_paths("first_slot");
        if (mask.paths().empty())
          throw failure(ExitCode::kUsage, "nothing to change: give at least one field");
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        const auto updated = session.client().call<v1::Pool>("PoolService.UpdatePool", request);
        return report(session, *options, updated, "updated");
      });
}

void add_delete(Command& noun) {
  const auto options = std::make_shared<PoolOptions>();
  Command& verb = noun.add("delete", "deletes a pool no tunnel has prefixes of");
  verb.positional(pool_value(), "name of the pool", into(options->name)).required = true;
  verb.option("--etag", {"ETAG"}, "only if the pool still has this etag", into(options->etag));
  verb.flag("--allow-missing", "succeed where there is no such pool", options->allow_missing);
  add_common_options(verb, *options);
  verb.example("simplonctl pool delete homes").run([options](Session& session) {
    v1::DeletePoolRequest request;
    request.set_name(options->name);
    request.set_etag(options->etag);
    request.set_allow_missing(options->allow_missing);
    request.set_validate_only(options->validate_only);
    request.set_comment(options->comment);
    const auto empty =
        session.client().call<google::protobuf::Empty>("PoolService.DeletePool", request);
    return report(session, *options, empty, "deleted");
  });
}

}  // namespace

void add_pool_commands(Command& root) {
  Command& noun = root.add("pool", "address pools: list, show, create, update, delete");
  add_list(noun);
  add_show(noun);
  add_create(noun);
  add_update(noun);
  add_delete(noun);
}

}  // namespace simplon::cli
