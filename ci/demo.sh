#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh - build a release with KCore, boot it, run and attack a protected VM, show what happened
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/demo.sh        (make demo)
Retrofit and build a kernel with KCore, boot it with EL2 under QEMU, boot Linux in a protected VM
of it, attack that VM from its own host, and print a table.  Environment: O, RELEASE, CPU, SMP.
Exit status 0 if all of it went as it should.
EOT
}

case ${1-} in
'') ;;
--help) usage; exit 0 ;;
*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
esac

RELEASE=${RELEASE:-v6.1}
O=${O:-$top/build}
CPU=${CPU:-cortex-a57}
SMP=${SMP:-2}
release_load "$RELEASE"
dir=$O/$RELEASE
log=$dir/demo.log
tap=$dir/demo.tap
started=$(date +%s)

printf 'KCore under Linux %s: build, boot, protect, attack\n\n' "$RELEASE_VERSION"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$top" --no-print-directory O="$O" RELEASE="$RELEASE" KCORE=y initramfs || exit

step BOOT "$RELEASE on $CPU, $SMP CPUs, EL2; console in $log"
mkdir -p "$dir"
"$top/ci/boot.sh" --image "$dir/kcore/arch/arm64/boot/Image" --initrd "$dir/kcore.cpio" --log "$log" --cpu "$CPU" \
	--smp "$SMP" --limit 900 --tests linux-protected,attack --append "$(cpu_append "$CPU")" \
	--expect "sha256 $(sha256 "$O/kcore/kcore.bin"); host behind stage 2" >"$tap" &
boot=$!
# While the machine runs: how many results there are
last=-1
while kill -0 $boot 2>/dev/null; do
	count=$(grep -acE '^(not )?ok [0-9]' "$log" 2>/dev/null)
	if [ "${count:-0}" != "$last" ]; then
		last=${count:-0}
		[ ! -t 1 ] || printf '\r\033[K  %-7s %s results' TEST "$last"
	fi
	sleep 1
done
wait $boot
status=$?
[ ! -t 1 ] || printf '\r\033[K'

console()	# extended regular expression: the first line that matches, without time stamp
{
	tr -d '\r' <"$log" | grep -aE "$1" | head -n 1 | sed 's/^# //; s/^\[[^]]*\] //'
}

results()	# regular expression: how many of the results that match are good, of how many
{
	awk -v re="$1" '
		/^(not )?ok [0-9]/ && $0 ~ re { all++; if (/# SKIP/) skipped++; else if (/^ok/) good++ }
		END { printf "%d of %d%s", good, all - skipped, skipped ? ", " skipped " skipped" : "" }' "$tap"
}

hooks=$(awk '/^Hook-Id:/ { sub(/^Hook-Id: */, ""); n = split($0, id, /, */); for (i = 1; i <= n; i++) seen[id[i]] }
	END { n = 0; for (i in seen) n++; print n }' "$dir"/retrofit/quilt/*.patch)
patches=$(find "$dir/retrofit/quilt" -name '*.patch' | wc -l)
added=$(cat "$dir"/retrofit/quilt/*.patch | grep -c '^+[^+]')
scrub=$(grep -E '^(not )?ok [0-9]+ - attack: [^:]*scrub' "$tap" | head -n 1)

row()	# name, value
{
	printf '  %-18s %s\n' "$1" "$2"
}

printf '\n'
row 'KCore' "sha256 $(sha256 "$O/kcore/kcore.bin"), $(stat -c %s "$O/kcore/kcore.bin") bytes"
row 'kernel' "$(cat "$O/src/$RELEASE.origin")"
row 'hooks applied' "$hooks by $patches patches, $added lines added, zero fuzz"
row 'boot' "$(console 'HOST-INIT reached' | sed 's/^HOST-INIT reached: //'), $(console 'kcore: .*host behind stage 2' | sed 's/.*; //')"
row 'protected VM' "$(results 'linux-protected: ') Linux guests booted to their init and powered off"
row 'attacks blocked' "$(results ' - attack: ')"
case $scrub in
ok*) row 'memory scrubbed' "yes: ${scrub#*attack: }" ;;
'') row 'memory scrubbed' 'no result' ; status=1 ;;
*) row 'memory scrubbed' "NO: ${scrub#*attack: }" ;;
esac
row 'time' "$(($(date +%s) - started)) s"
printf '\n'
if [ $status != 0 ]; then
	grep -A3 '^not ok' "$tap" | cut -c1-400
	die $EX_FAILED "not all as it should be; results in $tap, console in $log"
fi
echo "All as it should be.  Every attack with its evidence: $tap"
