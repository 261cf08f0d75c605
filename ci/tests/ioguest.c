// SPDX-License-Identifier: GPL-2.0-only
/*
 * init of the Linux guest of the test `io': answers a line on the virtio console, reads the virtio disk and writes to it, keeps memory
 * to itself while the host looks, gives the disk up and takes it again, and powers off.  Without virtio it says so and powers off.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "iosession.h"

#define DRIVERS "/sys/bus/virtio/drivers/"

static int console = -1;

/* On the virtio console once there is one, before on the first */
static void say(const char *format, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(console >= 0 ? console : 1, line, (size_t)n) != n)
		_exit(1);
}

static void off(void)
{
	sync();
	tcdrain(console >= 0 ? console : 1);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void give_up(const char *what)
{
	say("GUEST failed %s: %s", what, strerror(errno));
	off();
}

/* The first device that the driver has: its name, or none */
static int bound(const char *driver, char name[64])
{
	char path[128];
	struct dirent *e;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof(path), DRIVERS "%s", driver);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		if (!strncmp(e->d_name, "virtio", 6)) {
			snprintf(name, 64, "%.63s", e->d_name);
			found = 1;
		}
	if (d)
		closedir(d);
	return found;
}

/* The kernel's lines about what it found, from the text on; the last number of the line, in hexadecimal digits */
static unsigned int say_kernel(const char *key, const char *text)
{
	static char log[1 << 18];
	int n = klogctl(3, log, sizeof(log) - 1);
	char *at;

	log[n > 0 ? n : 0] = 0;
	at = strstr(log, text);
	if (at)
		at[strcspn(at, "\n")] = 0;
	say("GUEST %s %s", key, at ? at : "none");
	at = at ? strrchr(at, ' ') : NULL;
	return at ? (unsigned int)strtoul(at, NULL, 16) : 0;
}

/* KiB of the pools that the kernel keeps for atomic DMA allocations, and shares too */
static unsigned int atomic_pools(void)
{
	static char log[1 << 18];
	int n = klogctl(3, log, sizeof(log) - 1);
	unsigned int all = 0, kib;

	log[n > 0 ? n : 0] = 0;
	for (char *at = log; (at = strstr(at, "DMA: preallocated ")); at++)
		all += sscanf(at, "DMA: preallocated %u KiB", &kib) == 1 ? kib : 0;
	return all;
}

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

/* An access outside of memory that is at no device of the guest's, past the kernel's ioremap() */
static void stray_access(void)
{
	volatile unsigned int *at;
	int fd, sig;

	mknod("/dev/mem", S_IFCHR | 0600, makedev(1, 1));
	fd = open("/dev/mem", O_RDONLY | O_SYNC);
	if (fd < 0)
		give_up("/dev/mem");
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, NO_DEVICE);
	if (at == MAP_FAILED)
		give_up("mapping no device");
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(fault, 1);
	if (sig)
		say("GUEST stray %s", sig == SIGBUS ? "SIGBUS" : "another signal");
	else
		say("GUEST stray %#x", *at);
	signal(SIGBUS, SIG_DFL);
	munmap((void *)at, 4096);
	close(fd);
}

static void open_console(void)
{
	struct termios t;

	mknod("/dev/hvc0", S_IFCHR | 0600, makedev(229, 0));
	/* its port may come up after this program */
	while ((console = open("/dev/hvc0", O_RDWR | O_NOCTTY)) < 0)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	if (!tcgetattr(console, &t)) {
		t.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(console, TCSANOW, &t);
	}
}

static void read_line(char *line, size_t room)
{
	ssize_t n = read(console, line, room - 1);

	if (n <= 0)
		give_up("the console's input");
	line[n] = 0;
	line[strcspn(line, "\r\n")] = 0;
}

static int open_disk(void)
{
	unsigned int major_nr, minor_nr;
	FILE *f;
	int fd;

	while (!(f = fopen("/sys/class/block/vda/dev", "r")))
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	if (fscanf(f, "%u:%u", &major_nr, &minor_nr) != 2)
		give_up("the disk's number");
	fclose(f);
	unlink("/dev/vda");
	mknod("/dev/vda", S_IFBLK | 0600, makedev(major_nr, minor_nr));
	fd = open("/dev/vda", O_RDWR);
	if (fd < 0)
		give_up("the disk");
	return fd;
}

static unsigned char half[HALF_BYTES];

/* The host's half, past the page cache */
static void read_disk(int fd, const char *key)
{
	char digest[SHA256_TEXT];

	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (size_t at = 0; at < HALF_BYTES;) {
		ssize_t n = pread(fd, half + at, HALF_BYTES - at, (off_t)at);

		if (n <= 0)
			give_up("reading the disk");
		at += (size_t)n;
	}
	sha256_text(half, HALF_BYTES, digest);
	say("GUEST %s %s", key, digest);
}

static void write_disk(int fd)
{
	turn_bytes(half, HALF_BYTES);
	for (size_t at = 0; at < HALF_BYTES;) {
		ssize_t n = pwrite(fd, half + at, HALF_BYTES - at, (off_t)(HALF_BYTES + at));

		if (n <= 0)
			give_up("writing to the disk");
		at += (size_t)n;
	}
	if (fsync(fd))
		give_up("flushing the disk");
}

static void tell_driver(const char *file, const char *device)
{
	int fd = open(file, O_WRONLY);

	if (fd < 0 || write(fd, device, strlen(device)) < 0)
		give_up(file);
	close(fd);
}

int main(void)
{
	char disk_name[64], console_name[64], line[LINE_BYTES + 8], digest[SHA256_TEXT];
	int have_disk, have_console, guarded, fd;
	struct utsname u;
	struct secret secret;
	unsigned char *private;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	uname(&u);
	say("GUEST up %s", u.release);
	guarded = say_kernel("services", "hypervisor services detected") & MMIO_GUARD;
	say_kernel("pool", "created restricted DMA pool");
	say("GUEST atomic %u", atomic_pools());
	have_disk = bound("virtio_blk", disk_name);
	have_console = bound("virtio_console", console_name);
	say("GUEST devices %d", have_disk + have_console);
	if (!have_disk || !have_console) {
		say("GUEST done");
		off();
	}

	if (guarded)
		stray_access();
	open_console();
	say("GUEST asks");
	read_line(line, sizeof(line));
	sha256_text(line, strlen(line), digest);
	say("GUEST console %s", digest);

	fd = open_disk();
	read_disk(fd, "disk");
	write_disk(fd);

	make_secret(&secret, line);
	private = mmap(NULL, PRIVATE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (private == MAP_FAILED)
		give_up("memory");
	fill_private(private, &secret);
	sha256_text(private, PRIVATE_BYTES, digest);
	say("GUEST private %s", digest);
	read_line(line, sizeof(line));		/* the host has looked */

	close(fd);
	tell_driver(DRIVERS "virtio_blk/unbind", disk_name);
	say("GUEST unbound %s", disk_name);
	read_line(line, sizeof(line));
	tell_driver(DRIVERS "virtio_blk/bind", disk_name);
	fd = open_disk();
	read_disk(fd, "again");
	close(fd);
	sha256_text(private, PRIVATE_BYTES, digest);
	say("GUEST intact %s", digest);
	say("GUEST done");
	off();
}
