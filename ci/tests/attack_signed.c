// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on VMs that start only if what is in them is signed.  What the owner signs is computed here, from the images and the
 * words of struct kcore_measurement; that the same VM, started as its owner wants it, runs is shown first.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "attacks.h"
#include "sha256.h"
#include "sign.h"

#define PAGE		4096UL
#define KERNEL		0			/* the agent */
#define DTB		1
#define INITRD		2
#define NR_IMAGES	3
#define MAX_BYTES	(32 * PAGE)
#define DTB_IPA		(RAM_BASE + 0x200000UL)
#define INITRD_IPA	(RAM_BASE + 0x300000UL)

struct image {
	u64 ipa, bytes;
	u8 content[MAX_BYTES];
};

static struct image images[NR_IMAGES];

static void expect_result(u64 r, u64 want, const char *what)
{
	expect(r == want, "%s: %s", what, result_text(r));
}

/* What the owner has, and signs */
static void make_images(struct kcore_measurement *m)
{
	const struct payload *p = payload_find("agent");
	size_t n = (size_t)(p->end - p->start);

	if (n > MAX_BYTES)
		give_up("the agent has %zu bytes", n);
	memset(images, 0, sizeof(images));
	images[KERNEL].ipa = RAM_BASE;
	images[KERNEL].bytes = (n + PAGE - 1) & ~(PAGE - 1);
	memcpy(images[KERNEL].content, p->start, n);
	images[DTB].ipa = DTB_IPA;
	images[DTB].bytes = PAGE;
	images[INITRD].ipa = INITRD_IPA;
	images[INITRD].bytes = 3 * PAGE;
	for (unsigned int i = DTB; i <= INITRD; i++)
		for (u64 at = 0; at < images[i].bytes; at += 8)
			memcpy(images[i].content + at, &(u64){ pattern(images[i].ipa + at, i) }, 8);
	memset(m, 0, sizeof(*m));
	m->magic = KCORE_MEASUREMENT_MAGIC;
	m->memory_base = RAM_BASE;
	m->memory_end = RAM_BASE + RAW_MEMORY;
	m->vcpus = 1;
	m->entry = RAM_BASE;
	m->nr_images = NR_IMAGES;
	for (unsigned int i = 0; i < NR_IMAGES; i++) {
		m->image[i].ipa = images[i].ipa;
		m->image[i].bytes = images[i].bytes;
		sha256(images[i].content, images[i].bytes, (unsigned char *)m->image[i].sha256);
	}
}

static void create(struct rawvm *r, unsigned int vcpus)
{
	u64 e;

	raw_create(r, KCORE_VM_PROTECTED, vcpus);
	e = raw_finalise_signed(r);
	if (e)
		give_up("VM_FINALISE_SIGNED: %s", result_text(e));
}

static void give(struct rawvm *r, u64 ipa, const u8 *content)
{
	u64 e = raw_give(r, ipa, content);

	if (e)
		give_up("page for IPA %#llx: %s", (unsigned long long)ipa, result_text(e));
}

static void give_images(struct rawvm *r)
{
	for (unsigned int i = 0; i < NR_IMAGES; i++)
		for (u64 at = 0; at < images[i].bytes; at += PAGE)
			give(r, images[i].ipa + at, images[i].content + at);
}

static void measure(struct rawvm *r, u64 ipa)
{
	u64 e = HC(VM_MEASURE, r->vm, ipa);

	if (e)
		give_up("VM_MEASURE of IPA %#llx: %s", (unsigned long long)ipa, result_text(e));
}

static void measure_image(struct rawvm *r, unsigned int i)
{
	for (u64 at = 0; at < images[i].bytes; at += PAGE)
		measure(r, images[i].ipa + at);
}

static void measure_images(struct rawvm *r)
{
	for (unsigned int i = 0; i < NR_IMAGES; i++)
		measure_image(r, i);
}

static u64 start_by(struct rawvm *r, const unsigned char *signature)
{
	for (unsigned int i = 0; i < 8; i++) {
		u64 word;

		memcpy(&word, signature + 8 * i, 8);
		raw_page_write(r, 0, offsetof(struct kcore_vcpu_page, x[4]) + 8 * i, word);
	}
	return HC(VM_START, r->vm);
}

static u64 start_signed(struct rawvm *r, const struct kcore_measurement *m, unsigned int key)
{
	unsigned char signature[64];

	sign_measured(m, key, signature);
	return start_by(r, signature);
}

static void end(struct rawvm *r)
{
	u64 e = raw_destroy(r);

	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(r);
}

static void expect_running(struct rawvm *r, const char *what)
{
	u64 answer = raw_agent(r, AGENT_NOP, 0, 0, 0);

	expect(answer == AGENT_HELLO, "%s: the guest answers", what);
}

/* As the owner wants it the VM starts, with its images as they were */
static void start_right(struct kcore_measurement *m)
{
	static struct rawvm r;
	u64 e;

	driver_open();
	make_images(m);
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	e = start_signed(&r, m, SIGN_OWNER);
	expect_result(e, 0, "as it was signed");
	if (!e) {
		expect_running(&r, "as it was signed");
		e = raw_agent(&r, AGENT_CHECK, INITRD_IPA, images[INITRD].bytes, INITRD);
		expect(!e, "its RAM disk: %llu words changed", (unsigned long long)e);
	}
	end(&r);
}

/* The start was refused, and the VM is at its end: no run, no second try with what the owner signed. */
static void expect_refused(struct rawvm *r, u64 e, const struct kcore_measurement *m, const char *what)
{
	u64 run, again;

	expect_result(e, KCORE_EPERM, what);
	if (e != KCORE_EPERM) {
		end(r);
		return;
	}
	run = raw_run(r, 0);
	again = start_signed(r, m, SIGN_OWNER);
	if (run != KCORE_ESTATE || again != KCORE_ESTATE)
		expect(false, "%s: then run: %s, started again: %s", what, result_text(run), result_text(again));
	end(r);
}

void attack_signed_key(void)
{
	static struct rawvm r;
	struct kcore_measurement m;

	start_right(&m);
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	expect_refused(&r, start_signed(&r, &m, SIGN_STRANGER), &m, "another key");
}

void attack_signed_none(void)
{
	static const char *const what[] = { "zeros for a signature", "ones for a signature", "a bit of r changed", "a bit of s changed", "r and s exchanged" };
	unsigned char signature[64], bad[64];
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	sign_measured(&m, SIGN_OWNER, signature);
	for (unsigned int i = 0; i < 5; i++) {
		memcpy(bad, signature, sizeof(bad));
		if (i < 2)
			memset(bad, i ? 0xff : 0, sizeof(bad));
		else if (i < 4)
			bad[i == 2 ? 31 : 32] ^= 1;
		else
			memcpy(bad, signature + 32, 32), memcpy(bad + 32, signature, 32);
		create(&r, 1);
		give_images(&r);
		measure_images(&r);
		expect_refused(&r, start_by(&r, bad), &m, what[i]);
	}
}

void attack_signed_content(void)
{
	static const char *const what[] = { "a byte of the kernel", "a byte of the device tree", "the last byte of the RAM disk" };
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	for (unsigned int i = 0; i < NR_IMAGES; i++) {
		u8 *byte = images[i].content + (i == INITRD ? images[i].bytes - 1 : 8 * i);

		*byte ^= 0x10;
		create(&r, 1);
		give_images(&r);
		measure_images(&r);
		expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, what[i]);
		*byte ^= 0x10;
	}
}

/* Of these the owner signed other ones */
static void wrong_finalise(struct rawvm *r, unsigned int vcpus, u64 pc, u64 x3, u64 bytes)
{
	u64 e;

	raw_create(r, KCORE_VM_PROTECTED, vcpus);
	RAW_SET(r, 0, pc, pc);
	RAW_SET(r, 0, x[3], x3);
	e = HC(VM_FINALISE_SIGNED, r->vm, RAM_BASE, bytes);
	if (e)
		give_up("VM_FINALISE_SIGNED: %s", result_text(e));
	give_images(r);
	measure_images(r);
}

void attack_signed_place(void)
{
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	images[INITRD].ipa += PAGE;
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	images[INITRD].ipa -= PAGE;
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "the RAM disk a page higher");
	wrong_finalise(&r, 1, RAM_BASE + 4, 0, RAW_MEMORY);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "another entry point");
	wrong_finalise(&r, 1, RAM_BASE, 1, RAW_MEMORY);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "another x3");
	wrong_finalise(&r, 1, RAM_BASE, 0, RAW_MEMORY - PAGE);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "less memory");
	wrong_finalise(&r, 2, RAM_BASE, 0, RAW_MEMORY);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "a vCPU more");
}

void attack_signed_order(void)
{
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	create(&r, 1);
	give_images(&r);
	measure_image(&r, KERNEL);
	measure_image(&r, INITRD);
	measure_image(&r, DTB);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "RAM disk and device tree exchanged");
}

void attack_signed_whole(void)
{
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	create(&r, 1);
	give_images(&r);
	measure_image(&r, KERNEL);
	measure_image(&r, DTB);
	measure(&r, INITRD_IPA);
	measure(&r, INITRD_IPA + PAGE);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "the RAM disk's last page not measured");
	create(&r, 1);
	give_images(&r);
	measure_image(&r, KERNEL);
	measure_image(&r, DTB);
	measure(&r, INITRD_IPA);
	measure(&r, INITRD_IPA + 2 * PAGE);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "a page in the middle not measured");
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	measure(&r, INITRD_IPA + PAGE);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "a page measured twice");
	create(&r, 1);
	give_images(&r);
	measure_image(&r, KERNEL);
	measure_image(&r, DTB);
	expect_refused(&r, start_signed(&r, &m, SIGN_OWNER), &m, "no RAM disk");
}

/* The owner's tool is wrong too: it signs what KCore says of five images */
void attack_signed_fifth(void)
{
	struct kcore_measurement m, five;
	static struct rawvm r;
	u64 words[sizeof(five) / 8];

	start_right(&m);
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	measure(&r, RAM_BASE);
	measure(&r, DTB_IPA);
	for (unsigned int i = 0; i < sizeof(words) / 8; i++) {
		struct kcore_test_call call = { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VM_MEASUREMENT, r.vm, i } };

		driver_call(&call);
		words[i] = call.x[1];
	}
	memcpy(&five, words, sizeof(five));
	expect(five.nr_images == 5, "images that KCore counts: %llu", (unsigned long long)five.nr_images);
	expect_refused(&r, start_signed(&r, &five, SIGN_OWNER), &m, "five images, signed");
}

static void expect_dark(const struct rawvm *r, u64 ipa, const char *when)
{
	static const u32 ways[] = { KCORE_TEST_VIA_MAPPING, KCORE_TEST_VIA_LINEAR, KCORE_TEST_VIA_DEVICE };
	static const char *const names[] = { "mapping", "linear map", "device mapping" };
	const u64 evil = 0x6666;

	for (unsigned int i = 0; i < 3; i++) {
		int e = phys_write(raw_pa(r, ipa), &evil, sizeof(evil), ways[i]);

		expect(e == EFAULT || e == ENXIO, "%s, write by a %s: %s", when, names[i], e ? strerror(e) : "done");
	}
}

void attack_signed_changed(void)
{
	struct kcore_measurement m;
	static struct rawvm r;
	u64 page, e;

	start_right(&m);
	create(&r, 1);
	expect_result(HC(VM_MEASURE, r.vm, DTB_IPA), KCORE_EINVAL, "measured before it is donated");
	give_images(&r);
	expect_dark(&r, DTB_IPA, "donated");
	measure_images(&r);
	expect_dark(&r, INITRD_IPA + PAGE, "measured");
	page = page_alloc(0);
	expect_result(HC(VM_DONATE, r.vm, DTB_IPA, page), KCORE_EBUSY, "another page in its place");
	page_free(page);
	e = start_signed(&r, &m, SIGN_OWNER);
	expect_result(e, 0, "then started");
	if (!e) {
		e = raw_agent(&r, AGENT_CHECK, DTB_IPA, PAGE, DTB) + raw_agent(&r, AGENT_CHECK, INITRD_IPA, images[INITRD].bytes, INITRD);
		expect(!e, "guest: %llu words changed", (unsigned long long)e);
	}
	end(&r);
}

#define CALL(name, a) { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_##name, (a) } }

void attack_signed_early(void)
{
	struct kcore_measurement m;
	static struct rawvm r;

	start_right(&m);
	m.vcpus = 2;
	create(&r, 2);
	give_images(&r);
	expect_result(raw_run(&r, 0), KCORE_ESTATE, "run before the measurement");
	measure_images(&r);
	expect_result(raw_run(&r, 0), KCORE_ESTATE, "run before the start");
	expect_result(raw_run(&r, 1), KCORE_ESTATE, "run of vCPU 1");
	struct kcore_test_call calls[] = { CALL(VCPU_LOAD, r.vcpu[0]), CALL(VM_START, r.vm), CALL(VCPU_RUN, r.vcpu[0]), CALL(VCPU_PUT, 0) };
	struct kcore_test_batch batch = { .count = 4, .calls = (uintptr_t)calls };

	if (ioctl(driver_fd(), KCORE_TEST_BATCH, &batch) || batch.done != 4)
		give_up("KCORE_TEST_BATCH: %s", strerror(errno));
	expect_result(calls[1].x[0], KCORE_EBUSY, "started while it is loaded");
	expect_result(calls[2].x[0], KCORE_ESTATE, "run there");
	expect_result(start_signed(&r, &m, SIGN_OWNER), 0, "started");
	expect_result(raw_run(&r, 1), KCORE_ESTATE, "run of vCPU 1, which the guest has off");
	expect_running(&r, "started");
	end(&r);
}

void attack_signed_again(void)
{
	struct kcore_measurement m;
	static struct rawvm r;
	u64 e;

	start_right(&m);
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	expect_result(start_signed(&r, &m, SIGN_STRANGER), KCORE_EPERM, "another key");
	e = start_signed(&r, &m, SIGN_OWNER);
	expect_result(e, KCORE_ESTATE, "then the owner's");
	expect_result(HC(VM_MEASURE, r.vm, RAM_BASE), KCORE_ESTATE, "measured");
	expect_result(raw_run(&r, 0), KCORE_ESTATE, "run");
	end(&r);
	create(&r, 1);
	give_images(&r);
	measure_images(&r);
	expect_result(start_signed(&r, &m, SIGN_OWNER), 0, "a good one");
	expect_result(HC(VM_START, r.vm), KCORE_ESTATE, "started again");
	expect_result(HC(VM_MEASURE, r.vm, RAM_BASE), KCORE_ESTATE, "measured");
	expect_result(raw_finalise_signed(&r), KCORE_ESTATE, "finalised again");
	expect_running(&r, "after that");
	end(&r);
}

/* Two VMs wait at once; the second has another kernel, and is measured in turns with the first */
void attack_signed_other(void)
{
	struct kcore_measurement m;
	static struct rawvm a, b;
	unsigned char *byte = images[DTB].content + 100;

	start_right(&m);
	create(&a, 1);
	create(&b, 1);
	give_images(&a);
	*byte ^= 1;
	give_images(&b);
	*byte ^= 1;
	for (unsigned int i = 0; i < NR_IMAGES; i++) {
		measure_image(&b, i);
		measure_image(&a, i);
	}
	expect_refused(&b, start_signed(&b, &m, SIGN_OWNER), &m, "the first VM's signature");
	expect_result(start_signed(&a, &m, SIGN_OWNER), 0, "the first VM by its own");
	expect_running(&a, "the first VM");
	end(&a);
}

void attack_signed_type(void)
{
	static struct rawvm normal, plain;
	struct kcore_measurement m;

	start_right(&m);
	raw_create(&normal, KCORE_VM_NORMAL, 1);
	expect_result(raw_finalise_signed(&normal), KCORE_ESTATE, "a normal VM finalised as a signed one");
	expect_result(HC(VM_MEASURE, normal.vm, RAM_BASE), KCORE_ESTATE, "measured");
	raw_boot(&normal);
	expect_result(HC(VM_MEASURE, normal.vm, RAM_BASE), KCORE_ESTATE, "measured when it is finalised");
	expect_result(HC(VM_START, normal.vm), KCORE_ESTATE, "started");
	expect_running(&normal, "the normal VM");
	end(&normal);
	raw_create(&plain, KCORE_VM_PROTECTED, 1);
	expect_result(HC(VM_MEASURE, plain.vm, RAM_BASE), KCORE_ESTATE, "a protected VM measured before it is finalised");
	expect_result(HC(VM_START, plain.vm), KCORE_ESTATE, "started");
	raw_boot(&plain);
	expect_result(HC(VM_MEASURE, plain.vm, RAM_BASE), KCORE_ESTATE, "measured though it needs no signature");
	expect_result(HC(VM_START, plain.vm), KCORE_ESTATE, "started");
	expect_running(&plain, "the protected VM");
	end(&plain);
	expect_result(HC(VM_MEASURE, plain.vm, RAM_BASE), KCORE_EINVAL, "measured after its end");
	expect_result(HC(VM_START, 0), KCORE_EINVAL, "the host started");
}

static void expect_errno(int r, int want, const char *what)
{
	expect(want ? r && errno == want : !r, "%s: %s", what, r ? strerror(errno) : "done");
}

static u32 state_of(const struct vm *vm)
{
	struct kcore_vm_info info;

	if (ioctl(vm->fd, KCORE_IOC_GET_INFO, &info))
		give_up("KCORE_IOC_GET_INFO: %s", strerror(errno));
	return info.state;
}

/* A VM of KVM and the glue, with the agent in memory, not finalised */
static void kvm_start(struct vm *vm, bool is_protected)
{
	struct vm_config config = { .is_protected = is_protected, .vcpus = 1, .memory = RAW_MEMORY };
	bool environment;

	if (vm_create(vm, &config, &environment) || payload_load(vm, payload_find("agent")))
		give_up("VM not set up");
}

void attack_signed_ioctl(void)
{
	static const struct {
		struct kcore_image image[2];
		int error;
		const char *what;
	} wrong[] = {
		{ { { RAM_BASE + 8, PAGE } }, EINVAL, "an image that begins inside of a page" },
		{ { { RAM_BASE, PAGE - 8 } }, EINVAL, "one that ends there" },
		{ { { RAM_BASE - PAGE, PAGE } }, EINVAL, "one below memory" },
		{ { { RAM_BASE, PAGE }, { RAM_BASE + RAW_MEMORY - PAGE, 2 * PAGE } }, EINVAL, "one that reaches beyond memory" },
		{ { { RAM_BASE, ~(PAGE - 1) } }, EINVAL, "one as large as addresses are" },
		{ { { RAM_BASE + PAGE, ~(PAGE - 1) } }, EINVAL, "one that wraps around" },
		{ { { RAM_BASE, PAGE }, { RAM_BASE, PAGE } }, EKEYREJECTED, "zeros for a signature" },
	};
	struct kcore_vm_measurement m;
	struct kcore_signed ask;
	u64 vms, pages;
	struct vm vm;

	driver_open();
	vms = stat_read(KCORE_STAT_vms);
	pages = stat_read(KCORE_STAT_pages_vm);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		kvm_start(&vm, true);
		memset(&ask, 0, sizeof(ask));
		ask.nr_images = wrong[i].image[1].bytes ? 2 : 1;
		memcpy(ask.image, wrong[i].image, sizeof(wrong[i].image));
		expect_errno(ioctl(vm.fd, KCORE_IOC_FINALISE_SIGNED, &ask), wrong[i].error, wrong[i].what);
		if (state_of(&vm) != KCORE_STATE_FAILED || !ioctl(vm.fd, KCORE_IOC_FINALISE) || !ioctl(vm.fd, KCORE_IOC_FINALISE_SIGNED, &ask) ||
		    vcpu_step(&vm.vcpus[0]) != -EINVAL)
			expect(false, "then: state %u, and not all that was tried was refused", state_of(&vm));
		if (wrong[i].error == EKEYREJECTED) {
			expect_errno(ioctl(vm.fd, KCORE_IOC_GET_MEASUREMENT, &m), 0, "what was measured of it");
			expect(m.word[9] == 2 && m.word[0] == KCORE_MEASUREMENT_MAGIC, "images in it: %llu", (unsigned long long)m.word[9]);
		}
		vm_destroy(&vm);
	}
	kvm_start(&vm, true);
	memset(&ask, 0, sizeof(ask));
	ask.nr_images = KCORE_MAX_IMAGES + 1;
	expect_errno(ioctl(vm.fd, KCORE_IOC_GET_MEASUREMENT, &m), EINVAL, "measurement of a VM that has none");
	expect_errno(ioctl(vm.fd, KCORE_IOC_FINALISE_SIGNED, &ask), EINVAL, "five images");
	expect_errno(ioctl(vm.fd, KCORE_IOC_FINALISE_SIGNED, NULL), EFAULT, "no arguments");
	expect(state_of(&vm) == KCORE_STATE_CREATED, "these left the VM as it was");
	vm_destroy(&vm);
	kvm_start(&vm, false);
	ask.nr_images = 0;
	expect_errno(ioctl(vm.fd, KCORE_IOC_FINALISE_SIGNED, &ask), EBUSY, "a normal VM");
	expect_errno(ioctl(vm.fd, KCORE_IOC_GET_MEASUREMENT, &m), EINVAL, "its measurement");
	vm_destroy(&vm);
	expect(stat_read(KCORE_STAT_vms) == vms && stat_read(KCORE_STAT_pages_vm) == pages, "VMs and their pages in KCore's books: as before");
}

void attack_signed_only(void)
{
	static struct rawvm r;
	struct kcore_measurement m;

	driver_open();
	if (!HC(INFO, KCORE_INFO_SIGNED_ONLY))
		skip("the host may have unsigned ones (boot it with kcore.signed_only)");
	raw_create(&r, KCORE_VM_PROTECTED, 1);
	expect_result(raw_finalise(&r), KCORE_EPERM, "finalised without a signature");
	expect_result(raw_run(&r, 0), KCORE_ESTATE, "run");
	end(&r);
	raw_create(&r, KCORE_VM_NORMAL, 1);
	raw_boot(&r);
	expect_running(&r, "a normal VM");
	end(&r);
	start_right(&m);
}
