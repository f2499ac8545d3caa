# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
#
# Sourced by every script here: where the tree is, how to talk, how many jobs to run.

SIMPLON_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C.UTF-8

say() { printf '== %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  complain "$@"
  exit 1
}

# Prints the comment block at the top of the calling script: that is its help text.
usage() { awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

# Compiling one gRPC translation unit takes about 1.2 GiB, so memory limits the jobs as cores do.
parallel_jobs() {
  local cores memory_jobs
  cores=$(nproc)
  memory_jobs=$(awk '/^MemAvailable/ { print int($2 / 1024 / 1200) }' /proc/meminfo)
  if ((memory_jobs < 1)); then memory_jobs=1; fi
  echo $((cores < memory_jobs ? cores : memory_jobs))
}

# Prints the files of ours whose name ends in one of the given suffixes, sorted.
source_files() {
  local folder suffix
  for folder in client control dataplane proto tests; do
    [[ -d $SIMPLON_ROOT/$folder ]] || continue
    for suffix in "$@"; do (cd "$SIMPLON_ROOT" && find "$folder" -name "*.$suffix"); done
  done | sort
}
