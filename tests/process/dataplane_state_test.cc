// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplon-dataplane itself, without a network: what was learned outlives a kill -9, and a state
// directory that was lost is filled from a journal.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "dataplane/state/error_ledger.h"
#include "dataplane/state/event_ring.h"
#include "dataplane/state/tunnel_runtime.h"
#include "tests/support/catch.h"
#include "tests/support/link_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_snapshot.h"

namespace simplon {
namespace {

using testing::LinkClient;
using testing::TemporaryDirectory;

constexpr uint32_t kBeats = 2;
constexpr uint32_t kAyiya = 3;

// A segment as control sees it.
class Mapping {
 public:
  explicit Mapping(const FileDescriptor& fd) {
    struct stat status {};
    REQUIRE(fstat(fd.get(), &status) == 0);
    size_ = static_cast<std::size_t>(status.st_size);
    data_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
    REQUIRE(data_ != MAP_FAILED);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(data_, size_); }

  const RuntimeHeader& header() const { return *static_cast<const RuntimeHeader*>(data_); }
  RuntimeTable table() const {
    return RuntimeTable(
        {reinterpret_cast<TunnelRuntime*>(static_cast<std::byte*>(data_) + header().records_offset),
         header().slot_capacity});
  }
  std::vector<TunnelEvent> events() const {
    const EventReader reader(
        header(), {reinterpret_cast<const TunnelEvent*>(static_cast<const std::byte*>(data_) +
                                                        header().events_offset),
                   header().event_ring_size});
    std::vector<TunnelEvent> out(header().event_ring_size);
    out.resize(reader.read_after(0, out).count);
    return out;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

class Dataplane {
 public:
  explicit Dataplane(const TemporaryDirectory& directory)
      : socket_(directory.file("s/dataplane.sock")) {
    const char* program = std::getenv("SIMPLON_DATAPLANE");
    REQUIRE(program != nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      const int log = open(directory.file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(log, STDERR_FILENO);
      dup2(log, STDOUT_FILENO);
      const std::string state = directory.file("s");
      execl(program, program, "--port", "uplink=net_null0", "--state-dir", state.c_str(),
            "--hugepages", "off", "--idle", "sleep", "--max-slots", "65536", "--mbufs", "2048",
            static_cast<char*>(nullptr));
      _exit(127);
    }
    for (int attempt = 0; attempt < 300 && !connect(); ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    INFO(directory.path());
    REQUIRE(client_);
  }
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;
  ~Dataplane() { stop(SIGKILL); }

  void stop(int signal) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    client_.reset();
  }

  LinkClient& client() { return *client_; }
  const Hello& hello() const { return hello_; }
  const Mapping& runtime() const { return *runtime_; }

  void publish(uint64_t generation) {
    const auto snapshot = testing::make_snapshot(generation, generation);
    const auto answers = client_->publish(snapshot.fd.get(), snapshot.size, generation, generation);
    REQUIRE(answers.size() == 2);
    REQUIRE(answers[1].state == static_cast<uint32_t>(PublishState::kActive));
  }

  TunnelCommandDone command(TunnelCommandKind kind, uint32_t slot, const char* address = "",
                            uint16_t port = 0) {
    TunnelCommand message{};
    message.kind = static_cast<uint32_t>(kind);
    message.slot = slot;
    message.tag = 77;
    message.port = port;
    message.transport = port != 0 ? 1 : 0;
    if (*address != '\0') {
      const auto from = Ipv6Address::from_ipv4(*Ipv4Address::parse(address));
      const auto local = Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.2"));
      std::memcpy(message.address, from.bytes.data(), sizeof message.address);
      std::memcpy(message.local_address, local.bytes.data(), sizeof message.local_address);
    }
    const auto done = client_->command(message);
    REQUIRE(done);
    CHECK(done->tag == 77);
    return *done;
  }

  // The status once it says so, or after five seconds.
  StatusReply status_with_up(uint64_t up) {
    StatusReply status{};
    for (int attempt = 0; attempt < 50; ++attempt) {
      status = client_->status().value();
      if (status.dynamic_up == up) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return status;
  }

 private:
  bool connect() {
    auto client = std::make_unique<LinkClient>(socket_);
    if (!client->connected()) return false;
    std::vector<FileDescriptor> segments;
    const auto hello = client->hello(&segments);
    if (!hello || segments.size() != 3) return false;
    hello_ = *hello;
    runtime_ = std::make_unique<Mapping>(segments[1]);
    client_ = std::move(client);
    return true;
  }

  std::string socket_;
  pid_t pid_ = -1;
  std::unique_ptr<LinkClient> client_;
  Hello hello_{};
  std::unique_ptr<Mapping> runtime_;
};

TEST_CASE("endpoints, epochs and events of the dataplane outlive a kill -9") {
  const TemporaryDirectory directory;
  uint64_t instance = 0;
  std::size_t events = 0;
  {
    Dataplane dataplane(directory);
    instance = dataplane.runtime().header().instance_id;
    CHECK(dataplane.command(TunnelCommandKind::kTakeDown, kBeats).done == 0);  // no table yet
    dataplane.publish(1);
    CHECK(dataplane.command(TunnelCommandKind::kSetEndpoint, kBeats, "198.51.100.7").done == 1);
    CHECK(dataplane.command(TunnelCommandKind::kSetEndpoint, kAyiya, "203.0.113.5", 4711).done ==
          1);
    CHECK(dataplane.command(TunnelCommandKind::kSetEndpoint, kAyiya, "192.0.2.2", 4711).done == 0);
    CHECK(dataplane.command(TunnelCommandKind::kSetEndpoint, 1, "198.51.100.7").done == 0);
    const StatusReply status = dataplane.status_with_up(2);
    CHECK(status.dynamic_up == 2);
    CHECK(status.clock_step_s == 0);
    events = dataplane.runtime().events().size();
    CHECK(events >= 2);
    dataplane.stop(SIGKILL);
  }
  Dataplane dataplane(directory);
  CHECK(dataplane.hello().active_generation == 1);
  CHECK(dataplane.runtime().header().instance_id == instance);
  const RuntimeTable table = dataplane.runtime().table();
  CHECK(table.load(kBeats, 0).up);
  CHECK(table.load(kBeats, 0).address.ipv4() == *Ipv4Address::parse("198.51.100.7"));
  CHECK(table.load(kAyiya, 0).port == 4711);
  CHECK(dataplane.runtime().events().size() >= events);
  CHECK(dataplane.status_with_up(2).dynamic_up == 2);
  // And obeys: down, with an event of the next number.
  CHECK(dataplane.command(TunnelCommandKind::kTakeDown, kBeats).done == 1);
  CHECK_FALSE(table.load(kBeats, 0).known());
  const auto all = dataplane.runtime().events();
  REQUIRE_FALSE(all.empty());
  CHECK(all.back().kind == static_cast<uint8_t>(TunnelEventKind::kDown));
  CHECK(all.back().number == all.size());
  dataplane.stop(SIGTERM);
}

TEST_CASE("a lost state directory is filled from a journal, once") {
  const TemporaryDirectory directory;
  uint64_t instance = 0;
  {
    Dataplane dataplane(directory);
    instance = dataplane.runtime().header().instance_id;
  }
  std::filesystem::remove_all(directory.file("s"));
  Dataplane dataplane(directory);
  CHECK(dataplane.runtime().header().instance_id != instance);

  SeedRecord record{};
  record.slot = kAyiya;
  record.highest_epoch = 1'700'000'000;
  record.last_seen_ago_s = 10;
  record.transport = 1;
  record.port = 4711;
  const auto from = Ipv6Address::from_ipv4(*Ipv4Address::parse("203.0.113.5"));
  const auto local = Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.2"));
  std::memcpy(record.address, from.bytes.data(), sizeof record.address);
  std::memcpy(record.local_address, local.bytes.data(), sizeof record.local_address);
  const FileDescriptor fd(memfd_create("seed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(write(fd.get(), &record, sizeof record) == sizeof record);
  REQUIRE(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);

  auto done = dataplane.client().seed(fd.get(), 1);  // no table: nobody knows whose it is
  REQUIRE(done);
  CHECK(done->refused == 1);
  dataplane.publish(1);
  done = dataplane.client().seed(fd.get(), 1);
  REQUIRE(done);
  CHECK(done->accepted == 1);
  const RuntimeTable table = dataplane.runtime().table();
  CHECK(table.load(kAyiya, 0).up);
  CHECK_FALSE(table.load(kAyiya, 0).verified);
  CHECK(table.highest_epoch(kAyiya, 0) == 1'700'000'000);
  CHECK(dataplane.status_with_up(1).unverified == 1);
  done = dataplane.client().seed(fd.get(), 1);
  REQUIRE(done);
  CHECK(done->refused == 1);
}

}  // namespace
}  // namespace simplon
