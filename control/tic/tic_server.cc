// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/tic/tic_server.h"

#include <fmt/format.h>

#include <utility>

#include "control/clock.h"
#include "control/store/credential.h"

namespace simplon::control {
namespace {

class ControlHost : public TicHost {
 public:
  ControlHost(ServiceContext& context, bool tls) : context_(context), tls_(tls) {}

  void read(const std::function<void(const Model&)>& look) const override {
    context_.engine.read([&](const Model& model, const Engine::Info&) { look(model); });
  }
  bool dataplane_connected() const override { return context_.publisher.connected(); }
  bool tls_available() const override { return tls_; }
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  int64_t unix_time_s() const override { return unix_now_ns() / 1'000'000'000; }
  std::string make_challenge() const override { return make_password(); }

  // Not make_change(): other clients need not wait until the dataplane has it.
  absl::Status set_remote(std::string_view account, uint32_t tunnel_id,
                          Ipv4Address remote) override {
    Engine::Call call;
    call.method = "TicSetEndpoint";
    call.comment = fmt::format("account {}", account);
    call.edit = [&](Editor& editor) -> absl::Status {
      const v1::Tunnel* tunnel = editor.model().find(tunnel_id);
      if (tunnel == nullptr || tunnel->account() != account ||
          tunnel->type() != v1::Tunnel::PROTO41) {
        return absl::FailedPreconditionError("no static tunnel of the account");
      }
      v1::Tunnel next = *tunnel;
      next.set_remote(remote.to_string());
      return editor.put_tunnel(next, "tunnel.").status();
    };
    return context_.engine.execute(std::move(call)).status();
  }

 private:
  ServiceContext& context_;
  const bool tls_;
};

LineServerOptions options(std::vector<std::string> listen, const TlsCertificate* certificate) {
  LineServerOptions options;
  options.name = "tic";
  options.listen = std::move(listen);
  options.max_line = TicSession::kMaxLine;
  options.busy_text = TicSession::busy();
  options.max_session = std::chrono::minutes(10);
  options.certificate = certificate;
  return options;
}

}  // namespace

TicServer::TicServer(ServiceContext& context, std::vector<std::string> listen,
                     const TlsCertificate* certificate)
    : host_(std::make_unique<ControlHost>(context, certificate != nullptr)),
      server_(options(std::move(listen), certificate), [this](const LinePeer& peer) {
        return std::make_unique<TicSession>(*host_, shared_, peer);
      }) {}

TicServer::~TicServer() {
  stop();
}

}  // namespace simplon::control
