#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Differential test: random programs, compiled by gcc and interpreted by the extracted semantics.
# OUT: build directory with v/lang/Lang.vo and c2coq.  RUNS: runs in all.  SEED: of the first program.
set -u
: "${OUT:?}" "${C2COQ:?}" "${RUNS:=100000}" "${SEED:=1}" "${FUNCTIONS:=160}" "${PROGRAMS:=2}" "${COQC:=coqc}"
cd "$(dirname "$0")" || exit 3
for tool in ocamlfind gcc "$COQC" "$C2COQ"; do
	if ! command -v "$tool" >/dev/null; then
		echo "Bail out! $tool is missing"
		exit 3
	fi
done
if ! [ -e "$OUT/v/lang/Lang.vo" ]; then
	echo "Bail out! $OUT/v/lang/Lang.vo: not built; run make -C proofs O=$OUT proofs first"
	exit 3
fi
here=$PWD
d=$OUT/diff
n=0
failed=0
rm -rf "$d"
mkdir -p "$d"

result()
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		sed 's/^/# /' "$d/log" | tail -20
	fi
}

# interpreter: Random.v and Diff.v to $d/interp
interpreter()
{
	(
		cd "$d" || exit 3
		cp "$here/Diff.v" "$here/driver.ml" . &&
		nice "$COQC" -q -Q "$OUT/v" KCore -Q . Diff Random.v &&
		nice "$COQC" -q -Q "$OUT/v" KCore -Q . Diff Diff.v &&
		rm -f interp.mli &&
		ocamlfind ocamlopt -w -a interp.ml driver.ml -o interp
	) >"$d/log" 2>&1
}

if ! gcc -std=c17 -O1 -Wall -Wextra -Werror -o "$d/generate" generate.c; then
	echo "Bail out! generate.c does not compile"
	exit 3
fi
each=$((RUNS / PROGRAMS + 1))
p=0
while [ $p -lt "$PROGRAMS" ]; do
	seed=$((SEED + p))
	p=$((p + 1))
	count=$("$d/generate" $seed "$FUNCTIONS" "$d") &&
		"$C2COQ" --quiet --output "$d/Random.v" "$d/random.c" -- -std=c17 -Iinclude >"$d/log" 2>&1
	result "seed $seed: ${count:-no} functions are in the subset" $?
	{ gcc -std=c17 -O2 -w -Iinclude -I"$d" -o "$d/harness" harness.c "$d/random.c" &&
		"$d/harness" "$each" "$seed" >"$d/runs" 2>"$d/counts"; } 2>"$d/log" &&
		interpreter && "$d/interp" <"$d/runs" >"$d/log"
	result "seed $seed: interpreter and gcc -O2 agree: $(tail -1 "$d/log"); $(cat "$d/counts")" $?
	awk '{ exit !($4 > 0 && $6 > 0 && $8 > 0) }' "$d/counts"
	result "seed $seed: wrap-around, loops and early returns occurred" $?
done

# the test can fail, on a program of the fixed functions: an operator exchanged, a bound changed
"$d/generate" 1 0 "$d" >/dev/null
"$C2COQ" --quiet --output "$d/Random.v" "$d/random.c" -- -std=c17 -Iinclude
gcc -std=c17 -O2 -w -Iinclude -I"$d" -o "$d/harness" harness.c "$d/random.c"
"$d/harness" 3000 1 >"$d/runs" 2>"$d/counts"
cp "$d/Random.v" "$d/Random.good"
sed '/f_op_add_32 /,/)\.$/s/EBin Add/EBin Sub/' "$d/Random.good" >"$d/Random.v"
interpreter
! cmp -s "$d/Random.v" "$d/Random.good" && ! "$d/interp" <"$d/runs" >"$d/log" && grep -q 'differs: op_add_32' "$d/log"
result "an exchanged operator is seen" $?
sed '/f_loop_last_64 /,/)\.$/s/EConst 13/EConst 14/' "$d/Random.good" >"$d/Random.v"
interpreter
! cmp -s "$d/Random.v" "$d/Random.good" && ! "$d/interp" <"$d/runs" >"$d/log" && grep -q 'differs: loop_last_64' "$d/log"
result "a changed loop bound is seen" $?
echo "1..$n"
[ $failed -eq 0 ]
