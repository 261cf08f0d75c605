// SPDX-License-Identifier: GPL-2.0-only
/* Types from DWARF, as one compilation unit of the kernel has them. */
#include "facts.h"

#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct unit {
	Dwarf *dwarf;
	Dwarf_Die die;
	int fd;
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

struct unit *unit_open(const char *path, const char *source)
{
	struct unit *u = xrealloc(NULL, sizeof(*u));
	Dwarf_Off offset = 0, next;
	size_t header;

	u->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0)
		die(EXIT_ENV, "%s: %s; tools/check-facts makes it", path, strerror(errno));
	u->dwarf = dwarf_begin(u->fd, DWARF_C_READ);
	if (!u->dwarf)
		die(EXIT_ENV, "%s: no debugging information: %s", path, dwarf_errmsg(-1));
	while (!dwarf_nextcu(u->dwarf, offset, &next, &header, NULL, NULL, NULL)) {
		const char *name;

		if (dwarf_offdie(u->dwarf, offset + header, &u->die)) {
			name = dwarf_diename(&u->die);
			if (name && ends_with(name, source))
				return u;
		}
		offset = next;
	}
	die(EXIT_BAD, "%s: no compilation unit of %s: not these objects, or no debugging information", path, source);
}

void unit_close(struct unit *u)
{
	dwarf_end(u->dwarf);
	close(u->fd);
	free(u);
}

/* Declared types live in the unit's first level */
static bool find_type(struct unit *u, int tag, const char *name, Dwarf_Die *type)
{
	if (dwarf_child(&u->die, type))
		return false;
	do {
		const char *is = dwarf_diename(type);

		if (dwarf_tag(type) == tag && is && !strcmp(is, name) && !dwarf_hasattr(type, DW_AT_declaration))
			return true;
	} while (!dwarf_siblingof(type, type));
	return false;
}

bool unit_struct(struct unit *u, const char *name, Dwarf_Die *type)
{
	return find_type(u, DW_TAG_structure_type, name, type);
}

static bool enumerator(Dwarf_Die *die, const char **name, int64_t *value)
{
	Dwarf_Attribute attribute;
	Dwarf_Sword sword;
	Dwarf_Word word;

	if (dwarf_tag(die) != DW_TAG_enumerator || !dwarf_attr(die, DW_AT_const_value, &attribute))
		return false;
	*name = dwarf_diename(die);
	if (!dwarf_formsdata(&attribute, &sword))
		*value = sword;
	/* of unsigned enumerations the short forms would be sign-extended */
	if (dwarf_whatform(&attribute) != DW_FORM_sdata && !dwarf_formudata(&attribute, &word))
		*value = (int64_t)word;
	return *name;
}

bool unit_enumerator(struct unit *u, const char *wanted, int64_t *value)
{
	Dwarf_Die type, die;
	const char *name;

	if (dwarf_child(&u->die, &type))
		return false;
	do {
		if (dwarf_tag(&type) != DW_TAG_enumeration_type || dwarf_child(&type, &die))
			continue;
		do {
			if (enumerator(&die, &name, value) && !strcmp(name, wanted))
				return true;
		} while (!dwarf_siblingof(&die, &die));
	} while (!dwarf_siblingof(&type, &type));
	return false;
}

void enum_values(struct unit *u, const char *wanted, void (*each)(void *arg, const char *name, int64_t value), void *arg)
{
	Dwarf_Die type, item;
	const char *name;
	int64_t value;

	if (!find_type(u, DW_TAG_enumeration_type, wanted, &type) || dwarf_child(&type, &item))
		die(EXIT_BAD, "enum %s: not in the kernel's debugging information", wanted);
	do {
		if (enumerator(&item, &name, &value))
			each(arg, name, value);
	} while (!dwarf_siblingof(&item, &item));
}

static bool follow(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	return dwarf_attr_integrate(die, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, die);
}

void type_peel(Dwarf_Die *type)
{
	for (;;) {
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
			if (follow(type))
				continue;
		}
		return;
	}
}

bool type_pointee(Dwarf_Die *type)
{
	type_peel(type);
	if (dwarf_tag(type) != DW_TAG_pointer_type || !follow(type))
		return false;
	type_peel(type);
	return true;
}

bool type_element(Dwarf_Die *type, Dwarf_Die *element, uint64_t *count)
{
	Dwarf_Attribute attribute;
	Dwarf_Die range;
	Dwarf_Word word;

	type_peel(type);
	if (dwarf_tag(type) != DW_TAG_array_type || dwarf_child(type, &range))
		return false;
	if (dwarf_attr(&range, DW_AT_count, &attribute) && !dwarf_formudata(&attribute, &word))
		*count = word;
	else if (dwarf_attr(&range, DW_AT_upper_bound, &attribute) && !dwarf_formudata(&attribute, &word))
		*count = word + 1;
	else
		return false;
	*element = *type;
	if (!follow(element))
		return false;
	type_peel(element);
	return true;
}

uint64_t type_size(Dwarf_Die *type)
{
	Dwarf_Word size;

	if (dwarf_aggregate_size(type, &size))
		die(EXIT_BAD, "%s: a type without size", dwarf_diename(type) ? dwarf_diename(type) : "unnamed");
	return size;
}

static uint64_t member_offset(Dwarf_Die *member)
{
	Dwarf_Attribute attribute;
	Dwarf_Word word;

	/* members of a union have none */
	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
		return 0;
	if (dwarf_formudata(&attribute, &word))
		die(EXIT_BAD, "%s: a member without a constant offset", dwarf_diename(member));
	return word;
}

bool type_member(Dwarf_Die *type, const char *name, Dwarf_Die *member, uint64_t *offset)
{
	Dwarf_Die die, inner;

	type_peel(type);
	if (dwarf_child(type, &die))
		return false;
	do {
		const char *is = dwarf_diename(&die);

		if (dwarf_tag(&die) != DW_TAG_member)
			continue;
		*offset = member_offset(&die);
		inner = die;
		if (!follow(&inner))
			continue;
		type_peel(&inner);
		if (is && !strcmp(is, name)) {
			*member = inner;
			return true;
		}
		if (!is) {
			uint64_t outer = *offset;

			if (type_member(&inner, name, member, offset)) {
				*offset += outer;
				return true;
			}
		}
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

void type_members(Dwarf_Die *type, void (*each)(void *arg, const char *name, uint64_t offset, Dwarf_Die *type), void *arg)
{
	Dwarf_Die die, inner;

	if (dwarf_child(type, &die))
		return;
	do {
		if (dwarf_tag(&die) != DW_TAG_member)
			continue;
		inner = die;
		if (!follow(&inner))
			continue;
		type_peel(&inner);
		each(arg, dwarf_diename(&die), member_offset(&die), &inner);
	} while (!dwarf_siblingof(&die, &die));
}
