// SPDX-License-Identifier: GPL-2.0-only
// matches: H37 1
int kvm_vm_ioctl_check_extension(struct kvm *kvm, long ext)
{
	int answer;

	trace(kvm, ext);
	answer = table[ext];
	return answer;
}
