/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Installation: KCore's own tables, the cells that never change later, per-CPU registers.
 * Runs at EL2 with the MMU off unless said otherwise.  The host is trusted up to here (CAVEATS.md).
 */
#include <kcore/machine.h>
#include <kcore/layout.h>
#include "../machine/measure.h"
#include "boot.h"

#pragma GCC visibility push(hidden)

#define PAGE			4096UL
#define BLOCK			0x200000UL
#define PA_END			0x10000000000UL		/* 40 bits */

/* EL2 stage 1 (D8.3.1): AF, inner shareable, AP[1] RES1, AttrIndx 1 */
#define EL2_VALID		1UL
#define EL2_TABLE		3UL
#define EL2_NORMAL		0x744UL			/* AF | SH inner | AP[1] | AttrIndx[1] */
#define EL2_RO			0x80UL
#define EL2_XN			0x40000000000000UL
#define EL2_ADDRESS		0xfffffff000UL

#define HCR_HOST		0x0100030080080003UL	/* ATA API APK TSC RW SWIO VM */
#define VTCR			0x80023558UL		/* 40-bit IPA and PA, first level 1, 4 KiB, WBWA, inner shareable */
#define TCR			0x80823518UL		/* 40-bit VA and PA, 4 KiB, WBWA, inner shareable */
#define MAIR			0xff04UL		/* 0 Device-nGnRE, 1 Normal write-back */
#define SCTLR			0x30cd183dUL		/* RES1 | WXN I SA C M */
#define SCTLR_EL1_HOST		0x30d00800UL		/* RES1; MMU off */
#define CPTR_EL2_TZ		0x100UL
#define CPTR_EL2_TSM		0x1000UL

extern char kcore_text_end[], kcore_rodata_end[], kcore_end[], stacks[], boot_stacks[], host_contexts[];
void gic_reset(void);
void feature_traps_keep(u64 cpu);

static u64 el2_root;
static u64 *quote_seed;			/* of the installation, where the host put it */

/*
 * EL2 controls of optional features, which the kernel's own entry sets on each CPU that starts at EL2: a CPU that
 * starts in KCore gets what the first one had.  X(register, ID register, shift of the field that says it is there)
 */
#define FEATURE_CONTROLS(X) \
	X(s3_4_c1_c2_0, id_aa64pfr0_el1, 32)	/* ZCR_EL2: SVE */ \
	X(s3_4_c1_c2_6, id_aa64pfr1_el1, 24)	/* SMCR_EL2: SME */ \
	X(s3_4_c1_c2_2, id_aa64mmfr1_el1, 40)	/* HCRX_EL2 */ \
	X(s3_4_c1_c1_4, id_aa64mmfr0_el1, 56)	/* HFGRTR_EL2 */ \
	X(s3_4_c1_c1_5, id_aa64mmfr0_el1, 56)	/* HFGWTR_EL2 */ \
	X(s3_4_c1_c1_6, id_aa64mmfr0_el1, 56)	/* HFGITR_EL2 */ \
	X(s3_4_c3_c1_4, id_aa64mmfr0_el1, 56)	/* HDFGRTR_EL2 */ \
	X(s3_4_c3_c1_5, id_aa64mmfr0_el1, 56)	/* HDFGWTR_EL2 */ \
	X(s3_4_c10_c5_0, id_aa64pfr0_el1, 40)	/* MPAM2_EL2 */
#define FEATURE_FIELD(reg, id, shift) u64 reg;
static struct {
	FEATURE_CONTROLS(FEATURE_FIELD)
} feature_controls;

/*
 * CPTR_EL2 traps the registers of SVE (TZ) and SME (TSM) at EL2 too, and a kernel that is older than such a feature leaves it so
 * (D13.2.34): not while they are read or written here.  The value to put back.
 */
static u64 cptr_open(void)
{
	u64 cptr = sysreg_read(cptr_el2);
	u64 open = cptr;

	if ((sysreg_read(id_aa64pfr0_el1) >> 32) & 15)
		open &= ~CPTR_EL2_TZ;
	if ((sysreg_read(id_aa64pfr1_el1) >> 24) & 15)
		open &= ~CPTR_EL2_TSM;
	sysreg_write(cptr_el2, open);
	isb();
	return cptr;
}

static void feature_controls_keep(void)
{
	u64 cptr = cptr_open();

#define FEATURE_KEEP(reg, id, shift) \
	if ((sysreg_read(id) >> (shift)) & 15) \
		feature_controls.reg = sysreg_read(reg);
	FEATURE_CONTROLS(FEATURE_KEEP)
	sysreg_write(cptr_el2, cptr);
}

static void feature_controls_set(void)
{
	u64 cptr = cptr_open();

#define FEATURE_SET(reg, id, shift) \
	if ((sysreg_read(id) >> (shift)) & 15) \
		sysreg_write(reg, feature_controls.reg);
	FEATURE_CONTROLS(FEATURE_SET)
	sysreg_write(cptr_el2, cptr);
}

static u64 boot_page(void)
{
	u64 pa = cells.pool_base + cells.pool_bump * PAGE;

	cells.pool_bump++;
	cells.pool_free--;
	return pa;
}

/* The entry for the address in the table of the level, with the tables above it made. */
static u64 *el2_entry(u64 va, u64 level)
{
	u64 *table = (u64 *)el2_root;
	u64 *entry;
	u64 l;

	for (l = 0;; l++) {
		entry = &table[(va >> (39 - 9 * l)) & 511];
		if (l == level)
			return entry;
		if (!(*entry & EL2_VALID))
			*entry = boot_page() | EL2_TABLE;
		table = (u64 *)(*entry & EL2_ADDRESS);
	}
}

static u64 image_attributes(u64 va)
{
	u64 slot = va - (u64)stacks;

	if (va < (u64)kcore_text_end)
		return EL2_NORMAL | EL2_RO;
	if (va < (u64)kcore_rodata_end)
		return EL2_NORMAL | EL2_RO | EL2_XN;
	if (va >= (u64)stacks && slot < KCORE_MAX_CPUS * STACK_SLOT && slot % STACK_SLOT < PAGE)
		return 0;				/* guard page below each stack */
	if (va >= (u64)boot_stacks && va < (u64)boot_stacks + KCORE_MAX_CPUS * BOOT_STACK)
		return 0;				/* used with the MMU off only */
	return EL2_NORMAL | EL2_XN;
}

/* KCore sees its own memory and all DRAM, VA = PA; no device. */
static void el2_map(void)
{
	u64 i, pa, attributes;

	el2_root = boot_page();
	for (i = 0; i < cells.nr_dram; i++) {
		pa = get_dram_base(i);
		while (pa < get_dram_end(i)) {
			if (pa % BLOCK == 0 && get_dram_end(i) - pa >= BLOCK && pa != cells.region_base) {
				*el2_entry(pa, 2) = pa | EL2_NORMAL | EL2_XN | EL2_VALID;
				pa += BLOCK;
				continue;
			}
			attributes = EL2_NORMAL | EL2_XN;
			if (pa >= cells.region_base && pa < cells.region_base + BLOCK)
				attributes = image_attributes(pa);
			if (attributes)
				*el2_entry(pa, 3) = pa | attributes | EL2_TABLE;
			pa += PAGE;
		}
	}
}

static int range_ok(u64 base, u64 size)
{
	return size && base % PAGE == 0 && size % PAGE == 0 && base < PA_END && size <= PA_END - base;
}

static int copy_regions(const struct kcore_install *in)
{
	u64 i, total = 0, last = 0;

	if (in->nr_dram < 1 || in->nr_dram > KCORE_MAX_REGIONS || in->nr_denied > KCORE_MAX_DENIED)
		return 0;
	for (i = 0; i < in->nr_dram; i++) {
		u64 base = in->dram[i].base, size = in->dram[i].size;

		if (!range_ok(base, size) || base < last)
			return 0;
		last = base + size;
		set_dram_base(i, base);
		set_dram_end(i, last);
		set_dram_first(i, total);
		total += size / PAGE;
	}
	for (i = 0; i < in->nr_denied; i++) {
		if (!range_ok(in->denied[i].base, in->denied[i].size))
			return 0;
		cells.denied_base[i] = in->denied[i].base;
		cells.denied_end[i] = in->denied[i].base + in->denied[i].size;
	}
	cells.nr_dram = in->nr_dram;
	cells.nr_denied = in->nr_denied;
	cells.nr_pages = total;
	return 1;
}

/* Index of the first page of KCore's memory, or -1 if it isn't inside one DRAM region. */
static u64 region_index(u64 base, u64 size)
{
	u64 i;

	for (i = 0; i < cells.nr_dram; i++)
		if (base >= get_dram_base(i) && base + size <= get_dram_end(i))
			return get_dram_first(i) + (base - get_dram_base(i)) / PAGE;
	return ~0UL;
}

/* Page records and pool behind the roots. */
static int lay_out(u64 base, u64 size, u64 first)
{
	u64 records = cells.nr_pages * sizeof(struct page_record);
	u64 pool = (base + RECORDS_OFFSET + records + PAGE - 1) & ~(PAGE - 1);
	u64 i;

	if (size < KCORE_REGION_SIZE(cells.nr_pages * PAGE) || pool >= base + size)
		return 0;
	cells.root_base = base + ROOTS_OFFSET;
	for (i = 0; i < size / PAGE; i++)
		set_page_owner(first + i, OWNER_CORE);
	cells.pages_core = size / PAGE;
	cells.pool_base = pool;
	cells.pool_pages = (base + size - pool) / PAGE;
	cells.pool_free = cells.pool_pages;
	cells.pool_reserve = cells.nr_pages / 512 + cells.nr_pages / 262144 + 64;
	return 1;
}

static u64 install_once(struct kcore_install *in)
{
	u64 base = in->region_base, size = in->region_size, first, i;

	if (in->magic != KCORE_INSTALL_MAGIC || base != (u64)kcore_start || base % BLOCK || size % BLOCK ||
	    !range_ok(base, size) || in->nr_cpus < 1 || in->nr_cpus > KCORE_MAX_CPUS || in->nr_keys > KCORE_MAX_KEYS ||
	    !copy_regions(in))
		return KCORE_EINVAL;
	first = region_index(base, size);
	if (first == ~0UL || !lay_out(base, size, first))
		return KCORE_EINVAL;
	cells.nr_cpus = in->nr_cpus;
	for (i = 0; i < KCORE_MAX_CPUS; i++) {
		set_cpu_vcpu(i, NO_VCPU);
		set_cpu_power(i, POWER_OFF);
		if (i < in->nr_cpus)
			set_cpu_mpidr(i, in->mpidr[i] & 0xff00ffffffUL);
		cpus[i].id = i;
		cpus[i].stack = (u64)stacks + (i + 1) * STACK_SLOT;
		cpus[i].host_context = (u64)host_contexts + i * 2048;
	}
	cells.image_size = (u64)kcore_end - base;
	cells.has_gicv3 = ((sysreg_read(id_aa64pfr0_el1) >> 24) & 15) && (sysreg_read(ICC_SRE_EL2) & 1);
	if (cells.has_gicv3)
		cells.ich_vtr = sysreg_read(s3_4_c12_c11_1) & 0xffffffffUL;
	if ((sysreg_read(id_aa64pfr0_el1) & 15) == 2)
		cells.has_aarch32 = ((sysreg_read(id_aa64pfr0_el1) >> 4) & 15) == 2 ? AARCH32_EL1 : AARCH32_EL0;
	if ((sysreg_read(id_aa64dfr0_el1) >> 32) & 15)
		cells.has_profiling |= PROFILING_SPE;
	if ((sysreg_read(id_aa64dfr0_el1) >> 40) & 15)
		cells.has_profiling |= PROFILING_TRACE;
	cells.has_ras = ((sysreg_read(id_aa64pfr0_el1) >> 28) & 15) != 0;
	cells.signed_only = in->signed_only;
	measure_install(in);
	quote_seed = in->seed;
	cells.region_base = base;
	feature_controls_keep();
	el2_map();
	/* the pool is what EL2's own tables leave */
	cells.pool_base += cells.pool_bump * PAGE;
	cells.pool_pages = cells.pool_free;
	cells.pool_bump = 0;
	cells.region_size = size;		/* installed */
	return 0;
}

/* KCORE_FN_INSTALL on one CPU. */
u64 boot_install(u64 cpu, struct kcore_install *in)
{
	u64 r;

	if (!cells.region_size) {
		r = install_once(in);
		if (r)
			return r;
	}
	if (cpu >= cells.nr_cpus || (sysreg_read(mpidr_el1) & 0xff00ffffffUL) != get_cpu_mpidr(cpu))
		return KCORE_EINVAL;
	return 0;
}

/* Registers for running KCore and the host; the value for SCTLR_EL2. */
u64 boot_cpu_registers(u64 cpu)
{
	sysreg_write(tpidr_el2, (u64)&cpus[cpu]);
	sysreg_write(mair_el2, MAIR);
	sysreg_write(tcr_el2, TCR);
	sysreg_write(ttbr0_el2, el2_root);
	sysreg_write(vtcr_el2, VTCR);
	sysreg_write(vttbr_el2, cells.root_base);
	sysreg_write(hcr_el2, HCR_HOST);
	sysreg_write(hstr_el2, 0);
	if (cells.has_gicv3) {
		cpus[cpu].icc_sre = sysreg_read(ICC_SRE_EL2) | ICC_SRE_ENABLE;
		gic_reset();
	}
	return SCTLR;
}

/* A CPU that firmware starts in KCore: what the kernel's own EL2 entry sets up otherwise. */
void boot_cpu_again(void)
{
	sysreg_write(cntvoff_el2, 0);
	sysreg_write(vpidr_el2, sysreg_read(midr_el1));
	sysreg_write(vmpidr_el2, sysreg_read(mpidr_el1));
	if (cells.has_gicv3) {
		sysreg_write(ICC_SRE_EL2, ICC_SRE_ENABLE | 7);	/* DIB DFB SRE */
		isb();
	}
	sysreg_write(sctlr_el1, SCTLR_EL1_HOST);
}

/* A word of FEAT_RNG's generator, which sets PSTATE.Z when it has none (D13.2.110).  1 if there is one. */
static u64 boot_random(u64 *word)
{
	u64 tries, ok = 0;

	if (!((sysreg_read(id_aa64isar0_el1) >> 60) & 15))
		return 0;
	for (tries = 0; !ok && tries < 100; tries++)
		__asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne"
				 : "=r"(*word), "=r"(ok)
				 :
				 : "cc");
	return ok;
}

/* The seed is in the host's memory: read and wiped while nothing but this CPU's installation runs on this CPU. */
static void boot_key(void)
{
	u64 noise[4] = { 0 };

	if (!boot_random(&noise[0]) || !boot_random(&noise[1]) || !boot_random(&noise[2]) || !boot_random(&noise[3]))
		noise[0] = noise[1] = noise[2] = 0;
	measure_key(quote_seed, noise);
	dcache_clean_inval_page((u64)quote_seed & ~(PAGE - 1));
	dcache_clean_inval_page((u64)(quote_seed + 3) & ~(PAGE - 1));
}

/* MMU on: this CPU is up.  Its EL2 settings are the host's while no guest runs. */
void boot_cpu_up(u64 cpu)
{
	struct cpu *c = &cpus[cpu];

	c->hcr = HCR_HOST;
	c->cptr = sysreg_read(cptr_el2);
	c->mdcr = sysreg_read(mdcr_el2);
	c->cnthctl = sysreg_read(cnthctl_el2);
	c->vmpidr = sysreg_read(vmpidr_el2);
	feature_traps_keep(cpu);
	lock_acquire();
	if (cells.log_next == 0) {
		measure_core(kcore_start, (u64)kcore_rodata_end - (u64)kcore_start);
		boot_key();
	}
	set_cpu_power(cpu, POWER_ON);
	log_event(1UL, cpu, get_cpu_mpidr(cpu));
	lock_release();
}

/* MMU on: the host's frame of a CPU that firmware started, at the entry point that the host asked for. */
void boot_cpu_frame(void)
{
	struct frame *f = host_frame();
	u64 cpu = cpu_id();
	u64 i;

	sysreg_write(cptr_el2, cpus[0].cptr);
	sysreg_write(cnthctl_el2, cpus[0].cnthctl);
	sysreg_write(mdcr_el2, cpus[0].mdcr);
	isb();
	feature_controls_set();
	for (i = 0; i < 31; i++)
		f->x[i] = 0;
	f->x[0] = get_cpu_entry_x0(cpu);
	f->pc = get_cpu_entry(cpu);
	f->pstate = 0x3c5;			/* EL1h, D A I F masked */
	boot_cpu_up(cpu);
}

#pragma GCC visibility pop
