// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What all paths have in common: one thread that waits for packets, for the time of the next beat,
// for a change of this host's addresses, and for stop(). It sleeps in between, whatever interval
// the broker says and however often addresses change.

#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "client/path/health.h"
#include "client/settings.h"
#include "client/tunnel_info.h"
#include "client/tunnel_path.h"
#include "dataplane/state/file_descriptor.h"

namespace simplon::client {

// Seconds between beats: what the broker says, within 5..3600. AYIYA: no NAT forgets us in it.
uint32_t beat_interval_s(const TunnelInfo& tunnel);

class PathLoop : public TunnelPath {
 public:
  absl::Status run() final;
  void stop() final;
  std::string device() const override { return settings_.interface; }
  int64_t last_beat() const final { return health_.last_beat(); }
  PathHealth health() const final { return health_.read(); }

 protected:
  PathLoop(const TunnelInfo& tunnel, const Settings& settings, Ipv4Address pop,
           bool expects_packets);

  // One beat; false: it did not go out, and why is in health().
  virtual bool send_beat();
  // Our outer address has changed, or sending failed. packets_in() may be another afterwards.
  virtual void address_changed() {}
  // Descriptors to wait for, -1 for none, and what to do when they can be read.
  virtual int packets_in() const { return -1; }
  virtual int packets_out() const { return -1; }
  virtual void on_packets_in() {}
  virtual void on_packets_out() {}

  // Packets cannot be sent as things are: looks for another way, soon and seldom.
  void find_another_way();

  const TunnelInfo tunnel_;
  const Settings settings_;
  const Ipv4Address pop_;
  Health health_;

 private:
  absl::Status open();
  bool watch(int descriptor);
  void drain_address_events();
  void on_timer();
  void check_address_soon();
  void check_address();
  void beat();
  // Sends protocol 41 to the PoP before the PoP is told where to send it. A NAT lets in what
  // answers something that went out; but a packet of the PoP's that came first it takes for its
  // own, and then has no room for ours while those go on coming. Each beat keeps it open. Where it
  // may not (no CAP_NET_RAW, and others move the packets), there are the beats alone.
  void open_nat();
  // 0 or the errno.
  int send_once(int type, int protocol, uint16_t port, std::span<const uint8_t> bytes);
  void set_timer();

  const bool beats_;
  FileDescriptor stop_;  // an eventfd
  std::atomic<bool> stopping_ = false;
  FileDescriptor poller_;
  FileDescriptor timer_;
  FileDescriptor address_events_;
  // Nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps: what is overdue when it
  // wakes up is done at once.
  int64_t next_beat_ = 0;
  int64_t next_check_ = 0;
  int64_t last_check_ = 0;
  unsigned beats_in_a_row_ = 0;
  std::optional<Ipv4Address> source_;
};

}  // namespace simplon::client
