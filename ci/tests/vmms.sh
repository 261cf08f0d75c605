#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmms - stock VMMs boot a normal Linux guest with 4 vCPUs and virtio devices; TAP.  Runs in the test host (ci/tests/init.sh).
#
#   vmms VM...     VMs: qemu-pci qemu-mmio qemu-balloon kvmtool-pci kvmtool-mmio
#
# vmlimit=SECONDS on the kernel's command line: of one VM (900).  VMMS_LIMIT goes before it.
# VMMS_DIR: where files go (/tmp).
#
# Each VM has a disk whose first half is random; the guest says the SHA-256 of what it reads there and writes the second half.
# It fetches a file over the network and sends its answer, and answers a line on its virtio console.  What it says is compared
# with what this host computes, and the disk is looked at when the VMM has ended.
# shellcheck disable=SC2086 # numbers, and names without blanks

cpus=4
limit=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^vmlimit=//p')
limit=${VMMS_LIMIT:-${limit:-900}}
dir=${VMMS_DIR:-/tmp}
www=$dir/www
number=0

result()	# status, what
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $vm: $2"
	else
		echo "not ok $number - $vm: $2"
	fi
}

hash()
{
	sha256sum | cut -c1-64
}

turn()
{
	tr '\000-\177\200-\377' '\200-\377\000-\177'
}

seconds()
{
	cut -d. -f1 /proc/uptime
}

alive()	# process
{
	state=$(sed -n 's/^State:[^A-Z]*\([A-Z]\).*/\1/p' /proc/$1/status 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ]
}

# Whole lines of the guest's only
lines()
{
	head -n "$(wc -l <$dir/out)" $dir/out | tr -d '\r'
}

# The guest says something, within the VM's time and while the VMM lives
wait_for()	# regular expression
{
	while ! lines | grep -q "^GUEST $1"; do
		if ! alive $pid || [ "$(seconds)" -ge "$end" ]; then
			return 1
		fi
		usleep 200000
	done
}

said()	# what: the rest of the line
{
	lines | sed -n "s/^GUEST $1 //p" | tail -n 1
}

says()	# what, text wanted
{
	[ -n "$2" ] && [ "$(said "$1")" = "$2" ] && return
	echo "# GUEST $1: '$(said "$1")', wanted '$2'"
	return 1
}

qemu()	# transport, words...
{
	case $1 in
	pci) suffix=pci ;;
	mmio) suffix=device ;;
	esac
	shift
	net=10.0.2.15,10.0.2.2
	set -- qemu-system-aarch64 -machine virt,gic-version=host -accel kvm -cpu host -smp $cpus -m 256 -nodefaults -display none -no-reboot \
		-kernel /guest/Image -initrd /guest/vm.cpio \
		-device virtio-serial-$suffix -chardev stdio,id=console,signal=off -device virtconsole,chardev=console -serial file:$dir/serial \
		-drive if=none,id=disk,format=raw,file=$dir/disk -device virtio-blk-$suffix,drive=disk \
		-netdev user,id=net -device virtio-net-$suffix,netdev=net"$([ $suffix = pci ] && echo ,romfile=)" "$@"
	"$@" -append "console=ttyAMA0 console=hvc0 panic=-1 quiet net=$net $append" <&3 >$dir/out 2>$dir/err &
	pid=$!
}

kvmtool()	# transport
{
	net=192.168.33.15,192.168.33.1
	HOME=$dir pty lkvm run --name "$vm" --cpus $cpus --mem 256 --kernel /guest/Image --initrd /guest/vm.cpio --irqchip gicv3-its \
		--virtio-transport "$1" --console virtio --disk $dir/disk --network mode=tap,script=none \
		--params "console=hvc0 panic=-1 quiet net=$net $append" <&3 >$dir/out 2>$dir/err &
	pid=$!
}

# Under KCore its books say that it is there
books()	# counter, value wanted
{
	[ -r /sys/kernel/debug/kcore/stats ] || return 0
	counted=$(sed -n "s/^$1  *//p" /sys/kernel/debug/kcore/stats)
	[ "$counted" = "$2" ] && return
	echo "# KCore counts $1 $counted, wanted $2"
	return 1
}

# Resident memory of the VMM, kB
resident()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$pid/status
}

hmp()	# command: to QEMU's monitor
{
	echo "$1" >&4
}

# The VMM says that the balloon has the size asked for
ballooned()	# MiB that the guest has
{
	while ! tr -d '\r' <"$monitor.log" | grep -q "^balloon: actual=$1\$"; do
		if ! alive $pid || [ "$(seconds)" -ge "$end" ]; then
			return 1
		fi
		hmp "info balloon"
		usleep 500000
	done
}

balloon()
{
	wait_for free
	before=$(resident) free=$(said free)
	hmp "balloon 96"
	ballooned 96
	result $? "a balloon of 160 of 256 MiB"
	after=$(resident)
	echo small >&3
	wait_for free-small
	echo "# resident $before kB, then $after kB; free in the guest $free kB, then $(said free-small) kB"
	[ $((before - after)) -ge 65536 ]
	result $? "the host has 64 MiB of it back"
	hmp "balloon 256"
	ballooned 256
	echo large >&3
	wait_for refilled
	says refilled "$((fill << 20)) of $((fill << 20))"
	result $? "the guest uses all again when it is let out"
}

run()	# vm
{
	# more than a balloon of 160 of the guest's 256 MiB can do without: it takes free pages that were never used, too
	vm=$1 append='' fill=160
	end=$(($(seconds) + limit))
	rm -f $dir/in $dir/hold $dir/out $dir/err $dir/serial $dir/sent
	: >$dir/out
	mkfifo $dir/in $dir/hold
	exec 3<>$dir/in 5<>$dir/hold
	dd if=/dev/urandom of=$dir/half bs=64k count=32 2>/dev/null
	{ cat $dir/half; head -c 2097152 /dev/zero; } >$dir/disk
	{ cat $dir/half; turn <$dir/half; } >$dir/want
	dd if=/dev/urandom of=$www/net bs=64k count=16 2>/dev/null
	if [ "$(stat -c %s $dir/want)" != 4194304 ] || [ "$(stat -c %s $www/net)" != 1048576 ]; then
		echo "Bail out! no random data in $dir"
		exit 3
	fi
	read_want=$(hash <$dir/half) net_want=$(hash <$www/net) line=$(hash </proc/sys/kernel/random/uuid)
	# nc hangs up when its own input ends
	nc -l -p 8001 <&5 >$dir/sent &
	listener=$!

	transport=${vm#*-}
	case $vm in
	qemu-balloon)
		transport=pci monitor=$dir/monitor append="balloon=$fill"
		rm -f $monitor.in $monitor.out
		mkfifo $monitor.in $monitor.out
		exec 4<>$monitor.in
		cat $monitor.out >$monitor.log &
		qemu pci -device virtio-balloon-pci -chardev pipe,id=monitor,path=$monitor -mon chardev=monitor,mode=readline ;;
	qemu-*) qemu "$transport" ;;
	kvmtool-*) kvmtool "$transport" ;;
	esac

	wait_for asks
	result $? "Linux comes to its init, $(said up)"
	echo "$line" >&3
	wait_for console
	says console "$(printf %s "$line" | hash)"
	result $? "a line through the virtio console, and the answer"
	wait_for work
	says cpus $cpus && says work "$cpus $(head -c 1048576 /dev/zero | hash)" && books vcpus $cpus
	result $? "the same work on $cpus vCPUs at once"
	wait_for disk
	says virtio_blk "$transport" && says virtio_net "$transport" && says virtio_console "$transport"
	result $? "disk, network and console by $transport"
	says disk "$read_want"
	result $? "2 MiB read from the disk"
	wait_for sent
	says net "$net_want"
	result $? "1 MiB fetched over the network"
	[ "$vm" != qemu-balloon ] || balloon
	wait_for 'done'
	case $transport in
	pci) [ "$(said 'irq msi')" -gt 20 ] 2>/dev/null ;;
	*) [ "$(said 'irq wired')" -gt 20 ] 2>/dev/null ;;
	esac
	result $? "interrupts of devices: $(said 'irq msi') MSIs, $(said 'irq wired') wired"

	while alive $pid && [ "$(seconds)" -lt "$end" ]; do
		usleep 200000
	done
	if alive $pid; then
		echo "# killed after $limit s; its threads:"
		for task in /proc/[0-9]*/task/*; do
			[ "$(cat $task/comm)" = init ] || echo "# $(cat $task/comm): $(cat $task/wchan) $(cat $task/syscall)"
		done 2>/dev/null | grep -v ': 0 *$'
		kill -9 $pid
	fi
	wait $pid
	status=$?
	# what the guest has sent may still be on its way
	while lines | grep -q "^GUEST sent" && alive $listener && [ "$(seconds)" -lt "$end" ]; do
		usleep 200000
	done
	kill $listener 2>/dev/null
	wait $listener
	exec 3>&- 4>&- 5>&-
	[ $status = 0 ] && books vms 0
	result $? "off, and the VMM ends with status $status"
	cmp $dir/disk $dir/want
	result $? "2 MiB on the disk that the guest wrote, and nothing else"
	[ "$(hash <$dir/sent)" = "$(turn <$www/net | hash)" ]
	result $? "1 MiB that the guest sent over the network"
	lines | sed 's/^/# guest| /'
	[ ! -s $dir/serial ] || tr -d '\r' <$dir/serial | tail -n 20 | sed 's/^/# serial| /'
	uniq -c $dir/err | head -n 20 | sed 's/^/# vmm| /'
}

count=0
for vm in "$@"; do
	case $vm in
	qemu-balloon) count=$((count + 13)) ;;
	qemu-pci | qemu-mmio | kvmtool-pci | kvmtool-mmio) count=$((count + 10)) ;;
	*)
		echo "vmms: unknown VM '$vm'"
		exit 2 ;;
	esac
done
echo "1..$count"
mkdir -p $www
[ -e /dev/urandom ] || mknod /dev/urandom c 1 9
if ! seed; then
	echo "Bail out! no random numbers for the VMMs"
	exit 3
fi
ifconfig lo 127.0.0.1 up
httpd -p 8000 -h $www
case " $* " in
*' kvmtool-'*)
	# its console takes input from a terminal only
	mkdir -p /dev/pts
	[ -e /dev/ptmx ] || mknod /dev/ptmx c 5 2
	mount -t devpts devpts /dev/pts
	mkdir -p /dev/net
	[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200 ;;
esac
for vm in "$@"; do
	run "$vm"
done
