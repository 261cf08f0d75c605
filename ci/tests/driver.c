// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "driver.h"
#include "tap.h"

#define DEVICE "/dev/kcore_test"

static int fd = -1;

void driver_open(void)
{
	struct kcore_test_call call = { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VERSION } };

	if (fd >= 0)
		return;
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("%s: %s (needs a kernel with CONFIG_KCORE_TEST)", DEVICE, strerror(errno));
	if (ioctl(fd, KCORE_TEST_CALL, &call))
		skip("KCore isn't active on this host (kcore=off?)");
	if (call.x[0] != KCORE_ABI_VERSION)
		give_up("KCore answers ABI version %#llx, this program speaks %lu", (unsigned long long)call.x[0], KCORE_ABI_VERSION);
}

int driver_fd(void)
{
	return fd;
}

const struct kcore_test_info *driver_info(void)
{
	static struct kcore_test_info info;

	if (ioctl(fd, KCORE_TEST_INFO, &info))
		give_up("KCORE_TEST_INFO: %s", strerror(errno));
	return &info;
}

void driver_call(struct kcore_test_call *call)
{
	if (ioctl(fd, KCORE_TEST_CALL, call))
		give_up("KCORE_TEST_CALL x0=%#llx: %s", (unsigned long long)call->x[0], strerror(errno));
}

u64 hvc(u64 x0, u64 x1, u64 x2, u64 x3, u64 x4, u64 x5)
{
	struct kcore_test_call call = { .kind = KCORE_TEST_CALL_HVC, .x = { x0, x1, x2, x3, x4, x5 } };

	driver_call(&call);
	return call.x[0];
}

u64 smc(u64 x0, u64 x1, u64 x2, u64 x3)
{
	struct kcore_test_call call = { .kind = KCORE_TEST_CALL_SMC, .x = { x0, x1, x2, x3 } };

	driver_call(&call);
	return call.x[0];
}

u64 stat_read(enum kcore_stat id)
{
	u64 v = HC(STATS_READ, id);

	if (is_error(v))
		give_up("STATS_READ %d: %s", id, result_text(v));
	return v;
}

const char *stat_name(u64 id)
{
	static const char *const names[] = {
#define NAME(nr, name, text) [nr] = #name,
		KCORE_STATS(NAME)
#undef NAME
	};

	return id < KCORE_NR_STATS ? names[id] : "?";
}

const char *result_text(u64 result)
{
	static char text[8][24];
	static unsigned int next;
	char *t = text[next++ % 8];

	switch (result) {
	case KCORE_EPERM:
		return "PERM";
	case KCORE_EAGAIN:
		return "AGAIN";
	case KCORE_ENOMEM:
		return "NOMEM";
	case KCORE_EBUSY:
		return "BUSY";
	case KCORE_EINVAL:
		return "INVAL";
	case KCORE_ENOSYS:
		return "NOSYS";
	case KCORE_ESTATE:
		return "STATE";
	}
	snprintf(t, sizeof(text[0]), "%#llx", (unsigned long long)result);
	return t;
}

const char *page_state_text(u64 state)
{
	static const char *const names[] = { "the host's", "KCore's", "a VM's", "shared", "not DRAM" };

	return state <= KCORE_PAGE_NOT_DRAM ? names[state] : result_text(state);
}

static int phys(u64 pa, void *buffer, u32 bytes, u32 op, u32 via)
{
	struct kcore_test_phys p = { .pa = pa, .buf = (uintptr_t)buffer, .len = bytes, .op = op, .via = via };

	if (ioctl(fd, KCORE_TEST_PHYS, &p))
		give_up("KCORE_TEST_PHYS %#llx: %s", (unsigned long long)pa, strerror(errno));
	return p.error < 0 ? -p.error : p.error;
}

int phys_read(u64 pa, void *buffer, u32 bytes, u32 via)
{
	return phys(pa, buffer, bytes, KCORE_TEST_READ, via);
}

int phys_write(u64 pa, const void *buffer, u32 bytes, u32 via)
{
	return phys(pa, (void *)(uintptr_t)buffer, bytes, KCORE_TEST_WRITE, via);
}

int phys_read64(u64 pa, u64 *value)
{
	*value = 0;
	return phys_read(pa, value, 8, KCORE_TEST_VIA_MAPPING);
}

int phys_write64(u64 pa, u64 value)
{
	return phys_write(pa, &value, 8, KCORE_TEST_VIA_MAPPING);
}

int phys_cache(u32 op, u64 pa, u64 arg)
{
	struct kcore_test_cache c = { .pa = pa, .arg = arg, .op = op };

	if (ioctl(fd, KCORE_TEST_CACHE, &c))
		give_up("KCORE_TEST_CACHE op %u: %s", op, strerror(errno));
	return c.error < 0 ? -c.error : c.error;
}

int phys_exec(u64 pa, u64 *x0)
{
	struct kcore_test_exec e = { .pa = pa, .x0 = *x0 };

	if (ioctl(fd, KCORE_TEST_EXEC, &e))
		give_up("KCORE_TEST_EXEC %#llx: %s", (unsigned long long)pa, strerror(errno));
	*x0 = e.x0;
	return e.error < 0 ? -e.error : e.error;
}

u64 user_pa(const void *va)
{
	struct kcore_test_va t = { .va = (uintptr_t)va };

	if (ioctl(fd, KCORE_TEST_VA_TO_PA, &t))
		give_up("KCORE_TEST_VA_TO_PA: %s", strerror(errno));
	return t.error ? 0 : t.pa;
}

u64 page_alloc(u32 order)
{
	struct kcore_test_alloc a = { .order = order };

	if (ioctl(fd, KCORE_TEST_ALLOC, &a))
		give_up("KCORE_TEST_ALLOC order %u: %s", order, strerror(errno));
	return a.pa;
}

void page_free(u64 pa)
{
	if (ioctl(fd, KCORE_TEST_FREE, &pa))
		give_up("KCORE_TEST_FREE %#llx: %s", (unsigned long long)pa, strerror(errno));
}

int vcpu_page_of(int vm_fd, u32 index, u64 *pa, u64 *handle)
{
	struct kcore_test_vcpu v = { .vm_fd = vm_fd, .index = index };

	if (ioctl(fd, KCORE_TEST_VCPU_PAGE, &v))
		give_up("KCORE_TEST_VCPU_PAGE: %s", strerror(errno));
	*pa = v.pa;
	*handle = v.handle;
	return v.error;
}

u64 vm_handle(int vm_fd)
{
	struct kcore_vm_info vm;

	if (ioctl(vm_fd, KCORE_IOC_GET_INFO, &vm))
		give_up("KCORE_IOC_GET_INFO: %s", strerror(errno));
	return vm.handle;
}
