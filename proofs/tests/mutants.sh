#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mutants.sh of proofs/ is made to fail: by a change that changes nothing, and by faults that are not what they say.
# OUT: a build directory in which `make mutants' has everything that it needs.
set -u
: "${OUT:?}" "${COQC:=coqc}"
export COQC
cd "$(dirname "$0")/.." || exit 3
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

# A fault of core/stats.c: name, lines of its head, old text, new text
fault()
{
	printf 'mutant %s: test\n%s\n--- old\n%s\n--- new\n%s\n--- end\n\n' "$1" "$2" "$3" "$4" >>"$tmp/stats.mutants"
}

fault comment 'class missing check' '/* KCORE_HC_VERSION */' '/* Version */'
fault neutral 'class missing check' '	if (value > v)' '	if (v < value)'
fault caught 'class missing check' '	if (value > v)' '	if (value == v)'
fault caught-said "class missing check
survives: it is not" '	if (value > v)' '	if (value == v)'
fault nowhere 'class missing check' '	if (value > w)' '	if (value == w)'
fault twice 'class missing check' '	u64 v = get_cpu_stat(cpu * KCORE_NR_STATS + id);' '	u64 v = get_cpu_stat(id);'
fault no-class 'class bad luck' '	if (value > v)' '	if (value == v)'
fault no-c 'class missing check' '	if (value > v)' '	if (value > nothing)'

# expect TEXT STATUS PATTERN ARGUMENTS...: the runner ends with this status and prints a line that matches
expect()
{
	text=$1 status=$2 pattern=$3
	shift 3
	n=$((n + 1))
	./mutants.sh --build "$OUT" --mutants "$tmp" --output "$tmp/o" "$@" >"$tmp/out" 2>&1
	got=$?
	if [ $got -eq "$status" ] && grep -q "$pattern" "$tmp/out"; then
		echo "ok $n - $text"
	else
		failed=1
		echo "not ok $n - $text"
		sed 's/^/# /' "$tmp/out"
		echo "# status $got, expected $status and a line like '$pattern'"
	fi
}

expect 'a changed comment is no fault' 1 '^not ok - comment .*survives: the translation is the same' comment
expect 'a change that changes nothing survives, and that is a failure' 1 '^not ok - neutral .*survives: all [0-9]* files compile' neutral
expect 'a fault is caught, with file and lemma' 0 '^ok - caught .*caught by code/Stats.v: stat_max_ok$' caught
expect 'a fault that is said to survive and is caught is a failure' 1 '^not ok - caught-said .*said to survive' caught-said
printf '#!/bin/sh\nwhile :; do :; done\n' >"$tmp/endless"
chmod +x "$tmp/endless"
prover=$COQC COQC=$tmp/endless
expect 'a proof that does not end is not a fault caught' 1 '^not ok - caught .*not ended within 1 s' --limit 1 caught
COQC=$prover
expect 'a fault that does not apply is a failure' 1 '^not ok - nowhere .*does not apply' nowhere
expect 'a fault that applies in two places is a failure' 1 '^not ok - twice .*does not apply' --apply twice
expect 'a fault of no class is a failure' 1 '^not ok - no-class .*no class' --apply no-class
expect 'a fault that is no C is a failure' 1 '^not ok - no-c .*is no C' no-c
expect 'an unknown fault is a wrong argument' 2 "no fault 'unknown'" unknown
printf 'mutant caught: again\nclass missing check\n--- old\na\n--- new\nb\n--- end\n' >"$tmp/log.mutants"
expect 'two faults of one name are an error' 3 'two faults have the name caught' caught
echo "1..$n"
[ $failed -eq 0 ]
