// SPDX-License-Identifier: GPL-2.0-only
//
// The framework's own VM ioctls (type, finalise, statistics) are taken at the door.
//
// Hook:      H15
// Serves:    a VM becomes protected only while it is empty, and is finalised once
// Anchor:    kvm_arch_vm_ioctl(), called by generic KVM for what it does not know itself.  The test is
//            at the entry, because the default arm of its switch is no stable place.  The file
//            pointer and the argument are taken from the parameters by type.

@h15@
identifier filp, ioctl, arg;
position p;
statement S, S1;
@@
 kvm_arch_vm_ioctl@p(struct file *filp, unsigned int ioctl, unsigned long arg)
 {
 	... when != S1
+	if (kcore_ioctl_mine(ioctl))
+		return kcore_vm_ioctl(filp, ioctl, arg);
 	S
 	... when any
 }

@script:python@
p << h15.p;
@@
print("MATCH H15 %s %s" % (p[0].line, p[0].current_element))
