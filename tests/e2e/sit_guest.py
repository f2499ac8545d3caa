#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Runs a PoP against Linux's own sit in a QEMU guest (software emulation: no KVM needed). As root.

    sit_guest.py [--build-dir DIR] [--kernel-dir DIR]

For machines whose own kernel has no sit. Downloads Debian's cloud kernel package (unpacked into
--kernel-dir or a temporary folder, not installed), boots it with a small initramfs as client1, and
lets guest and host ping and transfer files through the tunnel in both directions. Before that the
client's own data path makes and removes its sit devices there, for a static tunnel and for one with
heartbeats. The last line is "N passed, M failed".
"""

import argparse
import hashlib
import http.server
import os
import re
import signal
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from simplon_e2e import traffic  # noqa: E402
from simplon_e2e.bed import Bed  # noqa: E402
from simplon_e2e.guest import build_initramfs, fetch_kernel, kernel_image  # noqa: E402
from simplon_e2e.pop import Programs  # noqa: E402
from simplon_e2e.processes import run_checked, stop_all, wait_until  # noqa: E402
from simplon_e2e.topology import HOST_IPV6, POP_IPV4, make_tun_node  # noqa: E402

MODULES = ["virtio_pci", "virtio_net", "sit"]
PAYLOAD_BYTES = 2 << 20
BOOT_SECONDS = 120


def module_files(root, version):
    """Paths of MODULES and of all they need, in order of loading."""
    run_checked(["depmod", "-b", root, version])
    needs = {}
    with open(os.path.join(root, "lib/modules", version, "modules.dep"), encoding="ascii") as file:
        for line in file:
            path, _, rest = line.partition(":")
            name = os.path.basename(path).split(".ko")[0].replace("-", "_")
            needs[name] = [path, *rest.split()]
    ordered = []
    for name in MODULES:
        # modules.dep lists a module before what it needs.
        for path in reversed(needs.get(name, [])):
            if path not in ordered:
                ordered.append(path)
    return [os.path.join(root, "lib/modules", version, path) for path in ordered]


class Guest:
    """The QEMU process, in client1's namespace, its network card bridged to client1's link."""

    def __init__(self, bed, client, kernel_dir):
        version, root = fetch_kernel(kernel_dir)
        self.console = os.path.join(bed.directory, "guest-console.log")
        initramfs = os.path.join(bed.directory, "initramfs.gz")
        home = bed.home
        build_initramfs(
            initramfs,
            os.path.join(HERE, "guest/init"),
            programs=[bed.programs.client_path],
            modules=module_files(root, version),
            files={"password": home.password},
        )
        namespace = client.namespace
        namespace.ip("address flush dev eth0")
        namespace.ip("tuntap add tap0 mode tap")
        namespace.ip("link add bridge0 type bridge")
        for port in ("eth0", "tap0"):
            namespace.ip(f"link set {port} master bridge0 up")
        namespace.ip("link set bridge0 up")
        settings = {
            "ipv4": client.ipv4,
            "gateway": client.ipv4_gateway,
            "pop": POP_IPV4,
            "inner": client.ipv6,
            "first_hop": client.pop_ipv6,
            "host": HOST_IPV6,
            "home": home.ipv6,
            "home_first_hop": home.pop_ipv6,
        }
        words = " ".join(f"sim.{key}={value}" for key, value in settings.items())
        self.process = namespace.spawn(
            ["qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nographic", "-no-reboot",
             "-kernel", kernel_image(root, version),
             "-initrd", initramfs,
             "-append", f"console=ttyS0 quiet panic=-1 {words}",
             "-netdev", "tap,id=net0,ifname=tap0,script=no,downscript=no",
             "-device", "virtio-net-pci,netdev=net0,romfile="],
            log_path=self.console,
        )  # fmt: skip

    def results(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return dict(re.findall(r"^RESULT (\S+) (\S*)\s*$", file.read(), re.M))

    def wait_ready(self):
        def ready():
            if not self.process.running:
                raise AssertionError(f"QEMU ended with exit code {self.process.returncode}")
            return "ready" in self.results()

        wait_until(ready, "the guest has run its part", timeout=BOOT_SECONDS, interval=0.2)
        return self.results()


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, fine, detail=""):
        if fine:
            self.passed += 1
            print(f"ok    sit: {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  sit: {name}: {detail}", flush=True)

    def attempt(self, name, function, *arguments, **options):
        try:
            function(*arguments, **options)
            self.check(name, True)
        except AssertionError as error:
            self.check(name, False, error)


def serve_payload(namespace, payload):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802  the library's name
            self.send_response(200)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    class Server(http.server.HTTPServer):
        address_family = 10  # AF_INET6

    server = namespace.call(Server, (HOST_IPV6, 8080), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(bed, kernel_dir, checks):
    client = bed.clients[0]
    payload = os.urandom(PAYLOAD_BYTES)
    server = serve_payload(bed.host, payload)
    bed.pop.create_tunnel(bed.home, "HEARTBEAT", password=bed.home.password)
    guest = Guest(bed, client, kernel_dir)
    results = guest.wait_ready()

    for name, meaning in {
        "static_up": "the client brings a static tunnel up with the kernel's sit",
        "static_ping": "a static tunnel of the client's carries pings",
        "static_full_size": "it has the MTU it was told",
        "static_stop": "the client ends in order",
        "static_gone": "and its device is gone",
        "heartbeat_up": "the client brings a heartbeat tunnel up with the kernel's sit",
        "heartbeat_ping": "its beats tell the PoP where it is: pings are answered",
        "heartbeat_again": "a device that a killed client has left is taken over",
        "heartbeat_again_ping": "and carries pings",
        "heartbeat_stop": "the client ends in order once more",
        "heartbeat_gone": "and its device is gone once more",
    }.items():
        checks.check(meaning, results.get(name) == "ok", results.get(name))
    errors = bed.pop.errors(bed.home)
    checks.check("the PoP believed every beat", not {e for e in errors if "beat" in e}, errors)
    checks.check("sit's default MTU is the tunnel's", results.get("mtu") == "1480", results)
    for name, meaning in {
        "ping_gateway": "the guest reaches its ::1",
        "ping_host": "the guest reaches the host",
        "ping_full_size": "packets of the tunnel's full MTU pass",
        "ping_fragments": "fragmented inner packets pass",
        "download": "the guest downloads from the host",
    }.items():
        checks.check(meaning, results.get(name) == "ok", results.get(name))
    digest = hashlib.sha256(payload).hexdigest()
    checks.check("what it downloaded is unchanged", results.get("download_sha256") == digest)
    checks.attempt("the host reaches the guest", traffic.expect_ping, bed.host, client.ipv6)
    checks.attempt(
        "full-size packets to the guest pass",
        traffic.expect_ping, bed.host, client.ipv6, size=1432, whole=True,
    )  # fmt: skip
    url = f"http://[{client.ipv6}]:8081/payload"
    uploaded = bed.host.run(["/usr/bin/python3", "-c", FETCH, url], check=False)
    checks.check("what the host downloads from the guest is unchanged",
                 uploaded.stdout.strip() == digest, uploaded.stderr)  # fmt: skip
    trace = traffic.tracepath(bed.host, client.ipv6)
    checks.check("tracepath sees three hops and an MTU of 1480",
                 (trace.hops, trace.mtu) == (3, 1480), trace.output)  # fmt: skip
    server.shutdown()
    checks.attempt("every packet had one fate", bed.check_conservation)
    guest.process.kill()


FETCH = """
import hashlib, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(hashlib.sha256(opener.open(sys.argv[1], timeout=60).read()).hexdigest())
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--kernel-dir", help="where the kernel is or will be unpacked")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="simplon-kernel-") as temporary:
        kernel_dir = arguments.kernel_dir or temporary
        os.makedirs(kernel_dir, exist_ok=True)
        make_tun_node()
        try:
            with Bed(Programs(arguments.build_dir), "af_packet", clients=1, tunnels=False) as bed:
                try:
                    run(bed, kernel_dir, checks)
                except AssertionError as error:
                    checks.check("the run completes", False, error)
                if checks.failed:
                    print(bed.logs())
        except KeyboardInterrupt:
            return 130
        finally:
            stop_all()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
