#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mutants.sh - put faults into the C of the core and see proofs fail
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

classes='missing check|missing step|missing scrub|missing lock|missing unlock|missing barrier|missing break before make|off by one|wrong level|'
classes=$classes'wrong attribute|wrong owner|wrong count|wrong register|wrong order|missing filter'
mutants=$top/proofs/mutants build='' output='' limit=120 jobs=1 mode=prove

usage()
{
	cat <<EOT
Usage: proofs/mutants.sh --build DIR [OPTION]... [NAME...]
For each fault of proofs/mutants (or those named): copy the core, put the fault in, translate it again, and compile the files that
stand on the changed translation, nearest first, until one fails.  A proof has to.  Prints TAP and a table by class.

  --build DIR      where 'make -C proofs O=DIR' passed
  --mutants DIR    other faults than those of proofs/mutants
  --output DIR     copies, logs and the table (DIR/mutants of --build)
  --limit SECONDS  of CPU time for one file (120): what takes longer is "not ended", not "caught"
  --jobs N         so many at a time (1)
  --sample         only those that are marked: what every 'make check' runs
  --apply          only see that each fault applies to the C; seconds for all
  --list           name, class and text of the faults
  --survivors      the faults that no proof notices, with the reason
  --help           this text

DIR/MODULE.mutants has the faults of core/MODULE.c.  Each begins with "mutant NAME: what it means" and "class CLASS"; then
for each change "--- old", lines, "--- new", lines, "--- end"; the old text ends with a line and must occur once in the C.  "survives: WHY"
says that no proof notices it, and why that is right; it is an error if one does.  "sample" marks those of --sample.
Classes: $(printf %s "$classes" | sed 's/|/, /g').

Exit status: 0 as expected; 1 a fault survived, or one that is said to survive didn't, or it doesn't apply; 2 usage; 3 environment.
EOT
}

# Lines "name module class text sample|- why", separated by tabs
table()
{
	for file in "$mutants"/*.mutants; do
		[ -r "$file" ] || die $EX_ENVIRONMENT "$mutants: no faults there"
		awk -v module="$(basename "$file" .mutants)" '
		function out() { if (name != "") printf "%s\t%s\t%s\t%s\t%s\t%s\n", name, module, class, text, sample, why }
		/^--- old$/ { part = 1 }
		/^--- end$/ { part = 0; next }
		part { next }
		/^mutant [^ :]*: / {
			out(); name = substr($2, 1, length($2) - 1); text = substr($0, length($1 $2) + 3); class = "?"; sample = "-"; why = ""
		}
		/^class / { class = substr($0, 7) }
		/^sample$/ { sample = "sample" }
		/^survives: / { why = substr($0, 11) }
		END { out() }' "$file"
	done
}

field()	# name, number
{
	awk -F '\t' -v name="$1" -v n="$2" '$1 == name { print $n }' "$output/list"
}

# The changes of a mutant as DIR/<i>.{old,new}; the number of them
split()	# file, name, dir
{
	awk -v name="$2:" -v dir="$3" '
	/^--- old$/ && mine { i++; to = dir "/" i ".old"; printf "" >to; part = 1; next }
	/^--- new$/ && part { close(to); to = dir "/" i ".new"; printf "" >to; next }
	/^--- end$/ { if (part) close(to); part = 0; next }
	part { print >to; next }
	/^mutant / { mine = $2 == name }
	END { print i + 0 }' "$1"
}

# The .vo files that stand on gen/C_MODULE.vo: first those with lemmas about its functions (of code and pt, and name it) and what they need,
# then the others; nearest first.  Without Main, which states again what they prove
dependents()	# module
{
	awk -v build="$build/v/" -v first="gen/C_$1.vo" '
	{ gsub(build, "") }
	$1 ~ /\.vo$/ { n++; file[n] = $1; needs[n] = $0; sub(/^[^:]*:/, "", needs[n]) }
	END {
		depth[first] = 0
		do {
			again = 0
			for (i = 1; i <= n; i++) {
				if (file[i] == first) continue
				words = split(needs[i], need, " ")
				d = 0
				for (w = 1; w <= words; w++) {
					if (need[w] in depth && depth[need[w]] + 1 > d) d = depth[need[w]] + 1
					if (need[w] == first && file[i] ~ /^(code|pt)\//) about[file[i]]
				}
				if (d && depth[file[i]] != d) { depth[file[i]] = d; again = 1 }
			}
		} while (again)
		about[first]
		do {
			again = 0
			for (i = 1; i <= n; i++) {
				if (!(file[i] in about)) continue
				words = split(needs[i], need, " ")
				for (w = 1; w <= words; w++)
					if (need[w] in depth && !(need[w] in about)) { about[need[w]]; again = 1 }
			}
		} while (again)
		for (f in depth) if (f != "Main.vo") print f in about ? 0 : 1, depth[f], f
	}' "$build/deps.mk" | LC_ALL=C sort -n -k1,1 -k2,2 -k3 | cut -d' ' -f3
}

# Why the fault can't be put in, on standard output; nothing if DIR/core has it
put_in()	# name, module, dir
{
	mkdir -p "$3/change" "$3/core"
	cp "$top"/common-core/core/*.[ch] "$3/core"
	changes=$(split "$mutants/$2.mutants" "$1" "$3/change")
	[ "$changes" -gt 0 ] || { echo "no change in it"; return; }
	[ -r "$3/core/$2.c" ] || { echo "no core/$2.c"; return; }
	i=1
	while [ $i -le "$changes" ]; do
		"$build/splice" --resize --old "$3/change/$i.old" --new "$3/change/$i.new" --output "$3/core/$2.c" "$3/core/$2.c" 2>"$3/log" || {
			echo "change $i does not apply to core/$2.c: $(sed 's/.*splice: //' "$3/log")"
			return
		}
		i=$((i + 1))
	done
}

# Why it has no translation; nothing if DIR/v/gen has it
translate()	# module, dir
{
	# shellcheck disable=SC2086 # words on purpose
	if ! "$build/c2coq" --quiet --output "$2/v/gen/C_$1.v" "$2/core/$1.c" -- $cflags >"$2/log" 2>&1; then
		echo "is no C that is translated: $(head -n 1 "$2/log" | sed "s|$2/||g")"
		return
	fi
}

# "verdict<TAB>where" of compiling all that stands on the changed translation
prove()	# module, dir
{
	for part in "$build"/v/*/; do
		part=$(basename "$part")
		mkdir -p "$2/v/$part"
		ln -sf "$build/v/$part"/*.vo "$2/v/$part"
	done
	dependents "$1" >"$2/order"
	while read -r vo; do
		rm -f "$2/v/$vo"
		[ -e "$2/v/${vo%o}" ] || ln -s "$build/v/${vo%o}" "$2/v/${vo%o}"
	done <"$2/order"
	while read -r vo; do
		v=${vo%o}
		(cd "$2/v" && prlimit --cpu="$limit" "$COQC" -q -noglob -Q . KCore "$v") >"$2/log" 2>&1 </dev/null
		status=$?
		[ $status -ne 0 ] || continue
		if [ $status -eq 137 ] || [ $status -eq 152 ]; then	# SIGKILL, SIGXCPU
			printf 'slow\t%s\n' "$v"
		elif ! grep -q '^Error' "$2/log" || [ "${v#gen/}" != "$v" ] || grep -q 'Cannot find a physical path\|inconsistent assumptions' "$2/log"; then
			printf 'broken\t%s: %s\n' "$v" "$(tail -n 1 "$2/log")"
		else
			line=$(sed -n 's/^File "[^"]*", line \([0-9]*\),.*/\1/p' "$2/log" | tail -n 1)
			printf 'caught\t%s: %s\n' "$v" "$(head -n "$line" "$2/v/$v" |
				sed -n 's/^ *\(Lemma\|Theorem\|Corollary\|Example\|Definition\|Fixpoint\) \([A-Za-z0-9_]*\).*/\2/p' | tail -n 1)"
		fi
		return
	done <"$2/order"
	printf 'survived\tall %d files compile\n' "$(wc -l <"$2/order")"
}

# One fault: a line of TAP, and OUTPUT/NAME.result
one()	# name
{
	dir=$output/$1
	module=$(field "$1" 2) class=$(field "$1" 3) text=$(field "$1" 4) why=$(field "$1" 6)
	rm -rf "$dir"
	mkdir -p "$dir/v/gen"
	start=$(date +%s)
	bad=$(put_in "$1" "$module" "$dir")
	if ! printf '%s\n' "$class" | grep -Eqx "$classes"; then
		bad="no class '$class'; --help lists them"
	elif [ -z "$bad" ] && [ $mode = prove ]; then
		bad=$(translate "$module" "$dir")
	fi
	if [ -n "$bad" ]; then
		printf 'bad\t%s\n' "$bad"
	elif [ $mode = apply ]; then
		printf 'applies\tapplies to core/%s.c\n' "$module"
	elif cmp -s "$dir/v/gen/C_$module.v" "$build/v/gen/C_$module.v"; then
		printf 'survived\tthe translation is the same\n'
	else
		prove "$module" "$dir"
	fi >"$dir/verdict"
	verdict=$(cut -f1 "$dir/verdict") where=$(cut -f2 "$dir/verdict")
	case $verdict:${why:+listed} in
	applies:*|caught:|survived:listed) ok='ok' ;;
	*) ok='not ok' ;;
	esac
	case $verdict in
	slow) say="not ended within $limit s: $where" ;;
	survived) say="survives${why:+, as is said}: $where" ;;
	caught) say="${why:+said to survive, but }caught by $where" ;;
	*) say=$where ;;
	esac
	if [ "$ok" = ok ]; then
		rm -rf "$dir"
	else
		say="$say; see $dir"
	fi
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$verdict" "$class" "$ok" "$where" $(($(date +%s) - start)) >"$output/$1.result"
	echo "$ok - $1 ($class): $text: $say"
}

only='' marked='' apply=''
while [ $# -gt 0 ]; do
	case $1 in
	--list) table | awk -F '\t' '{ printf "%-24s %-26s %s\n", $1, $3, $4 }'; exit 0 ;;
	--survivors) table | awk -F '\t' '$6 != "" { printf "%s (core/%s.c): %s. %s\n", $1, $2, $4, $6 }'; exit 0 ;;
	--help) usage; exit 0 ;;
	--apply) mode=apply ;;
	--sample) marked=sample ;;
	--build|--mutants|--output|--limit|--jobs|--one)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--build) build=$2 ;;
		--mutants) mutants=$2 ;;
		--output) output=$2 ;;
		--limit) limit=$2 ;;
		--jobs) jobs=$2 ;;
		--one) only=$2 ;;
		esac
		shift ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) break ;;
	esac
	shift
done
[ -n "$build" ] || die $EX_USAGE "--build is needed; see --help"
: "${output:=$build/mutants}"
: "${COQC:=coqc}"
cflags=$(make -s --no-print-directory -C "$top/common-core" print-core-cflags)
if [ -n "$only" ]; then
	one "$only"
	exit 0
fi
for file in v/Main.vo deps.mk c2coq splice; do
	[ -e "$build/$file" ] || die $EX_ENVIRONMENT "$build/$file is missing; 'make -C proofs O=$build mutants' builds it"
done
if ! mkdir -p "$output" || ! table >"$output/list"; then
	die $EX_ENVIRONMENT "$output: nothing can be written there"
fi
twice=$(cut -f1 "$output/list" | sort | uniq -d)
[ -z "$twice" ] || die $EX_ENVIRONMENT "$mutants: two faults have the name $twice"
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # words on purpose
	set -- $(awk -F '\t' -v marked="$marked" 'marked == "" || $5 == marked { print $1 }' "$output/list")
fi
for name in "$@"; do
	[ -n "$(field "$name" 1)" ] || die $EX_USAGE "no fault '$name'; --list names them"
done
[ $# -gt 0 ] || die $EX_ENVIRONMENT "$mutants: nothing to do"
rm -f "$output"/*.result

echo "1..$#"
[ $mode = prove ] || apply=--apply
# shellcheck disable=SC2086 # a word or none
printf '%s\n' "$@" | xargs -n 1 -P "$jobs" "$0" --build "$build" --mutants "$mutants" --output "$output" --limit "$limit" $apply --one
for name in "$@"; do
	cat "$output/$name.result"
done >"$output/results"
awk -F '\t' '
{ n[$3]++; all++; time += $6; got[$3 $2]++; sum[$2]++ }
$6 > longest { longest = $6 }
END {
	printf "%-26s %6s %6s %8s %9s\n", "class", "faults", "caught", "survived", "not ended"
	for (c in n) printf "%-26s %6d %6d %8d %9d\n", c, n[c], got[c "caught"], got[c "survived"], got[c "slow"] | "LC_ALL=C sort"
	close("LC_ALL=C sort")
	printf "%-26s %6d %6d %8d %9d\n", "all", all, sum["caught"], sum["survived"], sum["slow"]
	printf "%d s of one CPU, the longest %d s\n", time, longest
}' "$output/results" >"$output/summary"
{
	cat "$output/summary"
	awk -F '\t' '{ printf "%-24s %-26s %-9s %4d s  %s\n", $1, $3, $2, $6, $5 }' "$output/results"
} >"$output/table"
[ $mode = apply ] || sed 's/^/# /' "$output/summary"
# A fault without a result is not a fault caught
[ "$(wc -l <"$output/results")" -eq $# ] || die $EX_FAILED "$output: not each of the $# faults has a result"
! grep -q "	not ok	" "$output/results"
