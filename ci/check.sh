#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# check.sh - every test of the project
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"
. "$top/ci/tap.sh"

stages='style selftest lint unit proofs oracle proof-mutants engine source kernel hooks stock input boot faults off parity vhe mutants facts bench releases io'

usage()
{
	cat <<EOT
Usage: ci/check.sh [STAGE]...        (make check STAGES='...')
Run all tests, or those of the stages named, in this order; proofs, oracle and proof-mutants beside the others up to facts:

  style      rules that every file keeps to
  selftest   the gates of ci/ are made to fail
  lint       the core keeps to its C subset; the checker's own tests
  unit       the core over a fake machine; line coverage
  proofs     the proofs and their gates; each gate fails where it has to
  oracle     random events on the compiled core and in the top machine; planted faults are found; a minute of fuzzing
  proof-mutants  faults put into the core: each applies, a sample is caught by a proof (all: make proof-mutants)
  engine     the retrofit engine's gates
  source     the release's source
  kernel     retrofit and kernel with KCore; the build is incremental and reproducible
  hooks      hooks and operations of EL2 in the built kernel are where the ledger says, and nowhere else; spoilt kernels are noticed
  stock      without CONFIG_KCORE the Image is the pristine one, but for line numbers and build ID; it boots
  input      bad input, full disk, interruption
  boot       VMs and attacks on cortex-a57 with 1 and 4 CPUs, on max with 4, and on a GICv2
  faults     VMs while the host fails: a VMM killed at each step, KCore's pool empty, pages that move (all: make faults)
  off        kcore=off: stock KVM from the same Image
  parity     quick selftests of KVM, on the stock kernel and under KCore (all: make parity)
  vhe        a VHE CPU without kvm-arm.mode=nvhe: refused with the remedy
  mutants    each check taken out of KCore is noticed
  facts      the facts that the proofs assume are those of the built kernel; spoilt facts are noticed; the host's calls are answered as by the top machine
  bench      instructions per operation against stock (application work, growth: make bench)
  releases   each other release that has a source (Debian's, or KSRC_<release>): retrofit, gates, configuration
             (its kernel, VMs, attacks: make matrix)
  io         a protected guest, from the stock source of 6.12, with a virtio disk and console; skipped without that source

Environment: O, RELEASE, CROSS_COMPILE as for make; KCORE_CHECK_LIMIT seconds for one boot (600);
KCORE_ORACLE_CALLS, KCORE_FUZZ_MINUTES of the stage oracle (200000, 1).
KCORE_CHECK_SECONDS: no stage is begun after so many seconds; one that is not counts as skipped (for runners with a limit of their own).
Ends with "N passed, N failed, N skipped"; exit status 0 if none failed, else 1.
EOT
}

case ${1-} in
--help) usage; exit 0 ;;
esac
for stage in "$@"; do
	case " $stages " in
	*" $stage "*) ;;
	*) die $EX_USAGE "unknown stage '$stage'; see --help" ;;
	esac
done
asked=${*:-$stages}
case ${KCORE_CHECK_SECONDS-} in
*[!0-9]*) die $EX_USAGE "KCORE_CHECK_SECONDS takes a number of seconds, not '$KCORE_CHECK_SECONDS'" ;;
esac

RELEASE=${RELEASE:-v6.1}
O=${O:-$top/build}
export O RELEASE
release_load "$RELEASE"
cd "$top" || exit $EX_ENVIRONMENT
dir=$O/$RELEASE
image=$dir/kcore/arch/arm64/boot/Image
initrd=$dir/kcore.cpio
limit=${KCORE_CHECK_LIMIT:-600}
stock_kvm='Hyp (nVHE )?mode initialized'
started=$(tap_clock)

late=''
wanted()	# stages: is one of them asked for, and still in time?
{
	for stage in "$@"; do
		case " $asked " in
		*" $stage "*)
			in_time && return 0
			case " $late " in
			*" $stage "*) ;;
			*) late="$late $stage" ;;
			esac ;;
		esac
	done
	return 1
}

in_time()
{
	[ -z "${KCORE_CHECK_SECONDS-}" ] || [ "$(date +%s)" -lt "$((${started%.*} + KCORE_CHECK_SECONDS))" ]
}

# make as an outer command: its own jobs, and none of the variables that are meant for this run of check
mk()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u KCORE make O="$O" RELEASE="$RELEASE" \
		${CROSS_COMPILE:+CROSS_COMPILE="$CROSS_COMPILE"} "$@"
}

# Before anything is written there: make builds only into a directory that it has marked
mk -s build-directory || exit $EX_ENVIRONMENT
tap_start "$O/check"

boot()	# name, image, initrd, arguments of boot.sh...
{
	name=$1 boot_image=$2 boot_initrd=$3
	shift 3
	tap_suite "$name" ci/boot.sh --image "$boot_image" --initrd "$boot_initrd" --limit "$limit" \
		--log "$O/check/console-$(printf %s "$name" | tr -cs 'A-Za-z0-9._-' '-').log" "$@"
}

another()	# release: the first cells of its row of the matrix, with the words of tap.sh
{
	for cell in source retrofit gates config; do
		tap_test "releases: $1, $cell" ci/cell.sh "$1" "$cell" || return
		[ "$tap_status" = 0 ] || return
	done
	sed -n 's/^\(v[0-9.]*: .* all gates passed\)$/# \1/p' "$O/matrix/$1/gates.log"
}

running()	# what the console says when this KCore is in command
{
	echo "sha256 $(sha256 "$O/kcore/kcore.bin"); host behind stage 2"
}

same_again()	# a second make compiles nothing
{
	mk kernel >"$O/check/again.log" 2>&1 || { cat "$O/check/again.log"; return 1; }
	cat "$dir/kcore.log"
	! grep -E '^  (CC|AS|LD) ' "$dir/kcore.log"
}

reproducible()	# another build directory gives the same kcore.bin
{
	rm -rf "$O/check/kcore-again"
	mkdir -p "$O/check/kcore-again"
	make -C common-core O="$O/check/kcore-again" ${CROSS_COMPILE:+CROSS_COMPILE="$CROSS_COMPILE"} &&
		cmp "$O/check/kcore-again/kcore.bin" "$O/kcore/kcore.bin"
}

no_paths()	# with ccache and without: __FILE__ holds nothing of where the tree is
{
	! strings "$dir/kcore/vmlinux" | grep -E "^\.\./|$(realpath "$O")"
}

same_series()	# a second run of the engine gives the same bytes
{
	rm -rf "$O/check/retrofit-again"
	"$O/tools/retrofit/retrofit" --release "$RELEASE" --rules semantic-patches --tree "$O/src/$RELEASE" \
		--verify "$dir/retrofit/quilt" --output "$O/check/retrofit-again" && diff -r "$O/check/retrofit-again/quilt" "$dir/retrofit/quilt"
}

too_late()
{
	for stage in $late; do
		tap_result skip "$stage: not begun, or not all of it" "$KCORE_CHECK_SECONDS s were over (KCORE_CHECK_SECONDS)"
	done
}

# Coq needs no kernel, and boots need no Coq: if both are asked for, this program runs once more beside itself
prover='' proving='' rest=''
for stage in $asked; do
	case $stage in
	proofs|oracle|proof-mutants) proving="$proving $stage" ;;
	*) rest="$rest $stage" ;;
	esac
done
if [ -n "$proving" ] && [ -n "$rest" ]; then
	asked=$rest
	# shellcheck disable=SC2086 # names of stages
	setsid ci/check.sh $proving >"$O/check/beside.tap" 2>&1 </dev/null &
	prover=$!
	# with all that it has started
	# shellcheck disable=SC2016 # when it ends
	cleanup_on_exit 'kill -- "-$prover" 2>/dev/null'
fi
readonly asked		# who assigns it below would have the stages that follow left out unnoticed

if wanted style; then
	tap_suite style ci/style.sh
fi
if wanted selftest; then
	tap_suite selftest ci/selftest.sh
	tap_suite matrix ci/matrix-test.sh
	mkdir -p "$O/tests"
	tap_suite 'selftest: tools of the tests' make -s -C ci/tests O="$O/tests" check
	mkdir -p "$O/tools/vmsign"
	tap_suite 'selftest: vmsign' make -s -C tools/vmsign O="$O/tools/vmsign" check
	tap_test 'matrix: the files for GitHub and GitLab are those of versions/' ci/generate.sh --check
fi
if wanted lint; then
	tap_test 'lint: common-core/core keeps to the subset' mk lint
	tap_suite 'lint: tests of the checker' mk -s -C tools/c2coq O="$O/tools/c2coq" check
	tap_test 'docs/abi.md is what abi.h says' mk -s -C tools/abi-doc O="$O/tools/abi-doc" check
	tap_test 'docs/trusted.md and CAVEATS.md are what the lists of the proofs say' proofs/lists.sh --check
fi
if wanted unit; then
	mkdir -p "$O/kcore"
	tap_suite unit mk -C common-core O="$O/kcore" check
	grep -hE "[0-9.]+ ?%" "$(tap_log unit)" 2>/dev/null | grep -v "^gcc" | sed "s/^#* */# /"
fi
if wanted proofs; then
	tap_suite proofs mk -s -j"$(nproc)" proofs
	tap_suite 'proofs: each gate fails where it has to' mk -s -C proofs O="$O/proofs" selftest
fi
if wanted oracle; then
	tap_suite 'oracle: core and top machine' mk -s oracle CALLS="${KCORE_ORACLE_CALLS:-200000}" MINUTES="${KCORE_FUZZ_MINUTES:-1}"
	sed -n '/^# [0-9]* events/p; /^# [0-9]* of [0-9]* found/p; /^# fuzz: /p' "$(tap_log 'oracle: core and top machine')"
fi
if wanted proof-mutants; then
	tap_test 'proof-mutants: every fault applies to the core' mk -s proof-mutants M=--apply
	tap_suite 'proof-mutants: a sample' mk -s proof-mutants M=--sample
	tap_suite 'proof-mutants: the runner fails where it has to' mk -s -C proofs O="$O/proofs" mutants-test
fi
if wanted source kernel hooks facts engine stock parity input; then
	tap_test "source: $RELEASE, fetched and verified" mk source
	sed -n 's/^  SOURCE  /# /p' "$(tap_log "source: $RELEASE, fetched and verified")"
fi
if wanted engine; then
	mkdir -p "$O/tools/retrofit"
	tap_suite engine env KSRC="$O/src/$RELEASE" make -s -C tools/retrofit O="$O/tools/retrofit" check
fi
if wanted kernel hooks facts boot faults off parity vhe bench mutants input; then
	tap_test "kernel: $RELEASE, retrofitted and built with KCore" mk initramfs
	sed -n 's/^  \(KCORE\|BLOB\|IMAGE\) */# /p' "$(tap_log "kernel: $RELEASE, retrofitted and built with KCore")"
fi
if wanted kernel; then
	tap_test 'kernel: a second make compiles nothing' same_again
	tap_test 'kernel: kcore.bin is the same from another build directory' reproducible
	tap_test 'kernel: no path of the build is in it' no_paths
	tap_test 'kernel: the patch series is the same from a second run' same_series
fi
# Hooks add an #include somewhere in the list of a kernel file (make upstream-mutants moves it): nothing may have to be in front of it
compiles()	# a header, with the flags of the glue: nothing but it
{
	command=$(sed -n "1s/^[^=]*:= *//p" "$dir/kcore/arch/arm64/kvm/kcore/.vm.o.cmd" | sed "s/ -c -o .*//; s/ -Wp,-M[^ ]*//")
	[ -n "$command" ] && echo "#include <asm/$1.h>" | (cd "$dir/kcore" && sh -c "$command -Werror -fsyntax-only -x c -")
}

headers_alone()
{
	compiles kcore && compiles kcore_glue && ! compiles kcore_none
}

# The same series from another time zone and locale, into another directory
series_again()
{
	env TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 tools/make-series --build "$O" --release "$RELEASE" --output "$O/check/series-again" &&
		diff -r "$O/check/series-again" "$dir/series"
}

reuse()	# no column of this release may be empty
{
	mk reuse >"$O/check/reuse" || return
	cat "$O/check/reuse"
	grep -Eq "^  $RELEASE( +[0-9]+){8}$" "$O/check/reuse"
}

if wanted kernel; then
	tap_test 'kernel: headers of the glue need no other in front of them' headers_alone
	tap_test 'series: patches for a Debian package give the tree and the image' mk series
	tap_test 'series: the same bytes again' series_again
	tap_test 'reuse: lines and what is verified again' reuse
	sed 's/^/# /' "$(tap_log 'reuse: lines and what is verified again')"
fi
if wanted hooks; then
	tap_test "hooks: in place in $RELEASE" mk hookcheck
	sed -n "s/^$RELEASE: /# /p" "$(tap_log "hooks: in place in $RELEASE")"
	mkdir -p "$O/tools/hookcheck"
	tap_suite 'hooks: spoilt kernels' mk -s -C tools/hookcheck O="$O/tools/hookcheck" check
fi
few_compiled()	# a kernel of its own takes some 700
{
	compiled=$(grep -cE '^  (CC|AS) ' "$dir/stock.log")
	echo "$compiled objects compiled"
	[ "$compiled" -lt 200 ]
}

spoilt_copy()	# a build that starts from a copy has to see that a file of its tree is another one
{
	spoilt=$O/check/spoilt
	rm -rf "$spoilt"
	mkdir -p "$spoilt" && cp -al "$dir/pristine/tree" "$spoilt/tree" &&
		sed 's/Calibrating delay loop/Spoilt/' "$dir/pristine/tree/init/calibrate.c" >"$spoilt/calibrate.c" &&
		mv -f "$spoilt/calibrate.c" "$spoilt/tree/init/" || return
	set -- versions/config/host.config
	[ ! -f "versions/$RELEASE/kernel.config" ] || set -- "$@" "versions/$RELEASE/kernel.config"
	tools/build-kernel --tree "$spoilt/tree" --output "$spoilt/stock" --like "$dir/stock" "$@" || return
	compiled=$(grep -cE '^  (CC|AS) ' "$spoilt/stock.log")
	echo "$compiled objects compiled, init/calibrate.o $(grep -c 'CC  *init/calibrate.o' "$spoilt/stock.log") times"
	[ "$compiled" -lt 200 ] && ! ci/same-image.sh "$dir/stock" "$spoilt/stock" >"$spoilt/differ" 2>&1 && tail -n 1 "$spoilt/differ"
	rc=$?
	rm -rf "$spoilt"
	return $rc
}

if wanted stock parity; then
	built_before=$(ls "$dir/stock/vmlinux" 2>/dev/null)
	tap_test 'stock: built without CONFIG_KCORE' mk KCORE=n initramfs
	if [ -n "$built_before" ]; then
		tap_result skip 'stock: most objects are those of the kernel with KCore' "$built_before was there before"
	elif [ -f "$dir/kcore/vmlinux" ]; then
		tap_test 'stock: most objects are those of the kernel with KCore' few_compiled
	fi
fi
if wanted stock; then
	tap_test 'stock: the pristine source built' mk pristine
	tap_test 'stock: without CONFIG_KCORE the Image is the pristine one' \
		ci/same-image.sh "$dir/stock" "$dir/pristine/stock"
	tap_test 'stock: a build that starts from a copy compiles the file that is another one' spoilt_copy
	boot 'stock: boot' "$dir/stock/arch/arm64/boot/Image" "$dir/stock.cpio" --tests vmm,linux-normal \
		--expect "$stock_kvm" --refuse 'kcore: '
fi
if wanted input; then
	tap_suite input ci/input.sh
fi
# CONFIG_KCORE_KEYS; and an Image in which a digit of the key is none
built_in_keys()
{
	keys=$O/check/keys
	mkdir -p "$keys" && printf 'CONFIG_KCORE_KEYS="%s"\n' "$(cat ci/tests/owner.txt)" >"$keys/keys.config" || return
	set -- versions/config/host.config
	[ ! -f "versions/$RELEASE/kernel.config" ] || set -- "$@" "versions/$RELEASE/kernel.config"
	tools/build-kernel --tree "$dir/tree" --output "$dir/keys" --like "$dir/kcore" ${CROSS_COMPILE:+--cross "$CROSS_COMPILE"} \
		--host-flags "${RELEASE_HOST_FLAGS-}" --blob "$O/kcore/kcore.bin" "$@" versions/config/kcore.config "$keys/keys.config" || return
	cp "$dir/keys/arch/arm64/boot/Image" "$keys/Image" && cut -c1-64 ci/tests/owner.txt | tr -d '\n' >"$keys/right" &&
		sed 's/.$/x/' "$keys/right" >"$keys/wrong" &&
		"$O/tests/splice" --old "$keys/right" --new "$keys/wrong" --output "$keys/Image.wrong" "$keys/Image" &&
		openssl pkey -in ci/tests/owner.pem -pubout -out "$keys/public.pem" &&
		"$O/tests/vmsign/vmsign" key "$keys/public.pem" >"$keys/owner" 2>"$keys/name" && cmp "$keys/owner" ci/tests/owner.txt
}

if wanted boot; then
	for on in "cortex-a57 1" "cortex-a57 4" "$RELEASE_CPU_MAX 4"; do
		cpu=${on% *} smp=${on#* }
		boot "boot: ${cpu%%,*}, $smp CPUs" "$image" "$initrd" --cpu "$cpu" --smp "$smp" --tests all \
			--append "$(cpu_append "$cpu")" --expect "$(running)"
	done
	boot 'boot: GICv2, 4 CPUs' "$image" "$initrd" --cpu cortex-a57 --smp 4 --gic 2 --tests all --expect "$(running)"
	# the nonce of ci/tests/init.sh, and what the payload measure says
	nonce=00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef
	said=73616964206279207468652067756573743a206d6561737572652c2074766d6d
	for console in "$O"/check/console-boot-*-4-CPUs.log; do
		tap_test "boot: what KCore measured is what was signed, ${console##*/}" "$O/tests/vmsign/vmsign" verify --key ci/tests/owner.pem \
			"$dir/kcore.cpio.signed/measure" --log "$console" --core "$O/kcore/kcore.bin"
		if grep -q 'kcore: quotes: key' "$console"; then
			for quoted in "host $nonce" "guest $said"; do
				tap_test "boot: the ${quoted% *}'s quote, ${console##*/}" "$O/tests/vmsign/vmsign" quote-verify \
					--quote-key "$(sed -n 's/.*kcore: quotes: key \([0-9a-f]\{128\}\).*/\1/p' "$console" | head -n 1)" \
					--nonce "${quoted#* }" --asked "${quoted% *}" --core "$O/kcore/kcore.bin" --key ci/tests/owner.pem \
					--signed "$dir/kcore.cpio.signed/measure" "$console"
			done
		else
			tap_result skip "boot: quotes, ${console##*/}" 'the kernel had no random numbers for a key'
		fi
	done
	boot 'boot: no protected VM without a signature' "$image" "$initrd" --tests signed,attack:signed-only+signed-key --append kcore.signed_only \
		--expect "$(running)"
	tap_test 'boot: a kernel with its key built in' built_in_keys
	boot 'boot: a key that is built in' "$O/check/keys/Image" "$initrd" --built-in-keys --tests signed \
		--expect "$(running)" --expect "signed VMs: key sha256 $(sed -n 's/^vmsign: sha256 //p' "$O/check/keys/name")"
	boot 'boot: a key that is built in, another on the command line' "$O/check/keys/Image" "$initrd" --tests '' \
		--expect 'not started: kcore.keys= on the command line of a kernel that has its keys built in'
	boot 'boot: a key that is built in and none' "$O/check/keys/Image.wrong" "$initrd" --built-in-keys --tests '' \
		--expect "not started: CONFIG_KCORE_KEYS isn't 1 to 4 public keys"
	for keys in 60fe 0 "$(cat ci/tests/owner.txt),"; do
		boot "boot: kcore.keys of ${#keys} characters is refused" "$image" "$initrd" --tests '' --append "kcore.keys=$keys" \
			--expect "not started: kcore.keys= isn't 1 to 4 public keys"
	done
fi
if wanted faults; then
	boot 'faults: beside VMs' "$image" "$initrd" --memory 1G --tests faults:pool+killed-protected+killed-running+taken-at-end+compaction+collapse \
		--expect "$(running)"
fi
if wanted off; then
	boot 'off: kcore=off' "$image" "$initrd" --tests vmm,linux-normal --append kcore=off \
		--expect "$stock_kvm"
fi
if wanted parity; then
	tests=$dir/parity/kselftests
	tap_test "parity: KVM's selftests are built" tools/build-kselftests --source "$O/src/$RELEASE" --output "$tests"
	# those that are quick under emulation and of what CAVEATS.md says works; all, with the options that they need, are make parity
	quick=$(grep -xE '(aarch64/)?(aarch32_id_regs|get-reg-list|hypercalls|psci_(cpu_on_)?test)|kvm_(create_max_vcpus|binary_stats_test)|'\
'set_memory_region_test|steal_time' "$tests/list" 2>/dev/null | paste -sd,)
	tap_test 'parity: quick selftests of KVM' ci/parity.sh --stock "$dir/stock/arch/arm64/boot/Image,$dir/stock.cpio" \
		--kcore "$image,$initrd" --tests "$tests" --output "$dir/parity/quick" --cpu cortex-a57 --only "$quick" --expect "$(running)"
	sed 's/^/# /' "$(tap_log 'parity: quick selftests of KVM')"
fi
if wanted vhe && grep -q '^# CONFIG_ARM64_VHE is not set' "$dir/kcore/.config"; then
	tap_result skip 'vhe: KVM does not start silently' "$RELEASE can't leave VHE and is built without it"
elif wanted vhe; then
	boot 'vhe: KVM does not start silently' "$image" "$initrd" --cpu max --tests '' --expect 'kvm-arm.mode=nvhe' \
		--refuse 'VHE mode initialized'
fi
if wanted mutants; then
	tap_suite mutants ci/tests/mutants.sh --image "$image" --kcore "$O/kcore/kcore.bin" --initrd "$initrd" \
		--tools "$O/tests" --output "$dir/mutants" --jobs "$(nproc)"
fi
if [ -n "$prover" ]; then
	wait "$prover"
	tap_join "the stages$proving" "$O/check/beside.tap"
fi
if wanted facts; then
	tap_test "facts: those of $RELEASE are as committed" mk facts
	mk -s -C proofs O="$O/proofs" versions >"$O/check/facts-proofs.log" 2>&1 || cat "$O/check/facts-proofs.log"
	tap_suite 'facts: spoilt ones' mk -s -C tools/facts O="$O/tools/facts" COMPILED="$O/proofs/v" check
	tap_test 'facts: calls of the host are answered as by the top machine' mk -s oracle-image CALLS=20000
	sed -n 's/^# [0-9]* calls/&/p' "$(tap_log 'facts: calls of the host are answered as by the top machine')"
fi
if wanted bench; then
	tap_test 'bench: the plugin that counts by exception level' mk elcount-tool
	tap_test 'bench: no operation over its limit' ci/bench.sh --image "$image" --initrd "$initrd" \
		--output "$dir/bench/quick" --limits ci/bench.limits --quick --release "$RELEASE" --plugin "$O/tools/elcount/elcount.so"
	sed 's/^/# /' "$(tap_log 'bench: no operation over its limit')"
fi
if wanted releases; then
	for release in $(releases); do
		[ "$release" = "$RELEASE" ] || another "$release"
	done
fi
if wanted io; then
	if mk RELEASE=v6.12 source >"$(tap_log 'io: source')" 2>&1; then
		tap_suite io mk -s protected-io
	else
		tap_result skip 'io: a protected guest with virtio devices' "no source of v6.12 ($(tail -n 1 "$(tap_log 'io: source')"))"
	fi
fi

too_late
printf '# whole run: %s\n' "$(tap_since "$started")"
tap_done
