// SPDX-License-Identifier: GPL-2.0-only
/* The KCore image: its sections and stacks, and how its memory is laid out on machines of several sizes. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint32_t u32;
typedef uint64_t u64;
#include <kcore/abi.h>
#include <kcore/layout.h>

/* Machines that the layout is checked for, bytes of DRAM */
static const uint64_t machines[] = { 256ULL << 20, 2ULL << 30, 64ULL << 30, 1ULL << 40 };

static uint64_t symbol(Elf_Data *data, size_t n, Elf *elf, size_t strings, const char *wanted, uint64_t *size)
{
	GElf_Sym sym;

	for (size_t i = 0; i < n; i++) {
		const char *name = gelf_getsym(data, (int)i, &sym) ? elf_strptr(elf, strings, sym.st_name) : NULL;

		if (name && !strcmp(name, wanted)) {
			*size = sym.st_size;
			return sym.st_value;
		}
	}
	die(EXIT_BAD, "kcore.elf: no symbol %s", wanted);
}

void image_print(FILE *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *section = NULL;
	Elf_Data *data = NULL;
	size_t n = 0, strings = 0;
	uint64_t text, rodata, end, stacks, size;
	GElf_Shdr header;
	Elf *elf;

	if (fd < 0)
		die(EXIT_ENV, "%s: %s; 'make kcore' builds it", path, strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (elf && (section = elf_nextscn(elf, section))) {
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB) {
			data = elf_getdata(section, NULL);
			n = header.sh_size / header.sh_entsize;
			strings = header.sh_link;
		}
	}
	if (!data)
		die(EXIT_BAD, "%s: no ELF file with symbols", path);
	text = symbol(data, n, elf, strings, "kcore_text_end", &size);
	rodata = symbol(data, n, elf, strings, "kcore_rodata_end", &size);
	end = symbol(data, n, elf, strings, "kcore_end", &size);
	stacks = symbol(data, n, elf, strings, "stacks", &size);
	elf_end(elf);
	close(fd);

	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by tools/facts from kcore.elf; do not edit. *)\n"
		"From KCore Require Import versions.Ver.\n"
		"Local Open Scope string_scope.\nLocal Open Scope Z_scope.\n\n"
		"(* One image for all releases.  Offsets in KCore's memory. *)\n"
		"Definition kcore_image : image := {|\n"
		"  i_sections := [\n"
		"    Region \"text\" 0 %ju;\n"
		"    Region \"constants\" %ju %ju;\n"
		"    Region \"cells and stacks\" %ju %ju];\n",
		(uintmax_t)text, (uintmax_t)text, (uintmax_t)rodata, (uintmax_t)rodata, (uintmax_t)end);
	fprintf(out, "  i_stacks := Region \"stacks\" %ju %ju;\n"
		"  i_stack_slot := %d;\n  i_roots_at := %lu;\n  i_root_bytes := %lu;\n  i_records_at := %lu;\n",
		(uintmax_t)stacks, (uintmax_t)(stacks + size), STACK_SLOT, ROOTS_OFFSET, ROOT_BYTES, RECORDS_OFFSET);
	fprintf(out, "  i_ipa_bits := %d;\n  i_vms := %lu;\n  (* DRAM, KCORE_REGION_SIZE(DRAM) *)\n  i_machines := [\n",
		KCORE_IPA_BITS, KCORE_NR_VMS);
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		fprintf(out, "    (%ju, %ju)%s\n", (uintmax_t)machines[i], (uintmax_t)KCORE_REGION_SIZE(machines[i]),
			i + 1 < sizeof(machines) / sizeof(*machines) ? ";" : "]");
	fprintf(out, "|}.\n");
}
