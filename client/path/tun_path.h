// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A tunnel whose packets this process moves, between a tun device and a socket.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "client/path/codec.h"
#include "client/path/outer_socket.h"
#include "client/path/path_loop.h"

namespace simplon::client {

class TunPath final : public PathLoop {
 public:
  TunPath(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop);

  absl::Status up() override;
  void down() override;
  std::string kind() const override;

 protected:
  bool send_beat() override;
  void address_changed() override;
  int packets_in() const override { return outer_.descriptor(); }
  int packets_out() const override { return tun_.get(); }
  void on_packets_in() override;
  void on_packets_out() override;

 private:
  absl::Status make_device();
  uint32_t mtu() const;
  void adjust_mtu();
  void sending_failed(int error);

  const bool is_ayiya_;
  std::unique_ptr<Codec> codec_;
  AyiyaCodec* ayiya_ = nullptr;  // codec_, where it is one
  OuterSocket outer_;
  uint32_t device_mtu_ = 0;
  FileDescriptor tun_;
  std::array<std::array<uint8_t, OuterSocket::kMaxDatagram>, OuterSocket::kBatch> buffers_;
};

}  // namespace simplon::client
