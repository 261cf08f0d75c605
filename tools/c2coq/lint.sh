#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lint.sh DIR [-- CFLAGS...]: checks all .c files of DIR against docs/subset.md, as one program.
set -u
: "${C2COQ:=c2coq}"

if [ $# -lt 1 ] || [ "$1" = --help ]; then
	echo "usage: C2COQ=PROGRAM lint.sh DIR [-- CFLAGS...]" >&2
	exit 2
fi
dir=$1
shift
[ "${1:-}" != -- ] || shift
if ! [ -d "$dir" ]; then
	echo "lint.sh: $dir: no such directory" >&2
	exit 3
fi
if ! command -v "$C2COQ" >/dev/null; then
	echo "lint.sh: $C2COQ: not built; run make -C tools/c2coq" >&2
	exit 3
fi
found=
for f in "$dir"/*.c; do
	[ -e "$f" ] && found=1
done
if [ -z "$found" ]; then
	echo "lint.sh: $dir: no .c file in it" >&2
	exit 3
fi
exec "$C2COQ" --check "$dir"/*.c -- "$@"
