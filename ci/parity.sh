#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# parity.sh - the same tests of KVM on a stock and on a retrofitted kernel: is there a difference?
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/parity.sh --stock IMAGE,INITRD --kcore IMAGE,INITRD --tests DIR --output DIR [OPTION]...
       ci/parity.sh --compare LOG,LOG [--output DIR]
Run the tests of DIR (tools/build-kselftests) as programs of the host on both kernels, print test by test what came out, and fail if it
differs.  A test that runs into its time limit has no result, and counts as a difference if it has one on the other kernel.
If no test passes on stock, that is a failure too.

  --stock IMAGE,INITRD   the kernel without the retrofit
  --kcore IMAGE,INITRD   the kernel with it
  --tests DIR            what tools/build-kselftests wrote
  --output DIR           consoles, parity.json and parity.tap go there
  --only NAME,...        these tests
  --limit SECONDS        of one test (120)
  --cpu NAME, --smp N    as ci/boot.sh (max, 2)
  --append WORDS         more of both kernels' command lines
  --expect REGEX, --refuse REGEX   of the retrofitted kernel's console, as ci/judge.sh; may be repeated
  --compare LOG,LOG      only compare two consoles that are there
  --help                 this text

Exit status: 0 no difference, 1 a difference or a boot that failed, 2 usage, 3 environment.
EOT
}

stock='' kcore='' tests='' out='' only='' limit=120 cpu=max smp=2 append='' compare=''
judge=$(mktemp) || exit $EX_ENVIRONMENT
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$judge' '$work'"
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--stock|--kcore|--tests|--output|--only|--limit|--cpu|--smp|--append|--compare|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--stock) stock=$2 ;;
		--kcore) kcore=$2 ;;
		--tests) tests=$2 ;;
		--output) out=$2 ;;
		--only) only=$2 ;;
		--limit) limit=$2 ;;
		--cpu) cpu=$2 ;;
		--smp) smp=$2 ;;
		--append) append=$2 ;;
		--compare) compare=$2 ;;
		*) printf '%s\n%s\n' "$1" "$2" >>"$judge" ;;
		esac
		shift ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done

# The results on a console: a line "name status" for each test, and one for each that was to run and has none
results()	# console
{
	tr -d '\r' <"$1" | sed -n 's/^KSELFTEST \([A-Za-z0-9_/-]*\) \([a-z]*\) [0-9]*$/\1 \2/p' | LC_ALL=C sort -u
}

# Prints the table, writes JSON and TAP.  Status 1 if there is a difference.
table()	# stock's console, ours
{
	results "$1" >"$work/stock"
	results "$2" >"$work/kcore"
	[ -s "$work/stock" ] || die $EX_FAILED "$1: no results of tests there"
	LC_ALL=C join -a 1 -a 2 -e none -o 0,1.2,2.2 "$work/stock" "$work/kcore" | awk -v tap="$work/tap" -v json="$work/json" '
		BEGIN { printf "  %-40s %-6s %s\n", "test", "stock", "kcore"; printf "[" >json }
		{
			differs = $2 != $3
			printf "  %-40s %-6s %-6s%s\n", $1, $2, $3, (differs ? " differs" : "")
			printf "%s\n { \"test\": \"%s\", \"stock\": \"%s\", \"kcore\": \"%s\" }", (NR == 1 ? "" : ","), $1, $2, $3 >json
			printf "%s %d - %s: stock %s, kcore %s\n", (differs ? "not ok" : "ok"), NR, $1, $2, $3 >tap
			n += differs
			count[$2]++
		}
		END {
			print "\n]" >json
			printf "1..%d\n", NR >tap
			printf "%d tests, on stock %d pass, %d fail, %d skip, %d without result; %d differ\n", NR, count["pass"], count["fail"],
				count["skip"], count["time"] + count["none"], n
			if (!count["pass"]) print "no test passes on stock: nothing is shown"
			exit n > 0 || !count["pass"]
		}'
	table_status=$?
	if [ -n "$out" ]; then
		for kind in tap json; do
			install_changed "$work/$kind" "$out/parity.$kind" || die $EX_ENVIRONMENT "$out/parity.$kind: cannot be written"
		done
	fi
	return $table_status
}

if [ -n "$compare" ]; then
	for log in "${compare%%,*}" "${compare#*,}"; do
		[ -r "$log" ] || die $EX_ENVIRONMENT "$log: cannot be read; --compare takes two consoles with a comma between"
	done
	table "${compare%%,*}" "${compare#*,}"
	exit
fi
for word in "$stock" "$kcore" "$tests" "$out"; do
	[ -n "$word" ] || die $EX_USAGE "--stock, --kcore, --tests and --output are needed; see --help"
done
[ -r "$tests/list" ] || die $EX_ENVIRONMENT "$tests/list: cannot be read; tools/build-kselftests writes it"
case $limit in
''|*[!0-9]*) die $EX_USAGE "--limit takes seconds, not '$limit'" ;;
esac
for name in $(printf %s "$only" | tr , ' '); do
	grep -qxF "$name" "$tests/list" || die $EX_USAGE "unknown test '$name'; $tests/list has: $(tr '\n' ' ' <"$tests/list")"
done
printf '%s\n' "$only" | tr , '\n' | grep . >"$work/only" || cp "$tests/list" "$work/only"
[ -s "$work/only" ] || die $EX_SKIPPED "$tests/list: the release has no tests of KVM for arm64"
need cpio cpio
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"

# The tests go behind the initramfs that is there: the kernel unpacks one archive after the other
mkdir -p "$work/root/kselftest"
if ! cp "$work/only" "$work/root/kselftest/list" || ! cp -r "$tests/tests" "$work/root/kselftest/tests" ||
	! (cd "$work/root" && find kselftest | LC_ALL=C sort | cpio --quiet -o -H newc >"$work/tests.cpio"); then
	die $EX_ENVIRONMENT "the tests of $tests cannot be packed"
fi

for kind in stock kcore; do
	case $kind in
	stock) image=${stock%%,*} initrd=${stock#*,} ;;
	kcore) image=${kcore%%,*} initrd=${kcore#*,} ;;
	esac
	cat "$initrd" "$work/tests.cpio" >"$work/initrd" || die $EX_ENVIRONMENT "$initrd: cannot be read; 'make initramfs' builds it"
	step PARITY "$kind: $(wc -l <"$work/only") tests of KVM"
	set -- --image "$image" --initrd "$work/initrd" --log "$out/$kind.log" --cpu "$cpu" --smp "$smp" --memory 4G \
		--tests "kselftest:$limit" --append "$append" --limit $((300 + limit * $(wc -l <"$work/only")))
	if [ $kind = kcore ]; then
		while read -r option && read -r regex; do
			set -- "$@" "$option" "$regex"
		done <"$judge"
	fi
	if ! "$top/ci/boot.sh" "$@" >"$out/$kind.tap" 2>&1; then
		grep -E '^(not ok|# )' "$out/$kind.tap" >&2
		die $EX_FAILED "the run on the $kind kernel failed; console in $out/$kind.log"
	fi
done
table "$out/stock.log" "$out/kcore.log"
