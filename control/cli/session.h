// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/message.h>

#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "control/cli/client.h"
#include "control/cli/command.h"
#include "control/cli/failure.h"

namespace simplon::cli {

// Options every command takes.
struct GlobalOptions {
  std::string output = "table";
  std::string server = "unix:/run/simplon/admin.sock";
  std::optional<std::chrono::milliseconds> timeout;
  bool no_headers = false;
};

// What a command works with.
class Session {
 public:
  // The streams and options must outlive it.
  Session(const GlobalOptions& options, std::ostream& out, std::ostream& err);

  Client& client();
  // For calls that carry a whole configuration: unless --timeout says otherwise, they may take
  // this.
  Client& patient_client();

  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }
  bool headers() const { return !options_.no_headers; }
  bool table() const { return options_.output == "table"; }
  const std::string& format() const { return options_.output; }

  // The message in the format asked for; `table` makes the text for people.
  std::string render(const google::protobuf::Message& message,
                     const std::function<std::string()>& table, bool defaults = true) const;
  // The same, to out().
  ExitCode print(const google::protobuf::Message& message,
                 const std::function<std::string()>& table, bool defaults = true);

  // After a changing call: "(revision 43)" for the report, and to err() what keeps the change from
  // being in force, if anything. A dataplane that refused the change makes it kError.
  std::string revision_text();
  ExitCode publish_result();

 private:
  const GlobalOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  std::unique_ptr<Client> client_;
};

}  // namespace simplon::cli
