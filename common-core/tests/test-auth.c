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
		words[i] = measure_word(vm, KCORE_QUOTE_HOST, i);
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

/* ---- quotes --------------------------------------------------------------------------------------------------------- */
static const u64 seeds[2][4] = { { 1, 2, 3, 4 }, { 1, 2, 3, 5 } };

/* The public key that KCore shows */
static void quote_point_of(u64 *point)
{
	for (u64 i = 0; i < 8; i++)
		point[i] = measurement(0, i);
}

static u64 shown[8];

static void quoting(u64 which)
{
	u64 seed[4], noise[4] = { 0 };

	memcpy(seed, seeds[which], 32);
	measure_key(seed, noise);
	quote_point_of(shown);
}

static u64 host_word(u64 vm, u64 n)
{
	return measurement(vm, n);
}

static u64 guest_word(u64 vm, u64 n)
{
	struct fake_cpu *c = this_cpu();

	(void)vm;
	c->guest.x[0] = KCORE_HC_VM_MEASUREMENT;
	c->guest.x[1] = n;
	eq(guest_trap(EC_HVC, 0), RUN_ENTERED);
	eq(c->guest.x[0], 0);
	return c->guest.x[1];
}

static u64 guest_quote(u64 a, u64 b, u64 c, u64 d)
{
	const u64 x[5] = { KCORE_HC_VM_QUOTE, a, b, c, d };

	memcpy(this_cpu()->guest.x, x, sizeof(x));
	eq(guest_trap(EC_HVC, 0), RUN_ENTERED);
	eq(this_cpu()->guest.x[1] | this_cpu()->guest.x[2] | this_cpu()->guest.x[3], 0);
	return this_cpu()->guest.x[0];
}

/* As whoever asked reads it: the signature is by the key that KCore shows, of exactly this. */
static u64 quoted(u64 vm, u64 (*word)(u64 vm, u64 n), u64 who, const u64 *data, const u64 *measured)
{
	unsigned char point[65] = { 4 }, hash[32];
	br_ec_public_key key = { BR_EC_secp256r1, point, 65 };
	struct kcore_quote q = { KCORE_QUOTE_MAGIC, who, { data[0], data[1], data[2], data[3] }, { 0 } };
	br_sha256_context c;

	memcpy(point + 1, shown, 64);
	for (u64 i = 0; i < 6; i++)
		if (word(vm, KCORE_QUOTE_WORD + i) != ((u64 *)&q)[i])
			return 0;
	for (u64 i = 0; i < 8; i++)
		q.signature[i] = word(vm, KCORE_QUOTE_WORD + 6 + i);
	br_sha256_init(&c);
	br_sha256_update(&c, &q, 48);
	br_sha256_update(&c, measured, NR_WORDS * 8);
	br_sha256_out(&c, hash);
	return br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, hash, 32, &key, q.signature, 64);
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

/* RFC 6979, A.2.5: P-256, SHA-256, messages "sample" and "test". */
static void rfc6979(void **state)
{
	static const unsigned char key[32] = {
		0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93,
		0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21 };
	static const struct {
		const char *message;
		unsigned char signature[64];
	} vectors[] = {
		{ "sample", {
			0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6,
			0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16,
			0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65,
			0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8 } },
		{ "test", {
			0xf1, 0xab, 0xb0, 0x23, 0x51, 0x83, 0x51, 0xcd, 0x71, 0xd8, 0x81, 0x56, 0x7b, 0x1e, 0xa6, 0x63,
			0xed, 0x3e, 0xfc, 0xf6, 0xc5, 0x13, 0x2b, 0x35, 0x4f, 0x28, 0xd3, 0xb0, 0xb7, 0xd3, 0x83, 0x67,
			0x01, 0x9f, 0x41, 0x13, 0x74, 0x2a, 0x2b, 0x14, 0xbd, 0x25, 0x92, 0x6b, 0x49, 0xc6, 0x49, 0x15,
			0x5f, 0x26, 0x7e, 0x60, 0xd3, 0x81, 0x4b, 0x4c, 0x0c, 0xc8, 0x42, 0x50, 0xe4, 0x6f, 0x00, 0x83 } },
	};
	unsigned char hash[32], signature[64];
	br_sha256_context c;

	(void)state;
	for (u64 i = 0; i < 2; i++) {
		br_sha256_init(&c);
		br_sha256_update(&c, vectors[i].message, strlen(vectors[i].message));
		br_sha256_out(&c, hash);
		measure_ecdsa(key, hash, signature);
		assert_memory_equal(signature, vectors[i].signature, 64);
	}
}

/* The key is of the seed and of the CPU's random numbers, both are gone after it, and without any there is none. */
static void quote_key_is_random(void **state)
{
	static const u64 from[][2][4] = {
		{ { 1, 2, 3, 4 }, { 0 } }, { { 1, 2, 3, 5 }, { 0 } }, { { 1, 2, 3, 4 }, { 0, 0, 0, 1 } }, { { 0 }, { 1, 2, 3, 4 } },
		{ { 0, 0, 0, 1 }, { 0 } }, { { 1 }, { 0 } },
	};
	u64 point[8][8], seed[4], noise[4];

	(void)state;
	quote_point_of(point[6]);
	for (u64 k = 0; k < 8; k++)
		eq(point[6][k], 0);						/* the machine was given none */
	for (u64 i = 0; i < 6; i++) {
		memcpy(seed, from[i][0], 32);
		memcpy(noise, from[i][1], 32);
		measure_key(seed, noise);
		for (u64 k = 0; k < 4; k++)
			eq(seed[k] | noise[k], 0);
		quote_point_of(point[i]);
		assert_true(point[i][0] != 0 && point[i][4] != 0);
		for (u64 j = 0; j < i; j++)
			assert_memory_not_equal(point[i], point[j], 64);
	}
	quoting(0);
	quote_point_of(point[7]);
	assert_memory_equal(point[7], point[0], 64);
	measure_key(seed, noise);						/* both 0 by now */
	quote_point_of(point[7]);
	for (u64 k = 0; k < 8; k++)
		eq(point[7][k], 0);
	for (u64 n = 8; n < 100; n++)						/* nothing else of handle 0 */
		eq(measurement(0, n), 0);
}

static void quotes(void **state)
{
	static const u64 nonce[4] = { 11, 22, 33, 44 }, own[4] = { 55, 66, 77, ~0UL }, other[4] = { 11, 22, 33, 45 };
	u64 vm = ready(), second, words[NR_WORDS], changed[NR_WORDS];

	(void)state;
	quoting(0);
	refused(KCORE_ESTATE, call(VM_QUOTE, vm, 11, 22, 33, 44));		/* not signed yet */
	eq(start(vm, 0), 0);
	for (u64 i = 0; i < NR_WORDS; i++)
		words[i] = measurement(vm, i);
	for (u64 i = 0; i < 14; i++)
		eq(measurement(vm, KCORE_QUOTE_WORD + i), 0);			/* nobody has asked */
	eq(call(VM_QUOTE, vm, 11, 22, 33, 44), 0);
	assert_true(quoted(vm, host_word, KCORE_QUOTE_HOST, nonce, words));
	assert_false(quoted(vm, host_word, KCORE_QUOTE_HOST, other, words));
	assert_false(quoted(vm, host_word, KCORE_QUOTE_GUEST, nonce, words));
	for (u64 i = 0; i < NR_WORDS; i++) {
		memcpy(changed, words, sizeof(words));
		changed[i] ^= 1UL << (i % 64);
		assert_false(quoted(vm, host_word, KCORE_QUOTE_HOST, nonce, changed));
	}
	/* the guest's are its own */
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	for (u64 i = 0; i < 14; i++)
		eq(guest_word(vm, KCORE_QUOTE_WORD + i), 0);
	eq(guest_quote(own[0], own[1], own[2], own[3]), 0);
	assert_true(quoted(vm, guest_word, KCORE_QUOTE_GUEST, own, words));
	assert_false(quoted(vm, guest_word, KCORE_QUOTE_HOST, own, words));
	for (u64 n = sizeof(struct kcore_measurement) / 8; n < 2 * KCORE_QUOTE_WORD; n++)
		if (n < KCORE_QUOTE_WORD || n >= KCORE_QUOTE_WORD + 14)
			eq(guest_word(vm, n), 0);
	guest_leave(1, 0, 0, 0);
	assert_true(quoted(vm, host_word, KCORE_QUOTE_HOST, nonce, words));
	eq(call(VM_QUOTE, vm, 11, 22, 33, 45), 0);				/* while it is loaded */
	assert_true(quoted(vm, host_word, KCORE_QUOTE_HOST, other, words));
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	assert_true(quoted(vm, guest_word, KCORE_QUOTE_GUEST, own, words));
	guest_leave(1, 0, 0, 0);
	eq(call(VCPU_PUT), 0);
	/* another VM's is its own, signed or not */
	second = protected_vm(1);
	eq(call(VM_QUOTE, second, 11, 22, 33, 44), 0);
	assert_false(quoted(second, host_word, KCORE_QUOTE_HOST, nonce, words));
	assert_true(quoted(vm, host_word, KCORE_QUOTE_HOST, other, words));
	for (u64 i = 0; i < NR_WORDS; i++)
		changed[i] = measurement(second, i);
	assert_true(quoted(second, host_word, KCORE_QUOTE_HOST, nonce, changed));
	/* another KCore's is not this one's */
	quoting(1);
	assert_false(quoted(vm, host_word, KCORE_QUOTE_HOST, other, words));
	eq(call(VM_QUOTE, vm, 11, 22, 33, 45), 0);
	assert_true(quoted(vm, host_word, KCORE_QUOTE_HOST, other, words));
	destroy(vm);
	eq(protected_vm(1), vm);						/* the handle's next VM has none */
	for (u64 i = 0; i < 14; i++)
		eq(measurement(vm, KCORE_QUOTE_WORD + i), 0);
	check_invariant();
}

static void quote_refused(void **state)
{
	u64 vm, normal, unused;

	(void)state;
	quoting(0);
	normal = normal_vm(1);
	refused(KCORE_ESTATE, call(VM_QUOTE, normal, 1, 2, 3, 4));
	unused = call(VM_CREATE, KCORE_VM_PROTECTED);
	new_vcpu(unused, 0);
	refused(KCORE_ESTATE, call(VM_QUOTE, unused, 1, 2, 3, 4));		/* not finalised */
	refused(KCORE_EINVAL, call(VM_QUOTE, unused + 1, 1, 2, 3, 4));
	refused(KCORE_EINVAL, call(VM_QUOTE, 0, 1, 2, 3, 4));
	refused(KCORE_EINVAL, call(VM_QUOTE, 256, 1, 2, 3, 4));
	refused(KCORE_EINVAL, call(VM_QUOTE, ~0UL, 1, 2, 3, 4));
	vm = ready();
	eq(start(vm, 2), KCORE_EPERM);
	refused(KCORE_ESTATE, call(VM_QUOTE, vm, 1, 2, 3, 4));			/* its signature wasn't good */
	vm = protected_vm(1);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_ESTATE, call(VM_QUOTE, vm, 1, 2, 3, 4));
	for (u64 i = 0; i < 14; i++)
		eq(measurement(vm, KCORE_QUOTE_WORD + i), 0);
}

static void no_quote_key(void **state)
{
	u64 vm = protected_vm(1);

	(void)state;
	refused(KCORE_ENOSYS, call(VM_QUOTE, vm, 1, 2, 3, 4));
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	eq(guest_quote(1, 2, 3, 4), ~0UL);
	for (u64 i = 0; i < 14; i++)
		eq(guest_word(vm, KCORE_QUOTE_WORD + i), 0);
	guest_leave(1, 0, 0, 0);
	eq(call(VCPU_PUT), 0);
}

#define SIGNED(name)	{ #name, name, setup, fake_teardown, NULL }

SUITE(auth, SIGNED(vector), SIGNED(signed_vm_starts), SIGNED(key_is_named), SIGNED(wrong_key), SIGNED(no_keys), SIGNED(no_signature),
      SIGNED(changed_signature), SIGNED(changed_word), SIGNED(changed_byte), SIGNED(changed_address), SIGNED(wrong_size), SIGNED(wrong_order),
      SIGNED(overlap), SIGNED(too_many_images), SIGNED(not_donated), SIGNED(pages_stay), SIGNED(vcpu_count), SIGNED(boot_registers),
      SIGNED(memory_range), SIGNED(loaded_is_busy), SIGNED(only_signed_vms), SIGNED(handle_again), SIGNED(signed_only),
      SIGNED(dies_during_a_donation), SIGNED(rfc6979), SIGNED(quote_key_is_random), SIGNED(quotes), SIGNED(quote_refused), SIGNED(no_quote_key))
