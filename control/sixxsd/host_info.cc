// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/host_info.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "control/clock.h"
#include "control/sixxsd/words.h"

namespace simplon::control::sixxsd {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kDumpWidth = 16;

// The value of the first line that begins with `name`, from behind `separator`.
std::string value_in(const char* path, std::string_view name, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t at = line.find(separator);
    if (at == line.npos) continue;
    std::string_view value = std::string_view(line).substr(at + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return printable(value);
  }
  return "(not available)";
}

void add_memory(Answer& reply) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with("Mem") || colon == line.npos) continue;
    const char* const end = line.data() + line.size();
    const char* at = line.data() + colon;
    while (at != end && (*at < '0' || *at > '9')) ++at;
    uint64_t kilobytes = 0;
    if (std::from_chars(at, end, kilobytes).ec != std::errc()) continue;
    reply.print("{}: {}", printable(line.substr(0, colon)), kilobytes * 1024);
  }
}

}  // namespace

int64_t unix_now() {
  return unix_now_ns() / kSecondNs;
}

std::string utc_text(int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return std::string(text, size);
}

std::string days_text(int64_t seconds) {
  seconds = std::max<int64_t>(0, seconds);
  return fmt::format("{} days {:02}:{:02}:{:02}", seconds / 86400, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60);
}

std::string ago_text(int64_t unix_s) {
  if (unix_s == 0) return "never";
  return fmt::format("{} ({}; {} ago)", utc_text(unix_s), unix_s, days_text(unix_now() - unix_s));
}

void add_host_info(Answer& reply) {
  utsname name{};
  uname(&name);
  reply.print("Platform: {}", name.sysname);
  reply.print("Release: {}", name.release);
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  reply.print("Uptime: {}", days_text(since_boot.tv_sec));
  reply.print("CPU Count: {}", sysconf(_SC_NPROCESSORS_ONLN));
  reply.print("CPU Model: {}", value_in("/proc/cpuinfo", "model name", ':'));
  add_memory(reply);
  reply.print("Distributor ID: {}", value_in("/etc/os-release", "ID=", '='));
  reply.print("Description: {}", value_in("/etc/os-release", "PRETTY_NAME=", '='));
}

void add_threads(Answer& reply) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(entry.path() / "comm");
    std::string name;
    std::getline(file, name);
    reply.print("{} {}", entry.path().filename().string(), printable(name));
  }
}

void add_hex_dump(std::string_view bytes, Answer& reply) {
  for (std::size_t at = 0; at < bytes.size(); at += kDumpWidth) {
    const std::string_view row = bytes.substr(at, kDumpWidth);
    std::string line = fmt::format("{:08x} ", at);
    std::string text;
    for (const char c : row) {
      line += fmt::format("{:02x} ", uint8_t(c));
      text += c >= ' ' && c <= '~' ? c : '.';
    }
    line.append(3 * (kDumpWidth - row.size()), ' ');
    reply.add(line + text);
  }
}

}  // namespace simplon::control::sixxsd
