#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lists.sh - what is believed without proof, from the lists that the proofs and their gates use
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: proofs/lists.sh [--check | --write] [FILE]
Print what docs/trusted.md has to be: the trusted primitives with the sentences of kcore/machine.h, where the functions without a theorem are,
and the faults of proofs/mutants that no proof notices.  --write puts it into FILE (docs/trusted.md), --check compares it with FILE.

Exit status: 0; 1 FILE differs; 2 usage; 3 environment.
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
file=${1:-$top/docs/trusted.md}

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

case $mode in
print) lists ;;
write) lists >"$file" || die $EX_ENVIRONMENT "$file: can't be written" ;;
check)
	[ -r "$file" ] || die $EX_ENVIRONMENT "$file: can't be read; proofs/lists.sh --write makes it"
	lists | diff "$file" - || die $EX_FAILED "$file is not what the lists say; run proofs/lists.sh --write"
	;;
esac
