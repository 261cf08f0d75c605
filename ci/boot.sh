#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh - boot an Image under QEMU with EL2, keep its console, judge it
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/boot.sh --image FILE --initrd FILE --log FILE [OPTION]...
Boot an arm64 Image on QEMU's virt machine with EL2, run the tests named, print TAP.

  --image FILE       the kernel
  --initrd FILE      the host's initramfs
  --log FILE         where the console goes
  --cpu NAME         QEMU's CPU (cortex-a57)
  --smp N            number of CPUs (2)
  --memory SIZE      (2G)
  --gic 2|3          GIC version (3); a GICv2 serves at most 8 CPUs
  --tests NAME,...   tests the init program runs, t= on the command line
  --append WORDS     more of the kernel's command line
  --built-in-keys    the kernel has its own keys for signed VMs: none on the command line, where else those of the tests are
  --icount           count instructions instead of time: one is one ns, the counters tick with it
  --plugin FILE,...  a plugin of QEMU's (tools/elcount)
  --limit SECONDS    time limit (300)
  --expect REGEX, --refuse REGEX   as ci/judge.sh; may be repeated
  --show             show the console while it runs
  --help             this text

Exit status: 0 all good, 1 a test failed or the machine did not shut down in time, 2 usage, 3 environment.
EOT
}

image='' initrd='' log='' cpu=cortex-a57 smp=2 memory=2G gic=3 tests='' append='' icount=n limit=300 show=n plugin='' built_in=n
judge=$(mktemp) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -f '$judge'"
while [ $# -gt 0 ]; do
	case $1 in
	--icount) icount=y ;;
	--show) show=y ;;
	--built-in-keys) built_in=y ;;
	--help) usage; exit 0 ;;
	--image|--initrd|--log|--cpu|--smp|--memory|--gic|--tests|--append|--limit|--plugin|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--image) image=$2 ;;
		--initrd) initrd=$2 ;;
		--log) log=$2 ;;
		--cpu) cpu=$2 ;;
		--smp) smp=$2 ;;
		--memory) memory=$2 ;;
		--gic) gic=$2 ;;
		--tests) tests=$2 ;;
		--append) append=$2 ;;
		--limit) limit=$2 ;;
		--plugin) plugin=$2 ;;
		*) printf '%s\n%s\n' "$1" "$2" >>"$judge" ;;
		esac
		shift ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
case $gic in
2|3) ;;
*) die $EX_USAGE "--gic takes 2 or 3, not '$gic'" ;;
esac
if [ -z "$image" ] || [ -z "$initrd" ] || [ -z "$log" ]; then
	die $EX_USAGE "--image, --initrd and --log are needed; see --help"
fi
need qemu-system-aarch64 qemu-system-arm
need timeout coreutils
for f in "$image" "$initrd"; do
	[ -r "$f" ] || die $EX_ENVIRONMENT "$f: cannot be read; 'make kernel initramfs' builds it"
done
mkdir -p "$(dirname "$log")" || die $EX_ENVIRONMENT "$log: cannot be made"

machine=virt,virtualization=on,gic-version=$gic,dtb-randomness=off
set -- -nographic -nodefaults -no-reboot -serial stdio -smp "$smp" -m "$memory" -kernel "$image" -initrd "$initrd"
[ -z "$plugin" ] || set -- "$@" -plugin "$plugin"
if [ $icount = y ]; then
	set -- "$@" -cpu "$cpu,cntfrq=1000000000" -icount shift=0,sleep=off
else
	set -- "$@" -cpu "$cpu"
fi
# Signed VMs are signed by the key of the tests, but where a test has keys of its own
case $built_in$append in
y*|*kcore.keys=*) ;;
*) append="kcore.keys=$(cat "$top/ci/tests/owner.txt") $append" ;;
esac
set -- "$@" -M "$machine" -append "console=ttyAMA0 panic=-1 loglevel=5 t=$tests $append"

if [ $show = y ]; then
	{ timeout --foreground "$limit" qemu-system-aarch64 "$@" </dev/null 2>&1; echo $? >"$log.status"; } | tee "$log"
else
	timeout --foreground "$limit" qemu-system-aarch64 "$@" </dev/null >"$log" 2>&1
	echo $? >"$log.status"
fi
status=$(cat "$log.status")
rm -f "$log.status"
case $status in
0) ;;
124) note "the machine did not shut down within $limit s; console in $log" ;;
*) note "QEMU ended with status $status; console in $log" ;;
esac

# What "all" means is for the init program to say
if [ "$tests" = all ]; then
	tests=$(sed -n "s/.*\[ \"\$tests\" != all \] || tests='\(.*\)'$/\1/p" "$top/ci/tests/init.sh" | tr " " ,)
fi
set --
while IFS= read -r word; do
	set -- "$@" "$word"
done <"$judge"
"$top/ci/judge.sh" ${tests:+--tests "$tests"} "$@" "$log"
judged=$?
[ "$status" = 0 ] || [ $judged != 0 ] || judged=$EX_FAILED
exit $judged
