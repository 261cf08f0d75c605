#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# initramfs.sh - the host's initramfs: busybox, the test VMM, guests and test programs, static device nodes
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/initramfs.sh --output FILE --source DIR --busybox DEB --image FILE --programs DIR
Write the host's initramfs (newc, not compressed).

  --output FILE      the archive
  --source DIR       a kernel source, for usr/gen_init_cpio.c
  --busybox DEB      Debian's busybox-static for arm64
  --image FILE       the kernel that the guests boot
  --programs DIR     what ci/tests builds
  --help             this text
EOT
}

out='' source='' busybox='' image='' programs=''
while [ $# -gt 0 ]; do
	case $1 in
	--output|--source|--busybox|--image|--programs)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--output) out=$2 ;;
		--source) source=$2 ;;
		--busybox) busybox=$2 ;;
		--image) image=$2 ;;
		--programs) programs=$2 ;;
		esac
		shift ;;
	--help) usage; exit 0 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
for f in "$out" "$source" "$busybox" "$image" "$programs"; do
	[ -n "$f" ] || die $EX_USAGE "all of --output, --source, --busybox, --image and --programs are needed; see --help"
done
need gcc gcc
need dpkg-deb dpkg
lock "$(dirname "$out")"
work=$out.parts
cleanup_on_exit "rm -rf '$work'"
rm -rf "$work"
mkdir -p "$work" || die $EX_ENVIRONMENT "$work: cannot be made"

gcc -O2 -w -o "$work/gen_init_cpio" "$source/usr/gen_init_cpio.c" ||
	die $EX_ENVIRONMENT "$source/usr/gen_init_cpio.c: does not compile"
# gen_init_cpio takes over the files' times: copies with none of this build's
put()	# file, name in $work
{
	if ! cp "$1" "$work/$2" || ! touch -d @0 "$work/$2"; then
		die $EX_ENVIRONMENT "$1: cannot be copied; 'make programs' builds what is missing"
	fi
}

dpkg-deb --fsys-tarfile "$busybox" | tar -C "$work" -xf - ./bin/busybox ||
	die $EX_ENVIRONMENT "$busybox: has no bin/busybox"
touch -d @0 "$work/bin/busybox"

put "$programs/ginit" ginit
cat >"$work/guest.list" <<EOT
dir /dev 755 0 0
nod /dev/console 600 0 0 c 5 1
nod /dev/mem 600 0 0 c 1 1
file /init $work/ginit 755 0 0
EOT
"$work/gen_init_cpio" -t 0 "$work/guest.list" >"$work/guest.cpio" || die $EX_FAILED "the guest's initramfs cannot be made"
touch -d @0 "$work/guest.cpio"
put "$top/ci/tests/init.sh" init.sh
put "$programs/tvmm/tvmm" tvmm
put "$image" Image

# Signatures that are as good as new ones stay: no two of a thing are the same
sign()	# key, name, VM...
{
	key=$1 name=$2
	shift 2
	vmsign=$programs/vmsign/vmsign
	"$vmsign" sign --key "$key" --output "$work/$name" "$@" ||
		die $EX_ENVIRONMENT "$name: cannot be signed; 'make programs' builds what is missing"
	if ! cmp -s -n 272 "$work/$name" "$out.signed/$name" || ! "$vmsign" verify --key "$key" "$out.signed/$name" >/dev/null 2>&1; then
		mv "$work/$name" "$out.signed/$name" || exit $EX_ENVIRONMENT
	fi
	put "$out.signed/$name" "$name"
}

need openssl openssl
owner=$top/ci/tests/owner.pem
stranger=$out.signed/stranger.pem
mkdir -p "$out.signed" || die $EX_ENVIRONMENT "$out.signed: cannot be made"
if [ ! -f "$stranger" ]; then
	openssl ecparam -name prime256v1 -genkey -noout -out "$work/stranger.pem" || die $EX_ENVIRONMENT "openssl made no key"
	mv "$work/stranger.pem" "$stranger" || die $EX_ENVIRONMENT "$stranger: cannot be made"
fi
sign "$owner" measure run "$programs/tvmm/guest/measure.bin" --memory 4
sign "$stranger" stranger run "$programs/tvmm/guest/measure.bin" --memory 4
for gic in 2 3; do
	sign "$owner" linux-gic$gic linux "$work/Image" --initrd "$work/guest.cpio" --memory 128 --vcpus 2 --gic $gic \
		--append 'console=ttyAMA0 panic=-1 quiet'
done
for program in attack life faults drop trace hostbench pmu; do
	put "$programs/$program" $program
done

{
	cat <<EOT
dir /bin 755 0 0
dir /dev 755 0 0
dir /proc 755 0 0
dir /sys 755 0 0
dir /tmp 1777 0 0
nod /dev/console 600 0 0 c 5 1
nod /dev/null 666 0 0 c 1 3
nod /dev/zero 666 0 0 c 1 5
nod /dev/mem 600 0 0 c 1 1
nod /dev/kmsg 600 0 0 c 1 11
nod /dev/kvm 600 0 0 c 10 232
file /init $work/init.sh 755 0 0
file /bin/busybox $work/bin/busybox 755 0 0
slink /bin/sh busybox 777 0 0
file /bin/tvmm $work/tvmm 755 0 0
dir /guest 755 0 0
file /guest/Image $work/Image 644 0 0
file /guest/initrd $work/guest.cpio 644 0 0
dir /signed 755 0 0
EOT
	for name in measure stranger linux-gic2 linux-gic3; do
		echo "file /signed/$name $work/$name 644 0 0"
	done
	for program in attack life faults drop trace hostbench pmu; do
		echo "file /bin/$program $work/$program 755 0 0"
	done
} >"$work/host.list"
"$work/gen_init_cpio" -t 0 "$work/host.list" >"$work/host.cpio" || die $EX_FAILED "the host's initramfs cannot be made"
install_changed "$work/host.cpio" "$out" || die $EX_ENVIRONMENT "$out: cannot be written"
