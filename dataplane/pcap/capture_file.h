// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Capture files in and out, as Ethernet frames. One thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/net/headers.h"

struct pcap;
struct pcap_dumper;

namespace simplon::offline {

struct CapturedFrame {
  uint64_t number = 0;   // in its file, from 1
  uint64_t time_ns = 0;  // since 1970
  std::vector<uint8_t> bytes;
};

// Reads pcap and pcapng files of Ethernet frames. Captures without Ethernet headers (raw IP, Linux
// cooked) get one, addressed to `own_mac` and tagged with `vlan` unless it is 0.
class CaptureReader {
 public:
  // Longest record taken, more than any link sends: what claims to be longer is a broken file.
  static constexpr std::size_t kMaxRecord = 65535;

  // Empty: `error` names the file and the reason.
  static std::optional<CaptureReader> open(const std::string& path, const MacAddress& own_mac,
                                           uint16_t vlan, std::string& error);

  CaptureReader(CaptureReader&&) noexcept;
  CaptureReader& operator=(CaptureReader&&) noexcept;
  ~CaptureReader();

  // False at the end, and on an error; then `error` is not empty.
  bool next(CapturedFrame& frame, std::string& error);

 private:
  enum class Link : uint8_t { kEthernet, kRawIp, kCooked, kCooked2 };
  struct Closer {
    void operator()(pcap* p) const;
  };

  CaptureReader() = default;
  bool convert(std::span<const uint8_t> record, CapturedFrame& frame, std::string& error) const;

  std::string path_;
  std::unique_ptr<pcap, Closer> file_;
  Link link_ = Link::kEthernet;
  MacAddress own_mac_{};
  uint16_t vlan_ = 0;
  uint64_t number_ = 0;
};

// Writes pcap with nanosecond time stamps.
class CaptureWriter {
 public:
  static std::optional<CaptureWriter> open(const std::string& path, std::string& error);

  CaptureWriter(CaptureWriter&&) noexcept;
  CaptureWriter& operator=(CaptureWriter&&) noexcept;
  ~CaptureWriter();

  void write(uint64_t time_ns, std::span<const uint8_t> frame);

  // False: the disk did not take all of it.
  bool close(std::string& error);

 private:
  struct FileCloser {
    void operator()(pcap* p) const;
  };
  struct DumperCloser {
    void operator()(pcap_dumper* p) const;
  };

  CaptureWriter() = default;

  std::string path_;
  std::unique_ptr<pcap, FileCloser> handle_;
  std::unique_ptr<pcap_dumper, DumperCloser> dumper_;
};

}  // namespace simplon::offline
