// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/port/kernel_interface.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/state/file_descriptor.h"

namespace simplon {
namespace {

// The attribute `type` among those in the `length` bytes at `at`; null: not there.
const rtattr* find_attribute(const rtattr* at, std::size_t length, unsigned type) {
  auto left = static_cast<int>(length);
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if ((at->rta_type & NLA_TYPE_MASK) == type) return at;
  }
  return nullptr;
}

}  // namespace

bool kernel_interface_exists(const std::string& name) {
  return if_nametoindex(name.c_str()) != 0;
}

bool xdp_program_attached(const std::string& name) {
  const FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_family = AF_UNSPEC;
  request.link.ifi_index = static_cast<int>(if_nametoindex(name.c_str()));
  if (!socket || send(socket.get(), &request, sizeof request, 0) != sizeof request) return false;

  alignas(nlmsghdr) std::array<char, 32768> buffer;
  const ssize_t size = recv(socket.get(), buffer.data(), buffer.size(), 0);
  const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(ifinfomsg))) ||
      answer->nlmsg_type != RTM_NEWLINK) {
    return false;
  }
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(answer));
  const rtattr* xdp = find_attribute(IFLA_RTA(link), IFLA_PAYLOAD(answer), IFLA_XDP);
  if (xdp == nullptr) return false;
  const rtattr* attached = find_attribute(static_cast<const rtattr*>(RTA_DATA(xdp)),
                                          RTA_PAYLOAD(xdp), IFLA_XDP_ATTACHED);
  if (attached == nullptr) return false;
  uint8_t mode = XDP_ATTACHED_NONE;
  std::memcpy(&mode, RTA_DATA(attached), sizeof mode);
  return mode != XDP_ATTACHED_NONE;
}

}  // namespace simplon
