// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA from clients (docs/protocols.md §8.6). In the order of what a check costs; the hashes of a
// burst are computed together. The key is hashed in place of the signature, not put there: whatever
// becomes of the packet, its bytes are those that were received.

#include <cstring>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/ayiya_send.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/packet_io.h"
#include "dataplane/table/endpoint_rules.h"

namespace simplon {
namespace {

using Candidate = AyiyaWorker::Candidate;

// A client further behind the newest epoch than this is refused where the tunnel is strict.
constexpr int32_t kStrictLag = 5;

AyiyaHeader& ayiya_of(Packet& packet) {
  return *packet.at<AyiyaHeader>(packet.transport + sizeof(UdpHeader));
}

std::size_t payload_of(const Packet& packet) {
  return packet.transport + sizeof(UdpHeader) + sizeof(AyiyaHeader);
}

// Bytes behind the AYIYA header.
std::size_t payload_length(const Packet& packet) {
  return packet.at<UdpHeader>(packet.transport)->length.value() - sizeof(UdpHeader) -
         sizeof(AyiyaHeader);
}

// ---- Step 1: the datagram is AYIYA, and names a tunnel. Starts fetching what is known of it.

bool find_tunnel(Batch& batch, uint8_t index, uint32_t& slot) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const std::size_t length = packet.at<UdpHeader>(packet.transport)->length.value();
  if (length < sizeof(UdpHeader) + sizeof(AyiyaHeader) || !is_ayiya_form(ayiya_of(packet)))
      [[unlikely]] {
    return drop(context, batch.table, packet, DropReason::kAyiyaMalformed);
  }
  const SnapshotView& view = batch.table.snapshot;
  const Ipv6Address& identity = ayiya_of(packet).tunnel;
  const PoolLookup found = view.lookup(identity.hi());
  slot = found.kind == PoolKind::kLink && identity.lo() == 2 ? view.resolve(found) : kNoSlot;
  if (slot == kNoSlot) [[unlikely]] {
    return drop(context, batch.table, packet, DropReason::kTunnelUnknown);
  }
  __builtin_prefetch(view.slots() + slot);
  context.runtime.prefetch(slot);
  // The beginning of what will be hashed; the processor goes on by itself.
  const uint8_t* payload = packet.at<uint8_t>(packet.transport);
  for (std::size_t line = 1; line <= 4 && 64 * line < length; ++line) {
    __builtin_prefetch(payload + 64 * line);
  }
  return true;
}

// ---- Step 2: what can be known without a hash.

bool check_tunnel_takes_ayiya(Batch& batch, Packet& packet, uint32_t number) {
  const TunnelSlot& slot = batch.table.snapshot.slot(number);
  const auto kind = static_cast<TunnelKind>(slot.kind);
  if (kind == TunnelKind::kUnused) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelUnknown);
  }
  packet.blame = number;
  // No password, no tunnel: a key of zeroes is everybody's.
  if (!takes_ayiya(kind) || !has_secret(slot) || number >= batch.context.runtime.capacity())
      [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kAyiyaNotAllowed);
  }
  if ((slot.flags & kTunnelEnabled) == 0) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelDisabled);
  }
  return true;
}

// Exact lengths: behind a payload whose end is not its own word, a hash with the key in the middle
// could be gone on with by whoever knows the signature.
bool check_ipv6_payload(Batch& batch, Packet& packet, std::size_t length) {
  const auto* ip = packet.at<Ipv6Header>(payload_of(packet));
  if (length > 0 && *packet.at<uint8_t>(payload_of(packet)) >> 4 != 6) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kInnerNotIpv6);
  }
  if (length < sizeof(Ipv6Header) || sizeof(Ipv6Header) + ip->payload_length.value() != length)
      [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kInnerMalformed);
  }
  return true;
}

bool check_ipv4_payload(Batch& batch, Packet& packet, std::size_t length) {
  const auto* ip = packet.at<Ipv4Header>(payload_of(packet));
  if (length > 0 && *packet.at<uint8_t>(payload_of(packet)) >> 4 != 4) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kInnerNotIpv4);
  }
  if (length < sizeof(Ipv4Header) || ip->header_length() < sizeof(Ipv4Header) ||
      ip->total_length.value() != length) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kInnerMalformed);
  }
  if (!batch.ipv4_is_routed) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kIpv4NotEnabled);
  }
  return true;
}

bool check_payload(Batch& batch, Packet& packet) {
  const AyiyaHeader& header = ayiya_of(packet);
  const AyiyaOperation operation = operation_of(header);
  const bool forwards =
      operation == AyiyaOperation::kForward || operation == AyiyaOperation::kEchoRequestForward;
  const std::size_t length = payload_length(packet);
  if (header.next_header == kProtocolNoNext ? forwards : operation == AyiyaOperation::kNoOperation)
      [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kAyiyaBadNextHeader);
  }
  switch (header.next_header) {
    [[likely]] case kProtocolIpv6 : return check_ipv6_payload(batch, packet, length);
    case kProtocolIpv4:
      return check_ipv4_payload(batch, packet, length);
    case kProtocolNoNext:
      if (length == 0) return true;
      return drop(batch.context, batch.table, packet, DropReason::kInnerMalformed);
    default:
      return drop(batch.context, batch.table, packet, DropReason::kAyiyaBadNextHeader);
  }
}

bool check_clock(Batch& batch, Packet& packet, bool from_endpoint) {
  const BurstTime& time = batch.context.time;
  const uint32_t epoch = ayiya_of(packet).epoch.value();
  if (within_skew(epoch, time.unix_s())) [[likely]]
    return true;
  // Whether the PoP's clock was wrong before it jumped or is now, who is there already may stay.
  if (from_endpoint && time.unix_before_step_s != 0 &&
      within_skew(epoch, time.unix_before_step_s)) {
    return true;
  }
  packet.detail = epoch_difference(epoch, time.unix_s());
  return drop(batch.context, batch.table, packet, DropReason::kAyiyaClockSkew);
}

bool check_cheaply(Batch& batch, Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  WorkerContext& context = batch.context;
  if (!check_tunnel_takes_ayiya(batch, packet, candidate.slot) || !check_payload(batch, packet)) {
    return false;
  }
  Endpoint& from = candidate.from;
  from = {};
  from.address = outer_source(packet);
  from.port = packet.at<UdpHeader>(packet.transport)->source_port.value();
  from.transport = Transport::kAyiya;
  from.local_index = batch.table.links.local_index(outer_destination(packet));
  if (from.local_index == kNoLocalIndex) [[unlikely]] {
    // An address of an interface: no tunnel ends there, and none could be answered from it.
    return drop(context, batch.table, packet, DropReason::kOuterDestinationMismatch);
  }
  const TunnelSlot& slot = batch.table.snapshot.slot(candidate.slot);
  candidate.from_endpoint = context.runtime.is_at(candidate.slot, slot.incarnation, from);
  if (!check_clock(batch, packet, candidate.from_endpoint)) return false;

  HashBudget& budget = context.ayiya->budget;
  candidate.payment = candidate.from_endpoint
                          ? budget.pay_as_endpoint(candidate.slot, context.now_ns)
                          : budget.pay_as_stranger(from.address, context.now_ns);
  if (!candidate.payment) [[unlikely]] {
    return drop(context, batch.table, packet, DropReason::kAyiyaPoliced);
  }
  return true;
}

// ---- Step 3: signatures.

void hash(Batch& batch, std::span<Candidate> candidates, bool previous) {
  const SnapshotView& view = batch.table.snapshot;
  AyiyaWorker& worker = *batch.context.ayiya;
  unsigned count = 0;
  for (Candidate& candidate : candidates) {
    if (previous && !candidate.from.previous_secret) continue;
    Packet& packet = batch.packets[candidate.index];
    const uint8_t* key =
        previous ? view.cold(candidate.slot)->previous_sha1 : view.slot(candidate.slot).secret_sha1;
    worker.jobs[count++] = {packet.at<uint8_t>(packet.transport + sizeof(UdpHeader)),
                            sizeof(AyiyaHeader) + payload_length(packet), candidate.digest.data(),
                            key};
  }
  worker.sha1().run(std::span(worker.jobs).first(count));
}

bool is_signed(Batch& batch, const Candidate& candidate) {
  const AyiyaHeader& header = ayiya_of(batch.packets[candidate.index]);
  return same_20_bytes(header.signature.data(), candidate.digest.data());
}

// The password before this one is asked where there is one.
bool try_previous(Batch& batch, std::span<Candidate> candidates) {
  const SnapshotView& view = batch.table.snapshot;
  bool any = false;
  for (Candidate& candidate : candidates) {
    const TunnelSlot& slot = view.slot(candidate.slot);
    if ((slot.options & kTunnelOptionRotation) == 0 || is_signed(batch, candidate)) continue;
    if (view.cold(candidate.slot) == nullptr) continue;
    candidate.from.previous_secret = true;
    any = true;
  }
  return any;
}

// ---- Step 4: what a good signature is worth.

void note(Batch& batch, const Candidate& candidate, TunnelEventKind kind, const Endpoint& before,
          uint8_t detail = 0) {
  WorkerContext& context = batch.context;
  TunnelEvent event{};
  event.unix_ns = context.time.unix_ns;
  event.slot = candidate.slot;
  event.kind = static_cast<uint8_t>(kind);
  event.incarnation = batch.table.snapshot.slot(candidate.slot).incarnation;
  event.transport = static_cast<uint8_t>(Transport::kAyiya);
  event.detail = detail;
  event.port = candidate.from.port;
  event.old_port = before.port;
  event.count = 1;
  std::memcpy(event.address, candidate.from.address.bytes.data(), sizeof event.address);
  std::memcpy(event.old_address, before.address.bytes.data(), sizeof event.old_address);
  if (context.notes == nullptr || !context.notes->push(event)) {
    context.counters.add(WorkerCounter::kNotesLost);
  }
}

Learned learn(Batch& batch, const Candidate& candidate, uint32_t epoch) {
  const uint8_t incarnation = batch.table.snapshot.slot(candidate.slot).incarnation;
  RuntimeTable& runtime = batch.context.runtime;
  Learned learned = Learned::kBusy;
  // Another worker is at the same record, for a few instructions.
  for (int n = 0; n < 8 && learned == Learned::kBusy; ++n) {
    learned = runtime.learn(candidate.slot, incarnation, candidate.from, epoch,
                            batch.context.time.boot_s);
  }
  return learned;
}

[[gnu::cold, gnu::noinline]] bool refuse(Batch& batch, const Candidate& candidate,
                                         TunnelEventKind kind, DropReason reason,
                                         const Endpoint& present) {
  note(batch, candidate, kind, present);
  return drop(batch.context, batch.table, batch.packets[candidate.index], reason);
}

// False: not taken after all, though well signed.
[[gnu::noinline]] bool learn_from(Batch& batch, const Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  WorkerContext& context = batch.context;
  const SnapshotView& view = batch.table.snapshot;
  const TunnelSlot& slot = view.slot(candidate.slot);
  const uint32_t epoch = ayiya_of(packet).epoch.value();
  // Anew for who comes from elsewhere: an earlier packet of the burst may have moved it here.
  const Endpoint before = candidate.from_endpoint
                              ? candidate.from
                              : context.runtime.load(candidate.slot, slot.incarnation);
  const bool same = before.known() && before.same_place(candidate.from);
  if (!same && (candidate.from.port == 0 || !is_possible_endpoint(view, candidate.from.address)))
      [[unlikely]] {
    return refuse(batch, candidate, TunnelEventKind::kRefused, DropReason::kEndpointInvalid,
                  before);
  }
  if ((slot.options & kTunnelOptionStrictReplay) != 0) {
    const uint32_t highest = context.runtime.highest_epoch(candidate.slot, slot.incarnation);
    if (highest != 0 && epoch_difference(epoch, highest) < -kStrictLag) [[unlikely]] {
      return refuse(batch, candidate, TunnelEventKind::kReplayed, DropReason::kAyiyaReplayed,
                    before);
    }
  }
  switch (learn(batch, candidate, epoch)) {
    [[likely]] case Learned::kSame : break;
    case Learned::kVerified:
      context.counters.add(WorkerCounter::kEndpointsVerified);
      note(batch, candidate, TunnelEventKind::kVerified, {},
           static_cast<uint8_t>(VerifiedBy::kLaterEpoch));
      break;
    case Learned::kUp:
      context.counters.add(WorkerCounter::kTunnelsUp);
      note(batch, candidate, TunnelEventKind::kUp, before);
      break;
    case Learned::kMoved:
      context.counters.add(WorkerCounter::kEndpointMoves);
      note(batch, candidate, TunnelEventKind::kMoved, before);
      break;
    case Learned::kBusy:
      // Too busy to tell whether it is newer: only from where the client is known to be.
      if (same) break;
      [[fallthrough]];
    case Learned::kReplayed:
      return refuse(batch, candidate, TunnelEventKind::kReplayed, DropReason::kAyiyaReplayed,
                    before);
  }
  return true;
}

bool take_sign_of_life(Batch& batch, const Candidate& candidate) {
  WorkerContext& context = batch.context;
  const TunnelSlot& slot = batch.table.snapshot.slot(candidate.slot);
  const uint32_t epoch = ayiya_of(batch.packets[candidate.index]).epoch.value();
  const bool old_news = candidate.from_endpoint &&
                        (slot.options & kTunnelOptionStrictReplay) == 0 &&
                        context.runtime.is_old_news(candidate.slot, epoch, context.time.boot_s);
  if (!old_news && !learn_from(batch, candidate)) [[unlikely]]
    return false;
  context.counters.add(WorkerCounter::kAyiyaAccepted);
  return true;
}

// ---- Step 5: what the client wants.

// The request becomes its own answer.
[[gnu::cold, gnu::noinline]] void answer_echo(Batch& batch, const Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  WorkerContext& context = batch.context;
  const uint8_t next_header = ayiya_of(packet).next_header;
  packet.inner = static_cast<uint16_t>(payload_of(packet));
  packet.inner_length = static_cast<uint16_t>(payload_length(packet));
  packet.truncate(std::size_t{packet.inner} + packet.inner_length);
  packet.originated = true;
  context.counters.add(WorkerCounter::kConsumed);
  context.counters.add(WorkerCounter::kOriginated);
  const TunnelSlot& slot = batch.table.snapshot.slot(candidate.slot);
  const AyiyaFrame frame{slot, candidate.from, static_cast<uint8_t>(slot.outer_dscp << 2),
                         AyiyaOperation::kEchoResponse, next_header};
  const NextHop next_hop = route_to(batch.table, candidate.from);
  if (const uint8_t* key = put_ayiya_headers(context, batch.table, packet, frame, next_hop)) {
    context.ayiya->to_sign[candidate.index] = {key, next_hop};
    batch.unsigned_packets[batch.unsigned_count++] = candidate.index;
  }
}

// The request goes on; its answer needs a buffer of its own, and is not given where there is none.
[[gnu::cold, gnu::noinline]] void answer_echo_aside(Batch& batch, const Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  WorkerContext& context = batch.context;
  Packet answer;
  if (context.io == nullptr || !context.io->allocate(answer)) return;
  const std::size_t length = payload_length(packet);
  if (answer.tailroom < length || answer.headroom < kRequiredHeadroom) {
    context.io->release(answer);
    return;
  }
  context.counters.add(WorkerCounter::kOriginated);
  std::memcpy(answer.data, packet.at<uint8_t>(payload_of(packet)), length);
  answer.length = static_cast<uint16_t>(length);
  answer.tailroom = static_cast<uint16_t>(answer.tailroom - length);
  answer.inner_length = static_cast<uint16_t>(length);
  answer.originated = true;
  const TunnelSlot& slot = batch.table.snapshot.slot(candidate.slot);
  const AyiyaFrame frame{slot, candidate.from, static_cast<uint8_t>(slot.outer_dscp << 2),
                         AyiyaOperation::kEchoResponse, ayiya_of(packet).next_header};
  const NextHop next_hop = route_to(batch.table, candidate.from);
  if (const uint8_t* key = put_ayiya_headers(context, batch.table, answer, frame, next_hop)) {
    const Sha1Job job = ayiya_signature_job(answer, key);
    context.ayiya->sha1().run({&job, 1});
    NextHopMemo memo;
    send_signed(context, batch.table, answer, next_hop, memo);
  }
  if (answer.verdict == Verdict::kTransmit) {
    context.io->transmit(answer);
    return;
  }
  // Nobody waits here for a neighbour, or cuts it to pieces.
  if (answer.verdict == Verdict::kPunt) {
    context.counters.drop(answer.punt_class == PuntClass::kOversize ? DropReason::kReplyTooBig
                                                                    : DropReason::kNoNeighbor);
  }
  context.io->release(answer);
}

void forward(Batch& batch, const Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  packet.in_slot = candidate.slot;
  packet.blame = kNoSlot;  // from here on it may be another tunnel's fault
  packet.encapsulation = Encapsulation::kAyiya;
  packet.inner = static_cast<uint16_t>(payload_of(packet));
  if (ayiya_of(packet).next_header == kProtocolIpv6) {
    classify_inner_ipv6(batch, candidate.index, payload_length(packet));
  } else {
    classify_inner_ipv4(batch, candidate.index, payload_length(packet));
  }
}

void serve(Batch& batch, Candidate& candidate) {
  Packet& packet = batch.packets[candidate.index];
  WorkerContext& context = batch.context;
  if (!is_signed(batch, candidate)) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kAyiyaBadSignature);
    return;
  }
  context.ayiya->budget.give_back(candidate.payment);
  const AyiyaOperation operation = operation_of(ayiya_of(packet));
  if (operation > AyiyaOperation::kEchoRequestForward) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kAyiyaIgnored);
    return;
  }
  if (!take_sign_of_life(batch, candidate)) return;
  switch (operation) {
    case AyiyaOperation::kNoOperation:
      packet.verdict = Verdict::kConsumed;
      context.counters.add(WorkerCounter::kConsumed);
      return;
    case AyiyaOperation::kEchoRequest:
      answer_echo(batch, candidate);
      return;
    case AyiyaOperation::kEchoRequestForward:
      answer_echo_aside(batch, candidate);
      break;
    default:
      break;
  }
  forward(batch, candidate);
}

}  // namespace

void ayiya_receive(Batch& batch) {
  const unsigned received = batch.ayiya_count;
  batch.ayiya_count = 0;
  if (!has_ayiya(batch.context)) [[unlikely]] {
    for (unsigned n = 0; n < received; ++n) {
      drop(batch.context, batch.table, batch.packets[batch.ayiya[n]], DropReason::kAyiyaNotAllowed);
    }
    return;
  }
  AyiyaWorker& worker = *batch.context.ayiya;
  unsigned found = 0;
  for (unsigned n = 0; n < received; ++n) {
    Candidate& candidate = worker.candidates[found];
    candidate.index = batch.ayiya[n];
    found += find_tunnel(batch, candidate.index, candidate.slot);
  }
  unsigned count = 0;
  for (unsigned n = 0; n < found; ++n) {
    Candidate& candidate = worker.candidates[count];
    candidate.index = worker.candidates[n].index;
    candidate.slot = worker.candidates[n].slot;
    count += check_cheaply(batch, candidate);
  }
  const std::span<Candidate> candidates = std::span(worker.candidates).first(count);
  hash(batch, candidates, /*previous=*/false);
  if (try_previous(batch, candidates)) [[unlikely]] {
    hash(batch, candidates, /*previous=*/true);
  }
  for (Candidate& candidate : candidates) serve(batch, candidate);
}

}  // namespace simplon
