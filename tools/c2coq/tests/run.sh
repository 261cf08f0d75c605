#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tests of c2coq, as TAP.  A line of reject/*.c names in comments each report expected at it.
set -u
: "${C2COQ:=c2coq}"
export LC_ALL=C
cd "$(dirname "$0")" || exit 3
if ! command -v "$C2COQ" >/dev/null; then
	echo "Bail out! $C2COQ: not built; run make -C tools/c2coq"
	exit 3
fi
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

# result TEXT STATUS: one TAP line; on failure what the program said
result()
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/diff" "$tmp/err"
	fi
}

# expected FILE: "FILE:LINE: TEXT", one a line, in the order of the file
expected()
{
	awk -v file="$1" '{
		line = $0
		while ((i = index(line, "/* reject: ")) > 0) {
			line = substr(line, i + 11)
			print file ":" NR ": " substr(line, 1, index(line, " */") - 1)
		}
	}' "$1"
}

# agrees: every report in $tmp/err begins as one line of $tmp/want says, none is left over
agrees()
{
	grep '^[^ ]*:[0-9]*: \[' "$tmp/err" | sort -t: -k2,2n >"$tmp/got"
	awk 'NR == FNR { want[++w] = $0; next }
	{ for (i = 1; i <= w; i++)
		if (!(i in used) && index($0, want[i]) == 1) { used[i] = 1; next }
	  print "unexpected: " $0; bad = 1 }
	END { for (i = 1; i <= w; i++) if (!(i in used)) { print "missing: " want[i]; bad = 1 } exit bad }' \
		"$tmp/want" "$tmp/got" >"$tmp/diff"
}

for f in reject/*.c; do
	"$C2COQ" --check "$f" -- -Iinclude >/dev/null 2>"$tmp/err"
	status=$?
	expected "$f" >"$tmp/want"
	: >"$tmp/diff"
	[ $status -eq 1 ] && [ -s "$tmp/want" ] && agrees
	result "rejects ${f#reject/}" $?
	rm -f "$tmp/out.v"
	"$C2COQ" --quiet --output "$tmp/out.v" "$f" -- -Iinclude >/dev/null 2>"$tmp/err"
	[ $? -eq 1 ] && ! [ -e "$tmp/out.v" ]
	result "writes nothing for ${f#reject/}" $?
done

for f in accept/*.c; do
	: >"$tmp/diff"
	"$C2COQ" --check "$f" -- -Iinclude >/dev/null 2>"$tmp/err"
	result "accepts ${f#accept/}" $?
	"$C2COQ" --quiet --output "$tmp/out.v" "$f" -- -Iinclude 2>"$tmp/err" &&
		diff "${f%.c}.v" "$tmp/out.v" >"$tmp/diff"
	result "translates ${f#accept/}" $?
done

cat >"$tmp/want" <<-EOF
	program/a.c:11: [call-3] call of 'missing', which no file of the core defines
	program/b.c:4: [top-4] function 'twin' is also defined at program/a.c:9
	program/b.c:11: [call-4] recursion: 'down' reaches 'up' again
EOF
"$C2COQ" --check program/a.c program/b.c -- -Iinclude >/dev/null 2>"$tmp/err"
[ $? -eq 1 ] && agrees
result "recursion, double and missing definitions across files" $?

C2COQ=$C2COQ ../lint.sh accept -- -Iinclude >"$tmp/out" 2>"$tmp/err" && grep -q '4 files, 7 functions, 0 errors' "$tmp/out"
result "lint.sh counts files and functions" $?
mkdir "$tmp/empty"
C2COQ=$C2COQ ../lint.sh "$tmp/empty" >/dev/null 2>"$tmp/err"
[ $? -eq 3 ]
result "lint.sh refuses a directory without C files" $?

"$C2COQ" --check "$tmp/absent.c" >/dev/null 2>"$tmp/err"
[ $? -eq 3 ]
result "a missing file is an environment error" $?
"$C2COQ" --clang "$tmp/no-clang" --check accept/loops.c >/dev/null 2>"$tmp/err"
[ $? -eq 3 ]
result "a missing compiler is an environment error" $?
"$C2COQ" --check --output x accept/loops.c >/dev/null 2>"$tmp/err"
[ $? -eq 2 ]
result "contradicting options are a usage error" $?
echo 'u64 broken(' >"$tmp/broken.c"
"$C2COQ" --check "$tmp/broken.c" >/dev/null 2>"$tmp/err"
[ $? -eq 1 ]
result "what does not compile is rejected" $?
"$C2COQ" --constants "$tmp/c.v" --names SMALL_,BIG_,MINUS include/kcore/prim.h -- -Iinclude 2>"$tmp/err" &&
	diff constants.v "$tmp/c.v" >"$tmp/diff"
result "constants of a header" $?

"$C2COQ" --quiet --program "$tmp/p.v" accept/order.c accept/loops.c -- -Iinclude 2>"$tmp/err" &&
	diff program.v "$tmp/p.v" >"$tmp/diff"
result "the order of a program" $?
"$C2COQ" --tables "$tmp/t.v" -- -Iinclude 2>"$tmp/err" && diff tables.v "$tmp/t.v" >"$tmp/diff"
result "cells and hypercalls" $?
"$C2COQ" --tables "$tmp/absent.v" -- -I"$tmp" >/dev/null 2>"$tmp/err"
[ $? -eq 1 ] && ! [ -e "$tmp/absent.v" ]
result "nothing is written without the tables" $?

echo "1..$n"
[ $failed -eq 0 ]
