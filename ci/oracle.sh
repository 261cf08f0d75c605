#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# oracle.sh - random calls of the host on the real image under QEMU; the top machine of the proof answers them the same
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

image='' initrd='' oracle='' output='' calls=20000 seed=1 expect=''

usage()
{
	cat <<EOT
Usage: ci/oracle.sh --image FILE --initrd FILE --oracle PROGRAM --output DIR [OPTION]...
Boot the image, let ci/tests/trace make calls of the host and read state back, and give the calls on the console to oracle-trace.

  --calls N       ($calls)
  --seed N        ($seed)
  --expect REGEX  as ci/judge.sh
  --help          this text

Exit status: 0 all answers are the top machine's, 1 not so or the boot failed, 2 usage, 3 environment.
EOT
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--image|--initrd|--oracle|--output|--calls|--seed|--expect)
		[ $# -ge 2 ] || die $EX_USAGE "$1: no value; see --help"
		case $1 in
		--image) image=$2 ;;
		--initrd) initrd=$2 ;;
		--oracle) oracle=$2 ;;
		--output) output=$2 ;;
		--calls) calls=$2 ;;
		--seed) seed=$2 ;;
		--expect) expect=$2 ;;
		esac
		shift 2 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
done
if [ -z "$image" ] || [ -z "$initrd" ] || [ -z "$oracle" ] || [ -z "$output" ]; then
	die $EX_USAGE "--image, --initrd, --oracle and --output are needed; see --help"
fi
[ -x "$oracle" ] || die $EX_ENVIRONMENT "$oracle: not built; make -C tools/oracle builds it"
mkdir -p "$output" || exit $EX_ENVIRONMENT
if ! "$top/ci/boot.sh" --image "$image" --initrd "$initrd" --log "$output/console" --memory 512M --smp 1 --limit 1800 --tests "trace:$calls+$seed" \
	${expect:+--expect "$expect"} >"$output/boot.tap" 2>&1; then
	tail -n 20 "$output/boot.tap"
	exit 1
fi
tr -d '\r' <"$output/console" >"$output/trace"
"$oracle" "$output/trace" || exit

# and one answer that is changed is noticed
sed '/^O c6004b15 .* = 0 /{s/ = 0 / = 2 /;:rest;n;b rest}' "$output/trace" >"$output/changed"
if cmp -s "$output/trace" "$output/changed" || "$oracle" "$output/changed" >"$output/changed.log"; then
	echo "a changed answer of PAGE_STATE is not noticed"
	exit 1
fi
