// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/message.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control/cli/call_error.h"

namespace simplon::cli {

// What a changing call said in its trailing metadata (see proto/simplon/v1/common.proto).
struct PublishNote {
  uint64_t revision = 0;  // 0: not said
  std::string state;      // a PublishStatus.State; empty: not said
  std::string message;
};

// Calls simplon-control. Not for several threads. Knows nothing of the services: methods are found
// by name in the descriptors linked into the program.
class Client {
 public:
  // `server`: "unix:/run/simplon/admin.sock", "/run/simplon/admin.sock" or "host:port".
  // Does not connect before the first call.
  Client(const std::string& server, std::chrono::milliseconds timeout);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // client.call<Tunnel>("TunnelService.GetTunnel", request). Throws Failure where the call fails.
  template <class Response>
  Response call(const char* method, const google::protobuf::Message& request) {
    Response response;
    call(method, request, response);
    return response;
  }
  void call(const char* method, const google::protobuf::Message& request,
            google::protobuf::Message& response);

  // A stream of answers, without a deadline: `take` is called after each has been read into
  // `response` and returns whether to go on; `stop` is asked several times a second. Returns at the
  // end; throws Failure where the stream breaks.
  void stream(const char* method, const google::protobuf::Message& request,
              google::protobuf::Message& response, const std::function<bool()>& take,
              const std::function<bool()>& stop);

  // Of the last call.
  const PublishNote& note() const { return note_; }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

 private:
  struct Connection;  // keeps gRPC's headers out of the commands

  [[noreturn]] void fail(const CallError& error) const;

  std::string server_;
  std::chrono::milliseconds timeout_;
  PublishNote note_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace simplon::cli
