#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh - instructions per operation of a normal VM, stock KVM and KCore, from the same Image
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/bench.sh --image FILE --initrd FILE --output DIR [OPTION]...
Boot the Image twice on one CPU with instruction counting (one instruction is one tick), with
kcore=off and with KCore, run tvmm's benchmark in a normal VM, and print both counts and their
ratio.  Counts are exact and repeatable; they are not cycles.

  --image FILE       the kernel with KCore
  --initrd FILE      the host's initramfs
  --output DIR       console logs and results go to DIR
  --limit RATIO      fail if hvc_psci_version costs more than RATIO times stock
  --protected        measure a protected VM as well
  --help             this text
EOT
}

image='' initrd='' out='' limit='' kinds='stock kcore'
while [ $# -gt 0 ]; do
	case $1 in
	--image|--initrd|--output|--limit)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--image) image=$2 ;;
		--initrd) initrd=$2 ;;
		--output) out=$2 ;;
		--limit) limit=$2 ;;
		esac
		shift ;;
	--protected) kinds="$kinds protected" ;;
	--help) usage; exit 0 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
if [ -z "$image" ] || [ -z "$initrd" ] || [ -z "$out" ]; then
	die $EX_USAGE "--image, --initrd and --output are needed; see --help"
fi
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"

for kind in $kinds; do
	test=bench append=''
	case $kind in
	stock) append=kcore=off ;;
	protected) test=bench-protected ;;
	esac
	"$top/ci/boot.sh" --image "$image" --initrd "$initrd" --log "$out/$kind.log" --smp 1 --icount \
		--tests $test --append "$append" >"$out/$kind.tap" || {
		grep '^not ok' "$out/$kind.tap" >&2
		die $EX_FAILED "the $kind run failed; console in $out/$kind.log"
	}
	tr -d '\r' <"$out/$kind.log" | sed -n 's/^BENCH //p' >"$out/$kind.bench"
	[ -s "$out/$kind.bench" ] || die $EX_FAILED "the $kind run printed no BENCH line; console in $out/$kind.log"
done

set --
for kind in $kinds; do
	set -- "$@" "$out/$kind.bench"
done
# Field 1 is the operation, 2 the count; the empty loop is what the others were corrected by
LC_ALL=C awk -v limit="$limit" -v kinds="$kinds" '
	FNR == 1 { file++ }
	file == 1 && $1 != "loop" { order[++n] = $1 }
	{ count[file, $1] = $2 }
	END {
		columns = split(kinds, kind, " ")
		printf "%-20s", "instructions"
		for (k = 1; k <= columns; k++)
			printf "%12s%s", kind[k], k > 1 ? "   ratio" : ""
		print ""
		for (i = 1; i <= n; i++) {
			printf "%-20s", order[i]
			for (k = 1; k <= columns; k++) {
				if (!((k, order[i]) in count) || count[k, order[i]] <= 0) {
					printf "\nbench.sh: %s: no count of %s\n", kind[k], order[i]
					exit 1
				}
				printf "%12.1f", count[k, order[i]]
				if (k > 1)
					printf "%8.3f", count[k, order[i]] / count[1, order[i]]
			}
			print ""
		}
		ratio = count[2, "hvc_psci_version"] / count[1, "hvc_psci_version"]
		if (limit != "" && ratio > limit) {
			printf "bench.sh: hvc_psci_version costs %.3f times stock, the limit is %s\n", ratio, limit
			exit 1
		}
	}' "$@"
