// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/device.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/sit.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "dataplane/state/errno_text.h"

namespace simplon::client {
namespace {

constexpr char kTunNode[] = "/dev/net/tun";
constexpr char kAliasPrefix[] = "simplon-client ";
constexpr uint8_t kTtl = 64;

struct Free {
  void operator()(nl_sock* p) const { nl_socket_free(p); }
  void operator()(rtnl_link* p) const { rtnl_link_put(p); }
  void operator()(rtnl_addr* p) const { rtnl_addr_put(p); }
  void operator()(rtnl_route* p) const { rtnl_route_put(p); }
  void operator()(nl_addr* p) const { nl_addr_put(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

const char* const kNeedsAdmin =
    ": this process may not change network devices; start it as root or with CAP_NET_ADMIN";

// What netlink said about `what`, which was tried.
absl::Status error_of(int result, const std::string& what) {
  switch (-result) {
    case NLE_PERM:
      return absl::PermissionDeniedError(what + kNeedsAdmin);
    case NLE_EXIST:
      return absl::AlreadyExistsError(what + ": it exists already");
    case NLE_OPNOTSUPP:
      return absl::FailedPreconditionError(what + ": this kernel cannot do that");
    case NLE_NODEV:
    case NLE_OBJ_NOTFOUND:
      return absl::NotFoundError(what + ": there is no such device");
    default:
      return absl::UnavailableError(what + ": " + nl_geterror(result));
  }
}

absl::StatusOr<Owned<nl_sock>> open_netlink() {
  Owned<nl_sock> socket(nl_socket_alloc());
  if (!socket) return absl::ResourceExhaustedError("no memory for a netlink socket");
  const int result = nl_connect(socket.get(), NETLINK_ROUTE);
  if (result < 0) return error_of(result, "opening a netlink socket");
  return socket;
}

Owned<nl_addr> to_netlink(const Ipv6Address& address, int prefix_length) {
  Owned<nl_addr> made(nl_addr_build(AF_INET6, address.bytes.data(), address.bytes.size()));
  if (made) nl_addr_set_prefixlen(made.get(), prefix_length);
  return made;
}

absl::Status no_memory() {
  return absl::ResourceExhaustedError("no memory for a netlink message");
}

std::string setting_path(const std::string& device, const char* setting) {
  return "/proc/sys/net/ipv6/conf/" + device + '/' + setting;
}

// IPv6 is there and not switched off for the device: else the kernel's own words would be
// "Permission denied".
absl::Status check_ipv6(const std::string& device) {
  std::ifstream file(setting_path(device, "disable_ipv6"));
  int disabled = 0;
  if (!(file >> disabled)) {
    return absl::FailedPreconditionError(
        "this kernel has no IPv6: load the module ipv6, or boot without ipv6.disable=1");
  }
  if (disabled != 0) {
    return absl::FailedPreconditionError("IPv6 is switched off on " + device +
                                         ": set net.ipv6.conf.default.disable_ipv6=0 (sysctl)" +
                                         " and, if it is 1, net.ipv6.conf.all.disable_ipv6=0");
  }
  return absl::OkStatus();
}

// Nobody announces routes in a tunnel. Best effort: /proc/sys may be read-only, and the device
// works without.
void refuse_router_advertisements(const std::string& device) {
  std::ofstream(setting_path(device, "accept_ra")) << 0;
}

absl::Status add_address(nl_sock* socket, int index, const std::string& device,
                         const Ipv6Address& address, uint8_t prefix_length, uint8_t scope) {
  const Owned<rtnl_addr> added(rtnl_addr_alloc());
  const Owned<nl_addr> local = to_netlink(address, prefix_length);
  if (!added || !local) return no_memory();
  rtnl_addr_set_ifindex(added.get(), index);
  rtnl_addr_set_local(added.get(), local.get());
  rtnl_addr_set_scope(added.get(), scope);
  // Nobody else can have it.
  rtnl_addr_set_flags(added.get(), IFA_F_NODAD);
  const int result = rtnl_addr_add(socket, added.get(), 0);
  // The kernel may have been first, with a link-local address.
  if (result < 0 && !(result == -NLE_EXIST && scope == RT_SCOPE_LINK)) {
    return error_of(result, "giving " + device + " the address " + address.to_string() + '/' +
                                std::to_string(prefix_length));
  }
  return absl::OkStatus();
}

absl::Status add_default_route(nl_sock* socket, int index, const std::string& device,
                               const Ipv6Address& gateway) {
  const Owned<rtnl_route> route(rtnl_route_alloc());
  const Owned<nl_addr> everywhere = to_netlink({}, 0);
  const Owned<nl_addr> via = to_netlink(gateway, 128);
  if (!route || !everywhere || !via) return no_memory();
  rtnl_route_set_family(route.get(), AF_INET6);
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), RTPROT_STATIC);
  rtnl_route_set_priority(route.get(), kRouteMetric);
  rtnl_route_set_dst(route.get(), everywhere.get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (hop == nullptr) return no_memory();
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_add_nexthop(route.get(), hop);  // the route's from here on
  const int result = rtnl_route_add(socket, route.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result == -NLE_EXIST) {
    return absl::AlreadyExistsError("there is an IPv6 default route with metric " +
                                    std::to_string(kRouteMetric) +
                                    " already, of another tunnel perhaps: remove it, or set "
                                    "defaultroute to false");
  }
  if (result < 0) {
    return error_of(result,
                    "adding the default route via " + gateway.to_string() + " on " + device);
  }
  return absl::OkStatus();
}

// Applies what is set in `change`.
absl::Status change_link(nl_sock* socket, int index, rtnl_link* change, const std::string& what) {
  const Owned<rtnl_link> which(rtnl_link_alloc());
  if (!which) return no_memory();
  rtnl_link_set_ifindex(which.get(), index);
  const int result = rtnl_link_change(socket, which.get(), change, 0);
  return result < 0 ? error_of(result, what) : absl::OkStatus();
}

absl::StatusOr<int> index_of(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) return absl::NotFoundError("there is no device " + name);
  return static_cast<int>(index);
}

absl::Status name_is_taken(const std::string& name) {
  return absl::AlreadyExistsError("there is a device " + name +
                                  " already, which is not ours: choose another name "
                                  "(ipv6_interface), or remove it (ip link delete " +
                                  name + ')');
}

// A sit device that an earlier run of ours could not take away.
bool is_leftover(nl_sock* socket, const std::string& name) {
  rtnl_link* found = nullptr;
  if (rtnl_link_get_kernel(socket, 0, name.c_str(), &found) < 0) return false;
  const Owned<rtnl_link> link(found);
  const char* alias = rtnl_link_get_ifalias(found);
  const char* type = rtnl_link_get_type(found);
  return alias != nullptr && type != nullptr && std::strcmp(type, "sit") == 0 &&
         std::strncmp(alias, kAliasPrefix, std::strlen(kAliasPrefix)) == 0;
}

Owned<rtnl_link> describe_sit(const SitSettings& settings) {
  Owned<rtnl_link> link(rtnl_link_sit_alloc());
  if (!link) return link;
  rtnl_link_set_name(link.get(), settings.name.c_str());
  rtnl_link_sit_set_remote(link.get(), settings.remote.raw());
  if (settings.local) rtnl_link_sit_set_local(link.get(), settings.local->raw());
  rtnl_link_sit_set_ttl(link.get(), kTtl);
  // DF, as long as the path takes 1280 bytes inside.
  rtnl_link_sit_set_pmtudisc(link.get(), 1);
  rtnl_link_sit_set_proto(link.get(), IPPROTO_IPV6);
  return link;
}

}  // namespace

Ipv6Address link_local_of(const Ipv6Address& client) {
  // Bytes 2 to 7, and the end. The two low bits would say "universal" and "group".
  const uint64_t middle = client.hi() << 16 & ~uint64_t{0x0300'0000'0000'0000};
  return Ipv6Address::from_halves(0xfe80'0000'0000'0000, middle | (client.lo() & 0xffff));
}

absl::Status check_device_name(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
      name.find_first_of("/: \t\n%") != std::string::npos) {
    return absl::InvalidArgumentError("\"" + name +
                                      "\" is no name for a device: 1 to 15 characters, without "
                                      "blanks, slashes, colons and percent signs");
  }
  return absl::OkStatus();
}

absl::StatusOr<FileDescriptor> make_tun(const std::string& name) {
  if (if_nametoindex(name.c_str()) != 0) return name_is_taken(name);
  FileDescriptor tun(open(kTunNode, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun) {
    const int error = errno;
    if (error == ENOENT || error == ENODEV || error == ENXIO) {
      return absl::FailedPreconditionError(
          std::string(kTunNode) + " is not there: load the module (modprobe tun), or have the " +
          "container given the device");
    }
    if (error == EPERM || error == EACCES) {
      return absl::PermissionDeniedError("opening " + std::string(kTunNode) + kNeedsAdmin);
    }
    return absl::UnavailableError("opening " + std::string(kTunNode) + ": " + errno_text(error));
  }
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(tun.get(), TUNSETIFF, &request) != 0) {
    const int error = errno;
    if (error == EBUSY || error == EEXIST) return name_is_taken(name);
    if (error == EPERM)
      return absl::PermissionDeniedError("making the device " + name + kNeedsAdmin);
    return absl::UnavailableError("making the tun device " + name + ": " + errno_text(error));
  }
  return tun;
}

nl_msg* sit_request(const SitSettings& settings) {
  const Owned<rtnl_link> link = describe_sit(settings);
  nl_msg* message = nullptr;
  if (!link || rtnl_link_build_add_request(link.get(), NLM_F_CREATE | NLM_F_EXCL, &message) < 0) {
    return nullptr;
  }
  return message;
}

absl::Status make_sit(const SitSettings& settings) {
  auto socket = open_netlink();
  if (!socket.ok()) return socket.status();
  if (if_nametoindex(settings.name.c_str()) != 0) {
    if (!is_leftover(socket->get(), settings.name)) return name_is_taken(settings.name);
    absl::Status removed = remove_device(settings.name);
    if (!removed.ok()) return removed;
  }
  const Owned<rtnl_link> link = describe_sit(settings);
  if (!link) return no_memory();
  const int result = rtnl_link_add(socket->get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result == -NLE_OPNOTSUPP) {
    return absl::UnimplementedError("this kernel has no sit devices (module sit)");
  }
  if (result == -NLE_EXIST) {
    return absl::AlreadyExistsError("there is another sit tunnel to " +
                                    settings.remote.to_string() +
                                    " already: remove it (ip tunnel show; ip link delete NAME)");
  }
  if (result < 0) return error_of(result, "making the sit device " + settings.name);
  const auto index = index_of(settings.name);
  const Owned<rtnl_link> change(rtnl_link_alloc());
  if (!index.ok() || !change) return absl::OkStatus();
  // Only tells whose it is; a kernel that cannot keep it does no harm.
  rtnl_link_set_ifalias(change.get(), (kAliasPrefix + settings.tunnel_id).c_str());
  (void)change_link(socket->get(), *index, change.get(), "");
  return absl::OkStatus();
}

absl::Status set_mtu(const std::string& name, uint32_t mtu) {
  auto socket = open_netlink();
  if (!socket.ok()) return socket.status();
  const auto index = index_of(name);
  if (!index.ok()) return index.status();
  const Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_set_mtu(change.get(), mtu);
  return change_link(socket->get(), *index, change.get(),
                     "setting the MTU of " + name + " to " + std::to_string(mtu));
}

absl::Status set_up_device(const DeviceSettings& settings) {
  const std::string& name = settings.name;
  absl::Status done = check_ipv6(name);
  if (done.ok()) done = set_mtu(name, settings.mtu);
  if (!done.ok()) return done;
  auto socket = open_netlink();
  if (!socket.ok()) return socket.status();
  const auto index = index_of(name);
  if (!index.ok()) return index.status();
  refuse_router_advertisements(name);
  if (settings.link_local) {
    const Owned<rtnl_link> change(rtnl_link_alloc());
    if (!change) return no_memory();
    // Else the kernel makes a random one. Where it cannot be told, there are two.
    rtnl_link_inet6_set_addr_gen_mode(change.get(), IN6_ADDR_GEN_MODE_NONE);
    (void)change_link(socket->get(), *index, change.get(), "");
  }
  const Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_set_flags(change.get(), IFF_UP);
  done = change_link(socket->get(), *index, change.get(), "setting " + name + " up");
  if (done.ok() && settings.link_local) {
    done = add_address(socket->get(), *index, name, *settings.link_local, 64, RT_SCOPE_LINK);
  }
  if (done.ok()) {
    done = add_address(socket->get(), *index, name, settings.address, settings.prefix_length,
                       RT_SCOPE_UNIVERSE);
  }
  if (done.ok() && settings.gateway) {
    done = add_default_route(socket->get(), *index, name, *settings.gateway);
  }
  return done;
}

absl::Status remove_device(const std::string& name) {
  const auto index = index_of(name);
  if (!index.ok()) return absl::OkStatus();
  auto socket = open_netlink();
  if (!socket.ok()) return socket.status();
  const Owned<rtnl_link> link(rtnl_link_alloc());
  if (!link) return no_memory();
  rtnl_link_set_ifindex(link.get(), *index);
  const int result = rtnl_link_delete(socket->get(), link.get());
  if (result < 0 && result != -NLE_NODEV) return error_of(result, "removing the device " + name);
  return absl::OkStatus();
}

}  // namespace simplon::client
