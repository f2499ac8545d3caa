// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The console's statistics, and its dialogs through TCP with the programs that are its clients.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/sixxsd_console_bed.h"

namespace simplon::control::sixxsd {
namespace {

using Clock = std::chrono::steady_clock;

// ---- Statistics.

TEST_CASE("stats count inner bytes in and outer bytes out, and leave idle tunnels out") {
  Bed bed;
  CHECK(bed.ask("tunnel stats") == "201 2\ntotal 0 0 0 0\nuplink 0 0 0 0\n200 OK\n");
  bed.dataplane().count(0, {10, 1000, 5, 600});
  const auto lines = listed(bed.ask("tunnel stats"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[2] == "T4141 1000 700 10 5 0 0 0.00 -1.00 -1.00 -1.00");
  // What comes out of one side goes into the other.
  CHECK(lines[1] == "uplink 600 1000 5 10");
  CHECK(lines[0] == "total 1600 1700 15 15");
  CHECK(bed.ask("tunnel stats reset").starts_with("400 "));
}

TEST_CASE("RESET begins anew for the reader who said it, and for nobody else") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  const auto mine = bed.open("192.0.2.100");
  const auto other = bed.open("2001:db8:ffff::100");
  CHECK(line_of(bed.ask(*mine, "tunnel stats RESET"), "T4141").starts_with("T4141 1000 700 "));
  CHECK(listed(bed.ask(*mine, "tunnel stats")).size() == 2);
  CHECK(line_of(bed.ask(*other, "tunnel stats RESET"), "T4141").starts_with("T4141 1000 700 "));
  bed.dataplane().count(0, {1, 50, 0, 0});
  CHECK(line_of(bed.ask(*mine, "tunnel stats"), "T4141").starts_with("T4141 50 0 1 0 "));
  CHECK(line_of(bed.ask("tunnel show T4141"), "Octets In  ").ends_with(" 50"));
  CHECK(line_of(bed.ask("tunnel show T4141"), "Octets In  (Total)").ends_with(" 1050"));
  v1::GetTunnelCountersRequest request;
  request.set_name("tunnels/T4141");
  v1::TunnelCounters counters;
  REQUIRE(Api::call([&](auto* c) {
            return bed.api().counters->GetTunnelCounters(c, request, &counters);
          }).ok());
  CHECK(counters.in_bytes() == 1050);

  bed.restart_console();
  CHECK(line_of(bed.ask("tunnel stats"), "T4141").starts_with("T4141 50 0 1 0 "));
}

TEST_CASE("what is kept of readers is bounded, and a file that is not whole counts as none") {
  const TemporaryDirectory directory;
  const auto reader = [](unsigned n) { return ip(fmt::format("192.0.2.{}", n).c_str()); };
  const auto files = [&] {
    namespace fs = std::filesystem;
    return std::size_t(std::distance(fs::directory_iterator(directory.path()), {}));
  };
  StatsBaseline one;
  one.all = {1, 2, 3, 4};
  one.hairpin = 5;
  one.rows.push_back({7, 0, {10, 20, 30, 40}});
  {
    StatsBook book(directory.path());
    CHECK(book.baseline(reader(1))->rows.empty());
    for (unsigned n = 1; n <= StatsBook::kMaxReaders + 5; ++n) {
      REQUIRE(book.advance(reader(n), std::make_shared<StatsBaseline>(one)).ok());
    }
  }
  CHECK(files() == StatsBook::kMaxReaders);
  StatsBook again(directory.path());
  const auto last = again.baseline(reader(StatsBook::kMaxReaders + 5));
  CHECK(last->of(7) == TunnelSums{10, 20, 30, 40});
  CHECK(last->of(8) == TunnelSums{});
  CHECK(last->hairpin == 5);
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    std::filesystem::resize_file(file.path(), file.file_size() - 1);
  }
  StatsBook broken(directory.path());
  CHECK(broken.baseline(reader(StatsBook::kMaxReaders + 5))->rows.empty());
  CHECK(counted_since({5, 5, 5, 5}, {6, 1, 1, 1}) == TunnelSums{5, 5, 5, 5});
}

TEST_CASE("an answer that did not reach the collector loses nothing") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  {
    const auto session = bed.open();
    session->take_line("tunnel stats RESET");
    // The connection broke before all was sent.
  }
  {
    const auto session = bed.open();
    session->take_line("tunnel stats RESET");
    session->all_sent();
    // Sent, but reset by the collector: what it has read nobody knows.
  }
  CHECK(line_of(bed.ask("tunnel stats RESET"), "T4141").starts_with("T4141 1000 "));
  CHECK(listed(bed.ask("tunnel stats RESET")).size() == 2);
  // Two at once, sent together: the second begins where the first ended.
  bed.dataplane().count(0, {1, 50, 0, 0});
  const auto session = bed.open();
  CHECK(line_of(session->take_line("tunnel stats RESET").text, "T4141").starts_with("T4141 50 "));
  CHECK(listed(session->take_line("tunnel stats RESET").text).size() == 2);
  session->take_line("exit");
  session->all_sent();
  CHECK(listed(bed.ask("tunnel stats")).size() == 2);
}

TEST_CASE("a tunnel that is deleted, or made anew, leaves no wrong numbers") {
  Bed bed;
  bed.dataplane().count(0, {10, 1000, 0, 0});
  CHECK(bed.ask("tunnel stats RESET").starts_with("201 3\n"));
  bed.dataplane().count(0, {1, 100, 0, 0});
  CHECK(bed.ask("tunnel set config 0 T1 198.51.100.1 up 1280").starts_with("200 "));
  const auto gone = listed(bed.ask("tunnel stats RESET"));
  REQUIRE(gone.size() == 2);
  CHECK(gone[0] == "total 100 100 1 1");
  CHECK(bed.ask("tunnel set config 0 T4141 198.51.100.1 up 1280").starts_with("200 "));
  bed.dataplane().count(0, {1, 70, 0, 0});
  CHECK(line_of(bed.ask("tunnel stats"), "T4141").starts_with("T4141 70 "));
}

// ---- Through TCP.

class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Client() { ::close(fd_); }
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      text.remove_prefix(std::size_t(sent));
    }
  }
  std::string line() {
    for (;;) {
      const std::size_t end = in_.find('\n', at_);
      if (end != in_.npos) {
        std::string line = in_.substr(at_, end - at_);
        at_ = end + 1;
        return line;
      }
      in_.erase(0, at_);
      at_ = 0;
      char buffer[65536];
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return "";
      in_.append(buffer, std::size_t(got));
    }
  }

 private:
  int fd_;
  std::string in_;
  std::size_t at_ = 0;
};

struct TcpBed : Bed {
  TcpBed() {
    tcp = std::make_unique<Console>(api().daemon().context(), directory().file("state"));
    REQUIRE(tcp->start({"127.0.0.1:0"}).ok());
  }
  std::unique_ptr<Console> tcp;
};

TEST_CASE("the statistics collector's dialog goes as it always did") {
  TcpBed bed;
  bed.dataplane().count(0, {10, 1000, 5, 600});
  for (int round = 0; round < 2; ++round) {
    Client collector(bed.tcp->ports()[0]);
    CHECK(collector.line().starts_with("200 "));
    // Its string's end goes with it.
    collector.send(std::string_view("tunnel stats RESET\r\n\0", 21));
    CHECK(collector.line() == (round == 0 ? "201 3" : "201 2"));
    CHECK(collector.line().starts_with("total "));
    CHECK(collector.line().starts_with("uplink "));
    if (round == 0) CHECK(collector.line().starts_with("T4141 1000 700 10 5 "));
    CHECK(collector.line() == "200 OK");
    if (round == 0) continue;
    collector.send("pop get id\n");
    CHECK(collector.line() == "200 1");
  }
}

TEST_CASE("the monitoring script's dialog goes as it always did") {
  TcpBed bed;
  Client script(bed.tcp->ports()[0]);
  CHECK(script.line().substr(0, 3) == "200");
  script.send("pop show status\r\n");
  std::string line;
  do {
    line = script.line();
    REQUIRE(!line.empty());
  } while (line.substr(0, 5) != "total");
  unsigned online = 0;
  unsigned active = 0;
  unsigned configured = 0;
  CHECK(std::sscanf(line.c_str(), "total %u %u %u", &online, &active, &configured) == 3);
  CHECK(online == 1);
  CHECK(configured == 2);
}

TEST_CASE("a full PoP is pushed within seconds, and again without a revision") {
  TcpBed bed;
  std::vector<std::string> push;
  for (unsigned i = 2; i < 8192; ++i) {
    push.push_back(i % 2 == 0 ? fmt::format("tunnel set config {:x} T{} 198.{}.{}.{} up 1480\n", i,
                                            i + 10000, 18 + i % 2, i >> 8, i & 255)
                              : fmt::format("tunnel set config {:x} T{} ayiya up 1280 {:032x}\n", i,
                                            i + 10000, i));
  }
  for (unsigned i = 0; i < 256; ++i) {
    push.push_back(fmt::format("subnet set config 2001:db8:30{:02x}::/48 {:x} static\n", i, i + 2));
  }
  push.push_back("pop saveconfig\n");
  const uint64_t before = bed.revision();
  for (const bool pipelined : {false, true, false, true}) {
    Client backend(bed.tcp->ports()[0]);
    CHECK(backend.line().starts_with("200 "));
    const auto begin = Clock::now();
    if (pipelined) {
      std::thread sender([&] {
        std::string all;
        for (const std::string& line : push) all += line;
        backend.send(all);
      });
      for (std::size_t i = 0; i < push.size(); ++i) {
        const std::string answer = backend.line();
        if (!answer.starts_with("200 ")) FAIL_CHECK(push[i] << answer);
      }
      sender.join();
    } else {
      for (const std::string& line : push) {
        backend.send(line);
        const std::string answer = backend.line();
        if (!answer.starts_with("200 ")) FAIL_CHECK(line << answer);
      }
    }
    const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
    // One revision in all; on a machine that is slow beyond measure the first push may take two.
    CHECK(bed.revision() > before);
    if (took < 5) CHECK(bed.revision() == before + 1);
    CHECK(bed.api().pop_status().tunnels() == 8192);
    std::printf("push of %zu lines, %s: %.2f s\n", push.size(),
                pipelined ? "pipelined" : "lockstep", took);
    CHECK(took < 30);
  }
}

}  // namespace
}  // namespace simplon::control::sixxsd
