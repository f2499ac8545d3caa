// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/complete_command.h"

#include <cstdlib>
#include <iterator>
#include <ostream>

#include "control/cli/client.h"
#include "control/cli/completion.h"
#include "control/cli/render_table.h"
#include "dataplane/state/drop_reason.h"
#include "simplon/v1/account_service.pb.h"
#include "simplon/v1/pool_service.pb.h"
#include "simplon/v1/tunnel_service.pb.h"

namespace simplon::cli {
namespace {

// What is booked on tunnels besides drops (proto/link/segment_format.h, LedgerNote).
constexpr const char* kTunnelNotes[] = {"icmpv4-error-received", "icmpv6-error-received",
                                        "icmpv4-echo-received"};
constexpr int kMostNames = 1000;
constexpr std::chrono::milliseconds kPatience{500};

std::vector<std::string> fetch_names(Completion what, const std::string& server) {
  std::vector<std::string> names;
  if (what == Completion::kDropReason || what == Completion::kTunnelError) {
    for (const DropReasonInfo& info : kDropReasons) names.emplace_back(info.name);
    if (what == Completion::kTunnelError)
      names.insert(names.end(), std::begin(kTunnelNotes), std::end(kTunnelNotes));
    return names;
  }
  Client client(server, kPatience);
  if (what == Completion::kPool) {
    const auto list =
        client.call<v1::ListPoolsResponse>("PoolService.ListPools", v1::ListPoolsRequest());
    for (const v1::PoolInfo& info : list.pools()) names.push_back(info.pool().name());
  }
  if (what == Completion::kAccount) {
    v1::ListAccountsRequest request;
    request.set_page_size(kMostNames);
    const auto list = client.call<v1::ListAccountsResponse>("AccountService.ListAccounts", request);
    for (const v1::Account& account : list.accounts()) names.push_back(account.name());
  }
  if (what == Completion::kTunnel) {
    v1::ListTunnelsRequest request;
    request.set_page_size(kMostNames);
    const auto list = client.call<v1::ListTunnelsResponse>("TunnelService.ListTunnels", request);
    for (const v1::Tunnel& tunnel : list.tunnels())
      names.push_back("T" + std::to_string(tunnel.id()));
  }
  return names;
}

}  // namespace

void run_complete(const Command& root, const std::vector<std::string>& words,
                  const std::string& default_server, std::ostream& out) {
  const FetchNames fetch = [&](Completion what, const std::string& server) {
    const char* const environment = std::getenv("SIMPLON_SERVER");  // NOLINT(concurrency-mt-unsafe)
    try {
      if (!server.empty()) return fetch_names(what, server);
      return fetch_names(what, environment != nullptr ? environment : default_server);
    } catch (const std::exception&) {
    } catch (const Failure&) {
    }
    return std::vector<std::string>();
  };
  const Completions completions = complete(root, words, fetch);
  for (const Candidate& candidate : completions.candidates)
    out << printable(candidate.word) << "\t" << printable(candidate.description) << "\n";
  if (completions.files) out << ":files\n";
}

}  // namespace simplon::cli
