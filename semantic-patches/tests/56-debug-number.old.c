// SPDX-License-Identifier: GPL-2.0-only
// matches: H38 0
// as in v4.18: the table has the number
static bool trap_bvr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_bvr[rd->reg];

	access(vcpu, p, dbg_reg);
	trace(__func__, rd->reg, *dbg_reg);
	return true;
}

static void reset_sys_reg_descs(struct kvm_vcpu *vcpu,
				const struct sys_reg_desc *table, size_t num)
{
	unsigned long i;

	for (i = 0; i < num; i++)
		if (table[i].reset)
			reset(vcpu, &table[i]);
}
