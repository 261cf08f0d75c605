/* SPDX-License-Identifier: GPL-2.0-only */
/* A small table of hypercalls for the tests. */
#define KCORE_HYPERCALLS(X) X(0, VERSION, hc_version, 0, "", "", "-") X(3, PUT, hc_put, 2, "a, b", "", "-")
enum { KCORE_HC_VERSION = 0xc6004b00, KCORE_HC_PUT = 0xc6004b03 };
