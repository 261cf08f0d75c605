/* SPDX-License-Identifier: GPL-2.0-only */
#define for_each_slot(c) for (;;)
