// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The two processes of a PoP as an operator starts them, for benchmarks of the API.

#pragma once

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace simplon::bench {

// A child that does not outlive the object.
class Process {
 public:
  // Its output goes to the end of `log`.
  Process(const std::vector<std::string>& command, const std::string& log);
  ~Process() { stop(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // SIGTERM, and waits for the end.
  void stop();

 private:
  pid_t pid_ = -1;
};

// One mapping of a process.
struct MemoryPart {
  std::string path;  // empty: anonymous
  uint64_t size = 0;
  uint64_t resident = 0;  // bytes
};
std::vector<MemoryPart> memory_of(pid_t pid);
uint64_t resident_bytes(pid_t pid);
// Time on a CPU so far, of all its threads.
double cpu_seconds(pid_t pid);

// Control and dataplane, the latter with one port "uplink", one worker and room for a million
// tunnels.
class ApiBed {
 public:
  // Control's state comes under `parent`, the dataplane's on a tmpfs, where there is one, as its
  // documentation says. `device`: of the port, as simplon-dataplane takes it.
  ApiBed(const std::string& parent, const std::string& device);
  ~ApiBed();
  ApiBed(const ApiBed&) = delete;
  ApiBed& operator=(const ApiBed&) = delete;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  pid_t control() const { return control_->pid(); }
  pid_t dataplane() const { return dataplane_->pid(); }
  const std::string& dataplane_state() const { return dataplane_state_; }

 private:
  std::string directory_;
  std::string dataplane_state_;
  std::unique_ptr<Process> dataplane_;
  std::unique_ptr<Process> control_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The name of the file system a folder is on, and what appending a page durably costs there.
std::string file_system_of(const std::string& directory);
// Microseconds of each of `count` appended and synchronised pages.
std::vector<double> sync_times(const std::string& directory, int count);

// The q-quantile, 0 < q <= 1: of the values in order the one at rank ceil(q * n).
double quantile(std::vector<double> values, double q);

[[noreturn]] void fail(const std::string& why);

}  // namespace simplon::bench
