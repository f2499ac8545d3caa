// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Packets as people and other programs read them. `packet` begins with an IP header and may be cut
// off anywhere.
namespace simplon::cli {

// One line: "198.51.100.3 > 192.0.2.1 UDP 4711 > 5072, AYIYA forward ..., 2001:db8::2 > ...".
std::string packet_text(std::string_view packet);

// "0000  45 00 ...  |E...|", 16 bytes a line.
std::string hex_dump(std::string_view packet);

// A pcap file (nanoseconds, LINKTYPE_RAW) with this one packet, which had `original_length` bytes.
std::string pcap_file(std::string_view packet, uint32_t original_length, int64_t unix_seconds,
                      uint32_t nanoseconds);

}  // namespace simplon::cli
