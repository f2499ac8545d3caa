// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the API does at scale: simplon-control and simplon-dataplane as processes, a store on a real
// file system, calls over a Unix socket. Every change is durable and in force when it is answered.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proto/link/snapshot_format.h"
#include "simplon/v1/config_service.grpc.pb.h"
#include "simplon/v1/status_service.grpc.pb.h"
#include "simplon/v1/tunnel_service.grpc.pb.h"
#include "simplon/v1/watch_service.grpc.pb.h"
#include "tests/bench/api_bed.h"
#include "tests/bench/api_wire.h"
#include "tests/bench/command_line.h"
#include "tests/bench/json_line.h"
#include "tests/support/random_config.h"

namespace simplon::bench {
namespace {

using Clock = std::chrono::steady_clock;

// The promises of docs/performance.md.
constexpr Bar kBatchCreate{100'000, true};  // tunnels per second
constexpr Bar kOnTheWire{20'000};           // microseconds
constexpr Bar kDataplaneMemory{400};        // bytes per tunnel

constexpr uint32_t kBatch = 10'000;
constexpr int kInFlight = 8;
constexpr int kWatchers = 8;
constexpr int32_t kPage = 10'000;

struct Options {
  bool json = false;
  int runs = 5;
  uint32_t many = 1'000'000;
  uint32_t some = 50'000;
  uint32_t changes = 300;
  std::string directory = "/var/tmp";
  std::string only;  // a case
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

// Ends the program unless the call worked, and where it is a change, unless it is in force.
void check(const grpc::Status& status, const grpc::ClientContext& context, const char* what,
           bool change = true) {
  if (!status.ok()) fail(std::string(what) + ": " + status.error_message());
  if (!change) return;
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto state = trailers.find("simplon-publish-state");
  if (state == trailers.end() || state->second != "ACTIVE") {
    fail(std::string(what) + ": durable, but not in force");
  }
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        wired_(Wire::isolate()),
        wire_(wired_ ? std::make_unique<Wire>() : nullptr),
        device_(wired_ ? std::string("af_packet:") + Wire::kDevice : "net_null0") {}

  void run() {
    if (wants("sync")) sync();
    if (wants("many")) many();
    if (wants("apply")) apply();
    if (wants("some")) some();
  }

 private:
  bool wants(std::string_view part) const { return options_.only.empty() || options_.only == part; }

  void report(const std::string& name, std::string_view metric, double value, int runs,
              std::optional<Bar> bar = std::nullopt) const {
    print({"api", name, metric, value, std::nullopt, runs, bar}, options_.json);
  }
  void report_latency(const std::string& name, const std::vector<double>& times,
                      std::optional<Bar> bar = std::nullopt) const {
    report(name, "p50_us", quantile(times, 0.5), int(times.size()));
    report(name, "p99_us", quantile(times, 0.99), int(times.size()), bar);
  }

  // What the store's medium costs each commit, whatever the program does.
  void sync() const {
    report_latency("sync/" + file_system_of(options_.directory),
                   sync_times(options_.directory, int(options_.changes)));
  }

  // ---- The PoP and its pools, and tunnels in batches.

  static void apply_settings(const ApiBed& bed, const v1::Config& config) {
    v1::ApplyConfigRequest request;
    *request.mutable_config()->mutable_pop() = config.pop();
    request.mutable_config()->mutable_pop()->mutable_interfaces(0)->set_port("uplink");
    *request.mutable_config()->mutable_pools() = config.pools();
    v1::ApplyConfigResponse reply;
    grpc::ClientContext context;
    check(v1::ConfigService::NewStub(bed.channel())->ApplyConfig(&context, request, &reply),
          context, "ApplyConfig");
  }

  // Serialised beforehand: what a backend spends on its side is not control's.
  static std::vector<grpc::ByteBuffer> make_batches(const v1::Config& config) {
    std::vector<grpc::ByteBuffer> batches;
    for (int first = 0; first < config.tunnels_size(); first += int(kBatch)) {
      v1::BatchCreateTunnelsRequest request;
      const int last = std::min(config.tunnels_size(), first + int(kBatch));
      for (int i = first; i < last; ++i) {
        *request.add_requests()->mutable_tunnel() = config.tunnels(i);
      }
      const grpc::Slice slice(request.SerializeAsString());
      batches.emplace_back(&slice, 1);
    }
    return batches;
  }

  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer reply;
    grpc::Status status;
  };

  // Sends the batches in order, some ahead of the answers. Returns the seconds until all are in
  // force.
  static double create(const ApiBed& bed, const std::vector<grpc::ByteBuffer>& batches) {
    grpc::GenericStub stub(bed.channel());
    grpc::CompletionQueue queue;
    const Clock::time_point start = Clock::now();
    std::size_t sent = 0;
    const auto send = [&] {
      auto* call = new Call;
      call->reader = stub.PrepareUnaryCall(
          &call->context, "/simplon.v1.TunnelService/BatchCreateTunnels", batches[sent++], &queue);
      call->reader->StartCall();
      call->reader->Finish(&call->reply, &call->status, call);
    };
    while (sent < batches.size() && sent < std::size_t(kInFlight)) send();
    for (std::size_t done = 0; done < batches.size(); ++done) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue.Next(&tag, &ok)) fail("the channel was closed");
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      check(call->status, call->context, "BatchCreateTunnels");
      if (sent < batches.size()) send();
    }
    const double took = seconds_since(start);
    queue.Shutdown();
    return took;
  }

  // ---- A million.

  void many() const {
    const std::string suffix = "/" + std::to_string(options_.many);
    v1::Config config = testing::uniform_config(options_.many);
    const std::vector<grpc::ByteBuffer> batches = make_batches(config);
    config.clear_tunnels();
    std::vector<double> rates;
    std::vector<double> cpu;  // microseconds per tunnel, of both processes
    for (int run = 0; run < options_.runs; ++run) {
      const ApiBed bed(options_.directory, device_);
      apply_settings(bed, config);
      const double cpu_before = cpu_seconds(bed.control()) + cpu_seconds(bed.dataplane());
      const uint64_t dataplane_before = dataplane_bytes(bed).private_bytes;
      const uint64_t control_before = resident_bytes(bed.control());
      rates.push_back(options_.many / create(bed, batches));
      const double cpu_after = cpu_seconds(bed.control()) + cpu_seconds(bed.dataplane());
      cpu.push_back((cpu_after - cpu_before) * 1e6 / options_.many);
      if (run + 1 < options_.runs) continue;
      report("batch_create" + suffix, "per_second", median(rates), options_.runs, kBatchCreate);
      report("batch_create" + suffix, "cpu_us_per_tunnel", median(cpu), options_.runs);
      report("control_memory" + suffix, "bytes_per_tunnel",
             double(resident_bytes(bed.control()) - control_before) / options_.many, 1);
      dataplane_memory(bed, dataplane_before, suffix);
      list_all(bed, suffix);
      counters_of_all(bed, suffix);
      watch_from_the_start(bed, suffix);
    }
  }

  struct DataplaneBytes {
    uint64_t private_bytes = 0;  // resident
    uint64_t segment_bytes = 0;  // of the state directory, touched or not
  };
  static DataplaneBytes dataplane_bytes(const ApiBed& bed) {
    DataplaneBytes sum;
    for (const MemoryPart& part : memory_of(bed.dataplane())) {
      if (part.path.starts_with(bed.dataplane_state())) {
        sum.segment_bytes += part.size;
      } else {
        sum.private_bytes += part.resident;
      }
    }
    return sum;
  }

  // As if every tunnel had been used: the segments count as long as they are, which is as long as
  // the slots need that there is room for, and these are a million. Memory for two snapshots is
  // there once the table that was before is as large as the one in force.
  void dataplane_memory(const ApiBed& bed, uint64_t before, const std::string& suffix) const {
    v1::UpdateTunnelRequest request;
    request.mutable_tunnel()->set_id(1);
    request.mutable_update_mask()->add_paths("mtu");
    const auto stub = v1::TunnelService::NewStub(bed.channel());
    for (const uint32_t mtu : {1400u, 1401u, 1402u}) {
      request.mutable_tunnel()->set_mtu(mtu);
      v1::Tunnel reply;
      grpc::ClientContext context;
      check(stub->UpdateTunnel(&context, request, &reply), context, "UpdateTunnel");
    }
    const DataplaneBytes now = dataplane_bytes(bed);
    const double per_tunnel =
        double(now.private_bytes - before + now.segment_bytes) / options_.many;
    report("dataplane_memory" + suffix, "bytes_per_tunnel", per_tunnel, 1, kDataplaneMemory);
  }

  template <typename Stub, typename Request, typename Reply>
  double read_pages(Stub& stub,
                    grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Reply*),
                    int (Reply::*size)() const) const {
    Request request;
    request.set_page_size(kPage);
    uint32_t seen = 0;
    const Clock::time_point start = Clock::now();
    do {
      Reply reply;
      grpc::ClientContext context;
      check((stub.*call)(&context, request, &reply), context, "list", false);
      seen += uint32_t((reply.*size)());
      request.set_page_token(reply.next_page_token());
    } while (!request.page_token().empty());
    if (seen < options_.many) fail("a list without all tunnels");
    return seconds_since(start);
  }

  template <typename Read>
  void reading(const ApiBed& bed, const std::string& name, int runs, const Read& read) const {
    std::vector<double> rates;
    const uint64_t before = resident_bytes(bed.control());
    for (int run = 0; run < std::min(options_.runs, runs); ++run) {
      rates.push_back(options_.many / read());
    }
    const uint64_t after = resident_bytes(bed.control());
    report(name, "per_second", median(rates), int(rates.size()));
    report(name, "control_growth_mib", double(int64_t(after - before)) / (1 << 20), 1);
  }

  void list_all(const ApiBed& bed, const std::string& suffix) const {
    const auto stub = v1::TunnelService::NewStub(bed.channel());
    reading(bed, "list" + suffix, 3, [&] {
      return read_pages(*stub, &v1::TunnelService::Stub::ListTunnels,
                        &v1::ListTunnelsResponse::tunnels_size);
    });
  }

  void counters_of_all(const ApiBed& bed, const std::string& suffix) const {
    const auto stub = v1::CounterService::NewStub(bed.channel());
    reading(bed, "counters" + suffix, 5, [&] {
      return read_pages(*stub, &v1::CounterService::Stub::ListTunnelCounters,
                        &v1::ListTunnelCountersResponse::counters_size);
    });
  }

  void watch_from_the_start(const ApiBed& bed, const std::string& suffix) const {
    const auto stub = v1::WatchService::NewStub(bed.channel());
    reading(bed, "watch_initial_state" + suffix, 1, [&] {
      v1::WatchRequest request;
      request.set_initial_state(true);
      grpc::ClientContext context;
      const Clock::time_point start = Clock::now();
      const auto stream = stub->Watch(&context, request);
      v1::WatchResponse event;
      uint32_t seen = 0;
      while (stream->Read(&event) && !event.has_sync()) ++seen;
      const double took = seconds_since(start);
      context.TryCancel();
      if (seen < options_.many) fail("a watch without all tunnels");
      return took;
    });
  }

  // The whole configuration as one transaction.
  void apply() const {
    const std::string suffix = "/" + std::to_string(options_.many);
    v1::ApplyConfigRequest request;
    *request.mutable_config() = testing::uniform_config(options_.many);
    request.set_max_changes(1);
    const ApiBed bed(options_.directory, device_);
    v1::ApplyConfigResponse reply;
    grpc::ClientContext context;
    const Clock::time_point start = Clock::now();
    check(v1::ConfigService::NewStub(bed.channel())->ApplyConfig(&context, request, &reply),
          context, "ApplyConfig");
    report("apply" + suffix, "per_second", options_.many / seconds_since(start), 1);
  }

  // ---- One at a time, among some.

  void some() {
    const std::string suffix = "/" + std::to_string(options_.some);
    const v1::Config config = testing::uniform_config(options_.some + 2 * options_.changes + 1);
    v1::Config first = config;
    first.mutable_tunnels()->DeleteSubrange(int(options_.some),
                                            config.tunnels_size() - int(options_.some));
    const ApiBed bed(options_.directory, device_);
    apply_settings(bed, config);
    create(bed, make_batches(first));
    single_changes(bed, config, suffix);
    steps(bed, suffix);
    if (wire_) {
      on_the_wire(bed, config, suffix);
    } else {
      std::fprintf(stderr, "bench_api: wire%s is left out: it takes root\n", suffix.c_str());
    }
    fan_out(bed, config, suffix);
  }

  void single_changes(const ApiBed& bed, const v1::Config& config,
                      const std::string& suffix) const {
    const auto stub = v1::TunnelService::NewStub(bed.channel());
    std::vector<double> created;
    std::vector<double> updated;
    std::vector<double> deleted;
    for (int i = 0; i < int(options_.changes); ++i) {
      const v1::Tunnel& tunnel = config.tunnels(int(options_.some) + i);
      const std::string name = "tunnels/T" + std::to_string(tunnel.id());
      const Clock::time_point start = Clock::now();
      v1::Tunnel reply;
      {
        v1::CreateTunnelRequest request;
        *request.mutable_tunnel() = tunnel;
        grpc::ClientContext context;
        check(stub->CreateTunnel(&context, request, &reply), context, "CreateTunnel");
      }
      const Clock::time_point after_create = Clock::now();
      {
        v1::UpdateTunnelRequest request;
        request.mutable_tunnel()->set_name(name);
        request.mutable_tunnel()->set_mtu(1280 + uint32_t(i) % 200);
        request.mutable_update_mask()->add_paths("mtu");
        grpc::ClientContext context;
        check(stub->UpdateTunnel(&context, request, &reply), context, "UpdateTunnel");
      }
      const Clock::time_point after_update = Clock::now();
      {
        v1::DeleteTunnelRequest request;
        request.set_name(name);
        google::protobuf::Empty empty;
        grpc::ClientContext context;
        check(stub->DeleteTunnel(&context, request, &empty), context, "DeleteTunnel");
      }
      created.push_back(microseconds(after_create - start));
      updated.push_back(microseconds(after_update - after_create));
      deleted.push_back(microseconds(Clock::now() - after_update));
    }
    report_latency("create" + suffix, created);
    report_latency("update" + suffix, updated);
    report_latency("delete" + suffix, deleted);
  }

  // Of the last change, as control publishes them.
  void steps(const ApiBed& bed, const std::string& suffix) const {
    v1::Snapshot snapshot;
    grpc::ClientContext context;
    check(v1::StatusService::NewStub(bed.channel())->GetSnapshot(&context, {}, &snapshot), context,
          "GetSnapshot", false);
    const auto step = [&](const char* name, const google::protobuf::Duration& took) {
      report(name + suffix, "us", double(took.seconds()) * 1e6 + took.nanos() / 1e3, 1);
    };
    step("step_store", snapshot.store_duration());
    step("step_build", snapshot.build_duration());
    step("step_publish", snapshot.publish_duration());
    step("step_validate", snapshot.validate_duration());
    step("step_grace", snapshot.grace_duration());
  }

  // From before the call that creates a tunnel to the first packet through it.
  void on_the_wire(const ApiBed& bed, const v1::Config& config, const std::string& suffix) {
    const auto stub = v1::TunnelService::NewStub(bed.channel());
    std::vector<double> times;
    for (int i = -1; i < int(options_.changes); ++i) {
      const v1::Tunnel& tunnel = config.tunnels(int(options_.some) + i + 1);
      // The client's address: of the unit of the LINK pool that the slot has, the second.
      const uint64_t unit = 0x2001'0db8'0010'0000 + tunnel.slot();
      wire_->send_to(Ipv6Address::from_halves(unit, 2));
      v1::CreateTunnelRequest request;
      *request.mutable_tunnel() = tunnel;
      v1::Tunnel reply;
      grpc::ClientContext context;
      const Clock::time_point start = Clock::now();
      check(stub->CreateTunnel(&context, request, &reply), context, "CreateTunnel");
      const auto arrival = wire_->first_arrival(std::chrono::seconds(5));
      if (!arrival) fail("no packet came through a new tunnel");
      // The very first one had to wait for the gateway's address.
      if (i >= 0) times.push_back(microseconds(*arrival - start));
    }
    wire_->send_to(std::nullopt);
    report_latency("wire" + suffix, times, kOnTheWire);
  }

  // One change of many tunnels, which every watcher is told one by one.
  void fan_out(const ApiBed& bed, const v1::Config& config, const std::string& suffix) const {
    const auto watch = v1::WatchService::NewStub(bed.channel());
    const auto stub = v1::TunnelService::NewStub(bed.channel());
    std::vector<double> rates;
    for (int run = 0; run < options_.runs; ++run) {
      std::atomic<int> ready{0};
      std::vector<std::thread> watchers;
      for (int w = 0; w < kWatchers; ++w) {
        watchers.emplace_back([&] {
          v1::WatchRequest request;
          request.add_kinds(v1::WatchRequest::TUNNEL);
          grpc::ClientContext context;
          const auto stream = watch->Watch(&context, request);
          v1::WatchResponse event;
          uint32_t seen = 0;
          while (seen < kBatch && stream->Read(&event)) {
            if (event.has_sync()) ++ready;
            if (event.has_gap()) fail("a watcher has fallen behind");
            seen += event.has_change();
          }
          context.TryCancel();
        });
      }
      while (ready < kWatchers) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      v1::BatchUpdateTunnelsRequest request;
      for (uint32_t i = 0; i < kBatch; ++i) {
        auto* one = request.add_requests();
        one->mutable_tunnel()->set_id(config.tunnels(int(i)).id());
        one->mutable_tunnel()->set_mtu(1400 + uint32_t(run));
        one->mutable_update_mask()->add_paths("mtu");
      }
      v1::BatchUpdateTunnelsResponse reply;
      grpc::ClientContext context;
      const Clock::time_point start = Clock::now();
      check(stub->BatchUpdateTunnels(&context, request, &reply), context, "BatchUpdateTunnels");
      for (std::thread& thread : watchers) thread.join();
      rates.push_back(double(kBatch) * kWatchers / seconds_since(start));
    }
    report("watch_fan_out/" + std::to_string(kWatchers) + suffix, "per_second", median(rates),
           options_.runs);
  }

  const Options options_;
  const bool wired_;
  std::unique_ptr<Wire> wire_;
  const std::string device_;
};

}  // namespace

int run(int argc, char** argv) {
  Options options;
  const uint32_t most = (kMaxSlots - kBatch) / 2;
  CommandLine("bench_api",
              "The API of simplon-control with simplon-dataplane beside it, both as processes: "
              "tunnels created "
              "in batches, lists, counters and watches of many tunnels, and single changes among "
              "some, up to "
              "the first packet through a new tunnel (as root)")
      .json(options.json)
      .runs(options.runs)
      .number("--many", options.many, 1, kMaxSlots, "Tunnels, where there are many")
      .number("--some", options.some, kBatch, most, "Tunnels, where there are some")
      .number("--changes", options.changes, 1, most / 2, "Single changes of each kind")
      .word("--directory", options.directory, {}, "Holds the store: its file system matters")
      .word("--only", options.only, {"sync", "many", "apply", "some"}, "This part alone")
      .parse(argc, argv);
  Bench(options).run();
  return 0;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
