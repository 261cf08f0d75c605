#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# matrix-test.sh - tests of the matrix on made-up releases whose stages are one-line make targets; prints TAP
# Programs under test are called by name, and are given as text.
# shellcheck disable=SC2016,SC2317
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/matrix-test.sh
Test ci/cell.sh, ci/matrix.sh, ci/generate.sh and tools/matrix-report.
EOT
}

case ${1-} in
'') ;;
--help) usage; exit 0 ;;
*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL RELEASES STAGES RELEASE KCORE
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"
n=0 failed=0

# A text, then a command that has to exit with the status and print the regular expression
check()	# text, status, regex, command...
{
	text=$1 want=$2 regex=$3
	shift 3
	n=$((n + 1))
	"$@" >"$work/out" 2>&1 </dev/null
	got=$?
	if [ $got = "$want" ] && { [ -z "$regex" ] || grep -Eq -e "$regex" "$work/out"; }; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text: status $got, wanted $want and /$regex/"
		head -n 30 "$work/out" | sed 's/^/# /'
		failed=1
	fi
}

# A project with three releases: v9.1 is there, v9.2's retrofit fails, v9.3 has no source
p=$work/p
O=$work/build
export O
mkdir -p "$p/ci" "$p/tools/facts" "$p/common-core" "$p/proofs" "$O/kcore"
cp "$top/ci/cell.sh" "$top/ci/matrix.sh" "$top/ci/generate.sh" "$p/ci"
cp "$top/tools/lib.sh" "$p/tools"
cp -r "$top/tools/matrix-report" "$p/tools"
for r in v9.1 v9.2 v9.3; do
	mkdir -p "$p/versions/$r"
	printf '# SPDX-License-Identifier: GPL-2.0-only\nRELEASE_VERSION=%s\n' "${r#v}" >"$p/versions/$r/release.conf"
done
cat >"$p/Makefile" <<'EOT'
build-directory kcore programs retrofit-tool facts-tool hookcheck-tool proof-mutants:
	@:
source:
	@if [ $(RELEASE) = v9.3 ]; then echo "fetch-source: v9.3: versions/v9.3/release.conf names no source; set KSRC_v9_3=<path>"; exit 3; fi
	@mkdir -p $(O)/src && echo 'a <source> & more (unverified)' >$(O)/src/$(RELEASE).origin
retrofit:
	@echo run >>$(O)/$(RELEASE).retrofits
	@[ $(RELEASE) != v9.2 ] || [ -e $(O)/mended ] || { echo 'gate <matches> failed'; exit 1; }
EOT

cell()
{
	"$p/ci/cell.sh" "$@"
}

matrix()	# releases, stages
{
	RELEASES=$1 STAGES=$2 "$p/ci/matrix.sh"
}

check 'cell: unknown release' 2 "unknown release 'v9.9'.*known: v9.1" cell v9.9 source
check 'cell: unknown stage' 2 "unknown stage 'sauce'" cell v9.1 sauce
check 'cell: passes' 0 '^  PASS    v9.1' cell v9.1 source
check 'cell: what it ran is in the result' 0 '"ran": \["make source RELEASE=v9.1", "a <source> & more' cat "$O/matrix/v9.1/source.json"
check 'cell: with the same input it is not run again' 0 '^  SAME    v9.1' cell v9.1 source
check 'cell: --again' 0 '^  PASS    v9.1' cell --again v9.1 source
echo '# changed' >>"$p/versions/v9.1/release.conf"
check 'cell: with another input it is run again' 0 '^  PASS    v9.1' cell v9.1 source
check 'cell: fails with the reason' 1 '^  FAIL    v9.2 .*gate <matches> failed' cell v9.2 retrofit
check 'cell: a failure is never kept' 1 '^  FAIL' cell v9.2 retrofit
check 'cell: a missing source is a skip with the remedy' 77 '^  SKIP    v9.3.*set KSRC_v9_3=' cell v9.3 source
check 'cell: after a skip' 77 'SKIP    v9.3 .*source was skipped: .*KSRC_v9_3' cell --after source v9.3 retrofit
check 'cell: after a failure' 77 'SKIP    v9.2 .*retrofit failed' cell --after retrofit v9.2 gates
rm -rf "$O/matrix" "$O"/*.retrofits
check 'matrix: unknown release' 2 "unknown release 'v9.9'" matrix v9.9 source
check 'matrix: unknown stage' 2 "unknown stage 'sauce'" matrix v9.1 sauce
check 'matrix: the order of stages is theirs' 0 '^v9.1-retrofit: common v9.1-source$' \
	env RELEASES=v9.1 STAGES='retrofit source' "$p/ci/matrix.sh" --print
check 'matrix: a stage that is left out is not waited for' 0 '^v9.1-gates: common v9.1-source$' \
	env RELEASES=v9.1 STAGES='source gates' "$p/ci/matrix.sh" --print
check 'matrix: a failure fails it' 1 '^2 cells|3 passed, 1 failed, 2 skipped' matrix 'v9.1 v9.2 v9.3' 'source retrofit'
check 'matrix: JUnit has failure and reason' 0 '<testcase classname="v9.2" name="retrofit" .*<failure message="status [0-9]*: .*gate &lt;matches&gt; failed' \
	cat "$O/matrix/junit.xml"
check 'matrix: JUnit has the skip' 0 '<testcase classname="v9.3" name="source" .*<skipped message=".*KSRC_v9_3' cat "$O/matrix/junit.xml"
check 'matrix: TAP has the failure' 0 '^not ok 4 - v9.2: retrofit' cat "$O/matrix/matrix.tap"
check 'matrix: TAP has the skip' 0 '^ok 5 - v9.3: source # SKIP .*KSRC_v9_3' cat "$O/matrix/matrix.tap"
check 'matrix: JSON is JSON' 0 '"fail": 1' cat "$O/matrix/matrix.json"
check 'matrix: the page names the unverified source' 0 'a &lt;source&gt; &amp; more \(unverified\)' cat "$O/matrix/index.html"
check 'matrix: the page leads to the log' 0 'href="v9.2/retrofit.log"' cat "$O/matrix/index.html"
check 'matrix: the page has no script' 1 '' grep -qi -e '<script' -e ' on[a-z]*=' "$O/matrix/index.html"
: >"$O/mended"
check 'matrix: goes on where it was' 0 'SAME    v9.1 .*' matrix 'v9.1 v9.2 v9.3' 'source retrofit'
check 'matrix: what failed was run again, what passed was not' 0 '^1 .*v9.1.*2 .*v9.2' \
	sh -c 'wc -l "$1"/v9.1.retrofits "$1"/v9.2.retrofits | paste -sd" " | sed "s/^ *//"' sh "$O"
check 'matrix: all skipped is no success' 77 '0 passed, 0 failed, 2 skipped' matrix v9.3 'source retrofit'
: >"$O/matrix/v9.1/source.json"
check 'report: a damaged result' 1 'remove it and run the cell again' "$O/tools/matrix-report/matrix-report" --build "$O" --releases v9.1 --stages source
rm "$O/matrix/v9.1/source.json"
check 'report: a cell that was not run is no success' 1 '1 to do' "$O/tools/matrix-report/matrix-report" --build "$O" --releases v9.1 --stages source --table
check 'report: usage' 2 'see --help' "$O/tools/matrix-report/matrix-report"

# The other releases of ci/check.sh: v9.2 has a source but its retrofit fails, v9.3 has none
cp "$top/ci/check.sh" "$top/ci/tap.sh" "$p/ci"
rm -rf "$O/matrix" "$O/mended"
check 'check: a release whose retrofit fails' 1 '^not ok 2 - releases: v9.2, retrofit # status 1' \
	env RELEASE=v9.1 "$p/ci/check.sh" releases
check 'check: a release without a source is skipped, with the remedy' 1 '^ok 3 - releases: v9.3, source # SKIP v9.3 .*KSRC_v9_3' \
	env RELEASE=v9.1 "$p/ci/check.sh" releases
check 'check: what runs beside the other stages is counted with them' 1 '^ok 1 - proof-mutants: every fault applies to the core' \
	env RELEASE=v9.1 "$p/ci/check.sh" proof-mutants releases
check 'check: no stage is begun after the time' 0 '^ok 1 - releases: not begun, or not all of it # SKIP 0 s were over' \
	env RELEASE=v9.1 KCORE_CHECK_SECONDS=0 "$p/ci/check.sh" releases

# Ctrl-C: the whole process group gets SIGINT while the retrofit runs; the next run goes on
printf 'source:\n\t@mkdir -p $(O)/src && : >$(O)/src/$(RELEASE).origin\nretrofit:\n\t@mkfifo $(O)/fifo; : >$(O)/started; cat $(O)/fifo\n%s\n' \
	'build-directory kcore programs retrofit-tool facts-tool hookcheck-tool: ;' >"$p/Makefile"
interrupted()
{
	setsid env --default-signal=INT RELEASES=v9.1 STAGES='source retrofit' "$p/ci/matrix.sh" >"$work/interrupted" 2>&1 </dev/null &
	victim=$!
	while [ ! -e "$O/started" ] && kill -0 "$victim"; do
		sleep 0.1
	done
	kill -INT -"$victim"
	wait "$victim" && return 1
	# nobody of the process group lives on, within ten seconds
	tries=0
	while kill -0 -"$victim" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ]; then
			kill -KILL -"$victim"
			echo 'the interrupted matrix left programs behind'
			return 1
		fi
		sleep 0.1
	done
	[ ! -e "$O/matrix/v9.1/retrofit.json" ] && [ ! -e "$O/matrix/v9.1/retrofit.running" ]
}
check 'matrix: Ctrl-C leaves no result of what was running' 0 '' interrupted
sed -i 's/^\t@mkfifo.*/\t@:/' "$p/Makefile"
check 'matrix: then it goes on' 0 '2 passed' matrix v9.1 'source retrofit'

generate()
{
	"$p/ci/generate.sh" "$@" "$work/files"
}
mkdir "$work/files"
check 'generate: writes both files' 0 '' generate
check 'generate: they are up to date' 0 '' generate --check
check 'generate: all releases' 0 'release: \[v9.1, v9.2, v9.3\]' cat "$work/files/.github/workflows/matrix.yml"
mkdir "$p/versions/v10.1"
cp "$p/versions/v9.3/release.conf" "$p/versions/v10.1"
check 'generate: stale for a new release' 1 "matrix.yml: is not what .*run 'make ci-files'" generate --check

echo "1..$n"
exit $failed
