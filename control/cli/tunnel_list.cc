// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/tunnel_list.h"

#include <algorithm>

#include "control/cli/render_table.h"
#include "control/cli/tunnel_fields.h"

namespace simplon::cli {
namespace {

constexpr uint32_t kPage = 10000;  // the most the server gives at once

// 0 stands for what the server finds right.
std::string number_or_auto(uint32_t value) {
  return value == 0 ? "auto" : std::to_string(value);
}

std::string prefixes_text(const v1::Tunnel& tunnel) {
  if (tunnel.delegated_prefixes().empty()) return "";
  std::string text = tunnel.delegated_prefixes(0);
  if (tunnel.delegated_prefixes_size() > 1)
    text += " +" + std::to_string(tunnel.delegated_prefixes_size() - 1);
  return text;
}

}  // namespace

std::string t_number(const v1::Tunnel& tunnel) {
  return "T" + std::to_string(tunnel.id());
}

std::string tunnel_table(const v1::ListTunnelsResponse& list, bool heads) {
  Table table({left("TUNNEL"), right("SLOT"), left("TYPE"), left("STATE"), left("REMOTE"),
               right("MTU"), left("LINK-PREFIX"), left("DELEGATED"), left("DESCRIPTION", 20)});
  for (const v1::Tunnel& t : list.tunnels())
    table.add({t_number(t), std::to_string(t.slot()), type_word(t.type()),
               t.admin_state() == v1::Tunnel::DISABLED ? "disabled" : "enabled", t.remote(),
               number_or_auto(t.mtu()), t.link_prefix(), prefixes_text(t), t.description()});
  return table.render(heads);
}

v1::ListTunnelsResponse list_tunnels(Session& session, const std::string& filter,
                                     const std::string& order_by, uint32_t limit) {
  v1::ListTunnelsResponse all;
  v1::ListTunnelsRequest request;
  request.set_filter(filter);
  request.set_order_by(order_by);
  uint32_t left = limit;
  while (left > 0) {
    request.set_page_size(static_cast<int>(std::min(left, kPage)));
    auto page =
        session.client().call<v1::ListTunnelsResponse>("TunnelService.ListTunnels", request);
    left -= std::min(left, static_cast<uint32_t>(page.tunnels_size()));
    all.set_total_size(page.total_size());
    if (all.tunnels().empty())
      all.mutable_tunnels()->Swap(page.mutable_tunnels());
    else
      all.mutable_tunnels()->MergeFrom(page.tunnels());
    request.set_page_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  return all;
}

}  // namespace simplon::cli
