// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <memory>
#include <ostream>
#include <utility>

#include "control/cli/change_text.h"
#include "control/cli/files.h"
#include "control/cli/grammar.h"
#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/sixxsd/import.h"
#include "simplon/v1/config_service.pb.h"

namespace simplon::cli {
namespace {

using control::sixxsd::Import;
using control::sixxsd::ImportNote;
using control::sixxsd::ImportOptions;

struct Options {
  std::string format;
  std::string file;
  std::string base;
  bool running = false;
  bool strict = false;
  std::string output_file;
  bool apply = false;
  bool dry_run = false;
  std::string comment;
};

std::string shown_name(const std::string& path) {
  return path == "-" ? "<stdin>" : path;
}

std::string note_text(const std::string& path, const ImportNote& note, const char* kind) {
  std::string text = shown_name(path) + ":";
  if (note.line != 0) text += std::to_string(note.line) + ":";
  return text + " " + kind + note.text;
}

// What the base lacks, it need not have: the result is checked.
v1::Config read_base(const std::string& path) {
  std::vector<control::FieldViolation> violations;
  control::ParseOptions options;
  options.check_meaning = false;
  auto base = control::parse_config(read_file(path), path, &violations, options);
  if (base.ok()) return *std::move(base);
  Failure failure{ExitCode::kError, {}, true};
  for (const auto& violation : violations) {
    failure.lines.push_back(control::format_violation(violation, shown_name(path)));
  }
  if (failure.lines.empty()) failure.lines.push_back(std::string(base.status().message()));
  throw failure;
}

Import import_file(const Options& options, const v1::Config* base, std::ostream& err) {
  const std::string text = read_file(options.file);
  Import import = control::sixxsd::import_config(text, ImportOptions{base, options.strict});
  for (const ImportNote& note : import.warnings) {
    err << note_text(options.file, note, "warning: ") << "\n";
  }
  if (import.errors.empty()) return import;
  Failure failure{ExitCode::kError, {}, true};
  for (const ImportNote& note : import.errors) {
    failure.lines.push_back(note_text(options.file, note, ""));
  }
  throw failure;
}

std::string config_text(const Session& session, const Options& options, const Import& import) {
  if (session.format() == "json" || options.output_file.ends_with(".json")) {
    return control::print_config_json(import.config, control::Secrets::kShow);
  }
  return session.render(
      import.config,
      [&] { return control::sixxsd::print_import(import, shown_name(options.file)); }, false);
}

ExitCode apply(Session& session, const Options& options, Import import, uint64_t base_revision) {
  if (import.made_up_interface) {
    throw failure(ExitCode::kError,
                  "the file does not know the PoP's links: give them with --base or --running, or "
                  "write the configuration to a file, complete it and apply that");
  }
  v1::ApplyConfigRequest request;
  *request.mutable_config() = std::move(import.config);
  request.set_validate_only(options.dry_run);
  request.set_base_revision(base_revision);
  request.set_comment(options.comment);
  const auto response =
      session.patient_client().call<v1::ApplyConfigResponse>("ConfigService.ApplyConfig", request);
  session.print(response, [&] {
    std::string text = diff_text(response.diff());
    if (options.dry_run) return text + "only validated: nothing changed\n";
    if (response.unchanged()) {
      return "unchanged: revision " + std::to_string(response.revision()) + "\n";
    }
    return text + "revision " + std::to_string(response.revision()) + "\n";
  });
  return options.dry_run ? ExitCode::kOk : session.publish_result();
}

void check_usage(const Session& session, const Options& options) {
  if (options.running && !options.base.empty())
    throw failure(ExitCode::kUsage, "--base and --running exclude each other");
  if (options.apply && !options.output_file.empty())
    throw failure(ExitCode::kUsage, "--apply and --output-file exclude each other");
  if (!options.apply && (options.dry_run || !options.comment.empty()))
    throw failure(ExitCode::kUsage, "--dry-run and --comment go with --apply");
  if (!options.apply && session.format() == "csv")
    throw failure(ExitCode::kUsage, "a configuration has no rows: use table, json or yaml");
}

ExitCode run(Session& session, const Options& options) {
  check_usage(session, options);
  std::optional<v1::Config> base;
  uint64_t base_revision = 0;
  if (!options.base.empty()) base = read_base(options.base);
  if (options.running) {
    auto response = session.patient_client().call<v1::GetConfigResponse>("ConfigService.GetConfig",
                                                                         v1::GetConfigRequest());
    base_revision = response.revision();
    base = std::move(*response.mutable_config());
  }
  Import import = import_file(options, base ? &*base : nullptr, session.err());
  if (options.apply) return apply(session, options, std::move(import), base_revision);
  const std::string text = config_text(session, options, import);
  if (options.output_file.empty()) {
    session.out() << text;
    return ExitCode::kOk;
  }
  write_secret_file(options.output_file, text);
  if (session.table()) {
    session.out() << options.output_file << ": " << import.config.pools_size() << " pools, "
                  << import.config.tunnels_size() << " tunnels, with passwords"
                  << (import.made_up_interface ? "; complete pop.interfaces before you apply it"
                                               : "")
                  << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void add_config_import(Command& noun) {
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("import", "makes a configuration of another program's");
  verb.describe(
      "sixxsd: the file sixxsd.conf of the SixXS daemon. Every line is taken, or is an error with "
      "its place, or a warning. The result is printed, with the passwords of the tunnels in clear, "
      "or written to a file of mode 0600. The file knows nothing about links and gateways: --base "
      "or --running gives what it lacks, and what else is in them stays (accounts, policies, what "
      "is set of a tunnel beyond the file).");
  verb.positional({"FORMAT", {"sixxsd"}}, "whose file it is", into(options->format)).required =
      true;
  verb.positional({"FILE", {}, Completion::kFile}, "the file; -: standard input",
                  into(options->file))
      .required = true;
  verb.option("--base", {"FILE", {}, Completion::kFile},
              "a configuration to take interfaces and settings from", into(options->base));
  verb.flag("--running", "take them from the configuration the PoP has", options->running);
  verb.flag("--strict",
            "tunnels the file calls ayiya or heartbeat take nothing else; without: both, as the "
            "original did",
            options->strict);
  verb.option("--output-file", {"FILE", {}, Completion::kFile}, "write it there instead",
              into(options->output_file));
  verb.flag("--apply", "replace the configuration of the PoP with it, all or nothing",
            options->apply);
  verb.flag("--dry-run", "with --apply: check and show the changes, but make none",
            options->dry_run);
  verb.option("--comment", {"TEXT"}, "with --apply: kept in the history", into(options->comment));
  verb.example("simplonctl config import sixxsd sixxsd.conf --output-file pop.txtpb")
      .example("simplonctl config import sixxsd sixxsd.conf --base links.txtpb")
      .example("simplonctl config import sixxsd sixxsd.conf --running --apply --dry-run")
      .run([options](Session& session) { return run(session, *options); });
}

}  // namespace simplon::cli
