// SPDX-License-Identifier: GPL-2.0-only
/*
 * seed - has the kernel's random number generator count as seeded (random(4): RNDADDENTROPY).  The test machine has hardly any entropy, and before
 * Linux 5.6, which makes its own, a program that asks getrandom(2), as QEMU does, can wait there for many minutes.  Nothing secret comes of it.
 * Exit status 3 if the kernel refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BYTES 64

int main(void)
{
	union {
		struct rand_pool_info info;
		unsigned char bytes[sizeof(struct rand_pool_info) + BYTES];
	} pool = { .info = { .entropy_count = BYTES * 8, .buf_size = BYTES } };
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd < 0 || read(fd, pool.bytes + sizeof(pool.info), BYTES) != BYTES || ioctl(fd, RNDADDENTROPY, &pool)) {
		fprintf(stderr, "seed: /dev/urandom: %s\n", strerror(errno));
		return 3;
	}
	close(fd);
	return 0;
}
