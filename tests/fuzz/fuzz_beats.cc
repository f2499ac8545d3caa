// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Datagrams to the heartbeat port: the parser alone, and the whole way through worker and slow
// path. What must hold: nothing is read beyond the datagram (sanitizer), what the parser takes is
// what was sent, and no endpoint changes without a digest made with the password.
//
// An input is a sequence of beats: a byte that says where from (bits 0..1), whether the digest is
// put right first (bit 2), how much time goes by (bits 3..7, in seconds), a byte of length, the
// datagram.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

#include "dataplane/crypto/md5.h"
#include "dataplane/net/heartbeat.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr uint8_t kRepair = 4;
constexpr std::string_view kSources[] = {"203.0.113.7", "203.0.113.8", "2001:db8:9::7", "10.0.0.1"};

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

std::string hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// In memory of exactly its size.
std::optional<Heartbeat> parse_exact(const std::string& text, std::string& signed_text) {
  const auto exact = std::make_unique<uint8_t[]>(text.size());
  std::copy(text.begin(), text.end(), exact.get());
  const auto beat = parse_heartbeat({exact.get(), text.size()});
  if (beat) signed_text = beat->signed_text;
  return beat;
}

// Puts the digest right, where the text is such that there is one.
void repair(std::string& text) {
  const std::size_t space = text.rfind(' ');
  if (space == std::string::npos) return;
  text.resize(space + 1);
  text += hex(md5(text, kPassword));
}

void try_beat(SlowPathBed& bed, const std::string& text, std::string_view source) {
  std::string signed_text;
  const auto beat = parse_exact(text, signed_text);
  bool good = false;
  if (beat) {
    const std::string whole = signed_text + hex(beat->digest);
    must(text.starts_with(whole), "the parser has made something up");
    must(std::all_of(text.begin() + static_cast<std::ptrdiff_t>(whole.size()), text.end(),
                     [](char c) { return c == '\r' || c == '\n' || c == '\0'; }),
         "the parser has left something out");
    good = md5(signed_text, kPassword) == beat->digest;
  }
  Endpoint before[16];
  for (uint32_t slot = 0; slot < 16; ++slot) before[slot] = bed.endpoint(slot);
  const uint64_t accepted = bed.counter(WorkerCounter::kBeatsAccepted);
  bed.receive_beat(text, source, Ipv4Address::parse(source) ? "192.0.2.1" : "2001:db8:a::1");
  const bool taken = bed.counter(WorkerCounter::kBeatsAccepted) != accepted;
  must(!taken || good, "a beat without a good digest was taken");
  for (uint32_t slot = 0; slot < 16; ++slot) {
    const Endpoint now = bed.endpoint(slot);
    must(taken || (now.same_place(before[slot]) && now.up == before[slot].up),
         "an endpoint changed by a beat that was not taken");
  }
  bed.sent.clear();
  bed.events.clear();
}

std::vector<uint8_t> step(uint8_t what, std::string_view text) {
  std::vector<uint8_t> bytes{what, static_cast<uint8_t>(text.size())};
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

}  // namespace
}  // namespace simplon::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon::test;
  std::span<const uint8_t> rest(data, size);
  SlowPathBed bed;
  while (rest.size() >= 2) {
    const uint8_t what = rest[0];
    const std::size_t length = std::min<std::size_t>(rest[1], rest.size() - 2);
    std::string text(reinterpret_cast<const char*>(rest.data() + 2), length);
    rest = rest.subspan(2 + length);
    bed.now += (what >> 3) * kSecond;
    if ((what & kRepair) != 0) repair(text);
    try_beat(bed, text, kSources[what & 3]);
    if ((what >> 3) != 0) bed.tick();
  }
  return 0;
}

namespace simplon::fuzz {

std::vector<std::vector<uint8_t>> seeds() {
  using namespace simplon::test;
  std::vector<std::vector<uint8_t>> all;
  const std::string now = "1700000000";
  for (const std::string& text : std::vector<std::string>{
           "HEARTBEAT TUNNEL 2001:db8:ff:7::2 sender " + now + " x",
           "HEARTBEAT TUNNEL 2001:DB8:FF:8::2 203.0.113.7 1700000001 x",
           "HEARTBEAT TUNNEL 2001:db8:ff:7::2 2001:db8:9::7 1700000090 x",
           "HEARTBEAT TUNNEL 2001:db8:1002::1 sender 18446744073709551615 x",
           "HEARTBEAT TUNNEL 2001:db8:ff:9::2 sender " + now + " x",
           "HEARTBEAT TUNNEL 0:ffff::1 sender 0 x",
           "",
           "\n",
           "HEARTBEAT TUNNEL ",
           SlowPathBed::beat_text("2001:db8:ff:7::2", "sender", 1'700'000'000) + "\r\n",
       }) {
    for (const uint8_t what : std::initializer_list<uint8_t>{0, 4, 5, 6, 7, 12})
      all.push_back(step(what, text));
  }
  return all;
}

}  // namespace simplon::fuzz
