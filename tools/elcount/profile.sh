#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# profile.sh - the functions behind the addresses that elcount has counted
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: tools/elcount/profile.sh --places FILE --kernel VMLINUX [OPTION]...
Print instructions per operation by function, most first.

  --places FILE      what elcount wrote (places=)
  --kernel VMLINUX   the kernel that ran
  --core FILE        KCore's kcore.elf
  --base ADDRESS     where KCore was, as its line on the console says
  --program FILE     the static program in user space
  --loops N          operations in a pass (256)
  --top N            print the first N lines (40)
  --help             this text
EOT
}

places='' kernel='' core='' base=0 program='' loops=256 first=40
while [ $# -gt 0 ]; do
	case $1 in
	--places|--kernel|--core|--base|--program|--loops|--top)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--places) places=$2 ;;
		--kernel) kernel=$2 ;;
		--core) core=$2 ;;
		--base) base=$2 ;;
		--program) program=$2 ;;
		--loops) loops=$2 ;;
		--top) first=$2 ;;
		esac
		shift ;;
	--help) usage; exit 0 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
if [ -z "$places" ] || [ -z "$kernel" ]; then
	die $EX_USAGE "--places and --kernel are needed; see --help"
fi
need nm binutils
for f in "$places" "$kernel" ${core:+"$core"} ${program:+"$program"}; do
	[ -r "$f" ] || die $EX_ENVIRONMENT "$f: cannot be read"
done

symbols()	# file, base, what it is
{
	nm -n "$1" | LC_ALL=C awk -v what="$3" '$2 ~ /^[tTwW]$/ { print $1, "=", what, $3 }' | while read -r address rest; do
		# a shell's numbers are signed: the kernel's addresses stay as they are
		[ "$2" = 0 ] || address=$(printf %016x $((0x$address + $2)))
		echo "$address $rest"
	done
}

{
	symbols "$kernel" 0 kernel
	[ -z "$core" ] || symbols "$core" "$((base))" kcore
	[ -z "$program" ] || symbols "$program" 0 user
	printf '%016x = guest -\n%016x = - -\n' $((0x40000000)) $((0x40100000))
	cat "$places"
} | LC_ALL=C sort -k1,1 -k2,2r | LC_ALL=C awk -v loops="$loops" '
	$2 == "=" { name = $3 "  " $4; next }
	{ count[name] += $2 }
	END {
		for (name in count)
			printf "%10.1f  %s\n", count[name] / loops, name
	}' | sort -rn | sed "${first}q"
