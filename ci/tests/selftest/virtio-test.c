// SPDX-License-Identifier: GPL-2.0-only
/*
 * tvmm's virtio devices over a VM that is not there: memory with a hole where a protected guest has shared nothing.  What is
 * well-formed is served, what is not ends in NEEDS_RESET, and random rings end in nothing worse.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "tap.h"
#include "vconsole.h"

#define RAM		(16UL << 20)
#define HOLE		(RAM_BASE + (4UL << 20))	/* a page that can't be touched */
#define RING		(RAM_BASE + 0x10000UL)		/* of queue k: 4 KiB behind each other */
#define BUFFER		(RAM_BASE + 0x20000UL)
#define DISK_BYTES	(64UL << 10)
#define RANDOM_RINGS	5000

#define STATUS		0x070
#define INTERRUPT	0x060

static struct vm vm;
static struct disk disk;
static struct vconsole console;
static unsigned int irqs;

int vm_irq(struct vm *of, unsigned int spi, bool level)
{
	irqs += of == &vm && spi >= VIRTIO_SPI && level;
	return 0;
}

int vm_add_device(struct vm *of, const struct mmio_device *device)
{
	of->devices[of->nr_devices++] = *device;
	return 0;
}

static u32 reg_read(unsigned int device, u64 offset)
{
	return (u32)vm.devices[device].read(&vm, vm.devices[device].state, offset, 4);
}

static void reg_write(unsigned int device, u64 offset, u32 value)
{
	vm.devices[device].write(&vm, vm.devices[device].state, offset, value, 4);
}

static u8 *at(u64 ipa)
{
	return vm.ram + (ipa - RAM_BASE);
}

static void start(void)
{
	char name[] = "/tmp/virtio-test.XXXXXX";
	int fd = mkstemp(name);

	guard_install();
	memset(&vm, 0, sizeof(vm));
	pthread_mutex_init(&vm.lock, NULL);
	vm.is_protected = true;
	vm.ram_size = RAM;
	vm.ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm.ram == MAP_FAILED || mprotect(at(HOLE), 4096, PROT_NONE))
		give_up("no memory");
	for (unsigned int i = 0; i < DISK_BYTES; i++)
		if (write(fd, &(char){ (char)(i / 512 + i) }, 1) != 1)
			give_up("no disk");
	close(fd);
	if (disk_attach(&vm, &disk, name) || vconsole_attach(&vm, &console, "# "))
		give_up("no devices");
	unlink(name);
	*at(vm.pool) = 1;		/* in use, and readable: shared */
}

static u32 up_to_features(unsigned int device, u32 low, u32 high)
{
	reg_write(device, STATUS, 0);
	reg_write(device, STATUS, VIRTIO_ACKNOWLEDGE);
	reg_write(device, STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	reg_write(device, 0x024, 0);
	reg_write(device, 0x020, low);
	reg_write(device, 0x024, 1);
	reg_write(device, 0x020, high);
	reg_write(device, STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	return reg_read(device, STATUS);
}

static void set_queue(unsigned int device, u32 queue, u32 size, u64 descriptors, u64 driver, u64 used)
{
	const u64 areas[3] = { descriptors, driver, used };

	reg_write(device, 0x030, queue);
	reg_write(device, 0x038, size);
	for (unsigned int i = 0; i < 3; i++) {
		reg_write(device, 0x080 + 16 * i, (u32)areas[i]);
		reg_write(device, 0x084 + 16 * i, (u32)(areas[i] >> 32));
	}
	reg_write(device, 0x044, 1);
}

/* Both queues with 8 entries, nothing in them */
static void bring_up(unsigned int device)
{
	memset(at(RING), 0, 0x2000);
	if (!(up_to_features(device, 0, 3) & VIRTIO_FEATURES_OK))
		give_up("refused");
	for (u32 q = 0; q < 2; q++)
		set_queue(device, q, 8, RING + 0x1000 * q, RING + 0x1000 * q + 0x400, RING + 0x1000 * q + 0x800);
	reg_write(device, STATUS, 15);
}

static void descriptor(u32 queue, u32 n, u64 ipa, u32 bytes, u16 flags, u16 next)
{
	u8 *d = at(RING + 0x1000 * queue + 16 * n);

	memcpy(d, &ipa, 8);
	memcpy(d + 8, &bytes, 4);
	memcpy(d + 12, &flags, 2);
	memcpy(d + 14, &next, 2);
}

static u16 used(u32 queue)
{
	u16 v;

	memcpy(&v, at(RING + 0x1000 * queue + 0x802), 2);
	return v;
}

static void offer(unsigned int device, u32 queue, u16 head)
{
	u8 *ring = at(RING + 0x1000 * queue + 0x400);
	u16 index;

	memcpy(&index, ring + 2, 2);
	memcpy(ring + 4 + 2 * (index % 8), &head, 2);
	index++;
	memcpy(ring + 2, &index, 2);
	reg_write(device, 0x050, queue);
}

/* A request to the disk: header at BUFFER, data behind it, status last */
static void request(u32 type, u64 sector, u64 data, u32 bytes)
{
	memset(at(BUFFER), 0, 16);
	memcpy(at(BUFFER), &type, 4);
	memcpy(at(BUFFER + 8), &sector, 8);
	*at(BUFFER + 16) = 0xff;
	descriptor(0, 0, BUFFER, 16, 1, 1);
	descriptor(0, 1, data, bytes, type == 1 ? 1 : 3, 2);
	descriptor(0, 2, BUFFER + 16, 1, 2, 0);
}

static void serves(void)
{
	u8 sector[512];

	start();
	expect(reg_read(0, 0) == 0x74726976 && reg_read(0, 4) == 2 && reg_read(0, 8) == 2 && reg_read(1, 8) == 3, "both there");
	expect(reg_read(0, 0x100) == DISK_BYTES / 512, "%u sectors", reg_read(0, 0x100));
	bring_up(0);
	request(0, 3, BUFFER + 0x1000, 1024);
	offer(0, 0, 0);
	expect(used(0) == 1 && !*at(BUFFER + 16) && *at(BUFFER + 0x1000) == 3 && *at(BUFFER + 0x1000 + 1023) == (u8)(4 + 1023), "read");
	expect(reg_read(0, INTERRUPT) == 1 && irqs == 1, "interrupt %u, raised %u times", reg_read(0, INTERRUPT), irqs);
	reg_write(0, 0x064, 1);
	expect(!reg_read(0, INTERRUPT), "acknowledged");
	memset(at(BUFFER + 0x1000), 0x77, 512);
	request(1, 5, BUFFER + 0x1000, 512);
	offer(0, 0, 0);
	expect(!*at(BUFFER + 16) && pread(disk.fd, sector, 512, 5 * 512) == 512 && sector[0] == 0x77 && sector[511] == 0x77, "written");
	request(4, 0, BUFFER + 0x1000, 0);
	offer(0, 0, 0);
	expect(!*at(BUFFER + 16), "flushed");
	/* the header in two pieces, data and status in one: framing is the guest's */
	request(0, 7, 0, 0);
	descriptor(0, 0, BUFFER, 3, 1, 1);
	descriptor(0, 1, BUFFER + 3, 13, 1, 2);
	descriptor(0, 2, BUFFER + 0x1000, 513, 2, 0);
	offer(0, 0, 0);
	expect(*at(BUFFER + 0x1000) == 7 && !*at(BUFFER + 0x1000 + 512), "another framing");
	expect(!(reg_read(0, STATUS) & VIRTIO_NEEDS_RESET), "status %#x", reg_read(0, STATUS));

	bring_up(1);
	descriptor(1, 0, BUFFER, 6, 0, 0);
	memcpy(at(BUFFER), "word\n", 6);
	console.lines.watch = "word";
	offer(1, 1, 0);
	expect(console.lines.seen, "printed");
	descriptor(0, 0, BUFFER, 4, 2, 0);
	descriptor(0, 1, BUFFER + 64, 64, 2, 0);
	if (vconsole_input(&console, "typed", 5))
		give_up("no input");
	offer(1, 0, 0);
	offer(1, 0, 1);
	expect(used(0) == 2 && !memcmp(at(BUFFER), "type", 4) && *at(BUFFER + 64) == 'd', "typed");
}

static void fails_requests(void)
{
	static const struct {
		u32 type;
		u64 sector;
		u32 bytes;
		u8 status;
		const char *what;
	} cases[] = {
		{ 0, DISK_BYTES / 512, 512, 1, "behind the end" },
		{ 0, DISK_BYTES / 512 - 1, 1024, 1, "over the end" },
		{ 1, ~0UL, 512, 1, "the last sector of all" },
		{ 1, 1UL << 55, 512, 1, "an offset that overflows" },
		{ 0, 0, 100, 1, "no whole sector" },
		{ 8, 0, 10, 1, "no room for the name" },
		{ 77, 0, 512, 2, "an unknown request" },
	};

	start();
	bring_up(0);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		request(cases[i].type, cases[i].sector, BUFFER + 0x1000, cases[i].bytes);
		offer(0, 0, 0);
		expect(*at(BUFFER + 16) == cases[i].status, "%s: %u", cases[i].what, *at(BUFFER + 16));
	}
	expect(lseek(disk.fd, 0, SEEK_END) == DISK_BYTES, "the disk has its size");
	expect(!(reg_read(0, STATUS) & VIRTIO_NEEDS_RESET), "status %#x", reg_read(0, STATUS));
}

/* After each the device wants a reset, says so, and works again after it */
static void expect_broken(const char *what)
{
	u32 status = reg_read(0, STATUS);

	expect(status & VIRTIO_NEEDS_RESET && reg_read(0, INTERRUPT) & VIRTIO_INTERRUPT_CONFIG, "%s: %#x", what, status);
	bring_up(0);
	request(0, 1, BUFFER + 0x1000, 512);
	offer(0, 0, 0);
	if (*at(BUFFER + 16) || used(0) != 1)
		expect(false, "%s: no service after the reset", what);
	bring_up(0);
}

static void breaks(void)
{
	static const struct {
		u64 ipa;
		u32 bytes;
		u16 flags, next;
		const char *what;
	} seconds[] = {
		{ BUFFER, 512, 3, 8, "a descriptor behind the table" },
		{ BUFFER, 512, 3, 1, "a loop" },
		{ BUFFER, 512, 4, 0, "an indirect descriptor" },
		{ HOLE, 512, 3, 2, "a buffer that isn't shared" },
		{ HOLE - 8, 512, 3, 2, "one whose end isn't" },
		{ RAM_BASE + RAM - 8, 512, 3, 2, "one over the end of memory" },
		{ 0x1000, 512, 3, 2, "one before memory" },
		{ ~0UL - 8, 512, 3, 2, "one over the end of addresses" },
	};

	start();
	bring_up(0);
	for (unsigned int i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		request(0, 0, BUFFER + 0x1000, 512);
		descriptor(0, 1, seconds[i].ipa, seconds[i].bytes, seconds[i].flags, seconds[i].next);
		offer(0, 0, 0);
		expect_broken(seconds[i].what);
	}
	offer(0, 0, 8);
	expect_broken("a head behind the table");
	memcpy(at(RING + 0x402), &(u16){ 9 }, 2);
	reg_write(0, 0x050, 0);
	expect_broken("more than the queue is long");
	request(0, 0, BUFFER + 0x1000, 512);
	descriptor(0, 0, BUFFER, 16, 3, 1);
	descriptor(0, 1, BUFFER, 16, 1, 2);
	offer(0, 0, 0);
	expect_broken("to read behind to write");
	descriptor(0, 0, BUFFER, 15, 0, 0);
	offer(0, 0, 0);
	expect_broken("half a header");
	descriptor(0, 0, BUFFER, 16, 0, 0);
	offer(0, 0, 0);
	expect_broken("no status");

	up_to_features(0, 0, 3);
	set_queue(0, 0, 8, HOLE, RING + 0x400, RING + 0x800);
	reg_write(0, STATUS, 15);
	offer(0, 0, 0);
	expect_broken("a table that isn't shared");
	up_to_features(0, 0, 3);
	set_queue(0, 0, 8, RING, HOLE, RING + 0x800);
	reg_write(0, STATUS, 15);
	reg_write(0, 0x050, 0);
	expect_broken("an available ring that isn't");
	up_to_features(0, 0, 3);
	set_queue(0, 0, 8, RING, RING + 0x400, HOLE);
	reg_write(0, STATUS, 15);
	request(0, 0, BUFFER + 0x1000, 512);
	offer(0, 0, 0);
	expect_broken("a used ring that isn't");
	expect(disk.virtio.faults > 10, "%u faults", disk.virtio.faults);
}

/* Queues that the device doesn't take, features that it refuses */
static void refuses(void)
{
	static const struct {
		u32 size;
		u64 descriptors, driver, device;
		const char *what;
	} queues[] = {
		{ 0, RING, RING + 0x400, RING + 0x800, "no entries" },
		{ 7, RING, RING + 0x400, RING + 0x800, "7 entries" },
		{ 256, RING, RING + 0x400, RING + 0x800, "256 entries" },
		{ 8, RING + 8, RING + 0x400, RING + 0x800, "an odd table" },
		{ 8, RING, RING + 0x401, RING + 0x800, "an odd available ring" },
		{ 8, RING, RING + 0x400, RING + 0x802, "an odd used ring" },
		{ 8, RAM_BASE + RAM - 64, RING + 0x400, RING + 0x800, "a table over the end" },
		{ 8, RING, 0, RING + 0x800, "an available ring outside" },
		{ 8, RING, RING + 0x400, ~0UL - 3, "a used ring at the end of addresses" },
	};
	u32 status;

	start();
	for (unsigned int i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		up_to_features(0, 0, 3);
		set_queue(0, 0, queues[i].size, queues[i].descriptors, queues[i].driver, queues[i].device);
		status = reg_read(0, STATUS);
		expect(status & VIRTIO_NEEDS_RESET && !reg_read(0, 0x044), "%s: %#x", queues[i].what, status);
	}
	expect(!(up_to_features(0, 1, 3) & VIRTIO_FEATURES_OK), "a feature that isn't offered");
	expect(!(up_to_features(0, 0, 2) & VIRTIO_FEATURES_OK), "no VERSION_1");
	expect(!(up_to_features(0, 0, 1) & VIRTIO_FEATURES_OK), "no ACCESS_PLATFORM");
	reg_write(0, STATUS, 15);
	expect(!(reg_read(0, STATUS) & VIRTIO_DRIVER_OK), "then no DRIVER_OK");
	madvise(at(vm.pool), 4096, MADV_DONTNEED);
	expect(!(up_to_features(0, 0, 3) & VIRTIO_FEATURES_OK), "a pool not in use");
	*at(vm.pool) = 1;
	mprotect(at(vm.pool), 4096, PROT_NONE);
	expect(!(up_to_features(0, 0, 3) & VIRTIO_FEATURES_OK), "a pool not shared");
	mprotect(at(vm.pool), 4096, PROT_READ | PROT_WRITE);
	expect(up_to_features(0, 0, 3) & VIRTIO_FEATURES_OK, "shared: accepted");
	vm.is_protected = false;
	expect(up_to_features(0, 0, 1) & VIRTIO_FEATURES_OK, "a normal VM without ACCESS_PLATFORM: accepted");
}

/* Rings of random numbers, mostly near to good ones */
static u64 state = 88172645463325252UL;

static u64 number(u64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static u64 some_address(void)
{
	static const u64 places[] = { BUFFER, BUFFER + 0x1000, RING, HOLE, HOLE - 16, RAM_BASE, RAM_BASE + RAM - 16, 0, ~0UL - 64 };

	return places[number(sizeof(places) / sizeof(places[0]))] + number(64);
}

static void random_rings(void)
{
	unsigned long served = 0, broken = 0;

	start();
	console.lines.prefix = "# random: ";
	for (unsigned int i = 0; i < RANDOM_RINGS; i++) {
		unsigned int device = (unsigned int)number(2), queue = device ? (unsigned int)number(2) : 0;

		if (i % 8 == 0 || reg_read(device, STATUS) != 15)
			bring_up(device);
		for (u32 n = 0; n < 8; n++)
			descriptor(queue, n, number(4) ? BUFFER + number(0x1000) : some_address(), (u32)number(number(64) ? 1200 : ~0U),
				   (u16)number(4) & (number(16) ? 3 : 7), (u16)number(number(8) ? 8 : 0x10000));
		request((u32)number(6), number(number(4) ? 128 : ~0UL), number(4) ? BUFFER + 0x1000 : some_address(), 512 * (u32)number(4));
		if (device && !queue)
			vconsole_input(&console, "x", console.from == console.to);
		offer(device, queue, (u16)number(number(8) ? 3 : 10));
		served += used(queue) > 0;
		broken += !!(reg_read(device, STATUS) & VIRTIO_NEEDS_RESET);
	}
	expect(served > RANDOM_RINGS / 20 && broken > RANDOM_RINGS / 20, "%u rings, %lu served, %lu broken", RANDOM_RINGS, served, broken);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "serves", "requests as drivers make them", serves, 0 },
		{ "fails", "requests that can't be done", fails_requests, 0 },
		{ "breaks", "rings and buffers that make no sense, or aren't shared", breaks, 0 },
		{ "refuses", "queues and features", refuses, 0 },
		{ "random", "random rings", random_rings, 0 },
		{ 0 },
	};

	return run_tests("virtio-test", argc, argv, tests);
}
