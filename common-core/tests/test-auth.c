/* SPDX-License-Identifier: GPL-2.0-only */
/* auth.c, and machine/measure.c with the BearSSL that runs on arm64: signed VMs. */
#include <string.h>

#include "helper.h"

/* What signing needs and checking doesn't */
#include "src/ec/ecdsa_i31_sign_raw.c"
#include "src/int/i31_modpow2.c"
#include "src/mac/hmac.c"
#include "src/rand/hmac_drbg.c"

#define VCPUS		2UL
#define KERNEL		(MEMORY_BASE + 0x200000UL)	/* three pages */
#define INITRD		(MEMORY_BASE + 0x400000UL)	/* two */
#define WORD(f)		(offsetof(struct kcore_measurement, f) / 8)
#define NR_WORDS	(sizeof(struct kcore_measurement) / 8)
#define SIGNED_WORDS	(KCORE_SIGNED_BYTES / 8)

static const struct image {
	u64 ipa, pages;
} images[] = { { KERNEL, 3 }, { INITRD, 2 } };

/* ---- keys and signatures ------------------------------------------------------------------------------------------ */
static unsigned char secrets[3][32] = { { [0] = 1, [31] = 0x11 }, { [0] = 2, [31] = 0x22 }, { [0] = 3, [31] = 0x33 } };

struct kcore_install installed_keys(u64 nr, const u64 *which)
{
	struct kcore_install in = { .nr_keys = nr };
	unsigned char point[65];

	for (u64 i = 0; i < nr; i++) {
		eq(br_ec_p256_m31.mulgen(point, secrets[which[i]], 32, BR_EC_secp256r1), 65);
		memcpy(&in.key[i * 8], point + 1, 64);
	}
	return in;
}

void sign(u64 vm, const u64 *words, u64 key)
{
	br_ec_private_key k = { BR_EC_secp256r1, secrets[key], 32 };
	br_sha256_context c;
	unsigned char hash[32];
	u64 signature[8];

	br_sha256_init(&c);
	br_sha256_update(&c, words, KCORE_SIGNED_BYTES);
	br_sha256_out(&c, hash);
	eq(br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, hash, &k, signature), 64);
	for (u64 i = 0; i < 8; i++)
		shared_set(vm * 16, CTX_X(4 + i), signature[i]);
}

void sign_measurement(u64 vm, u64 key)
{
	u64 words[NR_WORDS];

	for (u64 i = 0; i < NR_WORDS; i++)
		words[i] = measure_word(vm, i);
	sign(vm, words, key);
}

/* ---- a VM and what its owner expects ------------------------------------------------------------------------------- */
static int machine(u64 nr_keys, u64 first, u64 second, u64 signed_only)
{
	const u64 which[] = { first, second };
	struct fake_config config = { .pool_reserve = ~0UL, .signed_only = signed_only };

	config.keys = installed_keys(nr_keys, which);
	fake_start(&config);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return machine(2, 1, 0, 0);
}

static u64 content(u64 ipa, u64 word)
{
	return ipa * 0x9e3779b97f4a7c15UL + word;
}

static u64 new_signed_vm(u64 vcpus)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED);

	for (u64 i = 0; i < vcpus; i++)
		new_vcpu(vm, i);
	for (u64 i = 0; i < 4; i++)
		shared_set(vm * 16, CTX_X(i), 0xb007 + i);
	shared_set(vm * 16, CTX_PC, KERNEL);
	eq(call(VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES), 0);
	return vm;
}

static u64 donate(u64 vm, u64 ipa)
{
	u64 pa = new_page();

	for (u64 i = 0; i < 512; i++)
		poke(pa + i * 8, content(ipa, i));
	eq(call(VM_DONATE, vm, ipa, pa), 0);
	return pa;
}

static u64 measure(u64 vm, u64 ipa)
{
	return call(VM_MEASURE, vm, ipa);
}

static void donate_images(u64 vm)
{
	for (u64 i = 0; i < 2; i++)
		for (u64 p = 0; p < images[i].pages; p++)
			donate(vm, images[i].ipa + p * PAGE_BYTES);
}

static void measure_image(u64 vm, u64 i)
{
	for (u64 p = 0; p < images[i].pages; p++)
		eq(measure(vm, images[i].ipa + p * PAGE_BYTES), 0);
}

/* The measurement by the owner's own account, from what he wrote and not from what KCore says. */
static void expect(u64 *words)
{
	struct kcore_measurement m = {
		.magic = KCORE_MEASUREMENT_MAGIC, .memory_base = MEMORY_BASE, .memory_end = MEMORY_BASE + MEMORY_BYTES,
		.vcpus = VCPUS, .entry = KERNEL, .x = { 0xb007, 0xb008, 0xb009, 0xb00a }, .nr_images = 2,
	};
	br_sha256_context c;
	u64 word;

	for (u64 i = 0; i < 2; i++) {
		m.image[i].ipa = images[i].ipa;
		m.image[i].bytes = images[i].pages * PAGE_BYTES;
		br_sha256_init(&c);
		for (u64 at = 0; at < m.image[i].bytes; at += 8) {
			word = content(images[i].ipa + (at & ~4095UL), at % 4096 / 8);
			br_sha256_update(&c, &word, 8);
		}
		br_sha256_out(&c, m.image[i].sha256);
	}
	memcpy(words, &m, sizeof(m));
}

static u64 start(u64 vm, u64 key)
{
	u64 words[NR_WORDS];

	expect(words);
	sign(vm, words, key);
	return call(VM_START, vm);
}

static u64 measurement(u64 vm, u64 n)
{
	eq(call(VM_MEASUREMENT, vm, n), 0);
	return this_cpu()->x[1];
}

/* Refused: none of its vCPUs will ever run, and it can be destroyed. */
static void check_dead(u64 vm)
{
	check_invariant();
	eq(cells.vm_state[vm], VM_DYING);
	for (u64 i = 0; i < cells.vm_vcpus[vm]; i++) {
		eq(cells.vcpu_power[vm * 16 + i], POWER_OFF);
		refused(KCORE_ESTATE, call(VCPU_LOAD, vm * 16 + i));
	}
	refused(KCORE_ESTATE, measure(vm, KERNEL));
	refused(KCORE_ESTATE, call(VM_START, vm));
	refused(KCORE_ESTATE, call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES));
	refused(KCORE_ESTATE, call(VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES));
	refused(KCORE_ESTATE, call(VM_DONATE, vm, MEMORY_BASE, new_page()));
	for (u64 i = 0; i < 4; i++)
		eq(measurement(vm, WORD(key) + i), 0);
	destroy(vm);
}

static void check_refused(u64 vm, u64 key)
{
	eq(start(vm, key), KCORE_EPERM);
	check_dead(vm);
}

/* ---- tests ------------------------------------------------------------------------------------------------------------ */
static void vector(void **state)
{
	/* sha256sum of 4096 and of 8192 zero bytes */
	static const unsigned char one[32] = {
		0xad, 0x7f, 0xac, 0xb2, 0x58, 0x6f, 0xc6, 0xe9, 0x66, 0xc0, 0x04, 0xd7, 0xd1, 0xd1, 0x6b, 0x02,
		0x4f, 0x58, 0x05, 0xff, 0x7c, 0xb4, 0x7c, 0x7a, 0x85, 0xda, 0xbd, 0x8b, 0x48, 0x89, 0x2c, 0xa7 };
	static const unsigned char two[32] = {
		0x9f, 0x1d, 0xcb, 0xc3, 0x5c, 0x35, 0x0d, 0x60, 0x27, 0xf9, 0x8b, 0xe0, 0xf5, 0xc8, 0xb4, 0x3b,
		0x42, 0xca, 0x52, 0xb7, 0x60, 0x44, 0x59, 0xc0, 0xc4, 0x2b, 0xe3, 0xaa, 0x88, 0x91, 0x3d, 0x47 };
	u64 vm = new_signed_vm(VCPUS), hash[4];

	(void)state;
	eq(call(VM_DONATE, vm, KERNEL, new_page()), 0);
	eq(call(VM_DONATE, vm, KERNEL + PAGE_BYTES, new_page()), 0);
	eq(measure(vm, KERNEL), 0);
	for (u64 i = 0; i < 4; i++)
		hash[i] = measurement(vm, WORD(image[0].sha256) + i);
	assert_memory_equal(hash, one, 32);
	eq(measure(vm, KERNEL + PAGE_BYTES), 0);
	for (u64 i = 0; i < 4; i++)
		hash[i] = measurement(vm, WORD(image[0].sha256) + i);
	assert_memory_equal(hash, two, 32);
}

static void signed_vm_starts(void **state)
{
	u64 vm = new_signed_vm(VCPUS), v = vm * 16, words[NR_WORDS];
	struct fake_cpu *c = this_cpu();

	(void)state;
	donate_images(vm);
	eq(call(VCPU_LOAD, v), 0);
	refused(KCORE_ESTATE, vcpu_run(v));				/* off as long as nothing is signed */
	eq(call(VCPU_PUT), 0);
	measure_image(vm, 0);
	measure_image(vm, 1);
	expect(words);
	for (u64 i = 0; i < SIGNED_WORDS; i++)
		eq(measurement(vm, i), words[i]);
	shared_set(v, CTX_PC, 0xbad);					/* too late */
	eq(start(vm, 0), 0);
	check_invariant();
	refused(KCORE_ESTATE, call(VM_START, vm));			/* nothing of it twice */
	refused(KCORE_ESTATE, measure(vm, KERNEL));
	eq(cells.vcpu_power[v + 1], POWER_OFF);
	eq(call(VCPU_LOAD, v), 0);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(c->guest.pc, KERNEL);
	for (u64 i = 0; i < 4; i++)
		eq(c->guest.x[i], 0xb007 + i);
	for (u64 i = 4; i < 31; i++)
		eq(c->guest.x[i], 0);
	/* the guest's own view */
	for (u64 i = 0; i < NR_WORDS + 2; i++) {
		c->guest.x[0] = KCORE_HC_VM_MEASUREMENT;
		c->guest.x[1] = i;
		eq(guest_trap(EC_HVC, 0), RUN_ENTERED);
		eq(c->guest.x[0], 0);
		if (i < SIGNED_WORDS)
			eq(c->guest.x[1], words[i]);
		if (i >= NR_WORDS)
			eq(c->guest.x[1], 0);
	}
	/* secondary CPUs by the guest's CPU_ON only */
	on_cpu(1);
	eq(call(VCPU_LOAD, v + 1), 0);
	refused(KCORE_ESTATE, vcpu_run(v + 1));
	on_cpu(0);
	c->guest.x[0] = 0xc4000003UL;
	c->guest.x[1] = 1;
	c->guest.x[2] = KERNEL + 0x100;
	c->guest.x[3] = 77;
	guest_trap(EC_HVC, 0);
	on_cpu(1);
	eq(vcpu_run(v + 1), RUN_ENTERED);
	eq(this_cpu()->guest.pc, KERNEL + 0x100);
	guest_leave(1, 0, 0, 0);
	eq(call(VCPU_PUT), 0);
	on_cpu(0);
	refused(KCORE_ESTATE, call(VM_START, vm));
	refused(KCORE_ESTATE, measure(vm, KERNEL));
	refused(KCORE_ESTATE, call(VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES));
	eq(call(VCPU_PUT), 0);
	destroy(vm);
}

static void key_is_named(void **state)
{
	u64 vm, key[4], other[4];

	(void)state;
	for (u64 n = 0; n < 2; n++) {
		vm = new_signed_vm(VCPUS);
		donate_images(vm);
		measure_image(vm, 0);
		measure_image(vm, 1);
		eq(start(vm, n), 0);
		for (u64 i = 0; i < 4; i++)
			(n ? other : key)[i] = measurement(vm, WORD(key) + i);
		destroy(vm);
	}
	assert_memory_not_equal(key, other, 32);
	for (u64 i = 0; i < 4; i++)
		assert_true(key[i] != 0 && other[i] != 0);
}

static u64 ready(void)
{
	u64 vm = new_signed_vm(VCPUS);

	donate_images(vm);
	measure_image(vm, 0);
	measure_image(vm, 1);
	return vm;
}

static void wrong_key(void **state)
{
	(void)state;
	check_refused(ready(), 2);
}

static void no_keys(void **state)
{
	(void)state;
	machine(0, 0, 0, 0);
	check_refused(ready(), 0);
}

static void no_signature(void **state)
{
	u64 vm = ready();

	(void)state;
	eq(call(VM_START, vm), KCORE_EPERM);
	check_dead(vm);
}

/* Each word of the signature counts. */
static void changed_signature(void **state)
{
	u64 vm, words[NR_WORDS];

	(void)state;
	expect(words);
	for (u64 i = 0; i < 8; i++) {
		vm = ready();
		sign(vm, words, 0);
		shared_set(vm * 16, CTX_X(4 + i), shared(vm * 16, CTX_X(4 + i)) ^ 1UL << 33);
		eq(call(VM_START, vm), KCORE_EPERM);
		check_dead(vm);
	}
}

/* Each word of what is signed counts: magic, memory, vCPUs, entry, registers, addresses, sizes, hashes. */
static void changed_word(void **state)
{
	u64 vm, words[NR_WORDS];

	(void)state;
	for (u64 i = 0; i < SIGNED_WORDS; i++) {
		vm = ready();
		expect(words);
		words[i] ^= 0x1000;
		sign(vm, words, 0);
		eq(call(VM_START, vm), KCORE_EPERM);
		check_dead(vm);
	}
}

static void changed_byte(void **state)
{
	static const u64 where[][2] = { { KERNEL, 0 }, { KERNEL + 2 * PAGE_BYTES, 511 }, { INITRD + PAGE_BYTES, 511 }, { INITRD, 17 } };
	u64 vm, pa;

	(void)state;
	for (u64 n = 0; n < 4; n++) {
		vm = new_signed_vm(VCPUS);
		for (u64 i = 0; i < 2; i++)
			for (u64 p = 0; p < images[i].pages; p++) {
				u64 ipa = images[i].ipa + p * PAGE_BYTES;

				pa = new_page();
				for (u64 w = 0; w < 512; w++)
					poke(pa + w * 8, content(ipa, w) ^ (ipa == where[n][0] && w == where[n][1] ? 1UL << 63 : 0));
				eq(call(VM_DONATE, vm, ipa, pa), 0);
			}
		measure_image(vm, 0);
		measure_image(vm, 1);
		check_refused(vm, 0);
	}
}

/* The right contents at another address. */
static void changed_address(void **state)
{
	u64 vm = new_signed_vm(VCPUS), pa;

	(void)state;
	donate_images(vm);
	for (u64 p = 0; p < 3; p++) {
		pa = new_page();
		for (u64 i = 0; i < 512; i++)
			poke(pa + i * 8, content(KERNEL + p * PAGE_BYTES, i));
		eq(call(VM_DONATE, vm, KERNEL + 0x100000UL + p * PAGE_BYTES, pa), 0);
		eq(measure(vm, KERNEL + 0x100000UL + p * PAGE_BYTES), 0);
	}
	measure_image(vm, 1);
	check_refused(vm, 0);
}

static void wrong_size(void **state)
{
	u64 vm = new_signed_vm(VCPUS);

	(void)state;
	donate_images(vm);
	measure_image(vm, 0);
	eq(measure(vm, INITRD), 0);					/* short by one page */
	check_refused(vm, 0);
	vm = new_signed_vm(VCPUS);
	donate_images(vm);
	donate(vm, KERNEL + 3 * PAGE_BYTES);				/* one page too many */
	measure_image(vm, 0);
	eq(measure(vm, KERNEL + 3 * PAGE_BYTES), 0);
	measure_image(vm, 1);
	check_refused(vm, 0);
}

static void wrong_order(void **state)
{
	u64 vm = new_signed_vm(VCPUS);

	(void)state;
	donate_images(vm);
	measure_image(vm, 1);						/* images */
	measure_image(vm, 0);
	check_refused(vm, 0);
	vm = new_signed_vm(VCPUS);
	donate_images(vm);
	eq(measure(vm, KERNEL + PAGE_BYTES), 0);			/* pages */
	eq(measure(vm, KERNEL), 0);
	eq(measure(vm, KERNEL + 2 * PAGE_BYTES), 0);
	measure_image(vm, 1);
	check_refused(vm, 0);
}

static void overlap(void **state)
{
	u64 vm = ready();

	(void)state;
	eq(measure(vm, KERNEL + 2 * PAGE_BYTES), 0);			/* a page of the kernel once more */
	eq(measurement(vm, WORD(nr_images)), 3);
	check_refused(vm, 0);
	vm = new_signed_vm(VCPUS);
	donate_images(vm);
	eq(measure(vm, KERNEL), 0);					/* a page twice in one image */
	eq(measure(vm, KERNEL), 0);
	eq(measurement(vm, WORD(nr_images)), 2);
	check_refused(vm, 0);
}

/* A fifth image: what KCore says of itself can't be signed. */
static void too_many_images(void **state)
{
	u64 vm = new_signed_vm(VCPUS);

	(void)state;
	for (u64 i = 0; i < 6; i++) {
		donate(vm, KERNEL + i * 0x10000UL);
		eq(measure(vm, KERNEL + i * 0x10000UL), 0);
		eq(measurement(vm, WORD(nr_images)), i < 4 ? i + 1 : 5);
	}
	sign_measurement(vm, 0);
	eq(call(VM_START, vm), KCORE_EPERM);
	check_dead(vm);
}

static void not_donated(void **state)
{
	u64 vm = new_signed_vm(VCPUS);

	(void)state;
	refused(KCORE_EINVAL, measure(vm, KERNEL));			/* no table */
	donate_images(vm);
	refused(KCORE_EINVAL, measure(vm, KERNEL + 3 * PAGE_BYTES));	/* no page */
	refused(KCORE_EINVAL, measure(vm, MEMORY_BASE - PAGE_BYTES));
	refused(KCORE_EINVAL, measure(vm, KERNEL + 8));
	refused(KCORE_EINVAL, measure(vm, IPA_END));
	refused(KCORE_EINVAL, measure(vm, ~0xfffUL));
	eq(measurement(vm, WORD(nr_images)), 0);
	measure_image(vm, 0);
	check_refused(vm, 0);						/* an image is missing */
}

/* Between hash and start the host finds no way to the page, and no other page comes to its place. */
static void pages_stay(void **state)
{
	u64 vm = new_signed_vm(VCPUS), pa;

	(void)state;
	pa = donate(vm, KERNEL);
	eq(measure(vm, KERNEL), 0);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, pa), 0);
	assert_false(host_reaches(pa));
	refused(KCORE_EBUSY, call(VM_DONATE, vm, KERNEL, new_page()));
	refused(KCORE_ESTATE, call(VM_UNMAP, vm, KERNEL, PAGE_BYTES));
	refused(KCORE_ESTATE, call(VM_MAP, vm, KERNEL, new_page(), PAGE_BYTES, 7));
	refused(KCORE_EPERM, call(VM_DONATE, vm, KERNEL + PAGE_BYTES, pa));
	refused(KCORE_ESTATE, call(VM_DESTROY_STEP, vm));
	refused(KCORE_ESTATE, call(VCPU_DESTROY, vm * 16));
	refused(KCORE_ESTATE, call(VCPU_CREATE, vm, VCPUS, new_page()));
	for (u64 i = 0; i < 512; i++)
		eq(peek(pa + i * 8), content(KERNEL, i));
	destroy(vm);
}

static void vcpu_count(void **state)
{
	u64 vm = new_signed_vm(VCPUS + 1);

	(void)state;
	donate_images(vm);
	measure_image(vm, 0);
	measure_image(vm, 1);
	check_refused(vm, 0);
}

static void boot_registers(void **state)
{
	static const u64 offsets[] = { CTX_PC, CTX_X(0), CTX_X(1), CTX_X(2), CTX_X(3) };
	u64 vm;

	(void)state;
	for (u64 i = 0; i < 5; i++) {
		vm = call(VM_CREATE, KCORE_VM_PROTECTED);
		new_vcpu(vm, 0);
		new_vcpu(vm, 1);
		for (u64 r = 0; r < 4; r++)
			shared_set(vm * 16, CTX_X(r), 0xb007 + r);
		shared_set(vm * 16, CTX_PC, KERNEL);
		shared_set(vm * 16, offsets[i], KERNEL + 4);
		eq(call(VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES), 0);
		donate_images(vm);
		measure_image(vm, 0);
		measure_image(vm, 1);
		check_refused(vm, 0);
	}
}

static void memory_range(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED);

	(void)state;
	new_vcpu(vm, 0);
	new_vcpu(vm, 1);
	for (u64 r = 0; r < 4; r++)
		shared_set(vm * 16, CTX_X(r), 0xb007 + r);
	shared_set(vm * 16, CTX_PC, KERNEL);
	eq(call(VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES / 2), 0);	/* the rest would be MMIO */
	donate_images(vm);
	measure_image(vm, 0);
	measure_image(vm, 1);
	check_refused(vm, 0);
}

static void loaded_is_busy(void **state)
{
	u64 vm = ready();

	(void)state;
	on_cpu(1);
	eq(call(VCPU_LOAD, vm * 16 + 1), 0);
	on_cpu(0);
	refused(KCORE_EBUSY, start(vm, 0));
	on_cpu(1);
	eq(call(VCPU_PUT), 0);
	on_cpu(0);
	eq(start(vm, 0), 0);
	destroy(vm);
}

static void only_signed_vms(void **state)
{
	u64 vm = protected_vm(2), normal, unused;

	(void)state;
	refused(KCORE_ESTATE, measure(vm, KERNEL));			/* it wasn't asked for */
	refused(KCORE_ESTATE, call(VM_START, vm));
	for (u64 i = 0; i < 4; i++)
		eq(measurement(vm, WORD(key) + i), 0);
	normal = normal_vm(1);
	refused(KCORE_ESTATE, measure(normal, KERNEL));
	refused(KCORE_ESTATE, call(VM_START, normal));
	unused = call(VM_CREATE, KCORE_VM_NORMAL);
	new_vcpu(unused, 0);
	refused(KCORE_ESTATE, call(VM_FINALISE_SIGNED, unused, MEMORY_BASE, MEMORY_BYTES));
	refused(KCORE_EINVAL, call(VM_START, unused + 1));
	refused(KCORE_EINVAL, call(VM_START, 0));
	refused(KCORE_EINVAL, call(VM_START, 256));
	refused(KCORE_EINVAL, call(VM_START, ~0UL));
	refused(KCORE_EINVAL, measure(unused + 1, KERNEL));
	refused(KCORE_EINVAL, measure(~0UL, KERNEL));
	eq(measurement(KCORE_NR_VMS, 0), 0);
	eq(measurement(~0UL, 0), 0);
	eq(measurement(vm, ~0UL), 0);
}

/* A handle's next VM doesn't inherit what the one before was signed for, nor that it waits. */
static void handle_again(void **state)
{
	u64 vm = ready(), next;

	(void)state;
	eq(start(vm, 0), 0);
	destroy(vm);
	next = protected_vm(2);
	eq(next, vm);
	eq(measurement(vm, WORD(nr_images)), 0);
	eq(measurement(vm, WORD(image[0].ipa)), 0);
	for (u64 i = 0; i < 4; i++)
		eq(measurement(vm, WORD(key) + i), 0);
	destroy(vm);
	vm = new_signed_vm(VCPUS);
	eq(vm, next);
	destroy(vm);							/* while it waits */
	next = normal_vm(0);
	eq(next, vm);
	refused(KCORE_ESTATE, call(VM_START, next));
	refused(KCORE_ESTATE, measure(next, KERNEL));
}

static void signed_only(void **state)
{
	u64 vm;

	(void)state;
	eq(call(INFO, KCORE_INFO_SIGNED_ONLY), 0);
	machine(2, 1, 0, 1);
	eq(call(INFO, KCORE_INFO_SIGNED_ONLY), 1);
	normal_vm(1);
	vm = call(VM_CREATE, KCORE_VM_PROTECTED);
	new_vcpu(vm, 0);
	refused(KCORE_EPERM, call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES));
	eq(cells.vcpu_power[vm * 16], POWER_OFF);
	destroy(vm);
	vm = ready();
	eq(start(vm, 0), 0);
	destroy(vm);
}

/* The VM begins to die between the sections of a donation, because it isn't signed. */
static u64 hook_vm;

static void start_unsigned(void)
{
	on_cpu(1);
	eq(call(VM_START, hook_vm), KCORE_EPERM);
}

static void dies_during_a_donation(void **state)
{
	u64 pa;

	(void)state;
	hook_vm = new_signed_vm(VCPUS);
	pa = new_page();
	poke(pa, 5);
	at_release(1, start_unsigned);
	eq(call(VM_DONATE, hook_vm, KERNEL, pa), KCORE_ESTATE);
	eq(owner_of(pa), OWNER_HOST);
	eq(peek(pa), 0);
	check_dead(hook_vm);
}

#define SIGNED(name)	{ #name, name, setup, fake_teardown, NULL }

SUITE(auth, SIGNED(vector), SIGNED(signed_vm_starts), SIGNED(key_is_named), SIGNED(wrong_key), SIGNED(no_keys), SIGNED(no_signature),
      SIGNED(changed_signature), SIGNED(changed_word), SIGNED(changed_byte), SIGNED(changed_address), SIGNED(wrong_size), SIGNED(wrong_order),
      SIGNED(overlap), SIGNED(too_many_images), SIGNED(not_donated), SIGNED(pages_stay), SIGNED(vcpu_count), SIGNED(boot_registers),
      SIGNED(memory_range), SIGNED(loaded_is_busy), SIGNED(only_signed_vms), SIGNED(handle_again), SIGNED(signed_only),
      SIGNED(dies_during_a_donation))
