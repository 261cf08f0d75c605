#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# parity.sh - the same tests of KVM on a stock and on a retrofitted kernel: is there a difference?
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/parity.sh --stock IMAGE,INITRD --kcore IMAGE,INITRD [--tests DIR] [--kut DIR] --output DIR [OPTION]...
       ci/parity.sh --compare LOG,LOG [--output DIR]
Run KVM's selftests of --tests as programs of the host (with the words of ci/kselftest.words) and the kvm-unit-tests of --kut as
guests on both kernels, print test by test what came out, and fail if it differs.  Without --only what the host's PMU counts is
tested too (ci/tests/pmu.c), on each kernel by itself.  A test that runs into its time limit has no result, and counts as a difference if
it has one on the other kernel.  If no test passes on stock, that is a failure too.

  --stock IMAGE,INITRD   the kernel without the retrofit
  --kcore IMAGE,INITRD   the kernel with it
  --tests DIR            what tools/build-kselftests wrote
  --kut DIR              a checkout of kvm-unit-tests, configured for arm64 and built, or its build directory
  --output DIR           consoles, parity.json and parity.tap go there
  --only NAME,...        these tests
  --limit SECONDS        of one test (120)
  --cpu NAME, --smp N, --gic 2|3    as ci/boot.sh (max, 2, 3)
  --append WORDS         more of both kernels' command lines
  --expect REGEX, --refuse REGEX   of the retrofitted kernel's console, as ci/judge.sh; may be repeated
  --compare LOG,LOG      only compare two consoles that are there
  --help                 this text

Exit status: 0 no difference, 1 a difference or a boot that failed, 2 usage, 3 environment.
EOT
}

stock='' kcore='' tests='' kut='' out='' only='' limit=120 cpu=max smp=2 gic=3 append='' compare=''
judge=$(mktemp) || exit $EX_ENVIRONMENT
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$judge' '$work'"
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--stock|--kcore|--tests|--kut|--output|--only|--limit|--cpu|--smp|--gic|--append|--compare|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--stock) stock=$2 ;;
		--kcore) kcore=$2 ;;
		--tests) tests=$2 ;;
		--kut) kut=$2 ;;
		--output) out=$2 ;;
		--only) only=$2 ;;
		--limit) limit=$2 ;;
		--cpu) cpu=$2 ;;
		--smp) smp=$2 ;;
		--gic) gic=$2 ;;
		--append) append=$2 ;;
		--compare) compare=$2 ;;
		*) printf '%s\n%s\n' "$1" "$2" >>"$judge" ;;
		esac
		shift ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done

# The results on a console: a line "name result" for each test, and one for each that was to run and has none.  The result of
# one of kvm-unit-tests goes on with how many of its checks passed, failed and were skipped.
results()	# console
{
	tr -d '\r' <"$1" | sed -n -e 's/^KSELFTEST \([A-Za-z0-9_/-]*\) \([a-z]*\) [0-9]*$/\1 \2/p' \
		-e 's|^KUT \([A-Za-z0-9_/-]*\) \([a-z]*\) \([0-9/]*\)$|kut/\1 \2:\3|p' | LC_ALL=C sort -u
}

# Prints the table, writes JSON and TAP.  Status 1 if there is a difference.
table()	# stock's console, ours
{
	results "$1" >"$work/stock"
	results "$2" >"$work/kcore"
	[ -s "$work/stock" ] || die $EX_FAILED "$1: no results of tests there"
	LC_ALL=C join -a 1 -a 2 -e none -o 0,1.2,2.2 "$work/stock" "$work/kcore" | awk -v tap="$work/tap" -v json="$work/json" '
		BEGIN { printf "  %-40s %-11s %s\n", "test", "stock", "kcore"; printf "[" >json }
		{
			# how far a test came until the limit is chance
			sub(/time:.*/, "time", $2)
			sub(/time:.*/, "time", $3)
			differs = $2 != $3
			printf "  %-40s %-11s %-11s%s\n", $1, $2, $3, (differs ? " differs" : "")
			printf "%s\n { \"test\": \"%s\", \"stock\": \"%s\", \"kcore\": \"%s\" }", (NR == 1 ? "" : ","), $1, $2, $3 >json
			printf "%s %d - %s: stock %s, kcore %s\n", (differs ? "not ok" : "ok"), NR, $1, $2, $3 >tap
			n += differs
			sub(/:.*/, "", $2)
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

# The tests of arm/unittests.cfg, a line for each: name|flat binary|options of tvmm|arguments.  Left out are those that need
# QEMU itself (disabled_if, groups of migration).
kut_list()	# directory
{
	awk -v cpus=4 '
		function put(  options)
		{
			if (name != "" && file != "" && !out)
				print name "|" file "|--vcpus " smp options_of() "|" words
			name = file = words = params = groups = ""
			smp = 1
			out = 0
		}
		function options_of(  o)
		{
			if (params ~ /gic-version=[23]/) {
				o = params
				sub(/.*gic-version=/, "", o)
				o = " --gic " substr(o, 1, 1)
			}
			return o (groups ~ /its/ ? " --its" : "") (groups ~ /pmu/ ? " --pmu" : "")
		}
		/^#/ { next }
		/^\[/ { put(); name = $0; gsub(/[][]/, "", name); next }
		/^[a-z_]+ *=/ {
			key = $1
			sub(/=.*/, "", key)
			value = $0
			sub(/^[a-z_]+ *= */, "", value)
			if (key == "file") file = value
			# a number, or an expression of as many CPUs as there are (4: ITS tests need them), at most the number in it
			if (key == "smp") {
				smp = cpus
				if (match(value, /[0-9]+/) && (value !~ /MAX_SMP/ || substr(value, RSTART, RLENGTH) + 0 < cpus))
					smp = substr(value, RSTART, RLENGTH)
			}
			if (key == "test_args") { gsub(/^["\047]|["\047]$/, "", value); words = value }
			if (key == "qemu_params" || key == "extra_params") params = value
			if (key == "groups") groups = value
			if (key == "disabled_if" || value ~ /migration/ || key == "arch" && value !~ /arm64/) out = 1
		}
		END { put() }' "$1/arm/unittests.cfg"
}

if [ -n "$compare" ]; then
	for log in "${compare%%,*}" "${compare#*,}"; do
		[ -r "$log" ] || die $EX_ENVIRONMENT "$log: cannot be read; --compare takes two consoles with a comma between"
	done
	table "${compare%%,*}" "${compare#*,}"
	exit
fi
for word in "$stock" "$kcore" "$tests$kut" "$out"; do
	[ -n "$word" ] || die $EX_USAGE "--stock, --kcore, --tests or --kut, and --output are needed; see --help"
done
case $limit in
''|*[!0-9]*) die $EX_USAGE "--limit takes seconds, not '$limit'" ;;
esac
: >"$work/kselftest"
: >"$work/kut"
if [ -n "$tests" ]; then
	cp "$tests/list" "$work/kselftest" 2>/dev/null || die $EX_ENVIRONMENT "$tests/list: cannot be read; tools/build-kselftests writes it"
fi
if [ -n "$kut" ]; then
	[ -r "$kut/arm/unittests.cfg" ] || die $EX_ENVIRONMENT "$kut/arm/unittests.cfg: cannot be read; --kut takes a checkout of kvm-unit-tests"
	kut_list "$kut" >"$work/kut"
	cut -d'|' -f2 "$work/kut" | while read -r file; do
		[ -r "$kut/arm/$file" ] || die $EX_ENVIRONMENT "$kut/arm/$file: not there; configure kvm-unit-tests for arm64 and build it first"
	done || exit
fi
{ cat "$work/kselftest"; sed 's|^\([^|]*\).*|kut/\1|' "$work/kut"; } >"$work/names"
for name in $(printf %s "$only" | tr , ' '); do
	grep -qxF "$name" "$work/names" || die $EX_USAGE "unknown test '$name'; there are: $(tr '\n' ' ' <"$work/names")"
done
if [ -n "$only" ]; then
	printf '%s\n' "$only" | tr , '\n' >"$work/only"
	grep -xF -f "$work/only" "$work/kselftest" >"$work/list"
	mv "$work/list" "$work/kselftest"
	awk -F'|' 'NR == FNR { only[$0] = 1; next } ("kut/" $1) in only' "$work/only" "$work/kut" >"$work/list"
	mv "$work/list" "$work/kut"
fi
awk 'NR == FNR { if ($0 !~ /^#/) { name = $1; $1 = ""; words[name] = $0 }; next } { print $1 words[$1] }' "$top/ci/kselftest.words" \
	"$work/kselftest" >"$work/list" || die $EX_ENVIRONMENT "$top/ci/kselftest.words: cannot be read"
mv "$work/list" "$work/kselftest"
suites=''
for suite in kselftest kut; do
	[ ! -s "$work/$suite" ] || suites="$suites${suites:+,}$suite:$limit"
done
[ -n "$suites" ] || die $EX_SKIPPED "$tests/list: the release has no tests of KVM for arm64"
need cpio cpio
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"

# The tests go behind the initramfs that is there: the kernel unpacks one archive after the other
pack()
{
	mkdir -p "$work/root/kselftest" "$work/root/kut" || return
	if [ -s "$work/kselftest" ]; then
		cp "$work/kselftest" "$work/root/kselftest/list" && cp -r "$tests/tests" "$work/root/kselftest/tests" || return
	fi
	cp "$work/kut" "$work/root/kut/list" || return
	cut -d"|" -f2 "$work/kut" | LC_ALL=C sort -u | while read -r file; do
		cp "$kut/arm/$file" "$work/root/kut/" || exit
	done || return
	(cd "$work/root" && find kselftest kut | LC_ALL=C sort | cpio --quiet -o -H newc >"$work/tests.cpio")
}
pack || die $EX_ENVIRONMENT "the tests of $tests $kut cannot be packed"
[ -n "$only" ] || suites="$suites,pmu"
count=$(cat "$work/kselftest" "$work/kut" | wc -l)

for kind in stock kcore; do
	case $kind in
	stock) image=${stock%%,*} initrd=${stock#*,} ;;
	kcore) image=${kcore%%,*} initrd=${kcore#*,} ;;
	esac
	cat "$initrd" "$work/tests.cpio" >"$work/initrd" || die $EX_ENVIRONMENT "$initrd: cannot be read; 'make initramfs' builds it"
	step PARITY "$kind: $count tests of KVM"
	set -- --image "$image" --initrd "$work/initrd" --log "$out/$kind.log" --cpu "$cpu" --smp "$smp" --gic "$gic" --memory 4G \
		--tests "$suites" --append "$append" --limit $((300 + limit * count))
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
