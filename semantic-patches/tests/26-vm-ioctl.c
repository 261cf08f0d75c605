// SPDX-License-Identifier: GPL-2.0-only
// matches: H15 1
long kvm_arch_vm_ioctl(struct file *filp,
		       unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;
	long r;

	r = first(kvm);
	switch (ioctl) {
	case 1:
		return r;
	default:
		return -EINVAL;
	}
}

long kvm_arch_vcpu_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	return -EINVAL;
}
