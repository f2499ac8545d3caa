// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>

#include "control/service/rpc.h"
#include "simplon/v1/watch_service.grpc.pb.h"

namespace simplon::control {

class WatchService final : public v1::WatchService::Service {
 public:
  // Each watcher holds a thread of the server.
  static constexpr int kMaxWatchers = 100;

  explicit WatchService(ServiceContext& context) : context_(context) {}

  grpc::Status Watch(grpc::ServerContext* rpc, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;

 private:
  grpc::Status stream(grpc::ServerContext& rpc, const v1::WatchRequest& request,
                      grpc::ServerWriter<v1::WatchResponse>& writer);

  ServiceContext& context_;
  std::atomic<int> watchers_{0};
};

}  // namespace simplon::control
