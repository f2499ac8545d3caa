# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl tunnel client-config; what it says for each system is in tests/golden/client-config."""

from harness import case, expect


@case("client-config puts the tunnel, the PoP and its prefixes together")
def _(pop):
    pop.ok("tunnel", "create", "T7", "--remote", "198.51.100.7", "--delegated-prefix",
           "2001:db8:3001::/48")  # fmt: skip
    out = pop.ok("tunnel", "client-config", "T7", "--for", "linux")
    expect("type sit local 198.51.100.7 remote 192.0.2.10 ttl 64\n" in out, out)
    expect("ip -6 address add 2001:db8:1::2/64 dev simplon\n" in out, out)
    expect("unreachable 2001:db8:3001::/48\n" in out, out)
    # By any of its names, like other commands.
    expect(out == pop.ok("tunnel", "client-config", "198.51.100.7", "--for", "LINUX"), out)
    result = pop.run("tunnel", "client-config", "T7", "--for", "aiccu", "--host", "pop.example.net")
    expect("\nserver pop.example.net\n" in result.out and result.err == "", str(result))
    result = pop.run("tunnel", "client-config", "T7", "--for", "aiccu")
    expect("\nserver 192.0.2.10\n" in result.out and "without --host" in result.err, str(result))


@case("client-config has secrets only when they are asked for")
def _(pop):
    password = "it's-a-password-of-T8"
    pop.ok("tunnel", "create", "T8", "--type", "heartbeat", "--password", password)
    out = pop.ok("tunnel", "client-config", "T8", "--for", "linux")
    expect("PASSWORD-OF-T8" in out and "s-a-password" not in out, out)
    out = pop.ok("tunnel", "client-config", "T8", "--for", "linux", "--with-secrets")
    expect("PASSWORD-OF-T8" not in out, out)
    expect("'it'\\''s-a-password-of-T8'" in out, out)


@case("client-config refuses what a system cannot do, and says what can")
def _(pop):
    pop.ok("tunnel", "create", "T9", "--type", "ayiya", "--generate-password")
    pop.fails(
        1, "tunnel", "client-config", "T9", "--for", "ios", out="",
        err=[r"simplonctl: T9 is of type ayiya, which ios cannot do: .+",
             r"simplonctl: what can do it: aiccu and simplon-client",
             r"simplonctl: ios can do tunnels of type: proto41, .+"],
    )  # fmt: skip
    pop.fails(3, "tunnel", "client-config", "T10", "--for", "ios")
    pop.fails(2, "tunnel", "client-config", "T9", "--for", "toaster")
    pop.fails(2, "tunnel", "client-config", "T9")
