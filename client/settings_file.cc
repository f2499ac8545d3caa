// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/settings_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>

#include "client/text/words.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

constexpr std::size_t kMaximumFile = 65536;  // bytes
constexpr std::size_t kMaximumValue = 512;
constexpr std::size_t kMaximumSubnets = 64;

// Sets one value; the reason why not, or nothing.
using Setter = std::string (*)(Settings& settings, std::string_view value);
struct Key {
  std::string_view name;
  Setter set;
};

template <bool Settings::*Member, bool Inverted = false>
std::string set_flag(Settings& settings, std::string_view value) {
  const auto flag = parse_boolean(value);
  if (!flag) return "is true or false";
  settings.*Member = *flag != Inverted;
  return {};
}

template <std::string Settings::*Member>
std::string set_text(Settings& settings, std::string_view value) {
  settings.*Member = std::string(value);
  return {};
}

// Goes into a line of TIC, where a space would begin another word.
template <std::string Settings::*Member>
std::string set_word(Settings& settings, std::string_view value) {
  if (!is_word(value, 128)) return "is one word of at most 128 ASCII characters";
  settings.*Member = std::string(value);
  return {};
}

std::string set_server(Settings& settings, std::string_view value) {
  if (const auto server = parse_server(value); !server.ok()) {
    return std::string(server.status().message());
  }
  settings.server = std::string(value);
  return {};
}

std::string set_interface(Settings& settings, std::string_view value) {
  if (!is_word(value, 15) || value.find_first_of("/:%") != std::string_view::npos || value == "." ||
      value == ".." || value == "all" || value == "default") {
    return "is the name of an interface: at most 15 characters, no '/', ':' or '%'";
  }
  settings.interface = std::string(value);
  return {};
}

std::string set_local_ipv4(Settings& settings, std::string_view value) {
  const auto address = Ipv4Address::parse(value);
  if (!address || address->is_this_network() || address->is_multicast() || address->is_reserved()) {
    return "is an IPv4 address of this host";
  }
  settings.local_ipv4 = address;
  return {};
}

std::string set_tls(Settings& settings, std::string_view value) {
  if (value == "required") {
    settings.tls = TlsMode::kRequired;
  } else if (value == "opportunistic") {
    settings.tls = TlsMode::kOpportunistic;
  } else if (value == "off") {
    settings.tls = TlsMode::kOff;
  } else {
    return "is required, opportunistic or off";
  }
  return {};
}

std::string set_path(Settings& settings, std::string_view value) {
  if (value == "auto") {
    settings.path = DataPath::kAutomatic;
  } else if (value == "sit") {
    settings.path = DataPath::kKernelSit;
  } else if (value == "tun") {
    settings.path = DataPath::kTun;
  } else {
    return "is auto, sit or tun";
  }
  return {};
}

std::string set_mtu(Settings& settings, std::string_view value) {
  const auto mtu = parse_number(value, 1480);
  if (!mtu || *mtu < 1280) return "is a number from 1280 to 1480";
  settings.mtu = static_cast<uint32_t>(*mtu);
  return {};
}

std::string set_subnets(Settings& settings, std::string_view value) {
  std::string spaced(value);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  settings.subnets.clear();
  for (const std::string_view word : split_words(spaced)) {
    const auto prefix = Ipv6Prefix::parse(word);
    if (!prefix || prefix->has_host_bits() || prefix->length > 64 || prefix->length < 16) {
      return "are IPv6 prefixes of 16 to 64 bits, such as 2001:db8:8001::/48, with commas between";
    }
    settings.subnets.emplace_back(word);
  }
  return settings.subnets.size() <= kMaximumSubnets ? "" : "are at most 64 prefixes";
}

std::string set_ping_target(Settings& settings, std::string_view value) {
  if (!is_word(value, 253)) return "is the name or IPv6 address of a host";
  settings.ping_target = std::string(value);
  return {};
}

std::string set_protocol(Settings&, std::string_view value) {
  return to_lower(value) == "tic" ? "" : "is tic: nothing else has ever worked";
}

std::string set_requiretls(Settings& settings, std::string_view value) {
  const auto flag = parse_boolean(value);
  if (!flag) return "is true or false";
  settings.tls = *flag ? TlsMode::kRequired : TlsMode::kOpportunistic;
  return {};
}

std::string ignore_flag(Settings&, std::string_view value) {
  return parse_boolean(value) ? "" : "is true or false";
}

constexpr Key kAiccuKeys[] = {
    {"username", set_word<&Settings::username>},
    {"password", set_text<&Settings::password>},
    {"protocol", set_protocol},
    {"server", set_server},
    {"ipv6_interface", set_interface},
    {"tunnel_id", set_word<&Settings::tunnel_id>},
    {"local_ipv4_override", set_local_ipv4},
    {"setupscript", set_text<&Settings::setup_script>},
    // Whether to ask before anything is done; there has only ever been one answer.
    {"automatic", ignore_flag},
    {"daemonize", set_flag<&Settings::daemonize>},
    {"verbose", set_flag<&Settings::verbose>},
    {"behindnat", set_flag<&Settings::behind_nat>},
    {"requiretls", set_requiretls},
    {"noconfigure", set_flag<&Settings::configure, true>},
    {"makebeats", set_flag<&Settings::make_beats>},
    {"defaultroute", set_flag<&Settings::default_route>},
    {"pidfile", set_text<&Settings::pid_file>},
};

constexpr Key kOwnKeys[] = {
    {"username", set_word<&Settings::username>},
    {"password", set_text<&Settings::password>},
    {"server", set_server},
    {"tls", set_tls},
    {"ca_file", set_text<&Settings::ca_file>},
    {"tls_name", set_word<&Settings::tls_name>},
    {"tunnel", set_word<&Settings::tunnel_id>},
    {"interface", set_interface},
    {"path", set_path},
    {"behind_nat", set_flag<&Settings::behind_nat>},
    {"local_ipv4", set_local_ipv4},
    {"default_route", set_flag<&Settings::default_route>},
    {"mtu", set_mtu},
    {"subnets", set_subnets},
    {"make_beats", set_flag<&Settings::make_beats>},
    {"configure", set_flag<&Settings::configure>},
    {"setup_script", set_text<&Settings::setup_script>},
    {"ping_target", set_ping_target},
    {"daemonize", set_flag<&Settings::daemonize>},
    {"verbose", set_flag<&Settings::verbose>},
    {"pid_file", set_text<&Settings::pid_file>},
    {"state_directory", set_text<&Settings::state_directory>},
};

std::span<const Key> keys_of(FileKind kind) {
  return kind == FileKind::kOwn ? std::span<const Key>(kOwnKeys) : std::span<const Key>(kAiccuKeys);
}

const Key* find_key(FileKind kind, std::string_view name) {
  for (const Key& key : keys_of(kind)) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

// What somebody who confuses the two files, or mistypes, may have meant.
std::string hint_for(FileKind kind, const std::string& name) {
  const FileKind other = kind == FileKind::kOwn ? FileKind::kAiccu : FileKind::kOwn;
  std::string list;
  for (const Key& key : keys_of(kind)) list += (list.empty() ? "" : ", ") + std::string(key.name);
  std::string hint = "the keys are " + list;
  if (find_key(other, name) != nullptr) {
    hint = std::string(other == FileKind::kOwn ? "this is a key of simplon-client.conf, but the "
                                                 "file is written like aiccu.conf; "
                                               : "this is a key of aiccu.conf, but the file is "
                                                 "written like simplon-client.conf; ") +
           hint;
  }
  return hint;
}

struct Entry {
  std::string key;
  std::string value;
};

// "KEY = VALUE", the value in double quotes or ending before " #".
absl::StatusOr<Entry> split_own(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return absl::InvalidArgumentError("there is no '=': write key = value");
  }
  Entry entry{.key = std::string(trim(line.substr(0, equals))), .value = {}};
  std::string_view value = trim(line.substr(equals + 1));
  if (value.empty() || value.front() != '"') {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '#' && (i == 0 || value[i - 1] == ' ' || value[i - 1] == '\t')) {
        value = trim(value.substr(0, i));
        break;
      }
    }
    entry.value = std::string(value);
    return entry;
  }
  value.remove_prefix(1);
  while (!value.empty() && value.front() != '"') {
    if (value.front() == '\\') value.remove_prefix(1);
    if (value.empty()) break;
    entry.value += value.front();
    value.remove_prefix(1);
  }
  if (value.empty()) return absl::InvalidArgumentError("the closing '\"' is missing");
  value = trim(value.substr(1));
  if (!value.empty() && value.front() != '#') {
    return absl::InvalidArgumentError("there is something behind the closing '\"'");
  }
  return entry;
}

// "KEY VALUE", the value being the rest of the line. The original did not mind the key's case.
absl::StatusOr<Entry> split_aiccu(std::string_view line) {
  const std::size_t end = line.find_first_of(" \t");
  if (end == std::string_view::npos) {
    return absl::InvalidArgumentError("there is no value: write key value");
  }
  return Entry{to_lower(line.substr(0, end)), std::string(trim(line.substr(end)))};
}

// Reads one file.
class Reader {
 public:
  Reader(const std::string& path, FileKind kind) : path_(path), kind_(kind) {
    result_.path = path;
    result_.kind = kind;
    if (kind == FileKind::kAiccu) {
      // What the original did where its file said nothing.
      result_.settings.tls = TlsMode::kOpportunistic;
      result_.settings.interface = "aiccu";
      result_.settings.pid_file = "/var/run/aiccu.pid";
    }
  }

  absl::StatusOr<LoadedSettings> read(std::string_view text) {
    if (text.size() > kMaximumFile) {
      return absl::InvalidArgumentError(path_ + ": larger than 64 KiB: this is no settings file");
    }
    // Some editors begin a file with a byte order mark.
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
    for (const std::string_view raw : split_lines(text)) {
      ++line_;
      const std::string_view line = trim(raw);
      if (line.empty() || line.front() == '#') continue;
      if (auto status = read_line(line); !status.ok()) return status;
    }
    if (auto status = finish(); !status.ok()) return status;
    return std::move(result_);
  }

 private:
  absl::Status error(const std::string& reason) const {
    return absl::InvalidArgumentError(path_ + ":" + std::to_string(line_) + ": " + reason);
  }

  absl::Status read_line(std::string_view line) {
    auto entry = kind_ == FileKind::kOwn ? split_own(line) : split_aiccu(line);
    if (!entry.ok()) return error(std::string(entry.status().message()));
    const Key* key = find_key(kind_, entry->key);
    const std::string name = printable(entry->key, 40);
    if (key == nullptr) return error("unknown key '" + name + "'; " + hint_for(kind_, entry->key));
    if (entry->value.empty()) return error(name + " has no value");
    if (entry->value.size() > kMaximumValue) {
      return error(name + " is longer than 512 characters");
    }
    for (const char c : entry->value) {
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
        return error(name + " holds a control character");
      }
    }
    const auto [before, fresh] = lines_.emplace(entry->key, line_);
    if (!fresh) {
      const std::string where = " is set twice, first in line " + std::to_string(before->second);
      if (kind_ == FileKind::kOwn) return error(name + where);
      // The original took the last one and said nothing.
      result_.warnings.push_back(path_ + ":" + std::to_string(line_) + ": " + name + where +
                                 "; the last one counts");
    }
    if (const std::string reason = key->set(result_.settings, entry->value); !reason.empty()) {
      return error(name + " " + reason);
    }
    return absl::OkStatus();
  }

  absl::Status finish() {
    const Settings& settings = result_.settings;
    for (const auto& [name, value] :
         {std::pair{"username", &settings.username}, std::pair{"password", &settings.password},
          std::pair{"server", &settings.server}}) {
      if (value->empty()) {
        return absl::InvalidArgumentError(path_ + ": " + name + " is missing: your tunnel broker " +
                                          "tells it to you, together with the other two of "
                                          "username, password and server");
      }
    }
    if (settings.tls == TlsMode::kOpportunistic) {
      result_.warnings.push_back(
          path_ + ": encryption is used if the server has it and nobody checks whose it is; " +
          (kind_ == FileKind::kAiccu ? "'requiretls true' makes it compulsory and verified"
                                     : "'tls = required' makes it compulsory and verified"));
    } else if (settings.tls == TlsMode::kOff) {
      result_.warnings.push_back(path_ +
                                 ": tls = off: whoever is on the way reads the passwords "
                                 "of your tunnels");
    }
    return absl::OkStatus();
  }

  const std::string path_;
  const FileKind kind_;
  LoadedSettings result_;
  std::map<std::string, int> lines_;
  int line_ = 0;
};

}  // namespace

absl::StatusOr<ServerAddress> parse_server(std::string_view text) {
  const auto wrong = [] {
    return absl::InvalidArgumentError("is HOST, HOST:PORT or [IPV6-ADDRESS]:PORT");
  };
  ServerAddress server;
  std::string_view host = text;
  std::string_view port;
  if (Ipv6Address::parse(text)) {
    server.host = std::string(text);
    return server;
  }
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong();
    host = text.substr(1, close - 1);
    if (!Ipv6Address::parse(host)) return wrong();
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return wrong();
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!is_word(host, 253) || host.find_first_of("/@[]\"'") != std::string_view::npos ||
      host.front() == '-') {
    return wrong();
  }
  if (!port.empty()) {
    const auto number = parse_number(port.substr(1), 65535);
    if (!number || *number == 0) return wrong();
    server.port = static_cast<uint16_t>(*number);
  }
  server.host = std::string(host);
  return server;
}

std::vector<std::string_view> known_keys(FileKind kind) {
  std::vector<std::string_view> names;
  for (const Key& key : keys_of(kind)) names.push_back(key.name);
  return names;
}

FileKind guess_kind(std::string_view text) {
  for (const std::string_view raw : split_lines(text)) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    // The '=' comes first, or second after the key: a password may hold one.
    const std::size_t end = std::min(line.find_first_of(" \t="), line.size());
    const std::string_view rest = trim(line.substr(end));
    if (!rest.empty() && rest.front() == '=') return FileKind::kOwn;
  }
  return FileKind::kAiccu;
}

absl::StatusOr<LoadedSettings> parse_settings(std::string_view text, const std::string& path,
                                              FileKind kind) {
  return Reader(path, kind).read(text);
}

absl::StatusOr<LoadedSettings> load_settings(const std::string& path) {
  std::string chosen = path;
  if (chosen.empty()) {
    for (const std::string_view file : {kOwnFile, kAiccuFile}) {
      std::error_code ignored;
      if (std::filesystem::exists(file, ignored)) {
        chosen = std::string(file);
        break;
      }
    }
  }
  if (chosen.empty()) {
    return absl::NotFoundError("there is neither " + std::string(kOwnFile) + " nor " +
                               std::string(kAiccuFile) + ": write one, or name it with --config");
  }
  struct stat facts {};
  if (stat(chosen.c_str(), &facts) != 0) {
    return absl::NotFoundError(chosen + ": " + errno_text(errno));
  }
  if (S_ISDIR(facts.st_mode)) return absl::InvalidArgumentError(chosen + ": this is a folder");
  std::ifstream in(chosen, std::ios::binary);
  if (!in) {
    return absl::PermissionDeniedError(chosen + ": cannot be read: " + errno_text(errno) +
                                       "; it holds a password, so run this as root");
  }
  std::string text(kMaximumFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));

  const std::string name = std::filesystem::path(chosen).filename().string();
  const FileKind kind = name.find("aiccu") != std::string::npos     ? FileKind::kAiccu
                        : name.find("simplon") != std::string::npos ? FileKind::kOwn
                                                                    : guess_kind(text);
  auto loaded = parse_settings(text, chosen, kind);
  if (loaded.ok() &&
      ((facts.st_mode & S_IROTH) != 0 || ((facts.st_mode & S_IRGRP) != 0 && facts.st_gid != 0))) {
    loaded->warnings.push_back(
        chosen + ": others on this machine can read your password: chmod 600 " + chosen);
  }
  return loaded;
}

}  // namespace simplon::client
