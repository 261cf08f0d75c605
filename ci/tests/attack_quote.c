// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on quotes: what KCore signs of a protected VM.  Each signature is checked here, by the public key that KCore shows; that a right
 * quote is good is shown first.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "attacks.h"
#include "sign.h"

static const u64 nonce[4] = { 0x1111111111111111UL, 0x2222222222222222UL, 0x3333333333333333UL, 0x4444444444444444UL };
static u64 key[8];

static void expect_result(u64 r, u64 want, const char *what)
{
	expect(r == want, "%s: %s", what, result_text(r));
}

static u64 word(u64 vm, u64 n)
{
	struct kcore_test_call call = { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VM_MEASUREMENT, vm, n } };

	if (ioctl(driver_fd(), KCORE_TEST_CALL, &call) || call.x[0])
		give_up("VM_MEASUREMENT: %s", strerror(errno));
	return call.x[1];
}

static void read_words(u64 vm, u64 from, u64 nr, void *to)
{
	for (u64 i = 0; i < nr; i++)
		memcpy((u8 *)to + 8 * i, &(u64){ word(vm, from + i) }, 8);
}

static void need_key(void)
{
	u64 any = 0;

	driver_open();
	read_words(0, 0, 8, key);
	for (unsigned int i = 0; i < 8; i++)
		any |= key[i];
	if (!any)
		skip("this KCore has no key: the kernel had no random numbers when it was installed");
}

static void read_quote(u64 vm, struct kcore_measurement *m, struct kcore_quote *q)
{
	read_words(vm, 0, sizeof(*m) / 8, m);
	read_words(vm, KCORE_QUOTE_WORD, sizeof(*q) / 8, q);
}

static u64 ask(u64 vm, u64 change)
{
	return HC(VM_QUOTE, vm, nonce[0], nonce[1], nonce[2], nonce[3] ^ change);
}

/* A protected VM that runs, and a good quote of it */
static void quoted(struct rawvm *r, struct kcore_measurement *m, struct kcore_quote *q)
{
	raw_create(r, KCORE_VM_PROTECTED, 1);
	raw_boot(r);
	expect(raw_agent(r, AGENT_NOP, 0, 0, 0) == AGENT_HELLO, "the VM runs");
	expect_result(ask(r->vm, 0), 0, "its quote");
	read_quote(r->vm, m, q);
	expect(q->magic == KCORE_QUOTE_MAGIC && q->who == KCORE_QUOTE_HOST && !memcmp(q->data, nonce, sizeof(nonce)) && quote_signed(key, q, m),
	       "it is what was asked for, and signed");
}

static void end(struct rawvm *r)
{
	u64 e = raw_destroy(r);

	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(r);
}

/* Anything else than what was quoted isn't signed. */
void attack_quote_forged(void)
{
	static struct rawvm a, b;
	struct kcore_measurement m, other;
	struct kcore_quote q, bad;
	unsigned int good = 0;

	need_key();
	quoted(&a, &m, &q);
	for (unsigned int i = 0; i < sizeof(q) / 8; i++) {
		bad = q;
		((u64 *)&bad)[i] ^= 1UL << i;
		good += quote_signed(key, &bad, &m);
	}
	bad = q;
	bad.who = KCORE_QUOTE_GUEST;
	good += quote_signed(key, &bad, &m);
	for (unsigned int i = 0; i < sizeof(m) / 8; i++) {
		other = m;
		((u64 *)&other)[i] ^= 1UL << i;
		good += quote_signed(key, &q, &other);
	}
	expect(!good, "words of quote and measurement changed one by one: %u of these are signed", good);
	raw_create(&b, KCORE_VM_PROTECTED, 2);
	raw_boot(&b);
	expect_result(ask(b.vm, 0), 0, "another VM's quote");
	read_quote(b.vm, &other, &bad);
	expect(quote_signed(key, &bad, &other), "it is signed");
	expect(!quote_signed(key, &bad, &m) && !quote_signed(key, &q, &other), "in the place of the first VM's it isn't");
	read_quote(a.vm, &m, &bad);
	expect(!memcmp(&bad, &q, sizeof(q)), "the first VM's is still there");
	end(&b);
	end(&a);
}

/* The guest asks too: the host finds its own quote, as it was, and nothing that says that the guest asked. */
void attack_quote_who(void)
{
	static struct rawvm r;
	struct kcore_measurement m;
	struct kcore_quote q, now;
	unsigned int others = 0;

	need_key();
	quoted(&r, &m, &q);
	expect_result(raw_agent(&r, AGENT_HVC, KCORE_HC_VM_QUOTE, 7, 8), 0, "the guest's quote");
	read_quote(r.vm, &m, &now);
	expect(!memcmp(&now, &q, sizeof(q)), "the host's is as it was");
	for (u64 n = sizeof(m) / 8; n < 4 * KCORE_QUOTE_WORD; n++)
		others += (n < KCORE_QUOTE_WORD || n >= KCORE_QUOTE_WORD + sizeof(q) / 8) && word(r.vm, n) != 0;
	for (u64 n = 8; n < 4 * KCORE_QUOTE_WORD; n++)
		others += word(0, n) != 0;
	expect(!others, "words that are nobody's to read: %u are not 0", others);
	expect_result(ask(r.vm, 1), 0, "the host asks again");
	read_quote(r.vm, &m, &now);
	expect(quote_signed(key, &now, &m) && !quote_signed(key, &(struct kcore_quote){ now.magic, now.who, { nonce[0], nonce[1], nonce[2], nonce[3] }, { 0 } }, &m),
	       "for the new nonce and no other");
	end(&r);
}

/* No quote: what the handle's last VM left until this one was finalised stays as it was. */
static void expect_none(u64 vm, u64 want, bool finalised, const char *what)
{
	u64 before[sizeof(struct kcore_quote) / 8];
	u64 any = 0, changed = 0;

	for (unsigned int i = 0; i < sizeof(before) / 8; i++)
		any |= before[i] = word(vm, KCORE_QUOTE_WORD + i);
	expect_result(ask(vm, 0), want, what);
	for (unsigned int i = 0; i < sizeof(before) / 8; i++)
		changed |= before[i] ^ word(vm, KCORE_QUOTE_WORD + i);
	expect(!changed && !(finalised && any), "%s: no words", what);
}

void attack_quote_state(void)
{
	static struct rawvm r, normal, waiting, next;
	struct kcore_measurement m;
	struct kcore_quote q;

	need_key();
	quoted(&r, &m, &q);
	raw_create(&normal, KCORE_VM_NORMAL, 1);
	raw_boot(&normal);
	expect_none(normal.vm, KCORE_ESTATE, false, "a normal VM's");
	end(&normal);
	raw_create(&waiting, KCORE_VM_PROTECTED, 1);
	expect_none(waiting.vm, KCORE_ESTATE, false, "of one that isn't finalised");
	expect_result(raw_finalise_signed(&waiting), 0, "finalised");
	expect_none(waiting.vm, KCORE_ESTATE, true, "of one that waits for its signature");
	expect_result(HC(VM_START, waiting.vm), KCORE_EPERM, "started without");
	expect_none(waiting.vm, KCORE_ESTATE, true, "of one that was refused");
	end(&waiting);
	expect_result(ask(waiting.vm, 0), KCORE_EINVAL, "of one that is gone");
	expect_result(ask(0, 0), KCORE_EINVAL, "the host's");
	expect_result(ask(KCORE_NR_VMS, 0), KCORE_EINVAL, "a handle too large");
	expect_result(ask(~0UL, 0), KCORE_EINVAL, "the largest");
	expect_result(HC(VM_DESTROY_BEGIN, r.vm), 0, "the VM begins to die");
	expect_result(ask(r.vm, 1), KCORE_ESTATE, "then its quote");
	end(&r);
	raw_create(&next, KCORE_VM_PROTECTED, 1);
	raw_boot(&next);
	read_quote(next.vm, &m, &q);
	expect(next.vm != r.vm || !q.magic, "the handle's next VM has none");
	end(&next);
}

void attack_quote_ioctl(void)
{
	struct vm_config config = { .vcpus = 1, .memory = RAW_MEMORY };
	struct kcore_vm_quote q = { .data = { nonce[0], nonce[1], nonce[2], nonce[3] } };
	struct kcore_vm_measurement words;
	struct kcore_measurement m;
	struct kcore_quote is;
	bool environment;
	struct vm vm;

	need_key();
	for (unsigned int i = 0; i < 2; i++) {
		config.is_protected = i;
		if (vm_create(&vm, &config, &environment) || payload_load(&vm, payload_find("agent")))
			give_up("VM not set up");
		expect(ioctl(vm.fd, KCORE_IOC_QUOTE, &q) && errno == EINVAL, "%s: %s", i ? "not finalised" : "a normal VM", strerror(errno));
		if (i) {
			if (vm_finalise(&vm))
				give_up("VM not finalised");
			expect(!ioctl(vm.fd, KCORE_IOC_QUOTE, &q) && !ioctl(vm.fd, KCORE_IOC_GET_MEASUREMENT, &words), "finalised");
			memcpy(&is, q.word, sizeof(is));
			memcpy(&m, words.word, sizeof(m));
			expect(quote_signed(key, &is, &m), "its quote is signed");
			expect(ioctl(vm.fd, KCORE_IOC_QUOTE, NULL) && errno == EFAULT, "no arguments: %s", strerror(errno));
		}
		vm_destroy(&vm);
	}
}
