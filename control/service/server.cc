// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/service/server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "control/service/account_service.h"
#include "control/service/config_service.h"
#include "control/service/pool_service.h"
#include "control/service/pop_service.h"
#include "control/service/state_service.h"
#include "control/service/status_service.h"
#include "control/service/tunnel_service.h"
#include "control/service/watch_service.h"
#include "control/table/unique_fd.h"
#include "control/text/absl_text.h"
#include "dataplane/state/errno_text.h"

namespace simplon::control {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
// The owner and the group of the socket may use the API.
constexpr mode_t kSocketMode = 0660;

constexpr const char* kServiceNames[] = {
    "simplon.v1.TunnelService", "simplon.v1.PoolService",        "simplon.v1.PopService",
    "simplon.v1.ConfigService", "simplon.v1.WatchService",       "simplon.v1.CounterService",
    "simplon.v1.StatusService", "simplon.v1.TunnelStateService", "simplon.v1.AccountService",
};

absl::Status listen_error(std::string_view address, std::string_view why) {
  return absl::FailedPreconditionError(
      ToAbsl(fmt::format("cannot listen on {}: {}", address, why)));
}

bool somebody_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Makes way for a socket at `path`, or says what is in it.
absl::Status clear_socket_path(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return listen_error(path, fmt::format("a socket's path can have at most {} bytes",
                                          sizeof(sockaddr_un::sun_path) - 1));
  }
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (access(directory.empty() ? "." : directory.c_str(), W_OK | X_OK) != 0) {
    return listen_error(path,
                        fmt::format("folder {}: {}; create it or make it writable for this user",
                                    directory.string(), errno_text()));
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : listen_error(path, errno_text());
  }
  if (!S_ISSOCK(info.st_mode)) {
    return listen_error(path, "there is a file that is not a socket; move it away");
  }
  if (somebody_listens(path)) {
    return listen_error(path,
                        "another process listens there; stop it or give another --listen address");
  }
  if (unlink(path.c_str()) != 0) return listen_error(path, errno_text());
  return absl::OkStatus();
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("localhost:") ||
         address.starts_with("[::1]:");
}

}  // namespace

struct ApiServer::Services {
  explicit Services(ServiceContext& context)
      : tunnel(context),
        pool(context),
        pop(context),
        config(context),
        watch(context),
        counter(context),
        status(context),
        tunnel_state(context),
        account(context) {}

  TunnelService tunnel;
  PoolService pool;
  PopService pop;
  ConfigService config;
  WatchService watch;
  CounterService counter;
  StatusService status;
  TunnelStateService tunnel_state;
  AccountService account;
};

ApiServer::ApiServer(ServiceContext& context)
    : context_(context), services_(std::make_unique<Services>(context)) {}

ApiServer::~ApiServer() {
  shutdown();
}

absl::Status ApiServer::listen(const std::vector<std::string>& addresses) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  std::vector<int> ports(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    std::string address = addresses[i];
    if (address.starts_with('/')) address = std::string(kUnixScheme) + address;
    if (address.starts_with(kUnixScheme)) {
      const std::string path = address.substr(kUnixScheme.size());
      if (auto status = clear_socket_path(path); !status.ok()) return status;
      socket_files_.push_back(path);
    } else if (!is_loopback(address)) {
      spdlog::warn("event=listen_open address={} note=\"no encryption, no authentication\"",
                   address);
    }
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &ports[i]);
  }
  Services& s = *services_;
  for (grpc::Service* service :
       std::initializer_list<grpc::Service*>{&s.tunnel, &s.pool, &s.pop, &s.config, &s.watch,
                                             &s.counter, &s.status, &s.tunnel_state, &s.account}) {
    builder.RegisterService(service);
  }
  // A configuration of a million tunnels is one message of some 100 MB.
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  // Two processes on one port would share its calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  const mode_t old_mask = umask(0777 & ~kSocketMode);
  server_ = builder.BuildAndStart();
  umask(old_mask);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (server_ != nullptr && ports[i] != 0) continue;
    if (addresses.size() > 1 && ports[i] != 0) continue;
    return listen_error(addresses[i], "the address is in use or not this machine's; give another");
  }
  update_health();
  return absl::OkStatus();
}

void ApiServer::update_health() {
  if (server_ == nullptr) return;
  const uint64_t revision = context_.engine.revision();
  const v1::PublishStatus::State state = context_.publisher.status(revision).state();
  // A revision on its way is no illness, and the answer comes soon.
  if (state == v1::PublishStatus::PUBLISHING && revision != 0) return;
  const bool serving =
      revision == 0 ? state != v1::PublishStatus::DISCONNECTED
                    : state == v1::PublishStatus::ACTIVE || state == v1::PublishStatus::STALLED;
  auto* health = server_->GetHealthCheckService();
  health->SetServingStatus("", serving);
  for (const char* name : kServiceNames) health->SetServingStatus(name, serving);
}

void ApiServer::shutdown() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
  server_.reset();
  for (const std::string& path : socket_files_) unlink(path.c_str());
}

}  // namespace simplon::control
