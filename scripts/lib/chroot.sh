# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
#
# Clean Debian chroots. Needs common.sh and root.

# The mirror this machine installs from itself: the first source that carries `main` and is not the security archive.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
    grep -v security | sort -u | head -n 1
}

# make_chroot SUITE DIR [TARBALL]: a minimal Debian in DIR, from TARBALL when that exists; makes
# TARBALL when it is named and does not exist.
make_chroot() {
  local suite=$1 dir=$2 tarball=${3:-}
  mkdir -p "$dir"
  if [[ $tarball && -f $tarball ]]; then
    tar -C "$dir" -xf "$tarball"
  else
    debootstrap --variant=minbase "$suite" "$dir" "${SIMPLON_MIRROR:-$(debian_mirror)}" >"$dir.debootstrap.log" ||
      { tail -n 20 "$dir.debootstrap.log" >&2; die "debootstrap $suite failed"; }
    if [[ $tarball ]]; then tar -C "$dir" -cf "$tarball" .; fi
  fi
  cp /etc/resolv.conf "$dir/etc/resolv.conf"
}

# copy_tree DIR: the sources as they are on disk (what git knows or would add) to DIR.
copy_tree() {
  mkdir -p "$1"
  (cd "$SIMPLON_ROOT" && git ls-files -z --cached --others --exclude-standard |
    xargs -0 -I{} sh -c 'test -e "$1" && printf "%s\0" "$1"' _ {} |
    tar --null --files-from=- -cf -) | tar -C "$1" -xf -
}

# in_chroot DIR COMMAND...: runs it with /proc, /sys and /dev. The mounts are in a mount namespace of
# their own and the processes in a process namespace, so both are gone when this returns, however it
# ends: removing DIR afterwards cannot reach into the host's /dev.
in_chroot() {
  local dir=$1
  shift
  unshare --mount --propagation private --pid --fork --kill-child bash -c '
    set -e
    dir=$1
    shift
    mount --bind "$dir" "$dir"
    mount -t proc proc "$dir/proc"
    mount --rbind /sys "$dir/sys"
    mount --rbind /dev "$dir/dev"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" CI="${CI:-}" \
      http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
      chroot "$dir" "$@"' _ "$dir" "$@"
}
