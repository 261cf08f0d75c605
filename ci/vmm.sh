#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmm.sh - stock VMMs on a stock and on a retrofitted kernel: QEMU, and kvmtool, boot a normal Linux guest
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"
. "$top/ci/tap.sh"

usage()
{
	cat <<EOU
Usage: ci/vmm.sh --stock IMAGE --kcore IMAGE --initrd FILE --source DIR --busybox DEB --programs DIR --root DIR [--kvmtool FILE]
                 --output DIR [OPTION]...
Boot both kernels under QEMU with EL2.  On each, Debian's QEMU (-accel kvm) and kvmtool boot a normal Linux guest with 4 vCPUs, a virtio
disk, network and console (ci/tests/vmms.sh).  A result is one line of TAP, of stock and of KCore; each has to be good on both.

  --stock IMAGE      the kernel without the retrofit
  --kcore IMAGE      the kernel with it
  --initrd FILE      the host's initramfs; it has the guest's kernel
  --source DIR       a kernel source, for usr/gen_init_cpio.c
  --busybox DEB      Debian's busybox-static for arm64, the guest's user space
  --programs DIR     what ci/tests builds
  --root DIR         what tools/build-vmm-root wrote
  --kvmtool FILE     what tools/build-kvmtool wrote; without it kvmtool's VMs are left out
  --output DIR       DIR/initrd is the host's initramfs with the VMMs; consoles and logs go there too
  --only VM,...      of qemu-pci, qemu-mmio, qemu-balloon, kvmtool-pci, kvmtool-mmio
  --cpu NAME, --smp N, --append WORDS   as ci/boot.sh, of both kernels (cortex-a57, 2)
  --limit SECONDS    of one VM (900)
  --expect REGEX, --refuse REGEX   of the retrofitted kernel's console, as ci/judge.sh; may be repeated
  --help             this text

Exit status: 0 all good, 1 a VMM or a kernel failed, 2 usage, 3 environment.
EOU
}

stock='' kcore='' initrd='' source='' busybox='' programs='' root='' kvmtool='' out='' only='' cpu=cortex-a57 smp=2 append='' limit=900
judge=$(mktemp) || exit $EX_ENVIRONMENT
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$judge' '$work'"
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--stock|--kcore|--initrd|--source|--busybox|--programs|--root|--kvmtool|--output|--only|--cpu|--smp|--append|--limit|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--stock) stock=$2 ;;
		--kcore) kcore=$2 ;;
		--initrd) initrd=$2 ;;
		--source) source=$2 ;;
		--busybox) busybox=$2 ;;
		--programs) programs=$2 ;;
		--root) root=$2 ;;
		--kvmtool) kvmtool=$2 ;;
		--output) out=$2 ;;
		--only) only=$2 ;;
		--cpu) cpu=$2 ;;
		--smp) smp=$2 ;;
		--append) append=$2 ;;
		--limit) limit=$2 ;;
		*) printf '%s\n%s\n' "$1" "$2" >>"$judge" ;;
		esac
		shift ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
for word in "$stock" "$kcore" "$initrd" "$source" "$busybox" "$programs" "$root" "$out"; do
	[ -n "$word" ] || die $EX_USAGE "all of --stock, --kcore, --initrd, --source, --busybox, --programs, --root and --output are needed; see --help"
done
case $limit in
''|*[!0-9]*) die $EX_USAGE "--limit takes seconds, not '$limit'" ;;
esac
known="qemu-pci qemu-mmio qemu-balloon${kvmtool:+ kvmtool-pci kvmtool-mmio}"
vms=$(printf %s "${only:-$known}" | tr , ' ')
for vm in $vms; do
	case " $known " in
	*" $vm "*) continue ;;
	esac
	case $vm in
	kvmtool-pci|kvmtool-mmio) die $EX_USAGE "'$vm' needs kvmtool: --kvmtool FILE, or make vmm KVMTOOL=path of a checkout" ;;
	*) die $EX_USAGE "unknown VM '$vm'; there are: $known" ;;
	esac
done
need gcc gcc
need dpkg-deb dpkg
[ -x "$root/usr/bin/qemu-system-aarch64" ] || die $EX_ENVIRONMENT "$root: has no QEMU; tools/build-vmm-root writes it"
[ -z "$kvmtool" ] || [ -x "$kvmtool" ] || die $EX_ENVIRONMENT "$kvmtool: cannot be run; tools/build-kvmtool writes it"
[ -r "$initrd" ] || die $EX_ENVIRONMENT "$initrd: cannot be read; 'make vmm' builds it"

gcc -O2 -w -o "$work/gen_init_cpio" "$source/usr/gen_init_cpio.c" || die $EX_ENVIRONMENT "$source/usr/gen_init_cpio.c: does not compile"
dpkg-deb --fsys-tarfile "$busybox" | tar -C "$work" -xf - ./bin/busybox || die $EX_ENVIRONMENT "$busybox: has no bin/busybox"
cat >"$work/guest.list" <<EOT
dir /bin 755 0 0
dir /dev 755 0 0
nod /dev/console 600 0 0 c 5 1
nod /dev/null 666 0 0 c 1 3
nod /dev/zero 666 0 0 c 1 5
file /init $top/ci/tests/vmguest.sh 755 0 0
file /bin/busybox $work/bin/busybox 755 0 0
slink /bin/sh busybox 777 0 0
EOT
"$work/gen_init_cpio" "$work/guest.list" >"$work/vm.cpio" || die $EX_FAILED "the guest's initramfs cannot be made"

# Behind the host's initramfs: the kernel unpacks one archive after the other
{
	cat <<EOT
file /guest/vm.cpio $work/vm.cpio 644 0 0
file /bin/vmms $top/ci/tests/vmms.sh 755 0 0
file /bin/seed $programs/seed 755 0 0
EOT
	if [ -n "$kvmtool" ]; then
		printf "file /bin/%s %s 755 0 0\n" lkvm "$kvmtool" pty "$programs/pty"
	fi
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort) | sed 's/^\.//' | while read -r name; do
		if [ -d "$root$name" ]; then
			echo "dir $name 755 0 0"
		else
			echo "file $name $root$name 755 0 0"
		fi
	done
	echo 'slink /bin/qemu-system-aarch64 /usr/bin/qemu-system-aarch64 777 0 0'
} >"$work/host.list"
"$work/gen_init_cpio" "$work/host.list" >"$work/vmm.cpio" || die $EX_FAILED "the VMMs cannot be packed"
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"
cat "$initrd" "$work/vmm.cpio" >"$out/initrd" || die $EX_ENVIRONMENT "$out: cannot be written"

tap_start "$out"
for kind in stock kcore; do
	case $kind in
	stock) image=$stock ;;
	kcore) image=$kcore ;;
	esac
	set -- --image "$image" --initrd "$out/initrd" --log "$out/console-$kind.log" --cpu "$cpu" --smp "$smp" --memory 3G \
		--tests "vmms:$(printf %s "$vms" | tr ' ' +)" --append "vmlimit=$limit $append" --limit $((300 + limit * $(echo "$vms" | wc -w)))
	if [ $kind = kcore ]; then
		while read -r option && read -r regex; do
			set -- "$@" "$option" "$regex"
		done <"$judge"
	fi
	tap_suite "$kind" "$top/ci/boot.sh" "$@"
done
tap_done
