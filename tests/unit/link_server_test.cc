// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The dataplane's end of the link: server, publisher and what a control, or somebody who only says
// he is, can send.

#include "dataplane/link/link_server.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include "dataplane/link/publisher.h"
#include "dataplane/link/state_directory.h"
#include "dataplane/state/ledger_segment.h"
#include "dataplane/state/runtime_segment.h"
#include "dataplane/state/segment.h"
#include "tests/support/catch.h"
#include "tests/support/link_client.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_snapshot.h"

namespace simplon {
namespace {

using control::SealedSnapshot;
using testing::ContainsSubstring;
using testing::LinkClient;
using testing::make_snapshot;
using testing::TemporaryDirectory;

FileDescriptor memfd(const std::vector<std::byte>& bytes, int seals) {
  FileDescriptor fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  if (seals != 0) REQUIRE(fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
  return fd;
}

std::vector<std::byte> contents(const SealedSnapshot& snapshot) {
  std::vector<std::byte> bytes(snapshot.size);
  REQUIRE(pread(snapshot.fd.get(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  return bytes;
}

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

// A dataplane without ports: the real server and publisher on a manager thread, and one reader that
// turns like a worker.
class Dataplane : private LinkHandler {
 public:
  explicit Dataplane(const std::string& directory) : directory_(directory) {
    spdlog::set_level(spdlog::level::off);
    std::string error;
    counters_ = CountersSegment::open(directory, 1, 1u << 16, error);
    REQUIRE(counters_);
    runtime_ = RuntimeSegment::open(directory, 1u << 16, BootTime::read(), error);
    REQUIRE(runtime_);
    ledger_ = LedgerSegment::open(directory, 1, error);
    REQUIRE(ledger_);
    Publisher::Config config;
    config.ports = {{"uplink", {0x02, 0, 0, 0, 0, 1}}};
    config.slot_capacity = 1u << 16;
    config.reader_count = 1;
    config.state_directory = directory;
    config.grace_deadline = std::chrono::milliseconds(50);
    publisher_ = std::make_unique<Publisher>(std::move(config), active_, gate_);
    restored_ = publisher_->restore();
    server_ = LinkServer::listen(path(), *this, error);
    INFO(error);
    REQUIRE(server_);
    manager_ = std::thread([this] {
      while (!stop_) {
        server_->dispatch();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    reader_ = std::thread([this] {
      gate_.online(0);
      const ForwardingTable* table = active_.acquire_first();
      while (!stop_) {
        // A sanitizer would object if the table were gone.
        seen_ = table != nullptr ? table->snapshot.generation() : 0;
        if (table != nullptr) tunnels_ = table->snapshot.slot(1).tunnel_id;
        if (!hang_) {
          gate_.ack(0, seen_);
          table = active_.acquire();
        }
        std::this_thread::yield();
      }
      gate_.offline(0);
    });
  }
  ~Dataplane() override {
    stop_ = true;
    manager_.join();
    reader_.join();
  }

  std::string path() const { return directory_ + "/dataplane.sock"; }
  bool restored() const { return restored_; }
  void hang(bool on) { hang_ = on; }

  // The generation packets are forwarded by, once the reader has turned.
  uint64_t forwarding() const {
    for (int i = 0; i < 1000 && seen_ != publisher_->generation(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return seen_;
  }
  uint32_t first_tunnel() const { return tunnels_; }

 private:
  Hello hello() override {
    Hello h{};
    h.instance_id = 42;
    h.active_generation = publisher_->generation();
    h.active_revision = publisher_->revision();
    return h;
  }
  SegmentFds segment_fds() override {
    return {counters_->read_only_fd(), runtime_->read_only_fd(), ledger_->read_only_fd()};
  }
  StatusReply status() override {
    StatusReply s{};
    s.active_generation = publisher_->generation();
    s.mapped_snapshots = publisher_->mapped_snapshots();
    s.last_grace_ns = publisher_->last_grace_ns();
    return s;
  }
  void publish(const Publish& message, int fd,
               const std::function<void(const PublishStatus&)>& reply) override {
    publisher_->publish(message, fd, reply);
  }
  SeedDone seed(const Seed& message, int) override {
    SeedDone done{};
    done.accepted = message.count;
    return done;
  }
  TunnelCommandDone command(const TunnelCommand& message) override {
    TunnelCommandDone done{};
    done.done = message.kind;
    return done;
  }

  std::string directory_;
  std::optional<CountersSegment> counters_;
  std::optional<RuntimeSegment> runtime_;
  std::optional<LedgerSegment> ledger_;
  ActiveTable<ForwardingTable> active_;
  PlainGenerationGate gate_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<LinkServer> server_;
  bool restored_ = false;
  std::atomic<bool> stop_{false};
  std::atomic<bool> hang_{false};
  std::atomic<uint64_t> seen_{0};
  std::atomic<uint32_t> tunnels_{0};
  std::thread manager_;
  std::thread reader_;
};

std::unique_ptr<LinkClient> connect(const Dataplane& dataplane) {
  auto client = std::make_unique<LinkClient>(dataplane.path());
  REQUIRE(client->connected());
  REQUIRE(client->hello());
  return client;
}

std::vector<PublishStatus> publish(LinkClient& client, const SealedSnapshot& snapshot) {
  return client.publish(snapshot.fd.get(), snapshot.size, snapshot.generation, snapshot.revision);
}

void check_active(const std::vector<PublishStatus>& answers, uint64_t generation) {
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].state == static_cast<uint32_t>(PublishState::kValidated));
  CHECK(answers[1].state == static_cast<uint32_t>(PublishState::kActive));
  CHECK(answers[1].generation == generation);
}

TEST_CASE("hello tells the instance and brings the three segments in order, read-only") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  LinkClient client(dataplane.path());
  std::vector<FileDescriptor> segments;
  const auto hello = client.hello(&segments);
  REQUIRE(hello);
  CHECK(hello->instance_id == 42);
  CHECK(hello->active_generation == 0);
  REQUIRE(segments.size() == 3);
  const std::array<std::string_view, 3> magics = {"SIMPLONC", "SIMPLONR", "SIMPLONL"};
  for (std::size_t i = 0; i < segments.size(); ++i) {
    CHECK((fcntl(segments[i].get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
    std::array<char, 8> magic{};
    REQUIRE(pread(segments[i].get(), magic.data(), magic.size(), 0) == 8);
    CHECK(std::string_view(magic.data(), magic.size()) == magics[i]);
  }
  CHECK(client.status()->active_generation == 0);
}

TEST_CASE("a snapshot is validated, activated and forwarded by; later ones replace it") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  const auto client = connect(dataplane);
  for (uint64_t g = 1; g <= 50; ++g) {
    check_active(publish(*client, make_snapshot(g, 100 + g)), g);
    CHECK(dataplane.forwarding() == g);
  }
  CHECK(dataplane.first_tunnel() == 101);
  const auto status = client->status();
  CHECK(status->active_generation == 50);
  CHECK(status->mapped_snapshots == 1);
  CHECK(client->hello()->active_revision == 150);
}

TEST_CASE("the active generation again is active, a lower one is stale, and nothing changes") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  const auto client = connect(dataplane);
  const SealedSnapshot current = make_snapshot(7, 1);
  check_active(publish(*client, current), 7);
  auto answers = publish(*client, current);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].state == static_cast<uint32_t>(PublishState::kActive));
  for (const auto& [generation, revision] : {std::pair{6u, 1u}, std::pair{7u, 2u}}) {
    answers = publish(*client, make_snapshot(generation, revision));
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].state == static_cast<uint32_t>(PublishState::kStale));
    CHECK_THAT(answers[0].reason, ContainsSubstring("generation 7 of revision 1"));
  }
  CHECK(dataplane.forwarding() == 7);
}

TEST_CASE("whatever does not fit the protocol closes the connection and harms nothing") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  check_active(publish(*connect(dataplane), make_snapshot(1, 1)), 1);
  auto client = connect(dataplane);
  const SealedSnapshot next = make_snapshot(2, 2);
  const int fd = next.fd.get();
  Publish message{LinkClient::header(LinkMessageType::kPublish), 2, 2, next.size};

  SECTION("no descriptor") {
    client->send(message);
  }
  SECTION("two descriptors") {
    client->send(message, {fd, fd});
  }
  SECTION("more descriptors than anybody takes") {
    client->send(message, std::vector<int>(40, fd));
  }
  SECTION("shorter than its type") {
    client->send(&message, sizeof message - 1, {fd});
  }
  SECTION("longer than its type") {
    std::array<char, sizeof message + 1> longer{};
    std::memcpy(longer.data(), &message, sizeof message);
    client->send(longer.data(), longer.size(), {fd});
  }
  SECTION("very long") {
    const std::vector<char> bytes(100000);
    client->send(bytes.data(), bytes.size());
  }
  SECTION("another ABI") {
    message.header.abi = kLinkAbi + 1;
    client->send(message, {fd});
  }
  SECTION("shorter than a header") {
    client->send(&message, 7);
  }
  SECTION("unknown types") {
    for (const uint32_t type : {0u, 11u, 0xffffffffu}) {
      client = connect(dataplane);
      const LinkHeader header{type, kLinkAbi};
      client->send(header);
      CHECK(client->closed());
    }
  }
  SECTION("a seed without its records") {
    client->send(Seed{LinkClient::header(LinkMessageType::kSeed), 1});
  }
  SECTION("a seed with two") {
    client->send(Seed{LinkClient::header(LinkMessageType::kSeed), 1}, {fd, fd});
  }
  SECTION("a command with a descriptor") {
    TunnelCommand command{};
    command.header = LinkClient::header(LinkMessageType::kTunnelCommand);
    client->send(command, {fd});
  }
  SECTION("a command cut short") {
    TunnelCommand command{};
    command.header = LinkClient::header(LinkMessageType::kTunnelCommand);
    client->send(&command, sizeof command - 1);
  }
  SECTION("messages only the dataplane sends") {
    client->send(Hello{LinkClient::header(LinkMessageType::kHello), 0, 0, 0, 0, 0, 0, 0, {}, {}});
  }
  SECTION("a descriptor where none belongs") {
    client->send(HelloRequest{LinkClient::header(LinkMessageType::kHelloRequest)}, {fd});
  }
  CHECK(client->closed());
  // It serves the next one, and forwards as before.
  client = connect(dataplane);
  CHECK(dataplane.forwarding() == 1);
  check_active(publish(*client, next), 2);
}

TEST_CASE("a bad snapshot is refused with the reason and the old one keeps forwarding") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  const auto client = connect(dataplane);
  check_active(publish(*client, make_snapshot(1, 1)), 1);
  const SealedSnapshot good = make_snapshot(2, 2);
  std::vector<std::byte> bytes = contents(good);
  const auto refused = [&](int fd, uint64_t size, const char* reason,
                           SnapshotSectionType section = SnapshotSectionType::kNone) {
    const auto answers = client->publish(fd, size, 2, 2);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].state == static_cast<uint32_t>(PublishState::kRejected));
    CHECK(answers[0].generation == 2);
    CHECK(answers[0].section == static_cast<uint32_t>(section));
    CHECK_THAT(answers[0].reason, ContainsSubstring(reason));
  };

  SECTION("not sealed") {
    refused(memfd(bytes, 0).get(), bytes.size(), "not sealed");
  }
  SECTION("sealed against too little") {
    refused(memfd(bytes, F_SEAL_SHRINK | F_SEAL_GROW).get(), bytes.size(), "not sealed");
  }
  SECTION("another size than announced") {
    refused(good.fd.get(), good.size + 1, "size");
  }
  SECTION("empty") {
    refused(memfd({}, kSeals).get(), 0, "shorter");
  }
  SECTION("a pipe") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const FileDescriptor out(ends[0]);
    const FileDescriptor in(ends[1]);
    refused(out.get(), 0, "not a regular file");
  }
  SECTION("a file") {
    const FileDescriptor file(open("/proc/self/exe", O_RDONLY));
    struct stat status {};
    fstat(file.get(), &status);
    refused(file.get(), static_cast<uint64_t>(status.st_size), "seal");
  }
  SECTION("a flipped bit in the slots") {
    SnapshotHeader header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    for (const SnapshotSection& section : header.sections) {
      if (section.type != static_cast<uint32_t>(SnapshotSectionType::kSlots)) continue;
      bytes[section.offset + sizeof(TunnelSlot)] ^= std::byte{1};
    }
    refused(memfd(bytes, kSeals).get(), bytes.size(), "", SnapshotSectionType::kSlots);
  }
  SECTION("another generation inside than outside") {
    const SealedSnapshot other = make_snapshot(3, 2);
    refused(other.fd.get(), other.size, "generation");
  }
  SECTION("a port this dataplane does not have") {
    const SealedSnapshot other = make_snapshot(2, 2, "elsewhere");
    refused(other.fd.get(), other.size, "elsewhere", SnapshotSectionType::kPop);
  }
  CHECK(dataplane.forwarding() == 1);
  CHECK(client->status()->mapped_snapshots == 1);
  check_active(publish(*client, make_snapshot(2, 2)), 2);
}

TEST_CASE("seeds and commands are answered, a command with its tag") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  const auto client = connect(dataplane);
  const FileDescriptor records = memfd({}, kSeals);
  const auto seeded = client->seed(records.get(), 7);
  REQUIRE(seeded);
  CHECK(seeded->accepted == 7);
  TunnelCommand command{};
  command.kind = 3;
  command.tag = 4711;
  const auto done = client->command(command);
  REQUIRE(done);
  CHECK(done->header.type == static_cast<uint32_t>(LinkMessageType::kTunnelCommandDone));
  CHECK(done->done == 3);
  CHECK(done->tag == 4711);
}

TEST_CASE(
    "a reader that hangs: the new table is in force, the old one kept, the next publish busy") {
  const TemporaryDirectory directory;
  Dataplane dataplane(directory.path());
  const auto client = connect(dataplane);
  check_active(publish(*client, make_snapshot(1, 1)), 1);
  CHECK(dataplane.forwarding() == 1);
  dataplane.hang(true);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));

  auto answers = publish(*client, make_snapshot(2, 2));
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].state == static_cast<uint32_t>(PublishState::kStalled));
  CHECK_THAT(answers[1].reason, ContainsSubstring("slow path"));
  CHECK(client->status()->mapped_snapshots == 2);
  answers = publish(*client, make_snapshot(3, 3));
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].state == static_cast<uint32_t>(PublishState::kBusy));

  dataplane.hang(false);
  CHECK(dataplane.forwarding() == 2);
  check_active(publish(*client, make_snapshot(3, 3)), 3);
  CHECK(client->status()->mapped_snapshots == 1);
}

TEST_CASE("a new control replaces the old one with its hello, not before") {
  const TemporaryDirectory directory;
  const Dataplane dataplane(directory.path());
  const auto first = connect(dataplane);
  const LinkClient silent(dataplane.path());
  REQUIRE(silent.connected());
  std::string error;
  CHECK_FALSE(LinkServer::path_is_free(dataplane.path(), error));
  CHECK(first->status());
  const auto second = connect(dataplane);
  CHECK(first->closed());
  CHECK(second->status());

  // A first message that is no hello is none of control's.
  LinkClient rude(dataplane.path());
  rude.send(StatusRequest{LinkClient::header(LinkMessageType::kStatusRequest)});
  CHECK(rude.closed());
  CHECK(second->status());
}

TEST_CASE("after a crash the last snapshot forwards again without control") {
  const TemporaryDirectory directory;
  {
    const Dataplane dataplane(directory.path());
    CHECK_FALSE(dataplane.restored());
    const auto client = connect(dataplane);
    check_active(publish(*client, make_snapshot(5, 9)), 5);
  }  // what is published last is in the file when the publisher has gone
  const std::string kept = directory.file(Publisher::kFileName);
  SECTION("as it is") {
    const Dataplane dataplane(directory.path());
    CHECK(dataplane.restored());
    CHECK(dataplane.forwarding() == 5);
    const auto client = connect(dataplane);
    CHECK(client->hello()->active_revision == 9);
    check_active(publish(*client, make_snapshot(6, 10)), 6);
  }
  SECTION("but not if it was damaged") {
    const FileDescriptor file(open(kept.c_str(), O_WRONLY));
    REQUIRE(pwrite(file.get(), "x", 1, 4100) == 1);
    const Dataplane dataplane(directory.path());
    CHECK_FALSE(dataplane.restored());
    check_active(publish(*connect(dataplane), make_snapshot(1, 1)), 1);
  }
  SECTION("nor if it was cut short") {
    std::filesystem::resize_file(kept, 8192);
    const Dataplane dataplane(directory.path());
    CHECK_FALSE(dataplane.restored());
  }
}

TEST_CASE("of many snapshots in a row the newest is kept") {
  const TemporaryDirectory directory;
  {
    const Dataplane dataplane(directory.path());
    const auto client = connect(dataplane);
    for (uint64_t generation = 1; generation <= 50; ++generation) {
      check_active(publish(*client, make_snapshot(generation, generation)), generation);
    }
  }
  const Dataplane dataplane(directory.path());
  CHECK(dataplane.restored());
  CHECK(dataplane.forwarding() == 50);
}

TEST_CASE("the socket is private, taken over when stale, and refused when it is not ours to take") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("dataplane.sock");
  std::string error;
  SECTION("mode 0600") {
    const Dataplane dataplane(directory.path());
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(LinkServer::path_is_free(path, error));
    CHECK_THAT(error, ContainsSubstring("pid " + std::to_string(getpid())));
  }
  SECTION("stale") {
    {
      const FileDescriptor dead(socket(AF_UNIX, SOCK_SEQPACKET, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path.copy(address.sun_path, sizeof address.sun_path - 1);
      REQUIRE(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    CHECK(LinkServer::path_is_free(path, error));
    const Dataplane dataplane(directory.path());
    connect(dataplane);
  }
  SECTION("a file") {
    const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT, 0600));
    CHECK_FALSE(LinkServer::path_is_free(path, error));
    CHECK_THAT(error, ContainsSubstring("not a socket"));
  }
  SECTION("too long") {
    CHECK_FALSE(LinkServer::path_is_free("/tmp/" + std::string(120, 'x'), error));
    CHECK_THAT(error, ContainsSubstring("107"));
  }
}

TEST_CASE("a state directory has one owner at a time") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state");
  std::string error;
  auto first = StateDirectory::open(path, error);
  REQUIRE(first);
  CHECK_FALSE(StateDirectory::open(path, error));
  CHECK_THAT(error, ContainsSubstring("pid " + std::to_string(getpid())));
  first.reset();
  CHECK(StateDirectory::open(path, error));
  CHECK_FALSE(StateDirectory::open(directory.file("no/such/parent"), error));
  CHECK_THAT(error, ContainsSubstring("--state-dir"));
}

}  // namespace
}  // namespace simplon
