// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/api_bed.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "simplon/v1/pop_service.grpc.pb.h"

namespace simplon::bench {
namespace {

// Of the build this program is of.
std::string program(const char* path) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  return (self.parent_path().parent_path().parent_path() / path).string();
}

std::string make_directory(const std::string& parent) {
  std::string path = parent + "/simplon-bench.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) fail("cannot make a folder in " + parent);
  return path;
}

bool is_tmpfs(const char* path) {
  struct statfs info {};
  return statfs(path, &info) == 0 && info.f_type == TMPFS_MAGIC && access(path, W_OK) == 0;
}

}  // namespace

void fail(const std::string& why) {
  std::fprintf(stderr, "bench_api: %s\n", why.c_str());
  std::exit(1);
}

Process::Process(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) fail("cannot fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void Process::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
}

std::vector<MemoryPart> memory_of(pid_t pid) {
  std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
  std::vector<MemoryPart> parts;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (!first.ends_with(':')) {
      MemoryPart& part = parts.emplace_back();
      std::string permissions;
      std::string offset;
      std::string device;
      std::string inode;
      words >> permissions >> offset >> device >> inode >> part.path;
    } else if (!parts.empty() && (first == "Size:" || first == "Rss:")) {
      uint64_t kib = 0;
      words >> kib;
      (first == "Size:" ? parts.back().size : parts.back().resident) = kib * 1024;
    }
  }
  return parts;
}

uint64_t resident_bytes(pid_t pid) {
  uint64_t sum = 0;
  for (const MemoryPart& part : memory_of(pid)) sum += part.resident;
  return sum;
}

double cpu_seconds(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  // The second field is the name in parentheses, whatever is in it; user and system time are the
  // fourteenth and the fifteenth.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  fields >> user >> system;
  return double(user + system) / double(sysconf(_SC_CLK_TCK));
}

ApiBed::ApiBed(const std::string& parent, const std::string& device)
    : directory_(make_directory(parent)),
      dataplane_state_(make_directory(is_tmpfs("/dev/shm") ? "/dev/shm" : parent)) {
  const std::string socket = directory_ + "/dataplane.sock";
  dataplane_ = std::make_unique<Process>(
      std::vector<std::string>{program("dataplane/simplon-dataplane"), "--port", "uplink=" + device,
                               "--state-dir", dataplane_state_, "--socket", socket, "--hugepages",
                               "off", "--idle", "sleep"},
      directory_ + "/dataplane.log");
  const std::string address = "unix:" + directory_ + "/control.sock";
  control_ = std::make_unique<Process>(
      std::vector<std::string>{program("control/simplon-control"), "--state-dir",
                               directory_ + "/state", "--dataplane-socket", socket, "--listen",
                               address, "--log-level", "warn"},
      directory_ + "/control.log");
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  // The channel waits longer after each attempt: not before control is there.
  const auto there = [&](const char* name) {
    return access((directory_ + name).c_str(), F_OK) == 0;
  };
  for (int i = 0; i < 600 && !(there("/control.sock") && there("/dataplane.sock")); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto stub = v1::PopService::NewStub(channel_);
  for (int i = 0; i < 200; ++i) {
    v1::PopStatus status;
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    if (stub->GetPopStatus(&context, {}, &status).ok() && status.dataplane_connected()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  fail("the processes did not come together, see " + directory_);
}

ApiBed::~ApiBed() {
  channel_.reset();
  control_.reset();
  dataplane_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
  std::filesystem::remove_all(dataplane_state_, ignored);
}

std::string file_system_of(const std::string& directory) {
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) fail("there is no folder " + directory);
  switch (static_cast<unsigned long>(info.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case TMPFS_MAGIC:
      return "tmpfs (nothing is durable there)";
    default:
      break;
  }
  char text[32];
  std::snprintf(text, sizeof text, "type 0x%lx", static_cast<unsigned long>(info.f_type));
  return text;
}

std::vector<double> sync_times(const std::string& directory, int count) {
  const std::string path = directory + "/simplon-bench-sync";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("cannot write to " + directory);
  const std::vector<char> page(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (write(fd, page.data(), page.size()) != ssize_t(page.size()) || fdatasync(fd) != 0) {
      fail("cannot write to " + directory);
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  close(fd);
  unlink(path.c_str());
  return times;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

}  // namespace simplon::bench
