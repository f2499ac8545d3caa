// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/gre.h"

namespace simplon {

void classify_gre(Batch& batch, std::size_t index, std::size_t available) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  packet.encapsulation = Encapsulation::kGre;
  const auto* gre = packet.at<GreHeader>(packet.transport);
  if (available < sizeof(GreHeader)) {
    drop(context, batch.table, packet, DropReason::kGreMalformed);
    return;
  }
  const uint16_t flags = gre->flags.value();
  const uint16_t type = gre->protocol.value();
  const std::size_t header = gre_header_size(flags);
  // Bits 6 to 12 are ignored on receipt (RFC 2784 2.3).
  if ((flags & (kGreRefusedFlags | kGreVersion)) != 0 || header > available ||
      (type != kEtherTypeIpv6 && type != kEtherTypeIpv4)) {
    drop(context, batch.table, packet, DropReason::kGreMalformed);
    return;
  }
  if ((flags & kGreChecksum) != 0 &&
      checksum_fold(checksum_add(0, {packet.at<uint8_t>(packet.transport), available})) != 0xffff) {
    drop(context, batch.table, packet, DropReason::kGreBadChecksum);
    return;
  }
  packet.inner = static_cast<uint16_t>(packet.transport + header);
  if (type == kEtherTypeIpv6) {
    classify_inner_ipv6(batch, index, available - header);
  } else {
    classify_inner_ipv4(batch, index, available - header);
  }
}

}  // namespace simplon
