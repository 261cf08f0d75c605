#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh - libFuzzer over the oracle for some minutes, from the corpus that is kept as text
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/lib.sh"

fuzz='' corpus=$top/tools/oracle/corpus.hex output='' minutes=3 write=n seed=0

usage()
{
	cat <<EOT
Usage: tools/oracle/fuzz.sh --fuzz PROGRAM --output DIR [OPTION]...
Run the fuzzer, whose inputs are choices of events, on the core and the top machine; it stops at the first deviation and prints the shortest
sequence that shows it (DIR/deviation: oracle --replay).

  --minutes N     (3)
  --corpus FILE   inputs to begin with, a line of hexadecimal digits each (tools/oracle/corpus.hex)
  --seed N        of the fuzzer (0: from the time)
  --write         write the inputs that are left, made few, back to the corpus
  --help          this text

Exit status: 0 no deviation, 1 a deviation, 2 usage, 3 environment.
EOT
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--write) write=y; shift ;;
	--fuzz|--corpus|--output|--minutes|--seed)
		[ $# -ge 2 ] || die $EX_USAGE "$1: no value; see --help"
		case $1 in
		--fuzz) fuzz=$2 ;;
		--corpus) corpus=$2 ;;
		--output) output=$2 ;;
		--minutes) minutes=$2 ;;
		--seed) seed=$2 ;;
		esac
		shift 2 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
done
if [ -z "$fuzz" ] || [ -z "$output" ]; then
	die $EX_USAGE "--fuzz and --output are needed; see --help"
fi
[ -x "$fuzz" ] || die $EX_ENVIRONMENT "$fuzz: not built; make fuzz builds it"
need xxd xxd
case $minutes in
''|*[!0-9]*) die $EX_USAGE "--minutes: '$minutes' is no number" ;;
esac
mkdir -p "$output" || exit $EX_ENVIRONMENT
rm -rf "$output/inputs" "$output/few" "$output/deviation"
mkdir -p "$output/inputs" "$output/few"
n=0
if [ -e "$corpus" ]; then
	sed '/^#/d' "$corpus" >"$output/lines"
	while read -r line; do
		n=$((n + 1))
		printf %s "$line" | xxd -r -p >"$output/inputs/$n"
	done <"$output/lines"
fi
while [ $n -lt 8 ]; do		# choices of a random sequence: an empty input has none
	n=$((n + 1))
	head -c 4096 /dev/urandom >"$output/inputs/random-$n"
done
ORACLE_OUTPUT=$output/deviation "$fuzz" -max_total_time=$((minutes * 60)) -max_len=8192 -timeout=120 -rss_limit_mb=4096 -print_final_stats=1 -seed="$seed" \
	-artifact_prefix="$output/" "$output/inputs" >"$output/log" 2>&1
status=$?
grep -a '^# fuzz: ' "$output/log"
sed -n 's/^stat::number_of_executed_units: */# sequences: /p' "$output/log"
sed -n 's/^.*\(cov: [0-9]* ft: [0-9]*\).*$/\1/p' "$output/log" | tail -n 1 | sed 's/^/# edges and features of the core reached: /'
if [ $status -ne 0 ]; then
	grep -aA 60 '^deviation: ' "$output/log" || tail -n 20 "$output/log"
	exit 1
fi
if [ $write = y ]; then
	"$fuzz" -merge=1 -max_len=8192 "$output/few" "$output/inputs" >"$output/merge.log" 2>&1 || { tail -n 5 "$output/merge.log" >&2; exit $EX_ENVIRONMENT; }
	{
		echo '# SPDX-License-Identifier: GPL-2.0-only'
		echo '# Inputs of the fuzzer, written by tools/oracle/fuzz.sh --write; docs/oracle.md'
		# the shortest first, up to the size that a file of the project may have
		find "$output/few" -type f -printf '%s %p\n' | sort -n | awk '{ all += 2 * $1 + 1 } all < 400000 { print $2 }' | while read -r f; do
			od -An -v -tx1 "$f" | tr -d ' \n'
			echo
		done
	} >"$corpus.tmp" && mv "$corpus.tmp" "$corpus"
	echo "# $(grep -vc '^#' "$corpus") of $(find "$output/few" -type f | wc -l) inputs are in $corpus"
fi
exit 0
