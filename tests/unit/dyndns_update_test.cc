// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Endpoint updates with everything that is behind them: the requests real routers send, as bytes,
// through the HTTP parser, a real engine and store, and the dataplane's real link and segments.

#include <openssl/evp.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "control/clock.h"
#include "control/daemon.h"
#include "control/dyndns/http_message.h"
#include "control/dyndns/tunnel_updater.h"
#include "control/dyndns/update_handler.h"
#include "control/dyndns/update_server.h"
#include "control/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/line_client.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/sample_config.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificate.h"

using namespace simplon;
using namespace simplon::control;
using namespace simplon::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* kKey = "key-of-T101-0123456789";
constexpr const char* kOtherKey = "key-of-T109-0123456789";

// One tunnel of each type, of which all but T106 have a key; T101 to T104 are alice's.
v1::Config some_config() {
  v1::Config config = every_type_config();
  v1::Tunnel& other = *config.add_tunnels();
  other.set_id(109);
  other.set_slot(9);
  other.set_type(v1::Tunnel::PROTO41);
  other.set_remote("203.0.113.77");
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    if (tunnel.id() != 106) tunnel.set_update_key(tunnel.id() == 109 ? kOtherKey : kKey);
    if (tunnel.id() <= 104) tunnel.set_account("alice");
  }
  v1::Account& account = *config.add_accounts();
  account.set_name("alice");
  account.set_state(v1::Account::ENABLED);
  return config;
}

std::string basic(const std::string& user, const std::string& key) {
  const std::string text = user + ":" + key;
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), int(text.size()));
  out.resize(std::size_t(size));
  return "Basic " + out;
}

// Control as the daemon puts it together, less the API.
struct Bed {
  explicit Bed(const v1::Config& config = some_config(), bool with_dataplane = true) {
    log = std::make_shared<spdlog::logger>(
        "dyndns", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text));
    before = spdlog::default_logger();
    spdlog::set_default_logger(log);
    if (with_dataplane) dataplane = std::make_unique<PortlessDataplane>(directory.path());
    auto store = Store::open(directory.file("state"));
    REQUIRE(store.ok());
    engine = std::make_unique<Engine>(*std::move(store), events);
    REQUIRE(engine->load().ok());
    counters = std::make_unique<CounterBook>(engine->loaded());
    engine->set_hook(counters.get());
    runtime = std::make_unique<RuntimeBook>(*engine, *counters, events);
    engine->set_observer(runtime.get());
    publisher = std::make_unique<control::Publisher>(
        *engine, *counters, *runtime, events, PortlessDataplane::socket_path(directory.path()));
    engine->set_on_commit([this] { publisher->notify(); });
    context.emplace(
        ServiceContext{*engine, *publisher, *counters, *runtime, events, unix_now_ns(), "test"});
    updater.emplace(*context, limits, [this] { return now; });
    handler.emplace(*updater, limits, [this] { return now; });
    engine->start();
    publisher->start();
    runtime->start();
    if (dataplane) wait_connected();
    apply(config);
  }
  ~Bed() {
    publisher->stop();
    runtime->stop();
    engine->stop();
    spdlog::set_default_logger(before);
  }

  void wait_connected() const {
    for (int i = 0; i < 500 && !publisher->connected(); ++i) std::this_thread::sleep_for(10ms);
  }
  void apply(const v1::Config& config) {
    Engine::Call call;
    call.method = "ApplyConfig";
    call.exclusive = true;
    call.edit = [&](Editor& editor) { return editor.replace(config); };
    const auto done = make_change(*context, std::move(call), 5s);
    REQUIRE(done.ok());
    if (dataplane) REQUIRE(done->publish.state() == v1::PublishStatus::ACTIVE);
  }

  HttpReply ask(const std::string& hostname, const std::string& myip = "",
                const std::string& user = "T101", const std::string& key = kKey,
                const char* from = "203.0.113.9") {
    HttpRequest request;
    request.method = "GET";
    request.target = "/nic/update?hostname=" + hostname + (myip.empty() ? "" : "&myip=" + myip);
    request.authorization = basic(user, key);
    request.source = *parse_outer(from);
    now += 1s;  // a patient client
    return handler->handle(request);
  }
  std::string answer(const std::string& hostname, const std::string& myip = "",
                     const std::string& user = "T101", const std::string& key = kKey,
                     const char* from = "203.0.113.9") {
    const HttpReply reply = ask(hostname, myip, user, key, from);
    CHECK(reply.status == 200);
    return reply.body;
  }

  // The bytes of a request, as a client sends them; "status: body".
  std::string send(const std::string& bytes, const char* from = "203.0.113.9") {
    HttpRequestParser parser;
    set_limits(parser);
    boost::system::error_code error;
    parser.put(boost::asio::buffer(bytes), error);
    INFO(error.message());
    REQUIRE_FALSE(error);
    REQUIRE(parser.is_header_done());
    now += 1s;
    const HttpReply reply = handler->handle(to_request(parser, *parse_outer(from), false));
    return std::to_string(reply.status) + ": " + reply.body;
  }

  static std::optional<Ipv6Address> parse_outer(const char* text) {
    const auto address = Ipv4Address::parse(text);
    return address ? Ipv6Address::from_ipv4(*address) : Ipv6Address::parse(text);
  }

  std::string remote(uint32_t id) const {
    return engine->read(
        [&](const Model& model, const Engine::Info&) { return model.find(id)->remote(); });
  }
  Endpoint learned(uint32_t slot) const {
    const auto reader = runtime->runtime();
    REQUIRE(reader != nullptr);
    return reader->learned(slot, runtime->note(slot).incarnation).endpoint;
  }
  v1::Revision last_revision() {
    auto revision = engine->store().revision(engine->revision());
    REQUIRE(revision.ok());
    return *revision;
  }

  std::ostringstream log_text;
  std::shared_ptr<spdlog::logger> log, before;
  TemporaryDirectory directory;
  std::unique_ptr<PortlessDataplane> dataplane;
  EventLog events;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<CounterBook> counters;
  std::unique_ptr<RuntimeBook> runtime;
  std::unique_ptr<control::Publisher> publisher;
  std::optional<ServiceContext> context;
  UpdateLimits limits;
  UpdateLimits::Clock::time_point now = UpdateLimits::Clock::now();
  std::optional<TunnelUpdater> updater;
  std::optional<UpdateHandler> handler;
};

v1::Config without_limits() {
  v1::Config config = some_config();
  config.mutable_pop()->mutable_endpoint_update()->set_max_changes(100000);
  config.mutable_pop()->mutable_endpoint_update()->set_max_unchanged(100000);
  return config;
}

}  // namespace

// ---- Clients

TEST_CASE("ddclient's request moves a static tunnel, and the same again changes nothing") {
  Bed bed;
  const std::string request =
      "GET /nic/update?system=dyndns&hostname=T101&myip=198.18.255.7 HTTP/1.1\r\n"
      "Host: 127.0.0.1:8245\r\n"
      "Authorization: " +
      basic("T101", kKey) +
      "\r\n"
      "User-Agent: ddclient/3.10.0\r\n"
      "Connection: close\r\n\r\n";
  const uint64_t before = bed.engine->revision();
  CHECK(bed.send(request) == "200: good 198.18.255.7\n");
  CHECK(bed.remote(101) == "198.18.255.7");
  CHECK(bed.engine->revision() == before + 1);
  CHECK(bed.last_revision().method() == "UpdateEndpoint");
  CHECK(bed.last_revision().comment() == "by HTTP from 203.0.113.9");
  CHECK(bed.dataplane->generation() != 0);
  CHECK(bed.send(request) == "200: nochg 198.18.255.7\n");
  CHECK(bed.engine->revision() == before + 1);
}

TEST_CASE("OpenWrt's 6in4 logs in when it is asked to") {
  Bed bed;
  // uclient-fetch, whose older versions ask with HEAD how to log in.
  const std::string head =
      "HEAD /nic/update?hostname=101&myip=198.51.1.7 HTTP/1.1\r\n"
      "Host: pop.example.org\r\nUser-Agent: uclient-fetch\r\n\r\n";
  const std::string get =
      "GET /nic/update?hostname=101&myip=198.51.1.7 HTTP/1.1\r\n"
      "Host: pop.example.org\r\nUser-Agent: uclient-fetch\r\n";
  CHECK(bed.send(head) == "401: ");
  CHECK(bed.send(get + "\r\n") == "401: badauth\n");
  CHECK(bed.send(get + "Authorization: " + basic("alice", kKey) + "\r\n\r\n") ==
        "200: good 198.51.1.7\n");
  CHECK(bed.remote(101) == "198.51.1.7");
}

TEST_CASE("OpenWrt's ddns-scripts, inadyn and pfSense are understood") {
  Bed bed;
  CHECK(bed.send("GET /nic/update?hostname=T101&myip=198.51.1.1 HTTP/1.1\r\n"
                 "Host: pop.example.org\r\n"
                 "Authorization: " +
                 basic("T101", kKey) +
                 "\r\n"
                 "User-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n") == "200: good 198.51.1.1\n");
  CHECK(bed.send("GET /nic/update?hostname=T101&myip=198.51.1.2 HTTP/1.0\r\n"
                 "Host: pop.example.org\r\n"
                 "Authorization: " +
                 basic("alice", kKey) +
                 "\r\n"
                 "User-Agent: inadyn/2.12.0 https://github.com/troglobit/inadyn/issues\r\n\r\n") ==
        "200: good 198.51.1.2\n");
  CHECK(bed.send("GET /nic/update?system=dyndns&hostname=T101&myip=198.51.1.3&wildcard=OFF&mx="
                 "&backmx=NO HTTP/1.1\r\n"
                 "Host: pop.example.org\r\n"
                 "Authorization: " +
                 basic("T101", kKey) +
                 "\r\n"
                 "User-Agent: phpDynDNS/0.7\r\nAccept: */*\r\n\r\n") == "200: good 198.51.1.3\n");
}

TEST_CASE("MikroTik and others that put everything into the address are understood") {
  Bed bed;
  CHECK(bed.send(std::string("GET /nic/update?username=alice&password=") + kKey +
                 "&hostname=101&myip=198.51.1.4 HTTP/1.1\r\n"
                 "Host: pop.example.org\r\nUser-Agent: Mikrotik/7.x Fetch\r\n\r\n") ==
        "200: good 198.51.1.4\n");
  // RouterOS with user= and password=, and no address.
  CHECK(bed.send("GET /nic/update?hostname=101 HTTP/1.1\r\nHost: pop.example.org\r\n"
                 "Authorization: " +
                 basic("alice", kKey) +
                 "\r\n"
                 "User-Agent: Mikrotik/7.x Fetch\r\nConnection: close\r\n\r\n") ==
        "200: good 203.0.113.9\n");
  // FRITZ!Box.
  CHECK(bed.send(std::string("GET /nic/update?hostname=101&username=T101&password=") + kKey +
                 " HTTP/1.1\r\nHost: pop.example.org\r\n"
                 "User-Agent: Fritz!Box DDNS/1.0.1\r\n\r\n") == "200: nochg 203.0.113.9\n");
  // Through a proxy.
  CHECK(
      bed.send(std::string("GET http://pop.example.org/nic/update?hostname=T101&user=T101&pass=") +
               kKey + "&myip=198.51.1.5 HTTP/1.1\r\nHost: pop.example.org\r\n\r\n") ==
      "200: good 198.51.1.5\n");
}

TEST_CASE("a client that looks for its address finds it") {
  Bed bed;
  CHECK(bed.send("GET / HTTP/1.1\r\nHost: pop.example.org\r\nUser-Agent: ddclient/3.10.0\r\n"
                 "Connection: close\r\n\r\n") == "200: 203.0.113.9\n");
}

// ---- Who may

TEST_CASE("without a good key nobody learns which tunnels there are") {
  Bed bed;
  const std::string bad = "another-key-0123456789";
  // There, with a key, without one, and not there; and whoever asks.
  for (const char* user : {"T101", "101", "T106", "T999", "alice", "bob", "", "T109"}) {
    for (const char* hostname : {"T101", "T106", "T109", "T999", "router.example"}) {
      INFO(user << " " << hostname);
      CHECK(bed.answer(hostname, "198.51.1.7", user, bad) == "badauth\n");
    }
  }
  CHECK(bed.answer("T106", "2001:db8:77::1", "T106", "") == "badauth\n");
  CHECK(bed.remote(101) == "203.0.113.1");
}

TEST_CASE("with a good key a tunnel that is not there, or not the user's, is no host") {
  Bed bed;
  CHECK(bed.answer("T999", "198.51.1.7") == "nohost\n");
  CHECK(bed.answer("home.example", "198.51.1.7", "alice") == "nohost\n");
  CHECK(bed.answer("T109", "198.51.1.7") == "nohost\n");
  CHECK(bed.answer("T109", "198.51.1.7", "alice") == "nohost\n");
  // The user's, but with another key.
  CHECK(bed.answer("T101", "198.51.1.7", "T101", kOtherKey) == "badauth\n");
  CHECK(bed.remote(109) == "203.0.113.77");
}

TEST_CASE("an account that is disabled logs nobody in, its tunnels do") {
  v1::Config config = some_config();
  config.mutable_accounts(0)->set_state(v1::Account::DISABLED);
  Bed bed(config);
  CHECK(bed.answer("T101", "198.51.1.7", "alice") == "badauth\n");
  CHECK(bed.answer("T101", "198.51.1.7", "T101") == "good 198.51.1.7\n");
}

TEST_CASE("several tunnels in one request are several updates") {
  Bed bed;
  const uint64_t before = bed.engine->revision();
  CHECK(bed.answer("T101,T109,102,T999", "198.51.1.7", "alice") ==
        "good 198.51.1.7\nnohost\ngood 198.51.1.7\nnohost\n");
  CHECK(bed.engine->revision() == before + 1);
}

// ---- What becomes of it

TEST_CASE("an address no client can have is refused and changes nothing") {
  Bed bed;
  const uint64_t before = bed.engine->revision();
  for (const char* bad : {"10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1",
                          "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "192.0.2.9",
                          "192.0.2.255", "203.0.113.250", "198.51.100.9", "2001:db8:77::1"}) {
    INFO(bad);
    CHECK(bed.answer("T101", bad) == std::string("badip ") + bad + "\n");
    bed.now += UpdateLimits::kWindow;
  }
  CHECK(bed.answer("T101", "my.router") == "badip\n");
  CHECK(bed.answer("T102", "10.1.2.3", "T102") == "badip 10.1.2.3\n");
  CHECK(bed.engine->revision() == before);
  CHECK_FALSE(bed.learned(2).known());
}

TEST_CASE("a laboratory may have private addresses") {
  v1::Config config = some_config();
  config.mutable_pop()->set_allow_private_endpoints(true);
  Bed bed(config);
  CHECK(bed.answer("T101", "10.1.2.3") == "good 10.1.2.3\n");
}

TEST_CASE("of several addresses the one that suits the tunnel is taken") {
  Bed bed;
  const std::string both = "2001:db8:77::1,198.51.1.7";
  CHECK(bed.answer("T101", both) == "good 198.51.1.7\n");
  CHECK(bed.answer("T107", both, "T107") == "good 2001:db8:77::1\n");
  CHECK(bed.answer("T105", both, "T105") == "good 198.51.1.7\n");
  CHECK(bed.remote(107) == "2001:db8:77::1");
  CHECK(bed.remote(105) == "198.51.1.7");
  CHECK(bed.answer("T107", "198.51.1.7", "T107") == "badip 198.51.1.7\n");
}

TEST_CASE("a tunnel that takes beats is set as if one had come") {
  Bed bed;
  const uint64_t before = bed.engine->revision();
  for (const uint32_t slot : {2u, 4u}) {
    const std::string name = "T" + std::to_string(100 + slot);
    CHECK(bed.answer(name, "198.51.1.7", name) == "good 198.51.1.7\n");
    CHECK(bed.learned(slot).up);
    CHECK(bed.learned(slot).transport == Transport::kProto41);
    CHECK(bed.learned(slot).address == *Bed::parse_outer("198.51.1.7"));
    CHECK(bed.answer(name, "198.51.1.7", name) == "nochg 198.51.1.7\n");
    CHECK(bed.answer(name, "198.51.1.8", name) == "good 198.51.1.8\n");
    CHECK(bed.learned(slot).address == *Bed::parse_outer("198.51.1.8"));
  }
  CHECK(bed.engine->revision() == before);
}

TEST_CASE("a tunnel of AYIYA, or one that is disabled, is not for updates") {
  v1::Config config = some_config();
  config.mutable_tunnels(0)->set_admin_state(v1::Tunnel::DISABLED);
  Bed bed(config);
  REQUIRE(config.tunnels(0).id() == 101);
  CHECK(bed.answer("T103", "198.51.1.7", "T103") == "nohost\n");
  CHECK(bed.answer("T101", "198.51.1.7", "T101") == "nohost\n");
  CHECK(bed.log_text.str().find("AYIYA") != std::string::npos);
}

TEST_CASE("the rest of a tunnel stays as it is, its key and passwords too") {
  Bed bed;
  const auto find = [&] {
    return bed.engine->read(
        [&](const Model& model, const Engine::Info&) { return *model.find(105); });
  };
  v1::Tunnel before = find();
  CHECK(bed.answer("T105", "198.51.1.7", "T105") == "good 198.51.1.7\n");
  before.set_remote("198.51.1.7");
  CHECK(find().SerializeAsString() == before.SerializeAsString());
}

// ---- When it cannot be

TEST_CASE("while the PoP is out of service everybody is told to come again") {
  v1::Config config = some_config();
  config.mutable_pop()->set_service_state(v1::OUT_OF_SERVICE);
  Bed bed(config);
  CHECK(bed.answer("T101", "198.51.1.7") == "911\n");
  CHECK(bed.remote(101) == "203.0.113.1");
  config.mutable_pop()->set_service_state(v1::DRAINING);
  bed.apply(config);
  CHECK(bed.answer("T101", "198.51.1.7") == "good 198.51.1.7\n");
}

TEST_CASE("what is not in force is not good, and is when the dataplane has come") {
  Bed bed(some_config(), false);
  CHECK(bed.answer("T101", "198.51.1.7") == "911\n");
  CHECK(bed.answer("T102", "198.51.1.7", "T102") == "911\n");
  CHECK(bed.remote(101) == "198.51.1.7");
  bed.dataplane = std::make_unique<PortlessDataplane>(bed.directory.path());
  bed.wait_connected();
  CHECK(bed.answer("T101", "198.51.1.7") == "nochg 198.51.1.7\n");
}

TEST_CASE("a dataplane that refuses the snapshot is a matter for later") {
  Bed bed;
  bed.dataplane->refuse(true);
  CHECK(bed.answer("T101", "198.51.1.7") == "911\n");
}

TEST_CASE("while an apply awaits confirmation nothing changes beneath it") {
  Bed bed;
  Engine::Call call;
  call.method = "ApplyConfig";
  call.exclusive = true;
  v1::Config config = some_config();
  config.mutable_pop()->set_ignore_icmpv4_echo(true);
  call.edit = [&](Editor& editor) {
    editor.confirm_deadline_unix_ns = unix_now_ns() + 60'000'000'000;
    return editor.replace(config);
  };
  REQUIRE(make_change(*bed.context, std::move(call)).ok());
  CHECK(bed.answer("T101", "198.51.1.7") == "911\n");
  CHECK(bed.remote(101) == "203.0.113.1");
}

// ---- How often

TEST_CASE("hammering with nothing new is abuse until the window is over, but a change still goes") {
  Bed bed;
  CHECK(bed.answer("T101", "198.51.1.7") == "good 198.51.1.7\n");
  for (uint32_t i = 0; i < UpdateLimits::kDefaultUnchanged; ++i) {
    REQUIRE(bed.answer("T101", "198.51.1.7") == "nochg 198.51.1.7\n");
  }
  const HttpReply reply = bed.ask("T101", "198.51.1.7");
  CHECK(reply.status == 200);
  CHECK(reply.body == "abuse\n");
  REQUIRE(reply.retry);
  CHECK(*reply.retry == UpdateLimits::kWindow - 10s);
  CHECK(bed.answer("T101", "198.51.1.8") == "good 198.51.1.8\n");
  CHECK(bed.answer("T102", "198.51.1.8", "T102") == "good 198.51.1.8\n");
  bed.now += *reply.retry;
  CHECK(bed.answer("T101", "198.51.1.8") == "nochg 198.51.1.8\n");
}

TEST_CASE("how often an endpoint may change is policy") {
  v1::Config config = some_config();
  config.mutable_pop()->mutable_endpoint_update()->set_max_changes(2);
  Bed bed(config);
  CHECK(bed.answer("T101", "198.51.1.1") == "good 198.51.1.1\n");
  CHECK(bed.answer("T101", "198.51.1.2") == "good 198.51.1.2\n");
  CHECK(bed.answer("T101", "198.51.1.3") == "abuse\n");
  CHECK(bed.remote(101) == "198.51.1.2");
  CHECK(bed.answer("T101", "198.51.1.2") == "nochg 198.51.1.2\n");
  config.mutable_pop()->mutable_endpoint_update()->set_max_changes(3);
  bed.apply(config);  // which undoes the updates, too
  CHECK(bed.answer("T101", "198.51.1.3") == "good 198.51.1.3\n");
}

TEST_CASE("a stranger's wrong keys lock out the stranger, not the owner") {
  Bed bed;
  for (uint32_t i = 0; i < UpdateLimits::kFailures; ++i) {
    REQUIRE(bed.answer("T101", "", "T101", "wrong-key-0123456789", "203.0.113.66") == "badauth\n");
  }
  CHECK(bed.answer("T101", "", "T101", "wrong-key-0123456789", "203.0.113.66") == "abuse\n");
  CHECK(bed.answer("T101", "", "T101", kKey, "203.0.113.66") == "abuse\n");
  CHECK(bed.answer("T109", "198.51.1.9", "T109", kOtherKey, "203.0.113.66") == "good 198.51.1.9\n");
  CHECK(bed.answer("T101", "198.51.1.7") == "good 198.51.1.7\n");
  bed.now += UpdateLimits::kWindow;
  CHECK(bed.answer("T101", "198.51.1.8", "T101", kKey, "203.0.113.66") == "good 198.51.1.8\n");
}

// ---- In the log

TEST_CASE("each update leaves one line in the log, and never a key") {
  Bed bed;
  bed.log_text.str("");
  bed.answer("T101", "198.51.1.7");
  bed.answer("T101", "198.51.1.7", "T101", "wrong-key-0123456789");
  bed.send(std::string("GET /nic/update?hostname=T101&user=alice&pass=") + kKey +
           "&myip=10.0.0.1 HTTP/1.1\r\n\r\n");
  bed.log->flush();
  const std::string log = bed.log_text.str();
  CHECK(log.find("event=endpoint_update tunnel=T101 from=203.0.113.9 by=http old=203.0.113.1 "
                 "new=198.51.1.7 answer=good") != std::string::npos);
  CHECK(log.find("answer=badauth") != std::string::npos);
  CHECK(log.find("answer=badip reason=\"the address is private\"") != std::string::npos);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = log.find("event=endpoint_update", at)) != std::string::npos;
       ++at) {
    ++lines;
  }
  CHECK(lines == 3);
  for (const char* secret : {kKey, "wrong-key", "pass=", "alice"}) {
    CHECK(log.find(secret) == std::string::npos);
  }
}

// ---- All at once

TEST_CASE("concurrent updates of one tunnel make one revision each, and the last one stays") {
  Bed bed(without_limits());
  const uint64_t before = bed.engine->revision();
  std::atomic<int> good = 0;
  std::atomic<int> unchanged = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 10; ++i) {
        UpdateAttempt attempt;
        attempt.tunnel = 101;
        attempt.user = "T101";
        attempt.key = kKey;
        attempt.source = *Bed::parse_outer("203.0.113.9");
        const std::string address =
            "198.51." + std::to_string(client + 1) + "." + std::to_string(i + 1);
        attempt.addresses = {*Bed::parse_outer(address.c_str())};
        const auto outcome = bed.updater->update(attempt);
        if (outcome.answer == UpdateOutcome::Answer::kGood) ++good;
        if (outcome.answer == UpdateOutcome::Answer::kNoChange) ++unchanged;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(good == 40);
  CHECK(unchanged == 0);
  CHECK(bed.engine->revision() == before + 40);
  // Each client waits for its answer before it goes on: the last one stays is some client's last.
  CHECK(bed.remote(101).ends_with(".10"));

  // The same address from all sides: one of them was first.
  good = 0;
  clients.clear();
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&] {
      UpdateAttempt attempt;
      attempt.tunnel = 101;
      attempt.user = "T101";
      attempt.key = kKey;
      attempt.addresses = {*Bed::parse_outer("198.51.99.1")};
      const auto outcome = bed.updater->update(attempt);
      if (outcome.answer == UpdateOutcome::Answer::kGood) ++good;
      if (outcome.answer == UpdateOutcome::Answer::kNoChange) ++unchanged;
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(good == 1);
  CHECK(unchanged == 3);
  CHECK(bed.engine->revision() == before + 41);
}

// ---- As the daemon serves it

TEST_CASE(
    "the daemon serves updates over HTTP and HTTPS, and says what is wrong with its options") {
  spdlog::set_level(spdlog::level::off);
  TemporaryDirectory directory;
  const TestCertificate files = make_test_certificate(directory.file("pop"));
  const auto options = [&](const std::string& state) {
    Options o;
    o.state_directory = directory.file(state);
    o.dataplane_socket = directory.file("dataplane.sock");
    o.listen = {"unix:" + directory.file(state + ".sock")};
    return o;
  };
  const auto error_of = [](const Options& o) {
    Daemon daemon;
    return std::string(daemon.start(o).message());
  };

  Options good = options("a");
  good.http_listen = {"127.0.0.1:0"};
  good.https_listen = {"[::1]:0"};
  good.tls_certificate = files.certificate_file;
  good.tls_key = files.key_file;
  Daemon daemon;
  const absl::Status status = daemon.start(good);
  INFO(std::string(status.message()));
  REQUIRE(status.ok());
  REQUIRE(daemon.update_ports().size() == 2);
  LineClient plain(daemon.update_ports()[0]);
  REQUIRE(plain.send("GET /ip HTTP/1.1\r\n\r\n"));
  CHECK(plain.read_line() == "HTTP/1.1 200 OK");
  LineClient tls(daemon.update_ports()[1], "::1");
  REQUIRE(tls.start_tls());
  REQUIRE(tls.send("GET /nic/update?hostname=T1&user=T1&pass=x HTTP/1.0\r\n\r\n"));
  std::string line;
  for (int i = 0; i < 20 && line != LineClient::kClosed; ++i) {
    line = tls.read_line();
    if (line.empty()) break;
  }
  CHECK(tls.read_line() == "badauth");

  Options bad = options("b");
  bad.http_listen = {"localhost:80"};
  CHECK(error_of(bad).find("cannot listen on 'localhost:80'") == 0);
  bad = options("c");
  bad.http_listen = {"127.0.0.1:" + std::to_string(daemon.update_ports()[0])};
  CHECK(error_of(bad).find("stop it or choose another address") != std::string::npos);
  bad = options("d");
  bad.https_listen = {"127.0.0.1:0"};
  CHECK(error_of(bad).find("--tls-certificate") != std::string::npos);
  bad.tls_certificate = directory.file("none.crt");
  bad.tls_key = files.key_file;
  CHECK(error_of(bad).find("none.crt") != std::string::npos);
}

// What ddclient says, run once. Its cache is its own folder's, made anew each time.
static std::string run_ddclient(const TemporaryDirectory& directory, uint16_t port,
                                const std::string& address, const std::string& key) {
  const std::string conf = directory.file("ddclient.conf");
  {
    std::ofstream out(conf);
    out << "daemon=0\nssl=no\nuse=ip, ip=" << address
        << "\nprotocol=dyndns2\nserver=127.0.0.1:" << port << "\nlogin=T101\npassword='" << key
        << "'\nT101\n";
  }
  std::filesystem::permissions(conf, std::filesystem::perms(0600));
  const std::string cache = directory.file("ddclient.cache");
  std::filesystem::remove(cache);
  const std::string command = "ddclient -foreground -daemon=0 -verbose -debug -file " + conf +
                              " -cache " + cache + " -pid " + directory.file("ddclient.pid") +
                              " 2>&1";
  std::string said;
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    said.append(buffer.data(), got);
  }
  pclose(pipe);
  return said;
}

TEST_CASE("Debian's ddclient moves a tunnel, hears nochg, badip, badauth and abuse") {
  if (std::system("command -v ddclient > /dev/null") != 0) {
    WARN("ddclient is not installed");
    return;
  }
  v1::Config config = some_config();
  config.mutable_pop()->mutable_endpoint_update()->set_max_unchanged(2);
  Bed bed(config);
  HttpServerOptions options;
  options.http = {"127.0.0.1:0"};
  UpdateServer server(*bed.context, options);
  REQUIRE(server.start().ok());
  const auto run = [&](const std::string& address, const std::string& key = kKey) {
    std::string said = run_ddclient(bed.directory, server.ports().front(), address, key);
    UNSCOPED_INFO(said);
    return said;
  };
  CHECK_THAT(run("198.51.1.7"),
             ContainsSubstring("SUCCESS:  updating T101: good: IP address set to 198.51.1.7"));
  CHECK(bed.remote(101) == "198.51.1.7");
  CHECK_THAT(run("198.51.1.7"), ContainsSubstring("updating T101: nochg: No update required"));
  CHECK_THAT(run("198.51.1.8", "wrong-key-0123456789"),
             ContainsSubstring("updating T101: badauth: Bad authorization"));
  CHECK_THAT(run("10.1.2.3"), ContainsSubstring("unexpected status (badip 10.1.2.3)"));
  CHECK_THAT(run("198.51.1.7"), ContainsSubstring("updating T101: abuse"));
  CHECK(bed.remote(101) == "198.51.1.7");
}
