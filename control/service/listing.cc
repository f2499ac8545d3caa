// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "control/error/error.h"
#include "control/model/render.h"
#include "dataplane/net/byte_order.h"

namespace simplon::control {
namespace {

constexpr std::size_t kSlice = 20000;

struct Row {
  std::string key;
  uint32_t id = 0;
};

struct RowLess {
  bool descending;
  bool operator()(const Row& a, const Row& b) const {
    const int order = a.key.compare(b.key);
    if (order != 0) return descending ? order > 0 : order < 0;
    return a.id < b.id;
  }
};

std::optional<Row> parse_position(const std::string& text) {
  if (text.empty()) return std::nullopt;
  Row row;
  uint32_t id = 0;
  if (text.size() < sizeof id) return std::nullopt;
  std::memcpy(&id, text.data(), sizeof id);
  row.id = id;
  row.key = text.substr(sizeof id);
  return row;
}

std::string print_position(const Row& row) {
  std::string text(sizeof row.id, '\0');
  std::memcpy(text.data(), &row.id, sizeof row.id);
  return text + row.key;
}

bool needs_output_fields(const Filter& filter) {
  return filter.uses("link_prefix") || filter.uses("routed_prefix") || filter.uses("name") ||
         filter.uses("etag") || filter.uses("routed_ipv4_prefix") || filter.uses("has_password") ||
         filter.uses("has_previous_password") || filter.uses("has_update_key");
}

}  // namespace

std::string big_endian(uint64_t value) {
  const uint64_t swapped = byte_swap(value);
  std::string bytes(sizeof swapped, '\0');
  std::memcpy(bytes.data(), &swapped, sizeof swapped);
  return bytes;
}

absl::StatusOr<SortKey> tunnel_sort_key(std::string_view field) {
  if (field == "id") return SortKey();
  if (field == "slot") return SortKey([](const v1::Tunnel& t) { return big_endian(t.slot()); });
  if (field == "mtu") return SortKey([](const v1::Tunnel& t) { return big_endian(t.mtu()); });
  if (field == "admin_state") {
    return SortKey([](const v1::Tunnel& t) { return big_endian(uint64_t(t.admin_state())); });
  }
  if (field == "account") return SortKey([](const v1::Tunnel& t) { return t.account(); });
  if (field == "description") return SortKey([](const v1::Tunnel& t) { return t.description(); });
  if (field == "remote") {
    return SortKey([](const v1::Tunnel& t) {
      const auto address = parse_outer_address(t.remote());
      return address ? std::string(address->bytes.begin(), address->bytes.end()) : std::string();
    });
  }
  return invalid_field("order_by", "BAD_ORDER",
                       fmt::format("'{}' is not a field to sort by", field));
}

absl::StatusOr<TunnelPage> list_tunnels(const Engine& engine, const ListQuery& query,
                                        const Order& order, const SortKey& key,
                                        const std::function<bool(const v1::Tunnel&)>& accept) {
  auto filter = Filter::parse(query.filter, v1::Tunnel::descriptor());
  if (!filter.ok()) return filter.status();
  const std::string same_query = query.filter + '\n' + query.order_by;
  auto position_text = parse_page_token(query.page_token, same_query);
  if (!position_text.ok()) return position_text.status();
  const std::optional<Row> after = parse_position(*position_text);

  // In id order the scan begins behind the last page and ends with this one; otherwise every tunnel
  // is looked at and the first ones of the order kept in a heap.
  const bool by_id = !key && !order.descending;
  const bool render_first = needs_output_fields(*filter);
  const RowLess less{order.descending};
  const std::size_t wanted = query.page_size + 1;  // one more tells whether there is a next page
  std::vector<Row> rows;
  const auto is_full = [&] { return by_id && rows.size() >= wanted; };
  const auto consider = [&](const Model& model, const v1::Tunnel& tunnel) {
    const bool passes =
        render_first ? filter->matches(render(model, tunnel)) : filter->matches(tunnel);
    if (!passes || (accept && !accept(tunnel))) return;
    Row row{key ? key(tunnel) : std::string(), tunnel.id()};
    // Ids in descending order are the one case in which the id itself is the key.
    if (!key && order.descending) row.key = big_endian(tunnel.id());
    if (after && !less(*after, row)) return;
    if (by_id) {
      rows.push_back(std::move(row));
      return;
    }
    if (rows.size() == wanted) {
      if (!less(row, rows.front())) return;
      std::ranges::pop_heap(rows, less);
      rows.pop_back();
    }
    rows.push_back(std::move(row));
    std::ranges::push_heap(rows, less);
  };

  uint64_t from = by_id && after ? uint64_t{after->id} + 1 : 0;
  const bool all_by_id = by_id && filter->matches_all() && !accept;
  while (from <= 0xffffffff && !is_full()) {
    std::size_t seen = 0;
    uint64_t next = uint64_t{1} << 32;
    engine.read([&](const Model& model, const Engine::Info&) {
      const auto goes_on = [&](uint32_t id) {
        const bool more = seen++ < kSlice && !is_full();
        if (!more) next = id;
        return more;
      };
      if (all_by_id) {
        model.visit_ids_from(uint32_t(from), [&](uint32_t id) {
          const bool more = goes_on(id);
          if (more) rows.push_back({std::string(), id});
          return more;
        });
        return;
      }
      model.visit_from(uint32_t(from), [&](const v1::Tunnel& tunnel) {
        const bool more = goes_on(tunnel.id());
        if (more) consider(model, tunnel);
        return more;
      });
    });
    from = next;
  }
  if (!by_id) std::ranges::sort(rows, less);

  TunnelPage page;
  const bool more = rows.size() > query.page_size;
  if (more) rows.resize(query.page_size);
  for (const Row& row : rows) page.ids.push_back(row.id);
  if (more) page.next_page_token = make_page_token(print_position(rows.back()), same_query);
  return page;
}

}  // namespace simplon::control
