# SPDX-License-Identifier: GPL-2.0-only
# BearSSL's source for machine/measure.c, in the includer's build directory
BEARSSL ?= $(abspath $(O))/bearssl
BEARSSL_READY := $(BEARSSL)/inc/bearssl.h
BEARSSL_CFLAGS := -isystem $(BEARSSL)/inc -isystem $(BEARSSL)/src -isystem $(BEARSSL) -Wno-conversion -Wno-unused-parameter -Wno-sign-compare

$(BEARSSL_READY): $(dir $(lastword $(MAKEFILE_LIST)))../tools/fetch-bearssl
	$(Q)$< --output $(BEARSSL) && touch $@
