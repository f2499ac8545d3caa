// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/pop_policy.h"

#include <google/protobuf/descriptor.h>

#include <sstream>
#include <stdexcept>

#include "control/cli/text.h"

namespace simplon::cli {
namespace {

using google::protobuf::FieldDescriptor;
using v1::TicPolicy;

constexpr char kClearTextPrefix[] = "clear-text-";
constexpr char kChallengePrefix[] = "challenge-";

bool is_simple(const FieldDescriptor& field) {
  return !field.is_repeated() && (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32);
}

TicPolicy::Challenge challenge_value(const std::string& word) {
  return enum_value<TicPolicy::Challenge>(kChallengePrefix + word);
}

}  // namespace

void parse_fields(const std::string& text, google::protobuf::Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t equals = part.find('=');
    const auto* const field = type.FindFieldByName(part.substr(0, equals));
    if (equals == std::string::npos || field == nullptr || !is_simple(*field)) {
      std::string names;
      for (int i = 0; i < type.field_count(); ++i)
        if (is_simple(*type.field(i))) names += (names.empty() ? "" : ", ") + type.field(i)->name();
      throw std::invalid_argument("'" + part + "' is not FIELD=VALUE with a field of: " + names);
    }
    const std::string value = part.substr(equals + 1);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection.SetString(&message, field, value);
    } else {
      std::optional<uint32_t> number;
      into(number)(value);
      reflection.SetUInt32(&message, field, *number);
    }
  }
}

void add_policy_options(Command& verb, PolicyOptions& options) {
  const auto text = [&verb](const char* flag, const char* help,
                            std::optional<std::string>& target) {
    verb.option(flag, {"TEXT"}, help, into(target));
  };
  text("--city", "told to subscribers, as all up to --info-url", options.city);
  text("--country", "two letters of ISO 3166-1", options.country);
  text("--isp-short-name", "of the provider the PoP is at", options.isp_short_name);
  text("--isp-name", "the same in full", options.isp_name);
  text("--isp-website", "its web site", options.isp_website);
  verb.option("--isp-asn", {"N"}, "its AS number", into(options.isp_asn));
  text("--isp-lir", "its RIR handle, as nl.example", options.isp_lir);
  text("--info-url", "status page, named while the PoP is down", options.info_url);
  verb.option("--number", {"N"}, "of this PoP among its operator's, 0 to 63", into(options.number));
  verb.option("--peer-pop", {"FIELD=VALUE,..."},
              "another PoP of the operator, instead of all that are known: number, name, "
              "ipv4_address, ipv6_address",
              [&options](const std::string& value) {
                parse_fields(value, options.peers.emplace_back());
              })
      .repeatable = true;
  verb.flag("--no-peer-pops", "know no others", options.no_peers);
  const Value challenge{"allowed|with-tls|refused", {"allowed", "with-tls", "refused"}};
  verb.option("--tic-clear-text", {"allowed|refused", {"allowed", "refused"}},
              "may subscribers log in without TLS? An account can override it",
              into(options.tic_clear_text));
  verb.option("--tic-clear-challenge", challenge, "may they send the secret itself?",
              into(options.tic_clear_challenge));
  verb.option("--tic-md5-challenge", challenge, "may they answer with MD5, as old clients do?",
              into(options.tic_md5_challenge));
  verb.option("--tic-max-failures", {"N"},
              "failed logins in ten minutes before an account or address has to wait; 0: 5",
              into(options.tic_max_failures));
  verb.option("--update-max-unchanged", {"N"},
              "endpoint updates that change nothing, of one tunnel in ten minutes, before the "
              "answer is 'abuse'; 0: 10",
              into(options.update_max_unchanged));
  verb.option("--update-max-changes", {"N"}, "those that change something, likewise; 0: 30",
              into(options.update_max_changes));
  verb.option("--console-address", {"ADDRESS"},
              "who may use the sixxsd console, instead of all who may",
              into(options.console_addresses))
      .repeatable = true;
  verb.flag("--no-console-addresses", "nobody may use the console", options.no_console_addresses);
}

void apply_policy(const PolicyOptions& options, v1::Pop& pop, google::protobuf::FieldMask& mask) {
  const auto given = [&mask](const char* path) { mask.add_paths(path); };
  v1::PopDetails& details = *pop.mutable_details();
  if (options.city) details.set_city(*options.city), given("details.city");
  if (options.country) details.set_country(*options.country), given("details.country");
  if (options.isp_short_name)
    details.set_isp_short_name(*options.isp_short_name), given("details.isp_short_name");
  if (options.isp_name) details.set_isp_name(*options.isp_name), given("details.isp_name");
  if (options.isp_website)
    details.set_isp_website(*options.isp_website), given("details.isp_website");
  if (options.isp_asn) details.set_isp_asn(*options.isp_asn), given("details.isp_asn");
  if (options.isp_lir) details.set_isp_lir(*options.isp_lir), given("details.isp_lir");
  if (options.info_url) details.set_info_url(*options.info_url), given("details.info_url");
  if (options.number) pop.set_number(*options.number), given("number");
  if (!options.peers.empty() || options.no_peers) {
    if (options.no_peers && !options.peers.empty())
      throw failure(ExitCode::kUsage, "--peer-pop and --no-peer-pops exclude each other");
    for (const v1::PeerPop& peer : options.peers) *pop.add_peer_pops() = peer;
    given("peer_pops");
  }
  TicPolicy& tic = *pop.mutable_tic();
  if (options.tic_clear_text)
    tic.set_clear_text(
        enum_value<TicPolicy::ClearText>(kClearTextPrefix + *options.tic_clear_text)),
        given("tic.clear_text");
  if (options.tic_clear_challenge)
    tic.set_clear_challenge(challenge_value(*options.tic_clear_challenge)),
        given("tic.clear_challenge");
  if (options.tic_md5_challenge)
    tic.set_md5_challenge(challenge_value(*options.tic_md5_challenge)), given("tic.md5_challenge");
  if (options.tic_max_failures)
    tic.set_max_failures(*options.tic_max_failures), given("tic.max_failures");
  v1::UpdatePolicy& update = *pop.mutable_endpoint_update();
  if (options.update_max_unchanged)
    update.set_max_unchanged(*options.update_max_unchanged), given("endpoint_update.max_unchanged");
  if (options.update_max_changes)
    update.set_max_changes(*options.update_max_changes), given("endpoint_update.max_changes");
  if (!options.console_addresses.empty() || options.no_console_addresses) {
    if (options.no_console_addresses && !options.console_addresses.empty())
      throw failure(ExitCode::kUsage,
                    "--console-address and --no-console-addresses exclude each other");
    for (const std::string& address : options.console_addresses)
      pop.mutable_console()->add_allowed_addresses(address);
    given("console.allowed_addresses");
  }
}

}  // namespace simplon::cli
