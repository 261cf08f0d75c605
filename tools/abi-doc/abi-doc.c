/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints docs/abi.md from the tables of abi.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint32_t u32;
typedef unsigned long u64;
#include <kcore/abi.h>

#define CALL(nr, NAME, handler, nargs, args, text, errors) \
	printf("| %d | `KCORE_HC_%s` | %s | %s | %s |\n", nr, #NAME, *(args) ? args : "–", text, errors);
#define STAT(nr, name, text) printf("| %d | `%s` | %s |\n", nr, #name, text);
#define FIELD(f) printf("| 0x%03zx | `" #f "` |\n", offsetof(struct kcore_vcpu_page, f));
#define SYSREG(f) printf("| 0x%03zx | `sys." #f "` |\n", offsetof(struct kcore_vcpu_page, sys.f));

int main(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "usage: %s > docs/abi.md\n", argv[0]);
		return strcmp(argv[1], "--help") ? 2 : 0;
	}
	printf("<!-- SPDX-License-Identifier: GPL-2.0-only -->\n"
	       "<!-- Generated from common-core/include/kcore/abi.h by tools/abi-doc; `make -C tools/abi-doc update` writes it again. -->\n"
	       "# Hypercalls of the host, version %lu\n\n"
	       "HVC #0 with x0 = 0x%lx + number, x1..x5 = arguments; x0 is the result. What the calls mean together: boundary.md.\n\n"
	       "| number | name | x1, x2, ... | meaning | errors (KCORE_E...) |\n|---|---|---|---|---|\n",
	       KCORE_ABI_VERSION, KCORE_FN_BASE);
	KCORE_HYPERCALLS(CALL)
	printf("\n## Errors\n\n| name | value |\n|---|---|\n");
#define ERR(e) printf("| `KCORE_" #e "` | %ld |\n", (long)KCORE_##e);
	ERR(EPERM) ERR(EAGAIN) ERR(ENOMEM) ERR(EBUSY) ERR(EINVAL) ERR(ENOSYS) ERR(ESTATE)
	printf("\n## Counters (`KCORE_HC_STATS_READ`)\n\n| number | name | meaning |\n|---|---|---|\n");
	KCORE_STATS(STAT)
	printf("\n## The vCPU page\n\nAll fields are 64 bits wide.\n\n| offset | field |\n|---|---|\n");
	FIELD(x) FIELD(pc) FIELD(pstate) FIELD(sve)
	KCORE_SYSREGS(SYSREG, SYSREG)
	FIELD(vmpidr) FIELD(cntvoff) FIELD(enter.hcr) FIELD(enter.flags) FIELD(enter.vsesr) FIELD(enter.traps)
	FIELD(exit.esr) FIELD(exit.far) FIELD(exit.hpfar) FIELD(exit.disr)
	FIELD(vgic.hcr) FIELD(vgic.vmcr) FIELD(vgic.sre) FIELD(vgic.used) FIELD(vgic.ap0r) FIELD(vgic.ap1r) FIELD(vgic.lr)
	FIELD(a32.spsr_abt) FIELD(a32.spsr_und) FIELD(a32.spsr_irq) FIELD(a32.spsr_fiq) FIELD(a32.dacr) FIELD(a32.ifsr) FIELD(a32.fpexc)
	FIELD(fpsr) FIELD(fpcr) FIELD(v)
	return ferror(stdout) || fflush(stdout) ? 3 : 0;
}
