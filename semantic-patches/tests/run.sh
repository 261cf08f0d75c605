#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of the rules, in TAP: NN-name[.shape].c is made-up C in the shape of a range of releases,
# NN-name[.shape].res what the rule NN-name.cocci makes of it, and the line "// matches: H01 7" what
# it reports.  Each rule must have a test, and must do nothing to the other rules' tests.
#
#	run.sh [--update]	--update writes the .res files: read them before they are committed

set -u
here=$(cd "$(dirname "$0")" && pwd)
rules=$(dirname "$here")
export LC_ALL=C

command -v spatch >/dev/null || {
	echo "run.sh: spatch is not installed: apt-get install coccinelle" >&2
	exit 3
}
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3
update=
[ "${1:-}" != --update ] || update=yes
top=$(mktemp -d "${TMPDIR:-/tmp}/cocci-test.XXXXXX") || exit 3
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
count=0
failed=0

result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		echo "not ok $count - $2"
		sed 's/^/# /' "$top/why"
	fi
}

# apply RULE FILE: the result in $top/t.c, the matches in $top/matches
apply() {
	cp "$2" "$top/t.c"
	spatch --python "$python" --sp-file "$1" --macro-file "$rules/macros.h" --very-quiet --no-includes \
		--no-show-diff --in-place "$top/t.c" >"$top/matches" 2>"$top/why"
}

# As in the ledger: "H01 7, H02 1", hooks without a match as 0
matched() {
	hooks=$(sed -n 's/^\/\/ Hook: *//p' "$1" | grep -o '[HQ][0-9][0-9]*' | sort -u)
	for hook in $hooks; do
		echo "$hook $(grep -c "^MATCH $hook " "$top/matches")"
	done | paste -s -d , | sed 's/,/, /g'
}

# Each match in a function is at a line of the function that it names: the engine's anchor gate relies on it
positions() {
	awk 'NR == FNR { if (/^MATCH /) { n++; line[n] = $3; element[n] = $4 } next }
		/^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); known[name] }
		{ at[FNR] = name }
		END {
			for (i = 1; i <= n; i++)
				if (element[i] in known && at[line[i]] != element[i]) {
					print "match of " element[i] "() at line " line[i] ", which is in " at[line[i]] "()"
					wrong = 1
				}
			exit wrong
		}' "$top/matches" "$1"
}

for rule in "$rules"/[0-9][0-9]-*.cocci; do
	name=$(basename "$rule" .cocci)
	tested=1
	echo "there is no test for this rule" >"$top/why"
	for test in "$here/$name".c "$here/$name".*.c; do
		[ -f "$test" ] || continue
		tested=0
		apply "$rule" "$test"
		status=$?
		want=$(sed -n 's/^\/\/ matches: //p' "$test")
		got=$(matched "$rule")
		[ -z "$update" ] || cp "$top/t.c" "${test%.c}.res"
		if [ "$status" -eq 0 ]; then
			echo "matches: $got, expected $want" >"$top/why"
			[ "$got" = "$want" ] && diff -u "${test%.c}.res" "$top/t.c" >>"$top/why" && positions "$test" >>"$top/why"
			status=$?
		fi
		result "$status" "$(basename "$test")"
	done
	[ $tested -eq 0 ] || result 1 "$name"
done

# No rule reaches into what another is for: in all tests together it matches as often as in its own.
# Includes are left out, two rules share an anchor there.
cat "$here"/[0-9][0-9]-*.c | sed '/^#include/d' >"$top/all.c"
for rule in "$rules"/[0-9][0-9]-*.cocci; do
	name=$(basename "$rule" .cocci)
	for test in "$here/$name".c "$here/$name".*.c; do
		[ ! -f "$test" ] || sed '/^#include/d' "$test"
	done >"$top/own.c"
	apply "$rule" "$top/own.c"
	want=$(grep -c '^MATCH ' "$top/matches")
	apply "$rule" "$top/all.c"
	status=$?
	if [ "$status" -eq 0 ]; then
		{
			echo "$want matches expected"
			cat "$top/matches"
		} >"$top/why"
		[ "$(grep -c '^MATCH ' "$top/matches")" -eq "$want" ]
		status=$?
	fi
	result "$status" "$name.cocci leaves the other rules' tests alone"
done

# The audit lists what audit.out says, and nothing else
cp "$here/audit.c" "$top/t.c"
spatch --python "$python" --sp-file "$rules/audit.cocci" --very-quiet --no-includes --no-show-diff "$top/t.c" \
	2>"$top/why" | sed "s|$top/||" | sort >"$top/audit"
[ -z "$update" ] || cp "$top/audit" "$here/audit.out"
diff -u "$here/audit.out" "$top/audit" >>"$top/why"
result $? "audit.c"

# Without the macro file, the function of v4.18 and v5.4 is hidden: the hazard is real
cp "$here/30-vm-life.old.c" "$top/t.c"
spatch --python "$python" --sp-file "$rules/30-vm-life.cocci" --very-quiet --no-includes --no-show-diff \
	"$top/t.c" >"$top/why" 2>&1
grep -q '^MATCH H11' "$top/why" && ! grep -q '^MATCH H10' "$top/why"
result $? "without macros.h, H10 is missed on v4.18 and v5.4 without a word"

echo "1..$count"
[ "$failed" -eq 0 ] || echo "# $failed of $count failed"
[ "$failed" -eq 0 ]
