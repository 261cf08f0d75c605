/* SPDX-License-Identifier: GPL-2.0-only */
/* Application work of the Linux guest. */
#ifndef GBENCH_H
#define GBENCH_H

/* All loops; prints BENCH lines */
void gbench(void);

/* What /init does when it is run as `cc IN OUT': its exit status */
int gbench_compile(const char *in, const char *out);
#endif
