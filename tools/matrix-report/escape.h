/* SPDX-License-Identifier: GPL-2.0-only */
/* Text in XML and HTML; tools/bench-report has it too */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stdio.h>

void print_escaped(FILE *out, const char *text);

#endif
