#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tests of the oracle: it runs without a deviation, sees a wrong top machine and a wrong core, and what it prints runs again.  TAP.
# The runner of planted faults is called by name.
# shellcheck disable=SC2317
set -u
: "${ORACLE:?}" "${FUZZ:?}" "${OUT:?}" "${CALLS:=1000000}" "${MINUTES:=3}" "${SEED:=1}" "${CC:=gcc}" "${CORE_CFLAGS:?}" "${LIBS:?}"
here=$(cd "$(dirname "$0")/.." && pwd)
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
n=0 failed=0

# expect TEXT STATUS PATTERN COMMAND...: ends so, with a line that matches
expect()
{
	text=$1 status=$2 pattern=$3
	shift 3
	n=$((n + 1))
	"$@" >"$tmp/out" 2>&1
	got=$?
	if [ $got -eq "$status" ] && grep -aEq "$pattern" "$tmp/out"; then
		echo "ok $n - $text"
	else
		failed=1
		echo "not ok $n - $text"
		echo "# status $got, expected $status and a line like '$pattern'"
		tail -n 30 "$tmp/out" | sed 's/^/# /'
	fi
}

# The tool
expect '--help' 0 '^Usage: oracle' "$ORACLE" --help
expect 'an unknown option' 2 'see --help' "$ORACLE" --unknown
expect 'no number' 2 "'many' is no number" "$ORACLE" --calls many
expect 'no such check' 2 "no check 'nothing'" "$ORACLE" --break nothing
expect 'no such file' 2 'No such file' "$ORACLE" --replay "$tmp/none"
printf 'machine 90 20 0x90000003 1 0 0 0 0\n0 hvc 0xc6004b04\n0 jump 1\n' >"$tmp/wrong"
expect 'an event that there is not' 2 'wrong:3: no such event' "$ORACLE" --replay "$tmp/wrong"
printf 'machine 90 20 0x90000003 1 0 0 0 0\n0 irq 1 2\n' >"$tmp/wrong"
expect 'more values than the event has' 2 'wrong:2: more values' "$ORACLE" --replay "$tmp/wrong"
printf '0 irq 1\n' >"$tmp/wrong"
expect 'no machine' 2 "wrong:1: expected 'machine'" "$ORACLE" --replay "$tmp/wrong"

# Sequences that are kept: what showed a deviation once
for f in "$here"/tests/*.events; do
	[ -r "$f" ] || continue
	expect "kept: $(basename "$f" .events)" 0 'no deviation' "$ORACLE" --replay "$f"
done

# Core and top machine; with all of its state looked at after every step, then with much of it
expect 'a run with an audit after each step' 0 'no deviation' "$ORACLE" --calls 2000 --seed "$SEED" --audit 1
expect "$CALLS events" 0 'no deviation' "$ORACLE" --calls "$CALLS" --seed "$SEED"
grep '^#' "$tmp/out"

# A wrong top machine: each of its checks taken away (top/Needed.v)
for check in owner maps scrub exit enter fp unshare host-fp; do
	expect "without the check '$check' in the top machine" 1 '^deviation: ' "$ORACLE" --break $check --calls 200000 --output "$tmp/$check"
	sed -n 's/^# after/&/p' "$tmp/out"
	expect "the sequence that shows it: '$check'" 1 '^deviation: ' "$ORACLE" --break $check --replay "$tmp/$check"
	expect "is none with the check: '$check'" 0 'no deviation' "$ORACLE" --replay "$tmp/$check"
done

# A wrong core: a sample of the planted faults; and the runner fails where it has to
planted()
{
	"$here/planted.sh" --build "$OUT" --cc "$CC" --cflags "$CORE_CFLAGS" --libs "$LIBS" "$@"
}
expect 'planted faults, a sample' 0 '^# [1-9][0-9]* of [0-9]* found, 0 not seen' planted --sample --jobs 2
sed -n '/^#/p; s/^ok [0-9]* - /# /p' "$tmp/out"
printf 'mutant neutral: none\nclass missing check\n--- old\n\tif (value > v)\n--- new\n\tif (v < value)\n--- end\n' >"$tmp/stats.mutants"
echo neutral >"$tmp/list"
expect 'a fault that is none, in the list of those that are found' 1 '^not ok 1 - neutral: not seen' planted --mutants "$tmp" --list "$tmp/list" --calls 3000
printf 'mutant nowhere: none\nclass missing check\n--- old\n\tif (value > w)\n--- new\n\tif (v < value)\n--- end\n' >"$tmp/stats.mutants"
echo nowhere >"$tmp/list"
expect 'a fault that does not apply' 1 '^not ok 1 - nowhere: change 1 does not apply' planted --mutants "$tmp" --list "$tmp/list" --calls 3000
printf 'mutant seen: the host reads the next counter\nclass wrong register\n--- old\n\treturn stat_total(id);\n--- new\n\treturn stat_total(id) + 1UL;\n--- end\n' \
	>"$tmp/stats.mutants"
echo 'seen - said not to be' >"$tmp/list"
expect 'a fault that is said not to be seen, and is' 1 '^not ok 1 - seen: found after' planted --mutants "$tmp" --list "$tmp/list" --calls 60000
echo other >"$tmp/list"
expect 'a fault that is not in the list, and a line without a fault' 1 '^not ok - other is in the list' planted --mutants "$tmp" --list "$tmp/list" --calls 3000

# The fuzzer
if [ "$MINUTES" -gt 0 ]; then
	expect "fuzzer: $MINUTES minutes" 0 '^# sequences: [1-9]' "$here/fuzz.sh" --fuzz "$FUZZ" --output "$OUT/fuzz-run" --minutes "$MINUTES"
	grep '^#' "$tmp/out"
fi
echo "1..$n"
exit $failed
