/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TVMM_GIC_H
#define TVMM_GIC_H

struct vm;

/* The kernel's vGIC: version 3 where the host has one, else 2.  0, or -1 after a message. */
int gic_create(struct vm *vm);

/* Which version that will be, and whether it serves that many vCPUs.  0, or -1 after a message. */
int gic_probe(struct vm *vm, unsigned int vcpus);
#endif
