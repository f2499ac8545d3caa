// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The whole of simplon-control in this process and a client of its API through a real Unix socket,
// with a real store.

#pragma once

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "control/daemon.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "simplon/v1/account_service.grpc.pb.h"
#include "simplon/v1/config_service.grpc.pb.h"
#include "simplon/v1/pool_service.grpc.pb.h"
#include "simplon/v1/pop_service.grpc.pb.h"
#include "simplon/v1/state_service.grpc.pb.h"
#include "simplon/v1/status_service.grpc.pb.h"
#include "simplon/v1/tunnel_service.grpc.pb.h"
#include "simplon/v1/watch_service.grpc.pb.h"
#include "tests/support/catch.h"
#include "tests/support/portless_dataplane.h"
#include "tests/support/temporary_directory.h"

namespace simplon::testing {

// How one call ended.
struct Answer {
  grpc::Status status;
  std::string publish_state;
  std::string revision;
  std::string reason;  // of the ErrorInfo
  google::rpc::BadRequest bad_request;

  bool ok() const { return status.ok(); }
  grpc::StatusCode code() const { return status.error_code(); }
  bool has_field(const std::string& field) const {
    for (const auto& violation : bad_request.field_violations()) {
      if (violation.field() == field) return true;
    }
    return false;
  }
};

class Api {
 public:
  // `options`: what else is to be served.
  explicit Api(const TemporaryDirectory& directory,
               spdlog::level::level_enum log_level = spdlog::level::off,
               control::Options options = {}) {
    spdlog::set_level(log_level);
    options.state_directory = directory.file("state");
    options.dataplane_socket = PortlessDataplane::socket_path(directory.path());
    options.listen = {"unix:" + directory.file("admin.sock")};
    const absl::Status status = daemon_.start(options);
    INFO(std::string(status.message()));
    REQUIRE(status.ok());
    channel = grpc::CreateChannel(options.listen[0], grpc::InsecureChannelCredentials());
    tunnels = v1::TunnelService::NewStub(channel);
    accounts = v1::AccountService::NewStub(channel);
    pools = v1::PoolService::NewStub(channel);
    pop = v1::PopService::NewStub(channel);
    config = v1::ConfigService::NewStub(channel);
    watch = v1::WatchService::NewStub(channel);
    counters = v1::CounterService::NewStub(channel);
    status_of = v1::StatusService::NewStub(channel);
    states = v1::TunnelStateService::NewStub(channel);
  }

  // `call(&context)` makes it.
  template <typename Call>
  static Answer call(Call&& make) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Answer answer;
    answer.status = make(&context);
    const auto trailer = [&](const char* name) {
      const auto found = context.GetServerTrailingMetadata().find(name);
      if (found == context.GetServerTrailingMetadata().end()) return std::string();
      return std::string(found->second.data(), found->second.size());
    };
    answer.publish_state = trailer("simplon-publish-state");
    answer.revision = trailer("simplon-revision");
    google::rpc::Status details;
    details.ParseFromString(answer.status.error_details());
    for (const auto& any : details.details()) {
      google::rpc::ErrorInfo info;
      if (any.UnpackTo(&info)) answer.reason = info.domain() + "/" + info.reason();
      any.UnpackTo(&answer.bad_request);
    }
    return answer;
  }

  Answer apply(const v1::Config& next, v1::ApplyConfigResponse* reply = nullptr,
               int confirm_seconds = 0) {
    v1::ApplyConfigRequest request;
    *request.mutable_config() = next;
    if (confirm_seconds != 0) request.mutable_confirm_timeout()->set_seconds(confirm_seconds);
    v1::ApplyConfigResponse ignored;
    return call([&](auto* c) {
      return config->ApplyConfig(c, request, reply != nullptr ? reply : &ignored);
    });
  }
  Answer create(const v1::Tunnel& tunnel, v1::Tunnel* reply, bool validate_only = false) {
    v1::CreateTunnelRequest request;
    *request.mutable_tunnel() = tunnel;
    request.set_validate_only(validate_only);
    return call([&](auto* c) { return tunnels->CreateTunnel(c, request, reply); });
  }
  Answer update(const v1::Tunnel& tunnel, std::initializer_list<const char*> mask,
                v1::Tunnel* reply) {
    v1::UpdateTunnelRequest request;
    *request.mutable_tunnel() = tunnel;
    for (const char* path : mask) request.mutable_update_mask()->add_paths(path);
    return call([&](auto* c) { return tunnels->UpdateTunnel(c, request, reply); });
  }
  v1::Tunnel get(const std::string& name) {
    v1::GetTunnelRequest request;
    request.set_name(name);
    v1::Tunnel reply;
    REQUIRE(call([&](auto* c) { return tunnels->GetTunnel(c, request, &reply); }).ok());
    return reply;
  }
  v1::PopStatus pop_status() {
    v1::PopStatus reply;
    REQUIRE(call([&](auto* c) { return pop->GetPopStatus(c, {}, &reply); }).ok());
    return reply;
  }
  void wait_connected() {
    for (int i = 0; i < 500 && !pop_status().dataplane_connected(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    REQUIRE(pop_status().dataplane_connected());
  }

  control::Daemon& daemon() { return daemon_; }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::TunnelService::Stub> tunnels;
  std::unique_ptr<v1::AccountService::Stub> accounts;
  std::unique_ptr<v1::PoolService::Stub> pools;
  std::unique_ptr<v1::PopService::Stub> pop;
  std::unique_ptr<v1::ConfigService::Stub> config;
  std::unique_ptr<v1::WatchService::Stub> watch;
  std::unique_ptr<v1::CounterService::Stub> counters;
  std::unique_ptr<v1::StatusService::Stub> status_of;
  std::unique_ptr<v1::TunnelStateService::Stub> states;

 private:
  control::Daemon daemon_;
};

}  // namespace simplon::testing
