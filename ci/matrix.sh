#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# matrix.sh - every stage of every release, by one make over ci/cell.sh
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/matrix.sh [--print]        (make matrix RELEASES='...' STAGES='...')
Run the cells of the matrix that have not passed yet with what is in the tree now (ci/cell.sh --help says what each stage
does), in parallel within the jobs that make was given (-j; else one for each CPU).  It may be interrupted and run again.
The results go to O/matrix: index.html, matrix.json, junit.xml, matrix.tap, a log for each cell.

  --print   print the makefile that runs the cells

Environment: RELEASES (all of versions/), STAGES (all), and what ci/cell.sh reads.
Exit status: 0 passed, some cells perhaps skipped; 1 a cell failed or was not run; 77 all were skipped; 2 usage; 3 environment.
EOT
}

print=n
case ${1-} in
'') ;;
--print) print=y ;;
--help) usage; exit 0 ;;
*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
esac
O=${O:-$top/build}
all=$("$top/ci/cell.sh" --list)
stages=${STAGES:-$all}
list=$(releases | tr ' ' '\n' | sort -V | paste -sd' ')
for release in ${RELEASES:-$list}; do
	(release_load "$release") || exit
done
list=${RELEASES:-$list}
for stage in $stages; do
	case " $all " in
	*" $stage "*) ;;
	*) die $EX_USAGE "unknown stage '$stage' (known: $all)" ;;
	esac
done
# in their own order
stages=$(for stage in $all; do
	case " $stages " in
	*" $stage "*) printf '%s ' "$stage" ;;
	esac
done)

needs()	# stage: those that come before it
{
	case $1 in
	source) ;;
	retrofit) echo source ;;
	gates|config) echo retrofit ;;
	build) echo config ;;
	hooks|boot|facts|off) echo build ;;
	vms|attacks) echo boot ;;
	proof) echo facts ;;
	esac
}

# Those before it that are asked for, through those that are not
before()	# stage
{
	for need in $(needs "$1"); do
		case " $stages " in
		*" $need "*) echo "$need" ;;
		*) before "$need" ;;
		esac
	done
}

makefile()
{
	printf '# SPDX-License-Identifier: GPL-2.0-only\n# Written by ci/matrix.sh.\nall:\n'
	# what all releases share is built once, before they need it
	common=$(for stage in $stages; do
		case $stage in
		build|boot|vms|attacks|off) echo programs ;;
		hooks) echo hookcheck-tool ;;
		facts|proof) echo facts-tool ;;
		esac
	done | sort -u | paste -sd' ')
	# shellcheck disable=SC2016 # for make
	printf 'common:\n\t+@$(MAKE) -C %s O=%s %s >%s/matrix/common.log 2>&1 || { cat %s/matrix/common.log; exit 1; }\n' \
		"$top" "$O" "kcore retrofit-tool $common" "$O" "$O"
	source=''
	# the newest, which takes longest, first: the jobs end together
	for release in $(echo "$list" | tr ' ' '\n' | sort -Vr); do
		# sources wait for the disk and for one lock: one after the other, while the other jobs compile
		case " $stages " in
		*" source "*)
			[ -z "$source" ] || printf '%s-source: | %s\n' "$release" "$source"
			source=$release-source ;;
		esac
		for stage in $stages; do
			after=$(before "$stage" | paste -sd,)
			printf 'all: %s-%s\n%s-%s: common' "$release" "$stage" "$release" "$stage"
			for need in $(before "$stage"); do
				printf ' %s-%s' "$release" "$need"
			done
			# failed and skipped cells are in the report, and those that need them are skipped
			printf '\n\t+@%s/ci/cell.sh %s %s %s || case $$? in 1|77) ;; *) exit 1 ;; esac\n' "$top" "${after:+--after $after}" "$release" "$stage"
		done
	done
}

if [ $print = y ]; then
	makefile
	exit 0
fi
mkdir -p "$O" && make -s -C "$top" O="$O" build-directory || exit $EX_ENVIRONMENT
mkdir -p "$O/matrix" || die $EX_ENVIRONMENT "$O/matrix: cannot be made"
rm -f "$O"/matrix/*/*.running
make -s -C "$top/tools/matrix-report" O="$O/tools/matrix-report" >"$O/matrix/report.log" 2>&1 || {
	cat "$O/matrix/report.log" >&2
	exit $EX_FAILED
}
makefile >"$O/matrix/Makefile.new" && mv "$O/matrix/Makefile.new" "$O/matrix/Makefile" || exit $EX_ENVIRONMENT

report()	# more arguments
{
	"$O/tools/matrix-report/matrix-report" --build "$O" --releases "$list" --stages "$stages" "$@"
}

jobs=''
case " ${MAKEFLAGS-} " in
*--jobserver*) ;;
*) jobs=-j$(nproc) ;;
esac
MAKEFLAGS=$(printf %s "${MAKEFLAGS-}" | sed 's/ -- .*//')
export MAKEFLAGS O
unset RELEASES STAGES
started=$(date +%s)
if [ -t 1 ]; then
	# The table is drawn over itself until make has ended
	# shellcheck disable=SC2086 # $jobs is empty or one word
	make $jobs -k -f "$O/matrix/Makefile" >"$O/matrix/make.log" 2>&1 &
	runner=$!
	trap 'kill $runner 2>/dev/null; wait $runner; report --output "$O/matrix" >/dev/null; exit 130' INT TERM HUP
	lines=0
	while kill -0 $runner 2>/dev/null; do
		if [ $lines != 0 ]; then
			printf '\033[%dA' $lines
		fi
		report --table | sed "s/\$/$(printf '\033')[K/"
		lines=$(($(echo "$list" | wc -w) + 2))
		sleep 1
	done
	wait $runner
	status=$?
	[ $lines = 0 ] || printf '\033[%dA' $lines
else
	# shellcheck disable=SC2086
	make $jobs -k -f "$O/matrix/Makefile"
	status=$?
fi
report --table --output "$O/matrix"
result=$?
printf '%s s; %s/matrix/index.html\n' $(($(date +%s) - started)) "$O"
if [ $status != 0 ]; then
	note "make ended with status $status: $(tail -n 1 "$O/matrix/make.log" 2>/dev/null)"
	exit $EX_ENVIRONMENT
fi
exit $result
