// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/packet_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace simplon::cli {
namespace {

constexpr unsigned kIcmpv4 = 1;
constexpr unsigned kIpv4InIp = 4;
constexpr unsigned kTcp = 6;
constexpr unsigned kUdp = 17;
constexpr unsigned kIpv6InIp = 41;
constexpr unsigned kFragment = 44;
constexpr unsigned kGre = 47;
constexpr unsigned kIcmpv6 = 58;
constexpr unsigned kNoNext = 59;
constexpr unsigned kDestinationOptions = 60;
constexpr unsigned kHeartbeatPort = 3740;
constexpr unsigned kAyiyaPort = 5072;
constexpr unsigned kEtherTypeIpv4 = 0x0800;
constexpr unsigned kEtherTypeIpv6 = 0x86dd;

// What is left of the packet; reading beyond the end ends the text, not the program.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  bool has(std::size_t bytes) const { return data_.size() >= bytes; }
  std::size_t size() const { return data_.size(); }
  void skip(std::size_t bytes) { data_.remove_prefix(std::min(bytes, data_.size())); }
  void cut(std::size_t bytes) { data_ = data_.substr(0, bytes); }
  std::string_view rest() const { return data_; }
  // has() has been asked.
  unsigned u8(std::size_t at) const { return static_cast<unsigned char>(data_[at]); }
  unsigned u16(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  // A length counted in units of so many bytes.
  std::size_t units(std::size_t at, std::size_t bytes) const { return u8(at) * bytes; }
  uint32_t u32(std::size_t at) const { return uint32_t{u16(at)} << 16 | u16(at + 2); }
  std::string address(std::size_t at, int family) const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::size_t length = family == AF_INET ? 4 : 16;
    const std::string bytes(data_.substr(at, length));
    return inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr ? "?" : text.data();
  }

 private:
  std::string_view data_;
};

void add_ip(std::string& out, Reader in, int depth);

void add(std::string& out, const std::string& part) {
  out += (out.empty() ? "" : ", ") + part;
}

void add_cut(std::string& out) {
  add(out, "cut off here");
}

// What can be shown of text somebody else sent.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c >= 0x20 && c < 0x7f && c != '"' ? c : '.';
  return out + "\"";
}

std::string epoch_text(uint32_t epoch) {
  const std::time_t seconds = epoch;
  std::tm parts{};
  std::array<char, 32> buffer{};
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &parts) == 0)
    return std::to_string(epoch);
  return std::to_string(epoch) + " (" + buffer.data() + " UTC)";
}

void add_ayiya(std::string& out, Reader in, int depth) {
  constexpr std::size_t kHeader = 44;
  constexpr std::array<const char*, 7> kOperations = {
      "no operation",       "forward", "echo request", "echo request and forward", "echo response",
      "message of the day", "query"};
  if (!in.has(24)) return add(out, "AYIYA"), add_cut(out);
  if (in.u8(0) != 0x41 || in.u8(1) != 0x52 || in.u8(2) >> 4 != 1)
    return add(out, "not AYIYA as clients send it");
  const unsigned operation = in.u8(2) & 15;
  const unsigned next = in.u8(3);
  add(out, std::string("AYIYA ") +
               (operation < kOperations.size() ? kOperations[operation] : "unknown operation") +
               " identity " + in.address(8, AF_INET6) + " time " + epoch_text(in.u32(4)));
  if (!in.has(kHeader)) return add_cut(out);
  in.skip(kHeader);
  if (next == kIpv6InIp || next == kIpv4InIp) add_ip(out, in, depth + 1);
}

void add_gre(std::string& out, Reader in, int depth) {
  if (!in.has(4)) return add(out, "GRE"), add_cut(out);
  const unsigned flags = in.u16(0);
  const unsigned type = in.u16(2);
  std::string text = "GRE";
  std::size_t length = 4;
  if ((flags & 0x8000) != 0) text += " with checksum", length += 4;
  if ((flags & 0x2000) != 0) {
    if (in.has(length + 4)) text += " key " + std::to_string(in.u32(length));
    length += 4;
  }
  if ((flags & 0x1000) != 0) {
    if (in.has(length + 4)) text += " sequence " + std::to_string(in.u32(length));
    length += 4;
  }
  add(out, text);
  if (!in.has(length)) return add_cut(out);
  in.skip(length);
  if (type == kEtherTypeIpv4 || type == kEtherTypeIpv6) add_ip(out, in, depth + 1);
}

void add_udp(std::string& out, Reader in, int depth) {
  if (!in.has(8)) return add(out, "UDP"), add_cut(out);
  const unsigned source = in.u16(0);
  const unsigned destination = in.u16(2);
  add(out, "UDP " + std::to_string(source) + " > " + std::to_string(destination));
  in.skip(8);
  if (destination == kHeartbeatPort) add(out, quoted(in.rest()));
  if (destination == kAyiyaPort || source == kAyiyaPort) add_ayiya(out, in, depth);
}

void add_transport(std::string& out, unsigned protocol, Reader in, int depth) {
  switch (protocol) {
    case kIpv6InIp:
    case kIpv4InIp:
      return add_ip(out, in, depth + 1);
    case kGre:
      return add_gre(out, in, depth);
    case kUdp:
      return add_udp(out, in, depth);
    case kTcp:
      return add(out, in.has(4)
                          ? "TCP " + std::to_string(in.u16(0)) + " > " + std::to_string(in.u16(2))
                          : "TCP");
    case kIcmpv4:
    case kIcmpv6: {
      const std::string name = protocol == kIcmpv4 ? "ICMPv4" : "ICMPv6";
      if (!in.has(2)) return add(out, name);
      add(out, name + " type " + std::to_string(in.u8(0)) + " code " + std::to_string(in.u8(1)));
      // An error quotes the packet it is about.
      const bool error = protocol == kIcmpv4 ? in.u8(0) == 3 || in.u8(0) == 11 : in.u8(0) < 128;
      in.skip(8);
      if (error && in.has(1)) add(out, "about"), add_ip(out, in, depth + 1);
      return;
    }
    case kNoNext:
      return add(out, "no payload");
    case kDestinationOptions:
      add(out, "destination options");
      if (!in.has(2) || !in.has(in.units(1, 8) + 8)) return add_cut(out);
      {
        const unsigned next = in.u8(0);
        in.skip(in.units(1, 8) + 8);
        return add_transport(out, next, in, depth + 1);
      }
    case kFragment:
      return add(out, "fragment");
    default:
      add(out, "protocol " + std::to_string(protocol));
  }
}

void add_ip(std::string& out, Reader in, int depth) {
  constexpr int kDeepest = 6;
  if (depth > kDeepest) return;
  if (!in.has(1)) return add_cut(out);
  const unsigned version = in.u8(0) >> 4;
  if (version == 4) {
    if (!in.has(20)) return add(out, "IPv4"), add_cut(out);
    add(out, in.address(12, AF_INET) + " > " + in.address(16, AF_INET) + " length " +
                 std::to_string(in.u16(2)));
    const unsigned protocol = in.u8(9);
    const unsigned offset = in.u16(6) & 0x1fff;
    const std::size_t header = std::size_t{in.u8(0) & 15u} * 4;
    if (header < 20) return add(out, "a header of " + std::to_string(header) + " bytes");
    if (offset != 0)
      return add(out, "fragment at " + std::to_string(offset * 8) + " of protocol " +
                          std::to_string(protocol));
    in.cut(std::max<std::size_t>(in.u16(2), header));
    in.skip(header);
    return add_transport(out, protocol, in, depth);
  }
  if (version == 6) {
    if (!in.has(40)) return add(out, "IPv6"), add_cut(out);
    add(out, in.address(8, AF_INET6) + " > " + in.address(24, AF_INET6) + " payload " +
                 std::to_string(in.u16(4)));
    const unsigned next = in.u8(6);
    in.cut(40 + std::size_t{in.u16(4)});
    in.skip(40);
    return add_transport(out, next, in, depth);
  }
  add(out, "neither IPv4 nor IPv6");
}

void append_le(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

std::string packet_text(std::string_view packet) {
  std::string out;
  add_ip(out, Reader(packet), 0);
  return out;
}

std::string hex_dump(std::string_view packet) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr std::size_t kWidth = 16;
  std::string out;
  for (std::size_t at = 0; at < packet.size(); at += kWidth) {
    std::string line;
    std::string text;
    for (int shift = 12; shift >= 0; shift -= 4) line += kDigits[at >> shift & 15];
    line += ' ';
    for (std::size_t i = 0; i < kWidth; ++i) {
      if (i == kWidth / 2) line += ' ';
      if (at + i >= packet.size()) {
        line += "   ";
        continue;
      }
      const auto byte = static_cast<unsigned char>(packet[at + i]);
      line += ' ';
      line += kDigits[byte >> 4];
      line += kDigits[byte & 15];
      text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    out.append(line).append("  |").append(text).append("|\n");
  }
  return out;
}

std::string pcap_file(std::string_view packet, uint32_t original_length, int64_t unix_seconds,
                      uint32_t nanoseconds) {
  constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
  constexpr uint32_t kSnapLength = 65535;
  constexpr uint32_t kLinkTypeRaw = 101;
  const auto captured = static_cast<uint32_t>(packet.size());
  std::string out;
  append_le(out, kMagicNanoseconds, 4);
  append_le(out, 2, 2);  // version 2.4
  append_le(out, 4, 2);
  append_le(out, 0, 4);
  append_le(out, 0, 4);
  append_le(out, kSnapLength, 4);
  append_le(out, kLinkTypeRaw, 4);
  append_le(out, static_cast<uint32_t>(unix_seconds), 4);
  append_le(out, nanoseconds, 4);
  append_le(out, captured, 4);
  append_le(out, std::max(original_length, captured), 4);
  return out.append(packet);
}

}  // namespace simplon::cli
