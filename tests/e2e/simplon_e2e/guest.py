# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What an emulated Linux machine boots: Debian's cloud kernel and a small initramfs."""

import glob
import gzip
import lzma
import os
import re
import shutil
import subprocess
import tempfile

from .processes import run_checked

KERNEL_PACKAGE = "linux-image-cloud-amd64"


def fetch_kernel(directory):
    """Unpacks the kernel package that KERNEL_PACKAGE depends on. Returns (version, root)."""
    present = glob.glob(os.path.join(directory, "lib/modules/*"))
    if not present:
        depends = run_checked(["apt-cache", "depends", KERNEL_PACKAGE]).stdout
        package = re.search(r"Depends: (linux-image-\S+)", depends)[1]
        # apt's own unprivileged user cannot write into our folder; we are root anyway.
        command = f"apt-get -q -o APT::Sandbox::User=root download {package}"
        subprocess.run(command.split(), cwd=directory, check=True, stdout=subprocess.DEVNULL)
        (archive,) = glob.glob(os.path.join(directory, "*.deb"))
        run_checked(["dpkg-deb", "-x", archive, directory], timeout=300)
        os.remove(archive)
        present = glob.glob(os.path.join(directory, "lib/modules/*"))
    return os.path.basename(present[0]), directory


def kernel_image(root, version):
    return os.path.join(root, "boot", f"vmlinuz-{version}")


def copy_program(path, tree):
    """The program into the tree's /bin, and the libraries it needs to where it looks for them."""
    shutil.copy(path, os.path.join(tree, "bin"))
    listed = run_checked(["ldd", path]).stdout
    for library in re.findall(r"(/\S+) \(0x", listed):
        os.makedirs(os.path.dirname(tree + library), exist_ok=True)
        shutil.copy(library, tree + library)


def build_initramfs(target, init, programs, modules=(), files=None):
    """`init`: the first process, a script of busybox's. `modules`: in order of loading. `files`: texts
    by name, for its root."""
    tree = tempfile.mkdtemp(prefix="simplon-initramfs-")
    try:
        for folder in ("bin", "modules", "proc", "sys", "dev"):
            os.mkdir(os.path.join(tree, folder))
        shutil.copy("/bin/busybox", os.path.join(tree, "bin/busybox"))
        shutil.copy(init, os.path.join(tree, "init"))
        for path in programs:
            copy_program(path, tree)
        for name, text in (files or {}).items():
            with open(os.path.join(tree, name), "w", encoding="ascii") as file:
                file.write(text)
        names = []
        for path in modules:
            name = os.path.basename(path).removesuffix(".xz")
            opener = lzma.open if path.endswith(".xz") else open
            with opener(path, "rb") as source:
                with open(os.path.join(tree, "modules", name), "wb") as copy:
                    shutil.copyfileobj(source, copy)
            names.append(name)
        with open(os.path.join(tree, "modules.list"), "w", encoding="ascii") as file:
            file.write("\n".join(names) + "\n")
        archive = subprocess.run(
            "find . -print0 | cpio --null --quiet -o -H newc",
            shell=True, cwd=tree, check=True, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip
        with gzip.open(target, "wb", compresslevel=1) as file:
            file.write(archive)
    finally:
        shutil.rmtree(tree)
