#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
#
# Sends one heartbeat for a tunnel. Run it once a minute, and when the address has changed.
#
#   beat.sh POP-ADDRESS TUNNEL-ADDRESS PASSWORD-FILE
#
# TUNNEL-ADDRESS is the client's end of the tunnel, ...::2. Needs md5sum and socat or bash, and a clock
# that is right to two minutes. The password is never in the list of processes.
set -eu
pop=$1 identity=$2 password=$(cat "$3") port=${BEAT_PORT:-3740}
text="HEARTBEAT TUNNEL $identity sender $(date +%s)"
digest=$(printf '%s' "$text $password" | md5sum | cut -d ' ' -f 1)
if command -v socat >/dev/null; then
  printf '%s' "$text $digest" | socat -u - "UDP:$pop:$port"
else
  BEAT="$text $digest" bash -c 'printf %s "$BEAT" >"/dev/udp/$0/$1"' "$pop" "$port"
fi
