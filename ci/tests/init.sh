#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# init of the test host: runs the tests named in t= of the kernel's command line (commas between), powers off.
# A test NAME:ARGUMENT,... passes words on, joined by +: t=attack:scrub+donate-twice,life:cycles
# shellcheck disable=SC2086 # the words of a list are meant to be split

b=/bin/busybox
$b mkdir -p /proc /sys /dev /tmp
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b --install -s /bin 2>/dev/null
PATH=/bin
export PATH
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null

# Device nodes with dynamic numbers; the kernel has no devtmpfs
for name in kvm kcore_test; do
	minor=$(awk -v n=$name '$2 == n { print $1 }' /proc/misc)
	[ -z "$minor" ] || [ -e /dev/$name ] || mknod /dev/$name c 10 "$minor"
done
[ -e /dev/null ] || mknod /dev/null c 1 3
[ -e /dev/zero ] || mknod /dev/zero c 1 5
[ ! -d /sys/block/ram0 ] || [ -e /dev/ram0 ] || mknod /dev/ram0 b 1 0

echo "HOST-INIT reached: $(uname -r), $(grep -c ^processor /proc/cpuinfo) CPUs"
dmesg | grep -iE 'kcore|kvm|EL2|Hyp mode' | sed 's/^/# /'

word()	# name: value of name=... on the command line
{
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# Under KCore nothing may be skipped for the want of KCore
under_kcore=n
if [ -e /dev/kcore_test ] && [ "$(word kcore)" != off ]; then
	under_kcore=y
fi

number=0
result()	# status, name, what: one line of TAP
{
	number=$((number + 1))
	case $1.$under_kcore in
	0.*) echo "ok $number - $2: $3" ;;
	3.n) echo "ok $number - $2 # SKIP $3: status $1" ;;
	*) echo "not ok $number - $2: $3, exit status $1" ;;
	esac
}

plan()
{
	number=0
	echo "1..$1"
}

# A Linux guest that works, says so, and powers off
linux()	# type, vcpus, prefix, [words...]
{
	type=$1 vcpus=$2 prefix=$3
	shift 3
	tvmm linux /guest/Image --initrd /guest/initrd --$type --vcpus $vcpus --memory 128 --timeout 300 --prefix "$prefix" \
		--expect "GUEST-WORK right on $vcpus CPUs" --append "console=ttyAMA0 panic=-1 quiet" "$@"
	status=$?
	# no KCore on this host: a protected VM can't be had; anything else in status 3 is a defect of the test
	[ $status != 3 ] || [ $type = protected ] || status=1
	return $status
}

payload()	# type, payload, vcpus
{
	tvmm run --$1 --payload $2 --vcpus $3 --timeout 120 --prefix "guest| "
}

run_vmm()
{
	plan 18
	for type in normal protected; do
		for what in "hello 1" "secret 1" "regs 1" "fp 4" "spin 4" "cycles 1" "irq 4"; do
			payload $type $what
			result $? "$type-${what% *}" "payload with ${what#* } vCPU(s)"
		done
	done
	tvmm run --normal --no-gic --prefix "guest| "
	result $? normal-nogic "hello without interrupt controller"
	# by KVM where the guest is normal; a protected one finds registers that do nothing
	tvmm run --normal --payload debug --timeout 120 --prefix "guest| " --expect "registers used"
	result $? normal-debug "hardware breakpoints and watchpoints taken"
	tvmm run --protected --payload debug --timeout 120 --prefix "guest| " --expect "registers hidden"
	result $? protected-debug "no hardware breakpoints and watchpoints"
	tvmm run --protected --payload features --timeout 120 --prefix "guest| " --expect "features: 0 missing, 0 hidden, but there"
	result $? protected-features "what the ID registers hide is UNDEFINED"
}

# tvmm tells what went wrong by its status
wrong()	# status wanted, name, words...
{
	want=$1 name=$2
	shift 2
	tvmm "$@" --prefix "guest| " >/dev/null 2>&1
	status=$?
	[ $status = "$want" ]
	result $? "$name" "tvmm $*: status $status"
}

run_errors()
{
	printf '\000\000\000\024' >/tmp/loop # b .
	printf '\000\000\000\000' >/tmp/undefined
	plan 14
	wrong 1 unexpected run --expect 'nothing like this'
	wrong 0 expected run --expect 'hello from'
	wrong 1 hangs run --payload /tmp/loop --timeout 1
	wrong 1 undefined run --payload /tmp/undefined --timeout 1
	wrong 3 no-file run --payload /tmp/nowhere
	wrong 3 no-image linux /tmp/loop
	wrong 3 too-large linux /guest/Image --memory 2
	wrong 2 no-vcpus run --vcpus 0
	wrong 2 many-vcpus run --vcpus 17
	wrong 2 no-number run --memory 1x
	wrong 2 no-option run --such
	wrong 2 disk-bare run --disk /tmp/loop
	wrong 3 no-disk linux /guest/Image --disk /tmp/nowhere
	wrong 3 half-sector linux /guest/Image --disk /tmp/loop
	rm -f /tmp/loop /tmp/undefined
}

# Signed VMs (ci/initramfs.sh): the payload measure, and the Linux guest with 2 vCPUs for each version of the GIC
measured()	# words...
{
	tvmm run --signed /signed/measure --measurement --timeout 120 --prefix "guest| " "$@"
}

# What is asked for, if this KCore has a key
nonce=00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef
has_quotes()
{
	grep -q '^quote_key' /sys/kernel/debug/kcore/info
}

signed_linux()	# text of the command line, words...
{
	words=$1
	shift
	gic=3
	grep -q GICv3 /proc/interrupts || gic=2
	tvmm linux /guest/Image --initrd /guest/initrd --signed /signed/linux-gic$gic --vcpus 2 --memory 128 --timeout 120 \
		--prefix "guest| " --append "console=ttyAMA0 panic=-1 quiet$words" "$@"
}

run_signed()
{
	if [ $under_kcore = n ]; then
		plan 1
		result 3 signed "no KCore, no signed VM"
		return
	fi
	plan 12
	if has_quotes; then
		measured --quote $nonce --payload measure
		result $? measure "a signed VM prints what KCore measured of it, and quotes of that"
		wrong 2 quote-nonce run --protected --quote 0011 --payload measure
	else
		measured --payload measure --expect "no quote: KCore has no key"
		result $? measure "a signed VM prints what KCore measured of it, and that there is no quote of it"
		! measured --quote $nonce --payload measure >/tmp/signed 2>&1 && grep -q '^tvmm: no quote: KCore has no key' /tmp/signed
		result $? quote-none "where KCore has no key a quote is refused, and said why"
	fi
	signed_linux '' --expect "GUEST-WORK right on 2 CPUs"
	result $? linux "a signed Linux guest"
	wrong 1 other-payload run --signed /signed/measure --payload hello
	wrong 1 more-memory run --signed /signed/measure --payload measure --memory 5
	wrong 1 more-vcpus run --signed /signed/measure --payload measure --vcpus 2
	! signed_linux ' init=/other' >/tmp/signed 2>&1 && grep -q '^tvmm: image 1, sha256: KCore measured' /tmp/signed
	result $? other-words "another command line, so another device tree, is refused, and said to be"
	wrong 1 stranger run --signed /signed/stranger --payload measure
	wrong 3 no-signature run --signed /init --payload measure
	wrong 3 no-signature-file run --signed /signed/nowhere --payload measure
	wrong 2 signed-normal run --signed /signed/measure --normal --payload measure
	if [ "$(sed -n 's/^signed_only //p' /sys/kernel/debug/kcore/info)" = 1 ]; then
		wrong 1 unsigned run --protected --payload measure
	else
		wrong 0 unsigned run --protected --measurement --payload measure
	fi
	rm -f /tmp/signed
}

run_linux()	# types
{
	plan $((2 * $#))
	for type in "$@"; do
		for vcpus in 1 2; do
			linux $type $vcpus "guest| "
			result $? "$type-linux-$vcpus" "Linux guest with $vcpus vCPU(s) to its init and off"
		done
	done
}

run_both()
{
	plan 3
	linux protected 2 "guest|p| " >/tmp/p 2>&1 &
	first=$!
	linux protected 1 "guest|q| " >/tmp/q 2>&1 &
	second=$!
	linux normal 2 "guest|n| " >/tmp/n 2>&1
	status=$?
	cat /tmp/n
	result $status normal "beside two protected VMs"
	wait $first
	status=$?
	cat /tmp/p
	result $status protected "beside a normal and a protected VM"
	wait $second
	status=$?
	cat /tmp/q
	result $status protected-second "beside a normal and a protected VM"
	rm -f /tmp/[npq]
}

run_bench()	# type: operations, IPIs, life of VMs
{
	plan 3
	tvmm run --$1 --payload bench --loops 256
	result $? "bench-$1" "instructions per operation"
	tvmm run --$1 --payload ipi --vcpus 2 --loops 128 --timeout 300
	result $? "bench-ipi-$1" "instructions per round trip of IPIs"
	hostbench --$1
	result $? "bench-host-$1" "instructions for a VM's life"
}

run_bench_growth()	# type
{
	plan 1
	hostbench --growth --$1
	result $? "bench-growth-$1" "with many VMs and vCPUs"
}

# One VM is enough to see what the size of the host changes
run_bench_memory()	# type
{
	plan 1
	tvmm run --$1 --payload bench --loops 64
	result $? "bench-memory-$1" "instructions per operation"
	for file in info stats; do
		sed -n 's/^\(region_bytes\|el2_max\|pool_total\) */BENCH kcore.\1 /p' /sys/kernel/debug/kcore/$file 2>/dev/null
	done
}

run_bench_work()	# type
{
	plan 1
	linux $1 1 "" --append "console=ttyAMA0 panic=-1 quiet work=bench"
	result $? "bench-work-$1" "application work in a Linux guest"
}

# KVM's own tests: what came out is compared with another kernel, so a failure is no failure here.  A line of the list: name words
run_kselftest()	# seconds for each
{
	plan 1
	while read -r name words; do
		timeout -s KILL "${1:-120}" "/kselftest/tests/$name" $words </dev/null >/tmp/kselftest 2>&1
		status=$?
		case $status in
		0) said=pass ;;
		4) said=skip ;;
		137) said='time' ;;
		*) said=fail ;;
		esac
		# some say how they are used, and that all is well
		if [ -n "$words" ] && grep -qi '^usage: ' /tmp/kselftest; then said=fail; fi
		[ $said = pass ] || tail -n 12 /tmp/kselftest | sed "s|^|# $name: |"
		echo "KSELFTEST $name $said $status"
	done </kselftest/list
	rm -f /tmp/kselftest
	test -s /kselftest/list
	result $? kselftest "$(grep -c . /kselftest/list) tests of KVM run"
}

# kvm-unit-tests: likewise.  A line of the list: name|flat binary|options of tvmm|arguments
run_kut()	# seconds for each
{
	plan 1
	while IFS='|' read -r name file options words; do
		timeout -s KILL "${1:-120}" tvmm flat "/kut/$file" --memory 256 $options --append "$words" --prefix '' </dev/null >/tmp/kut 2>&1
		status=$?
		# the last word of the guest
		code=$(sed -n 's/^EXIT: STATUS=//p' /tmp/kut)
		case $status.$code in
		0.1) said=pass ;;
		0.77 | 3.) said=skip ;;
		137.*) said='time' ;;
		*) said=fail ;;
		esac
		counts=$(awk '/^PASS: / { p++ } /^[KX]?FAIL: / { f++ } /^SKIP: / { s++ } END { printf "%d/%d/%d", p, f, s }' /tmp/kut)
		[ $said = pass ] || { grep '^FAIL: ' /tmp/kut; tail -n 12 /tmp/kut; } | sed "s|^|# $name: |"
		echo "KUT $name $said $counts"
	done </kut/list
	rm -f /tmp/kut
	test -s /kut/list
	result $? kut "$(grep -c . /kut/list) of kvm-unit-tests run"
}

run_trace()	# calls, seed: the host's calls and KCore's answers, for the oracle
{
	plan 1
	trace "$@"
	result $? trace "calls with their answers are written"
}

# A protected guest with virtio devices by tvmm's command line (ci/protected-io.sh puts it there)
run_io_tvmm()
{
	plan 2
	head -c 2097152 /dev/zero >/tmp/disk
	printf '%s\n' 0123456789abcdef0123456789abcdef unbind bind |
		tvmm linux /io/Image --initrd /io/initrd --protected --vcpus 2 --memory 128 --timeout 600 --disk /tmp/disk --virtio-console \
			--expect 'GUEST done' --append 'console=ttyAMA0 panic=-1 quiet'
	status=$?
	result $status io-tvmm "a protected guest with a virtio disk and console"
	[ $status != 0 ] || [ "$(tail -c 1048576 /tmp/disk | tr -d '\200' | wc -c)" = 0 ] || status=1
	result $status io-tvmm-disk "on the disk what the guest had to write"
	rm -f /tmp/disk
}

run_test()	# name, words
{
	name=$1
	shift
	case $name in
	vmm) run_vmm ;;
	errors) run_errors ;;
	signed) run_signed ;;
	linux) run_linux normal protected ;;
	linux-normal) run_linux normal ;;
	linux-protected) run_linux protected ;;
	both) run_both ;;
	bench) run_bench "${1:-normal}" ;;
	bench-growth) run_bench_growth "${1:-normal}" ;;
	bench-memory) run_bench_memory "${1:-normal}" ;;
	bench-work) run_bench_work "${1:-normal}" ;;
	kselftest) run_kselftest "$@" ;;
	kut) run_kut "$@" ;;
	trace) run_trace "$@" ;;
	io-tvmm) run_io_tvmm ;;
	attack | life | faults | drop | pmu | vmms | io) $name "$@" ;;
	sh) sh ;;
	*)
		plan 1
		result 2 "$name" "no such test"
		;;
	esac
}

tests=$(word t | tr , ' ')
[ "$tests" != all ] || tests='vmm errors signed linux both drop life attack'
for t in $tests; do
	echo "--- test $t"
	case $t in
	*:*)
		words=$(echo "${t#*:}" | tr + ' ')
		run_test "${t%%:*}" $words
		;;
	*) run_test "$t" ;;
	esac
done
echo "HOST-DONE after $(cut -d' ' -f1 /proc/uptime) s"
sync
poweroff -f
