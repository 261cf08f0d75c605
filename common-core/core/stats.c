/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, each CPU its own; and what the host may know of the installation. */
#include "core.h"

void stat_add(u64 cpu, u64 id)
{
	u64 v = get_cpu_stat(cpu * KCORE_NR_STATS + id);

	set_cpu_stat(cpu * KCORE_NR_STATS + id, v + 1UL);
}

void stat_max(u64 cpu, u64 id, u64 value)
{
	u64 v = get_cpu_stat(cpu * KCORE_NR_STATS + id);

	if (value > v)
		set_cpu_stat(cpu * KCORE_NR_STATS + id, value);
}

/* Sum over the CPUs, or the maximum for el2_max. */
static u64 stat_total(u64 id)
{
	u64 total = 0UL;
	u64 cpu;
	u64 v;

	for (cpu = 0UL; cpu < KCORE_MAX_CPUS; cpu++) {
		v = get_cpu_stat(cpu * KCORE_NR_STATS + id);
		if (id != KCORE_STAT_el2_max)
			total += v;
		else if (v > total)
			total = v;
	}
	return total;
}

/* KCORE_HC_STATS_READ */
u64 hc_stats_read(u64 id)
{
	if (id >= KCORE_NR_STATS)
		return KCORE_EINVAL;
	if (id == KCORE_STAT_pages_core)
		return get_pages_core();
	if (id == KCORE_STAT_pages_vm)
		return get_pages_vm();
	if (id == KCORE_STAT_pool_free)
		return get_pool_free();
	if (id == KCORE_STAT_pool_total)
		return get_pool_pages();
	if (id == KCORE_STAT_vms)
		return get_vms_alive();
	if (id == KCORE_STAT_vcpus)
		return get_vcpus_alive();
	if (id == KCORE_STAT_pages_scrubbed)
		return get_pages_scrubbed();
	return stat_total(id);
}

/* KCORE_HC_INFO */
u64 hc_info(u64 which)
{
	if (which == KCORE_INFO_ICH_VTR)
		return get_ich_vtr();
	if (which == KCORE_INFO_MDCR)
		return host_mdcr();
	if (which == KCORE_INFO_REGION_BASE)
		return get_region_base();
	if (which == KCORE_INFO_REGION_SIZE)
		return get_region_size();
	if (which == KCORE_INFO_IMAGE_SIZE)
		return get_image_size();
	if (which == KCORE_INFO_SIGNED_ONLY)
		return get_signed_only();
	return KCORE_EINVAL;
}

/* KCORE_HC_VERSION */
u64 hc_version(void)
{
	return KCORE_ABI_VERSION;
}
