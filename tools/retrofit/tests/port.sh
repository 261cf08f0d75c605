#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of retrofit --port, in TAP: a made-up release is changed as upstream changes kernels, and the verdict,
# the guard and the skeleton have to be the right ones.
#
#	RETROFIT=<program> port.sh

set -u
here=$(cd "$(dirname "$0")" && pwd)
RETROFIT=${RETROFIT:?names the program to test}
export LC_ALL=C

top=$(mktemp -d "${TMPDIR:-/tmp}/port-test.XXXXXX") || exit 3
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
mkdir "$top/tmp"
export TMPDIR="$top/tmp"
count=0 failed=0

ok() {
	count=$((count + 1))
	echo "ok $count - $1"
}

not_ok() {
	count=$((count + 1))
	failed=$((failed + 1))
	echo "not ok $count - $1: $2"
	sed 's/^/# /' "$top/err" "$top/out" | head -n 60
}

# A copy of the made-up v1.0 that calls itself v1.1, to be changed
fresh() {
	rm -rf "$top/case"
	mkdir "$top/case"
	cp -R "$here/tree" "$here/rules" "$top/case"
	tree=$top/case/tree
	rules=$top/case/rules
	edit "$tree/Makefile" 's/PATCHLEVEL = 0/PATCHLEVEL = 1/'
}

edit() {
	if ! sed "$2" "$1" >"$1.edited" || cmp -s "$1" "$1.edited"; then
		echo "Bail out! $1: the test's edit changes nothing: $2"
		exit 1
	fi
	mv "$1.edited" "$1"
}

port() {
	"$RETROFIT" --port v1.0 --release v1.1 --rules "$rules" --tree "$tree" --from-tree "$here/tree" --output "$top/case/out" \
		-j 2 "$@" >"$top/out" 2>"$top/err"
}

# says NAME STATUS PATTERN...: ends with STATUS, and the report has each PATTERN
says() {
	name=$1 want=$2
	shift 2
	port
	status=$?
	wrong=''
	[ $status -eq "$want" ] || wrong="exit status $status, expected $want"
	for pattern in "$@"; do
		grep -q -e "$pattern" "$top/out" || wrong="$wrong no line like: $pattern"
	done
	[ -z "$(ls "$TMPDIR")" ] || wrong="$wrong leftovers"
	if [ -n "$wrong" ]; then
		not_ok "$name" "$wrong"
	else
		ok "$name"
	fi
}

# gates NAME STATUS: what a real run makes of the skeleton
gates() {
	cp "$top/case/out/v1.1.json" "$rules/ledger/"
	"$RETROFIT" --release v1.1 --rules "$rules" --tree "$tree" --dry-run -j 2 >"$top/out" 2>"$top/err"
	status=$?
	if [ $status -eq "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "exit status $status, expected $2"
	fi
}

fresh
says "nothing has changed: all hooks apply unread" 0 '^v1.1: 7 of 7 hooks apply as v1.0 has them.  Left to do: 0 places' \
	'every gate, build, boot and attack to run'
gates "its skeleton passes the gates" 0

fresh
edit "$tree/machine/run.c" 's/^	cpu->guest = 0;/	cpu->guest = 0;\n	quota[7] = 0;/'
says "a changed text around a hook that applies is named" 0 '^v1.1: 7 of 7 hooks' '^  H03  machine/run.c:guest_reset()'

fresh
mv "$tree/machine/run.c" "$tree/machine/enter.c"
edit "$tree/machine/Kbuild" 's/run.o/enter.o/'
says "a file that has another name" 1 'machine/run.c -> machine/enter.c' '^H01 .* moved' '^H03 .* moved' '^Q1 .* body changed near the anchor' \
	'^     guard matches: .*its last line is not'
gates "the build line is undecided, and the gates refuse the skeleton" 1

fresh
sed -n '/^int guest_reset/,/^}/p' "$tree/machine/run.c" >"$tree/machine/reset.c"
edit "$tree/machine/run.c" '/^int guest_reset/,/^}/d'
says "a function in another file" 1 '^H03 .* moved' 'now: machine/reset.c:guest_reset()' '^v1.1: 6 of 7 hooks'
gates "its skeleton passes the gates" 0

fresh
edit "$tree/machine/run.c" 's/guest_reset/guest_restart/'
says "a function with another name" 1 '^H03 .* renamed' 'by its body this is now guest_restart() in machine/run.c' \
	'guard visibility: .*there is no such definition' 'like it: machine/run.c:guest_restart(), line [0-9]*, 9[0-9]% of the body'
gates "a name is not decided by likeness: the gates refuse the skeleton" 1

fresh
edit "$tree/machine/run.c" '/^int guest_reset/,/^}/d'
says "a function that is gone" 1 '^H03 .* gone'

fresh
edit "$tree/machine/run.c" 's/int guest_reset(struct guest_cpu \*cpu)/int guest_reset(struct guest_cpu *cpu, int why)/'
says "a function with another signature" 1 '^H03 .* signature changed' \
	'int guest_reset(struct guest_cpu\*cpu) -> int guest_reset(struct guest_cpu\*cpu,int why)' \
	'^      int guest_reset(struct guest_cpu \*cpu)  *|  int guest_reset(struct guest_cpu \*cpu, int why)'

fresh
edit "$tree/machine/table.c" '/\[2\] = handle_fault/d'
says "a table with one entry less" 1 '^H05 .* body changed near the anchor' 'guard matches: .*1 matches in machine/table.c:exit_table\[\]'
gates "the gates refuse its skeleton" 1

fresh
edit "$tree/machine/run.c" 's/^	int ret = 0;/&\n\n	for_each_part(ret) *part_of(quota, ret) = -1;/'
says "a function that spatch can't parse" 1 '^H02 .* not parsed' 'guard visibility: .*is not parsed by spatch'

fresh
edit "$tree/machine/run.c" 's/^	cpu->guest = 0;/&\n	machine_call(do_reset, cpu);/'
says "a crossing that is new" 1 '^H01 .* new (1)' 'a new crossing without a shim' ', 1 of them shims to write'
gates "its skeleton passes the gates, the build waits for the shim" 0
mkdir "$top/case/glue"
echo '#define kcore_shim_do_reset(cpu) reset(cpu)' >"$top/case/glue/release.h"
port --glue "$top/case/glue"
if grep -q 'a new crossing, for which the glue has a shim already' "$top/out" && grep -q ', 0 of them shims to write' "$top/out"; then
	ok "a crossing that is new, with a shim"
else
	not_ok "a crossing that is new, with a shim" "not said"
fi

fresh
edit "$tree/machine/run.c" '/^	machine_call(do_sync);/d'
says "a crossing that is gone" 1 '^H01  gone: machine_call(do_sync is not called any more'
gates "its skeleton passes the gates" 0

fresh
edit "$tree/machine/run.c" '/^	machine_call(do_sync);/d'
edit "$tree/machine/run.c" 's/^	cpu->guest = 0;/&\n	machine_call(do_sync);/'
says "a crossing in another function" 1 '^H01  moved: machine/run.c:guest_leave(), machine_call(do_sync' 'now: machine/run.c:guest_reset()'
gates "its skeleton passes the gates" 0

fresh
cat >>"$tree/machine/run.c" <<'END'

void guest_skip(struct guest_cpu *cpu)
{
	cpu->guest = 0;
}
END
says "a hook that this release needs again" 1 '^H06 .* new' 'the skeleton has it: kcore_'
gates "its skeleton passes the gates" 0

fresh
edit "$tree/machine/table.c" 's/^	return handle_other(cpu);/	machine_reset(cpu);\n&/'
says "an operation around the hooks" 1 'machine_reset in handle_fault() still reaches EL2 around KCore' '; 1 operations to judge'

if command -v git >/dev/null; then
	fresh
	git() {
		GIT_CONFIG_GLOBAL=/dev/null command git -C "$tree" -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "$@"
	}
	{ git init -q && git add -A && git commit -qm 'machine: as it was' && git tag v1.0; } >"$top/err" 2>&1
	edit "$tree/machine/run.c" 's/guest_reset/guest_restart/'
	git commit -qam 'machine: restart is the better word'
	says "the upstream commit" 1 'upstream: [0-9a-f]* [0-9-]* machine: restart is the better word'

	fresh
	{ git init -q && git add -A && git commit -qm 'machine: as it was' && git tag good; } >"$top/err" 2>&1
	for n in 1 2 3 4; do
		echo "/* $n */" >>"$tree/machine/run.c"
		[ $n -ne 3 ] || edit "$tree/machine/run.c" 's/guest_reset/guest_restart/'
		git commit -qam "machine: change $n"
	done
	git bisect start HEAD good >"$top/err" 2>&1
	git bisect run "$RETROFIT" --port v1.0 --release v1.1 --rules "$rules" --tree . --output "$top/case/out" >"$top/out" 2>>"$top/err"
	if git bisect log | grep -q 'first bad commit: .* machine: change 3$'; then
		ok "git bisect run finds the commit that broke a hook"
	else
		not_ok "git bisect run finds the commit that broke a hook" "$(git bisect log | tail -n 1)"
	fi
else
	for name in "the upstream commit" "git bisect run finds the commit that broke a hook"; do
		count=$((count + 1))
		echo "ok $count - $name # SKIP git is not installed"
	done
fi

fresh
rm "$tree/Makefile"
says "no kernel tree: cannot be judged" 125
fresh
tree=$top/nowhere
says "no tree: cannot be judged" 125
fresh
port
cp -R "$here/rules" "$top/case/known"
sed 's/"release": "v1.0"/"release": "v1.1"/; s/"kernel": "1.0"/"kernel": "1.1"/; s/kcore_reset(cpu);/kcore_other(cpu);/' \
	"$here/rules/ledger/v1.0.json" >"$top/case/known/ledger/v1.1.json"
port --truth "$top/case/known"
if grep -q 'H03: the verdict is wrong: the places have changed' "$top/out" && grep -q '7 hooks unread, .* 1 verdicts wrong' "$top/out"; then
	ok "a wrong verdict is noticed by --truth"
else
	not_ok "a wrong verdict is noticed by --truth" "not said"
fi

# tools/port itself
refuses() {	# name, status, pattern, arguments
	name=$1 want=$2 pattern=$3
	shift 3
	O=$top/build "$here/../../port" "$@" >"$top/out" 2>"$top/err"
	status=$?
	if [ $status -eq "$want" ] && grep -q -e "$pattern" "$top/err" && [ ! -e "$top/build" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $status, expected $want and: $pattern"
	fi
}

refuses "tools/port: a name that is no release" 2 "'6.18' is no release such as v6.18" 6.18 "$here/tree"
refuses "tools/port: no source" 2 "the path of v6.18's source is needed" v6.18
refuses "tools/port: a source that is not there" 125 'no such directory' v6.18 "$top/nowhere"
refuses "tools/port: an undeclared release to start from" 2 'no semantic-patches/ledger/v9.9.json' --from v9.9 v6.18 "$here/tree"
refuses "tools/port: what is declared already is not replaced" 2 'is there already; nothing was replaced' --write v6.1 "$here/tree"

echo "1..$count"
[ "$failed" -eq 0 ] || echo "# $failed of $count failed"
[ "$failed" -eq 0 ]
