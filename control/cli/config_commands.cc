// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>
#include <utility>

#include "control/cli/change_text.h"
#include "control/cli/files.h"
#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/text.h"
#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/config/secret.h"
#include "google/rpc/error_details.pb.h"
#include "simplon/v1/config_service.pb.h"

namespace simplon::cli {
namespace {

// "3 accounts, ", if there are any.
std::string accounts_text(const v1::Config& config) {
  return config.accounts().empty() ? "" : std::to_string(config.accounts_size()) + " accounts, ";
}

Value file_value() {
  return {"FILE", {}, Completion::kFile};
}

constexpr char kFileHelp[] =
    "configuration in protobuf text format (.txtpb) or JSON (.json); -: standard input";

// ---- Files.

std::string shown_name(const std::string& path) {
  return path == "-" ? "<stdin>" : path;
}

std::vector<control::FieldViolation> parse_file(const std::string& path, v1::Config& config) {
  std::vector<control::FieldViolation> violations;
  // The server knows the passwords of the tunnels it has.
  control::ParseOptions options;
  options.missing_passwords = control::MissingPasswords::kAllow;
  auto parsed = control::parse_config(read_file(path), path, &violations, options);
  if (parsed.ok())
    config = *std::move(parsed);
  else if (violations.empty())
    violations.push_back({"", std::string(parsed.status().message()), ""});
  constexpr std::size_t kLimit = control::Violations::kLimit;
  if (violations.size() >= kLimit) {
    violations.push_back(
        {"", "only the first " + std::to_string(kLimit) + " faults are listed", ""});
  }
  return violations;
}

std::string violation_text(const control::FieldViolation& violation, const std::string& path) {
  std::string text = control::format_violation(violation, shown_name(path));
  if (!violation.reason.empty()) text += " [" + violation.reason + "]";
  return text;
}

v1::Config load(const std::string& path) {
  v1::Config config;
  Failure failure{ExitCode::kError, {}, true};
  for (const auto& violation : parse_file(path, config))
    failure.lines.push_back(violation_text(violation, path));
  if (!failure.lines.empty()) throw failure;
  return config;
}

// ", 3 of them without the password they need: ..."; empty where there are none.
std::string without_password_text(const v1::Config& config) {
  const auto count =
      std::count_if(config.tunnels().begin(), config.tunnels().end(), [](const v1::Tunnel& tunnel) {
        return control::is_dynamic_type(tunnel.type()) && tunnel.password().empty();
      });
  return count == 0 ? ""
                    : ", " + std::to_string(count) +
                          " of them without a password: good where the server has it";
}

void add_check(Command& noun) {
  const auto path = std::make_shared<std::string>();
  Command& verb = noun.add("check", "checks a file; needs no server");
  verb.positional(file_value(), kFileHelp, into(*path)).required = true;
  verb.example("simplonctl config check /etc/simplon/pop.txtpb").run([path](Session& session) {
    if (session.table()) {
      const v1::Config config = load(*path);
      session.out() << shown_name(*path) << ": good: " << config.pools_size() << " pools, "
                    << accounts_text(config) << config.tunnels_size() << " tunnels"
                    << without_password_text(config) << "\n";
      return ExitCode::kOk;
    }
    v1::Config config;
    google::rpc::BadRequest result;
    for (const auto& violation : parse_file(*path, config)) {
      auto& field = *result.add_field_violations();
      field.set_field(violation.field);
      field.set_reason(violation.reason);
      control::FieldViolation place = violation;
      place.field.clear();
      field.set_description(control::format_violation(place, shown_name(*path)));
    }
    session.print(result, [] { return std::string(); });
    return result.field_violations().empty() ? ExitCode::kOk : ExitCode::kError;
  });
}

// ---- What the server has.

void refuse_csv(const Session& session) {
  if (session.format() == "csv")
    throw failure(ExitCode::kUsage, "a configuration has no rows: use table, json or yaml");
}

void add_show(Command& noun) {
  struct Options {
    std::optional<uint64_t> revision;
    std::string file;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("show", "prints the configuration as 'config apply' takes it");
  verb.option("--revision", {"N"}, "as it was then", into(options->revision));
  verb.option("--output-file", file_value(), "write it there instead", into(options->file));
  verb.example("simplonctl config show")
      .example("simplonctl config show --output-file /root/pop.txtpb")
      .example("simplonctl config show --revision 41 -o json")
      .run([options](Session& session) {
        v1::GetConfigRequest request;
        request.set_revision(options->revision.value_or(0));
        auto response = session.patient_client().call<v1::GetConfigResponse>(
            "ConfigService.GetConfig", request);
        refuse_csv(session);
        v1::Config& config = *response.mutable_config();
        control::hide_secrets(config);
        std::string text;
        if (session.format() == "json")
          text = control::print_config_json(config);
        else
          text = session.render(
              config, [&] { return control::print_config_text(config); }, false);
        if (options->file.empty())
          session.out() << text;
        else
          write_file(options->file, text);
        return ExitCode::kOk;
      });
}

struct SaveOptions {
  std::string file;
  bool secrets = false;
};

// By the name of the file, unless -o says which.
std::string file_text(const Session& session, const SaveOptions& options, v1::Config config) {
  using control::Secrets;
  const Secrets secrets = options.secrets ? Secrets::kShow : Secrets::kHide;
  if (session.format() == "json" || options.file.ends_with(".json"))
    return control::print_config_json(std::move(config), secrets);
  if (!options.secrets) control::hide_secrets(config);
  return session.render(
      config, [&] { return control::print_config_text(config, secrets); }, false);
}

ExitCode save(Session& session, const SaveOptions& options) {
  refuse_csv(session);
  const bool standard_output = options.file == "-";
  if (options.secrets && standard_output && isatty(STDOUT_FILENO) != 0)
    throw failure(ExitCode::kUsage, "passwords do not go to a terminal: give a file, or a pipe");
  v1::GetConfigRequest request;
  request.set_with_secrets(options.secrets);
  auto response =
      session.patient_client().call<v1::GetConfigResponse>("ConfigService.GetConfig", request);
  const std::string text = file_text(session, options, response.config());
  if (standard_output) {
    session.out() << text;
    return ExitCode::kOk;
  }
  if (options.secrets)
    write_secret_file(options.file, text);
  else
    write_file(options.file, text);
  if (session.table())
    session.out() << options.file << ": revision " << response.revision() << ", "
                  << response.config().pools_size() << " pools, "
                  << accounts_text(response.config()) << response.config().tunnels_size()
                  << " tunnels, " << (options.secrets ? "with" : "without") << " passwords\n";
  return ExitCode::kOk;
}

void add_save(Command& noun) {
  const auto options = std::make_shared<SaveOptions>();
  Command& verb = noun.add("save", "writes the configuration to a file, for a backup");
  verb.describe(
      "Without passwords 'config apply' of the file keeps those the server has, and refuses "
      "dynamic "
      "tunnels it does not know. With them the file stands in for the whole store: it is written "
      "with mode 0600.");
  verb.positional(
          file_value(),
          "where to: JSON if it ends in .json, else protobuf text format; -: standard output",
          into(options->file))
      .required = true;
  verb.flag("--with-secrets", "with the passwords of the tunnels, in clear", options->secrets);
  verb.example("simplonctl config save /root/pop.txtpb")
      .example("simplonctl config save /root/pop-secret.txtpb --with-secrets")
      .run([options](Session& session) { return save(session, *options); });
}

struct DiffOptions {
  std::string file;
  std::optional<uint64_t> from;
  std::optional<uint64_t> to;
  std::optional<uint32_t> max_changes;
};

void add_diff(Command& noun) {
  const auto options = std::make_shared<DiffOptions>();
  Command& verb =
      noun.add("diff", "what 'config apply' of a file would change, or revisions changed");
  verb.positional(file_value(), std::string(kFileHelp) + "; left out: compare revisions",
                  into(options->file));
  verb.option("--from", {"N"},
              "compare with this revision; left out: with a FILE the current one, else the one "
              "before --to",
              into(options->from));
  verb.option("--to", {"N"}, "without FILE: this revision; left out: the current one",
              into(options->to));
  verb.option("--max-changes", {"N"}, "show at most this many; left out: 1000",
              into(options->max_changes));
  verb.example("simplonctl config diff /etc/simplon/pop.txtpb")
      .example("simplonctl config diff --from 40 --to 42")
      .run([options](Session& session) {
        v1::DiffConfigRequest request;
        if (!options->file.empty()) {
          if (options->to) throw failure(ExitCode::kUsage, "FILE and --to exclude each other");
          *request.mutable_config() = load(options->file);
        }
        request.set_from_revision(options->from.value_or(0));
        request.set_to_revision(options->to.value_or(0));
        request.set_max_changes(static_cast<int32_t>(options->max_changes.value_or(0)));
        const auto response = session.patient_client().call<v1::DiffConfigResponse>(
            "ConfigService.DiffConfig", request);
        return session.print(response, [&] { return diff_text(response.diff()); });
      });
}

// ---- Changing it.

struct ApplyOptions {
  std::string file;
  bool dry_run = false;
  std::optional<std::chrono::milliseconds> confirm_within;
  std::optional<uint64_t> base_revision;
  std::string comment;
  std::optional<uint32_t> max_changes;
  std::optional<uint64_t> revision;  // of rollback
};

std::string applied_text(const v1::ApplyConfigResponse& response, const ApplyOptions& options) {
  if (options.dry_run) return diff_text(response.diff()) + "only validated: nothing changed\n";
  if (response.unchanged())
    return "unchanged: revision " + std::to_string(response.revision()) + "\n";
  std::string text = "revision " + std::to_string(response.revision()) + ": " +
                     counts_text(response.diff()) + "\n";
  if (response.has_confirm_deadline())
    text += "rolled back at " + time_text(response.confirm_deadline()) +
            " UTC unless 'simplonctl config confirm' comes before\n";
  return text;
}

ExitCode report(Session& session, const v1::ApplyConfigResponse& response,
                const ApplyOptions& options) {
  session.print(response, [&] { return applied_text(response, options); });
  return options.dry_run ? ExitCode::kOk : session.publish_result();
}

// For people only a dry run shows the changes: -1 spares the server the work.
int32_t changes_wanted(const Session& session, const ApplyOptions& options) {
  if (options.max_changes) return static_cast<int32_t>(*options.max_changes);
  return session.table() && !options.dry_run ? -1 : 0;
}

void add_change_options(Command& verb, ApplyOptions& options) {
  verb.flag("--dry-run", "check and show the changes, but make none", options.dry_run);
  verb.option("--base-revision", {"N"}, "only if this is still the current revision",
              into(options.base_revision));
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options.comment));
  verb.option("--max-changes", {"N"}, "show at most this many; left out: 1000",
              into(options.max_changes));
}

void add_apply(Command& noun) {
  const auto options = std::make_shared<ApplyOptions>();
  Command& verb = noun.add("apply", "replaces the whole configuration, all or nothing");
  verb.positional(file_value(), kFileHelp, into(options->file)).required = true;
  verb.option("--confirm-within", {"DURATION"},
              "roll back unless 'config confirm' comes in this time, 1s to 24h",
              into(options->confirm_within));
  add_change_options(verb, *options);
  verb.example("simplonctl config apply /etc/simplon/pop.txtpb")
      .example("simplonctl config apply pop.json --dry-run")
      .example("simplonctl config apply pop.txtpb --confirm-within 60s --comment 'new uplink'")
      .example("simplonctl config apply - --base-revision 42")
      .run([options](Session& session) {
        v1::ApplyConfigRequest request;
        *request.mutable_config() = load(options->file);
        request.set_validate_only(options->dry_run);
        request.set_base_revision(options->base_revision.value_or(0));
        request.set_comment(options->comment);
        request.set_max_changes(changes_wanted(session, *options));
        if (options->confirm_within) {
          const auto milliseconds = options->confirm_within->count();
          request.mutable_confirm_timeout()->set_seconds(milliseconds / 1000);
          request.mutable_confirm_timeout()->set_nanos(
              static_cast<int32_t>(milliseconds % 1000 * 1000000));
        }
        const auto response = session.patient_client().call<v1::ApplyConfigResponse>(
            "ConfigService.ApplyConfig", request);
        return report(session, response, *options);
      });
}

void add_rollback(Command& noun) {
  const auto options = std::make_shared<ApplyOptions>();
  Command& verb = noun.add("rollback", "restores an older revision, as a new one");
  verb.positional({"N"}, "the revision to restore; left out: the one before the current one",
                  into(options->revision));
  add_change_options(verb, *options);
  verb.example("simplonctl config rollback")
      .example("simplonctl config rollback 41 --dry-run")
      .run([options](Session& session) {
        v1::RollbackConfigRequest request;
        request.set_revision(options->revision.value_or(0));
        request.set_validate_only(options->dry_run);
        request.set_base_revision(options->base_revision.value_or(0));
        request.set_comment(options->comment);
        request.set_max_changes(changes_wanted(session, *options));
        const auto response = session.patient_client().call<v1::ApplyConfigResponse>(
            "ConfigService.RollbackConfig", request);
        return report(session, response, *options);
      });
}

void add_confirm(Command& noun) {
  const auto revision = std::make_shared<std::optional<uint64_t>>();
  Command& verb = noun.add("confirm", "keeps what 'config apply --confirm-within' changed");
  verb.positional({"N"}, "the revision; left out: whichever waits", into(*revision));
  verb.example("simplonctl config confirm").run([revision](Session& session) {
    v1::ConfirmConfigRequest request;
    request.set_revision(revision->value_or(0));
    const auto confirmed =
        session.client().call<v1::Revision>("ConfigService.ConfirmConfig", request);
    return session.print(confirmed, [&] {
      return "revision " + std::to_string(confirmed.number()) + " confirmed\n";
    });
  });
}

// ---- History.

std::string state_text(const v1::Revision& revision) {
  switch (revision.state()) {
    case v1::Revision::COMMITTED:
      return "committed";
    case v1::Revision::AWAITING_CONFIRMATION:
      return "unconfirmed";
    case v1::Revision::ROLLED_BACK:
      return "rolled-back";
    default:
      return "";
  }
}

std::string history_table(const v1::ListRevisionsResponse& list, bool heads) {
  Table table({right("REVISION"), left("TIME-UTC"), left("METHOD"), right("CREATED"),
               right("UPDATED"), right("DELETED"), left("STATE"), left("COMMENT", 32)});
  for (const v1::Revision& r : list.revisions())
    table.add({std::to_string(r.number()), time_text(r.create_time()), r.method(),
               std::to_string(r.created()), std::to_string(r.updated()),
               std::to_string(r.deleted()), state_text(r), r.comment()});
  return table.render(heads);
}

void add_history(Command& noun) {
  const auto limit = std::make_shared<std::optional<uint32_t>>();
  Command& verb = noun.add("history", "lists revisions, newest first");
  verb.option("--limit", {"N"}, "at most this many; left out: 20", into(*limit));
  verb.example("simplonctl config history")
      .example("simplonctl config history --limit 1000 -o json")
      .run([limit](Session& session) {
        constexpr uint32_t kDefault = 20;
        constexpr uint32_t kPage = 1000;  // the most the server gives at once
        v1::ListRevisionsRequest request;
        v1::ListRevisionsResponse all;
        for (uint32_t left = limit->value_or(kDefault); left > 0;) {
          request.set_page_size(static_cast<int>(std::min(left, kPage)));
          const auto page = session.client().call<v1::ListRevisionsResponse>(
              "ConfigService.ListRevisions", request);
          left -= std::min(left, static_cast<uint32_t>(page.revisions_size()));
          all.mutable_revisions()->MergeFrom(page.revisions());
          request.set_page_token(page.next_page_token());
          if (page.next_page_token().empty()) break;
        }
        return session.print(all, [&] { return history_table(all, session.headers()); });
      });
}

void add_show_revision(Command& noun) {
  struct Options {
    std::optional<uint64_t> revision;
    std::optional<uint32_t> max_changes;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("show-revision", "shows what one revision changed");
  verb.positional({"N"}, "number of the revision", into(options->revision)).required = true;
  verb.option("--max-changes", {"N"}, "show at most this many; left out: 1000",
              into(options->max_changes));
  verb.example("simplonctl config show-revision 42").run([options](Session& session) {
    constexpr uint32_t kDefault = 1000;
    constexpr uint32_t kPage = 10000;  // the most the server gives at once
    v1::GetRevisionRequest request;
    request.set_name("revisions/" + std::to_string(*options->revision));
    v1::GetRevisionResponse all;
    for (uint32_t left = options->max_changes.value_or(kDefault); left > 0;) {
      request.set_page_size(static_cast<int>(std::min(left, kPage)));
      const auto page =
          session.client().call<v1::GetRevisionResponse>("ConfigService.GetRevision", request);
      left -= std::min(left, static_cast<uint32_t>(page.changes_size()));
      *all.mutable_revision() = page.revision();
      all.mutable_changes()->MergeFrom(page.changes());
      all.set_next_page_token(page.next_page_token());
      request.set_page_token(page.next_page_token());
      if (page.next_page_token().empty() || page.changes().empty()) break;
    }
    return session.print(all, [&] {
      FieldList fields;
      add_fields(fields, all.revision());
      v1::ConfigDiff diff;
      *diff.mutable_changes() = all.changes();
      diff.set_created(all.revision().created());
      diff.set_updated(all.revision().updated());
      diff.set_deleted(all.revision().deleted());
      diff.set_truncated(!all.next_page_token().empty());
      return fields.render() + "\n" + diff_text(diff);
    });
  });
}

}  // namespace

void add_config_commands(Command& root) {
  Command& noun =
      root.add("config", "the whole configuration: check, diff, apply, show, save, history");
  noun.describe(
      "Errors in a file are printed as FILE:LINE:COLUMN: FIELD: what is wrong (JSON files without "
      "LINE:COLUMN). Files may have 256 MiB.");
  add_check(noun);
  add_diff(noun);
  add_apply(noun);
  add_confirm(noun);
  add_show(noun);
  add_save(noun);
  add_config_import(noun);
  add_history(noun);
  add_show_revision(noun);
  add_rollback(noun);
}

}  // namespace simplon::cli
