#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run the tests built with --coverage and print the line coverage of the core, file by file and in all.
set -u
me=${0##*/}

usage()
{
	cat <<-EOT
	Usage: $me --objects DIR --sources DIR [--minimum PERCENT] [--gcov PROGRAM] [--calls N]
	       $me --report FILE [--minimum PERCENT]
	Run DIR/core-tests, built with gcc --coverage, and say which lines of the sources it executed.
	With --report judge what an earlier run found.
	The last line is the coverage in all.  Exit status: 0, 1 a test failed or below the minimum (90), 2 usage, 3 gcovr is missing.
	EOT
}

objects='' sources='' minimum=90 gcov=gcov calls=20000 report=''
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--objects|--sources|--minimum|--gcov|--calls|--report)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		case $1 in
		--objects) objects=$2 ;;
		--sources) sources=$2 ;;
		--minimum) minimum=$2 ;;
		--gcov) gcov=$2 ;;
		--calls) calls=$2 ;;
		--report) report=$2 ;;
		esac
		shift 2 ;;
	*) usage >&2; exit 2 ;;
	esac
done

judge()	# report: its table and the last line; 1 below the minimum
{
	sed -n 's/^\([a-z0-9]*\.c\) .*/# &/p' "$1"
	awk -v minimum="$minimum" '
		$1 == "TOTAL" {
			found = 1
			bad = $3 * 100 < $2 * minimum
			printf "# line coverage of common-core/core: %.1f %% (%d of %d lines; at least %s %% asked for)\n", $3 * 100 / $2, $3, $2, minimum
		}
		END { exit !found || bad }' "$1"
}

if [ -n "$report" ]; then
	judge "$report"
	exit
fi
if [ -z "$objects" ] || [ -z "$sources" ]; then
	usage >&2
	exit 2
fi
command -v gcovr >/dev/null 2>&1 || {
	echo "$me: gcovr is missing; install the Debian package 'gcovr' or run 'make setup'" >&2
	exit 3
}

find "$objects" -name '*.gcda' -exec rm -f {} +
"$objects/core-tests" --calls "$calls" >"$objects/tap" 2>&1 || {
	grep -A 3 '^not ok' "$objects/tap" >&2
	echo "$me: the tests built for coverage failed, see $objects/tap" >&2
	exit 1
}
(cd "$objects" && gcovr --gcov-executable "$gcov" --root "$sources" --filter "$sources/" \
	--object-directory "$objects" --txt "$objects/report") >"$objects/gcovr.log" 2>&1 || {
	cat "$objects/gcovr.log" >&2
	echo "$me: gcovr failed" >&2
	exit 3
}
judge "$objects/report"
