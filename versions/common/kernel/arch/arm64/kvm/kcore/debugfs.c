// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/kcore: counters, log ring and facts of KCore.  None of it is secret. */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include "kcore.h"

static const char *const kcore_stat_name[] = {
#define KCORE_NAME(nr, name, text) [nr] = #name,
	KCORE_STATS(KCORE_NAME)
#undef KCORE_NAME
};

static int stats_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kcore_stat_name); i++)
		seq_printf(m, "%-16s %llu\n", kcore_stat_name[i], kcore_hvc1(KCORE_HC_STATS_READ, i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int info_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_printf(m, "abi %llu\n", kcore_hvc1(KCORE_HC_VERSION, 0));
	seq_printf(m, "region 0x%llx\n", kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_REGION_BASE));
	seq_printf(m, "region_bytes %llu\n", kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_REGION_SIZE));
	seq_printf(m, "image_bytes %llu\n", kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_IMAGE_SIZE));
	seq_printf(m, "image_sha256 %s\n", kcore_image_hash);
	seq_printf(m, "signed_only %llu\n", kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_SIGNED_ONLY));
	for (i = 0; i < kcore_nr_keys; i++)
		seq_printf(m, "key_sha256 %s\n", kcore_key_hash[i]);
	if (*kcore_quote_key)
		seq_printf(m, "quote_key %s\n", kcore_quote_key);
	for (i = 0; i < kcore_nr_denied; i++)
		seq_printf(m, "denied 0x%llx 0x%llx\n", kcore_denied[i].base, kcore_denied[i].size);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(info);

/* One entry of the log ring.  x0 is 0, AGAIN: not written yet, INVAL: overwritten. */
static u64 log_read(u64 seq, u64 entry[4])
{
	register u64 x0 asm("x0") = KCORE_HC_LOG_READ;
	register u64 x1 asm("x1") = seq;
	register u64 x2 asm("x2");
	register u64 x3 asm("x3");
	register u64 x4 asm("x4");

	asm volatile("hvc #0" : "+r" (x0), "+r" (x1), "=r" (x2), "=r" (x3), "=r" (x4) : : "memory");
	entry[0] = x1;
	entry[1] = x2;
	entry[2] = x3;
	entry[3] = x4;
	return x0;
}

/* Number of the next entry to be written: AGAIN is said from there on */
static u64 log_end(void)
{
	u64 entry[4], below = 0, step;

	for (step = 1; log_read(below + step, entry) != KCORE_EAGAIN; step <<= 1)
		below += step;
	for (; step; step >>= 1) {
		if (log_read(below + step - 1, entry) != KCORE_EAGAIN)
			below += step;
	}
	return below;
}

static int log_show(struct seq_file *m, void *unused)
{
	u64 entry[4], end = log_end(), seq = end;

	while (seq && !log_read(seq - 1, entry))
		seq--;
	for (; seq < end; seq++) {
		if (!log_read(seq, entry))
			seq_printf(m, "%llu time %llu event %llu 0x%llx 0x%llx\n", seq, entry[3], entry[0], entry[1], entry[2]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(log);

static int __init kcore_debugfs_init(void)
{
	struct dentry *dir;

	if (!kcore_active())
		return 0;
	dir = debugfs_create_dir("kcore", NULL);
	debugfs_create_file("stats", 0400, dir, NULL, &stats_fops);
	debugfs_create_file("info", 0400, dir, NULL, &info_fops);
	debugfs_create_file("log", 0400, dir, NULL, &log_fops);
	return 0;
}
late_initcall(kcore_debugfs_init);
