// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// publish_config SOCKET FILE GENERATION
//
// Compiles a configuration file and publishes it to a dataplane, without control. For tests of the
// dataplane alone.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "control/config/parse.h"
#include "control/table/build_snapshot.h"
#include "tests/support/link_client.h"

int main(int argc, char** argv) {
  using namespace simplon;
  if (argc != 4) {
    std::fprintf(stderr, "usage: publish_config SOCKET FILE GENERATION\n");
    return 2;
  }
  std::ifstream file(argv[2]);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<control::FieldViolation> violations;
  const auto config = control::parse_config(text, argv[2], &violations);
  if (!config.ok()) {
    std::fprintf(stderr, "%s\n", config.status().ToString().c_str());
    return 1;
  }
  const uint64_t generation = std::strtoull(argv[3], nullptr, 10);
  const auto snapshot = control::build_snapshot(*config, generation, generation);
  if (!snapshot.ok()) {
    std::fprintf(stderr, "%s\n", snapshot.status().ToString().c_str());
    return 1;
  }
  testing::LinkClient client(argv[1]);
  if (!client.connected() || !client.hello()) {
    std::fprintf(stderr, "no dataplane at %s\n", argv[1]);
    return 1;
  }
  const auto answers = client.publish(snapshot->fd.get(), snapshot->size, generation, generation);
  for (const PublishStatus& answer : answers) {
    std::printf("state %u section %u index %lu %s\n", answer.state, answer.section, answer.index,
                answer.reason);
  }
  const bool active =
      !answers.empty() && answers.back().state == static_cast<uint32_t>(PublishState::kActive);
  return active ? 0 : 1;
}
