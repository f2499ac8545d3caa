# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
#
# Running steps and summing what they say. Needs common.sh.

total_passed=0
total_failed=0
failed_steps=()
failure_lines=()
exit_commands=()
step_log=$(mktemp -t simplon-step-XXXXXX)

# on_exit COMMAND: run at the end of the script, also when it is interrupted. Last one first.
on_exit() { exit_commands=("$1" "${exit_commands[@]}"); }
run_exit_commands() {
  local command
  for command in "${exit_commands[@]}"; do eval "$command" || true; done
}
on_exit 'rm -f "$step_log"'
trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# run_step NAME COMMAND...: runs it and adds to the totals what its last "N passed, M failed" line
# says, or one case judged by its exit code when it prints none.
run_step() {
  local name=$1 passed=0 failed=0 status=0 start=$SECONDS summary
  shift
  say "$name"
  # In a shell of its own, where a failing command inside a function ends the step.
  set +e
  (set -e; "$@") 2>&1 | tee "$step_log"
  status=${PIPESTATUS[0]}
  set -e
  summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$step_log" | tail -n 1 || true)
  if [[ $summary ]]; then
    read -r passed _ failed _ <<<"$summary"
  elif ((status == 0)); then
    passed=1
  fi
  if ((status != 0 && failed == 0)); then failed=1; fi
  if ((failed)); then
    failed_steps+=("$name")
    # Who sees only the end of a long log shall know what to look for.
    mapfile -t -O ${#failure_lines[@]} failure_lines \
      < <(grep -E -A 30 '^FAILED' "$step_log" | grep -v -E '^ok ' | tail -n 60)
  fi
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  say "$name: $passed passed, $failed failed in $((SECONDS - start)) s"
}

# finish: prints the sum and ends the script.
finish() {
  if ((total_failed)); then
    printf '%s\n' "${failure_lines[@]}"
    say "failed: $(IFS=,; echo "${failed_steps[*]}")"
  fi
  echo "$total_passed passed, $total_failed failed"
  exit $((total_failed > 0))
}

# meson_test DIR: all tests meson knows, counted in cases. Prints the output of programs that fail.
meson_test() {
  local status=0 log=$1/meson-logs/testlog.json
  rm -f "$log"
  meson test -C "$1" --no-rebuild --print-errorlogs --timeout-multiplier 4 || status=$?
  [[ -f $log ]] || { echo "meson ran no tests"; return 1; }
  scripts/lib/meson_results.py "$log" || status=1
  return "$status"
}
