// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/capture_file.h"

#include <pcap/pcap.h>

#include <cstdio>
#include <cstring>

namespace simplon::offline {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// Year 2242: with nanoseconds that still leaves half of 64 bits for sums. pcapng could say more.
constexpr uint64_t kMaxSeconds = uint64_t{1} << 33;
// Longest frame an output may hold; pcap wants to know when it opens a file.
constexpr int kSnapLength = 262144;
// Sender of frames whose capture did not keep the link header.
constexpr MacAddress kUnknownSender = {0x02, 0x00, 0x00, 0x00, 0x00, 0xfe};

// Linux cooked captures (`tcpdump -i any`): the EtherType is at the end of the 16 bytes of the
// first version and at the start of the 20 of the second.
constexpr std::size_t kCookedHeader = 16;
constexpr std::size_t kCookedType = 14;
constexpr std::size_t kCooked2Header = 20;

uint16_t be16_at(std::span<const uint8_t> bytes, std::size_t offset) {
  return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

void append(std::vector<uint8_t>& bytes, std::span<const uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void append16(std::vector<uint8_t>& bytes, uint16_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

}  // namespace

void CaptureReader::Closer::operator()(pcap* p) const {
  pcap_close(p);
}
CaptureReader::CaptureReader(CaptureReader&&) noexcept = default;
CaptureReader& CaptureReader::operator=(CaptureReader&&) noexcept = default;
CaptureReader::~CaptureReader() = default;

std::optional<CaptureReader> CaptureReader::open(const std::string& path, const MacAddress& own_mac,
                                                 uint16_t vlan, std::string& error) {
  char reason[PCAP_ERRBUF_SIZE] = "";
  CaptureReader reader;
  reader.path_ = path;
  reader.own_mac_ = own_mac;
  reader.vlan_ = vlan;
  reader.file_.reset(
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, reason));
  if (!reader.file_) {
    // libpcap puts the path before some of its messages.
    const std::string_view text(reason);
    error = text.starts_with(path) ? std::string(text) : path + ": " + std::string(text);
    return std::nullopt;
  }
  const int type = pcap_datalink(reader.file_.get());
  switch (type) {
    case DLT_EN10MB:
      reader.link_ = Link::kEthernet;
      break;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      reader.link_ = Link::kRawIp;
      break;
    case DLT_LINUX_SLL:
      reader.link_ = Link::kCooked;
      break;
#ifdef DLT_LINUX_SLL2
    case DLT_LINUX_SLL2:
      reader.link_ = Link::kCooked2;
      break;
#endif
    default: {
      const char* name = pcap_datalink_val_to_name(type);
      error = path + ": link type " + (name != nullptr ? name : std::to_string(type)) +
              " is not supported; capture on an Ethernet interface, or convert to raw IP";
      return std::nullopt;
    }
  }
  return reader;
}

bool CaptureReader::convert(std::span<const uint8_t> record, CapturedFrame& frame,
                            std::string& error) const {
  frame.bytes.clear();
  if (link_ == Link::kEthernet) {
    frame.bytes.assign(record.begin(), record.end());
    return true;
  }
  uint16_t type = 0;
  std::size_t header = 0;
  if (link_ == Link::kRawIp) {
    const unsigned version = record.empty() ? 0 : record[0] >> 4;
    type = version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  } else {
    header = link_ == Link::kCooked ? kCookedHeader : kCooked2Header;
    if (record.size() < header) {
      error = path_ + ": packet " + std::to_string(frame.number) + ": shorter than its link header";
      return false;
    }
    type = be16_at(record, link_ == Link::kCooked ? kCookedType : 0);
  }
  append(frame.bytes, own_mac_);
  append(frame.bytes, kUnknownSender);
  if (vlan_ != 0) {
    append16(frame.bytes, kEtherTypeVlan);
    append16(frame.bytes, vlan_);
  }
  append16(frame.bytes, type);
  append(frame.bytes, record.subspan(header));
  return true;
}

bool CaptureReader::next(CapturedFrame& frame, std::string& error) {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int result = pcap_next_ex(file_.get(), &header, &data);
  if (result == PCAP_ERROR_BREAK) return false;
  frame.number = ++number_;
  const std::string where = path_ + ": packet " + std::to_string(number_) + ": ";
  if (result != 1) {
    error = where + pcap_geterr(file_.get()) + "; the file is damaged or incomplete";
    return false;
  }
  if (header->len > kMaxRecord || header->caplen > kMaxRecord) {
    error = where + std::to_string(header->len) + " bytes, more than any link carries (" +
            std::to_string(kMaxRecord) + ")";
    return false;
  }
  if (header->caplen < header->len) {
    error = where + "only " + std::to_string(header->caplen) + " of " +
            std::to_string(header->len) + " bytes were captured; capture again with tcpdump -s 0";
    return false;
  }
  // The file has 32 bits for the seconds, which libpcap extends as if they had a sign.
  const auto seconds = header->ts.tv_sec < 0 ? uint64_t{static_cast<uint32_t>(header->ts.tv_sec)}
                                             : static_cast<uint64_t>(header->ts.tv_sec);
  if (seconds >= kMaxSeconds || header->ts.tv_usec < 0 ||
      static_cast<uint64_t>(header->ts.tv_usec) >= kSecond) {
    error = where + "impossible time stamp; the file is damaged";
    return false;
  }
  // With nanosecond precision asked for, tv_usec holds nanoseconds.
  frame.time_ns = seconds * kSecond + static_cast<uint64_t>(header->ts.tv_usec);
  return convert({data, header->caplen}, frame, error);
}

void CaptureWriter::FileCloser::operator()(pcap* p) const {
  pcap_close(p);
}
void CaptureWriter::DumperCloser::operator()(pcap_dumper* p) const {
  pcap_dump_close(p);
}
CaptureWriter::CaptureWriter(CaptureWriter&&) noexcept = default;
CaptureWriter& CaptureWriter::operator=(CaptureWriter&&) noexcept = default;
CaptureWriter::~CaptureWriter() = default;

std::optional<CaptureWriter> CaptureWriter::open(const std::string& path, std::string& error) {
  CaptureWriter writer;
  writer.path_ = path;
  writer.handle_.reset(
      pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength, PCAP_TSTAMP_PRECISION_NANO));
  if (!writer.handle_) {
    error = path + ": out of memory";
    return std::nullopt;
  }
  writer.dumper_.reset(pcap_dump_open(writer.handle_.get(), path.c_str()));
  if (!writer.dumper_) {
    error = pcap_geterr(writer.handle_.get());
    return std::nullopt;
  }
  return writer;
}

void CaptureWriter::write(uint64_t time_ns, std::span<const uint8_t> frame) {
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(time_ns / kSecond);
  header.ts.tv_usec = static_cast<suseconds_t>(time_ns % kSecond);
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame.data());
}

bool CaptureWriter::close(std::string& error) {
  const bool fine =
      pcap_dump_flush(dumper_.get()) == 0 && ferror(pcap_dump_file(dumper_.get())) == 0;
  dumper_.reset();
  if (!fine) error = path_ + ": cannot write: " + std::strerror(errno);
  return fine;
}

}  // namespace simplon::offline
