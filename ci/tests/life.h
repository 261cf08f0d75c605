/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of `life' that have a file of their own. */
#ifndef LIFE_H
#define LIFE_H

void registers(void);
void keys(void);
void debugged(void);
void counters(void);
void sve(void);
void aarch32(void);

#endif
