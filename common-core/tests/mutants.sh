#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Take single checks and steps out of the core and see the unit tests fail.
set -u
me=${0##*/}

usage()
{
	cat <<-EOT
	Usage: $me --objects DIR --sources DIR --list FILE --build COMMAND [--calls N] [--first]
	For each line of the list (file, sed script, what it takes away; separated by tabs) compile the changed file with COMMAND,
	link it with the other objects of DIR and run the tests, which must fail.  --first: only the first of them.
	TAP on standard output.  Exit status: 0, 1 a mutant survived, 2 usage, 3 a mutant doesn't build or its script changes nothing.
	EOT
}

objects='' sources='' list='' build='' calls=3000 first=n
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--first) first=y; shift ;;
	--objects|--sources|--list|--build|--calls)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		case $1 in
		--objects) objects=$2 ;;
		--sources) sources=$2 ;;
		--list) list=$2 ;;
		--build) build=$2 ;;
		--calls) calls=$2 ;;
		esac
		shift 2 ;;
	*) usage >&2; exit 2 ;;
	esac
done
if [ -z "$objects" ] || [ -z "$sources" ] || [ -z "$list" ] || [ -z "$build" ]; then
	usage >&2
	exit 2
fi

dir=$(mktemp -d "$objects/mutant.XXXXXX") || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
tab=$(printf '\t')
n=0 survivors=0
while IFS=$tab read -r file script what; do
	case $file in '#'*|'') continue ;; esac
	n=$((n + 1))
	sed "$script" "$sources/$file" >"$dir/$file"
	if cmp -s "$sources/$file" "$dir/$file"; then
		echo "$me: $list: '$what': the script changes nothing in $file" >&2
		exit 3
	fi
	others=$(find "$objects" -name '*.o' ! -path "$objects/mutant.*" ! -path "*/core/${file%.c}.o")
	# shellcheck disable=SC2086 # words on purpose
	if ! $build -c -o "$dir/mutant.o" "$dir/$file" 2>"$dir/log" ||
	   ! ${build%% *} --coverage -o "$dir/tests" "$dir/mutant.o" $others -lcmocka 2>>"$dir/log"; then
		cat "$dir/log" >&2
		echo "$me: $list: '$what': $file doesn't build" >&2
		exit 3
	fi
	if GCOV_PREFIX=$dir timeout 300 "$dir/tests" --calls "$calls" >"$dir/tap" 2>&1; then
		survivors=$((survivors + 1))
		echo "not ok $n - $file: $what"
	else
		echo "ok $n - $file: $what ($(grep -c '^not ok' "$dir/tap") tests failed)"
	fi
	rm -f "$dir/$file"
	[ $first = n ] || break
done <"$list"
echo "1..$n"
echo "# $((n - survivors)) of $n mutants found"
[ $survivors -eq 0 ]
