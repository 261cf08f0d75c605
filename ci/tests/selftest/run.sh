#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh DIR - tests of the test tools built in DIR: the TAP runner, splice, virtio of the test VMM; prints TAP
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${1:?the directory with tap-test, splice and virtio-test}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT

n=0 failed=0
check()	# text; the status of the command before decides
{
	good=$?
	n=$((n + 1))
	if [ $good = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		failed=1
	fi
}

says()	# status, text on stderr, command...: it ends so and says so
{
	want=$1 text=$2
	shift 2
	"$@" >/dev/null 2>"$work/err"
	[ $? = "$want" ] && grep -q "$text" "$work/err"
}

echo "1..17"
"$bin/tap-test" >"$work/tap"
[ $? = 1 ]
check "runner: a failed test is status 1"
sed 1d "$here/tap.expected" | diff -u - "$work/tap" >"$work/diff" || { sed 's/^/# /' "$work/diff"; false; }
check "runner: every way to end has its line"
"$bin/tap-test" passes >"$work/tap" && grep -q '^1\.\.1$' "$work/tap"
check "runner: one test by name"
says 2 'no test "nowhere"' "$bin/tap-test" nowhere
check "runner: a name that isn't there is status 2"

printf 'aaXYZbbXYcc' >"$work/in"
printf 'XYZ' >"$work/old"
printf '12' >"$work/new"
"$bin/splice" --old "$work/old" --new "$work/new" --output "$work/out" "$work/in" &&
	[ "$(tr '\000' . <"$work/out")" = 'aa12.bbXYcc' ]
check "splice: replaces and pads"
"$bin/splice" --resize --old "$work/old" --new "$work/new" --output "$work/out" "$work/in" && [ "$(cat "$work/out")" = 'aa12bbXYcc' ]
check "splice: replaces and resizes"
rm -f "$work/out"
printf 'XY' >"$work/old"
says 1 'more than once' "$bin/splice" --old "$work/old" --new "$work/new" --output "$work/out" "$work/in"
check "splice: refuses two places"
printf 'QQ' >"$work/old"
says 1 "isn't in" "$bin/splice" --old "$work/old" --new "$work/new" --output "$work/out" "$work/in"
check "splice: refuses none"
printf 'b' >"$work/old"
says 1 'has room for' "$bin/splice" --old "$work/old" --new "$work/new" --output "$work/out" "$work/in"
check "splice: refuses more than fits"
says 3 'nowhere' "$bin/splice" --old "$work/nowhere" --new "$work/new" --output "$work/out" "$work/in"
check "splice: a file that isn't there is status 3"
says 2 usage "$bin/splice" --old "$work/old"
check "splice: wrong usage is status 2"
[ ! -e "$work/out" ]
check "splice: a failure leaves nothing behind"

for name in serves fails breaks refuses random; do
	"$bin/virtio-test" $name >"$work/tap" 2>"$work/err" || { grep -v '^# ' "$work/tap"; cat "$work/err"; } | tail -n 20 | sed 's/^/# /'
	grep -q "^ok 1 - $name: " "$work/tap"
	check "virtio: $name"
done
exit $failed
