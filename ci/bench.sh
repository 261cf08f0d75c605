#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh - instructions per operation, stock KVM and KCore, normal and protected VMs, in one run
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/bench.sh --image FILE --initrd FILE --output DIR [OPTION]...
       ci/bench.sh --again --output DIR [OPTION]...
Boot kernels on one CPU with instruction counting (one instruction is one tick) and run the benchmarks in a normal VM on stock
KVM, in a normal and in a protected VM under KCore.  Prints the counts and their ratio to stock; those of a ratio over its goal
are marked with *.  Counts are exact and repeatable; they are not cycles.  docs/performance.md says what is measured.

  --image FILE       the kernel with KCore
  --initrd FILE      the host's initramfs, for all boots
  --output DIR       consoles, counts and bench.json go to DIR
  --stock FILE       the kernel without KCore (default: the other one with kcore=off)
  --release NAME     for bench.json (default: unnamed)
  --plugin FILE      tools/elcount: counts at EL2, in the host's kernel and in its user space apart
  --quick            operations only: no application work, no growth
  --limits FILE      fail if an operation costs more times stock than FILE allows: lines of a release or *, which stands for those
                     without a line of their own, a kind of VM, an operation and a ratio (ci/bench.limits)
  --again            no boot: what the consoles and counts in DIR say
  --help             this text

Exit status: 0 measured, 1 a run failed or a limit was exceeded, 2 usage, 3 environment.
EOT
}

image='' initrd='' out='' limits='' stock='' release=unnamed plugin='' quick=n again=n
while [ $# -gt 0 ]; do
	case $1 in
	--image|--initrd|--output|--limits|--stock|--release|--plugin)
		[ $# -gt 1 ] || die $EX_USAGE "$1 needs a value; see --help"
		case $1 in
		--image) image=$2 ;;
		--initrd) initrd=$2 ;;
		--output) out=$2 ;;
		--limits) limits=$2 ;;
		--stock) stock=$2 ;;
		--release) release=$2 ;;
		--plugin) plugin=$2 ;;
		esac
		shift ;;
	--quick) quick=y ;;
	--again) again=y ;;
	--help) usage; exit 0 ;;
	*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	esac
	shift
done
if [ $again = y ]; then
	[ -n "$out" ] || die $EX_USAGE "--output is needed; see --help"
	ls "$out"/stock-*.log >/dev/null 2>&1 || die $EX_ENVIRONMENT "$out: no console of a run there; leave out --again"
elif [ -z "$image" ] || [ -z "$initrd" ] || [ -z "$out" ]; then
	die $EX_USAGE "--image, --initrd and --output are needed; see --help"
else
	for f in "$image" "$initrd" ${stock:+"$stock"}; do
		[ -r "$f" ] || die $EX_ENVIRONMENT "$f: cannot be read; 'make bench' builds it"
	done
fi
if [ -n "$limits" ]; then
	[ -r "$limits" ] || die $EX_ENVIRONMENT "$limits: cannot be read"
	bad=$(grep -Evn '^(#.*|[^ ]+ (normal|protected) [^ ]+ [0-9]+[.][0-9]+)$' "$limits" | head -n 1)
	[ -z "$bad" ] || die $EX_USAGE "$limits:$bad: not a release, normal or protected, an operation and a ratio"
fi
if [ -n "$plugin" ] && [ ! -r "$plugin" ]; then
	die $EX_ENVIRONMENT "$plugin: cannot be read; 'make elcount-tool' builds it"
fi
mkdir -p "$out" || die $EX_ENVIRONMENT "$out: cannot be made"
[ $again = y ] || rm -f "$out"/*.log "$out"/*.split
rm -f "$out"/*.bench "$out/results" "$out/bench.json"

# The BENCH lines of a console
counts()	# kind, name
{
	tr -d '\r' <"$out/$1-$2.log" | sed -n 's/^BENCH //p' >"$out/$1-$2.bench"
	[ -s "$out/$1-$2.bench" ] || die $EX_FAILED "the $1 run printed no BENCH line; console in $out/$1-$2.log"
}

# One boot.  A guest's halt would be polled for, for a time that depends on what came before
boot()	# kind, name, test, arguments of boot.sh...
{
	kind=$1 name=$2 log=$out/$1-$2 test=$3
	shift 3
	type=normal words=kvm.halt_poll_ns=0 kernel=$image
	case $kind in
	stock) [ -n "$stock" ] && kernel=$stock || words="$words kcore=off" ;;
	protected) type=protected ;;
	esac
	"$top/ci/boot.sh" --image "$kernel" --initrd "$initrd" --log "$log.log" --smp 1 --icount --limit 900 \
		--tests "$test:$type" --append "$words" "$@" >"$log.tap" || {
		grep '^not ok' "$log.tap" >&2
		die $EX_FAILED "the $kind run failed; console in $log.log"
	}
	counts "$kind" "$name"
}

for kind in stock normal protected; do
	if [ $again = y ]; then
		for log in "$out/$kind"-*.log; do
			[ ! -f "$log" ] || { name=${log##*/"$kind"-}; counts "$kind" "${name%.log}"; }
		done
		continue
	fi
	if [ -n "$plugin" ]; then
		boot "$kind" ops bench --plugin "$plugin,out=$out/$kind-ops.split"
	else
		boot "$kind" ops bench
	fi
	if [ $quick = n ]; then
		boot "$kind" work bench-work
		boot "$kind" growth bench-growth
		for size in 1 8; do
			boot "$kind" "memory$size" bench-memory --memory ${size}G
		done
	fi
done

# A line each: kind, group, name, instructions, of them at EL2, in the host's kernel, in its user space (- where not known)
for name in ops work growth memory1 memory8; do
	for log in "$out/stock-$name" "$out/normal-$name" "$out/protected-$name"; do
		[ -f "$log.bench" ] || continue
		: >>"$log.split"
		kind=${log##*/}
		LC_ALL=C awk -v kind="${kind%-*}" -v group="$name" -v split_file="$log.split" '
			BEGIN {
				while ((getline line <split_file) > 0) {
					split(line, f, " ")
					hyp[f[1]] = f[3]; host[f[1]] = f[4]; user[f[1]] = f[5]
					sum[f[1]] = f[3] + f[4] + f[5] + f[6]
				}
			}
			{
				printf "%s %s %s %s", kind, group, $1, $2
				if (NF != 4 || !($4 in hyp)) {
					print " - - -"
					next
				}
				printf " %.3f %.3f %.3f\n", hyp[$4] / $3, host[$4] / $3, user[$4] / $3
				# the plugin and the counter see the same instructions, but for the empty loop and the marks
				apart = sum[$4] / $3 - $2
				if (apart < -16 - $2 / 50 || apart > 16 + $2 / 50) {
					printf "bench.sh: %s of %s: %.1f by the counter, %.1f by the plugin\n", $1, kind, $2, sum[$4] / $3 >"/dev/stderr"
					failed = 1
				}
			}
			END { exit failed }' "$log.bench" || die $EX_FAILED 'the counts do not agree'
	done
done >"$out/results"

LC_ALL=C awk -v limits="$limits" -v release="$release" -v image="$([ -z "$image" ] || sha256sum <"$image" | cut -c1-64)" \
	-v stock="$([ -n "$stock" ] && echo 'without CONFIG_KCORE' || echo kcore=off)" -v json="$out/bench.json" '
	function number(text) { return text == "-" ? "null" : text }
	{
		if (!(($2, $3) in seen)) {
			seen[$2, $3] = 1
			group[++n] = $2
			order[n] = $3
		}
		count[$1, $2, $3] = $4
		all[NR] = sprintf("  {\"kind\": \"%s\", \"group\": \"%s\", \"name\": \"%s\", \"value\": %s, \"hyp\": %s, \"host\": %s, \"user\": %s}",
			$1, $2, $3, $4, number($5), number($6), number($7))
	}
	function plain(kind, i)
	{
		return (kind, group[i], order[i]) in count ? sprintf("%14.1f", count[kind, group[i], order[i]]) : sprintf("%14s", "-")
	}
	function ratio(kind, goal, i)
	{
		if (!((kind, group[i], order[i]) in count))
			return sprintf("%14s%9s", "-", "")
		if (count["stock", group[i], order[i]] <= 0)
			return sprintf("%14.1f%9s", count[kind, group[i], order[i]], "")
		r = count[kind, group[i], order[i]] / count["stock", group[i], order[i]]
		return sprintf("%14.1f%8.3f%s", count[kind, group[i], order[i]], r, r >= goal + 0.005 ? "*" : " ")
	}
	# Ratios over the limits of this release, and limits of what was not counted
	function judge(line, f, own, i, r, bad)
	{
		while ((getline line <limits) > 0)
			if (split(line, f, " ") == 4 && (f[1] == release || f[1] == "*" && !((f[2], f[3]) in own))) {
				limit[f[2], f[3]] = f[4]
				if (f[1] == release)
					own[f[2], f[3]] = 1
			}
		for (i = 1; i <= n; i++)
			for (k = 1; k <= split("normal protected", kinds, " "); k++) {
				if (group[i] == "growth" || group[i] ~ /^memory/ || !((kinds[k], order[i]) in limit))
					continue
				r = count[kinds[k], group[i], order[i]] / count["stock", group[i], order[i]]
				if (r > limit[kinds[k], order[i]] + 0) {
					printf "bench.sh: %s of a %s VM costs %.3f times stock, the limit is %s\n", order[i], kinds[k], r,
						limit[kinds[k], order[i]]
					bad = 1
				}
				delete limit[kinds[k], order[i]]
			}
		for (i in limit) {
			split(i, f, SUBSEP)
			printf "bench.sh: %s of a %s VM has a limit, but no count\n", f[2], f[1]
			bad = 1
		}
		return bad
	}
	END {
		printf "%-26s%14s%14s   ratio%15s   ratio\n", "instructions", "stock", "normal", "protected"
		for (i = 1; i <= n; i++) {
			if (order[i] == "loop" || group[i] ~ /^memory/ && order[i] !~ /hvc_psci|stage2_fault|kcore/)
				continue
			for (k = 1; order[i] !~ /^kcore|tables$/ && k <= split("stock normal protected", kinds, " "); k++)
				if (!((kinds[k], group[i], order[i]) in count) || count[kinds[k], group[i], order[i]] <= 0) {
					printf "bench.sh: %s: no count of %s\n", kinds[k], order[i]
					exit 1
				}
			goal = group[i] == "work" ? 1.05 : 1.00
			printf "%-26s%s%s%s\n", (group[i] ~ /^memory/ ? substr(group[i], 7) "GiB." : "") order[i],
				plain("stock", i), ratio("normal", goal, i), ratio("protected", group[i] == "work" ? goal : 1.15, i)
		}
		printf "{\n \"release\": \"%s\",\n \"image_sha256\": \"%s\",\n \"stock\": \"%s\",\n \"results\": [\n", release, image, stock >json
		for (i = 1; i <= NR; i++)
			printf "%s%s\n", all[i], i < NR ? "," : "" >json
		print " ]\n}" >json
		if (limits != "" && judge())
			exit 1
	}' "$out/results"
