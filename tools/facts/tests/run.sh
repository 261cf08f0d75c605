#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh - facts that are spoilt: the program, or the proof, has to name what is wrong; prints TAP
# The functions under test are called by name.
# shellcheck disable=SC2317
# FACTS: the program.  O: scratch directory.  COMPILED: proofs compiled by `make proofs', for the second half.
set -u
: "${FACTS:?}" "${O:?}"
top=$(cd "$(dirname "$0")/../../.." && pwd)
work=$O/test
rm -rf "$work"
mkdir -p "$work/kvm/kcore" "$work/coq/versions" || exit 3
trap 'rm -rf "$work"' EXIT
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

# ---- a made-up kernel: two files with debugging information; what is spoilt is the text of the glue beside them
glue=$work/kvm/kcore
cat >"$glue/abi.h" <<'EOT'
enum kcore_hypercall { KCORE_HC_A = 0xc6004b00, KCORE_HC_B };
EOT
cat >"$glue/regs.h" <<'EOT'
#define kcore_gp(vcpu) (&(vcpu)->arch.ctxt)
#define __vcpu_sys_reg(v, r) ((v)->arch.ctxt.sys_regs[r])
#define kcore_reg_esr_el1(vcpu) __vcpu_sys_reg(vcpu, ESR_EL1)
#define kcore_reg_far_el1(vcpu) __vcpu_sys_reg(vcpu, FAR_EL1)
#define kcore_reg_sp_el0(vcpu) (kcore_gp(vcpu)->sp)
#define KCORE_REG(vcpu, field) kcore_reg_##field(vcpu)
#define KCORE_SYSREGS(X, L) X(esr_el1) X(far_el1) L(sp_el0)
#define kcore_copy_pairs(a, b, n) __builtin_memcpy(a, b, 16 * (n))
EOT
cat >"$glue/run.c" <<'EOT'
typedef unsigned long u64;
#include "abi.h"
struct kvm_cpu_context { u64 regs[31], sp, pc; u64 sys_regs[4]; };
struct kvm_vcpu { int id; struct { struct kvm_cpu_context ctxt; } arch; };
struct vgic_v3_cpu_if { unsigned int vgic_ap0r[4]; };
enum vcpu_sysreg { FAR_EL1 = 1, ESR_EL1 } keep_enum;
struct kcore_vcpu_page { u64 x[31], pc; struct { u64 esr_el1, far_el1, sp_el0; } sys; u64 ap0r[4]; };
#include "regs.h"
void copy(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page, struct vgic_v3_cpu_if *gic)
{
	volatile enum kcore_hypercall call = KCORE_HC_A;
	(void)call;
#define IN(field) page->sys.field = KCORE_REG(vcpu, field);
	KCORE_SYSREGS(IN, IN)
	kcore_copy_pairs(page->x, kcore_gp(vcpu)->regs, 15);
	page->x[30] = kcore_gp(vcpu)->regs[30];
	for (int i = 0; i < 4; i++)
		page->ap0r[i] = gic->vgic_ap0r[i];
	kcore_gp(vcpu)->pc = page->pc;
}
EOT
cat >"$glue/install.c" <<'EOT'
struct kcore_install { unsigned long magic; struct { unsigned long base, size; } dram[16]; } args = { 1 };
EOT
(cd "$work" && for f in run install; do
	cc -g -c -o $f.o kvm/kcore/$f.c || exit
done && cc -shared -nostdlib -o objects run.o install.o && cc -shared -nostdlib -s -o stripped run.o install.o &&
	cc -shared -nostdlib -o other install.o) || exit 3
printf '#define SP_EL0X 3\n#define NO_NUMBER (3)\n' >"$work/macros"
cp -r "$glue" "$work/good"

facts()	# objects, file to spoil, sed program, sed program...
{
	objects=$1 file=$2 change=$3
	rm -rf "$glue" "$work/V.v"
	cp -r "$work/good" "$glue"
	sed "$change" "$work/good/$file" >"$glue/$file"
	"$FACTS" --release v9.1 --objects "$work/$objects" --macros "$work/macros" --glue "$glue" --output "$work/V.v" || return
	cat "$work/V.v"
}

absent()	# regular expression that the last facts don't have
{
	! grep -q "$1" "$work/V.v"
}

check 'a register of the array, by its enumerator' 0 'Copy "sys.esr_el1" 256 8 "kvm_cpu_context" "ESR_EL1" 280 8' facts objects run.c ''
check 'a register that KVM keeps apart' 0 'Copy "sys.sp_el0" 272 8 "kvm_cpu_context" "sp" 248 8' facts objects run.c ''
check 'a register of an array, by a constant' 0 'Copy "sys.sp_el0" 272 8 "kvm_cpu_context" "SP_EL0X" 288 8' \
	facts objects regs.h 's/(kcore_gp(vcpu)->sp)/__vcpu_sys_reg(vcpu, SP_EL0X)/'
check 'a constant that is no number' 1 'neither a number nor an enumerator' \
	facts objects regs.h 's/(kcore_gp(vcpu)->sp)/__vcpu_sys_reg(vcpu, NO_NUMBER)/'
check 'pairs of words' 0 'Copy "x" 0 240 "kvm_cpu_context" "regs" 0 240' facts objects run.c ''
check 'a loop over an array of shorter elements' 0 'Copy "ap0r" 304 8 "vgic_v3_cpu_if" "vgic_ap0r" 12 4' facts objects run.c ''
check 'a variable index, of a part of what is copied' 0 'Copy "x" 0 240 "kvm_cpu_context" "regs" 0 240' \
	facts objects run.c 's/^\tfor /\tpage->x[rt] = kcore_gp(vcpu)->regs[rt];\n&/'
check 'a part is not there twice' 0 '' absent 'Copy "x" 8 8 "'
check 'parts first, then the whole' 0 'Copy "x" 0 240 "kvm_cpu_context" "regs" 0 240' \
	facts objects run.c 's/^\tkcore_copy_pairs/\tpage->x[rt] = kcore_gp(vcpu)->regs[rt];\n&/'
check 'parts are gone with the whole' 0 '' absent 'Copy "x" 8 8 "'
check 'a part from elsewhere is another copy' 0 'Copy "x" 232 8 "kvm_cpu_context" "regs" 240 8' \
	facts objects run.c 's/^\tfor /\tpage->x[29] = kcore_gp(vcpu)->regs[30];\n&/'
check 'two variables' 1 'neither a number nor an enumerator' \
	facts objects run.c 's/^\tfor /\tpage->x[rt] = kcore_gp(vcpu)->regs[n];\n&/'
check 'calls of an unsigned enumeration' 0 '"KCORE_HC_B", 3321907969' facts objects run.c ''
check 'the way back' 0 'Copy "pc" 248 8 "kvm_cpu_context" "pc" 256 8\];' facts objects run.c ''
cp "$work/V.v" "$work/V.old"
facts objects run.c '' >/dev/null
same()
{
	cmp "$1" "$2" && echo same
}

check 'the same bytes again' 0 'same' same "$work/V.v" "$work/V.old"
check 'no such member' 1 "no such member in 'KCORE_REG\(vcpu, sp_el0\)'" facts objects regs.h 's/->sp)/->spx)/'
check 'no such enumerator' 1 'neither a number nor an enumerator' facts objects regs.h 's/ESR_EL1/ESRX_EL1/'
check 'a register without a place' 1 'kcore_reg_far_el1: no macro' facts objects regs.h '/kcore_reg_far_el1/d'
check 'the macro is not applied to all registers' 1 'not applied to all of KCORE_SYSREGS' facts objects run.c '/KCORE_SYSREGS(/d'
check 'more is copied than KVM has' 1 'has fewer than the 512 bytes' facts objects run.c 's/, 15);/, 32);/'
check 'an index beyond the array' 1 'not an element of the array' facts objects run.c 's/regs\[30\];/regs[31];/'
check 'objects without debugging information' 3 'no compilation unit|no debugging information' facts stripped run.c ''
check 'objects without the glue' 1 'no compilation unit of kvm/kcore/run.c' facts other run.c ''
check 'no objects' 3 "none: .*tools/check-facts makes it" facts none run.c ''
check 'a bad release' 2 'is no release' "$FACTS" --release ../v6 --objects "$work/objects" --macros "$work/macros" --glue "$work/good" --output "$work/W.v"
check 'no arguments' 2 'see --help' "$FACTS"
if [ -e "$work/W.v" ] || [ -e "$work/V.v.new" ]; then
	echo "not ok $((n += 1)) - a failed run leaves nothing"
	failed=1
else
	echo "ok $((n += 1)) - a failed run leaves nothing"
fi

# ---- the proof over spoilt facts
prove()	# file.v under $work/coq
{
	(cd "$work/coq" && coqc -q -Q "$COMPILED" KCore "$1")
}

spoilt()	# text, sed program, message
{
	sed "$2" "$top/proofs/versions/V6_1.v" >"$work/coq/Spoilt.v"
	if cmp -s "$work/coq/Spoilt.v" "$top/proofs/versions/V6_1.v"; then
		echo "not ok $((n += 1)) - proof: $1: nothing was spoilt"
		failed=1
	else
		check "proof: $1" 1 "$3" prove Spoilt.v
	fi
}

if [ -e "${COMPILED:-none}/versions/Image.vo" ]; then
	cp "$top/proofs/versions/V6_1.v" "$work/coq/Good.v"
	check 'proof: facts as they are' 0 '' prove Good.v
	spoilt 'two members overlap' 's/Field "pstate" 256 8 1/Field "pstate" 252 8 1/' 'page: pc and pstate overlap'
	spoilt 'a member elsewhere than in the core' 's/Field "pc" 248 8/Field "pc" 1000 8/; s/Field "v" 864 8 64/Field "v" 864 8 1/' \
		'page: pc is at 1000, the core has it at 248'
	spoilt 'a member outside of the page' 's/Field "reserved1" 768 8 2/Field "reserved1" 5000 8 2/' 'page: reserved1 at 5000 lies outside'
	spoilt 'a member of another size' 's/Field "vmpidr" 464 8 1/Field "vmpidr" 464 4 1/' 'page: vmpidr is 1 times 4 bytes'
	spoilt 'a missing member' '/Field "exit.far"/d' 'page: exit.far is missing'
	spoilt 'room for other numbers of CPUs' 's/Field "mpidr" 432 8 64/Field "mpidr" 432 8 32/' 'installation: mpidr is 32 times 8'
	spoilt 'a call with another number' 's/"KCORE_HC_VM_MAP", 3321907980/"KCORE_HC_VM_MAP", 3321907999/' \
		'calls: KCORE_HC_VM_MAP is 3321907999, the core has hc_vm_map at 3321907980'
	spoilt 'a missing call' '/KCORE_HC_VM_AGE/d' 'calls: [0-9][0-9]*, the core has [0-9][0-9]*'
	spoilt 'a register that is lost' '/^  into/,/^  back/{/sys.far_el1/d;}' 'into: register sys.far_el1: 0 of 8 bytes'
	spoilt 'a register that does not come back' '/^  back/,$ {/sys.elr_el1/d;}' 'back: register sys.elr_el1: 0 of 8 bytes'
	spoilt 'a register from the place of another' 's/"ESR_EL1" 912/"FAR_EL1" 936/' 'into: registers sys.esr_el1 and sys.far_el1 share a place of KVM'
	spoilt "a register by another's name" 's/"TTBR0_EL1" 888/"TTBR1_EL1" 888/' "register sys.ttbr0_el1 is copied from or to KVM's TTBR1_EL1"
	spoilt 'a register twice' 's/Copy "fpcr" 856/Copy "fpcr" 848/' 'registers fpsr and fpcr share a place of the page'
	spoilt 'a register of another size' 's/"TCR_EL1" 904 8/"TCR_EL1" 904 2/' "register sys.tcr_el1 has 8 bytes, KVM's TCR_EL1 has 2"
	spoilt 'a register that comes back elsewhere' '/^  back/,$ s/"PAR_EL1" 1008/"PAR_EL1" 8/' 'back: register sys.par_el1 does not come back'

	image()	# text, sed program, message
	{
		sed "$2" "$COMPILED/versions/Image.v" | sed '/Require/s/$/\nFrom KCore Require Import versions.V6_1./' >"$work/coq/Spoilt.v"
		echo 'Lemma broken_image : check_image kcore_image = []. Proof. vm_compute. reflexivity. Qed.' >>"$work/coq/Spoilt.v"
		check "proof: image: $1" 1 "$3" prove Spoilt.v
	}
	image 'sections overlap' 's/Region "constants" [0-9]* [0-9]*/Region "constants" 100 36864/' 'image: text and constants overlap'
	image 'the image reaches into the tables' 's/\(Region "cells and stacks" [0-9]*\) [0-9]*/\1 3000000/' 'image: cells and stacks does not fit'
	image 'more VMs than roots' 's/i_vms := 256/i_vms := 512/' 'image: 512 VMs|roots and page records overlap'
	image 'too little memory' 's/(2147483648, [0-9]*)/(2147483648, 4194304)/' 'memory of 2048 MiB: page records does not fit'
	image 'roots of another size' 's/i_root_bytes := 8192/i_root_bytes := 4096/' 'roots of 4096 bytes do not translate 40 bits'
else
	echo "ok $((n += 1)) - proof over spoilt facts # SKIP no compiled proofs; run 'make proofs' first"
fi
echo "1..$n"
exit $failed
