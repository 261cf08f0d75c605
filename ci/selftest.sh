#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# selftest.sh - what judges the project is judged itself: every gate of ci/ is made to fail; prints TAP
# Programs under test are called by name, and are given as text.
# shellcheck disable=SC2016,SC2059,SC2317
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"
n=0 failed=0

# A text, then a command that has to exit with the status and print the regular expression
check()	# text, status, regex, command...
{
	text=$1 want=$2 regex=$3
	shift 3
	n=$((n + 1))
	"$@" >"$work/out" 2>&1 </dev/null
	got=$?
	if [ $got = "$want" ] && { [ -z "$regex" ] || grep -Eq -e "$regex" "$work/out"; }; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text: status $got, wanted $want and /$regex/"
		head -n 20 "$work/out" | sed 's/^/# /'
		failed=1
	fi
}

# ---- ci/tap.sh: a run of one test or suite, in a process of its own
run()	# call, what the tested program is
{
	printf '%s\n' "$2" >"$work/program"
	chmod +x "$work/program"
	sh -c '. "$1/ci/tap.sh"; tap_start "$2"; "$3" case "$2/program"; tap_done' sh "$top" "$work" "$1"
}

check 'tap: a passing test counts' 0 '^1 passed, 0 failed, 0 skipped' run tap_test '#!/bin/sh
exit 0'
check 'tap: a failing test fails the run' 1 '^not ok 1 - case # status 3' run tap_test '#!/bin/sh
exit 3'
check 'tap: a program that is killed fails' 1 '^0 passed, 1 failed' run tap_test '#!/bin/sh
kill -9 $$'
check 'tap: status 77 is a skip with its reason' 0 'SKIP no such machine' run tap_test '#!/bin/sh
echo no such machine
exit 77'
check 'tap: the results of a suite are counted' 0 '^2 passed, 0 failed, 1 skipped' run tap_suite '#!/bin/sh
echo "1..3"
echo "ok 1 - a"
echo "ok 2 - b # SKIP not here"
echo "ok 3 - c"'
check 'tap: a failure in a suite fails the run' 1 '^1 passed, 1 failed' run tap_suite '#!/bin/sh
echo "1..2"
echo "ok 1 - a"
echo "not ok 2 - b"
exit 1'
# another run's output
join()	# lines
{
	printf '%s\n' "$1" >"$work/joined"
	sh -c '. "$1/ci/tap.sh"; tap_start "$2"; tap_result ok first; tap_join beside "$2/joined"; tap_done' sh "$top" "$work"
}
check 'tap: the results of a joined run are counted' 0 '^3 passed, 0 failed, 1 skipped' join '# unit
ok 1 - a # 3.0 s
ok 2 - b # SKIP not here
ok 3 - c: d - e
1..3
2 passed, 0 failed, 1 skipped'
check 'tap: its names and reasons are kept' 0 '^ok 3 - b # SKIP not here' join 'ok 1 - a
ok 2 - b # SKIP not here
1..2'
check 'tap: a failure in it fails the run' 1 '^1 passed, 1 failed' join 'not ok 1 - a # status 1, 2.0 s
1..1'
check 'tap: one that ends before its plan fails' 1 'beside: planned no tests, 1 ended' join 'ok 1 - a'
check 'tap: a suite that ends before its plan fails' 1 'planned 3 tests, 1 ended' run tap_suite '#!/bin/sh
echo "1..3"
echo "ok 1 - a"'
check 'tap: a suite without a result fails' 1 'printed no result' run tap_suite '#!/bin/sh
echo fine'
check 'tap: a suite that passes all and exits with 1 fails' 1 'though no test failed' run tap_suite '#!/bin/sh
echo "1..1"
echo "ok 1 - a"
exit 1'
check 'tap: a suite that bails out fails' 1 'Bail out! no disk' run tap_suite '#!/bin/sh
echo "ok 1 - a"
echo "Bail out! no disk"'
check 'tap: a run of no test fails' 1 '^0 passed, 0 failed, 0 skipped' \
	sh -c '. "$1/ci/tap.sh"; tap_start "$2"; tap_done' sh "$top" "$work"

# ---- ci/judge.sh: a good console log, then what can be wrong with one
log()	# sed program that spoils the log
{
	sed "$1" <<'EOT' | sed 's/$/\r/' >"$work/console"
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]
HOST-INIT reached: 6.1.0, 2 CPUs
--- test life
TAP version 13
1..2
ok 1 - cycles: VMs come and go
ok 2 - many: at once
--- test attack
1..1
  guest| ok 1 - what a guest prints is not ours
ok 1 - read: refused
HOST-DONE after 3 s
EOT
}

judge()	# sed program, arguments of judge.sh...
{
	log "$1"
	shift
	"$top/ci/judge.sh" "$@" "$work/console"
}

check 'judge: a good log passes' 0 '^1\.\.6$' judge '' --tests life,attack:read
check 'judge: a test with words' 0 '^1\.\.6$' judge 's/^--- test attack/&:read+scrub/' --tests life,attack:read+scrub
check 'judge: a failed test' 1 '^not ok 2 - life: many' judge 's/^ok 2 - many/not &/'
check 'judge: a test that did not end' 1 '^not ok .*plan of 2 tests, 1 ended' judge '/^ok 2 - many/d'
check 'judge: more results than planned' 1 'plan of 1 tests, 2 ended' judge 's/^1\.\.2/1..1/'
check 'judge: a result outside of a plan' 1 'outside of a plan' judge '/^1\.\.1$/d; /^--- test attack/i 1..0'
check 'judge: a test that did not begin' 1 '^not ok .*test drop did not begin' judge '' --tests life,drop
check 'judge: a garbled line' 1 'garbled' judge 's/^ok 2 - many/[    1.0] kvm: ok 2 - many/'
check 'judge: an oops of the host' 1 'no /Oops' judge '/^--- test attack/i [    2.0] Internal error: Oops: 96000004'
check 'judge: a warning of the host' 1 'WARNING: CPU' judge '/^--- test attack/i [    2.0] WARNING: CPU: 0 PID: 1 at x.c:1'
check 'judge: a halt of KCore' 1 'kcore: halt' judge '/^--- test attack/i kcore: halt 3'
check 'judge: an oops of a guest' 1 'Kernel panic' judge '/^--- test attack/i   guest| Kernel panic - not syncing'
check 'judge: no init' 1 '^not ok .*HOST-INIT' judge '/^HOST-INIT/d'
check 'judge: no end' 1 '^not ok .*HOST-DONE' judge '/^HOST-DONE/d'
check 'judge: an empty log' 1 '^not ok .*HOST-INIT' judge d
check 'judge: --expect' 1 '^not ok .*VHE' judge '' --expect VHE
check 'judge: --refuse' 1 '^not ok .*Booting' judge '' --refuse Booting
check 'judge: no log' 3 'cannot be read' "$top/ci/judge.sh" "$work/none"
check 'judge: a bad option' 2 'unknown argument' "$top/ci/judge.sh" --nonsense
check 'boot: no kernel' 3 "'make kernel initramfs' builds it" \
	"$top/ci/boot.sh" --image "$work/none" --initrd "$work/none" --log "$work/boot.log"
check 'boot: no such GIC' 2 'takes 2 or 3' "$top/ci/boot.sh" --gic 4

# ---- proofs/lists.sh: as written, then with something less
mkdir -p "$work/lists/docs"
: >"$work/lists/docs/trusted.md"
cp "$top/CAVEATS.md" "$work/lists"
check 'lists: written' 0 '' "$top/proofs/lists.sh" --write "$work/lists"
check 'lists: as written' 0 '' "$top/proofs/lists.sh" --check "$work/lists"
sed -i '/primitives that are trusted/d' "$work/lists/CAVEATS.md"
check 'lists: a line less in CAVEATS.md' 1 'primitives that are trusted' "$top/proofs/lists.sh" --check "$work/lists"
sed -i '/pt_store/d' "$work/lists/docs/trusted.md"
check 'lists: a primitive that is not listed' 1 'pt_store' "$top/proofs/lists.sh" --check "$work/lists"
sed -i '/lists.sh writes from here/d' "$work/lists/CAVEATS.md"
check 'lists: no place for them in CAVEATS.md' 1 'have to be there once' "$top/proofs/lists.sh" --check "$work/lists"
check 'lists: no file' 3 'can.t be read' "$top/proofs/lists.sh" --check "$work/none"

# ---- tools/same-lines: lines added, replaced by more and by fewer, and removed
mkdir -p "$work/pristine" "$work/changed"
printf '%s\n' a 'b(c,' '  d)' e f g >"$work/pristine/x.c"
printf '%s\n' new a 'b(d)' e 'f1' 'f2' g >"$work/changed/x.c"
numbers()	# the numbers of the lines that both have, and the joined one
{
	"$top/tools/same-lines" --pristine "$work/pristine" --changed "$work/changed" --output "$work/lines" &&
		patch -s -p1 -F0 -d "$work/pristine" <"$work/lines/lines.patch" && grep -n . "$work/pristine/x.c" | paste -sd' '
}
check 'same-lines: what is left has the line numbers of the changed file' 0 '^2:a 3:b\(c, d\) 4:e 5:f 7:g$' numbers
printf '%s\n' a e >"$work/changed/x.c"
check 'same-lines: removed lines' 1 'x.c: lines were removed' numbers

# ---- ci/same-image.sh: two builds that differ in their build ID, then in a byte
for i in 1 2; do
	mkdir -p "$work/image$i/arch/arm64/boot"
	hash=$(printf '%040d' "$i")
	echo 'int x;' | aarch64-linux-gnu-gcc -x c -shared -nostdlib -Wl,--build-id=0x"$hash" -o "$work/image$i/vmlinux" -
	{ echo text; printf '\000%.0s' $(seq 19); printf "\\00$i"; echo data; } >"$work/image$i/arch/arm64/boot/Image"
done
check 'same-image: the same but for the build ID' 0 'but for the build ID' "$top/ci/same-image.sh" "$work/image1" "$work/image2"
check 'same-image: the same' 0 'build ID included' "$top/ci/same-image.sh" "$work/image1" "$work/image1"
printf 'x' >>"$work/image2/arch/arm64/boot/Image"
check 'same-image: a byte more' 1 'differ in 1 places of 16 bytes' "$top/ci/same-image.sh" "$work/image1" "$work/image2"
check 'same-image: nothing built' 3 'no Image and vmlinux' "$top/ci/same-image.sh" "$work/image1" "$work/none"

# ---- ci/parity.sh: two consoles
parity()	# sed program for ours, arguments of parity.sh...
{
	printf 'KSELFTEST %s\r\n' 'a/one pass 0' 'two fail 254' 'three skip 4' 'four time 137' >"$work/stock.log"
	sed "$1" "$work/stock.log" >"$work/ours.log"
	shift
	"$top/ci/parity.sh" --compare "$work/stock.log,$work/ours.log" "$@"
}
check 'parity: no difference' 0 '^4 tests, on stock 1 pass, 1 fail, 1 skip, 1 without result; 0 differ$' parity '' --output "$work"
check 'parity: TAP' 0 '^ok 1 - a/one: stock pass, kcore pass$' cat "$work/parity.tap"
check 'parity: a test that fails' 1 '^  a/one +pass +fail +differs$' parity 's/one pass 0/one fail 1/'
check 'parity: a test that passes on ours only' 1 '^  two +fail +pass +differs$' parity 's/two fail 254/two pass 0/'
check 'parity: a test without result on ours' 1 '^  three +skip +none +differs$' parity '/three/d'
check 'parity: a test that ours has alone' 1 '^  five +none +pass +differs$' parity '$a KSELFTEST five pass 0'
check 'parity: nothing passes on stock' 1 'nothing is shown' sh -c 'echo "KSELFTEST a skip 4" >"$2/skip.log"
"$1/ci/parity.sh" --compare "$2/skip.log,$2/skip.log"' sh "$top" "$work"
check 'parity: a console without results' 1 'no results' "$top/ci/parity.sh" --compare "$work/console,$work/stock.log"
check 'parity: no console' 3 'none: cannot be read' "$top/ci/parity.sh" --compare "$work/none,$work/stock.log"
check 'parity: an unknown test' 2 "unknown test 'such'; there are: one two" sh -c 'mkdir -p "$2/tests"; printf "one\ntwo\n" >"$2/list"
"$1/ci/parity.sh" --stock a,b --kcore a,b --tests "$2" --output "$2" --only such' sh "$top" "$work"
check 'parity: a release without tests' 77 'no tests of KVM' sh -c ': >"$2/list"
"$1/ci/parity.sh" --stock a,b --kcore a,b --tests "$2" --output "$2"' sh "$top" "$work"
check 'parity: no tests built' 3 'tools/build-kselftests writes it' "$top/ci/parity.sh" --stock a,b --kcore a,b --tests "$work/none" --output "$work"
# guests: what a test's checks said counts too, and how far it came until the limit doesn't
kut()	# sed program for ours
{
	printf 'KUT %s\r\n' 'gicv3-ipi pass 3/0/0' 'pmu skip 0/0/1' 'micro-bench time 4/0/0' >"$work/stock.log"
	sed "$1" "$work/stock.log" >"$work/ours.log"
	"$top/ci/parity.sh" --compare "$work/stock.log,$work/ours.log"
}
check 'parity: guests, no difference' 0 '^3 tests, on stock 1 pass, 0 fail, 1 skip, 1 without result; 0 differ$' kut 's|time 4/|time 2/|'
check 'parity: guests, a check less' 1 '^  kut/gicv3-ipi +pass:3/0/0 +pass:2/0/1 +differs$' kut 's|3/0/0|2/0/1|'
# kvm-unit-tests that were built: names and files, a list of tests
mkdir -p "$work/kut/arm"
printf '%s\n' '[one]' 'file = one.flat' '[two]' 'file = one.flat' "disabled_if = [[ \"\$TARGET\" != qemu ]]" >"$work/kut/arm/unittests.cfg"
kut_run()	# arguments
{
	"$top/ci/parity.sh" --stock "$work/none,$work/none" --kcore "$work/none,$work/none" --output "$work/kut-out" "$@"
}
check 'parity: no checkout of kvm-unit-tests' 3 'none/arm/unittests.cfg: cannot be read' kut_run --kut "$work/none"
check 'parity: kvm-unit-tests not built' 3 'kut/arm/one.flat: not there; configure' kut_run --kut "$work/kut"
: >"$work/kut/arm/one.flat"
check 'parity: a test that is left out' 2 "unknown test 'kut/two'; there are: kut/one" kut_run --kut "$work/kut" --only kut/two
check 'parity: guests without a kernel' 3 'none: cannot be read' kut_run --kut "$work/kut"
check 'build-kselftests: no kernel source' 3 'no kernel source there' "$top/tools/build-kselftests" --source "$work/none" --output "$work/ks"

# ---- ci/bench.sh: consoles and the plugin's counts of three runs, then what can be wrong with them
bench()	# sed program for the normal VM's console, one for its counts, arguments of bench.sh...
{
	rm -rf "$work/bench"
	mkdir -p "$work/bench"
	for kind in stock normal protected; do
		printf 'BENCH %s\r\n' 'loop 4 256 -1' 'hvc_psci_version 1000 256 0' 'mmio_user 4000 256 1' >"$work/bench/$kind-ops.log"
		printf '%s\n' '0 256 128000 128000 0 256' '1 256 256000 512000 256000 256' >"$work/bench/$kind-ops.split"
	done
	sed -i "$1" "$work/bench/normal-ops.log"
	sed -i "$2" "$work/bench/normal-ops.split"
	shift 2
	"$top/ci/bench.sh" --again --output "$work/bench" "$@"
}

limits()	# line...
{
	printf '%s\n' '# a comment' "$@" >"$work/limits"
}

limits '* normal hvc_psci_version 1.10' 'v6.1 normal hvc_psci_version 1.00' 'v6.1 protected mmio_user 1.00'
check 'bench: within the limits' 0 '^hvc_psci_version +1000\.0 +1000\.0 +1\.000 ' bench '' '' --release v6.1 --limits "$work/limits"
check 'bench: written as JSON' 0 '"kind": "normal", "group": "ops", "name": "mmio_user", "value": 4000, "hyp": 1000\.000' cat "$work/bench/bench.json"
check 'bench: over a limit' 1 'hvc_psci_version of a normal VM costs 1\.010 times stock, the limit is 1\.00' \
	bench 's/version 1000/version 1010/' '' --release v6.1 --limits "$work/limits"
check 'bench: over the goal, which is marked and no limit' 0 '^hvc_psci_version .* 1\.010\*' bench 's/version 1000/version 1010/' ''
check 'bench: the limit of other releases' 0 '1\.010\*' bench 's/version 1000/version 1010/' '' --release v5.10 --limits "$work/limits"
check 'bench: over that' 1 'costs 1\.101 times stock, the limit is 1\.10' \
	bench 's/version 1000/version 1101/' 's/^0 256 128000/0 256 153600/' --release v5.10 --limits "$work/limits"
check 'bench: the plugin does not agree' 1 'mmio_user of normal: 4000\.0 by the counter, 5001\.0 by the plugin' bench '' 's/^1 256 256000/1 256 512000/'
check 'bench: an operation that was not counted' 1 'normal: no count of mmio_user' bench '/mmio_user/d' ''
check 'bench: a count of nothing' 1 'normal: no count of mmio_user' bench 's/mmio_user 4000/mmio_user 0/' 's/^1 .*/1 256 0 0 0 0/'
check 'bench: a console without counts' 1 'the normal run printed no BENCH line' bench d ''
limits 'v6.1 normal ipi_self 1.00'
check 'bench: a limit of what nobody counts' 1 'ipi_self of a normal VM has a limit, but no count' bench '' '' --release v6.1 --limits "$work/limits"
limits 'v6.1 normal ipi_self'
check 'bench: a limit without a ratio' 2 'limits:2:v6.1 normal ipi_self: not a release' bench '' '' --limits "$work/limits"
check 'bench: no limits there' 3 'none: cannot be read' bench '' '' --limits "$work/none"
check 'bench: nothing to judge again' 3 'no console of a run' "$top/ci/bench.sh" --again --output "$work/none"

# ---- ci/tests/vmms.sh: a VMM that does as a guest would, then with something wrong; programs of the test host that do likewise
mkdir -p "$work/vmms/bin"
tool()	# name, its text
{
	printf '#!/bin/sh\n%s\n' "$2" >"$work/vmms/bin/$1"
	chmod +x "$work/vmms/bin/$1"
}
tool ifconfig :
tool httpd :
tool seed '[ "$FAULT" != entropy ]'
tool usleep 'sleep 0.1'
tool nc 'while [ ! -e "$VMMS_DIR/fetched" ]; do sleep 0.1; done; cat "$VMMS_DIR/fetched"'
tool qemu-system-aarch64 'cd "$VMMS_DIR" || exit
fault() { [ "$FAULT" = "$1" ]; }
hash() { sha256sum | cut -c1-64; }
turn() { tr "\000-\177\200-\377" "\200-\377\000-\177"; }
fault dies && exit 3
fault hangs && exec sleep 60
printf "GUEST up 6.1\r\nGUEST asks\r\n"
read -r line
fault console && line=other
echo "GUEST console $(printf %s "$line" | hash)"
echo "GUEST cpus 4"
n=4
fault cpu && n=3
echo "GUEST work $n $(head -c 1048576 /dev/zero | hash)"
for driver in virtio_blk virtio_net virtio_console; do
	echo "GUEST $driver pci"
done
dd if=disk of=half.guest bs=64k count=32 2>/dev/null
turn <half.guest >turned
fault read && echo x >>half.guest
echo "GUEST disk $(hash <half.guest)"
fault write || dd if=turned of=disk bs=64k seek=32 conv=notrunc 2>/dev/null
fault elsewhere && printf "xyz" | dd of=disk bs=1 seek=4096 conv=notrunc 2>/dev/null
cp www/net net.guest
fault fetch && echo x >>net.guest
echo "GUEST net $(hash <net.guest)"
if fault send; then echo x >fetched; else turn <www/net >fetched; fi
echo "GUEST sent"
n=200
fault irq && n=0
echo "GUEST irq msi $n"
echo "GUEST done"
fault status && exit 1
exit 0'
vmms()	# fault
{
	rm -rf "$work/vmms/dir"
	mkdir -p "$work/vmms/dir"
	env FAULT="$1" VMMS_DIR="$work/vmms/dir" VMMS_LIMIT="${2:-60}" PATH="$work/vmms/bin:$PATH" "$top/ci/tests/vmms.sh" qemu-pci >"$work/vmms/tap"
	ended=$?
	cat "$work/vmms/tap"
	[ "$ended" = 0 ] || return "$ended"
	! grep -q '^not ok' "$work/vmms/tap"
}
check 'vmms: a VMM that works' 0 '^ok 10 - ' vmms ''
check 'vmms: one that dies' 1 '^not ok 8 - qemu-pci: off, and the VMM ends with status 3$' vmms dies
check 'vmms: one that hangs' 1 '^not ok 8 - qemu-pci: off, and the VMM ends with status 137$' vmms hangs 2
check 'vmms: a guest that does not hear its console' 1 '^not ok 2 - .*console' vmms console
check 'vmms: a CPU less' 1 '^not ok 3 - .*4 vCPUs' vmms cpu
check 'vmms: something else read from the disk' 1 '^not ok 5 - .*read' vmms 'read'
check 'vmms: nothing written to the disk' 1 '^not ok 9 - .*wrote' vmms write
check 'vmms: more written to the disk' 1 '^not ok 9 - .*nothing else' vmms elsewhere
check 'vmms: something else fetched' 1 '^not ok 6 - .*fetched' vmms fetch
check 'vmms: something else sent' 1 '^not ok 10 - .*sent' vmms send
check 'vmms: no interrupts' 1 '^not ok 7 - .*interrupts' vmms irq
check 'vmms: an exit status' 1 '^not ok 8 - .*status 1$' vmms status
check 'vmms: no random numbers' 3 '^Bail out! no random numbers' vmms entropy
check 'vmms: an unknown VM' 2 "unknown VM 'such'" "$top/ci/tests/vmms.sh" such
vmm()	# arguments
{
	"$top/ci/vmm.sh" --stock "$work/none" --kcore "$work/none" --initrd "$work/none" --source "$work/none" --busybox "$work/none" \
		--programs "$work/none" --root "$work/none" --output "$work/vmm-out" "$@"
}
check 'vmm: no root' 3 'none: has no QEMU; tools/build-vmm-root writes it' vmm
check 'vmm: kvmtool that is not there' 2 'KVMTOOL=path of a checkout' vmm --only kvmtool-pci
check 'vmm: an unknown VM' 2 "unknown VM 'such'; there are: qemu-pci" vmm --only such
io()	# arguments
{
	"$top/ci/protected-io.sh" --image "$work/none" --initrd "$work/none" --source "$work/none" --programs "$work/none" --guest "$work/none" \
		--plain "$work/none" --output "$work/io-out" "$@"
}
check 'protected-io: an unknown test' 2 "unknown test 'such'; there are: protected" io --only such
check 'protected-io: nothing there' 3 "none: cannot be read; 'make protected-io' builds it" io
check 'protected-io: no guest named' 2 'all of --image, .* are needed' "$top/ci/protected-io.sh" --image "$work/none"
check 'build-kvmtool: no kvmtool' 3 'none: no kvmtool there' "$top/tools/build-kvmtool" --source "$work/none" --apt "$work/none" --output "$work/kvmtool"

# ---- ci/style.sh: a small tree that keeps the rules, then one file that breaks one
style()	# file, its text
{
	rm -rf "$work/tree"
	mkdir -p "$work/tree/common-core/core" "$work/tree/tools"
	spdx='SPDX-License-Identifier: GPL-2.0-only'
	printf '// %s\nu64 f(u64 x)\n{\n\treturn x;\n}\n' "$spdx" >"$work/tree/common-core/core/good.c"
	printf '#!/bin/sh\n# %s\necho "$1"\n' "$spdx" >"$work/tree/tools/good"
	if [ $# = 2 ]; then
		printf "$2" "$spdx" >"$work/tree/$1"
	fi
	"$top/ci/style.sh" "$work/tree"
}

check 'style: a good tree passes' 0 '^1\.\.' style
check 'style: shellcheck' 1 '^not ok .*shellcheck' style tools/bad '#!/bin/sh\n# %s\necho $1\n'
check 'style: not POSIX sh' 1 '^not ok .*POSIX' style tools/bad '#!/bin/bash\n# %s\ntrue\n'
check 'style: another language' 1 '^not ok .*C, make and POSIX sh only' style tools/bad.py '# %s\n'
check 'style: no SPDX line' 1 '^not ok .*SPDX' style tools/bad.h 'int x;\n'
check 'style: a left-over' 1 '^not ok .*left-overs' style tools/bad.c '// %s\n// FIX''ME later\n'
check 'style: dead code' 1 '^not ok .*left-overs' style tools/bad.c '// %s\n#if 0\n#endif\n'
check 'style: a path of a machine' 1 '^not ok .*particular machine' style tools/bad.c '// %s\nconst char *p = "/ho''me/me/x";\n'
check 'style: blanks at the end' 1 '^not ok .*blanks at the end' style tools/bad.c '// %s\nint x; \n'
check 'style: no newline at the end' 1 '^not ok .*blanks at the end' style tools/bad.c '// %s\nint x;'
check 'style: spaces for tabs' 1 '^not ok .*tabs' style tools/bad.c '// %s\n        int x;\n'
check 'style: a long line' 1 '^not ok .*160 columns' style tools/bad.c "// %s\n// $(printf '%170s' '' | tr ' ' x)\n"
check 'style: the core formatted otherwise' 1 '^not ok .*clang-format' style common-core/core/bad.c '// %s\nu64 f(u64 x) {\n\treturn x;\n}\n'

# ---- tools/setup
missing()	# arguments of setup...
{
	echo no-such-package-of-debian >"$work/list"
	"$top/tools/setup" --list "$work/list" "$@"
}

# An ordinary user may not be able to read the source tree; a copy of the program, then
nobody()
{
	mkdir -p "$work/tools"
	cp "$top/tools/setup" "$top/tools/lib.sh" "$work/tools"
	echo no-such-package-of-debian >"$work/tools/packages.list"
	chmod -R go+rX "$work"
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$work/tools/setup"
	else
		"$work/tools/setup"
	fi
}

check 'setup: nothing is missing' 0 '' "$top/tools/setup" --check
check 'setup --check: a missing package' 3 'missing Debian packages: no-such-package-of-debian' missing --check
check 'setup: not root: the command to run' 3 '^apt-get update && apt-get install .* no-such-package-of-debian$' nobody
check 'setup: a bad option' 2 'unknown argument' "$top/tools/setup" --nonsense
check 'setup: no list' 2 'cannot be read' "$top/tools/setup" --list "$work/none"

echo "1..$n"
exit $failed
