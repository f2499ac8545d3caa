// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What console lines change (docs/protocols.md §12.6). Each line is checked at once, against the
// configuration and the lines before it, and becomes part of it later, with all others in one
// transaction. Then every line is checked once more, because somebody else may have been there
// meanwhile: what is kept is what a line says, not what came of it. A line that says what is there
// already is no change and is forgotten. Not synchronised.

#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/engine/engine.h"
#include "control/sixxsd/arguments.h"
#include "dataplane/net/address.h"

namespace simplon::control::sixxsd {

// The tunnels, as they are or as they will be.
class TunnelView {
 public:
  TunnelView() = default;
  TunnelView(const TunnelView&) = delete;
  TunnelView& operator=(const TunnelView&) = delete;
  virtual ~TunnelView() = default;

  virtual const v1::Tunnel* find(uint32_t id) const = 0;
  virtual const v1::Tunnel* at_slot(uint32_t slot) const = 0;
  // The tunnel a unit of a DELEGATED pool belongs to.
  virtual const v1::Tunnel* owner(const Ipv6Prefix& unit) const = 0;
};

// What one line comes to, in this order.
struct TunnelEdits {
  std::vector<uint32_t> erased;
  std::vector<v1::Tunnel> put;

  bool empty() const { return erased.empty() && put.empty(); }
};

class Changes {
 public:
  // Lines that may wait; more must be committed first.
  static constexpr std::size_t kMost = 20000;

  struct Rejected {
    std::string what;  // "T18572", "subnet 2001:db8:1::/48"
    std::string why;
  };

  bool empty() const { return lines_.empty() && pop_edits_.empty() && pools_.empty(); }
  std::size_t size() const { return lines_.size() + pop_edits_.size() + pools_.size(); }
  // Changes of PoP or pools wait: they must be committed before a tunnel is checked against them.
  bool settings_wait() const { return !pop_edits_.empty() || !pools_.empty(); }

  // Each takes the line, or says what is wrong with it. With the model held still.
  absl::Status set_tunnel(const Model& model, const TunnelLine& line);
  absl::Status set_remote(const Model& model, uint32_t id, const Ipv6Address& remote);
  absl::Status set_subnet(const Model& model, const SubnetLine& line);
  using PopEdit = std::function<void(v1::Pop&)>;
  absl::Status edit_pop(const Model& model, PopEdit edit);
  absl::Status add_pools(const Model& model, std::vector<v1::Pool> pools);

  // The PoP as it will be.
  v1::Pop pop(const Model& model) const;
  PoolList pools(const Model& model) const;

  // All in one transaction, as one revision or, where nothing is left of it, none. What the
  // configuration no longer admits is left out and said in `rejected`. On an error nothing was
  // changed, and everything still waits. May wait for the engine.
  absl::Status commit(Engine& engine, std::vector<Rejected>& rejected);
  // The edits of that transaction, in one call of the editor's.
  void edit(Editor& editor, std::vector<Rejected>& rejected) const;

 private:
  struct RemoteLine {
    uint32_t id;
    Ipv6Address remote;
  };
  using Line = std::variant<TunnelLine, RemoteLine, SubnetLine>;
  class Waiting;

  static absl::StatusOr<TunnelEdits> plan(const Line& line, const TunnelView& view,
                                          const Model& model);
  static std::string name_of(const Line& line);
  absl::Status take(const Model& model, Line line);
  void expect(const Model& model, const TunnelEdits& edits);
  void expect_units(const Model& model, const v1::Tunnel* tunnel, uint32_t owner);

  std::vector<Line> lines_;
  std::vector<PopEdit> pop_edits_;
  std::vector<v1::Pool> pools_;

  // What the lines will make of the tunnels. No tunnel or owner: there will be none.
  absl::flat_hash_map<uint32_t, std::optional<v1::Tunnel>> tunnels_;
  absl::flat_hash_map<uint32_t, uint32_t> slots_;  // id, or 0
  absl::flat_hash_map<uint64_t, uint32_t> units_;  // by upper half of the address: id, or 0
};

}  // namespace simplon::control::sixxsd
