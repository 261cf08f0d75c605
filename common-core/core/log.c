/* SPDX-License-Identifier: GPL-2.0-only */
/* Log ring: what KCore has to say; it prints nowhere by itself.  Entries hold no secrets. */
#include "core.h"

/* Append an entry; the oldest is lost.  Lock: held. */
void log_event(u64 event, u64 a, u64 b)
{
	u64 seq = get_log_next();
	u64 now = counter_read();
	u64 i = seq % LOG_ENTRIES;

	set_log_event(i, event);
	set_log_a(i, a);
	set_log_b(i, b);
	set_log_time(i, now);
	set_log_next(seq + 1UL);
}

/* KCORE_HC_LOG_READ: the entry with this number into x1..x4.  AGAIN: not written yet; INVAL: lost. */
u64 hc_log_read(u64 seq)
{
	u64 next;
	u64 v;
	u64 i = seq % LOG_ENTRIES;
	u64 r = 0UL;

	lock_acquire();
	next = get_log_next();
	if (seq >= next) {
		r = KCORE_EAGAIN;
	} else if (next - seq > LOG_ENTRIES) {
		r = KCORE_EINVAL;
	} else {
		v = get_log_event(i);
		host_x_set(1UL, v);
		v = get_log_a(i);
		host_x_set(2UL, v);
		v = get_log_b(i);
		host_x_set(3UL, v);
		v = get_log_time(i);
		host_x_set(4UL, v);
	}
	lock_release();
	return r;
}
