// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/session.h"

#include <ostream>

#include "control/cli/render_csv.h"
#include "control/cli/render_json.h"

namespace simplon::cli {
namespace {

constexpr std::chrono::seconds kTimeout{10};
constexpr std::chrono::seconds kPatience{300};

}  // namespace

Session::Session(const GlobalOptions& options, std::ostream& out, std::ostream& err)
    : options_(options), out_(out), err_(err) {}

Client& Session::client() {
  if (!client_)
    client_ = std::make_unique<Client>(options_.server, options_.timeout.value_or(kTimeout));
  return *client_;
}

Client& Session::patient_client() {
  client().set_timeout(options_.timeout.value_or(kPatience));
  return client();
}

std::string Session::render(const google::protobuf::Message& message,
                            const std::function<std::string()>& table, bool defaults) const {
  if (options_.output == "json") return render_json(message, defaults);
  if (options_.output == "yaml") return render_yaml(message, defaults);
  if (options_.output == "csv") return render_csv(message, headers());
  return table();
}

ExitCode Session::print(const google::protobuf::Message& message,
                        const std::function<std::string()>& table, bool defaults) {
  out_ << render(message, table, defaults);
  return ExitCode::kOk;
}

std::string Session::revision_text() {
  const uint64_t revision = client().note().revision;
  return revision == 0 ? "" : " (revision " + std::to_string(revision) + ")";
}

ExitCode Session::publish_result() {
  const PublishNote& note = client().note();
  if (note.state.empty() || note.state == "ACTIVE") return ExitCode::kOk;
  err_ << "simplonctl: stored, but not in force: " << note.state;
  if (!note.message.empty()) err_ << ": " << note.message;
  err_ << "\n";
  return note.state == "REJECTED" ? ExitCode::kError : ExitCode::kOk;
}

}  // namespace simplon::cli
