# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What all verbs share: help, errors, formats, --watch, the event stream, shells and the manual."""

import csv
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time

from harness import case, expect, expect_lines, expect_text


def verbs(pop, *path):
    """Every command of the grammar, as --help lists them."""
    text = pop.ok(*path, "--help")
    yield path, text
    if "\nCommands:\n" in text:
        listed = text.split("\nCommands:\n")[1].split("\n\n")[0]
        for line in listed.splitlines():
            if line.startswith("  ") and line[2] != " ":
                yield from verbs(pop, *path, line.split()[0])


@case("every command has help with a usage line, options and examples")
def _(pop):
    seen = 0
    for path, text in verbs(pop):
        expect(text.startswith(" ".join(["simplonctl", *path]) + ": "), text)
        expect("\nUsage:\n" in text and "\n  -h, --help " in text, text)
        if "\nCommands:\n" not in text or "options]\n  " in text:
            expect("\nExamples:\n  simplonctl " in text, text)
        seen += 1
    expect(seen >= 55, f"only {seen} commands")


@case("a wrong command line ends with 2 and says where the help is")
def _(pop):
    pop.fails(2, err=["simplonctl: which command\\?", "simplonctl: see 'simplonctl --help'"])
    pop.fails(2, "tunnel", "show", out="",
              err=["simplonctl: .*TUNNEL.*", "simplonctl: see 'simplonctl tunnel show --help'"])
    pop.fails(2, "tunnel", "list", "--nonsense")
    pop.fails(2, "-o", "xml", "tunnel", "list")
    pop.ok("--version", out=pop.ok("--version"))


@case("a server that is not there is exit code 5, with its name and what to do")
def _(pop):
    pop.fails(5, "--server", "unix:/nonexistent/admin.sock", "pop", "status",
              err=r"simplonctl: cannot reach simplon-control at unix:/nonexistent/admin\.sock: "
              r"No such file or directory; is simplon-control running\? .+")  # fmt: skip
    pop.fails(5, "--server", "127.0.0.1:1", "tunnel", "list",
              err=r"simplonctl: cannot reach simplon-control at 127\.0\.0\.1:1: .*refused.*")
    pop.stop_control()
    for arguments in (
        ["tunnel", "list"], ["tunnel", "create", "--remote", "198.51.100.1"], ["pool", "list"],
        ["config", "show"], ["counters"], ["drops"], ["watch"], ["snapshot", "show"],
    ):  # fmt: skip
        pop.fails(5, *arguments, err=r"simplonctl: cannot reach simplon-control at unix:.+")


@case("the server can come from the environment, and --server wins")
def _(pop):
    def run(*arguments, server):
        return subprocess.run(
            [pop.programs.cli, *arguments], capture_output=True, encoding="utf-8", check=False,
            env=pop.environment(SIMPLON_SERVER=server),
        ).returncode  # fmt: skip

    expect(run("pop", "status", server=pop.socket) == 0, "a path")
    expect(run("pop", "status", server="unix:" + pop.socket) == 0, "unix:path")
    expect(run("pop", "status", server="unix:/nonexistent") == 5, "the environment is not read")
    expect(run("-s", pop.socket, "pop", "status", server="unix:/nonexistent") == 0, "--server")


@case("a server that does not answer is exit code 5 after --timeout")
def _(pop):
    os.kill(pop.control.pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        pop.fails(5, "--timeout", "300ms", "pop", "status",
                  err=r"simplonctl: simplon-control at .+ did not answer in time; --timeout .+")
        expect(time.monotonic() - begin < 5, "took too long")
    finally:
        os.kill(pop.control.pid, signal.SIGCONT)


@case("what needs a dataplane is exit code 5 without one, the rest works")
def _(pop):
    for arguments in (
        ["counters"], ["counters", "--all"], ["drops"], ["worker", "show"], ["port", "show"],
        ["neighbor", "show"], ["conservation", "check"],
    ):  # fmt: skip
        pop.fails(5, *arguments, out="", err=r"simplonctl: .+ \[DATAPLANE_UNAVAILABLE\]")
    out = pop.ok("snapshot", "show")
    expect("\npublish.state " in out and "DISCONNECTED" in out, out)
    expect("never" in dict(line.split(None, 1) for line in out.splitlines())["activate_time"], out)


@case("drops explain needs no server, and knows what is similar")
def _(pop):
    pop.stop_control()
    out = pop.ok("drops", "explain", "outer-source-mismatch")
    expect_lines(out, [
        "reason    outer-source-mismatch", "category  decap",
        "meaning   outer source is not the endpoint of the tunnel that owns the inner source",
        "answer    none",
    ])  # fmt: skip
    expect("code 3: address unreachable" in pop.ok("drops", "explain", "no-such-endpoint"), "answer")
    everything = pop.ok("drops", "explain").splitlines()
    expect(everything[0].split() == ["REASON", "CATEGORY", "MEANING"], everything[0])
    expect(len(everything) > 50, str(len(everything)))
    expect(len(pop.json("drops", "explain")["drops"]) == len(everything) - 1, "json")
    pop.fails(3, "drops", "explain", "source",
              err="simplonctl: source: no such reason; is it .*outer-source-mismatch.*")
    pop.fails(3, "drops", "explain", "gremlins", err="simplonctl: gremlins: no such reason; see .+")


@case("--watch prints blocks separated by a blank line until it is interrupted")
def _(pop):
    running = pop.spawn("tunnel", "list", "--watch", "0.1")
    running.wait_for("TUNNEL", times=3)
    code, out, err = running.end(signal.SIGINT)
    expect(code == 0 and err == "", f"{code} {err}")
    blocks = out.split("\n\n")
    expect(len(blocks) >= 3 and all(b.startswith("TUNNEL  SLOT") for b in blocks), out)


def on_terminal(pop, frames, *arguments):
    """Exit code, and what a terminal of 80 columns and 24 lines gets until Ctrl-C."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = pop.command(*arguments)
        os.execve(command[0], command, pop.environment())
    out = b""
    deadline = time.monotonic() + 30
    interrupted = False
    while True:
        expect(time.monotonic() < deadline, f"does not end: {out}")
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            out += data
        if not interrupted and out.count(b"\x1b[H") >= frames:
            interrupted = True
            os.write(terminal, b"\x03")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), out.decode()


@case("--watch on a terminal draws in place and never scrolls")
def _(pop):
    for i in range(30):
        pop.ok("tunnel", "create", f"T{i + 1}", "--remote", f"198.51.100.{i + 1}")
    code, out = on_terminal(pop, 3, "tunnel", "list", "-w", "0.2")
    expect(code == 0, f"exit code {code}: {out}")
    frames = out.split("\x1b[H")[1:]
    expect(len(frames) >= 3, repr(out))
    for frame in frames:
        if "^C" in frame:
            continue  # the terminal throws away what is on its way when it is interrupted
        lines = frame.split("\n")
        expect(len(lines) <= 24, f"{len(lines)} lines")
        expect("not high enough" in frame, frame)
        longest = max(len(line.replace("\x1b[K", "").replace("\x1b[J", "").rstrip("\r"))
                      for line in lines)  # fmt: skip
        expect(longest <= 80, f"{longest} columns")


@case("csv has a row for each thing listed, under the names of the API")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--description", "Jane, \"J\"",
           "--delegated-prefix", "2001:db8:3001::/48", "--delegated-prefix", "2001:db8:3002::/48")
    pop.ok("tunnel", "create", "T2", "--remote", "198.51.100.2")
    for arguments in (["tunnel", "list"], ["tunnel", "show", "T1"]):
        rows = list(csv.DictReader(pop.ok("-o", "csv", *arguments).splitlines()))
        expect(rows[0]["name"] == "tunnels/T1" and rows[0]["slot"] == "0", str(rows))
        expect(rows[0]["description"] == 'Jane, "J"', str(rows))
        expect(rows[0]["delegated_prefixes"] == "2001:db8:3001::/48 2001:db8:3002::/48", str(rows))
    expect(len(pop.ok("-o", "csv", "--no-headers", "tunnel", "list").splitlines()) == 2, "heads")
    rows = list(csv.DictReader(pop.ok("-o", "csv", "pool", "list").splitlines()))
    expect(rows[1]["pool.name"] == "link" and rows[1]["units_used"] == "2", str(rows))
    (status,) = csv.DictReader(pop.ok("-o", "csv", "pop", "status").splitlines())
    expect(status["tunnels"] == "2" and status["publish.state"] == "DISCONNECTED", str(status))
    pop.fails(2, "-o", "csv", "config", "show")
    pop.fails(2, "-o", "csv", "watch")


@case("watch streams changes as lines, as JSON lines and as YAML documents")
def _(pop):
    def stream(*arguments):
        running = pop.spawn("watch", "--kind", "tunnel", "--initial-state", "--count", "4", *arguments)
        running.wait_for("sync")
        return running

    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    lines, documents, objects = stream(), stream("-o", "yaml"), stream("-o", "json")
    pop.ok("tunnel", "update", "T1", "--mtu", "1300")
    pop.ok("tunnel", "delete", "T1")
    code, out, err = lines.end()
    expect(code == 0 and err == "", f"{code}: {out}{err}")
    stamp = r"\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  "
    expect_lines(out, [
        r"SEQUENCE  TIME-UTC             EVENT      WHAT",
        stamp + r"change     tunnels/T1: created, slot 0, remote 198\.51\.100\.1",
        stamp + r"sync       what follows is new",
        stamp + r"change     tunnels/T1: mtu 0 -> 1300",
        stamp + r"change     tunnels/T1: deleted",
    ])  # fmt: skip
    _, out, _ = objects.end()
    events = [json.loads(line) for line in out.splitlines()]
    expect(len(events) == 4 and events[3]["change"]["action"] == "DELETED", out)
    _, out, _ = documents.end()
    expect(out.count("---\n") == 4 and "\nchange:\n  name: tunnels/T1\n" in out, out)

    # What was missed comes again.
    sequence = events[2]["sequence"]
    again = pop.ok("-o", "json", "watch", "--kind", "tunnel", "--resume-after", sequence, "--count", "1")
    expect(json.loads(again)["change"]["action"] == "DELETED", again)
    only = pop.spawn("watch", "--name", "T7", "--name", "pools/link", "--kind", "tunnel", "--count", "2")
    only.wait_for("sync")
    pop.ok("tunnel", "create", "T6", "--remote", "198.51.100.6")
    pop.ok("tunnel", "create", "T7", "--remote", "198.51.100.7")
    _, out, _ = only.end()
    expect("T7: created" in out and "T6" not in out, out)


@case("watch ends with 0 at Ctrl-C and with 5 when control goes, saying how to go on")
def _(pop):
    running = pop.spawn("watch")
    running.wait_for("sync")
    code, _, err = running.end(signal.SIGINT)
    expect(code == 0 and err == "", f"{code}: {err}")
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    running = pop.spawn("watch", "--initial-state")
    running.wait_for("sync")
    pop.stop_control()
    code, out, err = running.end()
    expect(code == 5, f"{code}: {out}{err}")
    expect("go on with --resume-after " in err, err)


@case("output that cannot be written is an error")
def _(pop):
    with open("/dev/full", "w", encoding="utf-8") as full:
        finished = subprocess.run(
            pop.command("tunnel", "list"), stdout=full, stderr=subprocess.PIPE, encoding="utf-8",
            env=pop.environment(), check=False,
        )  # fmt: skip
    expect(finished.returncode == 1, str(finished))
    expect_text(finished.stderr, "simplonctl: cannot write to standard output\n")


@case("completion knows commands, options, tunnels, pools and accounts of the server")
def _(pop):
    pop.ok("tunnel", "create", "T18572", "--remote", "198.51.100.1")
    pop.ok("account", "create", "ann@example.net", "--generate-secret")

    def words(*line):
        out = subprocess.run(
            [pop.programs.cli, "__complete", *line], capture_output=True, encoding="utf-8",
            env=pop.environment(SIMPLON_SERVER=pop.socket), check=True,
        ).stdout  # fmt: skip
        return [candidate.split("\t")[0] for candidate in out.splitlines()]

    expect(words("tunnel", "show", "") == ["T18572"], str(words("tunnel", "show", "")))
    expect(words("pool", "show", "h") == ["homes"], "pools")
    expect(words("account", "show", "a") == ["ann@example.net"], "accounts")
    expect(words("tunnel", "update", "T1", "--account", "") == ["ann@example.net"], "accounts")
    expect(words("tunnel", "l") == ["list"], "verbs")
    expect(words("config", "apply", "") == [":files"], "files")
    expect(words("tunnel", "error-packet", "T18572", "icmpv4-e") ==
           ["icmpv4-error-received", "icmpv4-echo-received"], "errors")  # fmt: skip
    expect(words("tunnel", "create", "--password", "") == [], "a password")
    expect(words("tunnel", "create", "--password-file", "") == [":files"], "a password's file")
    expect("dynamic" in words("tunnel", "create", "--type", "dyn"), "types")
    expect(words("tunnel", "client-config", "") == ["T18572"], "a tunnel of client-config")
    expect(words("tunnel", "client-config", "T18572", "--for", "sys") == ["systemd-networkd"], "--for")
    expect(words("-s", "/nonexistent", "tunnel", "show", "") == [], "no server")


@case("the completion scripts are what their shells understand")
def _(pop):
    for shell, check in (("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])):
        script = pop.write("completion." + shell, pop.ok("completion", shell))
        if shutil.which(shell):
            subprocess.run([shell, *check, script], check=True)
    if shutil.which("fish"):
        os.symlink(os.path.abspath(pop.programs.cli), pop.path("simplonctl"))
        fish = "simplonctl completion fish | source; complete -C 'simplonctl tunnel create --password X --mtu-mode dy'"
        out = subprocess.run(["fish", "-c", fish], capture_output=True, encoding="utf-8", check=True,
                             env=pop.environment(PATH=pop.folder + ":" + os.environ["PATH"]))  # fmt: skip
        expect_text(out.stdout + out.stderr, "dynamic\n")
    bash = f"""
        source {pop.path("completion.bash")}
        simplonctl() {{ {pop.programs.cli} "$@"; }}
        complete_line() {{
          COMP_WORDS=("$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _simplonctl
          echo "${{COMPREPLY[*]}}"
        }}
        complete_line simplonctl tunnel ena
        complete_line simplonctl -s unix : /nonexistent tunnel dis
        complete_line simplonctl tunnel create --mtu-mode ""
        simplonctl() {{ echo "$*"; }}
        complete_line simplonctl tunnel create --password SECRET --mt
        complete_line simplonctl tunnel create --password = SECRET --mt
        complete_line simplonctl tunnel create --password SEC
        complete_line simplonctl account create ann --secret SEC --st
        complete_line simplonctl tunnel set-update-key T1 --update-key = SEC
    """
    out = subprocess.run(["bash", "-c", bash], capture_output=True, encoding="utf-8", check=True)
    expect_text(out.stdout, "enable\ndisable\ndynamic static\n"
                "__complete tunnel create --password x --mt\n"
                "__complete tunnel create --password=x --mt\n"
                "__complete tunnel create --password x\n"
                "__complete account create ann --secret x --st\n"
                "__complete tunnel set-update-key T1 --update-key=x\n", out.stderr)


@case("the manual page is clean and names every verb")
def _(pop):
    page = pop.write("simplonctl.1", pop.ok("man"))
    text = pop.read("simplonctl.1")
    for path, _ in verbs(pop):
        if len(path) == 2:
            expect(f".SS simplonctl {' '.join(path)}".replace("-", "\\-") in text, str(path))
    if shutil.which("groff"):
        checked = subprocess.run(
            ["groff", "-man", "-ww", "-Tutf8", "-z", page], capture_output=True, check=True
        )
        expect(checked.stderr == b"", checked.stderr.decode())
