#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The gates of `make proofs', after everything was compiled.  One TAP line each.
# OUT: build directory.  PROOFS: directory of the sources (default: this one).
set -u
: "${OUT:?}" "${COQCHK:=coqchk}"
core=$(cd "$(dirname "$0")/../common-core/core" && pwd) || exit 3
cd "${PROOFS:-$(dirname "$0")}" || exit 3
n=0
failed=0

result()
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		sed 's/^/# /' "$OUT/gate.txt"
	fi
}

# 1: gen/ is the translation of the sources as they are
diff -r "$OUT/fresh" gen >"$OUT/gate.txt" 2>&1
result "gen/ is what c2coq writes from common-core/core ($(find gen -name '*.v' | wc -l) files); else: make -C proofs regen" $?

# 2: nothing is assumed.  Comments are taken out, Section and End counted.
# shellcheck disable=SC2016
find . -name '*.v' ! -path './tests/*' | LC_ALL=C sort | xargs awk '
function code(line,   out, c) {
	out = ""
	while (line != "") {
		c = substr(line, 1, 2)
		if (c == "(*") { depth++; line = substr(line, 3) }
		else if (c == "*)" && depth > 0) { depth--; line = substr(line, 3) }
		else { if (!depth) out = out substr(line, 1, 1); line = substr(line, 2) }
	}
	return out
}
FNR == 1 { depth = 0; sections = 0 }
{
	text = code($0)
	if (text ~ /(^|[^A-Za-z_])(Axioms?|Parameters?|Conjecture|Admitted|admit|give_up|Abort)([^A-Za-z_0-9]|$)/ ||
	    text ~ /(^|[^A-Za-z_])(Unset (Guard|Positivity|Universe)|bypass_check|Local Declare ML|Declare ML)/)
		print FILENAME ":" FNR ": " text
	if (text ~ /^[ \t]*Section[ \t]/) sections++
	if (text ~ /^[ \t]*End[ \t]/) sections--
	if (sections == 0 && text ~ /^[ \t]*(Local |Global |#\[[a-z]*\] )?(Hypothes[ie]s|Variables?|Context)[ \t]/)
		print FILENAME ":" FNR ": outside of a section: " text
}' >"$OUT/gate.txt"
! [ -s "$OUT/gate.txt" ]
result "no Axiom, Parameter, Admitted, admit; no Hypothesis or Variable outside of a section" $?

# 3: Print Assumptions, of all theorems at once: one by one takes minutes
sed -n '/^Definition theorems := ($/,/^)\.$/s/^  @\([A-Za-z0-9_.]*\),\{0,1\}$/\1/p' Main.v >"$OUT/theorems"
want=$(wc -l <"$OUT/theorems")
{
	[ "$want" -gt 0 ] || echo 'Main.v: "theorems" is empty'
	sed -n 's/^Theorem \([A-Za-z0-9_]*\).*/\1/p' Main.v | grep -vxFf "$OUT/theorems" | sed 's/.*/Main.v: & is not in "theorems"/'
	[ "$(grep '^Print Assumptions' Main.v)" = 'Print Assumptions theorems.' ] || echo 'Main.v: does not print the assumptions of "theorems"'
	[ "$(grep -c '^Closed under the global context' "$OUT/v/Main.out")" = 1 ] || { echo 'not closed:'; cat "$OUT/v/Main.out"; }
} >"$OUT/gate.txt"
! [ -s "$OUT/gate.txt" ]
result "all $want theorems of Main.v are closed under the global context" $?

# Main.v prints WHAT with the names that are missing; they are those of the file, which is exact, and not all there are
listed()	# what, file, how many there are
{
	sed -n "/^ *= *(\"$1\"/,/: string \\* list string/p" "$OUT/v/Main.out" >"$OUT/$2.printed"
	grep -o '"[a-z0-9_]*"' "$OUT/$2.printed" | tr -d '"' | grep -vx "$1" | LC_ALL=C sort >"$OUT/$2.now"
	grep -v '^#' "$2.txt" | LC_ALL=C sort >"$OUT/$2.want"
	left=$(wc -l <"$OUT/$2.now")
	[ -s "$OUT/$2.printed" ] || { echo "Main.v does not print \"$1\"" >"$OUT/gate.txt"; return 1; }
	diff "$OUT/$2.want" "$OUT/$2.now" >"$OUT/gate.txt" && [ "$left" -lt "$3" ]
}

# 4: what is proved
all=$(grep -c '^  ("' gen/Program.v)
listed functions unproved "$all"
result "$((all - left)) of $all functions of the core are proved, the rest is listed in unproved.txt" $?

# 5: what the core does at each host call as the top machine does
all=$(grep -c '^  ("hc_' gen/Tables.v)
listed calls unsimulated "$all"
result "$((all - left)) of $all host calls do what the top machine does, the rest is listed in unsimulated.txt" $?

# 6: what enters the core and is under noninterference of the C
all=$(sed -n '/^Definition entries/,/^\]/p' sim/Entries.v | grep -c '^  "')
listed entries uncovered "$all"
result "$((all - left)) of $all ways into the core are under noninterference of the C, the rest is listed in uncovered.txt" $?

# 7: the compiled files once more, by the small checker
(cd "$OUT/v" && "$COQCHK" -silent -o -Q . KCore KCore.Main) >"$OUT/gate.txt" 2>&1 &&
	grep -q 'Axioms: <none>' "$OUT/gate.txt"
result "coqchk accepts Main and finds no axiom" $?

echo "1..$n"
find . -name '*.v' ! -path './tests/*' | LC_ALL=C sort | while read -r f; do
	[ -e "$OUT/v/${f%.v}.vo" ] || echo "# not under Main.v yet: ${f#./}"
done
find "$OUT/v" -name '*.time' | LC_ALL=C sort | while read -r t; do
	f=${t#"$OUT"/v/}
	f=${f%.time}.v
	if [ -e "$f" ]; then
		printf '# %-24s %5s lines %6s s %5s MB\n' "$f" "$(wc -l <"$f")" "$(cut -d' ' -f1 "$t")" "$(awk '{ print int($2 / 1024) }' "$t")"
	fi
done
c=$(cat "$core"/*.c | wc -l)
proof=$(find . -name '*.v' ! -path './tests/*' ! -path './gen/*' ! -path './versions/V[0-9]*' -exec cat {} + | wc -l)
find "$OUT/v" -name '*.time' -exec cat {} + | awk -v c="$c" -v proof="$proof" '
{ s += $1; if ($2 > max) max = $2 }
END { printf "# %d lines of C, %d of specification and proof: %.1f for one; %d s of one CPU, at most %d MB\n", c, proof, proof / c, s, max / 1024 }'
[ $failed -eq 0 ]
