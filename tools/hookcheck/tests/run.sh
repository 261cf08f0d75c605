#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of hookcheck, in TAP: a made-up kernel with hooks is compiled for arm64, once as it should be, and spoilt in
# each way that hookcheck is there to notice.
#
#	HOOKCHECK=<program> [CROSS_COMPILE=aarch64-linux-gnu-] run.sh

set -u
HOOKCHECK=${HOOKCHECK:?names the program to test}
cross=${CROSS_COMPILE:-aarch64-linux-gnu-}
export LC_ALL=C

top=$(mktemp -d "${TMPDIR:-/tmp}/hookcheck-test.XXXXXX") || exit 3
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
count=0 failed=0

ok() {
	count=$((count + 1))
	echo "ok $count - $1"
}

not_ok() {
	count=$((count + 1))
	failed=$((failed + 1))
	echo "not ok $count - $1: $2"
	sed 's/^/# /' "$top/err" "$top/out" | head -n 40
}

edit() {
	if ! sed "$2" "$1" >"$1.edited" || cmp -s "$1" "$1.edited"; then
		echo "Bail out! $1: the test's edit changes nothing: $2"
		exit 1
	fi
	mv "$1.edited" "$1"
}

# The retrofitted source, its ledger and KCore's image
fresh() {
	rm -rf "$top/tree" "$top/rules" "$top/kernel" "$top/objects"
	mkdir -p "$top/tree/host/kcore" "$top/tree/host/el2" "$top/tree/arch/arm64/include/asm" "$top/rules/ledger"
	printf 'KCore' >"$top/blob"
	cat >"$top/tree/host/glue.h" <<'END'
extern _Bool kcore_on;
struct kcore_vm { int handle; };
struct vm { int id; struct kcore_vm kcore; };
typedef int (*handler)(struct vm *);
void kcore_created(struct vm *vm);
int kcore_handle_abort(struct vm *vm);
int kcore_shim_run(struct vm *vm);
static inline __attribute__((always_inline)) _Bool kcore_active(void) { return kcore_on; }
#define hyp_call(f, vm) ({ register struct vm *x0 asm("x0") = vm; asm volatile("hvc #0" : "+r"(x0) :: "memory"); (int)(long)x0; })
#define kcore_call(f, vm) (kcore_active() ? kcore_shim_##f(vm) : hyp_call(f, vm))
#include "../arch/arm64/include/asm/kcore_release.h"
END
	cat >"$top/tree/arch/arm64/include/asm/kcore_release.h" <<'END'
static inline void kcore_nothing_to_do(struct vm *vm)
{
}
END
	cat >"$top/tree/host/run.c" <<'END'
#include "glue.h"

int other(struct vm *vm);

int enable(struct vm *vm)
{
	if (kcore_active())
		return 1;
	return vm->id + 1;
}

int create(struct vm *vm)
{
	other(vm);
	kcore_created(vm);
	kcore_nothing_to_do(vm);
	return other(vm) + 1;
}

static inline int enter(struct vm *vm)
{
	return kcore_call(run,
			  vm);
}

int run(struct vm *vm)
{
	return enter(vm) + enable(vm);
}

int unrelated(struct vm *vm)
{
	return other(vm) * 3;
}
END
	cat >"$top/tree/host/table.c" <<'END'
#include "glue.h"

int handle_other(struct vm *vm);

const handler exit_table[] = {
	[0] = handle_other,
	[1] = kcore_handle_abort,
};

const handler debug_table[] = {
	[0] = handle_other,
};

int handle_other(struct vm *vm)
{
	return vm->id;
}
END
	cat >"$top/tree/host/el2/switch.c" <<'END'
int switch_world(int x)
{
	return x + 1;
}
END
	cat >"$top/tree/host/kcore/glue.c" <<'END'
#include "../glue.h"

_Bool kcore_on;
void kcore_created(struct vm *vm) { vm->kcore.handle = 1; }
int kcore_handle_abort(struct vm *vm) { return vm->id; }
int kcore_shim_run(struct vm *vm) { return vm->id; }
int other(struct vm *vm) { return vm->id; }
asm(".globl kcore_blob, kcore_blob_end\n.section .rodata\nkcore_blob: .incbin \"blob\"\nkcore_blob_end:\n.previous");
END
	for rule in 10-crossing:H01 20-life:H02,H03,H05 30-table:H04 40-field:H06; do
		printf '// SPDX-License-Identifier: GPL-2.0-only\n//\n// Hook:      %s\n' "$(printf %s "${rule#*:}" | sed 's/,/, /g')" \
			>"$top/rules/${rule%:*}.cocci"
	done
	cat >"$top/rules/ledger.json" <<'END'
{ "SPDX-License-Identifier": "GPL-2.0-only", "format": 1, "macros": "macros.h", "rules": [
  { "rule": "10-crossing.cocci", "title": "t", "updated": "2026-11-24", "hooks": [ { "id": "H01", "class": "M", "purpose": "p" } ] },
  { "rule": "20-life.cocci", "title": "t", "updated": "2026-11-24", "hooks": [ { "id": "H02", "class": "M", "purpose": "p" },
    { "id": "H03", "class": "M", "purpose": "p" }, { "id": "H05", "class": "M", "purpose": "p" } ] },
  { "rule": "30-table.cocci", "title": "t", "updated": "2026-11-24", "hooks": [ { "id": "H04", "class": "M", "purpose": "p" } ] },
  { "rule": "40-field.cocci", "title": "t", "updated": "2026-11-24", "hooks": [ { "id": "H06", "class": "M", "purpose": "p" } ] }
] }
END
	cat >"$top/rules/ledger/v1.0.json" <<'END'
{ "SPDX-License-Identifier": "GPL-2.0-only", "release": "v1.0", "kernel": "1.0", "hooks": {
  "H01": [ { "file": "host/run.c", "symbol": "enter()", "remove": "hyp_call(run", "insert": "kcore_call(run" } ],
  "H02": [ { "file": "host/run.c", "symbol": "enable()", "insert": "if (kcore_active()) return 1;" } ],
  "H03": [ { "file": "host/run.c", "symbol": "create()", "insert": "kcore_created(vm);" } ],
  "H04": [ { "file": "host/table.c", "symbol": "exit_table[]", "remove": "handle_abort", "insert": "kcore_handle_abort" } ],
  "H05": [ { "file": "host/run.c", "symbol": "create()", "insert": "kcore_nothing_to_do(vm);" } ],
  "H06": [ { "file": "host/glue.h", "symbol": "struct vm", "insert": "struct kcore_vm kcore;" } ] },
  "audit": { "dirs": [ "host" ], "not": [ "host/el2/" ], "allow": [ ] } }
END
}

# compile DIR [OPTION]: the objects, below DIR
compile() {
	for c in host/run host/table host/el2/switch host/kcore/glue; do
		mkdir -p "$top/$1/${c%/*}"
		(cd "$top" && "${cross}gcc" -O2 -ffreestanding -mgeneral-regs-only -fno-pic ${2:+"$2"} -c -o "$1/$c.o" "tree/$c.c") || exit 3
	done
	# assembly without DWARF, as the kernel has it
	[ ! -f "$top/tree/host/entry.S" ] || "${cross}gcc" -c -o "$top/$1/host/entry.o" "$top/tree/host/entry.S" || exit 3
}

build() {
	compile kernel
	"${cross}ld" -e 0 -Ttext=0x400000 -o "$top/vmlinux" "$top"/kernel/host/*.o "$top"/kernel/host/*/*.o || exit 3
	compile objects -g
}

check() {
	"$HOOKCHECK" --release v1.0 --rules "$top/rules" --tree "$top/tree" --objects "$top/objects" --vmlinux "$top/vmlinux" \
		--blob "$top/blob" "$@" >"$top/out" 2>"$top/err"
}

# says NAME STATUS PATTERN [arguments]
says() {
	name=$1 want=$2 pattern=$3
	shift 3
	check "$@"
	status=$?
	if [ $status -ne "$want" ]; then
		not_ok "$name" "exit status $status, expected $want"
	elif ! cat "$top/out" "$top/err" | grep -q -e "$pattern"; then
		not_ok "$name" "no line like: $pattern"
	else
		ok "$name"
	fi
}

fresh
build
says "hooks in place" 0 '^v1.0: 6 places, .* as in vmlinux: all in place'
says "a crossing in a function that was inlined" 0 '^H01  ok: host/run.c:enter(), hyp_call(run: in the declared definition'
says "a hook that is empty in this release's glue" 0 "^H05  ok: .*: empty in this release's glue, no code"

fresh
edit "$top/tree/host/run.c" 's/^	return enter(vm) + enable(vm);/	return (0 ? enter(vm) : 0) + 5 * enable(vm);/'
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	return hyp_call(other, vm);/'
edit "$top/rules/ledger/v1.0.json" \
	's|"allow": \[|&{ "file": "host/run.c", "symbol": "unrelated()", "op": "arm_smccc_1_1_hvc", "reason": "a test" }|'
build
says "a crossing that is dead code" 0 '^H01  ok: .*the call is dead code as upstream has it'
fresh
edit "$top/tree/host/glue.h" 's/^#define kcore_call(f, vm) .*/#define kcore_call(f, vm) hyp_call(f, vm)/'
build
says "a crossing whose shim was compiled out" 1 '^H01: host/run.c:enter(), hyp_call(run: found 0 of 1'

# A macro that refers to no symbol of the glue's
macro() {
	edit "$top/tree/host/glue.h" 's/int handle;/int handle, noted;/'
	echo '#define kcore_note_skip(vm) ((vm)->kcore.noted |= 1)' >>"$top/tree/arch/arm64/include/asm/kcore_release.h"
	cat >>"$top/tree/host/run.c" <<'END'

int skip(struct vm *vm)
{
	kcore_note_skip(vm);
	vm->id += 4;
	return other(vm);
}
END
	edit "$top/rules/ledger/v1.0.json" \
		's|"H05": \[|& { "file": "host/run.c", "symbol": "skip()", "insert": "kcore_note_skip(vm);" },|'
}
fresh
macro
build
says "a hook that is a macro without a symbol" 0 '^H05  ok: host/run.c:skip(): in the declared definition'
fresh
macro
edit "$top/tree/host/run.c" 's/^	kcore_note_skip(vm);/	if (0)\n	&/'
build
says "that macro compiled out" 1 '^H05: host/run.c:skip(): found 0 of 1 in the built kernel'

fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	kcore_created(vm);\n&/'
build
says "a hook in an undeclared function" 1 'host/run.o: kcore_created is used in unrelated() of host/run.c, line [0-9]*, which the ledger does not'
fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	if (kcore_active())\n		return 1;\n&/'
build
says "an inlined hook in an undeclared function" 1 'unrelated() of host/run.c, line [0-9]*, which the ledger does not declare'
fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) + 1;/	kcore_created(vm);\n&/'
build
says "a hook once too often in its function" 1 'the tree has the insertion 2 times, the ledger 1'
fresh
edit "$top/tree/host/run.c" 's/^	kcore_created(vm);/#ifdef CONFIG_X\n&\n#endif/'
build
says "a hook that is compiled out" 1 '^H03: host/run.c:create(): found 0 of 1 in the built kernel'
fresh
edit "$top/tree/host/run.c" 's/^	if (kcore_active())/	if (0 \&\& kcore_active())/'
build
says "a hook that the compiler removed" 1 'H02: host/run.c:enable(): '
fresh
edit "$top/tree/host/table.c" '/debug_table/,/^};/s/handle_other/kcore_handle_abort/'
build
says "a hook in another table" 1 'host/table.o: debug_table\[\] has kcore_handle_abort, which the ledger does not declare'
# The handler as an inline function of the glue: the table refers to it by section and offset
inline_handler() {
	edit "$top/tree/host/glue.h" 's/^int kcore_handle_abort(struct vm \*vm);/int kcore_abort(struct vm *vm);\
static inline int kcore_handle_abort(struct vm *vm) { kcore_created(vm); return kcore_abort(vm); }/'
	edit "$top/tree/host/kcore/glue.c" 's/kcore_handle_abort/kcore_abort/'
}
fresh
inline_handler
build
says "a handler that is an inline function of the glue" 0 '^H04  ok: host/table.c:exit_table'
fresh
inline_handler
edit "$top/tree/host/table.c" '/debug_table/,/^};/s/handle_other/kcore_handle_abort/'
build
says "that handler in another table" 1 'host/table.o: debug_table\[\] has kcore_handle_abort, which the ledger does not declare'
fresh
edit "$top/tree/host/table.c" 's/\[1\] = kcore_handle_abort/[1] = handle_other/'
build
says "a table without its hook" 1 'H04: host/table.c:exit_table\[\]'
fresh
edit "$top/tree/host/glue.h" 's/struct kcore_vm kcore; }/struct kcore_vm kcore2; }/'
edit "$top/tree/host/kcore/glue.c" 's/vm->kcore\./vm->kcore2./'
build
says "a field that is not there" 1 'H06: host/glue.h:struct vm'
fresh
edit "$top/tree/host/el2/switch.c" 's/^int switch/extern _Bool kcore_on;\n&/; s/return x + 1/return x + kcore_on/'
build
says "code of EL2 that refers to the glue" 1 'host/el2/switch.o: refers to kcore_on: the glue is not for code that runs at EL2'

fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	return hyp_call(other, vm);/'
build
says "a call of EL2 around the hooks" 1 'hvc in unrelated() of host/run.c, line [0-9]* (within unrelated()), is neither behind a hook nor allowed'
edit "$top/rules/ledger/v1.0.json" \
	's|"allow": \[|&{ "file": "host/run.c", "symbol": "unrelated()", "op": "arm_smccc_1_1_hvc", "reason": "a test" }|'
says "the same call, allowed with a reason" 0 'all in place'
fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	asm volatile("msr vttbr_el2, %0" :: "r"(vm));\n&/'
build
says "a register of EL2" 1 'msr of an EL2 register in unrelated() of host/run.c'
fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	long x;\
	asm volatile("mrs %0, vttbr_el2\\n tlbi alle1\\n at s1e2r, %0\\n eret" : "=r"(x));\
	__hyp_set_vectors(x);\
&/; s/^int unrelated/void __hyp_set_vectors(long x);\
&/'
echo 'void __hyp_set_vectors(long x) { }' >>"$top/tree/host/kcore/glue.c"
build
for operation in 'mrs of an EL2 register' 'tlbi of EL2' 'at of EL2' eret __hyp_set_vectors; do
	says "any other operation of EL2: $operation" 1 "host/run.o: $operation in unrelated() of host/run.c, .* is neither behind a hook nor allowed"
done

# Two functions with the same instructions, of which DWARF knows one; the hook is in BODY, or in the function that it calls
twins() {	# BODY
	cat >>"$top/tree/host/run.c" <<END

static inline void bad(struct vm *vm)
{
	if (vm->id & 1) {
		other(vm);
		return;
	}
	kcore_created(vm);
	other(vm);
}

static int alignment_fault(struct vm *vm)
{
	$1
	return 0;
}

static int tag_fault(struct vm *vm)
{
	$1
	return 0;
}

const handler faults[] = { alignment_fault, tag_fault };
END
}
places() {	# FUNCTION...: where H03 is besides
	for function; do
		edit "$top/rules/ledger/v1.0.json" \
			"s|\"H03\": \[|& { \"file\": \"host/run.c\", \"symbol\": \"$function()\", \"insert\": \"kcore_created(vm);\" },|"
	done
}
fresh
twins 'bad(vm);'
places bad
build
says "a copy of a function without DWARF" 0 'all in place'
says "which is named" 0 'host/run.o: kcore_created in bad .*, within tag_fault' --verbose
fresh
twins 'bad(vm);'
edit "$top/tree/host/run.c" '/^static int tag_fault/,/^}/s/^	return 0;/	return 1;/'
places bad
build
says "two functions that differ have DWARF each" 0 'host/run.o: kcore_created in bad .*, within tag_fault' --verbose
fresh
twins 'kcore_created(vm); other(vm);'
edit "$top/tree/host/run.c" '/^static inline void bad/,/^}/d'
places alignment_fault
build
says "a hook of the copy's own" 1 'host/run.o: kcore_created is used at an address that DWARF has no function for'

# A crossing in a loop: GCC takes the address of kcore_on out of it
loop() {
	cat >>"$top/tree/host/run.c" <<'END'

static int share(struct vm *vm)
{
	for (int i = 0; i < vm->id; i++) {
		int r = kcore_call(run, vm);

		if (r)
			return r;
	}
	return 0;
}

int create_mappings(struct vm *vm)
{
	if (other(vm))
		return share(vm);
	return other(vm + 1);
}
END
	edit "$top/rules/ledger/v1.0.json" \
		's|"H01": \[|& { "file": "host/run.c", "symbol": "share()", "remove": "hyp_call(run", "insert": "kcore_call(run" },|'
}
fresh
loop
build
says "an address that was formed in front of a loop" 0 'all in place'
fresh
loop
edit "$top/tree/host/run.c" '/^static int share/,/^}/s/^		if (r)/		if (r \&\& !kcore_on)/'
build
says "used there by a second condition as well" 1 'host/run.o: kcore_on is used in share() of host/run.c'
fresh
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	return other((struct vm *)\&kcore_on);/'
build
says "an address that is given away" 1 'host/run.o: kcore_on is used in unrelated() of host/run.c, line [0-9]*, which the ledger does not'

# The glue's static function in the section of its caller: a branch without a relocation
fresh
edit "$top/tree/host/glue.h" 's/^int kcore_shim_run.*/&\
static __attribute__((noinline, unused)) int kcore_refuse(struct vm *vm) { return kcore_handle_abort(vm) ^ vm->id; }/'
edit "$top/tree/host/run.c" 's/^	return other(vm) \* 3;/	return kcore_refuse(vm) * 3;/'
build
says "a branch to the glue without a relocation" 1 'host/run.o: kcore_refuse is used in unrelated() of host/run.c'

# An operation in assembly, SECTION
assembly() {
	cat >"$top/tree/host/entry.S" <<END
	.section $1, "ax"
	.globl	enter_el2
	.type	enter_el2, %function
enter_el2:
	hvc	#0
	ret
	.size	enter_el2, . - enter_el2
END
}
built() {	# FILE
	edit "$top/rules/ledger/v1.0.json" \
		"s|\"allow\": \[ \]|&, \"built\": [ { \"file\": \"$1\", \"symbol\": \"enter_el2()\", \"op\": \"hvc\", \"reason\": \"a test\" } ]|"
}
fresh
assembly .text
build
says "an operation in assembly" 1 'host/entry.o: hvc in enter_el2() of host/entry.S, .* is neither behind a hook nor allowed'
built host/entry.S
says "the same, allowed with a reason" 0 'all in place'
fresh
assembly .text
built host/other.S
build
says "allowed in another file" 1 'host/entry.o: hvc in enter_el2() of host/entry.S, .* is neither behind a hook nor allowed'
fresh
assembly .hyp.idmap.text
build
says "code of EL2 in a section of its own" 0 'all in place'
fresh
built host/entry.S
build
says "an allowance for nothing" 1 'host/entry.S:enter_el2(): hvc is allowed ("built"), but not in the built kernel'

fresh
build
edit "$top/tree/host/run.c" 's/return vm->id + 1/return vm->id + 2/'
compile objects -g
says "objects that are not the kernel's" 1 'host/run.o: enable() has other code in vmlinux'
fresh
build
printf 'KCORE' >"$top/blob"
says "another image of KCore" 1 'kcore_blob is not .*blob byte for byte'
fresh
build
rm -rf "$top/objects"
mkdir "$top/objects"
says "no objects at all" 1 'nothing was checked: 0 objects'
compile objects
says "objects without DWARF" 1 'is used at an address that DWARF has no function for'
says "no vmlinux" 3 'nowhere: can.t be read as ELF' --vmlinux "$top/nowhere"
says "unknown release" 2 'unknown release v9.9: rules/ledger knows v1.0' --release v9.9
says "stray argument" 2 'see hookcheck --help' stray
says "--help" 0 '^usage: hookcheck' --help

echo "1..$count"
[ "$failed" -eq 0 ] || echo "# $failed of $count failed"
[ "$failed" -eq 0 ]
