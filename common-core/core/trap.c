/* SPDX-License-Identifier: GPL-2.0-only */
/* Traps of the host: hypercalls, SMCs, stage-2 aborts, FP; everything else is UNDEFINED there. */
#include "core.h"

#define EC_FP			0x07UL
#define EC_HVC			0x16UL
#define EC_SMC			0x17UL
#define EC_SVE			0x19UL
#define EC_SME			0x1dUL
#define EC_IABT			0x20UL
#define EC_DABT			0x24UL
#define ESR_IL			0x2000000UL
#define ESR_CM			0x100UL
#define ESR_WNR			0x40UL
#define FSC_ALIGNMENT		0x21UL
#define STUB_FINALISE		3UL

#define ENTER_GUEST		1UL
#define RETURN_HOST		0UL

#define ARGUMENTS_0
#define ARGUMENTS_1		x1
#define ARGUMENTS_2		x1, x2
#define ARGUMENTS_3		x1, x2, x3
#define ARGUMENTS_5		x1, x2, x3, x4, x5
#define DISPATCH(nr, NAME, handler, nargs, args, text, errors) \
	if (fn == KCORE_FN(nr##UL)) \
		return handler(ARGUMENTS_##nargs);

/* The hypercall table (abi.h). */
static u64 host_call(u64 fn)
{
	u64 x1 = host_x(1UL);
	u64 x2 = host_x(2UL);
	u64 x3 = host_x(3UL);
	u64 x4 = host_x(4UL);
	u64 x5 = host_x(5UL);

	KCORE_HYPERCALLS(DISPATCH)
	return KCORE_ENOSYS;
}

/* A call of the kernel's hyp-stub: nothing that would hand EL2 over. */
static void host_stub(u64 cpu, u64 fn)
{
	if (fn == STUB_FINALISE) {
		host_x_set(0UL, 0UL);
		return;
	}
	stat_add(cpu, KCORE_STAT_stub_refused);
	lock_acquire();
	log_event(LOG_STUB_REFUSED, fn, 0UL);
	lock_release();
	host_x_set(0UL, KCORE_STUB_ERR);
}

/* HVC of the host; the PC is behind it. */
static u64 host_hvc(u64 cpu)
{
	u64 fn = host_x(0UL);
	u64 start;
	u64 r;

	if (fn == KCORE_FN(1UL)) {
		r = host_x(1UL);
		r = hc_vcpu_run(r);
		if (r == 0UL)
			return ENTER_GUEST;
		host_x_set(0UL, r);
		return RETURN_HOST;
	}
	if (fn < KCORE_STUB_CALLS) {
		host_stub(cpu, fn);
		return RETURN_HOST;
	}
	start = counter_read();
	r = host_call(fn);
	host_x_set(0UL, r);
	stat_add(cpu, KCORE_STAT_host_call);
	if (r >= KCORE_ERR_MIN)
		stat_add(cpu, KCORE_STAT_host_call_error);
	r = counter_read();
	stat_max(cpu, KCORE_STAT_el2_max, r - start);
	return RETURN_HOST;
}

/* The host enters its own handler for an exception at EL1. */
static void host_exception(u64 esr, u64 far)
{
	u64 pc = host_pc();
	u64 pstate = host_pstate();
	u64 vector = exception_vector(pstate);
	u64 handler = exception_pstate(pstate);

	exception_take(pc, pstate, esr, far);
	host_pc_set(vector);
	host_pstate_set(handler);
}

/*
 * A stage-2 abort of the host.  What is refused comes back as an alignment fault: the one status whose
 * kernel handler tries the exception fixups (uaccess gets -EFAULT), signals SIGBUS to a user access, and
 * never tries again.
 */
static void host_abort(u64 cpu, u64 esr)
{
	u64 far = far_read();
	u64 hpfar = hpfar_read();
	u64 pc = host_pc();
	u64 pstate = host_pstate();
	u64 ipa = ((hpfar & 0xfffffffff0UL) << 8UL) | (far & (PAGE_BYTES - 1UL));
	u64 translation = (esr & 0x3cUL) == 0x4UL ? 1UL : 0UL;
	u64 ec = esr >> 26UL;
	u64 wnr = ec == EC_DABT && (esr & ESR_CM) == 0UL ? esr & ESR_WNR : 0UL;
	u64 ok = 0UL;

	stat_add(cpu, KCORE_STAT_host_fault);
	if (translation != 0UL)
		ok = host_fault_map(ipa);
	if (ok != 0UL)
		return;
	if (ec == EC_DABT && (esr & ESR_CM) != 0UL) {
		host_pc_set(pc + 4UL);	/* cache maintenance on a page that isn't its own: nothing to do */
		return;
	}
	stat_add(cpu, KCORE_STAT_host_injected);
	lock_acquire();
	log_event(LOG_HOST_REFUSED, ipa, esr);
	lock_release();
	if ((pstate & PSTATE_MODE) == EL1H || (pstate & PSTATE_MODE) == 4UL)
		ec = ec + 1UL;
	host_exception((ec << 26UL) | ESR_IL | wnr | FSC_ALIGNMENT, far);
}

/* Any other synchronous trap of the host. */
static void host_other(u64 cpu, u64 esr)
{
	u64 ec = esr >> 26UL;
	u64 fp = get_cpu_fp(cpu);

	if (ec == EC_SMC)
		host_smc(cpu);
	else if (ec == EC_IABT || ec == EC_DABT)
		host_abort(cpu, esr);
	else if (fp != 0UL && (ec == EC_FP || ec == EC_SVE || ec == EC_SME))
		host_fp_trap(cpu);
	else
		host_exception(ESR_IL, 0UL);
}

/* Entry from the host's vectors: kind 0 synchronous; interrupts and SErrors of the host never come here. */
u64 host_trap(u64 kind)
{
	u64 cpu = cpu_id();
	u64 esr = esr_read();
	u64 start;
	u64 end;

	if (kind != 0UL)
		halt(HALT_HOST_EVENT, kind);
	if (esr >> 26UL == EC_HVC)
		return host_hvc(cpu);
	start = counter_read();
	host_other(cpu, esr);
	end = counter_read();
	stat_max(cpu, KCORE_STAT_el2_max, end - start);
	return RETURN_HOST;
}
