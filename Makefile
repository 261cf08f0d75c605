# SPDX-License-Identifier: GPL-2.0-only
# Entry points; `make help` says what they do.  The work is done by common-core/, tools/ and ci/.

RELEASE ?= v6.1
KCORE ?= y
O ?= build
V ?=
CROSS_COMPILE ?= aarch64-linux-gnu-

# KCore's and the host programs' own Makefiles get what they need as arguments, the kernel's nothing
MAKEFLAGS += --no-print-directory -rR
override O := $(abspath $(O))
# Empty or 1, for all the Makefiles below
override V := $(filter 1,$(V))
export O V RELEASE CROSS_COMPILE
Q := $(if $(V),,@)
quiet := $(if $(V),,>/dev/null)
# A recipe that hands the jobserver on; not with make -n
jobs := $(if $(findstring n,$(firstword -$(MAKEFLAGS))),,+)

src := $(O)/src/$(RELEASE)
dir := $(O)/$(RELEASE)
tree := $(dir)/tree
variant := $(if $(filter n,$(KCORE)),stock,kcore)
kernel := $(dir)/$(variant)
image := $(kernel)/arch/arm64/boot/Image
initramfs := $(kernel).cpio
kcore := $(O)/kcore/kcore.bin
retrofit := $(O)/tools/retrofit/retrofit
facts := $(O)/tools/facts/facts
hookcheck := $(O)/tools/hookcheck/hookcheck
base := versions/config/host.config $(wildcard versions/$(RELEASE)/kernel.config)
fragments := $(base) versions/config/$(variant).config
host-flags := $(shell sed -n 's/^RELEASE_HOST_FLAGS=//p' versions/$(RELEASE)/release.conf 2>/dev/null)

# make port
FROM ?=
WRITE ?=
KSRC ?=

# make boot
CPU ?= cortex-a57
SMP ?= 2
GIC ?= 3
T ?= all
RELEASES ?=
M ?=
ONLY ?=
CALLS ?=
SEED ?=
MINUTES ?=
KUT ?=
CONFIG ?=
KVMTOOL ?=
GUEST ?= v6.12
LIMIT ?=
STAGES ?=
comma := ,
under-kcore = --expect "sha256 $$(sha256sum <$(kcore) | cut -c1-64); host behind stage 2"

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
	@echo '  proofs      compile the proofs and run their gates'
	@echo '  proof-mutants  put faults into the core and see proofs fail (M=names)'
	@echo '  oracle      random events on the compiled core and in the top machine of the proof: all that is left behind is the same (CALLS=, SEED=,'
	@echo '              MINUTES=; oracle-run: the events alone; oracle-image: calls of the host on the image in QEMU; planted: faults in the core are found, M=names; fuzz: libFuzzer for MINUTES=)'
	@echo '  retrofit    run the semantic patches and make the retrofitted tree'
	@echo '  kernel      build its Image with KCore (KCORE=n: without)'
	@echo '  hookcheck   find each hook in the built kernel, where the ledger says and nowhere else'
	@echo '  facts       compare what the proofs assume of the release with what was built; facts-update: write it anew'
	@echo '  vmsign      build the tool that signs VMs (docs/auth.md)'
	@echo '  initramfs   build what is booted with it: test VMM, guests, attacks'
	@echo '  boot        boot it under QEMU with EL2 and run the tests named by T='
	@echo '  bench       instructions per operation, of application work and by growth, stock and under KCore, as a page (RELEASES=)'
	@echo '  parity      selftests of KVM of the release on both kernels, with KCORE=n and with KCore: is there a difference? (ONLY=, LIMIT=;'
	@echo '              KUT=path: kvm-unit-tests too)'
	@echo '  vmm         QEMU of Debian, and kvmtool, boot a Linux guest with virtio devices, on both kernels (ONLY=, LIMIT=; KVMTOOL=path of a checkout)'
	@echo '  protected-io  a protected guest, of the stock source of GUEST=, with a virtio disk and console; what the host sees of its memory (ONLY=, LIMIT=)'
	@echo '  faults      memory runs out, VMMs are killed, pages move, while VMs live, on a kernel for that (T=faults:names, LIMIT=)'
	@echo '  port        what becomes of the hooks on a release that has no directory: RELEASE=v6.18 KSRC=path [FROM=v6.12] [WRITE=1]'
	@echo '  mutants     take single checks out of KCore and see the attacks succeed'
	@echo '  upstream-mutants  mutate the kernel code around each hook and see which gate catches it (M=operator)'
	@echo '  clean       remove what was built, keep the kernel sources'
	@echo '  distclean   remove the build directory'
	@echo '  matrix      every stage of every release; results in $$O/matrix (RELEASES=, STAGES=: ci/matrix.sh --help)'
	@echo '  series      the retrofit as patches for a Debian source package (3.0 quilt)'
	@echo '  deb         Debian packages of the kernel with KCore, its hash, ledger, SBOM and summary of the proof'
	@echo '              (CONFIG=file: of a configuration of yours)'
	@echo '  reuse       lines of core, proof, glue and rules; what each release verifies again and what it reuses'
	@echo
	@echo 'Variables:'
	@echo '  O=DIR             build directory (build)'
	@echo '  V=1               show the commands and their output'
	@echo '  RELEASE=$(RELEASE)      kernel release: $(patsubst versions/%/release.conf,%,$(wildcard versions/*/release.conf))'
	@echo '  KSRC_v6_1=DIR     use this tree as the pristine source of v6.1 (not verified); likewise the others'
	@echo '  CROSS_COMPILE=    prefix of the arm64 compiler (aarch64-linux-gnu-)'
	@echo '  CPU= SMP= GIC= T= of boot: QEMU CPU (cortex-a57), number of CPUs (2), version of the GIC (3), tests (all)'
	@echo '  STAGES=           of check: only these stages (ci/check.sh --help)'
	@echo
	@echo 'docs/usage.md has the rest.'

# Marks the build directory: nothing is built into, or removed from, a directory that has other things in it
$(O)/.kcore-build:
	$(Q)if [ -n "$$(ls -A $(O) 2>/dev/null)" ]; then \
		echo "O=$(O): not empty, and not made by this Makefile" >&2; exit 2; \
	fi; \
	if ! mkdir -p $(O) 2>/dev/null || [ ! -w $(O) ]; then \
		echo "O=$(O): nothing can be written there" >&2; exit 3; \
	fi; : >$@

build-directory: $(O)/.kcore-build

setup:
	$(Q)tools/setup

source: $(O)/.kcore-build
	$(Q)tools/fetch-source --output $(O) $(RELEASE)

kcore: $(O)/.kcore-build
	$(Q)mkdir -p $(O)/kcore
	$(Q)$(MAKE) -C common-core O=$(O)/kcore V=$(V) $(quiet)
	@printf '  %-7s %s\n' KCORE "$(kcore) sha256:$$(sha256sum <$(kcore) | cut -d' ' -f1)"

$(retrofit): $(O)/.kcore-build FORCE
	$(Q)mkdir -p $(@D)
	$(Q)$(MAKE) -C tools/retrofit O=$(@D) $(quiet)

c2coq: $(O)/.kcore-build
	$(Q)mkdir -p $(O)/tools/c2coq
	$(Q)$(MAKE) -C tools/c2coq O=$(O)/tools/c2coq $(quiet)

lint: c2coq
	$(Q)C2COQ=$(O)/tools/c2coq/c2coq tools/c2coq/lint.sh common-core/core -- \
		$$($(MAKE) -s -C common-core print-core-cflags)
	@printf '  %-7s %s\n' LINT 'common-core/core'

proofs: $(O)/.kcore-build
	$(Q)$(MAKE) -C proofs O=$(O)/proofs

# The compiled core against the extracted top machine (docs/oracle.md): CALLS= events, SEED=, MINUTES= of fuzzing, M=names of planted faults
oracle-in = $(MAKE) -C tools/oracle O=$(O)/tools/oracle PROOFS=$(O)/proofs V=$(V) $(if $(CALLS),CALLS=$(CALLS)) $(if $(SEED),SEED=$(SEED)) $(if $(MINUTES),MINUTES=$(MINUTES))
oracle: $(O)/.kcore-build
	$(Q)$(oracle-in) check
oracle-run: $(O)/.kcore-build
	$(Q)$(oracle-in) run
oracle-image: initramfs
	$(Q)$(oracle-in) all
	$(Q)ci/oracle.sh --image $(image) --initrd $(initramfs) --oracle $(O)/tools/oracle/oracle-trace --output $(dir)/oracle \
		--calls $(or $(CALLS),100000) --seed $(or $(SEED),1) $(under-kcore)
planted: $(O)/.kcore-build
	$(Q)$(oracle-in) planted M="$(M)"
fuzz: $(O)/.kcore-build
	$(Q)$(oracle-in) fuzz-run

proof-mutants: $(O)/.kcore-build
	$(Q)$(MAKE) -C proofs O=$(O)/proofs mutants J=$$(nproc) M="$(M)"

retrofit: source kcore $(retrofit)
	$(Q)mkdir -p $(dir)
	$(Q)$(retrofit) --release $(RELEASE) --rules semantic-patches --tree $(src) --output $(dir)/retrofit \
		--cache $(O)/tools/spatch --jobs $$(nproc) $(quiet)
	$(Q)tools/make-tree --pristine $(src) --series $(dir)/retrofit/quilt --output $(tree) \
		--overlay versions/common/kernel --overlay versions/$(RELEASE)/kernel \
		--file common-core/include/kcore/abi.h=arch/arm64/kvm/kcore/abi.h \
		--file $(kcore)=arch/arm64/kvm/kcore/kcore.bin

kernel: retrofit
	$(jobs)$(Q)tools/build-kernel --tree $(tree) --output $(kernel) --like $(dir)/$(if $(filter n,$(KCORE)),kcore,stock) --cross $(CROSS_COMPILE) --host-flags "$(host-flags)" \
		$(if $(filter n,$(KCORE)),--no-blob,--blob) $(kcore) $(if $(V),--verbose) $(fragments)

$(facts): $(O)/.kcore-build FORCE
	$(Q)mkdir -p $(@D)
	$(Q)$(MAKE) -C tools/facts O=$(@D) $(quiet)

$(hookcheck): $(O)/.kcore-build FORCE
	$(Q)mkdir -p $(@D)
	$(Q)$(MAKE) -C tools/hookcheck O=$(@D) $(quiet)

hookcheck: kernel $(hookcheck)
	$(Q)tools/check-hooks --build $(O) --release $(RELEASE) $(if $(V),--verbose)

# Signs VMs (docs/auth.md)
vmsign: $(O)/.kcore-build
	$(Q)mkdir -p $(O)/tools/vmsign
	$(Q)$(MAKE) -C tools/vmsign O=$(O)/tools/vmsign $(quiet)
	@printf '  %-7s %s\n' VMSIGN $(O)/tools/vmsign/vmsign

facts facts-update: kernel $(facts)
	$(Q)tools/check-facts --build $(O) --release $(RELEASE) $(if $(filter facts-update,$@),--update)

# Linux without the retrofit, same configuration: what KCORE=n is compared with.  The tree stands to its build as the
# retrofitted one does, since __FILE__ is a path from there, and its lines have the same numbers, since kernels hold __LINE__.
# LIKE=DIR: a build that it may start from a copy of; without it every object is made from the pristine tree.
pristine: retrofit
	$(Q)tools/same-lines --pristine $(src) --changed $(dir)/retrofit/tree --output $(dir)/pristine/series
	$(Q)tools/make-tree --pristine $(src) --series $(dir)/pristine/series --output $(dir)/pristine/tree
	$(jobs)$(Q)tools/build-kernel --tree $(dir)/pristine/tree --output $(dir)/pristine/stock $(if $(LIKE),--like $(LIKE)) --cross $(CROSS_COMPILE) \
		--host-flags "$(host-flags)" \
		$(if $(V),--verbose) $(base)

programs: $(O)/.kcore-build
	$(Q)mkdir -p $(O)/tests
	$(Q)$(MAKE) -C ci/tests O=$(O)/tests CROSS_COMPILE=$(CROSS_COMPILE) $(quiet)

initramfs: kernel programs
	$(Q)busybox=$$(tools/fetch-package --apt $(O)/apt --suite bookworm --security bookworm-security \
		busybox-static) && \
		ci/initramfs.sh --output $(initramfs) --source $(src) --busybox "$$busybox" \
		--image $(image) --programs $(O)/tests

boot: initramfs
	$(Q)ci/boot.sh --image $(image) --initrd $(initramfs) --log $(dir)/boot-$(variant).log --cpu $(CPU) --smp $(SMP) --gic $(GIC) \
		--limit 1800 --show --tests $(T) $(if $(filter n,$(KCORE)),,$(under-kcore)) --append "$(APPEND)"

# One release, or all of RELEASES one after the other; the page is of all that have been measured in O
bench: elcount-tool
	$(jobs)$(Q)for r in $(or $(RELEASES),$(RELEASE)); do $(MAKE) RELEASE=$$r bench-one || exit; done
	$(Q)mkdir -p $(O)/tools/bench-report $(O)/bench
	$(Q)$(MAKE) -C tools/bench-report O=$(O)/tools/bench-report $(quiet)
	$(Q)$(O)/tools/bench-report/bench-report --output $(O)/bench $$(ls $(O)/*/bench/bench.json | sort -V)
	@printf '  %-7s %s\n' BENCH $(O)/bench/index.html

bench-one: initramfs
	$(jobs)$(Q)$(MAKE) KCORE=n kernel
	$(Q)ci/bench.sh --release $(RELEASE) --image $(image) --initrd $(initramfs) --stock $(dir)/stock/arch/arm64/boot/Image \
		--plugin $(O)/tools/elcount/elcount.so --output $(dir)/bench

elcount-tool: $(O)/.kcore-build
	$(Q)mkdir -p $(O)/tools/elcount
	$(Q)$(MAKE) -C tools/elcount O=$(O)/tools/elcount $(quiet)

# KVM's own tests, and kvm-unit-tests that the user has built, on the retrofitted kernel with and without CONFIG_KCORE
# (ONLY=names LIMIT=seconds)
parity: retrofit programs
	$(Q)tools/build-kselftests --source $(src) --output $(dir)/parity/kselftests --cross $(CROSS_COMPILE)
	$(jobs)$(Q)for v in stock kcore; do \
		tools/build-kernel --tree $(tree) --output $(dir)/parity/$$v --like $(dir)/parity/stock --cross $(CROSS_COMPILE) --host-flags "$(host-flags)" \
			$(if $(V),--verbose) $(base) versions/config/parity.config $(wildcard versions/$(RELEASE)/parity.config) versions/config/$$v.config || exit; \
	done
	$(Q)busybox=$$(tools/fetch-package --apt $(O)/apt --suite bookworm --security bookworm-security busybox-static) && \
		ci/initramfs.sh --output $(dir)/parity/host.cpio --source $(src) --busybox "$$busybox" \
		--image $(dir)/parity/stock/arch/arm64/boot/Image --programs $(O)/tests
	$(Q)ci/parity.sh --stock $(dir)/parity/stock/arch/arm64/boot/Image,$(dir)/parity/host.cpio \
		--kcore $(dir)/parity/kcore/arch/arm64/boot/Image,$(dir)/parity/host.cpio --tests $(dir)/parity/kselftests \
		$(if $(KUT),--kut "$(KUT)") --output $(dir)/parity --cpu $(CPU) --smp $(SMP) --gic $(GIC) \
		$(if $(ONLY),--only $(ONLY)) $(if $(LIMIT),--limit $(LIMIT)) \
		$(under-kcore) --append "$$(top=. ; . ./tools/lib.sh; cpu_append $(CPU)) $(APPEND)"

# Stock VMMs: Debian's QEMU, and kvmtool of a checkout that the user names, with a normal Linux guest (ONLY=names LIMIT=seconds)
vmm: retrofit programs
	$(Q)tools/build-vmm-root --apt $(O)/apt --output $(O)/vmm-root --cross $(CROSS_COMPILE)
	$(if $(KVMTOOL),$(Q)tools/build-kvmtool --source "$(KVMTOOL)" --apt $(O)/apt --output $(O)/kvmtool --cross $(CROSS_COMPILE))
	$(jobs)$(Q)for v in stock kcore; do \
		tools/build-kernel --tree $(tree) --output $(dir)/vmm/$$v --like $(dir)/vmm/stock --cross $(CROSS_COMPILE) --host-flags "$(host-flags)" \
			$(if $(V),--verbose) $(base) versions/config/vmm.config versions/config/$$v.config || exit; \
	done
	$(Q)busybox=$$(tools/fetch-package --apt $(O)/apt --suite bookworm --security bookworm-security busybox-static) && \
		ci/initramfs.sh --output $(dir)/vmm/host.cpio --source $(src) --busybox "$$busybox" \
			--image $(dir)/vmm/stock/arch/arm64/boot/Image --programs $(O)/tests && \
		ci/vmm.sh --stock $(dir)/vmm/stock/arch/arm64/boot/Image --kcore $(dir)/vmm/kcore/arch/arm64/boot/Image \
			--initrd $(dir)/vmm/host.cpio --source $(src) --busybox "$$busybox" --programs $(O)/tests --root $(O)/vmm-root/root \
			$(if $(KVMTOOL),--kvmtool $(O)/kvmtool/lkvm) --output $(dir)/vmm --cpu $(CPU) --smp $(SMP) \
			$(if $(ONLY),--only $(ONLY)) $(if $(LIMIT),--limit $(LIMIT)) \
			$(under-kcore) --append "$$(top=. ; . ./tools/lib.sh; cpu_append $(CPU)) $(APPEND)"

# A stock Linux guest, of the pristine source of GUEST, that shares a pool of its memory with a virtio disk and console (ONLY=names LIMIT=seconds)
guest-kernel = $(O)/guest/$(GUEST)/$(1)/arch/arm64/boot/Image
protected-io: initramfs
	$(Q)tools/fetch-source --output $(O) $(GUEST)
	$(jobs)$(Q)build() { tools/build-kernel --tree $(O)/src/$(GUEST) --output $(O)/guest/$(GUEST)/$$1 --like $(O)/guest/$(GUEST)/plain \
			--cross $(CROSS_COMPILE) $(if $(V),--verbose) versions/config/host.config versions/config/virtio-guest.config $$2; }; \
		mkdir -p $(O)/guest/$(GUEST) && build plain && build pkvm versions/config/pkvm-guest.config
	$(Q)ci/protected-io.sh --image $(image) --initrd $(initramfs) --source $(src) --programs $(O)/tests \
		--guest $(call guest-kernel,pkvm) --plain $(call guest-kernel,plain) --output $(dir)/protected-io-$(variant) \
		--cpu $(CPU) --smp $(SMP) --gic $(GIC) $(if $(ONLY),--only $(ONLY)) $(if $(LIMIT),--limit $(LIMIT)) \
		$(if $(filter n,$(KCORE)),,$(under-kcore)) --append "$$(top=. ; . ./tools/lib.sh; cpu_append $(CPU)) $(APPEND)"

# VMs while the host fails them, on a kernel whose allocations can be made to fail (T=faults:names, LIMIT=seconds of one boot).
# 64 busy vCPUs and a thread of nice -20 on two emulated CPUs: for 20 s a thread of RCU's may wait, which is RCU's usual limit.
faults: retrofit programs
	$(jobs)$(Q)tools/build-kernel --tree $(tree) --output $(dir)/faults/kcore --cross $(CROSS_COMPILE) --host-flags "$(host-flags)" \
		--blob $(kcore) $(if $(V),--verbose) $(base) versions/config/faults.config $(wildcard versions/$(RELEASE)/faults.config) \
		versions/config/kcore.config
	$(Q)busybox=$$(tools/fetch-package --apt $(O)/apt --suite bookworm --security bookworm-security busybox-static) && \
		ci/initramfs.sh --output $(dir)/faults/host.cpio --source $(src) --busybox "$$busybox" \
			--image $(dir)/faults/kcore/arch/arm64/boot/Image --programs $(O)/tests
	$(Q)ci/boot.sh --image $(dir)/faults/kcore/arch/arm64/boot/Image --initrd $(dir)/faults/host.cpio --log $(dir)/faults/console.log \
		--cpu $(CPU) --smp $(SMP) --memory 1G --limit $(or $(LIMIT),7200) --show --tests $(if $(filter all,$(T)),faults$(comma)life:hotplug,$(T)) \
		$(under-kcore) --append "$$(top=. ; . ./tools/lib.sh; cpu_append $(CPU)) fault_seconds=600 rcupdate.rcu_cpu_stall_timeout=120 $(APPEND)"

upstream-mutants: source $(retrofit)
	$(Q)$(retrofit) --release $(RELEASE) --rules semantic-patches --tree $(src) --mutate$(if $(M),=$(M)) \
		--cache $(O)/tools/spatch --jobs $$(nproc)

port: $(O)/.kcore-build
	$(Q)tools/port $(if $(FROM),--from $(FROM)) $(if $(filter 1,$(WRITE)),--write) $(RELEASE) $(KSRC)

mutants: initramfs
	$(Q)ci/tests/mutants.sh --image $(image) --kcore $(kcore) --initrd $(initramfs) --tools $(O)/tests \
		--output $(dir)/mutants --jobs $$(nproc) $(M)

retrofit-tool: $(retrofit)
facts-tool: $(facts)
hookcheck-tool: $(hookcheck)

matrix:
	+$(Q)RELEASES="$(RELEASES)" STAGES="$(STAGES)" ci/matrix.sh

# For packagers
series: retrofit
	$(Q)tools/make-series --build $(O) --release $(RELEASE) --output $(dir)/series

deb: retrofit
	$(jobs)$(Q)tools/make-deb --build $(O) --release $(RELEASE) --output $(dir)/packages $(if $(CONFIG),--config "$(CONFIG)")

# Lines, and what of the verification is the release's own
reuse: $(O)/.kcore-build
	$(Q)tools/reuse --build $(O)

# What GitHub and GitLab run
ci-files:
	$(Q)ci/generate.sh

demo: setup
	$(Q)ci/demo.sh

check: setup
	$(Q)ci/check.sh $(STAGES)

clean distclean:
	$(Q)case $@ in clean) keep="-name src -o -name apt -o -name .kcore-build" ;; *) keep="-name ." ;; esac; \
	if [ -f $(O)/.kcore-build ]; then \
		find $(O) -mindepth 1 -maxdepth 1 ! \( $$keep \) -exec rm -rf {} +; \
		if [ $@ = distclean ]; then rmdir $(O); fi; \
	elif [ -d $(O) ]; then \
		echo "make $@: $(O) was not made by this Makefile; remove it by hand" >&2; exit 3; \
	fi

FORCE:
.PHONY: help build-directory setup source kcore proofs oracle oracle-run oracle-image planted fuzz proof-mutants c2coq lint retrofit kernel facts facts-update pristine programs initramfs boot \
	bench bench-one elcount-tool parity vmm protected-io faults port mutants upstream-mutants hookcheck retrofit-tool facts-tool hookcheck-tool vmsign matrix series deb reuse ci-files demo check clean distclean FORCE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
