#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lists.sh - what is believed without proof, from the lists that the proofs and their gates use
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: proofs/lists.sh [--check | --write] [DIR]
Print what is believed without proof: the trusted primitives with the sentences of kcore/machine.h, the functions without a theorem, the host's
calls not shown to do what the top machine does, the ways into the core that noninterference of the C is not about, and the faults of
proofs/mutants that no proof notices.
--write puts it into docs/trusted.md, and its summary into CAVEATS.md between the two lines that name this program; --check compares them.
DIR has both files (default: the project).

Exit status: 0; 1 a file differs; 2 usage; 3 environment.
EOT
}

mode=print
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--check|--write) mode=${1#--} ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) break ;;
	esac
	shift
done
dir=${1:-$top}

# A primitive without a sentence of its own belongs to the one above it.
primitives()
{
	awk '
	function out() { if (names != "") printf "| %s | %s |\n", names, text; names = "" }
	/^\/\* ---- / {
		out(); section = $0
		gsub(/^\/\* -+ | -+ \*\/$/, "", section)
		if (section == "cells") next
		printf "\n%s:\n\n| primitive | what is assumed |\n|---|---|\n", toupper(substr(section, 1, 1)) substr(section, 2)
		next
	}
	/^(INLINE_PRIMITIVE )?(void|u64) [a-z0-9_]*\(/ {
		name = $0
		sub(/^INLINE_PRIMITIVE /, "", name); sub(/^(void|u64) /, "", name); sub(/\(.*/, "", name)
		if (match($0, /\/\* .* \*\//)) { out(); text = substr($0, RSTART + 3, RLENGTH - 6); names = "`" name "`"; next }
		names = names (names == "" ? "" : ", ") "`" name "`"
		next
	}
	END { out() }' "$top/common-core/include/kcore/machine.h"
}

lists()
{
	cat <<-EOT
	<!-- SPDX-License-Identifier: GPL-2.0-only -->
	<!-- Written by proofs/lists.sh; do not edit. -->
	# What is believed without proof

	[CAVEATS.md](../CAVEATS.md) has the rest: compiler, hardware, what the theorems leave out.

	## Trusted primitives

	What the core knows of the machine (\`kcore/machine.h\`). The sentence is what the proofs assume; \`proofs/machine/Base.v\` is its formal
	meaning. A primitive in the same row does the same for the next register.
	\`get_NAME\` and \`set_NAME\` of each cell (\`kcore/cells.h\`) read and write
	it and halt when the index is outside of the array.
	EOT
	primitives
	echo
	echo '## Functions without a theorem'
	echo
	echo "[proofs/unproved.txt](../proofs/unproved.txt), an exact list that may only shrink."
	echo "The disciplines of \`proofs/code/Disciplines.v\` cover these too."
	echo
	items <"$top/proofs/unproved.txt"
	echo
	echo "## Host calls not shown to do what the top machine does"
	echo
	echo "[proofs/unsimulated.txt](../proofs/unsimulated.txt), an exact list that may only shrink."
	echo
	items <"$top/proofs/unsimulated.txt"
	echo
	echo '## Ways into the core that noninterference of the C is not about'
	echo
	echo "[proofs/uncovered.txt](../proofs/uncovered.txt), an exact list that may only shrink; \`proofs/sim/Entries.v\` says what each is."
	echo
	items <"$top/proofs/uncovered.txt"
	echo
	echo '## Faults that no proof notices'
	echo
	survivors=$("$top/proofs/mutants.sh" --survivors)
	if [ -n "$survivors" ]; then
		printf '%s\n' "$survivors" | sed 's/^/* /'
	else
		# shellcheck disable=SC2016 # Markdown
		echo 'None of those in `proofs/mutants`.'
	fi
}

# The lines of a list that are not comments
entries()
{
	sed '/^#/d; /^$/d'
}

# shellcheck disable=SC2016 # Markdown
items()
{
	entries | sed 's/.*/* `&`/' | grep . || echo None.
}

count()	# what: an item with the list's length and entries
{
	entries | awk -v what="$1" '{ l = l (NR > 1 ? ", " : "") "`" $1 "`" } END { print "* " NR " " what (NR ? ": " l : "") "." }' |
		fold -s -w 138 | sed '2,$s/^/  /; s/ $//'
}

begin='<!-- proofs/lists.sh writes from here -->'
end='<!-- to here -->'
summary()
{
	echo "$begin"
	count 'functions of the core without a theorem' <"$top/proofs/unproved.txt"
	count 'calls of the host of which it is not shown that the C does what the top machine does' <"$top/proofs/unsimulated.txt"
	# shellcheck disable=SC2016 # Markdown
	count 'ways into the core that noninterference of the C (`ni_code`) is not about' <"$top/proofs/uncovered.txt"
	echo "* $(primitives | grep '^| `' | cut -d'|' -f2 | tr ',' '\n' | grep -c .) primitives that are trusted, each with what is assumed of it in" \
		'[docs/trusted.md](docs/trusted.md).'
	echo "* $("$top/proofs/mutants.sh" --survivors | grep -c .) faults among those of \`proofs/mutants\` that no proof notices."
	echo "$end"
}

# CAVEATS.md with today's summary
caveats()
{
	[ "$(grep -cxF -e "$begin" -e "$end" "$dir/CAVEATS.md")" = 2 ] ||
		die $EX_FAILED "$dir/CAVEATS.md: the lines '$begin' and '$end' have to be there once"
	summary >"$work/summary"
	awk -v begin="$begin" -v end="$end" -v summary="$work/summary" '
		$0 == begin { while ((getline line <summary) > 0) print line; skip = 1 }
		!skip { print }
		$0 == end { skip = 0 }' "$dir/CAVEATS.md"
}

[ "$mode" = print ] || { [ -r "$dir/docs/trusted.md" ] && [ -r "$dir/CAVEATS.md" ]; } ||
	die $EX_ENVIRONMENT "$dir: docs/trusted.md or CAVEATS.md can't be read"
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"
case "$mode" in
print) lists ;;
*)
	lists >"$work/trusted.md" && caveats >"$work/CAVEATS.md" || exit
	for file in docs/trusted.md CAVEATS.md; do
		if [ "$mode" = write ]; then
			install_changed "$work/${file##*/}" "$dir/$file" || die $EX_ENVIRONMENT "$dir/$file: can't be written"
		else
			diff "$dir/$file" "$work/${file##*/}" || die $EX_FAILED "$dir/$file is not what the lists say; run proofs/lists.sh --write"
		fi
	done
	;;
esac
