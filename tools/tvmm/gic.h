/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TVMM_GIC_H
#define TVMM_GIC_H

struct vm;
struct vm_config;

/* The kernel's vGIC, of the version that gic_probe found, and its ITS if one is wanted.  0, or -1 after a message. */
int gic_create(struct vm *vm, const struct vm_config *config);

/*
 * The version: the one wanted, else 3 where the host has it, else 2; and whether it serves that many vCPUs.
 * 0, or -1 after a message.
 */
int gic_probe(struct vm *vm, const struct vm_config *config);
#endif
