// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Differences between configurations. Resources are compared without output-only fields. Thread:
// any.

#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "control/model/model.h"
#include "simplon/v1/common.pb.h"

namespace simplon::control {

// Names of the top-level fields that differ between two messages of one type.
std::vector<std::string> differing_fields(const google::protobuf::Message& a,
                                          const google::protobuf::Message& b);

// One change; null for a resource that is not there. Not both null.
v1::Change make_change(const v1::Tunnel* old, const v1::Tunnel* next);
v1::Change make_change(const v1::Pool* old, const v1::Pool* next);
v1::Change make_change(const v1::Pop* old, const v1::Pop* next);
v1::Change make_change(const v1::Account* old, const v1::Account* next);

// Does a snapshot differ before and after the change? False only where it is certain that it does
// not.
bool concerns_dataplane(const v1::Change& change);

// What turns `from` into `to`: the PoP, pools and accounts by name, tunnels by id. Both stripped of
// output-only fields.
std::vector<v1::Change> diff(const v1::Config& from, const v1::Config& to);

// The same of what took place one after another: changes of one resource are merged, and those that
// cancel out are left out.
std::vector<v1::Change> merge_changes(const std::vector<v1::Change>& sequence);
// What undoes a change.
v1::Change inverse(const v1::Change& change);

// Counts, and the first `max_changes` changes (all: ~0) rendered.
v1::ConfigDiff summarize(const Model& model, const std::vector<v1::Change>& changes,
                         std::size_t max_changes);
void count_changes(const std::vector<v1::Change>& changes, v1::Revision& revision);

}  // namespace simplon::control
