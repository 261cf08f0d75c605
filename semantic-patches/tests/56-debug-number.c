// SPDX-License-Identifier: GPL-2.0-only
// matches: H38 4
// as from v5.3 to v5.12: the table has 0 for each
static bool trap_bvr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_bvr[rd->reg];

	access(vcpu, p, dbg_reg);
	trace(__func__, rd->reg, *dbg_reg);
	return true;
}

static int set_bvr(struct kvm_vcpu *vcpu, const struct sys_reg_desc *rd,
		   const struct kvm_one_reg *reg)
{
	u64 *r = &vcpu->arch.debug.dbg_bvr[rd->reg];

	return copy(r, reg);
}

static bool trap_bcr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_bcr[rd->reg];

	access(vcpu, p, dbg_reg);
	return true;
}

static bool trap_wvr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_wvr[rd->reg];

	access(vcpu, p, dbg_reg);
	trace(__func__, rd->reg, vcpu->arch.debug.dbg_wvr[rd->reg]);
	return true;
}

static bool trap_wcr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_wcr[rd->reg];

	access(vcpu, p, dbg_reg);
	return true;
}

static bool trap_xvr(struct kvm_vcpu *vcpu, struct params *p,
		     const struct sys_reg_desc *rd)
{
	u64 *dbg_reg = &vcpu->arch.debug.dbg_bvr[rd->reg];

	access(vcpu, p, dbg_reg);
	return true;
}

static void reset_sys_reg_descs(struct kvm_vcpu *vcpu,
				const struct sys_reg_desc *table, size_t num,
				unsigned long *bmap)
{
	unsigned long i;

	for (i = 0; i < num; i++)
		if (table[i].reset)
			reset(vcpu, &table[i], bmap);
}
