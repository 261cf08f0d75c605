#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# input.sh - bad input, full disk, interruption: a clear message, an exit status, nothing half-written; prints TAP
# Programs under test are called by name.
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/input.sh
Needs a build directory O with the source and the kernel of RELEASE built ('make initramfs').
EOT
}

case ${1-} in
'') ;;
--help) usage; exit 0 ;;
*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
esac
RELEASE=${RELEASE:-v6.1}
O=${O:-$top/build}
release_load "$RELEASE"
src=$O/src/$RELEASE
dir=$O/$RELEASE
[ -d "$dir/tree" ] || die $EX_ENVIRONMENT "$dir/tree: not there; run 'make initramfs' first"
unset MAKEFLAGS MFLAGS MAKELEVEL KCORE KCORE_ARCHIVE KCORE_ARCHIVE_SECURITY
unset "$ksrc_name"
cd "$top" || exit $EX_ENVIRONMENT

# Next to the build directory's files, so that hard links work as in real use
work=$O/check/input
rm -rf "$work"
mkdir -p "$work" || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"
n=0 failed=0

ok()
{
	n=$((n + 1))
	echo "ok $n - $1"
}

not_ok()	# text, what was seen
{
	n=$((n + 1))
	echo "not ok $n - $1: $2"
	tail -n 20 "$work/out" | sed 's/^/# /'
	failed=1
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# Files that a program must not leave, as seen by the last run
absent=''

# A text, then a command that has to exit with the status and say the regular expression, leaving none of $absent
check()	# text, status, regex, command...
{
	text=$1 want=$2 regex=$3
	shift 3
	"$@" >"$work/out" 2>&1 </dev/null
	got=$?
	left=''
	for f in $absent; do
		if [ -e "$f" ] || [ -L "$f" ]; then
			left="$left ${f#"$work"/}"
		fi
	done
	if [ $got != "$want" ]; then
		not_ok "$text" "status $got, wanted $want"
	elif ! grep -Eq -e "$regex" "$work/out"; then
		not_ok "$text" "no message that matches /$regex/"
	elif [ -n "$left" ]; then
		not_ok "$text" "left behind:$left"
	else
		ok "$text"
	fi
	rm -rf "$work/o"
}

# ---- releases and sources
fetch()
{
	tools/fetch-source --output "$work/o" "$@"
}

absent="$work/o/src/v9.9 $work/o/v9.9"
check 'unknown release' 2 "unknown release 'v9.9'.*known: .*$RELEASE" fetch v9.9
check 'unknown release, by make' 2 "unknown release 'v9.9'" make O="$work/o" RELEASE=v9.9 kernel
check 'a release that is a path' 2 "unknown release '../v6.1'" fetch ../v6.1
absent="$work/o/src/$RELEASE $work/o/src/$RELEASE.origin"
check 'KSRC: no such directory' 3 "$ksrc_name=$work/none: no such directory" env "$ksrc_name=$work/none" tools/fetch-source --output "$work/o" "$RELEASE"
mkdir "$work/tree"
check 'KSRC: not a kernel' 3 'no kernel source there' env "$ksrc_name=$work/tree" tools/fetch-source --output "$work/o" "$RELEASE"
printf 'VERSION = 3\nPATCHLEVEL = 2\nSUBLEVEL = 1\n' >"$work/tree/Makefile"
check 'KSRC: another version' 3 "is Linux 3\.2, not $RELEASE_VERSION" env "$ksrc_name=$work/tree" tools/fetch-source --output "$work/o" "$RELEASE"
absent="$work/o/src/$RELEASE/Makefile.rej"
check 'KSRC: used, and marked as unverified' 0 'unverified' env "$ksrc_name=$src" tools/fetch-source --output "$work/o" "$RELEASE"
absent=''
mkdir "$work/full"
: >"$work/full/file"
check 'O= names a directory with other things in it' 2 'not made by this Makefile' make O="$work/full" kcore
check 'distclean of such a directory' 2 'not made by this Makefile' make O="$work/full" distclean
if [ -f "$work/full/file" ]; then
	ok 'distclean left it alone'
else
	not_ok 'distclean left it alone' 'the file is gone'
fi

# ---- kinds of sources, by copies of the programs with made-up releases: no network
kinds=$work/kinds
mkdir -p "$kinds/tools" "$kinds/versions" "$kinds/linux-9.1" "$kinds/cache"
cp tools/lib.sh tools/fetch-source tools/fetch-package "$kinds/tools"
printf 'VERSION = 9\nPATCHLEVEL = 1\nSUBLEVEL = 0\n' >"$kinds/linux-9.1/Makefile"
tar -C "$kinds" -cf "$kinds/linux-9.1.tar" linux-9.1
xz -k "$kinds/linux-9.1.tar"
tarball=$kinds/linux-9.1.tar.xz

conf()	# release, lines of its release.conf...
{
	mkdir -p "$kinds/versions/$1"
	release_conf=$kinds/versions/$1/release.conf
	shift
	printf '%s\n' "$@" >"$release_conf"
}

kind()	# arguments of fetch-source...
{
	XDG_CACHE_HOME="$kinds/cache" "$kinds/tools/fetch-source" --output "$work/o" "$@"
}

with_key()	# keyring, arguments of fetch-source...
{
	file=$1
	shift
	XDG_CACHE_HOME="$kinds/cache" KCORE_KEYRING="$file" "$kinds/tools/fetch-source" --output "$work/o" "$@"
}

# The first key signs, the other is a stranger's
GNUPGHOME=$(mktemp -d) || exit $EX_ENVIRONMENT
export GNUPGHOME
cleanup_on_exit "rm -rf '$work' '$GNUPGHOME'"
for who in signer stranger; do
	gpg --batch --quiet --passphrase '' --quick-generate-key "$who@example.org" ed25519 sign never 2>/dev/null
	gpg --batch --quiet --export "$who@example.org" >"$kinds/$who.gpg"
done
gpg --batch --quiet --local-user signer@example.org --detach-sign --output "$kinds/linux-9.1.tar.sign" "$kinds/linux-9.1.tar"
printf 'another file\n' | gpg --batch --quiet --local-user signer@example.org --detach-sign >"$kinds/other.sign"

absent="$work/o/src/v9.1 $work/o/src/v9.1.origin $work/o/src/.v9.1.new"
tarball_conf()	# SHA-256, signature
{
	conf v9.1 RELEASE_VERSION=9.1 "RELEASE_TARBALL=file://$tarball" "RELEASE_SHA256=$1" "RELEASE_SIGNATURE=$2"
}
hash=$(sha256 "$tarball")
tarball_conf "$(sha256 /dev/null)" "file://$kinds/linux-9.1.tar.sign"
check 'tarball: another SHA-256 than declared' 3 "SHA-256 is $hash, not .*; refused" kind v9.1
conf v9.1 RELEASE_VERSION=9.1 "RELEASE_TARBALL=file://$tarball"
check 'tarball: no SHA-256 declared' 2 'RELEASE_TARBALL without RELEASE_SHA256' kind v9.1
conf v9.1 RELEASE_VERSION=9.1 "RELEASE_TARBALL=file://$kinds/none.tar.xz" "RELEASE_SHA256=$hash"
check 'tarball: not there' 3 'cannot be fetched; .*KSRC_v9_1=' kind v9.1
tarball_conf "$hash" "file://$kinds/other.sign"
check "tarball: another file's signature" 3 'its signature is not good' with_key "$kinds/signer.gpg" v9.1
tarball_conf "$hash" "file://$kinds/linux-9.1.tar.sign"
check "tarball: a stranger's keyring" 3 'its signature is not good' with_key "$kinds/stranger.gpg" v9.1
check 'tarball: no such keyring' 3 'KCORE_KEYRING=.*: cannot be read' with_key "$kinds/none.gpg" v9.1
tarball_conf "$hash" ''
check 'tarball: no signature to check' 2 'no RELEASE_SIGNATURE' with_key "$kinds/signer.gpg" v9.1
conf v9.1 RELEASE_VERSION=9.2 "RELEASE_TARBALL=file://$tarball" "RELEASE_SHA256=$hash"
check 'tarball: of another version' 3 'is Linux 9\.1, not 9\.2 as versions/v9.1/release.conf declares' kind v9.1
absent=''
tarball_conf "$hash" "file://$kinds/linux-9.1.tar.sign"
check 'tarball: signed' 0 "SOURCE .*sha256:$hash, signed by [0-9A-F]{40}" with_key "$kinds/signer.gpg" v9.1
check 'tarball: without a keyring, and it says so' 0 'signature not checked' kind v9.1
printf tampered | dd of="$kinds/cache/kcore/linux-9.1.tar.xz" bs=1 seek=50 conv=notrunc 2>/dev/null
check 'tarball: a tampered cached file is refused and fetched again' 0 'refused, wrong SHA-256' kind v9.1
twice()	# the second run has a keyring, or another declaration
{
	kind v9.1 && "$@"
}
check 'tarball: unpacked unsigned, then a keyring is named: checked' 3 'its signature is not good' \
	twice with_key "$kinds/stranger.gpg" v9.1
redeclared()
{
	tarball_conf "$(sha256 /dev/null)" ''
	kind v9.1
}
check 'tarball: unpacked, then another SHA-256 is declared: not used' 3 'refused' twice redeclared

# user's settings of git must not matter, nor those of the repository around the build directory
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git_in()
{
	git -C "$kinds/linux-9.1" -c user.name=signer -c user.email=signer@example.org -c user.signingkey=signer@example.org "$@" >/dev/null 2>&1
}
git_in init -q
git_in add Makefile
git_in commit -qm first
git_in tag -a -m plain plain
git_in tag -s -m 'Linux 9.1' v9.1
commit=$(git -C "$kinds/linux-9.1" rev-parse HEAD)
git_conf()	# tag, commit, version
{
	conf v9.1 "RELEASE_VERSION=${3:-9.1}" "RELEASE_GIT=file://$kinds/linux-9.1" "RELEASE_TAG=$1" "RELEASE_COMMIT=$2"
}
absent="$work/o/src/v9.1 $work/o/src/v9.1.origin $work/o/src/.v9.1.new"
git_conf none "$commit"
check 'git: no such tag' 3 'tag none cannot be fetched; .*KSRC_v9_1=' kind v9.1
git_conf v9.1 ''
check 'git: no commit declared' 2 'RELEASE_GIT without RELEASE_COMMIT' kind v9.1
git_conf v9.1 0123456789012345678901234567890123456789
check 'git: the tag is another commit than declared' 3 "tag v9.1 is $commit, not 0123.*; refused" kind v9.1
git_conf plain "$commit"
check 'git: a tag without signature' 3 'tag plain has no signature' with_key "$kinds/signer.gpg" v9.1
git_conf v9.1 "$commit"
check "git: a stranger's keyring" 3 'its signature is not good' with_key "$kinds/stranger.gpg" v9.1
git_conf v9.1 "$commit" 9.3
check 'git: of another version' 3 'is Linux 9\.1, not 9\.3' kind v9.1
absent=''
git_conf v9.1 "$commit"
check 'git: a signed tag' 0 "commit $commit, signed by [0-9A-F]{40}" with_key "$kinds/signer.gpg" v9.1
check 'git: without a keyring, and it says so' 0 'signature not checked' kind v9.1

absent="$work/o/src/v9.1 $work/o/src/v9.1.origin"
conf v9.1 RELEASE_VERSION=9.1
check 'a release without a source' 3 'names no source; set KSRC_v9_1=' kind v9.1
conf v9.1 RELEASE_VERSION=9.1 "RELEASE_TARBALL=file://$tarball" RELEASE_PACKAGE=linux-source-9.1
check 'a release with two sources' 2 'names more than one source' kind v9.1
conf v9.1 "RELEASE_TARBALL=file://$tarball"
check 'a release without a version' 2 'RELEASE_VERSION is missing' kind v9.1
git_conf v9.1 "$commit"
cp -r "$kinds/versions/v9.1" "$kinds/versions/v9.2"
check 'two releases that claim one source' 2 'v9.1/release.conf and versions/v9.2/release.conf both claim tag v9.1' kind v9.1
conf v9.2 RELEASE_VERSION=9.1
own()	# KSRC_... variables, then arguments of fetch-source
{
	env "$@" "$kinds/tools/fetch-source" --output "$work/o" v9.1
}
check 'KSRC: one tree for two releases' 2 'KSRC_v9_1 and KSRC_v9_2 both name' \
	own "KSRC_v9_1=$kinds/linux-9.1" "KSRC_v9_2=$kinds/linux-9.1/."
printf 'EXTRAVERSION = -mine\n' >>"$kinds/linux-9.1/Makefile"
check 'KSRC: a git tree with uncommitted changes' 3 'uncommitted changes, the first: Makefile; commit' own "KSRC_v9_1=$kinds/linux-9.1"
absent=''
git_in checkout Makefile
check 'KSRC: a clean git tree' 0 'linux-9.1 \(unverified\)' own "KSRC_v9_1=$kinds/linux-9.1"
mine()	# into a build directory that stays
{
	env "KSRC_v9_1=$kinds/linux-9.1" "$kinds/tools/fetch-source" --output "$work/mine" v9.1
}
copied()	# how often its Makefile says "mine"; fails if the copy or a file of it is a link, or the .git is there
{
	[ ! -L "$work/mine/src/v9.1" ] && [ ! -e "$work/mine/src/v9.1/.git" ] && [ "$(stat -c %h "$kinds/linux-9.1/Makefile")" = 1 ] || return
	grep -c mine "$work/mine/src/v9.1/Makefile" || :
}
check 'KSRC: copied' 0 '^  COPY' mine
check 'KSRC: copied without its .git' 0 '^0$' copied
not_again()	# fetched once more, it is the same directory
{
	before=$(stat -c %i "$work/mine/src/v9.1") && mine && [ "$(stat -c %i "$work/mine/src/v9.1")" = "$before" ]
}
check 'KSRC: not copied again' 0 '^  SOURCE' not_again
printf 'EXTRAVERSION = -mine\n' >>"$kinds/linux-9.1/Makefile"
git_in commit -qam mine
check 'KSRC: copied again when a file has changed' 0 '^  COPY' mine
check 'KSRC: the copy has the change' 0 '^1$' copied
rm -rf "$work/mine/src/v9.1" && ln -s "$kinds/linux-9.1" "$work/mine/src/v9.1"
check 'KSRC: a link is replaced by a copy' 0 '^  COPY' mine
check 'KSRC: and no file of it is a link' 0 '^1$' copied

read_only()	# a build directory on a file system that is mounted read-only
{
	mkdir -p "$work/small"
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m sh -c 'mount -t tmpfs -o ro tmpfs "$0" && "$@"' "$work/small" "$@"
}
if [ "$(id -u)" = 0 ] && read_only true >/dev/null 2>&1; then
	check 'a read-only build directory' 3 'nothing can be written there; name another build directory by O=' \
		read_only "$kinds/tools/fetch-source" --output "$work/small" v9.1
	check 'a read-only build directory, by make' 2 'nothing can be written there' read_only make O="$work/small" kcore
else
	skip 'a read-only build directory' 'a small file system can be mounted by root only'
fi
unset GNUPGHOME

# ---- downloads: a small package stands for the source, it goes the same way
package=busybox-static suite=bookworm
export XDG_CACHE_HOME="$work/cache"
cache=$work/cache/kcore

fetch_package()
{
	tools/fetch-package --apt "$work/apt" --suite "$suite" "$package"
}

if ! fetch_package >"$work/name" 2>"$work/out"; then
	not_ok 'a package is fetched' "status $?"
else
	ok 'a package is fetched'
	deb=$(cat "$work/name")
	cp "$deb" "$work/good.deb"
	check 'a cached package is used without the network' 0 "^$cache/" \
		env http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 \
		tools/fetch-package --apt "$work/apt" --suite "$suite" "$package"
	truncate -s 100000 "$deb"
	check 'a truncated cached package is refused and fetched again' 0 'refused, 100000 bytes' fetch_package
	printf tampered | dd of="$deb" bs=1 seek=5000 conv=notrunc 2>/dev/null
	check 'a tampered cached package is refused and fetched again' 0 'refused.*wrong SHA-256' fetch_package
	if cmp -s "$deb" "$work/good.deb"; then
		ok 'what was fetched again is the package'
	else
		not_ok 'what was fetched again is the package' 'it differs'
	fi

	# An archive of our own with Debian's signed index, then spoiled in one place each
	mirror=$work/mirror
	list=$(find "$work/apt" -name '*_InRelease')
	pool=$(cd "$work/apt/$suite" && APT_CONFIG="$work/apt/$suite/apt-config" apt-get download --print-uris $package |
		sed "s/^'[^']*\/\(pool\/[^']*\)'.*/\1/" | sed "s/%2b/+/g; s/%7e/~/g")
	mkdir -p "$mirror/dists/$suite/main/binary-arm64" "$mirror/$(dirname "$pool")"
	cp "$list" "$mirror/dists/$suite/InRelease"
	uri=$(sed -n "s/^deb \[.*\] \([^ ]*\) .*/\1/p" "$work/apt/$suite/sources.list")
	/usr/lib/apt/apt-helper download-file "${uri%/}/dists/$suite/main/binary-arm64/Packages.xz" \
		"$mirror/dists/$suite/main/binary-arm64/Packages.xz" >/dev/null 2>&1

	from_mirror()
	{
		rm -rf "$work/apt2" "$cache"
		KCORE_ARCHIVE=file:$mirror tools/fetch-package --apt "$work/apt2" --suite "$suite" "$package"
	}

	absent=$deb
	cp "$work/good.deb" "$mirror/$pool"
	absent=''
	check 'an archive of our own serves the package' 0 "^$cache/" from_mirror
	two_at_once()
	{
		rm -rf "$work/apt2" "$cache"
		KCORE_ARCHIVE=file:$mirror tools/fetch-package --apt "$work/apt2" --suite "$suite" "$package" &
		other=$!
		KCORE_ARCHIVE=file:$mirror tools/fetch-package --apt "$work/apt2" --suite "$suite" "$package"
		one=$?
		wait "$other" && return "$one"
	}
	check 'two fetch a package at once' 0 "^$cache/" two_at_once
	absent=$deb
	truncate -s 100000 "$mirror/$pool"
	check 'a truncated package in the archive is refused' 3 'refused' from_mirror
	cp "$work/good.deb" "$mirror/$pool"
	printf tampered | dd of="$mirror/$pool" bs=1 seek=5000 conv=notrunc 2>/dev/null
	check 'a tampered package in the archive is refused' 3 'refused' from_mirror
	rm "$mirror/$pool"
	check 'a missing package in the archive' 3 'refused' from_mirror
	cp "$work/good.deb" "$mirror/$pool"
	echo >>"$mirror/dists/$suite/main/binary-arm64/Packages.xz"
	check 'a tampered index is refused' 3 'index could not be fetched or its signature is wrong' from_mirror
	sed -i 's/^Suite: .*/Suite: other/' "$mirror/dists/$suite/InRelease"
	check 'a tampered signature is refused' 3 'index could not be fetched or its signature is wrong' from_mirror
	rm -r "$mirror"
	check 'a missing archive' 3 'index could not be fetched' from_mirror
fi

# ---- BearSSL's source: one file of Debian's pool, by its hash
bearssl=$work/bearssl mirror=$work/mirror
tarball=$(sed -n 's/^file=//p' tools/fetch-bearssl)

fetch_bearssl()	# address of the archive, empty: the machine's
{
	rm -rf "$bearssl"
	env ${1:+KCORE_ARCHIVE="$1"} tools/fetch-bearssl --output "$bearssl"
}

absent=''
if ! fetch_bearssl '' >"$work/out" 2>&1; then
	not_ok 'BearSSL is fetched' "status $?"
else
	ok 'BearSSL is fetched'
	mkdir -p "$mirror/pool/main/b/bearssl"
	cp "$cache/$tarball" "$work/good.tar.xz"
	from_cache()
	{
		fetch_bearssl http://127.0.0.1:9 && ls "$bearssl/inc"
	}
	check 'BearSSL in the cache is used without the network' 0 '^bearssl.h$' from_cache
	printf tampered | dd of="$cache/$tarball" bs=1 seek=5000 conv=notrunc 2>/dev/null
	check 'BearSSL tampered in the cache is refused and fetched again' 0 'refused, wrong SHA-256' fetch_bearssl ''
	if cmp -s "$cache/$tarball" "$work/good.tar.xz" && [ -f "$bearssl/inc/bearssl.h" ]; then
		ok 'what was fetched again is BearSSL'
	else
		not_ok 'what was fetched again is BearSSL' 'it differs'
	fi
	rm "$cache/$tarball"
	absent="$cache/$tarball"
	check 'no network, no BearSSL' 3 "cannot be fetched; put the file into $cache" fetch_bearssl http://127.0.0.1:9
	cp "$work/good.tar.xz" "$mirror/pool/main/b/bearssl/$tarball"
	printf tampered | dd of="$mirror/pool/main/b/bearssl/$tarball" bs=1 seek=5000 conv=notrunc 2>/dev/null
	check 'BearSSL tampered in the archive is refused' 3 'SHA-256 is .*refused' fetch_bearssl "file:$mirror"
	absent="$bearssl"
	check 'and nothing of it is left' 3 'refused' fetch_bearssl "file:$mirror"
	absent=''
	cp "$work/good.tar.xz" "$mirror/pool/main/b/bearssl/$tarball"
	check 'BearSSL from an archive of our own' 0 'FETCH' fetch_bearssl "file:$mirror"
	check 'fetch-bearssl without a directory' 2 'needed' tools/fetch-bearssl
	rm -rf "$mirror"
fi
absent=''
unset XDG_CACHE_HOME

# ---- missing tools
absent="$work/o/k/.config"
check 'no compiler' 3 "none-gcc is missing; install the Debian package 'gcc-aarch64-linux-gnu'" tools/build-kernel \
	--tree "$dir/tree" --output "$work/o/k" --cross none- versions/config/host.config
absent=''
mkdir "$work/bin"
for tool in sh dirname sed cat mktemp rm; do
	ln -s "$(command -v $tool)" "$work/bin/$tool"
done
check 'no QEMU' 3 "qemu-system-aarch64 is missing; install the Debian package 'qemu-system-arm'" env PATH="$work/bin" \
	ci/boot.sh --image "$src/Makefile" --initrd "$src/Makefile" --log "$work/log"
check 'no patch program' 3 "patch is missing; install the Debian package 'patch'" env PATH="$work/bin" \
	tools/make-tree --pristine "$src" --series "$dir/retrofit/quilt" --output "$work/o/tree"

# ---- configuration and tree
printf 'CONFIG_NO_SUCH_OPTION=y\n' >"$work/bad.config"
absent="$work/o/k/.config $work/o/k/.config.asked"
check 'an option that the tree does not have' 1 'CONFIG_NO_SUCH_OPTION=y was asked for' tools/build-kernel --tree "$dir/tree" \
	--output "$work/o/k" versions/config/host.config "$work/bad.config"
printf 'CONFIG_KVM=n\n' >"$work/bad.config"
check 'an option whose dependency is missing' 1 'CONFIG_KCORE=y was asked for, the tree gives n' tools/build-kernel \
	--tree "$dir/tree" --output "$work/o/k" versions/config/host.config versions/config/kcore.config "$work/bad.config"
printf '%s\n' CONFIG_VIRTUALIZATION=y CONFIG_KVM=y CONFIG_HZ_300=y CONFIG_KCORE_TEST=y CONFIG_NO_SUCH_OPTION=y >"$work/distribution.config"
check 'a configuration of the user without KVM' 1 'CONFIG_KCORE=y was asked for, the tree gives n' tools/build-kernel \
	--tree "$dir/tree" --output "$work/o/k" --config "$work/bad.config" versions/config/deb.config
check 'a configuration of the user that is none' 2 "$dir/tree/Makefile: no kernel configuration" tools/build-kernel \
	--tree "$dir/tree" --output "$work/o/k" --config "$dir/tree/Makefile" versions/config/deb.config
absent=''
check 'a configuration of the user' 0 'options hold' tools/build-kernel --configure --tree "$dir/tree" --output "$work/distribution" \
	--config "$work/distribution.config" versions/config/deb.config
if grep -qx CONFIG_HZ_300=y "$work/distribution/.config" && grep -qx '# CONFIG_KCORE_TEST is not set' "$work/distribution/.config"; then
	ok 'a configuration of the user: its options are there, the test driver is not'
else
	not_ok 'a configuration of the user: its options are there, the test driver is not' 'they are otherwise'
fi
head -c 4096 /dev/urandom >"$work/blob"
# The build is the caller's: same configuration, same Image after all of this
image_before=$(sha256 "$dir/kcore/arch/arm64/boot/Image")
configured()	# arguments of build-kernel...
{
	# shellcheck disable=SC2046 # a list of files
	tools/build-kernel --tree "$dir/tree" --output "$dir/kcore" --cross "${CROSS_COMPILE:-aarch64-linux-gnu-}" \
		--host-flags "$RELEASE_HOST_FLAGS" "$@" $(fragments "$RELEASE" kcore)
}
check 'an Image without the kcore.bin that it should hold' 1 'holds blob 0 times, expected 1' configured --blob "$work/blob"
check 'an Image with a kcore.bin that it should not hold' 1 'holds kcore.bin 1 times, expected 0' configured --no-blob "$O/kcore/kcore.bin"

glue=$dir/tree/arch/arm64/kvm/kcore/vm.c
cp -p "$glue" "$work/vm.c"
printf 'static int nobody_calls_this(void)\n{\n\treturn 0;\n}\n' >>"$glue"
check 'a warning about the glue' 1 'nobody_calls_this.*defined but not used' configured
cp -p "$work/vm.c" "$glue"
check 'without it the Image is the one that it was' 0 "IMAGE .*sha256:$image_before" configured

# ---- the series for packagers
series()	# arguments of make-series...
{
	tools/make-series --build "$O" --release "$RELEASE" --output "$work/o/series" "$@"
}

absent="$work/o/series $work/o/series.new"
cp -r "$dir/retrofit" "$work/retrofit"
sed -i '$d' "$work/retrofit/quilt/series"
check 'series: a patch is left out' 1 'the series does not give what is in' series --quilt "$work/retrofit/quilt"
cp "$dir/retrofit/quilt/series" "$work/retrofit/quilt/series"
first=$(sed '/^#/d' "$work/retrofit/quilt/series" | sed -n 1p)
sed -i 's/^ #include/ #inclode/' "$work/retrofit/quilt/$first"
check 'series: a patch that needs fuzz' 1 'does not apply .* with zero fuzz' series --quilt "$work/retrofit/quilt"
check 'series: no retrofit' 3 "not there; run 'make retrofit" series --quilt "$work/none"
absent=''
mkdir -p "$work/full"
: >"$work/full/file"
check 'series: a directory with other things in it' 2 'is not a series of this program' series --output "$work/full"

absent="$work/o/packages"
mkdir "$work/bare"
check 'deb: no retrofit' 3 "tree: not there; run 'make retrofit" tools/make-deb --build "$work/bare" --release "$RELEASE" --output "$work/o/packages"
check 'deb: no such configuration' 2 "--config $work/none: cannot be read" tools/make-deb --build "$O" --release "$RELEASE" \
	--output "$work/o/packages" --config "$work/none"
check 'deb: unknown release' 2 "unknown release 'v9.9'" tools/make-deb --build "$O" --release v9.9 --output "$work/o/packages"
absent=''

# ---- facts
make -s O="$O" facts-tool >/dev/null
cp -r proofs/versions "$work/facts"
sed -i 's/"FAR_EL1"/"ESR_EL1"/' "$work/facts/V$(printf %s "${RELEASE#v}" | tr . _).v"
check 'facts: others are committed than the kernel has' 1 'is not what .* gives now .*make facts-update' \
	tools/check-facts --build "$O" --release "$RELEASE" --proofs "$work/facts"
# a build directory of links, in which one object has other code
mkdir -p "$work/linked/$RELEASE"
for f in tools kcore "$RELEASE/tree"; do
	ln -s "$O/$f" "$work/linked/$f"
done
cp -rs "$dir/kcore" "$work/linked/$RELEASE/kcore"
object=$work/linked/$RELEASE/kcore/arch/arm64/kvm/kcore/run.o
cp --remove-destination "${object%/*}/install.o" "$object"
check 'facts: the kernel has other code than its sources' 1 'run.o: the kernel has other code' \
	tools/check-facts --build "$work/linked" --release "$RELEASE"
rm "$object"
check 'facts: a kernel that is not built' 3 'run.o: not there; run .make kernel' tools/check-facts --build "$work/linked" --release "$RELEASE"
rm -rf "$work/linked"

make_tree()	# arguments of make-tree...
{
	tools/make-tree --pristine "$src" --series "$work/series" --output "$work/o/tree" "$@"
}

absent="$work/o/tree $work/o/tree.new $work/o/tree.glue"
mkdir "$work/series"
check 'no series' 3 'no quilt series there' make_tree
echo bad.patch >"$work/series/series"
printf -- '--- a/MAINTAINERS\n+++ b/MAINTAINERS\n@@ -1,3 +1,3 @@\n no such line\n-nor this\n+but this\n no such line\n' >"$work/series/bad.patch"
check 'a patch that does not apply' 1 'bad.patch: does not apply .* zero fuzz' make_tree
sed -n 1,3p "$src/MAINTAINERS" >"$work/lines"
{
	printf -- '--- a/MAINTAINERS\n+++ b/MAINTAINERS\n@@ -1,3 +1,3 @@\n not its first line\n'
	sed -n '2s/^/-/p' "$work/lines"
	printf '+changed\n'
	sed -n '3s/^/ /p' "$work/lines"
} >"$work/series/bad.patch"
check 'a patch that applies with fuzz only' 1 'bad.patch: does not apply .* zero fuzz' make_tree
: >"$work/series/series"
mkdir -p "$work/overlay/kernel"
: >"$work/overlay/kernel/fork.c"
check 'glue that would replace a file of the kernel' 1 'kernel/fork.c: the glue would replace' make_tree --overlay "$work/overlay"
absent=''

# ---- benchmarks
bench()	# arguments of bench.sh...
{
	ci/bench.sh --output "$work/o/bench" "$@"
}

absent="$work/o/bench/bench.json"
check 'bench: no kernel' 2 '--image, --initrd and --output are needed' bench
check 'bench: a kernel that is not there' 3 'none: cannot be read' bench --image "$work/none" --initrd "$work/none"
echo '* normal hvc_psci_version 1.x' >"$work/limits"
check 'bench: a limit that is no number' 2 'limits:1:.*1\.x: not a release' bench --image "$src/Makefile" --initrd "$src/Makefile" \
	--limits "$work/limits"
check 'bench: no plugin' 3 "none: cannot be read; 'make elcount-tool' builds it" bench --image "$src/Makefile" --initrd "$src/Makefile" \
	--plugin "$work/none"
absent=''
mkdir -p "$O/tools/bench-report" "$work/page"
make -s -C tools/bench-report O="$O/tools/bench-report" >/dev/null
report()	# files...
{
	"$O/tools/bench-report/bench-report" --output "$work/page" "$@"
}
absent="$work/page/index.html $work/page/bench.json $work/page/index.html.new"
check 'bench-report: no files' 2 '--output and files are needed' report
check 'bench-report: a file that is not there' 3 'none.json' report "$work/none.json"
echo '{' >"$work/half.json"
check 'bench-report: half a file' 1 'half.json:[0-9]+: ' report "$work/half.json"
echo '{"release": "v9.9", "stock": "x", "results": []}' >"$work/empty.json"
check 'bench-report: nothing in it' 1 'empty.json: no release, stock or results' report "$work/empty.json"
absent=''
echo '{"release": "<v9>", "stock": "x", "results": [{"kind": "stock", "group": "ops", "name": "mmio_user", "value": 100},
	{"kind": "normal", "group": "ops", "name": "mmio_user", "value": 101}]}' >"$work/miss.json"
missed()	# is a normal VM's 1.01 a miss, and the name text?
{
	report "$1" && grep -c '<span class=miss>1.01</span>' "$work/page/index.html" && ! grep '<v9>' "$work/page/index.html"
}
check 'bench-report: a missed goal is marked' 0 '^[1-9]' missed "$work/miss.json"

# ---- full disk
full_disk()	# size, command...
{
	size=$1
	shift
	mkdir -p "$work/small"
	# shellcheck disable=SC2016 # for the inner shell
	small=$work/small unshare -m sh -c 'mount -t tmpfs -o "size=$0" tmpfs "$small" || exit 99
		"$@"
		status=$?
		find "$small" -mindepth 1 | sed "s|^$small/|left: |"
		exit $status' "$size" "$@"
}

if [ "$(id -u)" = 0 ] && full_disk 1M true >/dev/null 2>&1; then
	check 'full disk while unpacking the source' 3 'cannot be unpacked .* free on the file system' \
		full_disk 100M tools/fetch-source --output "$work/small/o" "$RELEASE"
	if grep -Eq "^left: o/src/.*($RELEASE|new)" "$work/out"; then
		not_ok 'it leaves no part of a source' "$(grep -E '^left: o/src/' "$work/out" | head -n 3)"
	else
		ok 'it leaves no part of a source'
	fi
	check 'full disk while copying the tree' 3 'cannot be copied|cannot be written' \
		full_disk 20M tools/make-tree --pristine "$src" --series "$dir/retrofit/quilt" --output "$work/small/tree"
	if grep -Eq '^left: tree(/|\.new|$)' "$work/out"; then
		not_ok 'it leaves no part of a tree' "$(grep -E '^left: ' "$work/out" | head -n 3)"
	else
		ok 'it leaves no part of a tree'
	fi
	check 'full disk while building the kernel' 1 'No space left on device' \
		full_disk 3M tools/build-kernel --tree "$dir/tree" --output "$work/small/k" versions/config/host.config
else
	skip 'full disk' 'a small file system can be mounted by root only'
fi

# ---- Ctrl-C: the whole process group gets SIGINT as soon as the condition holds
interrupt()	# condition (a command line), command...
{
	condition=$1
	shift
	# a background command of a shell ignores SIGINT; the terminal's would not
	setsid env --default-signal=INT,QUIT "$@" >"$work/out" 2>&1 </dev/null &
	victim=$!
	while kill -0 $victim 2>/dev/null && ! eval "$condition"; do
		sleep 0.1
	done
	kill -INT -$victim 2>/dev/null
	gone=$?
	wait $victim
	got=$?
	return $gone
}

interrupted()	# text, condition, files that must be absent, command...
{
	text=$1 condition=$2 absent=$3
	shift 3
	if ! interrupt "$condition" "$@"; then
		not_ok "$text" "it ended before it could be interrupted, status $got"
		return
	fi
	if [ $got = 0 ]; then
		not_ok "$text" 'status 0 in spite of the interruption'
		return
	fi
	for f in $absent; do
		if [ -e "$f" ]; then
			not_ok "$text" "left behind: ${f#"$work"/}"
			absent=""
			return
		fi
	done
	absent=""
	ok "$text"
}

o=$work/build
mkdir "$work/tmp"
d=$o/$RELEASE
interrupted 'Ctrl-C while unpacking the source' "[ -e $o/src/.$RELEASE.new/tree/MAINTAINERS ]" \
	"$o/src/$RELEASE $o/src/.$RELEASE.new $o/src/$RELEASE.origin" make O="$o" RELEASE="$RELEASE" source
absent=''
check 'then the source is unpacked' 0 'sha256:' make O="$o" RELEASE="$RELEASE" source
interrupted 'Ctrl-C while building KCore' "[ -n \"\$(find $o/kcore -name '*.o' 2>/dev/null)\" ]" \
	"$o/kcore/kcore.bin" make O="$o" RELEASE="$RELEASE" kcore
check 'then KCore is built, the same' 0 "$(sha256 "$O/kcore/kcore.bin")" make O="$o" RELEASE="$RELEASE" kcore
interrupted 'Ctrl-C while the semantic patches run' "[ -n \"\$(ls $work/tmp)\" ]" \
	"$d/retrofit $d/retrofit.new $d/tree" env TMPDIR="$work/tmp" make O="$o" RELEASE="$RELEASE" retrofit
interrupted 'Ctrl-C while the tree is made' "[ -e $d/tree.new ]" "$d/tree $d/tree.new $d/tree.glue" \
	make O="$o" RELEASE="$RELEASE" retrofit
check 'then the tree is made' 0 'TREE' make O="$o" RELEASE="$RELEASE" retrofit
if diff -rq "$dir/tree" "$d/tree" >"$work/out" 2>&1; then
	ok 'the tree is the same as without the interruptions'
else
	not_ok 'the tree is the same as without the interruptions' 'it differs'
fi
interrupted 'Ctrl-C while the kernel is configured' "[ -e $d/kcore/.fragment ]" \
	"$d/kcore/.config $d/kcore/.config.asked $d/kcore/.fragment" make O="$o" RELEASE="$RELEASE" kernel
interrupted 'Ctrl-C while the kernel is built' "[ -e $d/kcore/kernel/sched/core.o ] || [ -e $d/kcore/mm/memory.o ]" \
	"$d/kcore/vmlinux $d/kcore/arch/arm64/boot/Image" make O="$o" RELEASE="$RELEASE" kernel
# No two signatures of a thing are the same, nor two keys: those of the other build are as good
cp -a "$dir/kcore.cpio.signed" "$d/" || exit $EX_ENVIRONMENT
interrupted 'Ctrl-C while the initramfs is made' "[ -e $d/kcore.cpio.parts ]" "$d/kcore.cpio $d/kcore.cpio.parts" \
	make O="$o" RELEASE="$RELEASE" initramfs
check 'then kernel and initramfs are built' 0 "$(sha256 "$dir/kcore/arch/arm64/boot/Image")" make O="$o" RELEASE="$RELEASE" initramfs
if cmp "$dir/kcore.cpio" "$d/kcore.cpio" >"$work/out" 2>&1; then
	ok 'the initramfs is the same as without the interruptions'
else
	not_ok 'the initramfs is the same as without the interruptions' "$(cat "$work/out")"
fi

echo "1..$n"
exit $failed
