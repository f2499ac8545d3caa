// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <memory>
#include <ostream>

#include "control/cli/grammar.h"
#include "control/cli/refresh.h"
#include "control/cli/render_table.h"
#include "control/cli/secrets.h"
#include "control/cli/text.h"
#include "control/cli/tunnel_list.h"
#include "control/config/secret.h"
#include "simplon/v1/account_service.pb.h"

namespace simplon::cli {
namespace {

constexpr uint32_t kPage = 10000;  // the most the server gives at once
constexpr char kPolicy[] = "by-policy";
constexpr char kAllowed[] = "allowed";
constexpr char kRefused[] = "refused";

Value account_value() {
  return {"ACCOUNT", {}, Completion::kAccount};
}

std::string clear_text_word(v1::TicPolicy::ClearText value) {
  switch (value) {
    case v1::TicPolicy::CLEAR_TEXT_ALLOWED:
      return kAllowed;
    case v1::TicPolicy::CLEAR_TEXT_REFUSED:
      return kRefused;
    default:
      return kPolicy;
  }
}

v1::TicPolicy::ClearText clear_text_value(const std::string& word) {
  return word == kAllowed   ? v1::TicPolicy::CLEAR_TEXT_ALLOWED
         : word == kRefused ? v1::TicPolicy::CLEAR_TEXT_REFUSED
                            : v1::TicPolicy::CLEAR_TEXT_UNSPECIFIED;
}

// ---- Reading.

std::string account_table(const v1::ListAccountsResponse& list, bool heads) {
  Table table({left("ACCOUNT"), left("STATE"), left("SECRET"), left("CLEAR-TEXT"), right("TUNNELS"),
               left("DESCRIPTION", 40)});
  for (const v1::Account& a : list.accounts())
    table.add({a.name(), a.state() == v1::Account::DISABLED ? "disabled" : "enabled",
               a.has_secret() ? "set" : "none", clear_text_word(a.clear_text()),
               std::to_string(a.tunnels()), a.description()});
  return table.render(heads);
}

v1::ListAccountsResponse list_accounts(Session& session, uint32_t limit) {
  v1::ListAccountsResponse all;
  v1::ListAccountsRequest request;
  while (limit > 0) {
    request.set_page_size(static_cast<int>(std::min(limit, kPage)));
    auto page =
        session.client().call<v1::ListAccountsResponse>("AccountService.ListAccounts", request);
    limit -= std::min(limit, static_cast<uint32_t>(page.accounts_size()));
    all.set_total_size(page.total_size());
    all.mutable_accounts()->MergeFrom(page.accounts());
    request.set_page_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  return all;
}

void add_list(Command& noun) {
  struct Options {
    std::optional<uint32_t> limit;
    Interval watch;
  };
  const auto options = std::make_shared<Options>();
  Command& verb = noun.add("list", "lists accounts by name");
  verb.option("--limit", {"N"}, "at most this many", into(options->limit));
  add_watch_option(verb, options->watch);
  verb.example("simplonctl account list").run([options](Session& session) {
    return refresh(session, options->watch, [&] {
      const auto list = list_accounts(session, options->limit.value_or(UINT32_MAX));
      return session.render(list, [&] { return account_table(list, session.headers()); });
    });
  });
}

v1::Account get_account(Session& session, const std::string& name) {
  v1::GetAccountRequest request;
  request.set_name(name);
  return session.client().call<v1::Account>("AccountService.GetAccount", request);
}

void add_show(Command& noun) {
  const auto name = std::make_shared<std::string>();
  Command& verb = noun.add("show", "shows everything about one account but its secret");
  verb.positional(account_value(), "login name", into(*name)).required = true;
  verb.example("simplonctl account show ann@example.net").run([name](Session& session) {
    const v1::Account account = get_account(session, *name);
    return session.print(account, [&] {
      FieldList fields;
      add_fields(fields, account, "", [](const google::protobuf::FieldDescriptor& field) {
        return !control::is_secret_field(field.name());
      });
      return fields.render();
    });
  });
}

void add_tunnels(Command& noun) {
  const auto name = std::make_shared<std::string>();
  Command& verb = noun.add("tunnels", "lists the tunnels an account owns");
  verb.positional(account_value(), "login name", into(*name)).required = true;
  verb.example("simplonctl account tunnels ann@example.net").run([name](Session& session) {
    const v1::Account account = get_account(session, *name);
    // No name has a quote in it.
    const auto list = list_tunnels(session, "account=\"" + account.name() + "\"", "");
    return session.print(list, [&] { return tunnel_table(list, session.headers()); });
  });
}

// ---- Changing.

struct ChangeOptions {
  std::string name;
  std::optional<std::string> state;
  std::optional<std::string> clear_text;
  std::optional<std::string> description;
  SecretOptions secret{"", false, {}, "secret"};
  std::string etag;
  std::string comment;
  bool validate_only = false;
  bool allow_missing = false;
  bool force = false;
};

void add_fields_options(Command& verb, ChangeOptions& options) {
  verb.option("--state", {"enabled|disabled", enum_words(v1::Account::State_descriptor())},
              "a disabled account cannot log in; its tunnels stay as they are",
              into(options.state));
  verb.option("--clear-text", {"allowed|refused|by-policy", {kAllowed, kRefused, kPolicy}},
              "may it log in without TLS? by-policy: as 'pop update --tic-clear-text' says",
              into(options.clear_text));
  verb.option("--description", {"TEXT"}, "free text, at most 256 bytes", into(options.description));
  add_secret_options(verb, options.secret, true);
}

void add_common_options(Command& verb, ChangeOptions& options) {
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options.comment));
  verb.flag("--validate-only", "check and answer, but change nothing", options.validate_only);
}

void add_etag_option(Command& verb, ChangeOptions& options) {
  verb.option("--etag", {"ETAG"}, "only if the account still has this etag (see 'account show')",
              into(options.etag));
}

// Puts what was given into `account` and its path into `mask`; returns the secret, if there is one.
std::optional<std::string> apply_fields(Session& session, const ChangeOptions& options,
                                        v1::Account& account, google::protobuf::FieldMask& mask) {
  const auto given = [&mask](const char* path) { mask.add_paths(path); };
  account.set_name(options.name);
  if (options.state)
    account.set_state(enum_value<v1::Account::State>(*options.state)), given("state");
  if (options.clear_text)
    account.set_clear_text(clear_text_value(*options.clear_text)), given("clear_text");
  if (options.description) account.set_description(*options.description), given("description");
  auto secret = read_secret(options.secret, session.err());
  if (secret) account.set_secret(*secret), given("secret");
  return secret;
}

ExitCode report(Session& session, const ChangeOptions& options,
                const google::protobuf::Message& message, const std::string& what) {
  session.print(message, [&] {
    const std::string text = "account " + options.name + " " + what;
    return options.validate_only ? text + " (only validated: nothing changed)\n"
                                 : text + session.revision_text() + "\n";
  });
  return options.validate_only ? ExitCode::kOk : session.publish_result();
}

// The same; a secret that was made for it is shown now and never again.
ExitCode report(Session& session, const ChangeOptions& options, v1::Account account,
                const std::string& what, const std::optional<std::string>& secret) {
  const bool show = options.secret.generate && !options.validate_only;
  if (show) account.set_secret(*secret);
  const ExitCode code = report(session, options, account, what);
  if (show && session.table()) session.out() << "secret  " << *secret << "\n";
  if (!account.has_secret() && !options.validate_only)
    session.err() << "simplonctl: the account has no secret and cannot log in: simplonctl account "
                     "set-secret "
                  << options.name << "\n";
  return code;
}

void add_create(Command& noun) {
  const auto options = std::make_shared<ChangeOptions>();
  Command& verb = noun.add("create", "creates an account, which can own tunnels and log in by TIC");
  verb.positional({"NAME"}, "login name: a letter or digit, then letters, digits and . _ @ + -",
                  into(options->name))
      .required = true;
  add_fields_options(verb, *options);
  add_common_options(verb, *options);
  verb.example("simplonctl account create ann@example.net --generate-secret")
      .example("simplonctl account create bob --secret-file /root/bob.secret --clear-text allowed")
      .run([options](Session& session) {
        v1::CreateAccountRequest request;
        google::protobuf::FieldMask ignored;
        const auto secret = apply_fields(session, *options, *request.mutable_account(), ignored);
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        const auto created =
            session.client().call<v1::Account>("AccountService.CreateAccount", request);
        return report(session, *options, created, "created", secret);
      });
}

void add_update(Command& noun) {
  const auto options = std::make_shared<ChangeOptions>();
  Command& verb = noun.add("update", "changes fields of an account");
  verb.positional(account_value(), "login name", into(options->name)).required = true;
  add_fields_options(verb, *options);
  add_etag_option(verb, *options);
  add_common_options(verb, *options);
  verb.example("simplonctl account update bob --state disabled")
      .example("simplonctl account update bob --clear-text refused --description 'has TLS now'")
      .run([options](Session& session) {
        v1::UpdateAccountRequest request;
        v1::Account& account = *request.mutable_account();
        const auto secret =
            apply_fields(session, *options, account, *request.mutable_update_mask());
        if (request.update_mask().paths().empty())
          throw failure(ExitCode::kUsage, "nothing to change: give at least one field");
        account.set_etag(options->etag);
        request.set_validate_only(options->validate_only);
        request.set_comment(options->comment);
        const auto updated =
            session.client().call<v1::Account>("AccountService.UpdateAccount", request);
        return report(session, *options, updated, "updated", secret);
      });
}

void add_delete(Command& noun) {
  const auto options = std::make_shared<ChangeOptions>();
  Command& verb = noun.add("delete", "deletes an account that owns no tunnels");
  verb.positional(account_value(), "login name", into(options->name)).required = true;
  verb.flag("--force", "although it owns tunnels, which then belong to nobody", options->force);
  verb.flag("--allow-missing", "succeed where there is no such account", options->allow_missing);
  add_etag_option(verb, *options);
  add_common_options(verb, *options);
  verb.example("simplonctl account delete bob").run([options](Session& session) {
    v1::DeleteAccountRequest request;
    request.set_name(options->name);
    request.set_etag(options->etag);
    request.set_allow_missing(options->allow_missing);
    request.set_force(options->force);
    request.set_validate_only(options->validate_only);
    request.set_comment(options->comment);
    const auto empty =
        session.client().call<google::protobuf::Empty>("AccountService.DeleteAccount", request);
    return report(session, *options, empty, "deleted");
  });
}

void add_set_secret(Command& noun) {
  const auto options = std::make_shared<ChangeOptions>();
  Command& verb = noun.add("set-secret", "gives an account a new TIC secret");
  verb.describe(
      "The one it had ceases to be valid. Where none is given the server makes one of 128 random "
      "bits and it is printed, once: nobody can read it later, not even the server.");
  verb.positional(account_value(), "login name", into(options->name)).required = true;
  add_secret_options(verb, options->secret, false);
  add_etag_option(verb, *options);
  verb.option("--comment", {"TEXT"}, "kept in the history", into(options->comment));
  verb.example("simplonctl account set-secret ann@example.net")
      .example("simplonctl account set-secret bob --secret-file /root/bob.secret")
      .run([options](Session& session) {
        v1::SetAccountSecretRequest request;
        request.set_secret(read_secret(options->secret, session.err()).value_or(""));
        request.set_name(options->name);
        request.set_etag(options->etag);
        request.set_comment(options->comment);
        const auto response = session.client().call<v1::SetAccountSecretResponse>(
            "AccountService.SetAccountSecret", request);
        session.print(response, [&] {
          std::string text =
              "account " + options->name + " has a new secret" + session.revision_text() + "\n";
          if (request.secret().empty()) text += "secret  " + response.secret() + "\n";
          return text;
        });
        return session.publish_result();
      });
}

}  // namespace

void add_account_commands(Command& root) {
  Command& noun =
      root.add("account", "subscribers: list, show, create, update, delete, set-secret, tunnels");
  add_list(noun);
  add_show(noun);
  add_create(noun);
  add_update(noun);
  add_delete(noun);
  add_set_secret(noun);
  add_tunnels(noun);
}

}  // namespace simplon::cli
