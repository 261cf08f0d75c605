// SPDX-License-Identifier: GPL-2.0-only
/*
 * io: a stock Linux guest with a virtio disk and console, protected and not, and what the host sees of its memory meanwhile.
 *
 * /io/Image is a kernel with CONFIG_ARM_PKVM_GUEST, /io/Image.plain the same without; /io/initrd has ioguest.c as init.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "guests.h"
#include "iosession.h"
#include "linux.h"
#include "vconsole.h"

#define IMAGE		"/io/Image"
#define PLAIN_IMAGE	"/io/Image.plain"
#define INITRD		"/io/initrd"
#define DISK		"/tmp/io.disk"
#define MEMORY		(128UL << 20)
#define SECONDS		900
#define MAX_SAID	24
#define PAGE		4096UL
#define PROBED		64

/* ---- a guest, and what it says: lines "GUEST key text" on either console */
struct session {
	struct vm vm;
	struct console uart;
	struct vconsole console;
	struct disk disk;
	struct testdev dev;
	pthread_t thread;
	enum vm_stop why;
	unsigned int resets;		/* of the disk, before the guest gives it up */
	/* below: with the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended;
	unsigned int n;
	struct {
		char key[16], text[160];
	} said[MAX_SAID];
};

static struct session session;
static unsigned char disk_image[DISK_BYTES];
static char line[LINE_BYTES + 1];

static void on_line(void *arg, const char *text)
{
	struct session *s = arg;

	pthread_mutex_lock(&s->lock);
	if (s->n < MAX_SAID) {
		s->said[s->n].text[0] = 0;
		s->n += sscanf(text, "GUEST %15s %159[^\n]", s->said[s->n].key, s->said[s->n].text) >= 1;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
}

/* With the lock */
static const char *find(const struct session *s, const char *key)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->said[i].key, key))
			return s->said[i].text;
	return NULL;
}

/* What the guest has said under the key, as soon as it has */
static const char *said(struct session *s, const char *key)
{
	const char *text;

	pthread_mutex_lock(&s->lock);
	while (!(text = find(s, key)) && !find(s, "failed") && !s->ended)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!text && find(s, "failed"))
		give_up("the guest failed: %s", find(s, "failed"));
	pthread_mutex_unlock(&s->lock);
	if (!text)
		give_up("the guest ended (%d) and never said \"%s\"", s->why, key);
	return text;
}

static void *run_session(void *arg)
{
	struct session *s = arg;

	s->why = vm_run(&s->vm, SECONDS - 60);
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void random_bytes(void *to, size_t bytes)
{
	int fd;

	mknod("/tmp/urandom", S_IFCHR | 0600, makedev(1, 9));
	fd = open("/tmp/urandom", O_RDONLY);
	if (fd < 0)
		give_up("/tmp/urandom: %s", strerror(errno));
	for (size_t n = 0; n < bytes;) {
		ssize_t k = read(fd, (char *)to + n, bytes - n);

		if (k <= 0)
			give_up("no random bytes");
		n += (size_t)k;
	}
	close(fd);
}

/* Random content in the first half, zeros in the other */
static void make_disk(void)
{
	int fd = open(DISK, O_RDWR | O_CREAT | O_TRUNC, 0600);

	memset(disk_image, 0, sizeof(disk_image));
	random_bytes(disk_image, HALF_BYTES);
	if (fd < 0 || write(fd, disk_image, DISK_BYTES) != (ssize_t)DISK_BYTES)
		give_up(DISK ": %s", strerror(errno));
	close(fd);
}

static void start(struct session *s, const char *image, bool is_protected)
{
	struct vm_config config = { .is_protected = is_protected, .vcpus = 2, .memory = MEMORY };
	const struct linux_config guest = { image, INITRD, "console=ttyAMA0 panic=-1 quiet" };
	bool environment;

	guard_install();
	if (access(image, R_OK))
		skip("%s: %s (make protected-io puts it there)", image, strerror(errno));
	make_disk();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (vm_create(&s->vm, &config, &environment)) {
		if (environment)
			skip("no %s VM on this host", is_protected ? "protected" : "normal");
		give_up("VM not created");
	}
	if (console_attach(&s->vm, &s->uart, "# guest| ") || testdev_attach(&s->vm, &s->dev) || disk_attach(&s->vm, &s->disk, DISK) ||
	    vconsole_attach(&s->vm, &s->console, "# guest|hvc0| ") || linux_load(&s->vm, &guest) || vm_finalise(&s->vm))
		give_up("VM not set up");
	s->uart.lines.on_line = s->console.lines.on_line = on_line;
	s->uart.lines.arg = s->console.lines.arg = s;
	if (pthread_create(&s->thread, NULL, run_session, s))
		give_up("no thread");
}

static void end(struct session *s)
{
	pthread_join(s->thread, NULL);
	vconsole_end(&s->console);
	expect(s->why == VM_POWER_OFF, "%s", s->why == VM_POWER_OFF ? "off" : "ended otherwise");
	vm_destroy(&s->vm);
	disk_close(&s->disk);
}

static void send(struct session *s, const char *text)
{
	if (vconsole_input(&s->console, text, strlen(text)) || vconsole_input(&s->console, "\n", 1))
		give_up("the console takes no input");
}

/* ---- what the host sees */
struct sight {
	unsigned long unused;		/* nobody has touched it yet */
	unsigned long dark;		/* SIGBUS, and KCore says that it is a VM's */
	unsigned long denied;		/* of these, EFAULT when the kernel reads it; each PROBED-th is tried */
	unsigned long shared;		/* readable, and KCore says that a VM maps it */
	unsigned long stray;		/* the same, outside of the pool */
	unsigned long hosts;		/* readable, the host's own: what tvmm loaded and the guest hasn't used, neighbours in a huge page */
	unsigned long odd;		/* KCore's books and what is seen don't agree */
	unsigned long words, texts, lines;	/* readable pages with the secret word, the private text; with the line sent */
};

static void search(const u8 *page, const struct secret *secret, struct sight *n)
{
	n->words += !!memmem(page, PAGE, secret->word, sizeof(secret->word));
	n->texts += !!memmem(page, PAGE, secret->text, 64);
	n->lines += !!memmem(page, PAGE, line, LINE_BYTES);
}

/* One page through the VMM's mapping.  The guest may take it meanwhile: what KCore says has to hold before and after. */
static void look_at(struct session *s, u64 offset, const struct secret *secret, bool books, struct sight *n)
{
	u8 *at = s->vm.ram + offset, page[PAGE];
	bool in_pool = RAM_BASE + offset >= s->vm.pool && RAM_BASE + offset < s->vm.pool + s->vm.pool_bytes;
	u64 before = KCORE_PAGE_HOST, after = KCORE_PAGE_HOST, pa;
	unsigned char present;
	int sig;

	if (mincore(at, PAGE, &present) || !(present & 1)) {
		n->unused++;
		return;
	}
	pa = books ? user_pa(at) : 0;
	do {
		before = books ? HC(PAGE_STATE, pa) : before;
		sig = guarded_copy(page, at, PAGE);
		after = books ? HC(PAGE_STATE, pa) : after;
	} while (before != after);
	if (sig) {
		if (books && n->dark % PROBED == 0)
			n->denied += phys_read64(pa, &before) == EFAULT;
		n->dark++;
		n->odd += after != KCORE_PAGE_VM;
		return;
	}
	search(page, secret, n);
	if (after == KCORE_PAGE_MAPPED) {
		n->shared++;
		n->stray += !in_pool;
	} else {
		n->hosts++;
		n->odd += after != KCORE_PAGE_HOST;
	}
}

static void look(struct session *s, const struct secret *secret, bool books, struct sight *n)
{
	memset(n, 0, sizeof(*n));
	for (u64 offset = 0; offset < s->vm.ram_size; offset += PAGE)
		look_at(s, offset, secret, books, n);
}

/* ---- the session */
static void expect_digest(struct session *s, const char *key, const void *data, size_t bytes, const char *what)
{
	const char *text = said(s, key);
	char wanted[SHA256_TEXT];

	sha256_text(data, bytes, wanted);
	expect(!strcmp(text, wanted), "%s %.8s", what, text);
}

/* To the point where the guest waits, its private memory filled.  The digest of that is the guest's own. */
static void work(struct session *s, struct secret *secret)
{
	static unsigned char private[PRIVATE_BYTES];
	unsigned char random[LINE_BYTES / 2];

	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(line + 2 * i, 3, "%02x", random[i]);
	make_secret(secret, line);
	fill_private(private, secret);
	said(s, "asks");
	send(s, line);
	expect_digest(s, "console", line, LINE_BYTES, "answer to a line");
	expect_digest(s, "disk", disk_image, HALF_BYTES, "1 MiB read from the disk");
	expect_digest(s, "private", private, PRIVATE_BYTES, "private memory");
	s->resets = s->disk.virtio.resets;
}

static void finish(struct session *s, const struct secret *secret)
{
	static unsigned char private[PRIVATE_BYTES], now[DISK_BYTES];
	int fd;

	fill_private(private, secret);
	send(s, "bind");
	expect_digest(s, "again", disk_image, HALF_BYTES, "read again");
	expect_digest(s, "intact", private, PRIVATE_BYTES, "private memory still");
	said(s, "done");
	expect(s->disk.virtio.resets > s->resets, "the disk reset");
	expect(!s->disk.virtio.faults && !s->console.virtio.faults, "%u and %u faults of the devices", s->disk.virtio.faults,
	       s->console.virtio.faults);
	end(s);
	memcpy(disk_image + HALF_BYTES, disk_image, HALF_BYTES);
	turn_bytes(disk_image + HALF_BYTES, HALF_BYTES);
	fd = open(DISK, O_RDONLY);
	expect(fd >= 0 && read(fd, now, DISK_BYTES) == (ssize_t)DISK_BYTES && !memcmp(now, disk_image, DISK_BYTES),
	       "on the disk what the guest had to write, and nothing else");
	close(fd);
}

/* Numbers of the hypervisor's services: HYP_MEMINFO, MEM_SHARE, MEM_UNSHARE, MMIO_GUARD */
#define SERVICES (1UL << 2 | 1UL << 3 | 1UL << 4 | MMIO_GUARD)

/* The last of the words that the guest's kernel prints */
static u64 services(const char *text)
{
	const char *word = strrchr(text, ' ');

	return word ? strtoull(word + 1, NULL, 16) : 0;
}

static void protected(void)
{
	struct session *s = &session;
	u64 before[NR_KEPT];
	unsigned long atomic;
	struct secret secret;
	struct sight n;

	driver_open();
	take(before);
	start(s, IMAGE, true);
	expect((services(said(s, "services")) & SERVICES) == SERVICES, "%s, %s", said(s, "up"), said(s, "services"));
	expect(!strcmp(said(s, "devices"), "2"), "%s virtio devices", said(s, "devices"));
	expect(!strcmp(said(s, "stray"), "SIGBUS"), "an access to none of its devices: %s", said(s, "stray"));
	work(s, &secret);
	look(s, &secret, true, &n);
	atomic = strtoul(said(s, "atomic"), NULL, 10) * 1024 / PAGE;
	expect(n.shared - n.stray == s->vm.pool_bytes / PAGE && n.stray == atomic,
	       "shared: %lu pages of the pool's %llu, and %lu of its kernel's %lu for atomic DMA", n.shared - n.stray,
	       (unsigned long long)(s->vm.pool_bytes / PAGE), n.stray, atomic);
	expect(n.dark >= PRIVATE_BYTES / PAGE && n.denied == (n.dark + PROBED - 1) / PROBED, "%lu dark; each %d-th tried by the kernel, %lu denied", n.dark,
	       PROBED, n.denied);
	expect(!n.odd, "%lu the host's, %lu never used, %lu not as in KCore's books", n.hosts, n.unused, n.odd);
	expect(n.lines, "the line that was sent in %lu", n.lines);
	expect(!n.words && !n.texts, "the secret in %lu, the private text in %lu", n.words, n.texts);
	send(s, "unbind");
	said(s, "unbound");
	look(s, &secret, true, &n);
	expect(n.shared - n.stray == s->vm.pool_bytes / PAGE && n.stray == atomic && !n.words && !n.texts,
	       "disk given up: %lu shared, the secret in %lu", n.shared, n.words + n.texts);
	finish(s, &secret);
	expect_same(before, host_tables());
}

/* The same guest as a normal VM: what was looked for above is found here */
static void normal(void)
{
	struct session *s = &session;
	struct secret secret;
	struct sight n;

	start(s, IMAGE, false);
	expect(!strcmp(said(s, "devices"), "2"), "%s, %s virtio devices", said(s, "up"), said(s, "devices"));
	work(s, &secret);
	look(s, &secret, false, &n);
	expect(!n.dark, "%lu dark, %lu readable", n.dark, n.hosts);
	expect(n.words >= PRIVATE_BYTES / PAGE && n.texts >= PRIVATE_BYTES / PAGE, "the secret in %lu, the private text in %lu", n.words, n.texts);
	send(s, "unbind");
	said(s, "unbound");
	finish(s, &secret);
}

/* A protected guest that can't share gets no devices, and runs */
static void plain(void)
{
	struct session *s = &session;

	driver_open();
	start(s, PLAIN_IMAGE, true);
	if (strcmp(said(s, "devices"), "0"))
		give_up("%s virtio devices", said(s, "devices"));
	expect(true, "%s, no virtio devices", said(s, "up"));
	said(s, "done");
	expect(s->disk.virtio.refusals && s->console.virtio.refusals, "refused %u and %u times", s->disk.virtio.refusals,
	       s->console.virtio.refusals);
	expect(!s->disk.virtio.faults && !s->console.virtio.faults, "no fault of theirs");
	end(s);
}

/* The same kernel has them in a normal VM */
static void plain_normal(void)
{
	struct session *s = &session;
	struct secret secret;

	start(s, PLAIN_IMAGE, false);
	expect(!strcmp(said(s, "devices"), "2"), "%s, %s virtio devices", said(s, "up"), said(s, "devices"));
	work(s, &secret);
	send(s, "unbind");
	said(s, "unbound");
	finish(s, &secret);
}

/* ---- a guest that gives the device what it hasn't shared */
#define SHARE		0xc6000003UL
#define DISK_IPA	VIRTIO_BASE

/* Registers of 4.2.2 */
#define REG_FEATURES	0x020
#define REG_FEATURES_SEL 0x024
#define REG_QUEUE_SIZE	0x038
#define REG_QUEUE_READY	0x044
#define REG_NOTIFY	0x050
#define REG_INTERRUPT	0x060
#define REG_STATUS	0x070
#define REG_DESC	0x080
#define REG_DRIVER	0x090
#define REG_DEVICE	0x0a0

static struct victim victim;

static void reg_write(u64 offset, u64 value)
{
	agent(&victim, AGENT_WRITE32, DISK_IPA + offset, value, 0, 0);
}

static u64 reg_read(u64 offset)
{
	return agent(&victim, AGENT_READ32, DISK_IPA + offset, 0, 0, 0);
}

/* Reset, and up to FEATURES_OK.  The status then. */
static u64 negotiate(void)
{
	reg_write(REG_STATUS, 0);
	reg_write(REG_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	reg_write(REG_FEATURES_SEL, 1);
	reg_write(REG_FEATURES, 3);		/* VERSION_1, ACCESS_PLATFORM */
	reg_write(REG_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	return reg_read(REG_STATUS);
}

static void set_queue(u64 ring)
{
	reg_write(REG_QUEUE_SIZE, 8);
	reg_write(REG_DESC, ring);
	reg_write(REG_DRIVER, ring + 256);
	reg_write(REG_DEVICE, ring + 512);
	reg_write(REG_QUEUE_READY, 1);
	reg_write(REG_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* One request to read a sector into the buffer, written into the shared page by this side of it */
static void put_request(u8 *page, u64 ring, u64 buffer)
{
	const struct {
		u64 ipa;
		u32 bytes;
		u16 flags, next;
	} table[3] = {
		{ ring + 1024, 16, 1, 1 },
		{ buffer, 512, 3, 2 },
		{ ring + 1040, 1, 2, 0 },
	};
	const u16 available[3] = { 0, 1, 0 };

	memset(page, 0, PAGE);
	memcpy(page, table, sizeof(table));
	memcpy(page + 256, available, sizeof(available));
	page[1040] = 0xff;
}

static void expect_needs_reset(const char *what)
{
	u64 status = reg_read(REG_STATUS), interrupt = reg_read(REG_INTERRUPT);

	expect(status & VIRTIO_NEEDS_RESET && interrupt & VIRTIO_INTERRUPT_CONFIG, "%s: status %#llx, interrupt %llu", what,
	       (unsigned long long)status, (unsigned long long)interrupt);
}

static void unshared(void)
{
	static struct disk disk;
	u64 status, ring;
	u8 *page;

	make_disk();
	victim_start(&victim, 1);
	if (disk_attach(&victim.vm, &disk, DISK))
		give_up("no disk");
	ring = victim.vm.pool;
	page = victim.vm.ram + (ring - RAM_BASE);
	status = negotiate();
	expect(!(status & VIRTIO_FEATURES_OK) && disk.virtio.refusals == 1, "nothing shared: status %#llx", (unsigned long long)status);
	if (agent(&victim, AGENT_HVC, SHARE, ring, 0, 0))
		give_up("the ring's page isn't shared");
	status = negotiate();
	expect(status & VIRTIO_FEATURES_OK, "a page shared: status %#llx", (unsigned long long)status);

	set_queue(SECRET_IPA);
	reg_write(REG_NOTIFY, 0);
	expect_needs_reset("a private ring");

	negotiate();
	put_request(page, ring, SECRET_IPA);
	set_queue(ring);
	reg_write(REG_NOTIFY, 0);
	expect_needs_reset("a private buffer");

	negotiate();
	put_request(page, ring, ring + 2048);
	set_queue(ring);
	reg_write(REG_NOTIFY, 0);
	status = reg_read(REG_STATUS);
	expect(!(status & VIRTIO_NEEDS_RESET) && !page[1040] && !memcmp(page + 2048, disk_image, 512),
	       "all shared: status %#llx, the request's %u", (unsigned long long)status, page[1040]);
	victim_expect_intact(&victim);
	victim_end(&victim);
	disk_close(&disk);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "protected", "a stock guest with virtio disk and console; the host looks at all of its memory", protected, SECONDS },
		{ "normal", "the same guest as a normal VM", normal, SECONDS },
		{ "plain", "a protected guest without a driver for sharing", plain, SECONDS },
		{ "plain-normal", "the same guest as a normal VM", plain_normal, SECONDS },
		{ "unshared", "rings and buffers that the guest hasn't shared", unshared, 0 },
		{ 0 },
	};

	return run_tests("io", argc, argv, tests);
}
