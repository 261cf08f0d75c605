#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mutants.sh - take single checks out of KCore and see that the attacks notice
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/tests/mutants.sh --image FILE --kcore FILE --initrd FILE --tools DIR --output DIR [OPTION]... [NAME...]
For each mutant of ci/tests/mutants (or those named): copy common-core, take the check out, build kcore.bin, put it in
place of the real one into a copy of the Image, boot, run the tests that the mutant names: each must be "not ok".
Prints TAP.

  --image FILE    the kernel with KCore; --kcore FILE the kcore.bin in it
  --initrd FILE   the host's initramfs
  --tools DIR     where 'make -C ci/tests O=DIR' built
  --output DIR    copies, builds and console logs
  --limit SECONDS time limit of one boot (180)
  --jobs N        so many mutants at a time (1)
  --list          the mutants, and the tests they are for
  --help          this text

A mutant is a text file: lines "attack NAME...", "life NAME...", "drop NAME...", an optional "boot WORDS" for ci/boot.sh, and for each change
"file PATH", "--- old", lines, "--- new", lines, "--- end"; the old lines must occur exactly once in common-core/PATH.

Exit status: 0 every test noticed its mutant; 1 one was not noticed, or a mutant does not apply; 2 usage; 3 environment.
EOT
}

# PROGRAM:TEST of a mutant, on one line
tests_of()	# file
{
	awk '$1 == "attack" || $1 == "life" || $1 == "drop" { for (i = 2; i <= NF; i++) printf "%s:%s ", $1, $i }' "$1"
}

list()
{
	for m in "$top"/ci/tests/mutants/*.mutant; do
		printf '%-24s %s\n' "$(basename "$m" .mutant)" "$(tests_of "$m")"
	done
}

image='' kcore='' initrd='' tools='' out='' limit=180 jobs=1
while [ $# -gt 0 ]; do
	case $1 in
	--list) list; exit 0 ;;
	--help) usage; exit 0 ;;
	--image|--kcore|--initrd|--tools|--output|--limit|--jobs)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--image) image=$2 ;;
		--kcore) kcore=$2 ;;
		--initrd) initrd=$2 ;;
		--tools) tools=$2 ;;
		--output) out=$2 ;;
		--limit) limit=$2 ;;
		--jobs) jobs=$2 ;;
		esac
		shift ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) break ;;
	esac
	shift
done
case $jobs in
''|*[!0-9]*|0) die $EX_USAGE "--jobs takes a number from 1, not '$jobs'" ;;
esac
if [ -z "$image" ] || [ -z "$kcore" ] || [ -z "$initrd" ] || [ -z "$tools" ] || [ -z "$out" ]; then
	die $EX_USAGE "--image, --kcore, --initrd, --tools and --output are needed; see --help"
fi
for f in "$image" "$kcore" "$initrd" "$tools/splice"; do
	[ -r "$f" ] || die $EX_ENVIRONMENT "$f: cannot be read; 'make kernel initramfs' builds it"
done
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"
if [ $# -eq 0 ]; then
	for m in "$top"/ci/tests/mutants/*.mutant; do
		m=${m##*/}
		set -- "$@" "${m%.mutant}"
	done
fi
for name in "$@"; do
	[ -r "$top/ci/tests/mutants/$name.mutant" ] || die $EX_USAGE "no mutant '$name'; --list names them"
done

n=0 failed=0
result()	# good, text
{
	n=$((n + 1))
	if [ "$1" = y ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

# The changes of a mutant as DIR/<i>.{file,old,new}; the number of them
split()	# mutant dir
{
	awk -v dir="$2" '
	/^--- old$/ { part = "old"; next }
	/^--- new$/ { close(to); part = "new"; to = dir "/" i ".new"; printf "" >to; next }
	/^--- end$/ { close(to); part = ""; next }
	part == "" && /^file / { i++; to = dir "/" i ".file"; print $2 >to; close(to); to = dir "/" i ".old"; printf "" >to; next }
	part != "" { print >to }
	END { print i + 0 }' "$1"
}

# Why the mutant cannot be made, on standard output; nothing if it was
make_mutant()	# name dir
{
	rm -rf "$2"
	if ! mkdir -p "$2/change" "$2/build" "$2/tools" || ! cp -R "$top/common-core" "$2/common-core" ||
	   ! cp "$top/tools/fetch-bearssl" "$top/tools/lib.sh" "$2/tools"; then
		echo "no copy of common-core in $2"
		return
	fi
	changes=$(split "$top/ci/tests/mutants/$1.mutant" "$2/change")
	[ "$changes" -gt 0 ] || { echo "no change in it"; return; }
	i=1
	while [ $i -le "$changes" ]; do
		file=$2/common-core/$(cat "$2/change/$i.file")
		[ -r "$file" ] || { echo "no file $(cat "$2/change/$i.file") in common-core"; return; }
		"$tools/splice" --resize --old "$2/change/$i.old" --new "$2/change/$i.new" --output "$file" "$file" 2>"$2/splice.log" || {
			echo "change $i does not apply: $(sed 's/.*splice: //' "$2/splice.log")"
			return
		}
		i=$((i + 1))
	done
	"${MAKE:-make}" -C "$2/common-core" O="$2/build" >"$2/build.log" 2>&1 || { echo "does not build; see $2/build.log"; return; }
	if cmp -s "$2/build/kcore.bin" "$kcore"; then
		echo "the image is the same as without it"
		return
	fi
	# The kernel has room for kcore.bin's pages.  A mutant that the compiler makes larger than that is compiled for size.
	if [ "$(wc -c <"$2/build/kcore.bin")" -gt "$(wc -c <"$kcore")" ]; then
		rm "$2/build/core.o"
		"${MAKE:-make}" -C "$2/common-core" O="$2/build" CORE_SPEED=-Os >"$2/build.log" 2>&1 || { echo "does not build by -Os; see $2/build.log"; return; }
	fi
	"$tools/splice" --old "$kcore" --new "$2/build/kcore.bin" --output "$2/Image" "$image" 2>"$2/splice.log" ||
		sed 's/.*splice: //' "$2/splice.log"
}

total=0
for name in "$@"; do
	total=$((total + $(tests_of "$top/ci/tests/mutants/$name.mutant" | wc -w)))
done
echo "1..$total"

# Each mutant by a run of its own, then their results in order
if [ "$jobs" -gt 1 ] && [ $# -gt 1 ]; then
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh -c 'me=$1 out=$2; shift 2
		"$me" "$@" --output "$out" {} >"$out/{}.tap" 2>&1' sh "$0" "$out" --image "$image" --kcore "$kcore" --initrd "$initrd" \
		--tools "$tools" --limit "$limit"
	for name in "$@"; do
		grep -Eq '^(not )?ok ' "$out/$name.tap" || echo "not ok - $name: $(tail -n 1 "$out/$name.tap")"
		grep -v '^1\.\.' "$out/$name.tap"
	done | awk '/^(not )?ok / { n++; sub(/ok [0-9]* ?-/, "ok " n " -") } /^not ok / { failed = 1 } { print } END { exit failed }'
	exit
fi
for name in "$@"; do
	mutant=$top/ci/tests/mutants/$name.mutant
	boot=$(sed -n 's/^boot //p' "$mutant")
	dir=$out/$name
	why=$(make_mutant "$name" "$dir")
	for test in $(tests_of "$mutant"); do
		if [ -n "$why" ]; then
			result n "$name: $test: $why"
			continue
		fi
		log=$dir/${test#*:}.log
		# shellcheck disable=SC2086 # words for boot.sh
		"$top/ci/boot.sh" --image "$dir/Image" --initrd "$initrd" --log "$log" --limit "$limit" --memory 1G \
			--tests "$test" $boot >"$dir/${test#*:}.tap" 2>&1
		line=$(tr -d '\r' <"$log" | grep -aE "^(not )?ok [0-9]+ - ${test#*:}(:| #)" | head -n 1)
		case $line in
		not*) result y "$name: $test notices: ${line#*: }" ;;
		*'# SKIP'*) result n "$name: $test: skipped: ${line#*SKIP }" ;;
		'') result n "$name: $test: no result; console in $log" ;;
		*) result n "$name: $test does not notice: ${line#*: }" ;;
		esac
	done
	rm -rf "$dir/Image" "$dir/common-core" "$dir/tools"
done
exit $failed
