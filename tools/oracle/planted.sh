#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# planted.sh - put the faults of proofs/mutants into the compiled core and see the oracle find them
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/lib.sh"

build='' cc=gcc cflags='' libs='' list=$top/tools/oracle/planted.list mutants=$top/proofs/mutants calls=400000 seed=1 mode=all jobs=1

usage()
{
	cat <<EOT
Usage: tools/oracle/planted.sh --build DIR --cflags FLAGS --libs LIBS [OPTION]... [NAME...]
Put each fault of proofs/mutants (or those named) into the C of the core, alone, compile it, and run the oracle.  The list says which it finds:
a line "NAME", or "NAME - REASON" for one that it does not see.  Every fault must be in the list, and do as the list says.
Prints TAP, with the number of events that each took.

  --build DIR     where 'make -C tools/oracle O=DIR' built
  --cc, --cflags, --libs   how the core is compiled, and what the oracle is linked with
  --list FILE     other than tools/oracle/planted.list
  --mutants DIR   other than proofs/mutants
  --calls N       events at most, in short sequences and again in long ones ($calls); --seed N: of the first sequence ($seed)
  --jobs N        so many at a time ($jobs)
  --sample        only those that the list marks with '*' behind the name
  --help          this text

Exit status: 0 as the list says, 1 not so, 2 usage, 3 environment.
EOT
}

names=''
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--sample) mode=sample; shift ;;
	--build|--cc|--cflags|--libs|--list|--mutants|--calls|--seed|--jobs)
		[ $# -ge 2 ] || die $EX_USAGE "$1: no value; see --help"
		case $1 in
		--build) build=$2 ;;
		--cc) cc=$2 ;;
		--cflags) cflags=$2 ;;
		--libs) libs=$2 ;;
		--list) list=$2 ;;
		--mutants) mutants=$2 ;;
		--calls) calls=$2 ;;
		--seed) seed=$2 ;;
		--jobs) jobs=$2 ;;
		esac
		shift 2 ;;
	-*) die $EX_USAGE "unknown option '$1'; see --help" ;;
	*) names="$names $1"; shift ;;
	esac
done
if [ -z "$build" ] || [ -z "$cflags" ] || [ -z "$libs" ]; then
	die $EX_USAGE "--build, --cflags and --libs are needed; see --help"
fi
[ -x "$build/oracle" ] || die $EX_ENVIRONMENT "$build/oracle: not built; make -C tools/oracle O=$build"
[ -r "$list" ] || die $EX_ENVIRONMENT "$list: can't be read"
build=$(cd "$build" && pwd)
work=$build/planted
rm -rf "$work"
mkdir -p "$work" || exit $EX_ENVIRONMENT

# "NAME MODULE" of each fault
for f in "$mutants"/*.mutants; do
	[ -r "$f" ] || die $EX_ENVIRONMENT "$mutants: no faults there"
	sed -n "s/^mutant \([^ :]*\): .*/\1 $(basename "$f" .mutants)/p" "$f"
done >"$work/faults"

# "NAME found|unseen sample|- REASON" as the list says
sed -e '/^#/d' -e '/^$/d' "$list" | awk '
	{ name = $1; sample = sub(/\*$/, "", name) ? "sample" : "-"; why = $0; sub(/^[^ ]* *-? */, "", why) }
	{ print name, (NF > 1 ? "unseen" : "found"), sample, why }' >"$work/list"

# Why it can't be tried, or "found EVENTS WHAT", "unseen"
try()	# name, module
{
	d=$work/$1
	mkdir -p "$d"
	cp "$top/common-core/core/$2.c" "$d/$2.c" 2>"$d/log" || { echo "no core/$2.c"; return; }
	n=$(awk -v name="$1:" -v dir="$d" '
	/^--- old$/ && mine { i++; to = dir "/" i ".old"; printf "" >to; part = 1; next }
	/^--- new$/ && part { close(to); to = dir "/" i ".new"; printf "" >to; next }
	/^--- end$/ { if (part) close(to); part = 0; next }
	part { print >to; next }
	/^mutant / { mine = $2 == name }
	END { print i + 0 }' "$mutants/$2.mutants")
	i=1
	while [ $i -le "$n" ]; do
		"$build/splice" --resize --old "$d/$i.old" --new "$d/$i.new" --output "$d/$2.c" "$d/$2.c" 2>"$d/log" ||
			{ echo "change $i does not apply: $(sed 's/.*splice: //' "$d/log")"; return; }
		i=$((i + 1))
	done
	# shellcheck disable=SC2086 # words on purpose
	$cc $cflags -c -o "$d/core.o" "$d/$2.c" 2>"$d/log" || { echo "does not compile: $(grep -m 1 error "$d/log")"; return; }
	others=$(find "$build/core" "$build/own" -name '*.o' ! -path "$build/core/$2.o" ! -name fuzz.o ! -name trace.o)
	# shellcheck disable=SC2086
	$cc -o "$d/oracle" "$build/top.o" "$d/core.o" $others $libs 2>"$d/log" || { echo "does not link: $(tail -n 1 "$d/log")"; return; }
	# many machines first, then long lives of few
	for length in 1200 10000; do
		"$d/oracle" --calls "$calls" --seed "$seed" --length $length --audit 0 --no-shrink >"$d/log" 2>&1
		status=$?
		[ $status = 0 ] || break
	done
	rm -f "$d/oracle" "$d/core.o"
	case $status in
	0) echo unseen ;;
	1) printf 'found %s %s\n' "$(sed -n 's/^# after \([0-9]*\) events.*/\1/p' "$d/log")" "$(sed -n 's/^deviation: //p' "$d/log")" ;;
	*) echo "the oracle ends with status $status: $(tail -n 1 "$d/log")" ;;
	esac
}

wanted()	# name, sample
{
	[ -z "$names" ] || case " $names " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
	[ $mode = all ] || [ "$2" = sample ]
}

for name in $names; do
	grep -q "^$name " "$work/faults" || die $EX_USAGE "no fault '$name' in $mutants"
done
failed=0 n=0 found=0 unseen=0
if [ $mode = all ] && [ -z "$names" ]; then
	while read -r name rest; do
		grep -q "^$name " "$work/faults" || { echo "not ok - $name is in the list and not in $mutants"; failed=1; n=$((n + 1)); }
	done <"$work/list"
fi
running=0
while read -r name module; do
	said=$(grep "^$name " "$work/list" | cut -d' ' -f2)
	wanted "$name" "$(grep "^$name " "$work/list" | cut -d' ' -f3)" || continue
	mkdir -p "$work/$name"
	(try "$name" "$module" >"$work/$name/verdict") &
	running=$((running + 1))
	if [ $running -ge "$jobs" ]; then
		wait
		running=0
	fi
	echo "$name ${said:-nothing}" >>"$work/order"
done <"$work/faults"
wait
[ -e "$work/order" ] || : >"$work/order"
while read -r name said; do
	verdict=$(cat "$work/$name/verdict")
	n=$((n + 1))
	case $verdict in
	found*)
		rest=${verdict#found }
		text="found after ${rest%% *} events: ${rest#* }"
		found=$((found + 1))
		[ "$said" = found ] || text="$text; the list says: $said" ;;
	unseen)
		text="not seen in $calls events"
		unseen=$((unseen + 1))
		[ "$said" = unseen ] && text="$text, as the list says: $(grep "^$name " "$work/list" | cut -d' ' -f4-)" ;;
	*) text=$verdict ;;
	esac
	if [ "${verdict%% *}" = "$said" ]; then
		echo "ok $n - $name: $text"
	else
		echo "not ok $n - $name: $text"
		failed=1
	fi
done <"$work/order"
echo "1..$n"
echo "# $found of $n found, $unseen not seen"
[ $n -gt 0 ] || die $EX_USAGE "no fault to try"
exit $failed
