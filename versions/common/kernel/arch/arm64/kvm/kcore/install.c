// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservation and installation of KCore, and the decision whether KVM may start.
 *
 * The memory is taken before the page allocator exists.  KCore is installed from subsys_initcall: all CPUs that
 * boot does bring up are online, KVM (device_initcall) hasn't looked at EL2 yet.  Up to then EL2 holds the
 * kernel's hyp-stub, whose set-vectors call leads to KCore's boot vectors.  CPUs that come later come through
 * KCore's PSCI relay, which sets their EL2 up.
 */
#include <linux/acpi.h>
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kmemleak.h>
#include <linux/memblock.h>
#include <linux/of_address.h>
#include <linux/psci.h>
#include <linux/random.h>
#include <linux/smp.h>
#include <asm/cacheflush.h>
#include <asm/smp_plat.h>
#include <asm/virt.h>
#include "kcore.h"

#define KCORE_KEY_BYTES		64		/* x and y */
#define KCORE_KEY_DIGITS	(2 * KCORE_KEY_BYTES)

extern const u8 kcore_blob[], kcore_blob_end[];

bool kcore_on __ro_after_init;
phys_addr_t kcore_base __ro_after_init;
u64 kcore_size __ro_after_init;
u64 kcore_image_size __ro_after_init;
char kcore_image_hash[65] __ro_after_init;
char kcore_key_hash[KCORE_MAX_KEYS][65] __ro_after_init;
unsigned int kcore_nr_keys __ro_after_init;
char kcore_quote_key[KCORE_KEY_DIGITS + 1] __ro_after_init;
typeof(kcore_denied) kcore_denied __ro_after_init;
unsigned int kcore_nr_denied __ro_after_init;

/* What __boot_cpu_mode has to say, 0: kcore=off, or not decided yet */
static u32 kcore_cpu_mode __ro_after_init;
static bool kcore_disabled __initdata;
static struct kcore_install kcore_args __initdata;
static const char *kcore_bad_keys __initdata;	/* why KCore can't be installed with the keys and policy that were asked for */

static int __init kcore_parse(char *value)
{
	if (value && !strcmp(value, "off"))
		kcore_disabled = true;
	else if (value && strcmp(value, "on"))
		pr_warn("command line: kcore=%s is not known and ignored (on, off)\n", value);
	return 0;
}
early_param("kcore", kcore_parse);

/* Public keys as hexadecimal digits, with commas between them */
static bool __init kcore_add_keys(const char *text)
{
	for (;;) {
		u8 *key = (u8 *)&kcore_args.key[kcore_args.nr_keys * KCORE_KEY_BYTES / sizeof(u64)];

		if (kcore_args.nr_keys == KCORE_MAX_KEYS || strnlen(text, KCORE_KEY_DIGITS) != KCORE_KEY_DIGITS ||
		    hex2bin(key, text, KCORE_KEY_BYTES))
			return false;
		kcore_args.nr_keys++;
		text += KCORE_KEY_DIGITS;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

/* Keys that are part of the kernel are vouched for by who vouches for the kernel: then the command line has none to add. */
static int __init kcore_parse_keys(char *value)
{
	if (sizeof(CONFIG_KCORE_KEYS) > 1)
		kcore_bad_keys = "kcore.keys= on the command line of a kernel that has its keys built in; boot without it";
	else if (!value || !kcore_add_keys(value))
		kcore_bad_keys = "kcore.keys= isn't 1 to 4 public keys of 128 hexadecimal digits, with commas between "
				 "them; take what 'vmsign key' prints";
	return 0;
}
early_param("kcore.keys", kcore_parse_keys);

static int __init kcore_parse_signed_only(char *value)
{
	bool on = true;

	if (value && kstrtobool(value, &on))
		kcore_bad_keys = "kcore.signed_only= takes 0 or 1; say which";
	else if (!on && IS_ENABLED(CONFIG_KCORE_SIGNED_ONLY))
		kcore_bad_keys = "kcore.signed_only=0 on the command line of a kernel that is built with CONFIG_KCORE_SIGNED_ONLY; boot without it";
	kcore_args.signed_only = on;
	return 0;
}
early_param("kcore.signed_only", kcore_parse_signed_only);

/*
 * H06.  is_hyp_mode_available() and is_hyp_mode_mismatched() go by __boot_cpu_mode, in which head.S has just noted how this CPU
 * entered, with the MMU off: always stored, so that the line is dirty and what may be stale in a cache is not what stays.
 */
void notrace kcore_boot_mode(void)
{
	if (kcore_cpu_mode) {
		WRITE_ONCE(__boot_cpu_mode[0], kcore_cpu_mode);
		WRITE_ONCE(__boot_cpu_mode[1], kcore_cpu_mode);
	}
}

/* KCore is active on all CPUs, or was asked for and isn't possible: then KVM must not find EL2 */
static void __init kcore_decided(u32 mode)
{
	kcore_cpu_mode = mode;
	kcore_boot_mode();
}

/* H05.  A page that no kernel mapping covers: the linear map, kmemleak and /proc/kcore leave it alone. */
void __init kcore_reserve_memory(void)
{
	if (kcore_disabled || is_kernel_in_hyp_mode() || !is_hyp_mode_available())
		return;
	kcore_size = KCORE_REGION_SIZE((u64)memblock_phys_mem_size());
	kcore_base = memblock_phys_alloc(kcore_size, SZ_2M);
	if (!kcore_base)
		return;
	kmemleak_ignore_phys(kcore_base);
	memblock_mark_nomap(kcore_base, kcore_size);
}

/* All DRAM, also what firmware keeps: runs of neighbours become one range.  Page aligned, outwards. */
static int __init kcore_collect_dram(struct kcore_install *args)
{
	struct memblock_region *r;
	u64 n = 0;

	kcore_for_each_dram(r) {
		u64 from = round_down(r->base, PAGE_SIZE);
		u64 to = round_up(r->base + r->size, PAGE_SIZE);

		if (n && from <= args->dram[n - 1].base + args->dram[n - 1].size) {
			args->dram[n - 1].size = to - args->dram[n - 1].base;
			continue;
		}
		if (n == KCORE_MAX_REGIONS)
			return -E2BIG;
		args->dram[n].base = from;
		args->dram[n++].size = to - from;
	}
	args->nr_dram = n;
	return 0;
}

static int __init kcore_collect_cpus(struct kcore_install *args)
{
	unsigned int cpu;

	if (nr_cpu_ids > KCORE_MAX_CPUS)
		return -E2BIG;
	args->nr_cpus = nr_cpu_ids;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		args->mpidr[cpu] = cpu_possible(cpu) ? cpu_logical_map(cpu) : INVALID_HWID;
	return 0;
}

static void __init kcore_deny(u64 base, u64 size)
{
	if (!base || kcore_nr_denied == KCORE_MAX_DENIED)
		return;
	kcore_denied[kcore_nr_denied].base = round_down(base, PAGE_SIZE);
	kcore_denied[kcore_nr_denied++].size = round_up(base + size, PAGE_SIZE) - round_down(base, PAGE_SIZE);
}

/*
 * The CPUs' GIC interface is system registers: ID_AA64PFR0_EL1.GIC, ICC_SRE_EL1.SRE, as KCore asks.  Then nobody may go past KCore by a
 * memory-mapped GICH or GICV.  Otherwise they are the host's, as the rest of a GICv2 is.
 */
static bool __init kcore_has_gicv3(void)
{
	return ((read_sysreg(id_aa64pfr0_el1) >> 24) & 0xf) && (read_sysreg_s(SYS_ICC_SRE_EL1) & 1);
}

/* GICH and GICV of a GICv3, where it has them: distributor, redistributors, GICC, GICH, GICV */
static void __init kcore_deny_gic_of(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,gic-v3");
	struct resource res;
	u32 redists = 1;
	int i;

	if (!node)
		return;
	of_property_read_u32(node, "#redistributor-regions", &redists);
	for (i = 2; i <= 3; i++) {
		if (!of_address_to_resource(node, redists + i, &res))
			kcore_deny(res.start, resource_size(&res));
	}
	of_node_put(node);
}

#ifdef CONFIG_ACPI
#ifndef KCORE_MADT_HEADER		/* the release has its own up to 5.1 */
#define KCORE_MADT_HEADER	union acpi_subtable_headers
#endif

static int __init kcore_deny_madt(KCORE_MADT_HEADER *header, const unsigned long end)
{
	struct acpi_madt_generic_interrupt *gicc = (struct acpi_madt_generic_interrupt *)header;

	if (!kcore_nr_denied) {
		kcore_deny(gicc->gich_base_address, SZ_4K);
		kcore_deny(gicc->gicv_base_address, SZ_8K);
	}
	return 0;
}

static void __init kcore_deny_gic_acpi(void)
{
	if (!acpi_disabled)
		acpi_table_parse_madt(ACPI_MADT_TYPE_GENERIC_INTERRUPT, kcore_deny_madt, 0);
}
#else
static void __init kcore_deny_gic_acpi(void)
{
}
#endif

/* Why KCore can't be installed, with the remedy; NULL if it can. */
static const char *__init kcore_obstacle(void)
{
	if (is_kernel_in_hyp_mode())
		return "the kernel runs at EL2 (VHE); " KCORE_VHE_REMEDY;
	if (kcore_upstream_protected())
		return "kvm-arm.mode=protected is upstream's own hypervisor; boot with kvm-arm.mode=nvhe";
	if (!kcore_base)
		return "no memory for KCore; boot with less memory reserved elsewhere";
	if (kcore_collect_cpus(&kcore_args))
		return "more than 64 possible CPUs; boot with nr_cpus=64";
	if (kcore_collect_dram(&kcore_args))
		return "DRAM lies in more than 16 pieces; boot with kcore=off for stock KVM";
	if (!psci_ops.cpu_on && num_online_cpus() != num_possible_cpus())
		return "CPUs are offline and don't start by PSCI, past KCore; boot with all CPUs, or limit them with nr_cpus=";
	if (sizeof(CONFIG_KCORE_KEYS) > 1 && !kcore_add_keys(CONFIG_KCORE_KEYS))
		return "CONFIG_KCORE_KEYS isn't 1 to 4 public keys of 128 hexadecimal digits, with commas between them; build with what 'vmsign key' prints";
	return kcore_bad_keys;
}

/* x0..x18 are lost; x18 is the shadow call stack where the kernel has one.  Nothing may come between set-up and hvc. */
static u64 __init kcore_hvc_install(u64 cpu, u64 args)
{
	u64 ret, x18;

	asm volatile("mov	%[x18], x18\n\t"
		     "mov	x0, %[fn]\n\t"
		     "mov	x1, %[cpu]\n\t"
		     "mov	x2, %[args]\n\t"
		     "hvc	#0\n\t"
		     "mov	x18, %[x18]\n\t"
		     "mov	%[ret], x0"
		     : [ret] "=&r" (ret), [x18] "=&r" (x18)
		     : [fn] "r" (KCORE_FN_INSTALL), [cpu] "r" (cpu), [args] "r" (args)
		     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
		       "x14", "x15", "x16", "x17", "cc", "memory");
	return ret;
}

static void __init kcore_install_cpu(void *result)
{
	u64 cpu = smp_processor_id();
	u64 args = __pa_symbol(&kcore_args);
	u64 *ret = result;

	__hyp_set_vectors(kcore_base);
	*ret = kcore_hvc_install(cpu, args);
	if (*ret) {
		__hyp_reset_vectors();
		return;
	}
	kcore_on = true;
	if (kcore_hvc1(KCORE_HC_VERSION, 0) != KCORE_ABI_VERSION)
		*ret = KCORE_ENOSYS;
}

static void __init kcore_hash(void)
{
	u8 digest[SHA256_DIGEST_SIZE];

	sha256(kcore_blob, kcore_blob_end - kcore_blob, digest);
	bin2hex(kcore_image_hash, digest, sizeof(digest));
}

/* A key is named by the SHA-256 of its uncompressed point, as in struct kcore_measurement. */
static void __init kcore_hash_keys(void)
{
	u8 digest[SHA256_DIGEST_SIZE], point[1 + KCORE_KEY_BYTES] = { 4 };
	unsigned int i;

	for (i = 0; i < kcore_args.nr_keys; i++) {
		memcpy(point + 1, &kcore_args.key[i * KCORE_KEY_BYTES / sizeof(u64)], KCORE_KEY_BYTES);
		sha256(point, sizeof(point), digest);
		bin2hex(kcore_key_hash[i], digest, sizeof(digest));
		pr_info("signed VMs: key sha256 %s\n", kcore_key_hash[i]);
	}
	kcore_nr_keys = kcore_args.nr_keys;
	if (kcore_args.signed_only)
		pr_info("signed VMs: no protected VM without a signature%s\n", kcore_nr_keys ? "" : ", and no key: so none at all");
}

/* The public key that KCore has made of the seed: the host's handle 0 stands for KCore. */
static void __init kcore_show_quote_key(void)
{
	u64 key[KCORE_KEY_BYTES / sizeof(u64)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(key); i++)
		kcore_hvc(KCORE_HC_VM_MEASUREMENT, 0, i, 0, 0, 0, &key[i]);
	if (memchr_inv(key, 0, sizeof(key))) {
		bin2hex(kcore_quote_key, key, sizeof(key));
		pr_info("quotes: key %s\n", kcore_quote_key);
	} else {
		pr_warn("quotes: none, neither kernel nor CPU had random numbers when KCore was installed; a CPU with RNDR, or Linux 5.4, has some\n");
	}
}

static int __init kcore_copy_image(void)
{
	void *va = ioremap_cache(kcore_base, kcore_size);

	if (!va)
		return -ENOMEM;
	memcpy(va, kcore_blob, kcore_image_size);
	memset(va + kcore_image_size, 0, kcore_size - kcore_image_size);
	kcore_clean_to_poc(va, kcore_size);
	iounmap(va);
	return 0;
}

static int __init kcore_install_all(void)
{
	unsigned int cpu;
	u64 ret = 0;

	kcore_args.magic = KCORE_INSTALL_MAGIC;
	kcore_args.region_base = kcore_base;
	kcore_args.region_size = kcore_size;
	BUILD_BUG_ON(sizeof(kcore_args.denied) != sizeof(kcore_denied));
	memcpy(kcore_args.denied, kcore_denied, sizeof(kcore_denied));
	kcore_args.nr_denied = kcore_nr_denied;
	kcore_args.signed_only |= IS_ENABLED(CONFIG_KCORE_SIGNED_ONLY);
	if (kcore_random_ready())
		get_random_bytes(kcore_args.seed, sizeof(kcore_args.seed));
	kcore_clean_to_poc(&kcore_args, sizeof(kcore_args));

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (smp_call_function_single(cpu, kcore_install_cpu, &ret, 1))
			ret = KCORE_EBUSY;
		if (ret) {
			pr_err("CPU %u: KCore refused to be installed: error %d\n", cpu, kcore_errno(ret));
			break;
		}
	}
	cpus_read_unlock();
	if (!ret && memchr_inv(kcore_args.seed, 0, sizeof(kcore_args.seed))) {
		pr_err("KCore has left the seed of its key to the host\n");
		ret = KCORE_EPERM;
	}
	memzero_explicit(kcore_args.seed, sizeof(kcore_args.seed));
	return ret ? -EIO : 0;
}

static int __init kcore_install(void)
{
	const char *obstacle;

	if (kcore_disabled)
		return 0;
	if (!is_hyp_mode_available() && !is_kernel_in_hyp_mode()) {
		pr_info("not started: the kernel wasn't started at EL2, so there is nothing that KVM could do either\n");
		kcore_decided(BOOT_CPU_MODE_EL1);
		return 0;
	}
	kcore_image_size = kcore_blob_end - kcore_blob;
	obstacle = kcore_obstacle();
	if (!obstacle) {
		if (kcore_has_gicv3()) {
			kcore_deny_gic_of();
			kcore_deny_gic_acpi();
		}
		if (kcore_copy_image())
			obstacle = "KCore's memory can't be mapped; boot with a larger vmalloc area";
		else if (kcore_install_all())
			obstacle = "KCore refused this machine; boot with kcore=off for stock KVM";
	}
	if (obstacle) {
		kcore_decided(BOOT_CPU_MODE_EL1);
		pr_err("not started: %s.  KVM won't start.\n", obstacle);
		return 0;
	}
	kcore_hash();
	kcore_decided(BOOT_CPU_MODE_EL2);
	pr_info("ABI %lu at %pa, %llu MiB, image %llu bytes, sha256 %s; host behind stage 2 on %u CPUs\n",
		KCORE_ABI_VERSION, &kcore_base, kcore_size >> 20, kcore_image_size, kcore_image_hash, num_online_cpus());
	kcore_hash_keys();
	kcore_show_quote_key();
	return 0;
}
subsys_initcall(kcore_install);

long kcore_refused(void)
{
	pr_warn_once("a crossing of upstream's protected mode was refused\n");
	return -EPERM;
}
