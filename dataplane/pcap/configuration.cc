// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/configuration.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "control/config/parse.h"
#include "control/table/build_snapshot.h"
#include "dataplane/pcap/aligned_bytes.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon::offline {
namespace {

// A configuration of a million tunnels is about 100 MiB of text.
constexpr std::streamoff kMaxFile = std::streamoff{1} << 30;

bool read_file(const std::string& path, std::string& text, std::string& error) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    error = path + ": " + std::strerror(errno);
    return false;
  }
  const std::streamoff size = file.tellg();
  if (size < 0 || size > kMaxFile) {
    error = path + ": not a file, or larger than 1 GiB";
    return false;
  }
  text.resize(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(text.data(), size);
  if (!file) {
    error = path + ": cannot read: " + std::strerror(errno);
    return false;
  }
  return true;
}

bool read_descriptor(int fd, std::vector<std::byte>& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

void add_port(std::vector<std::string>& ports, const std::string& name) {
  if (std::find(ports.begin(), ports.end(), name) == ports.end()) ports.push_back(name);
}

}  // namespace

std::optional<Configuration> load_configuration(const std::string& path, std::string& error) {
  std::string text;
  if (!read_file(path, text, error)) return std::nullopt;
  std::vector<control::FieldViolation> violations;
  const auto config = control::parse_config(text, path, &violations);
  if (!config.ok()) {
    for (const control::FieldViolation& v : violations) {
      error.append(error.empty() ? "" : "\n").append(control::format_violation(v, path));
    }
    if (error.empty()) error = path + ": " + std::string(config.status().message());
    return std::nullopt;
  }
  const auto sealed = control::build_snapshot(*config, 1, 1);
  if (!sealed.ok()) {
    error = path + ": " + std::string(sealed.status().message());
    return std::nullopt;
  }
  Configuration result;
  result.snapshot.resize(sealed->size);
  if (!read_descriptor(sealed->fd.get(), result.snapshot)) {
    error = path + ": cannot read the snapshot back: " + std::strerror(errno);
    return std::nullopt;
  }
  for (const auto& interface : config->pop().interfaces()) add_port(result.ports, interface.port());
  return result;
}

std::optional<Configuration> load_snapshot(const std::string& path, std::string& error) {
  std::string bytes;
  if (!read_file(path, bytes, error)) return std::nullopt;
  Configuration result;
  result.snapshot.resize(bytes.size());
  std::memcpy(result.snapshot.data(), bytes.data(), bytes.size());
  const AlignedBytes copy(result.snapshot);
  const SnapshotOpenResult opened = SnapshotView::over(copy.bytes());
  if (!opened) {
    error = path + ": " + std::string(section_name(opened.error.section)) + "[" +
            std::to_string(opened.error.index) + "]: " + opened.error.reason;
    return std::nullopt;
  }
  const PopRecord& pop = opened.view->pop();
  for (uint32_t n = 0; n < pop.interface_count; ++n) {
    add_port(result.ports,
             std::string(pop.interfaces[n].port,
                         strnlen(pop.interfaces[n].port, sizeof(pop.interfaces[n].port))));
  }
  return result;
}

}  // namespace simplon::offline
