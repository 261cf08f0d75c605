#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# protected-io.sh - a stock protected Linux guest with a virtio disk and console, and what the host sees of its memory
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"
. "$top/ci/tap.sh"

usage()
{
	cat <<EOU
Usage: ci/protected-io.sh --image IMAGE --initrd FILE --source DIR --programs DIR --guest IMAGE --plain IMAGE --output DIR [OPTION]...
Boot a host under QEMU with EL2.  There tvmm's library runs Linux guests with a virtio disk and console over a restricted DMA pool
(ci/tests/io.c): protected and normal, with Linux's driver for sharing memory and without.  A result is one line of TAP.

  --image IMAGE      the host's kernel
  --initrd FILE      the host's initramfs
  --source DIR       a kernel source, for usr/gen_init_cpio.c
  --programs DIR     what ci/tests builds
  --guest IMAGE      the guest's kernel, with CONFIG_ARM_PKVM_GUEST
  --plain IMAGE      the same without
  --output DIR       DIR/initrd is the host's initramfs with the guest; console and log go there too
  --only TEST,...    of protected, normal, plain, plain-normal, unshared (io.c), tvmm (its command line)
  --cpu NAME, --smp N, --gic 2|3, --append WORDS   as ci/boot.sh (cortex-a57, 2, 3)
  --limit SECONDS    of the whole run (3600)
  --expect REGEX, --refuse REGEX   of the host's console, as ci/judge.sh; may be repeated
  --help             this text

Exit status: 0 all good, 1 a test failed, 2 usage, 3 environment.
EOU
}

image='' initrd='' source='' programs='' guest='' plain='' out='' only='' cpu=cortex-a57 smp=2 gic=3 append='' limit=3600
judge=$(mktemp) || exit $EX_ENVIRONMENT
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$judge' '$work'"
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--image|--initrd|--source|--programs|--guest|--plain|--output|--only|--cpu|--smp|--gic|--append|--limit|--expect|--refuse)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--image) image=$2 ;;
		--initrd) initrd=$2 ;;
		--source) source=$2 ;;
		--programs) programs=$2 ;;
		--guest) guest=$2 ;;
		--plain) plain=$2 ;;
		--output) out=$2 ;;
		--only) only=$2 ;;
		--cpu) cpu=$2 ;;
		--smp) smp=$2 ;;
		--gic) gic=$2 ;;
		--append) append=$2 ;;
		--limit) limit=$2 ;;
		*) printf '%s\n%s\n' "$1" "$2" >>"$judge" ;;
		esac
		shift ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
for word in "$image" "$initrd" "$source" "$programs" "$guest" "$plain" "$out"; do
	[ -n "$word" ] || die $EX_USAGE "all of --image, --initrd, --source, --programs, --guest, --plain and --output are needed; see --help"
done
known='protected normal plain plain-normal unshared tvmm'
words='' tests=''
for name in $(printf %s "${only:-$known}" | tr , ' '); do
	case " $known " in
	*" $name "*) ;;
	*) die $EX_USAGE "unknown test '$name'; there are: $known" ;;
	esac
	case $name in
	tvmm) tests=io-tvmm ;;
	*) words=$words+$name ;;
	esac
done
tests=${words:+io:${words#+}${tests:+,}}$tests
need gcc gcc
for f in "$initrd" "$guest" "$plain" "$programs/io" "$programs/ioguest"; do
	[ -r "$f" ] || die $EX_ENVIRONMENT "$f: cannot be read; 'make protected-io' builds it"
done

gcc -O2 -w -o "$work/gen_init_cpio" "$source/usr/gen_init_cpio.c" || die $EX_ENVIRONMENT "$source/usr/gen_init_cpio.c: does not compile"
cat >"$work/guest.list" <<EOT
dir /dev 755 0 0
nod /dev/console 600 0 0 c 5 1
file /init $programs/ioguest 755 0 0
EOT
"$work/gen_init_cpio" "$work/guest.list" >"$work/guest.cpio" || die $EX_FAILED "the guest's initramfs cannot be made"

# Behind the host's initramfs: the kernel unpacks one archive after the other
cat >"$work/host.list" <<EOT
dir /io 755 0 0
file /io/Image $guest 644 0 0
file /io/Image.plain $plain 644 0 0
file /io/initrd $work/guest.cpio 644 0 0
file /bin/io $programs/io 755 0 0
EOT
"$work/gen_init_cpio" "$work/host.list" >"$work/io.cpio" || die $EX_FAILED "the guest cannot be packed"
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"
cat "$initrd" "$work/io.cpio" >"$out/initrd" || die $EX_ENVIRONMENT "$out: cannot be written"

tap_start "$out"
set -- --image "$image" --initrd "$out/initrd" --log "$out/console.log" --cpu "$cpu" --smp "$smp" --gic "$gic" --limit "$limit" \
	--tests "$tests" --append "$append"
while read -r option && read -r regex; do
	set -- "$@" "$option" "$regex"
done <"$judge"
tap_suite protected-io "$top/ci/boot.sh" "$@"
tap_done
