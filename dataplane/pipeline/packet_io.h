// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/pipeline/packet.h"

namespace simplon {

// Buffers and the way out, given by the front end: for whoever makes packets, which is the slow
// path, and a worker only for the one answer that cannot be written into the request. One thread.
class PacketIo {
 public:
  virtual ~PacketIo() = default;

  // A fresh buffer: `data` set, length 0, headroom at least kRequiredHeadroom, tailroom at
  // least 2000. False: none free.
  virtual bool allocate(Packet& packet) = 0;

  // Takes a packet with verdict kTransmit; counts tx_packets, or the drop if the port does not take
  // it.
  virtual void transmit(Packet& packet) = 0;

  // Frees the buffer.
  virtual void release(Packet& packet) = 0;
};

}  // namespace simplon
