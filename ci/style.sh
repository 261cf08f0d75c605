#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# style.sh - rules that every file of the project keeps to; prints TAP
# The rules are called by name.
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/style.sh [DIR]
Check the files of the project, or of DIR, against the rules of style that need no build.
EOT
}

case ${1-} in
--help) usage; exit 0 ;;
-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
esac
cd "${1:-$top}" || exit $EX_ENVIRONMENT
need shellcheck shellcheck
need clang-format clang-format

if [ -e .git ] && command -v git >/dev/null 2>&1; then
	all=$(git ls-files)
else
	all=$(find . -type f ! -path './build/*' | sed 's|^\./||')
fi
# Named in the index and deleted in the work tree: not a file
files=$(for f in $all; do
	[ ! -f "$f" ] || printf '%s\n' "$f"
done)

match()	# extended regular expression over the names
{
	printf '%s\n' "$files" | grep -E "$1"
}

failed=0 n=0
# A rule's function prints what offends; nothing printed is good.
rule()	# function, text
{
	n=$((n + 1))
	found=$("$1" 2>&1)
	if [ -z "$found" ]; then
		printf 'ok %d - %s\n' $n "$2"
	else
		printf 'not ok %d - %s\n' $n "$2"
		printf '%s\n' "$found" | head -n 20 | sed 's/^/# /'
		failed=1
	fi
}

shell_files()
{
	match '\.sh$'
	for f in $(printf '%s\n' "$files" | grep -Ev '\.(sh|c|h|S|v|md|cocci|json|conf|config|lds|list)$'); do
		if head -n 1 "$f" | grep -q '^#!.*sh$'; then
			printf '%s\n' "$f"
		fi
	done
}

r_shellcheck()
{
	shell_files | sort -u | while read -r f; do
		shellcheck -x -f gcc "$f"
	done
}

r_posix()
{
	shell_files | while read -r f; do
		sed -n '1{/^#!/{/^#!\/bin\/sh$/!p}}' "$f" | sed "s|^|$f: |"
	done
}

r_languages()
{
	match '\.(py|pl|rb|js|go|rs|tcl|lua)$'
}

# Data whose format has no comment, and test data that are compared byte by byte, can't carry the line
r_spdx()
{
	printf '%s\n' "$files" | grep -Ev '^LICENSES/|\.json$|\.txt$|/(tests|testdata)/.*\.(out|err|res|stdout|expected|txt|log)$' |
	while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2\.0' || printf '%s: no SPDX line\n' "$f"
	done
}

# The rule's own words are written so that this file does not offend
r_leftovers()
{
	match '\.(c|h|S|sh|v|cocci|mk|conf|config)$|^Makefile$|/Makefile$' | while read -r f; do
		LC_ALL=C grep -nHE '\<(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\>|^[[:space:]]*#[[:space:]]*if[[:space:]]+0\>' "$f"
	done
}

r_paths()
{
	printf '%s\n' "$files" | while read -r f; do
		LC_ALL=C grep -nHIE '(^|[^[:alnum:]_.$}/-])/(wor[k]|hom[e]|roo[t])/[[:alnum:]]' "$f"
	done
}

r_blanks()
{
	match '\.(c|h|S|sh|lds|mk)$|^Makefile$|/Makefile$' | while read -r f; do
		LC_ALL=C grep -nHE '[[:blank:]]+$' "$f"
		[ -z "$(tail -c 1 "$f")" ] || printf '%s: no newline at its end\n' "$f"
	done
}

r_tabs()
{
	match '\.(c|h)$' | while read -r f; do
		LC_ALL=C grep -nHE '^ {8}' "$f"
	done
}

r_length()
{
	match '\.(c|h|S|sh)$' | grep -v '/tests/' | while read -r f; do
		# tables of X-macros are one entry a line
		expand "$f" | LC_ALL=C awk -v f="$f" 'length($0) > 160 && !/^X\(/ { print f ":" NR ": " length($0) " columns" }'
	done
}

r_size()
{
	printf '%s\n' "$files" | while read -r f; do
		bytes=$(wc -c <"$f")
		[ "$bytes" -le 524288 ] || printf '%s: %s bytes\n' "$f" "$bytes"
	done
}

# Runs of blanks inside of a line are the author's: tables and trailing comments are aligned by hand
canonical()
{
	awk '{
		match($0, /^[ \t]*/)
		lead = substr($0, 1, RLENGTH)
		rest = substr($0, RLENGTH + 1)
		gsub(/[ \t]+/, " ", rest)
		print lead rest
	}'
}

r_format()
{
	a=$(mktemp) b=$(mktemp)
	match '^common-core/(core|boot)/.*\.[ch]$' | while read -r f; do
		canonical <"$f" >"$a"
		clang-format --style=file:"$top/.clang-format" "$f" | canonical >"$b"
		diff -u --label "$f" --label "$f, formatted" "$a" "$b"
	done
	rm -f "$a" "$b"
}

rule r_shellcheck 'shell programs are clean for shellcheck'
rule r_posix 'shell programs ask for POSIX sh'
rule r_languages 'programs are C, make and POSIX sh only'
rule r_spdx 'every file has an SPDX line'
rule r_leftovers 'no left-overs in code'
rule r_paths 'no path of a particular machine'
rule r_blanks 'no blanks at the end of lines, a newline at the end of files'
rule r_tabs 'C is indented by tabs'
rule r_length 'no line is longer than 160 columns'
rule r_size 'no file is larger than 512 KiB'
rule r_format 'the core is formatted as .clang-format says'
printf '1..%d\n' $n
exit $failed
