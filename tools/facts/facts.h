/* SPDX-License-Identifier: GPL-2.0-only */
/* facts - what the proofs have to know of one built kernel and of the KCore image */
#ifndef FACTS_H
#define FACTS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_ENV = 3 };

_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *xrealloc(void *p, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *read_text(const char *path);

/* dwarf.c: types as one compilation unit of the kernel has them */
struct unit;

struct unit *unit_open(const char *path, const char *source);
void unit_close(struct unit *u);
bool unit_struct(struct unit *u, const char *name, Dwarf_Die *type);
bool unit_enumerator(struct unit *u, const char *name, int64_t *value);
void type_peel(Dwarf_Die *type);
bool type_pointee(Dwarf_Die *type);
uint64_t type_size(Dwarf_Die *type);
bool type_element(Dwarf_Die *type, Dwarf_Die *element, uint64_t *count);
bool type_member(Dwarf_Die *type, const char *name, Dwarf_Die *member, uint64_t *offset);
/* Members in their order, those of unnamed structures among them */
void type_members(Dwarf_Die *type, void (*each)(void *arg, const char *name, uint64_t offset, Dwarf_Die *type), void *arg);
void enum_values(struct unit *u, const char *name, void (*each)(void *arg, const char *name, int64_t value), void *arg);

/* glue.c: what the glue copies between KVM's context and the shared page */
struct place {
	const char *space;	/* structure that `at' is relative to: kvm_cpu_context, vgic_v3_cpu_if */
	char *name;		/* last member or enumerator of the path */
	uint64_t at;
	uint64_t bytes;
};

struct copy {
	char *field;		/* of the page */
	uint64_t at;
	uint64_t bytes;
	struct place kvm;
};

struct copies {
	struct copy *copy;
	size_t n;
};

struct glue {
	struct unit *unit;
	const char *macros;	/* what the preprocessor defines for run.c */
	struct copies into;	/* from KVM's context to the page */
	struct copies out;	/* and back */
};

void glue_read(struct glue *g, const char *directory);

/* image.c */
void image_print(FILE *out, const char *elf);

#endif
