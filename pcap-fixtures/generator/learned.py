# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What a PoP learns about dynamic tunnels, and tells about them: docs/protocols.md 7.4, 7.5 and 10.3 to 10.7 once
more, in Python. Times are nanoseconds of the captures' clock; `unix` and epochs seconds."""

import dataclasses
import ipaddress

SECOND = 1_000_000_000
KEEP = 128  # bytes of a packet in the ledger
SAMPLE_NS = SECOND // 100  # counts are exact, the rest is taken this often


def epoch_difference(a, b):
    """Signed, modulo 2^32."""
    return ((a - b + 2**31) & 0xffffffff) - 2**31


@dataclasses.dataclass
class Place:
    address: str
    port: int = 0
    local: str = "192.0.2.1"

    @property
    def transport(self):
        return "ayiya" if self.port else "proto41"

    def same(self, other):
        return (self.address, self.port, self.local) == (other.address, other.port, other.local)

    def text(self):
        return self.address + (f" port {self.port}" if self.port else "")


@dataclasses.dataclass
class Endpoint:
    place: Place
    up: bool
    verified: bool
    epoch: int
    seen: int  # seconds
    previous: bool = False


class Learned:
    """Endpoints, and what is told of them."""

    def __init__(self):
        self.endpoints = {}
        self.told = []
        self.replays = {}  # (tunnel, kind) -> [told at, pending, last line]
        self.moves = {}    # tunnel -> [window, moves, flapping, moved at, last line]

    # ---- The rule of docs/protocols.md 10.4.

    def learn(self, tunnel, place, epoch, now, previous=False):
        """What becomes of a datagram with a good signature: same, verified, up, moved or replayed."""
        known = self.endpoints.get(tunnel.id)
        epoch &= 0xffffffff
        seen = now // SECOND
        if known and known.place.same(place):
            newer = epoch_difference(epoch, known.epoch) > 0
            if newer:
                known.epoch = epoch
            known.seen = seen
            if newer or not known.up:
                known.previous = previous
            if not known.up:
                known.up, known.verified = True, False
                return "up"
            if newer and place.port and not known.verified:
                known.verified = True
                return "verified"
            return "same"
        if known and epoch_difference(epoch, known.epoch) <= 0:
            return "replayed"
        was_up = bool(known and known.up)
        self.endpoints[tunnel.id] = Endpoint(place, True, False, epoch, seen, previous)
        return "moved" if was_up else "up"

    # ---- Events, docs/protocols.md 10.7.

    def tell(self, now_unix_ns, kind, tunnel, rest):
        self.told.append(f"{line_time(now_unix_ns)} {kind} T{tunnel.id} {rest}")

    def tell_move(self, now, unix_ns, tunnel, place, old):
        rest = f"{place.transport} {place.text()}"
        state = self.moves.setdefault(tunnel.id, {"window": now, "moves": 0, "flapping": False})
        state.update(moved=now, last=(unix_ns, tunnel, rest))
        if state["flapping"]:
            state["moves"] += 1
            return
        if now - state["window"] >= 60 * SECOND:
            state.update(window=now, moves=0)
        state["moves"] += 1
        if state["moves"] <= 10:
            self.tell(unix_ns, "moved", tunnel, f"{rest} from {old.text()}")
            return
        self.tell(unix_ns, "flapping", tunnel, f"{rest} times {state['moves']}")
        state.update(flapping=True, moves=1)

    def is_flapping(self, tunnel):
        return self.moves.get(tunnel.id, {}).get("flapping", False)

    def tell_gathered(self, now, unix_ns, kind, tunnel, place):
        """Replays and refusals: the first at once, those of the next second together."""
        rest = f"{place.transport} {place.text()}"
        state = self.replays.setdefault((tunnel.id, kind), {"told": None, "pending": 0})
        if not state["pending"] and (state["told"] is None or now - state["told"] >= SECOND):
            state["told"] = now
            self.tell(unix_ns, kind, tunnel, rest)
            return
        state["pending"] += 1
        state["last"] = (unix_ns, kind, tunnel, rest)

    def tick(self, now):
        for state in self.replays.values():
            if state["pending"] and now - state["told"] >= SECOND:
                unix_ns, kind, tunnel, rest = state["last"]
                self.tell(unix_ns, kind, tunnel, rest + times(state["pending"]))
                state.update(told=now, pending=0)
        for state in self.moves.values():
            if state["flapping"] and now - state["moved"] >= 60 * SECOND:
                unix_ns, tunnel, rest = state["last"]
                self.tell(unix_ns, "settled", tunnel, rest + times(state["moves"]))
                state.update(flapping=False, moves=0, window=now)

    # ---- As simplon-pcap writes it.

    def endpoint_lines(self, slots):
        """`slots`: of tunnels by number."""
        for number, e in sorted(self.endpoints.items(), key=lambda item: slots[item[0]]):
            state = "down" if not e.up else "up verified" if e.verified else "up unverified"
            previous = " previous-password" if e.previous else ""
            yield (f"T{number} {state} {e.place.transport} {e.place.text()} local {e.place.local}{previous} "
                   f"epoch {e.epoch} seen {e.seen}")


def times(count):
    return f" times {count}" if count > 1 else ""


def line_time(unix_ns):
    return f"{unix_ns // SECOND}.{unix_ns % SECOND // 1000:06d}"


class Ledger:
    """What is booked on tunnels."""

    def __init__(self):
        self.entries, self.slots = {}, {}

    def book(self, tunnel, reason, unix_ns, packet, detail=0):
        count, last, *sample = self.entries.get((tunnel.id, reason), (0, None))
        if last is not None and unix_ns - last < SAMPLE_NS:
            self.entries[tunnel.id, reason] = (count + 1, last, sample[0], detail)
        else:
            self.entries[tunnel.id, reason] = (count + 1, unix_ns, packet, detail)
        self.slots[tunnel.id] = tunnel.slot

    def lines(self, order):
        """`order`: reasons as the segment numbers them."""
        for (number, reason), (count, unix_ns, packet, detail) in sorted(
                self.entries.items(), key=lambda item: (self.slots[item[0][0]], order[item[0][1]])):
            detail = f" detail {detail}" if detail else ""
            yield (f"T{number} {reason} {count} last {line_time(unix_ns)} from {source_of(packet)}{detail} "
                   f"length {len(packet)} {packet[:KEEP].hex()}")


def source_of(packet):
    """Outer source, with the port where it is UDP."""
    if packet[0] >> 4 == 4:
        address, size, protocol = ipaddress.IPv4Address(packet[12:16]), (packet[0] & 15) * 4, packet[9]
    else:
        address, size, protocol = ipaddress.IPv6Address(packet[8:24]), 40, packet[6]
    port = int.from_bytes(packet[size:size + 2], "big") if protocol == 17 and len(packet) >= size + 8 else 0
    return f"{address}" + (f" port {port}" if port else "")
