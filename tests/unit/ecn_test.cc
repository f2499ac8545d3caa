// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/ecn.h"

#include "tests/support/catch.h"

namespace simplon {
namespace {

TEST_CASE("decapsulation follows figure 4 of RFC 6040 in all sixteen combinations") {
  using enum Ecn;
  struct Row {
    Ecn inner, outer, result;
    bool drop, unusual;
  };
  const Row rows[] = {
      {kNotEct, kNotEct, kNotEct, false, false},
      {kNotEct, kEct0, kNotEct, false, true},
      {kNotEct, kEct1, kNotEct, false, true},
      {kNotEct, kCe, kNotEct, true, true},
      {kEct0, kNotEct, kEct0, false, false},
      {kEct0, kEct0, kEct0, false, false},
      {kEct0, kEct1, kEct1, false, false},
      {kEct0, kCe, kCe, false, false},
      {kEct1, kNotEct, kEct1, false, false},
      {kEct1, kEct0, kEct1, false, true},
      {kEct1, kEct1, kEct1, false, false},
      {kEct1, kCe, kCe, false, false},
      {kCe, kNotEct, kCe, false, false},
      {kCe, kEct0, kCe, false, false},
      {kCe, kEct1, kCe, false, true},
      {kCe, kCe, kCe, false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(int(row.inner), int(row.outer));
    const EcnDecap got = ecn_decapsulate(row.inner, row.outer);
    CHECK(got.inner == row.result);
    CHECK(got.drop == row.drop);
    CHECK(got.unusual == row.unusual);
  }
}

}  // namespace
}  // namespace simplon
