#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# cell.sh - one cell of the matrix: one stage of one release, by itself
# The stages are called by name.
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

stages='source retrofit gates config build hooks boot vms attacks facts proof off'

usage()
{
	cat <<EOT
Usage: ci/cell.sh [--after STAGE,...] [--again] RELEASE STAGE
Run one stage of one release.  Whatever it needs is built first; nothing else has to be run before.
  source     fetch, verify, unpack
  retrofit   semantic patches with their gates; the retrofitted tree
  gates      the gates once more, over the kept series of patches
  config     both configurations: every option holds
  build      the kernel with KCore; Image and vmlinux hold kcore.bin once
  hooks      hooks and operations of EL2 in the built kernel are where the ledger says, and nowhere else
  boot       boots with 1, 2 and 4 CPUs and shuts down
  vms        tests of normal and protected VMs, 2 CPUs, on cortex-a57 and on max (nVHE); a part of them on a GICv2
  attacks    attacks on protected VMs, with 1 and 4 CPUs, and on max (nVHE) with 2
  facts      the facts that the proofs assume are those of this kernel
  proof      the release's instance of the proof is checked from these facts
  off        without CONFIG_KCORE the Image is the pristine one, but for line numbers and build ID; it boots; so does kcore=off

The result goes to O/matrix/RELEASE/STAGE.json, the output beside it to STAGE.log.  A stage that passed is not run
again as long as all that goes into it is the same.

  --after STAGE,...  skip if one of these has a result in O/matrix that is not a pass
  --again            run even if a result with the same inputs is there
  --list             print the stages
  --help             this text

Environment: O, CROSS_COMPILE, KSRC_* as for make; KCORE_CELL_LIMIT seconds for one boot (600).
Exit status: 0 passed, 1 failed, 2 usage, 77 skipped: the last line says why.
EOT
}

after='' again=n release='' stage=''
while [ $# -gt 0 ]; do
	case $1 in
	--after) [ $# -gt 1 ] || die $EX_USAGE "--after needs stages; see --help"
		after=$2
		shift ;;
	--again) again=y ;;
	--list) echo "$stages"; exit 0 ;;
	--help) usage; exit 0 ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) if [ -z "$release" ]; then release=$1; else stage=$1; fi ;;
	esac
	shift
done
if [ -z "$release" ] || [ -z "$stage" ]; then
	die $EX_USAGE "a release and a stage are needed; see --help"
fi
case " $stages " in
*" $stage "*) ;;
*) die $EX_USAGE "unknown stage '$stage' (known: $stages)" ;;
esac
release_load "$release"
O=${O:-$top/build}
export O
unset RELEASE KCORE STAGES RELEASES
cd "$top" || exit $EX_ENVIRONMENT
dir=$O/$release
out=$O/matrix/$release
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"
log=$out/$stage.log
limit=${KCORE_CELL_LIMIT:-600}
# A jobserver above us is used, the caller's variables are not
MAKEFLAGS=$(printf %s "${MAKEFLAGS-}" | sed 's/ -- .*//')
export MAKEFLAGS

# ---- what goes into a stage
files()	# paths...
{
	find "$@" -type f 2>/dev/null | LC_ALL=C sort | xargs sha256sum
}

inputs()	# stage
{
	echo "$release $1 $limit"
	files ci/cell.sh tools/lib.sh tools/fetch-source tools/fetch-package "versions/$release/release.conf"
	if [ -n "$ksrc" ]; then
		# not verified, so by what can be seen of it
		printf '%s\n' "$ksrc"
		find "$ksrc/" -path "$ksrc/.git" -prune -o -type f -printf '%P %s %T@\n' 2>/dev/null | LC_ALL=C sort
	else
		cat "$O/src/$release.origin" 2>/dev/null
	fi
	[ "$1" != source ] || return
	files semantic-patches common-core/core common-core/machine common-core/boot common-core/include common-core/Makefile \
		common-core/bearssl.mk tools/fetch-bearssl \
		versions/common "versions/$release" tools/retrofit tools/make-tree tools/same-lines Makefile
	case $1 in
	retrofit|gates) return ;;
	esac
	files versions/config tools/build-kernel
	"${CROSS_COMPILE:-aarch64-linux-gnu-}gcc" --version 2>/dev/null | head -n 1
	case $1 in
	build|boot|vms|attacks|off) files ci/tests ci/boot.sh ci/judge.sh ci/initramfs.sh ci/same-image.sh tools/tvmm tools/vmsign ;;
	hooks) files tools/hookcheck tools/check-hooks ;;
	facts) files tools/facts tools/check-facts proofs/versions ;;
	proof) files tools/facts tools/check-facts proofs/versions proofs/Makefile proofs/gen proofs/lang/Syntax.v ;;
	esac
}

# ---- results
string()	# text: as JSON
{
	printf '"%s"' "$(printf %s "$1" | tr -d '\000-\010\013-\037' | tr '\n\t' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

ran=''		# JSON strings: what was really done
remember()	# text
{
	ran="$ran${ran:+, }$(string "$1")"
}

result()	# pass, fail or skip; reason
{
	{
		printf '{\n "release": "%s",\n "stage": "%s",\n "status": "%s",\n' "$release" "$stage" "$1"
		printf ' "reason": %s,\n "seconds": %s,\n "key": "%s",\n' "$(string "$2")" "$seconds" "$key"
		printf ' "ran": [%s],\n "source": %s,\n "command": "ci/cell.sh %s %s"\n}\n' "$ran" \
			"$(string "$(cat "$O/src/$release.origin" 2>/dev/null)")" "$release" "$stage"
	} >"$out/$stage.json.new" && mv "$out/$stage.json.new" "$out/$stage.json" || exit $EX_ENVIRONMENT
	printf '  %-7s %-8s %-9s %s%s\n' "$(printf %s "$1" | tr '[:lower:]' '[:upper:]')" "$release" "$stage" "$seconds s" "${2:+: $2}"
}

status_of()	# stage
{
	sed -n 's/^ "status": "\(.*\)",$/\1/p' "$out/$1.json" 2>/dev/null
}

# ---- the stages
mk()	# arguments of make...
{
	remember "make $* RELEASE=$release"
	# cells of one release share its directories
	flock "$out/.make" make O="$O" RELEASE="$release" "$@"
}

# What a stage before this one left is used if it passed with what is here now
passed()	# stage, what it gives
{
	[ "$(status_of "$1")" = pass ] || return
	grep -q "^ \"key\": \"$(inputs "$1" | sha256sum | cut -d' ' -f1)\",$" "$out/$1.json" || return
	remember "$2 as the stage $1 left it"
}

retrofitted()
{
	passed retrofit 'the tree' || mk retrofit
}

built()
{
	passed build 'kernel and initramfs' || mk initramfs
}

boot()	# image, initrd, arguments of boot.sh...
{
	boot_image=$1 boot_initrd=$2
	shift 2
	boot_n=$((${boot_n:-0} + 1))
	ci/boot.sh --image "$boot_image" --initrd "$boot_initrd" --limit "$limit" --log "$out/console-$stage-$boot_n.log" "$@" \
		>"$out/$stage.tap" 2>&1
	boot_status=$?
	cat "$out/$stage.tap"
	remember "QEMU $(echo "$*" | sed 's/ --expect .*//; s/--//g'): $(grep -c '^ok ' "$out/$stage.tap") ok, $(grep -c '^not ok ' "$out/$stage.tap") not ok"
	rm -f "$out/$stage.tap"
	return "$boot_status"
}

kcore_boot()	# arguments of boot.sh...
{
	boot "$dir/kcore/arch/arm64/boot/Image" "$dir/kcore.cpio" "$@" --expect "sha256 $(sha256 "$O/kcore/kcore.bin"); host behind stage 2"
}

# All tests of the init program, or those that are attacks
tests()	# all or attacks
{
	sed -n "s/.*\[ \"\$tests\" != all \] || tests='\(.*\)'$/\1/p" ci/tests/init.sh | tr ' ' '\n' |
		if [ "$1" = attacks ]; then grep '^attack'; else grep -v '^attack'; fi | paste -sd,
}

stage_source()
{
	mk source || return
	remember "$(cat "$O/src/$release.origin")"
}

stage_retrofit()
{
	mk retrofit
}

stage_gates()
{
	retrofitted || return
	"$O/tools/retrofit/retrofit" --release "$release" --rules semantic-patches --tree "$O/src/$release" --output "$out/gates" \
		--cache "$O/tools/spatch" --dry-run --verify "$dir/retrofit/quilt" || return
	remember "retrofit --dry-run --verify (the kept series); $(grep '^spatch ran' "$log")"
}

stage_config()
{
	retrofitted || return
	for variant in kcore stock; do
		remember "allnoconfig and $(fragments "$release" "$variant" | xargs cat | grep -c '^CONFIG_') options, $variant"
		# shellcheck disable=SC2046 # a list of files
		tools/build-kernel --configure --tree "$dir/tree" --output "$dir/$variant" --host-flags "$RELEASE_HOST_FLAGS" \
			$(fragments "$release" "$variant") || return
	done
}

stage_build()
{
	mk initramfs || return
	remember "Image sha256:$(sha256 "$dir/kcore/arch/arm64/boot/Image")"
	remember "kcore.bin sha256:$(sha256 "$O/kcore/kcore.bin")"
}

stage_hooks()
{
	built || return
	make -C tools/hookcheck O="$O/tools/hookcheck" >/dev/null || return
	tools/check-hooks --build "$O" --release "$release" || return
	remember "$(sed -n "s/^$release: //p" "$log")"
}

stage_boot()
{
	built || return
	for smp in 1 2 4; do
		kcore_boot --cpu cortex-a57 --smp "$smp" --tests '' || return
	done
}

stage_vms()
{
	built || return
	for cpu in cortex-a57 "$RELEASE_CPU_MAX"; do
		kcore_boot --cpu "$cpu" --smp 2 --tests "$(tests all)" --append "$(cpu_append "$cpu")" || return
	done
	kcore_boot --cpu cortex-a57 --smp 2 --gic 2 --tests vmm,linux-protected
}

stage_attacks()
{
	built || return
	for smp in 1 4; do
		kcore_boot --cpu cortex-a57 --smp "$smp" --tests "$(tests attacks)" || return
	done
	kcore_boot --cpu "$RELEASE_CPU_MAX" --smp 2 --tests "$(tests attacks)" --append "$(cpu_append "$RELEASE_CPU_MAX")"
}

stage_facts()
{
	built || return
	make -C tools/facts O="$O/tools/facts" >/dev/null || return
	remember 'tools/check-facts'
	tools/check-facts --build "$O" --release "$release"
}

stage_proof()
{
	stage_facts || return
	name=V$(printf %s "${release#v}" | tr . _)
	remember "make -C proofs versions/$name.vo: coqc of Ver.v, Image.v, $name.v; the core's own proof is the same for all releases and is not run here"
	(lock "$O/proofs" && make -C proofs O="$O/proofs" "$O/proofs/v/versions/$name.vo")
}

stage_off()
{
	mk KCORE=n initramfs && mk pristine LIKE="$dir/stock" || return
	ci/same-image.sh "$dir/stock" "$dir/pristine/stock" || return
	remember "stock and pristine: $(grep '^the same Image' "$log")"
	boot "$dir/stock/arch/arm64/boot/Image" "$dir/stock.cpio" --tests vmm,linux-normal --expect 'Hyp (nVHE )?mode initialized' --refuse 'kcore: ' ||
		return
	built && boot "$dir/kcore/arch/arm64/boot/Image" "$dir/kcore.cpio" --tests vmm,linux-normal --append kcore=off \
		--expect 'Hyp (nVHE )?mode initialized'
}

# ---- this cell
seconds=0 key=''
for before in $(printf %s "$after" | tr , ' '); do
	case $(status_of "$before") in
	pass|'') ;;
	skip)
		rm -f "$log"
		result skip "$before was skipped: $(sed -n 's/^ "reason": "\(.*\)",$/\1/p' "$out/$before.json")"
		exit $EX_SKIPPED ;;
	*)
		rm -f "$log"
		result skip "$before failed"
		exit $EX_SKIPPED ;;
	esac
done
key=$(inputs "$stage" | sha256sum | cut -d' ' -f1)
if [ $again = n ] && [ "$(status_of "$stage")" = pass ] && grep -q "^ \"key\": \"$key\",$" "$out/$stage.json"; then
	printf '  %-7s %-8s %s\n' SAME "$release" "$stage"
	exit 0
fi
rm -f "$out/$stage.json"
: >"$out/$stage.running" || die $EX_ENVIRONMENT "$out: nothing can be written there"
cleanup_on_exit "rm -f '$out/$stage.running'"
started=$(date +%s)
"stage_$stage" >"$log" 2>&1 </dev/null
status=$?
seconds=$(($(date +%s) - started))
# the source's origin is known only now
key=$(inputs "$stage" | sha256sum | cut -d' ' -f1)
if [ $status = 0 ]; then
	result pass ''
	exit 0
fi
missing=$(grep -E ': (versions/[^ ]* names no source|tag [^ ]* cannot be fetched|cannot be fetched);' "$log" | tail -n 1)
if [ -n "$missing" ]; then
	result skip "${missing#fetch-source: }"
	exit $EX_SKIPPED
fi
result fail "status $status: $(grep -vE '^(make|ok |#)' "$log" | tail -n 1)"
exit $EX_FAILED
