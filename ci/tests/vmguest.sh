#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# init of the Linux guest that stock VMMs boot (ci/tests/vmms.sh): reads and writes the virtio disk, fetches and sends over the
# virtio network, answers on the console, works on every CPU, says what came out, and powers off.
#   net=ADDRESS,HOST      the guest's address and its VMM's; HTTP on port 8000 there, port 8001 takes the answer
#   balloon=MIB           this much is filled and checked, freed, and filled again when the host says so

b=/bin/busybox
$b mkdir -p /proc /sys /tmp
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t tmpfs -o size=90% tmpfs /tmp
$b --install -s /bin
PATH=/bin
export PATH

# The console's port may come up after init
mknod /dev/hvc0 c 229 0
until (: </dev/hvc0) 2>/dev/null; do
	usleep 50000
done
exec </dev/hvc0 >/dev/hvc0 2>&1

word()	# name: value of name=... on the command line
{
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

hash()
{
	sha256sum | cut -c1-64
}

# What the host computes too: each byte with its upper bit turned
turn()
{
	tr '\000-\177\200-\377' '\200-\377\000-\177'
}

meminfo()	# name: kB of it
{
	sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo
}

echo "GUEST up $(uname -r)"

# A line of the host's through the console, and the answer
echo "GUEST asks"
read -r line
echo "GUEST console $(printf %s "$line" | hash)"

# The same work on each CPU at once
echo "GUEST cpus $(nproc)"
cpu=0
while [ $cpu -lt "$(nproc)" ]; do
	taskset -c $cpu sh -c 'head -c 1048576 /dev/zero | sha256sum | cut -c1-64' >/tmp/cpu.$cpu &
	cpu=$((cpu + 1))
done
wait
echo "GUEST work $(cat /tmp/cpu.* | sort | uniq -c | sed 's/^ *//')"

# Which transport the devices are on
for driver in virtio_blk virtio_net virtio_console; do
	for device in /sys/bus/virtio/drivers/"$driver"/virtio*; do
		case $(readlink -f "$(readlink -f "$device")/../driver") in
		*/virtio-pci) echo "GUEST $driver pci" ;;
		*/virtio-mmio) echo "GUEST $driver mmio" ;;
		esac
	done
done

dev=$(cat /sys/class/block/vda/dev)
mknod /dev/vda b "${dev%:*}" "${dev#*:}"
dd if=/dev/vda of=/tmp/disk bs=64k count=32 2>/dev/null
echo "GUEST disk $(hash </tmp/disk)"
turn </tmp/disk | dd of=/dev/vda bs=64k seek=32 2>/dev/null
sync
rm -f /tmp/disk

net=$(word net)
ifconfig eth0 "${net%,*}" netmask 255.255.255.0
wget -q -O /tmp/net "http://${net#*,}:8000/net"
echo "GUEST net $(hash </tmp/net)"
turn </tmp/net | nc "${net#*,}" 8001
echo "GUEST sent"

balloon=$(word balloon)
if [ -n "$balloon" ]; then
	bytes=$((balloon << 20))
	head -c 1048576 /tmp/net >/tmp/mib
	pattern()
	{
		n=0
		while [ $n -lt "$balloon" ]; do
			cat /tmp/mib
			n=$((n + 1))
		done
	}
	want=$(pattern | hash)
	pattern >/tmp/fill
	[ "$(hash </tmp/fill)" = "$want" ] && echo "GUEST filled $(stat -c %s /tmp/fill) of $bytes"
	rm -f /tmp/fill
	echo "GUEST free $(meminfo MemFree)"
	read -r line
	echo "GUEST free-$line $(meminfo MemFree)"
	read -r line
	pattern >/tmp/fill
	[ "$(hash </tmp/fill)" = "$want" ] && echo "GUEST refilled $(stat -c %s /tmp/fill) of $bytes"
fi

# Interrupts of the devices, by the controller that delivered them
awk -v cpus="$(nproc)" '/virtio/ { for (i = 2; i < 2 + cpus; i++) n[/ITS-(PCI-)?MSI/ ? "msi" : "wired"] += $i }
	END { print "GUEST irq msi " n["msi"] + 0; print "GUEST irq wired " n["wired"] + 0 }' /proc/interrupts
echo "GUEST done"
sync
poweroff -f
