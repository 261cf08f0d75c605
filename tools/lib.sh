# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# What the project's shell programs share.  The includer has set $top, the root of the source tree.

: "${top:?the root of the source tree}"
me=${0##*/}

# Exit codes, docs/usage.md
EX_FAILED=1
EX_USAGE=2
EX_ENVIRONMENT=3
EX_SKIPPED=77
: "$EX_FAILED" "$EX_SKIPPED"

note()
{
	printf '%s: %s\n' "$me" "$*" >&2
}

die()	# status, message
{
	status=$1
	shift
	note "$*"
	exit "$status"
}

step()	# tag, text: one line of progress in Kbuild's form
{
	printf '  %-7s %s\n' "$1" "$2"
}

need()	# program, Debian package
{
	command -v "$1" >/dev/null 2>&1 ||
		die $EX_ENVIRONMENT "$1 is missing; install the Debian package '$2' or run 'make setup'"
}

# Paths below the build directory count as relative: builds of other variants and clones hit too
ccache_below()	# build directory
{
	# by what the preprocessor makes of a file: an object that CONFIG_KCORE is nothing to is compiled once for both kernels
	export CCACHE_DIR="${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/kcore/ccache}" CCACHE_NOHASHDIR=1
	CCACHE_BASEDIR=$(cd "$1" && pwd)
	export CCACHE_BASEDIR
}

# What makes __FILE__ the same with and without ccache, wherever the directories are
file_prefixes()	# tree, build directory
{
	printf '%s' "-fmacro-prefix-map=$(realpath "$1")/= -fmacro-prefix-map=$(realpath --relative-to="$2" "$1")/="
}

releases()	# the releases that have a directory, space separated
{
	for conf in "$top"/versions/v*/release.conf; do
		conf=${conf%/release.conf}
		printf '%s ' "${conf##*/}"
	done
}

# The fragments of a release's configuration, a line each, in the order of the Makefile
fragments()	# release, variant (kcore, stock or deb)
{
	echo versions/config/host.config
	if [ -f "$top/versions/$1/kernel.config" ]; then
		echo "versions/$1/kernel.config"
	fi
	echo "versions/config/$2.config"
}

# The source that a release.conf names, in one line; two releases must not name the same
release_claim()	# release.conf
{
	(
		RELEASE_PACKAGE='' RELEASE_SUITE='' RELEASE_TARBALL='' RELEASE_GIT='' RELEASE_TAG=''
		# shellcheck source=versions/v6.1/release.conf
		. "$1"
		if [ -n "$RELEASE_PACKAGE" ]; then
			echo "package $RELEASE_PACKAGE of $RELEASE_SUITE"
		fi
		if [ -n "$RELEASE_TARBALL" ]; then
			echo "tarball $RELEASE_TARBALL"
		fi
		if [ -n "$RELEASE_GIT" ]; then
			echo "tag $RELEASE_TAG of $RELEASE_GIT"
		fi
	)
}

# Reads versions/<release>/release.conf into RELEASE_*; sets ksrc to the user's own tree, if there is one.
release_load()	# release
{
	case $1 in
	v*[!0-9.]*) known=n ;;
	v[0-9]*.[0-9]*) known=y ;;
	*) known=n ;;
	esac
	case ${1#v} in
	*[!0-9.]*) known=n ;;
	esac
	conf=$top/versions/$1/release.conf
	if [ $known = n ] || [ ! -f "$conf" ]; then
		die $EX_USAGE "unknown release '$1': no versions/$1/release.conf (known: $(releases))"
	fi
	claim=$(release_claim "$conf")
	[ "$(printf '%s\n' "$claim" | wc -l)" = 1 ] ||
		die $EX_USAGE "versions/$1/release.conf: names more than one source; keep one of: $(printf '%s\n' "$claim" | paste -sd,)"
	for other in "$top"/versions/v*/release.conf; do
		if [ -n "$claim" ] && [ "$other" != "$conf" ] && [ "$(release_claim "$other")" = "$claim" ]; then
			other=${other%/release.conf}
			die $EX_USAGE "versions/$1/release.conf and versions/${other##*/}/release.conf both claim $claim; correct one of them"
		fi
	done
	RELEASE_VERSION='' RELEASE_PACKAGE='' RELEASE_SUITE='' RELEASE_SECURITY='' RELEASE_MEMBER=''
	RELEASE_TARBALL='' RELEASE_SHA256='' RELEASE_SIGNATURE='' RELEASE_GIT='' RELEASE_TAG='' RELEASE_COMMIT=''
	# pauth-impdef: the architected algorithm, emulated, takes half of the time of a kernel that signs its pointers
	RELEASE_HOST_FLAGS='' RELEASE_CPU_MAX=max,pauth-impdef=on
	# shellcheck source=versions/v6.1/release.conf
	. "$conf"
	: "$RELEASE_PACKAGE" "$RELEASE_SUITE" "$RELEASE_SECURITY" "$RELEASE_MEMBER"
	: "$RELEASE_TARBALL" "$RELEASE_SHA256" "$RELEASE_SIGNATURE" "$RELEASE_GIT" "$RELEASE_TAG" "$RELEASE_COMMIT" "$RELEASE_HOST_FLAGS" "$RELEASE_CPU_MAX"
	[ -n "$RELEASE_VERSION" ] || die $EX_USAGE "versions/$1/release.conf: RELEASE_VERSION is missing"
	ksrc_name=KSRC_$(printf %s "$1" | tr . _)
	eval "ksrc=\${$ksrc_name-}"
}

# What the kernel's command line has to say on a CPU with VHE, of QEMU's names, for KCore to start; nothing on the others
cpu_append()	# CPU
{
	case $1 in
	*max*|*a76*|*neoverse*|*a64fx*) echo kvm-arm.mode=nvhe ;;
	esac
}

# Runs on every way out, with the exit status kept.  A signal ends the program by that signal's status.
cleanup_on_exit()	# command
{
	# shellcheck disable=SC2064
	trap "$1" EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

sha256()	# file
{
	sha256sum <"$1" | cut -d' ' -f1
}

# Address of the archive that the machine itself uses: Debian's label, or this Debian's own code name.
debian_archive()	# label, suffix of the suite
{
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(IDENTIFIER)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)' 2>/dev/null |
		awk -F'|' -v label="$1" -v own="$codename$2" '
			$1 == "Packages" && $4 == "main" && ($5 == label || ($5 == "" && $3 == own)) { print $2; exit }'
}

# Puts a file in its place if it differs from what is there; an unchanged file keeps its time stamp.
install_changed()	# from, to
{
	cmp -s "$1" "$2" && return 0
	mkdir -p "${2%/*}" && cp "$1" "$2.new" && mv "$2.new" "$2"
}

# One program at a time works in a directory; the next one waits.  Held until the program ends.
lock()	# directory
{
	mkdir -p "$1" || die $EX_ENVIRONMENT "$1/.lock: cannot be made"
	exec 9>"$1/.lock"
	if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
		note "waiting for another program that works in $1"
		flock 9
	fi
}
