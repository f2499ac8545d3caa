// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What becomes of dynamic tunnels as a client of the API sees it: the whole of control, a real
// store and the dataplane's real link and segments, in which the test learns and books as workers
// and slow path do.

#include <grpcpp/grpcpp.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "control/clock.h"
#include "control/config/compile.h"
#include "control/runtime/tunnel_census.h"
#include "tests/support/catch.h"
#include "tests/support/control_api.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/sample_config.h"

namespace simplon::control {
namespace {

using testing::Answer;
using testing::Api;
using testing::ContainsSubstring;
using testing::PortlessDataplane;
using testing::sample_config;
using testing::TemporaryDirectory;
using TunnelEvents = v1::WatchResponse::TunnelEvent;

constexpr const char* kPassword = "a-password-0123456789";
constexpr uint32_t kSlot = 5;

Ipv6Address outer(const char* text) {
  const auto v4 = Ipv4Address::parse(text);
  return v4 ? Ipv6Address::from_ipv4(*v4) : *Ipv6Address::parse(text);
}

Endpoint beat_from(const char* address) {
  Endpoint endpoint;
  endpoint.address = outer(address);
  return endpoint;
}

Endpoint ayiya_from(const char* address, uint16_t port) {
  Endpoint endpoint = beat_from(address);
  endpoint.transport = Transport::kAyiya;
  endpoint.port = port;
  return endpoint;
}

v1::Tunnel dynamic_tunnel(uint32_t id, uint32_t slot,
                          v1::Tunnel::Type type = v1::Tunnel::DYNAMIC_ENDPOINT) {
  v1::Tunnel tunnel;
  tunnel.set_id(id);
  tunnel.set_slot(slot);
  tunnel.set_type(type);
  tunnel.set_password(kPassword);
  return tunnel;
}

v1::Config config_with(std::initializer_list<v1::Tunnel> tunnels) {
  v1::Config config = sample_config();
  for (const v1::Tunnel& tunnel : tunnels) *config.add_tunnels() = tunnel;
  return config;
}

uint32_t now_s() {
  return uint32_t(unix_now_ns() / 1'000'000'000);
}

Answer get_state(Api& api, const std::string& name, v1::TunnelState* reply) {
  v1::GetTunnelStateRequest request;
  request.set_name(name);
  reply->Clear();
  return Api::call([&](auto* c) { return api.states->GetTunnelState(c, request, reply); });
}

v1::TunnelState state_of(Api& api, const std::string& name = "T50") {
  v1::TunnelState state;
  const Answer answer = get_state(api, name, &state);
  INFO(answer.status.error_message());
  REQUIRE(answer.ok());
  return state;
}

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TunnelEvent event_of(TunnelEventKind kind, const Endpoint& endpoint, uint32_t slot = kSlot,
                     uint8_t incarnation = 0) {
  TunnelEvent event{};
  event.unix_ns = uint64_t(unix_now_ns());
  event.slot = slot;
  event.kind = uint8_t(kind);
  event.incarnation = incarnation;
  event.transport = uint8_t(endpoint.transport);
  event.port = endpoint.port;
  event.count = 1;
  std::memcpy(event.address, endpoint.address.bytes.data(), sizeof event.address);
  return event;
}

// As the slow path does.
void beat(PortlessDataplane& dataplane, const Endpoint& from, uint32_t epoch,
          uint32_t slot = kSlot) {
  RuntimeTable table = dataplane.runtime();
  const Learned learned = table.learn(slot, 0, from, epoch, dataplane.boot_s());
  if (learned == Learned::kUp) dataplane.event(event_of(TunnelEventKind::kUp, from, slot));
  if (learned == Learned::kMoved) dataplane.event(event_of(TunnelEventKind::kMoved, from, slot));
}

// Index of a PoP's address, as configuration orders them.
uint8_t local_index_of(const char* address) {
  Violations violations;
  const PopRecord pop = compile_pop(sample_config().pop(), violations);
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) == outer(address)) return uint8_t(i);
  }
  throw std::runtime_error("not an address of the PoP");
}

TEST_CASE("without any dataplane so far there is no state") {
  const TemporaryDirectory directory;
  Api api(directory);
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());
  v1::TunnelState state;
  CHECK(get_state(api, "T50", &state).code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(get_state(api, "fifty", &state).code() == grpc::StatusCode::INVALID_ARGUMENT);
  v1::ListTunnelStatesResponse list;
  CHECK(Api::call([&](auto* c) { return api.states->ListTunnelStates(c, {}, &list); }).reason ==
        "simplon/DATAPLANE_UNAVAILABLE");
}

TEST_CASE("the state of a tunnel follows its beats") {
  const TemporaryDirectory directory;
  auto dataplane = std::make_unique<PortlessDataplane>(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());

  v1::TunnelState state = state_of(api);
  CHECK(state.name() == "tunnels/T50");
  CHECK(state.slot() == kSlot);
  CHECK(state.type() == v1::Tunnel::DYNAMIC_ENDPOINT);
  CHECK(state.oper_state() == v1::TunnelState::DOWN);
  CHECK(state.reason_code() == v1::TunnelState::NEVER_SEEN);
  CHECK(state.reason() == "no beat yet");
  CHECK_FALSE(state.has_endpoint());
  CHECK_FALSE(state.has_last_seen_time());
  CHECK(state.effective_mtu() == 1480);

  const uint32_t epoch = now_s();
  beat(*dataplane, beat_from("203.0.113.50"), epoch);
  state = state_of(api);
  CHECK(state.oper_state() == v1::TunnelState::UP);
  CHECK(state.reason_code() == v1::TunnelState::UNVERIFIED);
  CHECK(state.endpoint().address() == "203.0.113.50");
  CHECK(state.endpoint().transport() == v1::TRANSPORT_PROTO41);
  CHECK(state.endpoint().local() == "192.0.2.1");
  CHECK(state.highest_epoch().seconds() == epoch);
  CHECK(std::abs(state.last_seen_time().seconds() - int64_t(now_s())) <= 1);
  CHECK(eventually([&] { return state_of(api).has_state_change_time(); }));

  RuntimeTable table = dataplane->runtime();
  REQUIRE(table.verify(kSlot, 0, beat_from("203.0.113.50")));
  state = state_of(api);
  CHECK(state.reason_code() == v1::TunnelState::ALIVE);
  CHECK(state.verified());
  CHECK(state.reason().empty());

  beat(*dataplane, ayiya_from("2001:db8:77::1", 4321), epoch + 1);
  CHECK(eventually([&] { return state_of(api).moves() == 1; }));
  state = state_of(api);
  CHECK(state.endpoint().address() == "2001:db8:77::1");
  CHECK(state.endpoint().port() == 4321);
  CHECK(state.endpoint().transport() == v1::TRANSPORT_AYIYA);
  CHECK(state.effective_mtu() == 1408);

  v1::PopStatus pop = api.pop_status();
  CHECK(pop.dynamic_up() == 1);
  CHECK(pop.dynamic_unverified() == 1);
  CHECK(pop.dynamic_down() == 0);
  CHECK(pop.tunnels_enabled() == 3);
  CHECK(pop.tunnels_online() == 3);

  REQUIRE(table.expire(kSlot, 0, dataplane->boot_s() + 200, 180));
  state = state_of(api);
  CHECK(state.oper_state() == v1::TunnelState::DOWN);
  CHECK(state.reason_code() == v1::TunnelState::TIMED_OUT);
  CHECK_THAT(state.reason(), ContainsSubstring("last beat"));
  CHECK(state.endpoint().address() == "2001:db8:77::1");

  // A static one, and one that is disabled.
  state = state_of(api, "T1");
  CHECK(state.oper_state() == v1::TunnelState::UP);
  CHECK(state.reason_code() == v1::TunnelState::STATIC);
  CHECK(state.endpoint().address() == "203.0.113.1");
  CHECK(state.endpoint().local() == "192.0.2.1");
  CHECK(state_of(api, "T7").reason_code() == v1::TunnelState::ADMIN_DISABLED);

  dataplane.reset();
  CHECK(eventually([&] { return state_of(api).reason_code() == v1::TunnelState::NO_DATAPLANE; }));
  CHECK(state_of(api, "T1").oper_state() == v1::TunnelState::DOWN);
  CHECK(api.pop_status().tunnels_online() == 0);
}

TEST_CASE("tunnels are counted by what carries them, those that are up and those in use") {
  const TemporaryDirectory directory;
  auto dataplane = std::make_unique<PortlessDataplane>(directory.path());
  Api api(directory);
  api.wait_connected();
  v1::Tunnel gre = dynamic_tunnel(52, 7, v1::Tunnel::GRE);
  gre.clear_password();
  gre.set_remote("203.0.113.52");
  v1::Tunnel beats = dynamic_tunnel(53, 8);
  beats.set_tic_type(v1::Tunnel::TIC_HEARTBEAT);
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, 5), dynamic_tunnel(51, 6), gre, beats})).ok());
  const auto census = [&] { return take_census(api.daemon().context()); };
  // T1 and T18572 of the sample are static, T7 is disabled.
  CHECK(census().direct.configured == 3);
  CHECK(census().ayiya.configured == 2);
  CHECK(census().gre.configured == 1);
  CHECK(census().direct.online == 2);
  CHECK(census().ayiya.online == 0);
  CHECK(census().gre.online == 1);
  CHECK(census().total().active == 0);

  // By beats, although AYIYA was expected.
  beat(*dataplane, beat_from("203.0.113.50"), now_s(), 5);
  beat(*dataplane, ayiya_from("203.0.113.51", 4321), now_s(), 6);
  CHECK(census().direct.configured == 4);
  CHECK(census().direct.online == 3);
  CHECK(census().ayiya.configured == 1);
  CHECK(census().ayiya.online == 1);

  TunnelCounters one{};
  one.in_packets = 1;
  dataplane->count(6, one);
  dataplane->count(7, one);
  CHECK(eventually([&] { return census().total().active == 2; }));
  CHECK(census().ayiya.active == 1);
  CHECK(census().gre.active == 1);
  CHECK(api.pop_status().tunnels_active() == 2);
  CHECK(api.pop_status().tunnels_online() == 5);

  dataplane.reset();
  CHECK(eventually([&] { return census().total().online == 0; }));
  CHECK(census().total().configured == 6);
  CHECK(census().total().active == 2);
}

TEST_CASE("states are listed by state, reason and errors, with the sums of all") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, 5), dynamic_tunnel(51, 6)})).ok());
  beat(dataplane, beat_from("203.0.113.50"), now_s(), 5);
  const uint8_t packet[] = {0x45};
  dataplane.ledger().book({6, 0, uint8_t(DropReason::kBeatClockSkew), 4000, packet},
                          uint64_t(unix_now_ns()));
  v1::ListTunnelStatesRequest request;
  const auto ids = [&] {
    v1::ListTunnelStatesResponse list;
    const Answer answer =
        Api::call([&](auto* c) { return api.states->ListTunnelStates(c, request, &list); });
    INFO(answer.status.error_message());
    REQUIRE(answer.ok());
    CHECK(list.up() == 3);
    CHECK(list.down() == 1);
    CHECK(list.disabled() == 1);
    std::vector<uint32_t> found;
    for (const auto& state : list.states()) found.push_back(state.id());
    request.set_page_token(list.next_page_token());
    return found;
  };
  CHECK(ids() == std::vector<uint32_t>{1, 7, 50, 51, 18572});
  request.add_oper_states(v1::TunnelState::DOWN);
  CHECK(ids() == std::vector<uint32_t>{7, 51});
  request.add_reason_codes(v1::TunnelState::CLIENT_CLOCK);
  CHECK(ids() == std::vector<uint32_t>{51});
  request.Clear();
  request.set_with_errors(true);
  CHECK(ids() == std::vector<uint32_t>{51});
  request.Clear();
  request.set_filter("type=DYNAMIC_ENDPOINT");
  CHECK(ids() == std::vector<uint32_t>{50, 51});
  request.Clear();
  request.set_page_size(2);
  CHECK(ids() == std::vector<uint32_t>{1, 7});
  CHECK(ids() == std::vector<uint32_t>{50, 51});
  CHECK(ids() == std::vector<uint32_t>{18572});
  // A token of another question.
  request.set_page_token("");
  ids();
  request.set_with_errors(true);
  v1::ListTunnelStatesResponse list;
  CHECK(Api::call([&](auto* c) {
          return api.states->ListTunnelStates(c, request, &list);
        }).code() == grpc::StatusCode::INVALID_ARGUMENT);

  const v1::TunnelState state = state_of(api, "T51");
  CHECK_THAT(state.reason(), ContainsSubstring("clock of client off by 4000 s"));
  CHECK(state.client_clock_offset().seconds() == 4000);
  CHECK(state.errors() == 1);
}

TEST_CASE("errors are read, shown with their packet, and reset for good") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  const uint8_t packet[] = {0x45, 0, 0,   28, 0, 0, 0,    0,    64, 17, 0,    0,    198, 51,
                            100,  9, 192, 0,  2, 1, 0x10, 0x92, 0,  53, 0x00, 0x08, 0,   0};
  const auto book = [&](DropReason reason, uint32_t column) {
    dataplane.ledger(column).book({kSlot, 0, uint8_t(reason), 0, packet}, uint64_t(unix_now_ns()));
  };
  const auto errors_of = [](Api& api) {
    v1::ListTunnelErrorsRequest request;
    request.set_name("T50");
    v1::ListTunnelErrorsResponse list;
    REQUIRE(
        Api::call([&](auto* c) { return api.states->ListTunnelErrors(c, request, &list); }).ok());
    return list;
  };
  v1::ResetTunnelErrorsRequest reset;
  v1::ResetTunnelErrorsResponse done;
  {
    Api api(directory);
    api.wait_connected();
    REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());
    CHECK(errors_of(api).errors_size() == 0);
    book(DropReason::kBeatReplayed, 0);
    book(DropReason::kBeatReplayed, 1);
    book(DropReason::kOuterSourceMismatch, 0);
    const auto list = errors_of(api);
    REQUIRE(list.errors_size() == 2);
    CHECK(list.errors(0).reason() == "outer-source-mismatch");
    CHECK(list.errors(1).reason() == "beat-replayed");
    CHECK(list.errors(1).count() == 2);
    CHECK(list.errors(1).last_source() == "198.51.100.9");
    CHECK(list.errors(1).last_source_port() == 0x1092);
    CHECK(list.errors(1).has_packet());
    CHECK_FALSE(list.errors(1).help().empty());
    CHECK(state_of(api).replays() == 2);
    CHECK(state_of(api).errors() == 3);

    v1::GetTunnelErrorPacketRequest request;
    request.set_name("T50");
    request.set_reason("beat-replayed");
    v1::TunnelErrorPacket found;
    const auto get = [&] {
      return Api::call(
          [&](auto* c) { return api.states->GetTunnelErrorPacket(c, request, &found); });
    };
    REQUIRE(get().ok());
    CHECK(found.packet() == std::string(reinterpret_cast<const char*>(packet), sizeof packet));
    CHECK(found.original_length() == sizeof packet);
    request.set_reason("packet-too-big");
    CHECK(get().code() == grpc::StatusCode::NOT_FOUND);
    request.clear_reason();
    CHECK(get().has_field("reason"));

    const auto run = [&] {
      return Api::call([&](auto* c) { return api.states->ResetTunnelErrors(c, reset, &done); });
    };
    CHECK(run().has_field("name"));
    reset.set_name("T50");
    reset.set_all(true);
    CHECK(run().has_field("name"));
    reset.set_all(false);
    REQUIRE(run().ok());
    CHECK(errors_of(api).errors_size() == 0);
    CHECK(state_of(api).errors() == 0);
  }
  book(DropReason::kBeatReplayed, 0);
  Api api(directory);
  api.wait_connected();
  const auto list = errors_of(api);
  REQUIRE(list.errors_size() == 1);
  CHECK(list.errors(0).count() == 1);
  // The same tunnel anew has no errors: another incarnation.
  v1::DeleteTunnelRequest erase;
  erase.set_name("T50");
  google::protobuf::Empty empty;
  REQUIRE(Api::call([&](auto* c) { return api.tunnels->DeleteTunnel(c, erase, &empty); }).ok());
  v1::Tunnel tunnel;
  REQUIRE(api.create(dynamic_tunnel(50, kSlot), &tunnel).ok());
  CHECK(errors_of(api).errors_size() == 0);
}

TEST_CASE("events of the dataplane reach who watches, with the tunnel's name") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, 5), dynamic_tunnel(51, 6)})).ok());
  REQUIRE(eventually([&] { return dataplane.tunnel_in_slot(6) == 51; }));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::WatchRequest request;
  request.add_kinds(v1::WatchRequest::TUNNEL_STATE);
  request.add_names("tunnels/T50");
  auto stream = api.watch->Watch(&context, request);
  v1::WatchResponse message;
  REQUIRE(stream->Read(&message));
  REQUIRE(message.has_sync());

  dataplane.event(event_of(TunnelEventKind::kUp, beat_from("203.0.113.51"), 6));
  dataplane.event(event_of(TunnelEventKind::kUp, beat_from("203.0.113.1"), 5, 99));  // another's
  dataplane.event(event_of(TunnelEventKind::kUp, beat_from("203.0.113.50"), 5));
  TunnelEvent moved = event_of(TunnelEventKind::kMoved, ayiya_from("203.0.113.60", 5555), 5);
  std::memcpy(moved.old_address, outer("203.0.113.50").bytes.data(), 16);
  dataplane.event(moved);
  TunnelEvent step{};
  step.slot = kNoSlot;
  step.kind = uint8_t(TunnelEventKind::kClockStep);
  step.count = uint32_t(-4000);
  step.unix_ns = uint64_t(unix_now_ns());
  dataplane.event(step);

  std::vector<TunnelEvents> events;
  while (events.size() < 3 && stream->Read(&message)) {
    if (message.has_tunnel_event()) events.push_back(message.tunnel_event());
  }
  REQUIRE(events.size() == 3);
  CHECK(events[0].name() == "tunnels/T50");
  CHECK(events[0].kind() == TunnelEvents::UP);
  CHECK(events[0].endpoint().address() == "203.0.113.50");
  CHECK(events[1].kind() == TunnelEvents::MOVED);
  CHECK(events[1].endpoint().port() == 5555);
  CHECK(events[1].endpoint().transport() == v1::TRANSPORT_AYIYA);
  CHECK(events[1].old_endpoint().address() == "203.0.113.50");
  CHECK(events[2].kind() == TunnelEvents::CLOCK_STEP);
  CHECK(events[2].clock_step().seconds() == -4000);
  CHECK(api.pop_status().clock_step().seconds() == -4000);
  context.TryCancel();
}

TEST_CASE("who misses events is told so, and the state is right nevertheless") {
  const TemporaryDirectory directory;
  PortlessDataplane dataplane(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::WatchRequest request;
  request.add_kinds(v1::WatchRequest::TUNNEL_STATE);
  auto stream = api.watch->Watch(&context, request);
  v1::WatchResponse message;
  REQUIRE(stream->Read(&message));
  RuntimeTable table = dataplane.runtime();
  REQUIRE(table.learn(kSlot, 0, beat_from("203.0.113.50"), now_s(), dataplane.boot_s()) ==
          Learned::kUp);
  for (std::size_t i = 0; i < 4 * kEventRingSize; ++i) {
    dataplane.event(event_of(TunnelEventKind::kReplayed, beat_from("203.0.113.99")));
  }
  bool gap = false;
  while (!gap && stream->Read(&message)) gap = message.has_gap();
  CHECK(gap);
  context.TryCancel();
  CHECK(eventually([&] { return state_of(api).has_state_change_time(); }));
  CHECK(state_of(api).oper_state() == v1::TunnelState::UP);
}

TEST_CASE("an operator's commands reach the dataplane, or are refused with the reason") {
  const TemporaryDirectory directory;
  auto dataplane = std::make_unique<PortlessDataplane>(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(
      api.apply(config_with({dynamic_tunnel(50, 5), dynamic_tunnel(51, 6, v1::Tunnel::HEARTBEAT)}))
          .ok());
  beat(*dataplane, beat_from("203.0.113.50"), now_s());
  v1::TunnelState state;

  v1::ClearTunnelEpochRequest clear;
  clear.set_name("T50");
  REQUIRE(Api::call([&](auto* c) { return api.states->ClearTunnelEpoch(c, clear, &state); }).ok());
  CHECK_FALSE(state.has_highest_epoch());
  CHECK(state.endpoint().address() == "203.0.113.50");

  v1::TakeTunnelDownRequest down;
  down.set_name("T50");
  REQUIRE(Api::call([&](auto* c) { return api.states->TakeTunnelDown(c, down, &state); }).ok());
  CHECK(state.reason_code() == v1::TunnelState::TAKEN_DOWN);
  CHECK_FALSE(state.has_endpoint());

  v1::SetTunnelEndpointRequest set;
  set.set_name("T50");
  const auto run = [&] {
    return Api::call([&](auto* c) { return api.states->SetTunnelEndpoint(c, set, &state); });
  };
  CHECK(run().has_field("endpoint"));
  set.mutable_endpoint()->set_address("203.0.113");
  CHECK(run().has_field("endpoint.address"));
  set.mutable_endpoint()->set_address("203.0.113.60");
  set.mutable_endpoint()->set_transport(v1::TRANSPORT_AYIYA);
  CHECK(run().has_field("endpoint.port"));
  set.mutable_endpoint()->set_port(4000);
  set.mutable_endpoint()->set_local("203.0.113.61");
  CHECK(run().has_field("endpoint.local"));
  set.mutable_endpoint()->set_local("198.51.100.1");
  REQUIRE(run().ok());
  CHECK(state.oper_state() == v1::TunnelState::UP);
  CHECK(state.endpoint().address() == "203.0.113.60");
  CHECK(state.endpoint().port() == 4000);
  CHECK(state.endpoint().local() == "198.51.100.1");
  set.set_name("T51");
  CHECK(run().has_field("endpoint.transport"));
  set.set_name("T1");
  CHECK(run().reason == "simplon/NOT_DYNAMIC");
  set.set_name("T999");
  CHECK(run().code() == grpc::StatusCode::NOT_FOUND);
  // The PoP's own address is nobody's endpoint.
  set.set_name("T50");
  set.mutable_endpoint()->set_address("192.0.2.1");
  const Answer refused = run();
  CHECK(refused.reason == "simplon/DATAPLANE_REFUSED");
  CHECK_FALSE(refused.status.error_message().empty());

  dataplane.reset();
  CHECK(eventually([&] { return run().code() == grpc::StatusCode::UNAVAILABLE; }));
}

// ---- The journal.

void forget_all(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.is_directory()) std::filesystem::remove(entry.path());
  }
}

TEST_CASE("what was learned survives a reboot: the dataplane is seeded from the journal") {
  const TemporaryDirectory directory;
  const uint32_t epoch = now_s() - 30;
  const v1::Config config = config_with(
      {dynamic_tunnel(50, 5), dynamic_tunnel(51, 6), dynamic_tunnel(52, 7), dynamic_tunnel(53, 8)});
  std::vector<v1::TunnelState> before;
  {
    PortlessDataplane dataplane(directory.path());
    Api api(directory);
    api.wait_connected();
    REQUIRE(api.apply(config).ok());
    RuntimeTable table = dataplane.runtime();
    const uint32_t boot = dataplane.boot_s();
    const Endpoint verified = ayiya_from("203.0.113.50", 4321);
    REQUIRE(table.learn(5, 0, verified, epoch, boot - 20) == Learned::kUp);
    REQUIRE(table.verify(5, 0, verified));
    const TunnelEvent came_up = event_of(TunnelEventKind::kUp, verified, 5);
    dataplane.event(came_up);
    Endpoint over_ipv6 = beat_from("2001:db8:77::1");
    over_ipv6.local_index = local_index_of("2001:db8:ffff::1");
    REQUIRE(table.learn(6, 0, over_ipv6, epoch, boot - 10) == Learned::kUp);
    // Down, but its endpoint is known.
    REQUIRE(table.learn(7, 0, beat_from("203.0.113.52"), epoch, boot - 600) == Learned::kUp);
    REQUIRE(table.expire(7, 0, boot, 180));
    dataplane.count(5, {1, 2, 3, 4});
    REQUIRE(eventually([&] {
      return state_of(api).state_change_time().SerializeAsString() ==
             timestamp(int64_t(came_up.unix_ns)).SerializeAsString();
    }));
    // What follows changes only what the rolling scan finds.
    REQUIRE(table.learn(5, 0, verified, epoch + 1, boot - 15) == Learned::kSame);
    for (const char* name : {"T50", "T51", "T52", "T53"}) before.push_back(state_of(api, name));
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  }
  forget_all(directory.path());

  PortlessDataplane dataplane(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(
      eventually([&] { return state_of(api, "T52").reason_code() == v1::TunnelState::TIMED_OUT; }));
  for (const v1::TunnelState& old : before) {
    const v1::TunnelState now = state_of(api, old.name());
    INFO(old.DebugString() << now.DebugString());
    CHECK(now.oper_state() == old.oper_state());
    CHECK(now.reason_code() == old.reason_code());
    CHECK(now.endpoint().SerializeAsString() == old.endpoint().SerializeAsString());
    CHECK(now.verified() == old.verified());
    CHECK(std::abs(now.last_seen_time().seconds() - old.last_seen_time().seconds()) <= 1);
    // Not less than it was, and no more than the journal may have missed.
    CHECK(now.highest_epoch().seconds() >= old.highest_epoch().seconds());
    CHECK(now.highest_epoch().seconds() <= old.highest_epoch().seconds() + 3);
  }
  CHECK(state_of(api).highest_epoch().seconds() >= epoch + 1);
  CHECK(state_of(api).state_change_time().SerializeAsString() ==
        before[0].state_change_time().SerializeAsString());

  // A packet captured in the journal's lag, sent from elsewhere, moves nothing; the client's next
  // beat does.
  RuntimeTable table = dataplane.runtime();
  CHECK(table.learn(5, 0, ayiya_from("198.51.100.66", 1), epoch + 2, dataplane.boot_s()) ==
        Learned::kReplayed);
  CHECK(table.learn(5, 0, ayiya_from("198.51.100.66", 1), now_s(), dataplane.boot_s()) ==
        Learned::kMoved);
  // Expiry goes on where it was: 600 s ago is more than 180, 10 s is not.
  CHECK_FALSE(table.expire(6, 0, dataplane.boot_s(), 180));

  v1::GetTunnelCountersRequest request;
  request.set_name("T50");
  v1::TunnelCounters counters;
  REQUIRE(Api::call([&](auto* c) {
            return api.counters->GetTunnelCounters(c, request, &counters);
          }).ok());
  CHECK(counters.in_packets() == 1);
  CHECK(counters.out_bytes() == 4);
}

TEST_CASE("a dataplane that loses its memory while control lives is seeded too") {
  const TemporaryDirectory directory;
  const TemporaryDirectory other;
  auto dataplane = std::make_unique<PortlessDataplane>(directory.path());
  Api api(directory);
  api.wait_connected();
  REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());
  beat(*dataplane, beat_from("203.0.113.50"), now_s());
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  dataplane.reset();
  for (const char* name : {"runtime", "counters", "ledger"}) {
    std::filesystem::remove(directory.file(name));
  }
  dataplane = std::make_unique<PortlessDataplane>(directory.path());
  CHECK(eventually([&] { return state_of(api).oper_state() == v1::TunnelState::UP; }));
  CHECK(state_of(api).endpoint().address() == "203.0.113.50");
  // And the journal goes on from there.
  beat(*dataplane, beat_from("203.0.113.51"), now_s() + 60);
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  dataplane.reset();
  std::filesystem::remove(directory.file("runtime"));
  dataplane = std::make_unique<PortlessDataplane>(directory.path());
  CHECK(eventually([&] { return state_of(api).endpoint().address() == "203.0.113.51"; }));
}

TEST_CASE("nothing learned for a tunnel is believed for the next one in its slot") {
  const TemporaryDirectory directory;
  auto dataplane = std::make_unique<PortlessDataplane>(directory.path());
  {
    Api api(directory);
    api.wait_connected();
    REQUIRE(api.apply(config_with({dynamic_tunnel(50, kSlot)})).ok());
    beat(*dataplane, beat_from("203.0.113.50"), now_s());
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    REQUIRE(api.apply(config_with({dynamic_tunnel(51, kSlot)})).ok());
    CHECK(state_of(api, "T51").reason_code() == v1::TunnelState::NEVER_SEEN);
  }
  // Neither after a restart, nor from the journal.
  {
    Api api(directory);
    api.wait_connected();
    CHECK(state_of(api, "T51").reason_code() == v1::TunnelState::NEVER_SEEN);
  }
  dataplane.reset();
  std::filesystem::remove(directory.file("runtime"));
  dataplane = std::make_unique<PortlessDataplane>(directory.path());
  Api api(directory);
  api.wait_connected();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(state_of(api, "T51").reason_code() == v1::TunnelState::NEVER_SEEN);
}

}  // namespace
}  // namespace simplon::control
