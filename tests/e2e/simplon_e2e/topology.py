# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The network around the PoP.

    lan1 --- client1 ---.                      IPv4 only between clients, router and PoP;
             client2 ---+--- router --- pop    IPv6 only between host, router and PoP.
             client3 ---+      |
      home --- nat -----'    host

`router` is the internet: an ordinary kernel router for both families, and the PoP's gateway. Each
client has an IPv4 address and a 6in4 tunnel to the PoP; client1 also routes the first /64 of its
delegated prefix to a host behind it (lan1) over a link of 1500 bytes, so that packets there meet a
narrower link on the way, as in a real home. `home` has a private address behind a NAT that gives
each new mapping another port; its tunnels are those with a learned endpoint.

Subscribers and the backend reach control (TIC, endpoint updates, the console) at an address of its
own, on a link of its own between router and PoP.
"""

import ipaddress
import os
import re
import signal
import stat
import sys

from .namespace import Namespace, connect

PROGRAMS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TUN_CLIENT = os.path.join(PROGRAMS, "tun6in4.py")
AYIYA_CLIENT = os.path.join(PROGRAMS, "tunayiya.py")
BEAT_CLIENT = os.path.join(PROGRAMS, "beat.py")
PYTHON = sys.executable

# The PoP's ports: one for both families, or one for tunnels (IPv4) and one for native IPv6.
ONE_PORT = {"uplink": ("ipv4", "ipv6")}
TWO_PORTS = {"outer": ("ipv4",), "native": ("ipv6",)}
POP_IPV4 = "192.0.2.2"
POP_IPV4_GATEWAY = "192.0.2.1"
POP_IPV6 = "2001:db8:0:1::2"
POP_IPV6_GATEWAY = "2001:db8:0:1::1"
BROKER_NAME = "broker.example"
BROKER_IPV4 = "192.0.2.10"
BROKER_IPV4_GATEWAY = "192.0.2.9"
BROKER_IPV6 = "2001:db8:0:3::2"
BROKER_IPV6_GATEWAY = "2001:db8:0:3::1"
HOST_IPV6 = "2001:db8:0:2::2"
ROUTER_HOST_IPV6 = "2001:db8:0:2::1"
LINK_POOL = ipaddress.ip_network("2001:db8:1000::/44")
ROUTED_POOL = ipaddress.ip_network("2001:db8:2000::/44")
DELEGATED_POOL = ipaddress.ip_network("2001:db8:4000::/36")
POOL_SPACE = "2001:db8:1000::/36", "2001:db8:2000::/36", "2001:db8:4000::/36"
TUNNEL_MTU = 1480
AYIYA_MTU = 1428
NAT_IPV4 = "203.0.113.2"
IPV4_POOL = ipaddress.ip_network("198.19.0.0/16")
HOST_IPV4 = "198.18.1.2"


def unit(pool, index, length=64):
    """The index-th /length of a pool."""
    base = int(pool.network_address) + (index << (128 - length))
    return ipaddress.ip_network((base, length))


class Client:
    """One subscriber: slot, addresses, namespace, and the process or device that is its tunnel."""

    DEVICE = "simplon6"

    def __init__(self, number, network):
        self.number = number
        self.slot = number
        self.tunnel_id = 100 + number
        self.network = network
        self.namespace = Namespace(f"client{number}")
        self.ipv4 = f"198.51.100.{4 * number + 2}"
        self.ipv4_gateway = f"198.51.100.{4 * number + 1}"
        self.link_prefix = unit(LINK_POOL, self.slot)
        self.pop_ipv6 = str(self.link_prefix[1])
        self.ipv6 = str(self.link_prefix[2])
        self.routed_prefix = unit(ROUTED_POOL, self.slot)
        self.delegated_prefix = unit(DELEGATED_POOL, number, 48)
        # An address of the client's in each of its routed prefixes.
        self.routed_ipv6 = str(self.routed_prefix[1])
        self.delegated_ipv6 = str(self.delegated_prefix[0xFFFF << 64 | 1])
        self.process = None

    @property
    def name(self):
        return f"tunnels/T{self.tunnel_id}"

    def start_tunnel(self, use_sit):
        ns = self.namespace
        if use_sit:
            ns.ip(
                f"tunnel add {self.DEVICE} mode sit local {self.ipv4} remote {POP_IPV4} ttl 64"
            )
            ns.ip(f"link set {self.DEVICE} up mtu {TUNNEL_MTU}")
        else:
            self.process = ns.spawn(
                [PYTHON, TUN_CLIENT, "--device", self.DEVICE,
                 "--local", self.ipv4, "--remote", POP_IPV4, "--mtu", TUNNEL_MTU],
                log_path=self.network.log_path(f"client{self.number}.log"),
            )  # fmt: skip
            self.network.wait_for_link(ns, self.DEVICE)
        ns.ip(f"-6 address add {self.ipv6}/64 dev {self.DEVICE} nodad")
        ns.ip(f"-6 route add default via {self.pop_ipv6} dev {self.DEVICE}")
        for address in (self.routed_ipv6, self.delegated_ipv6):
            ns.ip(f"-6 address replace {address}/128 dev lo nodad")

    def stop_tunnel(self):
        if self.process is None:
            self.namespace.run(["ip", "link", "del", self.DEVICE], check=False)
        elif self.process.running:
            self.process.kill()
        self.process = None


class Home(Client):
    """A subscriber behind a NAT, whose tunnel has a learned endpoint. No tunnel is configured yet."""

    PASSWORD = "91915d757a09bfc94d5028832d85cc0d"

    def __init__(self, number, network):
        super().__init__(number, network)
        self.ipv4 = "10.64.0.2"
        self.nat = Namespace("nat")
        self.password_file = network.log_path("home.password")
        self.password = self.PASSWORD

    @property
    def password(self):
        return self._password

    @password.setter
    def password(self, text):
        self._password = text
        with open(self.password_file, "w", encoding="ascii") as file:
            file.write(text)

    def connect(self, router):
        connect(router, "home", self.nat, "wan")
        router.ip("address add 203.0.113.1/30 dev home")
        self.nat.ip(f"address add {NAT_IPV4}/30 dev wan")
        self.nat.ip("route add default via 203.0.113.1")
        connect(self.nat, "lan", self.namespace, "eth0")
        self.nat.ip("address add 10.64.0.1/24 dev lan")
        self.namespace.ip(f"address add {self.ipv4}/24 dev eth0")
        self.namespace.ip("route add default via 10.64.0.1")
        self.nat.sysctl("net.ipv4.ip_forward", 1)
        self.nat.run(["nft", "-f", "-"], stdin="""
            table ip nat {
              chain postrouting {
                type nat hook postrouting priority srcnat
                oifname "wan" masquerade random
              }
            }
        """)  # fmt: skip

    def flush_nat(self):
        """The NAT forgets its mappings: what the home sends next comes from another port."""
        self.nat.run(["conntrack", "-F"])

    def outer_port(self):
        """The port the NAT has given the home's AYIYA socket at present, or None."""
        listed = self.nat.run(["conntrack", "-L", "-p", "udp", "--dport", "5072"]).stdout
        for line in listed.splitlines():
            # The answer's direction comes second: its destination is what the world sees.
            words = [word for word in line.split() if word.startswith("dport=")]
            if len(words) == 2:
                return int(words[1].removeprefix("dport="))
        return None

    def start_ayiya(self, pop=POP_IPV4, beat_interval=5, mtu=AYIYA_MTU):
        self.stop_tunnel()
        make_tun_node()
        self.process = self.namespace.spawn(
            [PYTHON, AYIYA_CLIENT, "--device", self.DEVICE, "--pop", pop,
             "--identity", self.ipv6, "--pop-identity", self.pop_ipv6,
             "--password-file", self.password_file, "--beat-interval", beat_interval,
             "--mtu", mtu],
            log_path=self.network.log_path("home.log"),
        )  # fmt: skip
        self.network.wait_for_link(self.namespace, self.DEVICE)
        self.address_tunnel()

    def address_tunnel(self):
        ns = self.namespace
        ns.ip(f"-6 address add {self.ipv6}/64 dev {self.DEVICE} nodad")
        ns.ip(f"-6 route replace default via {self.pop_ipv6} dev {self.DEVICE}")
        for address in (self.routed_ipv6, self.delegated_ipv6):
            ns.ip(f"-6 address replace {address}/128 dev lo nodad")

    def client_report(self):
        """What the AYIYA client took and refused, as a dictionary."""
        from .processes import wait_until

        size = os.path.getsize(self.process.log_path)
        self.process.signal(signal.SIGUSR1)

        def new_line():
            with open(self.process.log_path, encoding="ascii") as log:
                log.seek(size)
                return log.readline()

        line = wait_until(new_line, "the AYIYA client reports")
        return {what: int(count) for what, count in re.findall(r"\[([^]]*)\]=(\d+)", line)}


class Network:
    """All namespaces and links; no PoP in `pop` yet."""

    def __init__(self, clients, directory, ports=None):
        self.directory = directory
        self.ports = ports or ONE_PORT
        self.use_sit = None
        self.pop = Namespace("pop")
        self.router = Namespace("router")
        self.host = Namespace("host")
        self.lan1 = Namespace("lan1")
        self.clients = [Client(number, self) for number in range(1, clients + 1)]
        self._connect_pop()
        self._connect_broker()
        self._connect_host()
        for client in self.clients:
            self._connect_client(client)
        self._connect_lan(self.clients[0])
        self.home = Home(clients + 1, self)
        self.home.connect(self.router)

    def close(self):
        for namespace in [self.pop, self.router, self.host, self.lan1]:
            namespace.close()
        self.home.namespace.close()
        self.home.nat.close()
        for client in self.clients:
            client.namespace.close()

    def log_path(self, name):
        return os.path.join(self.directory, name)

    def start_tunnels(self):
        """Gives every client its tunnel device: the kernel's sit where it has one, else ours."""
        self.use_sit = kernel_has_sit()
        if not self.use_sit:
            make_tun_node()
        for client in self.clients:
            client.start_tunnel(self.use_sit)
        first = self.clients[0]
        first.namespace.sysctl("net.ipv6.conf.all.forwarding", 1)

    def wait_for_link(self, namespace, device):
        from .processes import wait_until

        wait_until(
            lambda: namespace.run(["ip", "link", "show", device, "up"], check=False).stdout,
            f"{device} in {namespace.name} is up",
        )

    def _connect_pop(self):
        """The router's end of a port is named after it. It is the PoP's gateway on each family."""
        router = self.router
        router.sysctl("net.ipv4.ip_forward", 1)
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for port, families in self.ports.items():
            connect(router, port, self.pop, port)
            # With af_packet the PoP's kernel sees every frame too: it must not answer any.
            self.pop.sysctl(f"net.ipv6.conf.{port}.disable_ipv6", 1)
            self.pop.ip(f"link set {port} arp off")
            if "ipv4" in families:
                router.ip(f"address add {POP_IPV4_GATEWAY}/30 dev {port}")
            if "ipv6" in families:
                router.ip(f"-6 address add {POP_IPV6_GATEWAY}/64 dev {port} nodad")
        for space in POOL_SPACE:
            router.ip(f"-6 route add {space} via {POP_IPV6}")

    def _connect_broker(self):
        connect(self.router, "broker", self.pop, "broker")
        self.router.ip(f"address add {BROKER_IPV4_GATEWAY}/30 dev broker")
        self.router.ip(f"-6 address add {BROKER_IPV6_GATEWAY}/64 dev broker nodad")
        self.pop.ip(f"address add {BROKER_IPV4}/30 dev broker")
        self.pop.ip(f"-6 address add {BROKER_IPV6}/64 dev broker nodad")
        self.pop.ip(f"route add default via {BROKER_IPV4_GATEWAY}")
        self.pop.ip(f"-6 route add default via {BROKER_IPV6_GATEWAY}")

    def give_host_ipv4(self):
        """An IPv4 internet beyond the PoP: the host has an address, the router a way to the pool."""
        self.router.ip("address replace 198.18.1.1/24 dev host")
        self.host.ip(f"address replace {HOST_IPV4}/24 dev eth0")
        self.host.ip("route replace default via 198.18.1.1")
        self.router.ip(f"route replace {IPV4_POOL} via {POP_IPV4}")

    def give_client_ipv6_underlay(self, client):
        """An IPv6 address of the access network, and a way to the PoP outside the tunnel."""
        prefix = f"2001:db8:0:1{client.number}"
        self.router.ip(f"-6 address replace {prefix}::1/64 dev client{client.number} nodad")
        client.namespace.ip(f"-6 address replace {prefix}::2/64 dev eth0 nodad")
        client.namespace.ip(f"-6 route replace {POP_IPV6}/128 via {prefix}::1")
        return f"{prefix}::2"

    @property
    def ipv6_port(self):
        return next(port for port, families in self.ports.items() if "ipv6" in families)

    def _connect_host(self):
        connect(self.router, "host", self.host, "eth0")
        self.router.ip(f"-6 address add {ROUTER_HOST_IPV6}/64 dev host nodad")
        self.host.ip(f"-6 address add {HOST_IPV6}/64 dev eth0 nodad")
        self.host.ip(f"-6 route add default via {ROUTER_HOST_IPV6}")

    def _connect_client(self, client):
        interface = f"client{client.number}"
        connect(self.router, interface, client.namespace, "eth0")
        self.router.ip(f"address add {client.ipv4_gateway}/30 dev {interface}")
        client.namespace.ip(f"address add {client.ipv4}/30 dev eth0")
        client.namespace.ip(f"route add default via {client.ipv4_gateway}")

    def _connect_lan(self, client):
        prefix = next(client.delegated_prefix.subnets(new_prefix=64))
        self.lan_gateway, self.lan_ipv6 = str(prefix[1]), str(prefix[2])
        connect(client.namespace, "lan", self.lan1, "eth0")
        client.namespace.ip(f"-6 address add {self.lan_gateway}/64 dev lan nodad")
        self.lan1.ip(f"-6 address add {self.lan_ipv6}/64 dev eth0 nodad")
        self.lan1.ip(f"-6 route add default via {self.lan_gateway}")


def kernel_has_sit():
    probe = Namespace("sit-probe")
    try:
        probe.run(["modprobe", "sit"], check=False)
        command = "ip link add probe type sit local 192.0.2.1 remote 192.0.2.2".split()
        return probe.run(command, check=False).returncode == 0
    finally:
        probe.close()


def make_tun_node():
    """A bare chroot has no /dev/net/tun."""
    path = "/dev/net/tun"
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(10, 200))
