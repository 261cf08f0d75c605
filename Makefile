# SPDX-License-Identifier: GPL-2.0-only
# Entry points; `make help` says what they do.  The work is done by common-core/, tools/ and ci/.

RELEASE ?= v6.1
KCORE ?= y
O ?= build
V ?= 0
CROSS_COMPILE ?= aarch64-linux-gnu-

# KCore's and the host programs' own Makefiles get what they need as arguments, the kernel's nothing
MAKEFLAGS += --no-print-directory -rR
override O := $(abspath $(O))
export O V RELEASE CROSS_COMPILE
Q := $(if $(filter 1,$(V)),,@)
quiet := $(if $(filter 1,$(V)),,>/dev/null)

src := $(O)/src/$(RELEASE)
dir := $(O)/$(RELEASE)
tree := $(dir)/tree
variant := $(if $(filter n,$(KCORE)),stock,kcore)
kernel := $(dir)/$(variant)
image := $(kernel)/arch/arm64/boot/Image
kcore := $(O)/kcore/kcore.bin
retrofit := $(O)/tools/retrofit/retrofit
fragments := versions/config/host.config versions/config/$(variant).config \
	$(wildcard versions/$(RELEASE)/kernel.config)

# make boot
CPU ?= cortex-a57
SMP ?= 2
T ?= all

help:
	@echo 'Usage: make [VARIABLE=value]... [target]'
	@echo
	@echo 'Whole project (each sets up what it needs):'
	@echo '  demo        build everything, boot a release under KCore, run and attack a protected VM, show a table'
	@echo '  check       run every test; ends with "N passed, N failed, N skipped"'
	@echo
	@echo 'Steps:'
	@echo '  setup       install the Debian packages of tools/packages.list (as root; else say what to run)'
	@echo '  source      fetch, verify and unpack the release'"'"'s kernel source'
	@echo '  kcore       build KCore'
	@echo '  lint        check that common-core/core keeps to the C subset that is proved (docs/subset.md)'
	@echo '  retrofit    run the semantic patches and make the retrofitted tree'
	@echo '  kernel      build its Image with KCore (KCORE=n: without)'
	@echo '  initramfs   build what is booted with it: test VMM, guests, attacks'
	@echo '  boot        boot it under QEMU with EL2 and run the tests named by T='
	@echo '  bench       instructions per operation, stock and under KCore'
	@echo '  mutants     take single checks out of KCore and see the attacks succeed'
	@echo '  clean       remove what was built, keep the kernel sources'
	@echo '  distclean   remove the build directory'
	@echo
	@echo 'Variables:'
	@echo '  O=DIR             build directory (build)'
	@echo '  V=1               show the commands and their output'
	@echo '  RELEASE=$(RELEASE)      kernel release: $(patsubst versions/%/release.conf,%,$(wildcard versions/*/release.conf))'
	@echo '  KSRC_v6_1=DIR     use this tree as the pristine source of v6.1 (not verified); likewise the others'
	@echo '  CROSS_COMPILE=    prefix of the arm64 compiler (aarch64-linux-gnu-)'
	@echo '  CPU= SMP= T=      of boot: QEMU CPU (cortex-a57), number of CPUs (2), tests (all)'
	@echo
	@echo 'docs/usage.md has the rest.'

setup:
	$(Q)tools/setup

source:
	$(Q)tools/fetch-source --output $(O) $(RELEASE)

kcore:
	$(Q)mkdir -p $(O)/kcore
	$(Q)$(MAKE) -C common-core O=$(O)/kcore V=$(filter 1,$(V)) $(quiet)
	@printf '  %-7s %s\n' KCORE "$(kcore) sha256:$$(sha256sum <$(kcore) | cut -d' ' -f1)"

$(retrofit): FORCE
	$(Q)mkdir -p $(@D)
	$(Q)$(MAKE) -C tools/retrofit O=$(@D) $(quiet)

c2coq:
	$(Q)mkdir -p $(O)/tools/c2coq
	$(Q)$(MAKE) -C tools/c2coq O=$(O)/tools/c2coq $(quiet)

lint: c2coq
	$(Q)C2COQ=$(O)/tools/c2coq/c2coq tools/c2coq/lint.sh common-core/core -- \
		$$($(MAKE) -s -C common-core print-core-cflags)
	@printf '  %-7s %s\n' LINT 'common-core/core'

retrofit: source kcore $(retrofit)
	$(Q)mkdir -p $(dir)
	$(Q)$(retrofit) --release $(RELEASE) --rules semantic-patches --tree $(src) --output $(dir)/retrofit \
		--jobs $$(nproc) $(quiet)
	$(Q)tools/make-tree --pristine $(src) --series $(dir)/retrofit/quilt --output $(tree) \
		--overlay versions/common/kernel --overlay versions/$(RELEASE)/kernel \
		--file common-core/include/kcore/abi.h=arch/arm64/kvm/kcore/abi.h \
		--file $(kcore)=arch/arm64/kvm/kcore/kcore.bin

kernel: retrofit
	+$(Q)tools/build-kernel --tree $(tree) --output $(kernel) --cross $(CROSS_COMPILE) \
		$(if $(filter n,$(KCORE)),--no-blob,--blob) $(kcore) $(if $(filter 1,$(V)),--verbose) $(fragments)

clean:
	$(Q)find $(O) -mindepth 1 -maxdepth 1 ! -name src ! -name apt -exec rm -rf {} + 2>/dev/null || :

distclean:
	$(Q)rm -rf $(O)

FORCE:
.PHONY: help setup source kcore c2coq lint retrofit kernel clean distclean FORCE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
