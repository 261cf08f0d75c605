# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Results in the Test Anything Protocol, counted over all that one program runs.
#
#   tap_start DIR            logs of the tests go to DIR
#   tap_test NAME CMD...     one test: status 0 ok, 77 skipped (its last line says why), else not ok
#   tap_suite NAME CMD...    a program that prints TAP itself; each of its results is one of ours
#   tap_join NAME FILE       what another run of these functions printed, its plan last: each result is one of ours, the rest is shown
#   tap_done                 plan and totals; status 1 if anything failed or nothing ran

tap_start()	# directory
{
	tap_dir=$1 tap_n=0 tap_passed=0 tap_failed=0 tap_skipped=0
	mkdir -p "$tap_dir"
}

tap_clock()
{
	date +%s.%N
}

tap_since()	# start: seconds, one decimal
{
	printf '%s %s\n' "$1" "$(tap_clock)" | LC_ALL=C awk '{ printf "%.1f s", $2 - $1 }'
}

tap_progress()	# text; one line that the next one overwrites, for people only
{
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$*" >&2
	fi
}

tap_result()	# ok, not or skip; description; remark
{
	tap_n=$((tap_n + 1))
	tap_progress ''
	case $1 in
	ok)
		tap_passed=$((tap_passed + 1))
		printf 'ok %d - %s%s\n' "$tap_n" "$2" "${3:+ # $3}" ;;
	skip)
		tap_skipped=$((tap_skipped + 1))
		printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$2" "${3:-no reason given}" ;;
	*)
		tap_failed=$((tap_failed + 1))
		printf 'not ok %d - %s%s\n' "$tap_n" "$2" "${3:+ # $3}" ;;
	esac
}

tap_log()	# name: where its output goes
{
	printf '%s/%s.log' "$tap_dir" "$(printf %s "$1" | tr -cs 'A-Za-z0-9._=-' '-')"
}

tap_tail()	# log: its end, as a diagnostic
{
	tail -n 25 "$1" | tr -d '\r' | sed 's/^/#   /'
	printf '#   (%s)\n' "$1"
}

tap_reason()	# log of what was skipped: its last line says why
{
	tail -n 1 "$1" | sed 's/^ *SKIP *//'
}

tap_test()	# name, command...
{
	tap_name=$1
	shift
	tap_out=$(tap_log "$tap_name")
	tap_progress "running: $tap_name"
	tap_t0=$(tap_clock)
	"$@" >"$tap_out" 2>&1 </dev/null
	tap_status=$?
	tap_time=$(tap_since "$tap_t0")
	case $tap_status in
	0) tap_result ok "$tap_name" "$tap_time" ;;
	77) tap_result skip "$tap_name" "$(tap_reason "$tap_out")" ;;
	*)
		tap_result not "$tap_name" "status $tap_status, $tap_time"
		tap_tail "$tap_out" ;;
	esac
	[ $tap_status = 0 ] || [ "$tap_status" = 77 ]
}

tap_suite()	# name, command...
{
	tap_name=$1
	shift
	tap_out=$(tap_log "$tap_name")
	printf '# %s\n' "$tap_name"
	tap_progress "running: $tap_name"
	tap_t0=$(tap_clock)
	"$@" >"$tap_out" 2>&1 </dev/null
	tap_status=$?
	tap_time=$(tap_since "$tap_t0")

	if [ "$tap_status" = 77 ]; then
		tap_result skip "$tap_name" "$(tap_reason "$tap_out")"
		return 0
	fi
	tap_before=$tap_failed tap_inner=0 tap_plan=''
	tr -d '\r' <"$tap_out" >"$tap_out.lines"
	while IFS= read -r tap_line; do
		case $tap_line in
		'ok '*|'not ok '*)
			tap_inner=$((tap_inner + 1))
			tap_text=$(printf '%s\n' "$tap_line" | sed 's/^\(not \)\{0,1\}ok *[0-9]* *-* *//')
			case $tap_line in
			ok*'# SKIP'*|ok*'# skip'*)
				tap_result skip "$tap_name: ${tap_text%%# [Ss][Kk][Ii][Pp]*}" "${tap_text##*# [Ss][Kk][Ii][Pp] }" ;;
			ok*) tap_result ok "$tap_name: $tap_text" ;;
			*) tap_result not "$tap_name: $tap_text" ;;
			esac ;;
		'Bail out!'*) tap_result not "$tap_name: $tap_line" ;;
		1..[0-9]*)
			tap_more=${tap_line#1..}
			tap_plan=$((${tap_plan:-0} + ${tap_more%%[!0-9]*})) ;;
		esac
	done <"$tap_out.lines"
	rm -f "$tap_out.lines"

	if [ $tap_inner = 0 ]; then
		tap_result not "$tap_name: printed no result"
	elif [ "${tap_plan:-$tap_inner}" != $tap_inner ]; then
		tap_result not "$tap_name: planned $tap_plan tests, $tap_inner ended"
	elif [ "$tap_status" != 0 ] && [ "$tap_failed" = "$tap_before" ]; then
		tap_result not "$tap_name: ended with status $tap_status, though no test failed"
	fi
	if [ "$tap_failed" != "$tap_before" ]; then
		tap_tail "$tap_out"
	fi
	printf '# %s: %s\n' "$tap_name" "$tap_time"
	[ "$tap_failed" = "$tap_before" ]
}

tap_join()	# name, file
{
	tap_before=$tap_n tap_plan=''
	while IFS= read -r tap_line; do
		tap_text=${tap_line#*ok }
		tap_text=${tap_text#* - }
		case $tap_line in
		'ok '*' # SKIP '*) tap_result skip "${tap_text%% # SKIP *}" "${tap_text#* # SKIP }" ;;
		'ok '*) tap_result ok "$tap_text" ;;
		'not ok '*) tap_result not "$tap_text" ;;
		1..[0-9]*) tap_plan=${tap_line#1..} ;;
		'# whole run: '*) printf '# %s: %s\n' "$1" "${tap_line#*: }" ;;
		*' passed, '*' failed, '*) ;;
		*) printf '%s\n' "$tap_line" ;;
		esac
	done <"$2"
	[ "$tap_plan" = $((tap_n - tap_before)) ] || tap_result not "$1: planned ${tap_plan:-no} tests, $((tap_n - tap_before)) ended"
}

tap_done()
{
	printf '1..%d\n' "$tap_n"
	printf '%d passed, %d failed, %d skipped\n' "$tap_passed" "$tap_failed" "$tap_skipped"
	[ "$tap_failed" = 0 ] && [ "$tap_n" != 0 ]
}
