#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Each gate of gates.sh is made to fail.  OUT: a build directory in which `make proofs' has passed.
set -u
: "${OUT:?}" "${C2COQ:?}" "${COQC:=coqc}"
cd "$(dirname "$0")/.." || exit 3
if ! [ -e "$OUT/v/Main.vo" ]; then
	echo "Bail out! $OUT/v/Main.vo: not built; run make -C proofs O=$OUT first"
	exit 3
fi
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

result()
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/out"
	fi
}

# A copy of sources and build to spoil.
fresh_copy()
{
	rm -rf "$tmp/p" "$tmp/o"
	mkdir "$tmp/p" "$tmp/o"
	cp -r ./*.v gates.sh unproved.txt unsimulated.txt uncovered.txt lang machine code sim gen versions "$tmp/p/"
	[ ! -d top ] || cp -r top "$tmp/p/"
	cp -r "$OUT/v" "$OUT/fresh" "$tmp/o/"
}

# gates [COQCHK]: run them on the copy; coqchk is slow and left out where it is not the point
gates()
{
	PROOFS=$tmp/p OUT=$tmp/o COQCHK=${1:-false} ./gates.sh >"$tmp/out" 2>&1
}

# fails GATE: this gate failed, and those before coqchk that are not named passed
fails()
{
	grep -q "^not ok $1 " "$tmp/out"
}

passes()
{
	for g; do
		grep -q "^ok $g " "$tmp/out" || return 1
	done
}

fresh_copy
gates
passes 1 2 3 4 5 6
result "gates 1 to 6 pass on an unchanged copy" $?

fresh_copy
sed -i '0,/EConst 0/s//EConst 1/' "$tmp/p/gen/C_owner.v"
gates
fails 1 && passes 2 3 4
result "gate 1 sees one changed constant in gen/" $?

fresh_copy
rm "$tmp/p/gen/C_pte.v"
gates
fails 1
result "gate 1 sees a missing translation" $?

# a change of the C itself, through the translator
fresh_copy
mkdir "$tmp/core"
sed 's/owner != OWNER_HOST/owner == OWNER_HOST/' ../common-core/core/owner.c >"$tmp/core/owner.c"
cp ../common-core/core/core.h "$tmp/core/"
"$C2COQ" --quiet --output "$tmp/o/fresh/C_owner.v" "$tmp/core/owner.c" -- -std=c17 -ffreestanding -I../common-core/include
gates
fails 1 && passes 2 3 4
result "gate 1 sees a changed condition in the C" $?
cp "$tmp/o/fresh/C_owner.v" "$tmp/o/v/gen/C_owner.v"
(cd "$tmp/o/v" && "$COQC" -q -Q . KCore gen/C_owner.v && ! "$COQC" -q -Q . KCore code/Owner.v) >"$tmp/out" 2>&1
result "and its proof fails" $?
rm -rf "$tmp/core"

for text in 'Axiom cheat : False.' 'Parameter cheat : False.' 'Lemma cheat : False. Admitted.' \
	'Lemma cheat : True. Proof. admit.' 'Hypothesis cheat : False.' 'Variable cheat : False.' \
	'Section A. End A. Conjecture cheat : False.' 'Unset Guard Checking.'; do
	fresh_copy
	echo "$text" >"$tmp/p/code/Cheat.v"
	gates
	fails 2 && passes 1 3 4
	result "gate 2 sees '$text'" $?
done

fresh_copy
printf '(* Axiom (* Admitted *) Variable x. *)\nSection A.\nVariable x : nat.\nEnd A.\n' >"$tmp/p/code/Fine.v"
gates
passes 1 2 3 4 5 6
result "gate 2 takes comments and variables of sections" $?

fresh_copy
{
	sed '/^Definition theorems/,$d' Main.v
	echo 'Axiom cheat : False.'
	echo 'Theorem wrong : 1 = 2. Proof. destruct cheat. Qed.'
	sed -n '/^Definition theorems/,$p' Main.v | sed 's/^  @owner_refines,$/  @wrong,\n&/'
} >"$tmp/p/Main.v"
cp "$tmp/p/Main.v" "$tmp/o/v/Main.v"
(cd "$tmp/o/v" && "$COQC" -q -Q . KCore Main.v >Main.out)
gates
fails 2 && fails 3 && passes 1 4
result "gate 3 sees a theorem that rests on an axiom" $?

# with a Main that stands on nothing: the real one takes coqchk minutes
fresh_copy
only()	# text of the whole of Main.v
{
	echo "$1" >"$tmp/o/v/Main.v"
	(cd "$tmp/o/v" && "$COQC" -q -Q . KCore Main.v >Main.out) && gates coqchk
}
only 'Theorem right : True. Proof. exact I. Qed.'
passes 7
result "gate 7 takes compiled files without an axiom" $?
only 'Axiom cheat : False. Theorem wrong : 1 = 2. Proof. destruct cheat. Qed.'
fails 7 && grep -q 'KCore.Main.cheat' "$tmp/out"
result "gate 7 sees the axiom in the compiled files" $?

fresh_copy
sed -i '/^Print Assumptions/d' "$tmp/p/Main.v"
gates
fails 3
result "gate 3 sees a Main.v that prints nothing" $?
fresh_copy
sed -i '/^  @ni_code,$/d' "$tmp/p/Main.v"
gates
fails 3 && grep -q 'ni_code is not in' "$tmp/out" && passes 1 2 4
result "gate 3 sees a theorem that is not in the list" $?

fresh_copy
sed -i '/^ *= *("functions"/,/: string/s/: string/"no_such_function" &/' "$tmp/o/v/Main.out"
gates
fails 4 && passes 1 2 3
result "gate 4 sees a function that is neither proved nor listed" $?
fresh_copy
echo pte_leaf >>"$tmp/p/unproved.txt"
gates
fails 4 && passes 1 2 3
result "gate 4 sees a listed function that is proved" $?

fresh_copy
sed -i '/^ *= *("functions"/d' "$tmp/o/v/Main.out"
gates
fails 4 && passes 1 2 3 5
result "gate 4 sees a Main.v that does not say what is missing" $?

fresh_copy
sed -i '/^ *= *("calls"/,/: string/s/: string/"no_such_call" &/' "$tmp/o/v/Main.out"
gates
fails 5 && passes 1 2 3 4
result "gate 5 sees a host call that is neither simulated nor listed" $?
fresh_copy
echo hc_version >>"$tmp/p/unsimulated.txt"
gates
fails 5 && passes 1 2 3 4
result "gate 5 sees a listed host call that is simulated" $?

fresh_copy
sed -i '/^ *= *("entries"/,/: string/s/: string/"no_such_entry" &/' "$tmp/o/v/Main.out"
gates
fails 6 && passes 1 2 3 4 5
result "gate 6 sees a way into the core that is neither covered nor listed" $?
fresh_copy
echo host_call >>"$tmp/p/uncovered.txt"
gates
fails 6 && passes 1 2 3 4 5
result "gate 6 sees a listed way into the core that is covered" $?

echo "1..$n"
[ $failed -eq 0 ]
