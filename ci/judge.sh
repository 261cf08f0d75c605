#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# judge.sh - read the console log of a boot, print TAP for what it shows
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/judge.sh [--tests NAME,...] [--expect REGEX]... [--refuse REGEX]... LOG
Judge the console log of a boot: the host came up and shut down, its kernel and its guests'
had nothing to complain of, every test of the list began and ended, and every program kept
to its TAP plan.  The results found in the log are printed, numbered anew, and then one
result for each of these gates.

  --tests NAME,...   the tests that had to run ("--- test NAME" in the log)
  --expect REGEX     a line of the log must match (extended regular expression)
  --refuse REGEX     no line may match
  --help             this text
EOT
}

tests='' log=''
gates=$(mktemp) || exit $EX_ENVIRONMENT
clean=$(mktemp) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -f '$gates' '$clean'"
while [ $# -gt 0 ]; do
	case $1 in
	--tests|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--tests) tests=$2 ;;
		*) printf '%s %s\n' "${1#--}" "$2" >>"$gates" ;;
		esac
		shift ;;
	--help) usage; exit 0 ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) log=$1 ;;
	esac
	shift
done
[ -n "$log" ] || die $EX_USAGE "a log is needed; see --help"
[ -r "$log" ] || die $EX_ENVIRONMENT "$log: cannot be read"

# A serial console ends lines by CR LF; control sequences come from programs that take it for a terminal
tr -d '\r\000' <"$log" | sed "s/$(printf '\033')\[[0-9;?]*[A-Za-z]//g" >"$clean"

cat >>"$gates" <<'EOT'
expect HOST-INIT reached
expect HOST-DONE
refuse Oops|BUG: |WARNING: |Kernel panic|Internal error|Unable to handle kernel|rcu: INFO|soft lockup|kcore: halt
EOT

LC_ALL=C awk -v tests="$tests" -v gates="$gates" '
function result(good, text)
{
	if (!good)
		failed = 1
	printf "%sok %d - %s\n", good ? "" : "not ", ++n, text
}
# ends the plan that is open
function close_plan()
{
	if (plan != "" && plan != seen)
		result(0, where "plan of " plan " tests, " seen " ended (log line " NR ")")
	plan = ""
}
{ line[NR] = $0 }
/^--- test / {
	close_plan()
	name = $3
	sub(/:.*/, "", name)
	begun[name]++
	where = $3 ": "
	next
}
/^1\.\.[0-9]+$/ {
	close_plan()
	plan = substr($0, 4) + 0
	seen = 0
	plans++
	next
}
/^(not )?ok [0-9]+/ {
	if (plan == "")
		result(0, where "a result outside of a plan (log line " NR ")")
	seen++
	good = $0 !~ /^not /
	text = $0
	sub(/^(not )?ok [0-9]+ *-? */, "", text)
	result(good, where text)
	next
}
# a result that is not at the beginning of its line: something else was printed into it
/(^|[^a-z])(not )?ok [0-9]+ - / && !/guest\|/ {
	result(0, where "a garbled line (log line " NR "): " $0)
}
END {
	close_plan()
	wanted = split(tests, want, ",")
	for (i = 1; i <= wanted; i++) {
		sub(/:.*/, "", want[i])
		if (!(want[i] in begun))
			result(0, "test " want[i] " did not begin")
	}
	while ((getline gate < gates) > 0) {
		kind = gate
		sub(/ .*/, "", kind)
		sub(/^[a-z]+ /, "", gate)
		at = 0
		for (i = 1; i <= NR && !at; i++)
			if (line[i] ~ gate)
				at = i
		if (kind == "expect")
			result(at, "the console shows /" gate "/")
		else
			result(!at, "the console shows no /" gate "/" (at ? ", but line " at ": " line[at] : ""))
	}
	printf "1..%d\n", n
	exit failed
}' "$clean"
