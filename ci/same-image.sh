#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# same-image.sh - are two kernels the same machine code and data?
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/same-image.sh DIR DIR
Compare the Images of two kernel builds byte for byte, but for the 20 bytes of each one's build ID: the linker's hash also covers what is not in
the Image, such as the names of local symbols, in which GCC numbers declarations.  Says whether the build IDs are the same too.

Exit status: 0 the same; 1 not; 2 usage; 3 no build there.
EOT
}

case ${1-} in
--help) usage; exit 0 ;;
esac
[ $# = 2 ] || die $EX_USAGE "two build directories are needed; see --help"
for dir in "$@"; do
	if [ ! -f "$dir/arch/arm64/boot/Image" ] || [ ! -f "$dir/vmlinux" ]; then
		die $EX_ENVIRONMENT "$dir: no Image and vmlinux there; 'make kernel' builds them"
	fi
done
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"

id()	# build
{
	LC_ALL=C "${CROSS_COMPILE:-aarch64-linux-gnu-}readelf" -n "$1/vmlinux" 2>/dev/null | sed -n 's/.*Build ID: \([0-9a-f]\{40\}\)$/\1/p'
}

# The Image in hexadecimal, a line for 16 bytes; the build ID is put in its place as zeros
hex()	# build
{
	od -An -v -tx1 "$1/arch/arm64/boot/Image" | tr -d ' \n' | sed "s/$(id "$1" | grep . || echo no-build-id)/$(printf %040d 0)/g" | fold -w 32
}

hex "$1" >"$work/a" && hex "$2" >"$work/b" || exit $EX_ENVIRONMENT
if ! diff "$work/a" "$work/b" >"$work/diff"; then
	echo 'what differs, 16 bytes a line, behind the line numbers from 1:'
	head -n 20 "$work/diff"
	die $EX_FAILED "the Images of $1 and $2 differ in $(grep -c '^>' "$work/diff") places of 16 bytes"
fi
if [ "$(id "$1")" = "$(id "$2")" ]; then
	echo 'the same Image, build ID included'
else
	echo 'the same Image but for the build ID'
fi
